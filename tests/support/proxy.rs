//! A network between a client and a web server: it cuts, delays, truncates, repeats and lies, as is decided for each request.
//!
//! What is signed is passed on as it came: the client signs for the address of the proxy.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::http::{Request, Response, Server};

/// What may happen to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The connection ends before the server gets it.
    CutBefore,
    /// The server gets it, and the connection ends before the answer.
    CutAfter,
    /// The answer comes late.
    Late,
    /// The answer has less of a body than it says.
    Short,
    /// The server gets it twice, and its second answer counts.
    Twice,
    /// The server gets a body with one bit flipped.
    FlipSent,
    /// The body of the answer has one bit flipped.
    FlipReceived,
    /// A gateway says 503, and the server does not get it.
    Busy,
    /// A gateway says 503 of what the server did.
    BusyAfter,
    /// The server does not get it, and no answer ever comes.
    HeldBefore,
    /// The server gets it, and no answer ever comes.
    HeldAfter,
}

/// Decides for a request, which is the so manyth since the decision was made to decide so.
type Weather = Box<dyn FnMut(&Request, usize) -> Option<Fault> + Send>;

struct State {
    weather: Weather,
    asked: usize,
    struck: Vec<String>,
}

/// A proxy that runs until the process ends.
pub struct Proxy {
    /// As `http://127.0.0.1:port`.
    pub endpoint: String,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    /// A calm one before a server, as `http://127.0.0.1:port`.
    pub fn start(server: &str) -> Self {
        let server = server.strip_prefix("http://").unwrap().to_owned();
        let calm = State { weather: Box::new(|_, _| None), asked: 0, struck: Vec::new() };
        let state = Arc::new(Mutex::new(calm));
        let shared = state.clone();
        let answer = move |request: &Request| {
            let (number, fault) = locked(&shared).next(request);
            respond(&server, request, fault, mixed(number as u64) as usize)
        };
        Self { endpoint: Server::start(answer).endpoint, state }
    }

    /// From now on it is decided so.
    pub fn set(&self, weather: impl FnMut(&Request, usize) -> Option<Fault> + Send + 'static) {
        *locked(&self.state) = State { weather: Box::new(weather), asked: 0, struck: Vec::new() };
    }

    /// From now on all is well.
    pub fn calm(&self) {
        self.set(|_, _| None);
    }

    /// What happened since it was decided so.
    pub fn struck(&self) -> Vec<String> {
        locked(&self.state).struck.clone()
    }
}

impl State {
    fn next(&mut self, request: &Request) -> (usize, Option<Fault>) {
        let (number, fault) = (self.asked, (self.weather)(request, self.asked));
        self.asked += 1;
        if let Some(fault) = fault {
            self.struck.push(format!("{number}: {fault:?} of {} {}", request.method, request.path));
        }
        (number, fault)
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that looks like chance, and is the same each time.
pub fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn respond(server: &str, request: &Request, fault: Option<Fault>, chance: usize) -> Response {
    let cut = || Response { cut: true, ..Response::default() };
    let held = || Response { stall: Duration::from_secs(3600), ..cut() };
    let busy = || Response::new(503, "<Error><Code>SlowDown</Code><Message>Busy.</Message></Error>");
    match fault {
        Some(Fault::CutBefore) => return cut(),
        Some(Fault::HeldBefore) => return held(),
        Some(Fault::Busy) => return busy(),
        Some(Fault::Twice) => drop(forward(server, request)),
        _ => {}
    }
    let mut request = request.clone();
    if fault == Some(Fault::FlipSent) {
        flip(&mut request.body, chance);
    }
    let Some(mut response) = forward(server, &request) else { return cut() };
    match fault {
        Some(Fault::CutAfter) => return cut(),
        Some(Fault::HeldAfter) => return held(),
        Some(Fault::BusyAfter) => return busy(),
        Some(Fault::Late) => response.stall = Duration::from_millis(20 + chance as u64 % 200),
        Some(Fault::FlipReceived) => flip(&mut response.body, chance),
        Some(Fault::Short) => {
            response.length = Some(response.body.len().max(1));
            response.body.truncate(response.body.len() / 2);
        }
        _ => {}
    }
    response
}

fn flip(body: &mut [u8], chance: usize) {
    if !body.is_empty() {
        let bit = chance % (body.len() * 8);
        body[bit / 8] ^= 1 << (bit % 8);
    }
}

/// The answer of the server, over a connection of its own.
fn forward(server: &str, request: &Request) -> Option<Response> {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    let mut bytes = format!("{} {}{query} HTTP/1.1\r\n", request.method, request.path);
    let kept = request.headers.iter().filter(|(name, _)| *name != "connection");
    kept.for_each(|(name, value)| bytes += &format!("{name}: {value}\r\n"));
    let bytes = [(bytes + "connection: close\r\n\r\n").as_bytes(), &request.body].concat();
    let mut stream = TcpStream::connect(server).ok()?;
    stream.write_all(&bytes).ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).ok()?;
    parsed(&answer)
}

fn parsed(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let (first, lines) = head.split_once("\r\n").unwrap_or((head, ""));
    let mut response = Response::new(first.split(' ').nth(1)?.parse().ok()?, &answer[end + 4..]);
    for line in lines.split("\r\n") {
        let Some((name, value)) = line.split_once(": ") else { continue };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => response.length = value.parse().ok(),
            "transfer-encoding" => response.body = unchunked(&response.body)?,
            "connection" => {}
            _ => response.headers.push((name.to_owned(), value.to_owned())),
        }
    }
    Some(response)
}

fn unchunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let line = body.windows(2).position(|window| window == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&body[..line]).ok()?, 16).ok()?;
        body = body.get(line + 2..)?;
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(..size)?);
        body = body.get(size + 2..)?;
    }
}
