//! Web servers, good and bad.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mdl::storage::bucket::Web;
use mdl::storage::{Key, Storage};

use crate::http::{Request, Response, Server, parameter};

const BODY: &[u8] = b"0123456789";

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

fn open(endpoint: &str) -> Web {
    Web::open(endpoint).unwrap()
}

fn names(storage: &dyn Storage, prefix: &str) -> Vec<(String, u64)> {
    let listed = storage.list(prefix).unwrap();
    listed.into_iter().map(|listed| (listed.key.to_string(), listed.size)).collect()
}

/// Reads all that may be read of `/r/k`, which has ten bytes.
fn reads(server: &Server) {
    let web = open(&format!("{}/r", server.endpoint));
    let body = web.open(&key("k")).unwrap().unwrap();
    assert_eq!(body.size(), 10);
    let mut range = [0; 4];
    body.read_at(3, &mut range).unwrap();
    assert_eq!(&range, b"3456");
    body.read_at(6, &mut range).unwrap();
    assert_eq!(&range, b"6789");
    assert!(body.read_at(7, &mut range).is_err());
    assert_eq!(web.read(&key("k"), 10).unwrap().unwrap(), BODY);
    assert!(web.read(&key("k"), 9).is_err());
    assert!(web.open(&key("none")).unwrap().is_none());
    assert!(web.read(&key("none"), 9).unwrap().is_none());
}

fn file(request: &Request, body: &[u8]) -> Response {
    match request.path.as_str() {
        "/r/k" => Response::of_body(request, body),
        _ => Response::new(404, ""),
    }
}

#[test]
fn ranges_are_read() {
    let server = Server::start(|request| file(request, BODY));
    reads(&server);
    let all = server.asked();
    assert_eq!(all.iter().filter(|asked| *asked == "GET /r/k").count(), 5, "{all:?}");
}

#[test]
fn a_server_without_ranges_is_asked_once_for_a_body() {
    let server = Server::start(|request| {
        let whole = Request { headers: Default::default(), ..request.clone() };
        file(&whole, BODY)
    });
    reads(&server);
    let all = server.asked();
    assert_eq!(all.iter().filter(|asked| *asked == "GET /r/k").count(), 4, "{all:?}");
}

#[test]
fn an_empty_body_is_one() {
    let server = Server::start(|request| file(request, b""));
    let web = open(&format!("{}/r", server.endpoint));
    assert_eq!(web.open(&key("k")).unwrap().unwrap().size(), 0);
    assert_eq!(web.read(&key("k"), 0).unwrap().unwrap(), b"");
}

/// A server of which every second answer is spoilt.
fn spoilt(spoil: impl Fn(Response) -> Response + Send + Sync + 'static) -> Server {
    let answers = AtomicUsize::new(0);
    Server::start(move |request| match answers.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => spoil(file(request, BODY)),
        _ => file(request, BODY),
    })
}

#[test]
fn what_passes_is_tried_again() {
    reads(&spoilt(|_| Response::new(503, "<Error><Code>SlowDown</Code></Error>")));
    // Cut off on the way.
    reads(&spoilt(|whole| Response { length: Some(whole.body.len()), body: Vec::new(), ..whole }));
}

#[test]
fn what_does_not_pass_is_told() {
    let error = |response: Response| {
        let server = Server::start(move |_| response.clone());
        let error = open(&server.endpoint).read(&key("k"), 100).unwrap_err();
        (error.source.kind(), error.source.to_string())
    };
    let (kind, words) =
        error(Response::new(403, "<Error><Code>AccessDenied</Code><Message>Not you</Message></Error>"));
    assert_eq!(kind, ErrorKind::PermissionDenied);
    assert!(words.contains("AccessDenied: Not you"), "{words}");
    for (location, expected) in [
        ("http://169.254.169.254/latest", "link-local"),
        ("http://[fe80::1]/", "link-local"),
        ("/k", "on and on"),
    ] {
        let (kind, words) = error(Response::new(302, "").header("Location", location));
        assert_eq!(kind, ErrorKind::InvalidData, "{location}");
        assert!(words.contains(expected), "{location}: {words}");
    }
    let (_, words) = error(Response::new(302, "").header("Location", "file:///etc/passwd"));
    assert!(words.contains("302"), "not followed: {words}");
    let web = open("http://127.0.0.1:9");
    assert_eq!(web.read(&key("k"), 1).unwrap_err().source.kind(), ErrorKind::ConnectionRefused);
}

#[test]
fn redirects_are_followed() {
    let to = Server::start(|request| file(request, BODY));
    let location = format!("{}/r", to.endpoint);
    reads(&Server::start(move |request| {
        Response::new(302, "")
            .header("Location", format!("{location}/{}", request.path.rsplit('/').next().unwrap()))
    }));
}

#[test]
fn nothing_is_written() {
    let server = Server::start(|request| file(request, BODY));
    let web = open(&server.endpoint);
    for error in [
        web.create(&key("a"), b"").unwrap_err(),
        web.remove(&key("a")).unwrap_err(),
        web.draft().err().unwrap(),
    ] {
        assert_eq!(error.source.kind(), ErrorKind::ReadOnlyFilesystem);
        assert!(error.is_refusal());
    }
    assert_eq!(server.asked(), [""; 0]);
}

#[test]
fn a_file_tells_what_there_is() {
    let server = Server::start(|request| match request.path.as_str() {
        "/x/listing" => Response::new(200, "1 format\n2 packs/a\n3 packs/b\n"),
        _ => Response::new(404, ""),
    });
    let web = open(&format!("{}/x/", server.endpoint));
    assert_eq!(names(&web, "packs"), [("packs/a".to_owned(), 2), ("packs/b".to_owned(), 3)]);
    assert_eq!(web.open(&key("packs/b")).unwrap().unwrap().size(), 3);
    assert_eq!(server.asked(), ["GET /x/listing"]);
}

#[test]
fn a_bucket_tells_what_it_has() {
    // The bucket is the first component of the path.
    let server =
        Server::start(|request| match (request.path.as_str(), parameter(&request.query, "prefix")) {
            ("/b/", Some(prefix)) if prefix.starts_with("p/q/") => {
                let next = parameter(&request.query, "continuation-token").is_none();
                let (name, token) =
                    if next { ("a", "<NextContinuationToken>1</NextContinuationToken>") } else { ("b", "") };
                let object = format!("<Contents><Key>{prefix}{name}</Key><Size>7</Size></Contents>");
                Response::new(200, format!("<ListBucketResult>{object}{token}</ListBucketResult>"))
            }
            _ => Response::new(403, ""),
        });
    let web = open(&format!("{}/b/p/q", server.endpoint));
    assert_eq!(names(&web, "refs"), [("refs/a".to_owned(), 7), ("refs/b".to_owned(), 7)]);
}

#[test]
fn an_index_tells_what_there_is() {
    let server = Server::start(|request| match request.path.as_str() {
        "/" => Response::new(200, "<a href=\"../\">x</a><a href=\"packs/\">x</a><a href='format'>x</a>"),
        "/packs/" => {
            Response::new(200, "<a href=\"a%2525\">x</a><a href=\"../../../etc\">x</a><a href=\"b\">x</a>")
        }
        "/packs/a%2525" | "/format" => Response::of_body(request, BODY),
        _ => Response::new(404, ""),
    });
    let web = open(&server.endpoint);
    let both = [("format".to_owned(), 10), ("packs/a%25".to_owned(), 10)];
    assert_eq!(names(&web, ""), both);
    assert_eq!(names(&web, "packs"), both[1..]);
    assert_eq!(names(&web, "none"), []);
}

#[test]
fn listings_that_do_not_end_are_errors() {
    let folders = Server::start(|request| match request.path.ends_with('/') {
        true => Response::new(200, "<a href=\"down/\">x</a>"),
        false => Response::new(404, ""),
    });
    assert!(open(&folders.endpoint).list("").is_err());
    // A page is not read to its end where it is none.
    let endless = Server::start(|request| match request.path.ends_with('/') && request.query.is_empty() {
        true => Response::new(200, vec![b' '; (16 << 20) + 1]),
        false => Response::new(404, ""),
    });
    let error = open(&endless.endpoint).list("").unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::FileTooLarge);
    let outside =
        "<ListBucketResult><Contents><Key>../../x</Key><Size>1</Size></Contents></ListBucketResult>";
    let bucket = Server::start(move |request| match request.query.is_empty() {
        true => Response::new(404, ""),
        false => Response::new(200, outside),
    });
    assert!(open(&bucket.endpoint).list("packs").is_err());
    let nothing = Server::start(|_| Response::new(404, ""));
    assert_eq!(open(&nothing.endpoint).list("").unwrap_err().source.kind(), ErrorKind::NotFound);
}

#[test]
fn a_stall_is_not_waited_for() {
    let server = Server::start(|_| Response { stall: Duration::from_secs(30), ..Response::new(200, BODY) });
    let web = Web::open_within(&server.endpoint, Duration::from_millis(100)).unwrap();
    let start = std::time::Instant::now();
    assert_eq!(web.read(&key("k"), 100).unwrap_err().source.kind(), ErrorKind::TimedOut);
    assert!(start.elapsed() < Duration::from_secs(20));
}
