//! Somebody else in the same folder: directories that turn into links, commits at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use mdl::progress::Silent;
use mdl::repo::CheckoutOptions;
use rustix::fs::{CWD, RenameFlags, renameat_with};

use crate::forge::{Forge, file, tree};
use crate::sandbox::Sandbox;

const FORCE: CheckoutOptions = CheckoutOptions { force: true, dry_run: false };

#[test]
fn a_directory_that_turns_into_a_link_meanwhile_leads_nowhere() {
    let forge = Forge::new();
    let (root, outside) = (forge.sandbox.root(), forge.sandbox.root().join("../outside"));
    std::fs::create_dir(&outside).unwrap();
    let of = |text: &'static str| {
        forge.code(move |w| {
            let names: Vec<String> = (0..40).map(|number| format!("f{number:03}")).collect();
            let entries: Vec<_> =
                names.iter().map(|name| (name.as_bytes(), file(w, text.as_bytes()))).collect();
            tree(w, &[(b"d", tree(w, &entries))])
        })
    };
    let (one, two) = (of("one"), of("two!"));
    forge.repository.checkout(&one.to_string(), FORCE, &Silent).unwrap();
    std::os::unix::fs::symlink("../outside", root.join("swapped")).unwrap();
    let (stop, mut done) = (AtomicBool::new(false), 0);
    std::thread::scope(|scope| {
        let (from, to, stop) = (root.join("d"), root.join("swapped"), &stop);
        scope.spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let _ = renameat_with(CWD, &from, CWD, &to, RenameFlags::EXCHANGE);
            }
        });
        let end = Instant::now() + Duration::from_secs(3);
        while Instant::now() < end {
            for commit in [one, two] {
                done += u32::from(forge.repository.checkout(&commit.to_string(), FORCE, &Silent).is_ok());
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    let written: Vec<_> = std::fs::read_dir(&outside).unwrap().collect();
    assert!(written.is_empty(), "{written:?} after {done} checkouts");
}

#[test]
fn of_commits_at_once_none_is_lost() {
    let sandbox = Sandbox::project();
    sandbox.ok(&["commit", "-q", "-m", "first"]);
    let started: Vec<_> = (0..16)
        .map(|number| {
            let mut command =
                sandbox.command(&["commit", "-q", "--allow-empty", "-m", &format!("number {number}")]);
            command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
            command.spawn().unwrap()
        })
        .collect();
    let mut committed = 0;
    for child in started {
        let output = child.wait_with_output().unwrap();
        let ran = sandbox.ran(&output);
        assert!(matches!(ran.code, 0 | 4), "{}", ran.told());
        committed += usize::from(ran.code == 0);
    }
    assert!(committed >= 1);
    let log = sandbox.ok(&["log", "--oneline"]);
    assert_eq!(log.lines().count(), committed + 1, "{log}");
    sandbox.ok(&["fsck"]);
    sandbox.ok(&["status"]);
}

#[test]
fn commit_and_checkout_at_once_leave_a_sound_repository() {
    let sandbox = Sandbox::history();
    let spawn = |arguments: &[&str]| {
        let mut command = sandbox.command(arguments);
        command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::null());
        command.spawn().unwrap()
    };
    let started = [
        spawn(&["checkout", "-q", "HEAD~1"]),
        spawn(&["commit", "-q", "--allow-empty", "-m", "meanwhile"]),
        spawn(&["checkout", "-q", "-f", "main"]),
        spawn(&["commit", "-q", "--allow-empty", "-m", "again"]),
    ];
    for mut child in started {
        let code = child.wait().unwrap().code().unwrap();
        assert!(code == 0 || code == 4, "exit {code}");
    }
    sandbox.ok(&["fsck"]);
    sandbox.ok(&["checkout", "-q", "-f", "main"]);
    assert!(sandbox.ok(&["log", "--oneline", "main"]).lines().count() >= 2);
}
