//! The one way in which a test says that it cannot run here.

use std::fmt::Display;
use std::io::Write;

/// Reports on the standard error that a test, or the rest of it, is skipped, and why.
///
/// The test harness hides what a passing test prints with `println!` and `eprintln!`; this line is
/// always shown. Where `MDL_TEST_SKIP` is `never`, as in `.ci/run`, the test fails instead.
pub fn skipped(why: impl Display) {
    assert_ne!(std::env::var("MDL_TEST_SKIP").as_deref(), Ok("never"), "a test was skipped: {why}");
    let thread = std::thread::current();
    let line = format!("SKIPPED {}: {why}\n", thread.name().unwrap_or("a test"));
    let _ = std::io::stderr().write_all(line.as_bytes());
}
