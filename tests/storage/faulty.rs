//! Buckets that fail, lie and stall, told by a server in the test that speaks a little S3.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use mdl::storage::bucket::{Bucket, Environment};
use mdl::storage::{Created, Key, Listed, Location, ProbeError, Storage, StorageError, probe};

use crate::http::{Request, Response, Server, parameter};

fn key() -> Key {
    Key::new("refs/heads/main/1").unwrap()
}

fn open(server: &Server) -> Bucket {
    let url = format!("s3://b/p?endpoint={}", server.endpoint);
    let Ok(Location::Bucket(url)) = Location::parse(&url, std::path::Path::new("/")) else { panic!("{url}") };
    let variables = [("AWS_ACCESS_KEY_ID", "k"), ("AWS_SECRET_ACCESS_KEY", "s")];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    Bucket::open_within(&url, &Environment::of(variables), Duration::from_millis(300)).unwrap()
}

fn refusal(status: u16, code: &str) -> Response {
    Response::new(status, format!("<Error><Code>{code}</Code><Message>In its words.</Message></Error>"))
}

fn stored(response: Response) -> Response {
    response.header("ETag", "\"1\"").header("Last-Modified", "Thu, 26 Nov 2026 19:00:00 GMT")
}

/// A bucket that answers the attempts to create a key one after another so, and then as if all were well.
fn creating(answers: Vec<Response>) -> (Result<Created, StorageError>, usize) {
    let attempts = AtomicUsize::new(0);
    let server = Server::start(move |request| {
        assert_eq!(request.headers.get("if-none-match").map(String::as_str), Some("*"));
        let attempt = attempts.fetch_add(1, Ordering::SeqCst);
        answers.get(attempt).cloned().unwrap_or_else(|| stored(Response::new(200, "")))
    });
    let created = open(&server).create(&key(), b"the body");
    (created, server.asked().len())
}

fn failed(answers: Vec<Response>) -> (ErrorKind, bool, usize) {
    let (created, attempts) = creating(answers);
    let error = created.unwrap_err();
    (error.source.kind(), error.is_refusal(), attempts)
}

#[test]
fn conflicts_are_tried_again() {
    let conflict = || refusal(409, "ConditionalRequestConflict");
    let (created, attempts) = creating(vec![conflict(), conflict()]);
    assert_eq!((created.unwrap(), attempts), (Created::Created, 3));
    let (created, attempts) = creating(vec![conflict(), refusal(412, "PreconditionFailed")]);
    assert_eq!((created.unwrap(), attempts), (Created::Exists, 2));
    let (kind, refused, attempts) = failed(vec![conflict(); 100]);
    assert_eq!((kind, refused), (ErrorKind::ResourceBusy, false));
    assert!(attempts < 10, "{attempts} attempts");
}

#[test]
fn a_body_that_arrived_damaged_is_sent_again() {
    let damaged = || refusal(400, "BadDigest");
    let (created, attempts) = creating(vec![damaged(), damaged()]);
    assert_eq!((created.unwrap(), attempts), (Created::Created, 3));
    let (kind, refused, _) = failed(vec![damaged(); 100]);
    assert_eq!((kind, refused), (ErrorKind::ConnectionAborted, false));
}

#[test]
fn what_an_attempt_without_an_answer_has_done_stays_unknown() {
    let exists = || refusal(412, "PreconditionFailed");
    // What exists then may be ours.
    assert_eq!(failed(vec![refusal(500, "InternalError"), exists()]), (ErrorKind::Other, false, 2));
    let lost = Response { length: Some(8), ..refusal(503, "SlowDown") };
    assert_eq!(failed(vec![lost, exists()]).2, 2);
    let stall = Response { stall: Duration::from_secs(3), ..stored(Response::new(200, "")) };
    assert_eq!(failed(vec![stall.clone(), exists()]), (ErrorKind::TimedOut, false, 2));
    // A refusal of a later attempt does not make the first one undone.
    assert_eq!(failed(vec![stall, refusal(403, "AccessDenied")]), (ErrorKind::TimedOut, false, 2));
    let (created, attempts) = creating(vec![refusal(503, "SlowDown")]);
    assert_eq!((created.unwrap(), attempts), (Created::Created, 2));
}

#[test]
fn refusals_are_told_in_the_words_of_the_service() {
    assert_eq!(failed(vec![refusal(403, "AccessDenied")]), (ErrorKind::PermissionDenied, true, 1));
    assert_eq!(failed(vec![refusal(404, "NoSuchBucket")]), (ErrorKind::NotFound, false, 1));
    let elsewhere = Response::new(301, "")
        .header("x-amz-bucket-region", "eu-west-1")
        .header("Location", "http://127.0.0.1:1/");
    let error = creating(vec![elsewhere]).0.unwrap_err().source.to_string();
    assert!(error.contains("?region=eu-west-1"), "{error}");
    let error = creating(vec![refusal(403, "AccessDenied")]).0.unwrap_err().source.to_string();
    assert!(error.contains("AccessDenied: In its words."), "{error}");
}

#[test]
fn a_missing_bucket_is_named_by_the_probe() {
    let server = Server::start(|_| refusal(404, "NoSuchBucket"));
    let ProbeError::Failed(error) = probe(&open(&server)).unwrap_err() else { panic!("it is no bucket") };
    assert_eq!(error.source.kind(), ErrorKind::NotFound);
    assert!(error.source.to_string().contains("NoSuchBucket"), "{}", error.source);
    assert!(error.place.contains("s3://b/p"), "{}", error.place);
}

#[test]
fn bodies_that_are_not_what_was_asked_for_are_errors() {
    const BODY: &[u8] = b"0123456789";
    let read = |spoil: fn(&Request) -> Response| {
        let server = Server::start(move |request| match request.method.as_str() {
            "HEAD" => stored(Response::new(200, BODY)),
            _ => spoil(request),
        });
        let body = open(&server).open(&key()).unwrap().unwrap();
        let mut range = [0; 4];
        body.read_at(2, &mut range).map(|()| range)
    };
    assert_eq!(read(|request| stored(Response::of_body(request, BODY))).unwrap(), *b"2345");
    assert!(read(|_| stored(Response::new(200, BODY))).is_err(), "ranges are ignored");
    assert!(read(|request| stored(Response::of_body(request, b"012345678901"))).is_err(), "another size");
    assert!(read(|_| stored(Response::new(206, "3456")).header("Content-Range", "bytes 3-6/10")).is_err());
    assert!(read(|_| stored(Response::new(206, "234567")).header("Content-Range", "bytes 2-5/10")).is_err());
    assert!(read(|_| stored(Response::new(206, "23")).header("Content-Range", "bytes 2-5/10")).is_err());
    let cut = |_: &Request| Response {
        length: Some(4),
        ..stored(Response::new(206, "23")).header("Content-Range", "bytes 2-5/10")
    };
    assert!(read(cut).is_err());
    assert!(read(|_| refusal(404, "NoSuchKey")).is_err());
}

#[test]
fn a_body_that_stops_on_its_way_is_asked_for_again() {
    const BODY: &[u8] = b"0123456789";
    let attempts = AtomicUsize::new(0);
    let server = Server::start(move |_| {
        let whole = stored(Response::new(200, BODY));
        match attempts.fetch_add(1, Ordering::SeqCst) {
            0 => Response {
                body: BODY[..4].to_vec(),
                length: Some(10),
                hang: Duration::from_secs(60),
                ..whole
            },
            _ => whole,
        }
    });
    let start = std::time::Instant::now();
    assert_eq!(open(&server).read(&key(), 4 << 20).unwrap().unwrap(), BODY);
    assert!(start.elapsed() < Duration::from_secs(30), "the time of 4 MiB on a slow line was waited for");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_key_that_was_created_again_is_not_read_as_what_it_was() {
    let tagged = |request: &Request, body: &[u8], tag: &str| {
        Response::of_body(request, body)
            .header("ETag", tag)
            .header("Last-Modified", "Thu, 26 Nov 2026 19:00:00 GMT")
    };
    let read = |before: &'static str, now: &'static str| {
        let server = Server::start(move |request| match request.method.as_str() {
            "PUT" => Response::new(200, "").header("ETag", before),
            "HEAD" => tagged(request, b"0123456789", before),
            _ => tagged(request, b"abcdefghij", now),
        });
        let bucket = open(&server);
        let body = bucket.open(&key()).unwrap().unwrap();
        let read = body.read_at(2, &mut [0; 4]).map_err(|error| error.source.kind());
        assert_eq!(bucket.read(&key(), 10).unwrap().unwrap(), b"abcdefghij", "what is there now");
        read
    };
    assert_eq!(read("\"1\"", "\"2\""), Err(ErrorKind::NotFound));
    assert_eq!(read("\"1\"", "\"1\""), Ok(()));
    assert_eq!(read("1", "W/\"1\""), Ok(()), "the same in other clothes");
}

#[test]
fn a_draft_that_is_no_pack_is_refused() {
    let server = Server::start(|_| stored(Response::new(200, "")));
    let mut draft = open(&server).draft().unwrap();
    let piece = vec![0; 16 << 20];
    (0..6).for_each(|_| draft.write(&piece).unwrap());
    let error = draft.write(b"x").unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::FileTooLarge);
    assert!(error.source.to_string().contains("96 MiB"), "{}", error.source);
    assert_eq!(server.asked(), Vec::<String>::new());
}

fn list(
    answer: impl Fn(&Request) -> String + Send + Sync + 'static,
) -> (Result<Vec<Listed>, ErrorKind>, usize) {
    let server = Server::start(move |request| Response::new(200, answer(request)));
    let listed = open(&server).list("refs");
    (listed.map_err(|error| error.source.kind()), server.asked().len())
}

fn object(name: &str, size: u64) -> String {
    let time = "<LastModified>2026-11-26T19:00:00Z</LastModified>";
    format!("<Contents><Key>{name}</Key>{time}<Size>{size}</Size></Contents>")
}

fn page(objects: &str, token: &str) -> String {
    let token = format!("<NextContinuationToken>{token}</NextContinuationToken>");
    format!("<ListBucketResult>{objects}{token}</ListBucketResult>")
}

#[test]
fn folders_of_consoles_are_no_keys() {
    let server = Server::start(|request| match (request.method.as_str(), request.path.as_str()) {
        ("HEAD", "/b/p/empty") => stored(Response::new(200, "")),
        ("HEAD", _) => Response::new(404, ""),
        _ => {
            let names = [("p/empty", 0), ("p/packs/meta/", 0), ("p/packs/meta/a", 1)];
            Response::new(200, page(&names.map(|(name, size)| object(name, size)).concat(), ""))
        }
    });
    let listed = open(&server).list("").unwrap();
    let listed: Vec<_> = listed.iter().map(|listed| listed.key.as_str()).collect();
    assert_eq!(listed, ["empty", "packs/meta/a"]);
}

#[test]
fn an_object_that_makes_a_listing_unreadable_is_named() {
    for name in ["p/refs//x", "p/refs/./x", "p/refs/../x"] {
        let server =
            Server::start(move |_| Response::new(200, page(&(object("p/refs/a", 1) + &object(name, 1)), "")));
        let error = open(&server).list("refs").unwrap_err().source;
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert!(error.to_string().contains(&format!("{name:?}")), "{error}");
        assert_eq!(server.asked().len(), 1, "it is not asked again");
    }
}

#[test]
fn hostile_listings_are_errors() {
    let (listed, _) = list(|_| {
        page(
            &(object("p/refs/b", 1)
                + &object("p/refs/", 1)
                + &object("p/refs/a b", 1)
                + &object("p/refs/a", 1)),
            "",
        )
    });
    let listed: Vec<_> = listed.unwrap().into_iter().map(|listed| listed.key.to_string()).collect();
    assert_eq!(listed, ["refs/a", "refs/b"]);
    for outside in ["../../x", "/etc/x", "q/refs/a"] {
        assert_eq!(list(move |_| page(&object(outside, 1), "")).0, Err(ErrorKind::InvalidData));
    }
    let (listed, pages) = list(|_| page(&object("p/refs/a", 1), "again"));
    assert_eq!((listed, pages), (Err(ErrorKind::InvalidData), 2));
    let counting = move |request: &Request| {
        let token: usize =
            parameter(&request.query, "continuation-token").map_or(0, |token| token.parse().unwrap());
        page(&object("p/refs/a", 1), &(token + 1).to_string())
    };
    let (listed, pages) = list(counting);
    assert_eq!(listed, Err(ErrorKind::InvalidData));
    assert!(pages < 2000, "{pages} pages");
    assert_eq!(list(|_| "no XML".to_owned()).0.map_err(|_| ()), Err(()));
}
