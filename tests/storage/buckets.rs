//! The suite on real servers of buckets.

use std::sync::atomic::{AtomicUsize, Ordering};

use mdl::storage::bucket::{Bucket, Environment};
use mdl::storage::{Location, Storage};

use crate::{gcs, servers, suite};

fn open(url: &str, env: &[(String, String)]) -> Bucket {
    let location = Location::parse(url, std::path::Path::new("/")).unwrap();
    let Location::Bucket(url) = location else { panic!("{url} is no bucket") };
    Bucket::open_in(&url, &Environment::of(env.iter().cloned())).unwrap()
}

fn conforms(url: &dyn Fn(&str) -> String, env: &[(String, String)]) {
    static CHECKS: AtomicUsize = AtomicUsize::new(0);
    suite::run(&|check| {
        let number = CHECKS.fetch_add(1, Ordering::SeqCst);
        check(&open(&url(&format!("check {number}/é")), env) as &dyn Storage);
    });
}

#[test]
fn s3_conforms() {
    if let Some(server) = servers::s3() {
        conforms(&|prefix| server.url(prefix), &server.env);
    }
}

#[test]
fn azure_conforms() {
    if let Some(server) = servers::azure() {
        conforms(&|prefix| server.url(prefix), &server.env);
    }
}

#[test]
fn google_conforms() {
    let server = gcs::Gcs::start();
    conforms(&|prefix| format!("gs://mdl/{prefix}?endpoint={}", server.endpoint), &[]);
}
