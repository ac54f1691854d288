//! A small web server in a test: it answers as a function says, and can break off, stall and lie.

#![allow(dead_code, reason = "each test binary uses some of it")]

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What a client asks.
#[derive(Clone, Debug)]
pub struct Request {
    pub method: String,
    /// Without the query, as it is escaped.
    pub path: String,
    /// Without the question mark.
    pub query: String,
    /// By names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

impl Request {
    /// The bytes that are asked for, both ends included.
    pub fn range(&self) -> Option<(usize, usize)> {
        let (first, last) = self.headers.get("range")?.strip_prefix("bytes=")?.split_once('-')?;
        Some((first.parse().ok()?, last.parse().ok()?))
    }
}

/// What a server answers.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What the header says, where it is not the truth.
    pub length: Option<usize>,
    /// How long it says nothing first.
    pub stall: Duration,
    /// How long it says nothing behind the body.
    pub hang: Duration,
    /// Whether the connection ends instead of an answer.
    pub cut: bool,
}

impl Response {
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, body: body.into(), ..Self::default() }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// A body, or the range of it that is asked for.
    pub fn of_body(request: &Request, body: &[u8]) -> Self {
        let Some((first, last)) = request.range() else { return Self::new(200, body) };
        match first < body.len() {
            true => {
                let end = body.len().min(last + 1);
                let range = format!("bytes {first}-{}/{}", end - 1, body.len());
                Self::new(206, &body[first..end]).header("Content-Range", range)
            }
            false => Self::new(416, "").header("Content-Range", format!("bytes */{}", body.len())),
        }
    }
}

/// A server that runs until the process ends.
pub struct Server {
    /// As `http://127.0.0.1:port`.
    pub endpoint: String,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Server {
    /// Answers all requests so.
    pub fn start(answer: impl Fn(&Request) -> Response + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (answer, requests) = (Arc::new(answer), Arc::new(Mutex::new(Vec::new())));
        let seen = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, seen) = (answer.clone(), seen.clone());
                std::thread::spawn(move || {
                    let mut reader = BufReader::new(stream);
                    while let Some(request) = read(&mut reader) {
                        seen.lock().unwrap().push(request.clone());
                        let response = answer(&request);
                        if write(reader.get_mut(), &request, &response).is_none() {
                            break;
                        }
                    }
                });
            }
        });
        Self { endpoint, requests }
    }

    /// What was asked so far, as `GET /path`.
    pub fn asked(&self) -> Vec<String> {
        let requests = self.requests.lock().unwrap();
        requests.iter().map(|request| format!("{} {}", request.method, request.path)).collect()
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let line = |reader: &mut BufReader<TcpStream>| {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        Some(line.trim_end().to_owned())
    };
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let (path, query) = (path.to_owned(), query.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let header = line(reader)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { method, path, query, headers, body })
}

/// `None` if the connection is over.
fn write(stream: &mut TcpStream, request: &Request, response: &Response) -> Option<()> {
    std::thread::sleep(response.stall);
    if response.cut {
        return None;
    }
    let length = response.length.unwrap_or(response.body.len());
    let mut head = format!("HTTP/1.1 {} X\r\nContent-Length: {length}\r\n", response.status);
    for (name, value) in &response.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    // In one piece: the system waits with the second of two small ones.
    let mut bytes = format!("{head}\r\n").into_bytes();
    if request.method != "HEAD" {
        bytes.extend_from_slice(&response.body);
    }
    stream.write_all(&bytes).ok()?;
    std::thread::sleep(response.hang);
    (request.method == "HEAD" || length == response.body.len()).then_some(())
}

/// What an escaped text stands for.
pub fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'%' => {
                let digits = [rest.next().unwrap(), rest.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            b'+' => b' ',
            byte => byte,
        });
    }
    String::from_utf8(bytes).unwrap()
}

/// The value of a parameter of a query.
pub fn parameter(query: &str, name: &str) -> Option<String> {
    query.split('&').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('=').map(decoded))
}
