//! Google Cloud Storage's XML API as far as it is used, in memory: conditional puts, ranges, listings in pages of three.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::http::{Request, Response, Server, decoded, parameter};

/// Keys of a page of a listing.
const PAGE: usize = 3;

/// A server of one bucket, `mdl`.
pub struct Gcs {
    /// As `http://127.0.0.1:port`.
    pub endpoint: String,
}

impl Gcs {
    /// Starts an empty one.
    pub fn start() -> Self {
        let objects = Mutex::new(BTreeMap::new());
        let answer = move |request: &Request| {
            let mut objects = objects.lock().unwrap_or_else(PoisonError::into_inner);
            respond(&mut objects, request)
        };
        Self { endpoint: Server::start(answer).endpoint }
    }
}

fn respond(objects: &mut BTreeMap<String, Vec<u8>>, request: &Request) -> Response {
    let path = decoded(&request.path);
    let Some(name) = path.strip_prefix("/mdl").map(|name| name.trim_start_matches('/').to_owned()) else {
        return Response::new(
            404,
            "<Error><Code>NoSuchBucket</Code><Message>It is not there.</Message></Error>",
        );
    };
    let stamped = |response: Response| {
        response
            .header("ETag", "\"1\"")
            .header("Last-Modified", "Thu, 26 Nov 2026 19:00:00 GMT")
            .header("x-goog-generation", "1")
    };
    match (request.method.as_str(), objects.get(&name)) {
        ("GET", _) if name.is_empty() => list(objects, &request.query),
        ("PUT", Some(_))
            if request.headers.get("x-goog-if-generation-match").is_some_and(|value| value == "0") =>
        {
            Response::new(412, "<Error><Code>PreconditionFailed</Code></Error>")
        }
        ("PUT", _) => {
            objects.insert(name, request.body.clone());
            stamped(Response::new(200, ""))
        }
        ("GET" | "HEAD", Some(body)) => stamped(Response::of_body(request, body)),
        ("DELETE", Some(_)) => {
            objects.remove(&name);
            Response::new(204, "")
        }
        _ => Response::new(404, "<Error><Code>NoSuchKey</Code></Error>"),
    }
}

fn list(objects: &BTreeMap<String, Vec<u8>>, query: &str) -> Response {
    let prefix = parameter(query, "prefix").unwrap_or_default();
    let after = parameter(query, "continuation-token").unwrap_or_default();
    let mut within = objects.iter().filter(|(name, _)| name.starts_with(&prefix) && **name > after);
    let page: Vec<_> = within.by_ref().take(PAGE).collect();
    let mut xml = "<?xml version='1.0' encoding='UTF-8'?><ListBucketResult>".to_owned();
    for (name, body) in &page {
        let size = body.len();
        let stamp = "<LastModified>2026-11-26T19:00:00.000Z</LastModified><ETag>\"1\"</ETag>";
        xml.push_str(&format!("<Contents><Key>{name}</Key><Size>{size}</Size>{stamp}</Contents>"));
    }
    if let (Some((last, _)), Some(_)) = (page.last(), within.next()) {
        xml.push_str(&format!("<NextContinuationToken>{last}</NextContinuationToken>"));
    }
    Response::new(200, xml + "</ListBucketResult>")
}
