//! The suite on real servers of buckets.

use std::io::ErrorKind;
use std::sync::atomic::{AtomicUsize, Ordering};

use mdl::storage::bucket::{Bucket, Environment};
use mdl::storage::{Key, Location, Storage};

use crate::{gcs, servers, suite};

pub fn open(url: &str, env: &[(String, String)]) -> Bucket {
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

#[test]
fn wrong_keys_and_missing_buckets_are_told() {
    let Some(server) = servers::s3() else { return };
    let key = Key::new("a").unwrap();
    let mut wrong = server.env.clone();
    wrong
        .iter_mut()
        .filter(|(name, _)| name == "AWS_SECRET_ACCESS_KEY")
        .for_each(|pair| pair.1 = "wrong".to_owned());
    for env in [&wrong[..], &server.env[2..]] {
        let error = open(&server.url("x"), env).create(&key, b"").unwrap_err();
        assert_eq!(error.source.kind(), ErrorKind::PermissionDenied, "{:?}", error.source);
        assert!(error.is_refusal());
    }
    let missing = open(&server.url("x").replace("mdl/x", "missing/x"), &server.env);
    assert_eq!(missing.read(&key, 1).unwrap_err().source.kind(), ErrorKind::NotFound);
    let error = missing.list("").unwrap_err();
    assert_eq!(error.source.kind(), ErrorKind::NotFound);
    assert!(error.source.to_string().contains("NoSuchBucket"), "{}", error.source);
    assert!(error.place.contains("s3://missing/x"), "{}", error.place);
}

#[test]
fn a_bucket_passes_the_probe() {
    let Some(server) = servers::s3() else { return };
    let bucket = open(&server.url("probed"), &server.env);
    mdl::storage::probe(&bucket).unwrap();
    assert_eq!(bucket.list("").unwrap(), []);
}

/// `cargo test --release --test storage -- --ignored throughput --nocapture`
#[test]
#[ignore = "it measures"]
fn throughput() {
    const BODIES: usize = 32;
    let Some(server) = servers::s3() else { return };
    let bucket = open(&server.url("throughput"), &server.env);
    let mut body = vec![0; 32 << 20];
    getrandom::fill(&mut body).unwrap();
    let keys: Vec<_> =
        (0..BODIES).map(|number| Key::new(&format!("packs/data/{number:02}")).unwrap()).collect();
    let four_at_once = |what: &str, each: &(dyn Fn(&Key) + Sync)| {
        let (next, start) = (AtomicUsize::new(0), std::time::Instant::now());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    while let Some(key) = keys.get(next.fetch_add(1, Ordering::SeqCst)) {
                        each(key);
                    }
                });
            }
        });
        let seconds = start.elapsed().as_secs_f64();
        println!("{what}: {seconds:.2} s, {:.0} MB/s", (BODIES * body.len()) as f64 / seconds / 1e6);
    };
    four_at_once("put", &|key| {
        let mut draft = bucket.draft().unwrap();
        body.chunks(4 << 20).for_each(|piece| draft.write(piece).unwrap());
        draft.publish(key).unwrap();
    });
    four_at_once("get", &|key| {
        let mut read = vec![0; body.len()];
        bucket.open(key).unwrap().unwrap().read_at(0, &mut read).unwrap();
        assert!(read == body);
    });
    if let Ok(command) = std::env::var("MDL_TEST_BESIDE") {
        let mut beside = std::process::Command::new("sh");
        beside.args(["-c", &command]).env("ENDPOINT", &server.endpoint).envs(server.env.iter().cloned());
        assert!(beside.status().unwrap().success());
    }
}
