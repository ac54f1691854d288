//! Many runs at once in one repository. More of them by hand: `MDL_TEST_RUNS=1000 MDL_TEST_AT_ONCE=64 cargo test
//! --release --test cli load -- --nocapture`.

use std::collections::BTreeSet;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::training::{ids, project, states};

fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn of_many_runs_at_once_none_is_lost() {
    let (all, at_once) = (number("MDL_TEST_RUNS", 40), number("MDL_TEST_AT_ONCE", 8));
    let (sandbox, next, begun) = (project(), AtomicUsize::new(0), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..at_once {
            scope.spawn(|| {
                while next.fetch_add(1, Ordering::Relaxed) < all {
                    let mut command = sandbox.command(&["run", "-q", "--", "true"]);
                    let output = command.stdin(Stdio::null()).output().unwrap();
                    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
                }
            });
        }
    });
    println!("| {all} runs, {at_once} at once | {:.1} s |", begun.elapsed().as_secs_f32());
    assert_eq!(states(&sandbox), vec!["finished"; all]);
    assert_eq!(ids(&sandbox).into_iter().collect::<BTreeSet<_>>().len(), all);
    assert_eq!(std::fs::read_dir(sandbox.root().join(".mdl/runs")).unwrap().count(), 0);
    sandbox.ok(&["fsck"]);
}
