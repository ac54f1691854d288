//! Commands that are started here, through pipes. What needs a process or a terminal of its own is in `harness`.

#[cfg(unix)]
mod harness;
mod logs;

use std::ffi::OsString;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::*;
use crate::disk::OsDisk;

/// A writer that others can look into.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Shared {
    fn outlet(&self) -> Outlet {
        Outlet::Writer(Box::new(self.clone()))
    }

    fn bytes(&self) -> Vec<u8> {
        self.0.lock().unwrap().clone()
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).unwrap()
    }
}

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn words(command: &[&str]) -> Vec<OsString> {
    command.iter().map(OsString::from).collect()
}

fn spec<'a>(command: &'a [OsString], directory: &'a Path) -> Launch<'a> {
    let keep = Bounds::default();
    Launch {
        command,
        directory,
        environment: &[],
        input: Input::Nothing,
        timeout: None,
        keep,
        spool: None,
        forward: None,
    }
}

/// What came of a script of `sh`.
struct Ran {
    ended: Ended,
    output: String,
    errors: String,
}

impl Ran {
    fn log(&self) -> String {
        String::from_utf8(self.ended.log.text()).unwrap()
    }
}

fn run(script: &str, change: impl FnOnce(&mut Launch<'_>)) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let command = words(&["sh", "-c", script]);
    let mut spec = spec(&command, folder.path());
    change(&mut spec);
    let (output, errors) = (Shared::default(), Shared::default());
    let outlets = Outlets { output: output.outlet(), errors: errors.outlet() };
    let ended = launch(&spec, outlets, &Signals::watch().unwrap(), &mut |_| {}).unwrap();
    Ran { ended, output: output.text(), errors: errors.text() }
}

fn refused(command: &[&str], directory: &Path) -> LaunchError {
    let command = words(command);
    let mut started = false;
    let signals = Signals::watch().unwrap();
    let result = launch(&spec(&command, directory), Outlets::nowhere(), &signals, &mut |_| started = true);
    assert!(!started);
    result.unwrap_err()
}

#[test]
fn streams_are_kept_apart_and_the_log_has_both() {
    let ran = run("echo one; echo two >&2; echo three; exit 7", |_| {});
    assert_eq!((ran.output.as_str(), ran.errors.as_str()), ("one\nthree\n", "two\n"));
    assert_eq!(ran.ended.exit, Exit::Code(7));
    assert_eq!((ran.ended.exit.number(), ran.ended.exit.shell_status()), (7, 7));
    let log = ran.log();
    let mut lines: Vec<_> = log.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["one", "three", "two"]);
    assert!(!ran.ended.timed_out && ran.ended.interrupted.is_none() && ran.ended.gaps.is_empty());
}

#[test]
fn a_signal_that_ends_it_is_told() {
    let ran = run("kill -9 $$", |_| {});
    assert_eq!(ran.ended.exit, Exit::Signal(9));
    assert_eq!((ran.ended.exit.number(), ran.ended.exit.shell_status()), (-9, 137));
    assert!(!ran.ended.exit.is_success());
    assert_eq!(signal_name(9), Some("SIGKILL"));
}

#[test]
fn it_gets_its_directory_its_variables_and_no_input() {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().canonicalize().unwrap();
    let environment = [(OsString::from("MDL_RUN_ID"), OsString::from("a b"))];
    let command = words(&["sh", "-c", "pwd; echo \"$MDL_RUN_ID\"; cat; test -t 1 || echo pipe"]);
    let spec = Launch { environment: &environment, ..spec(&command, &directory) };
    let mut pid = 0;
    let ended = launch(&spec, Outlets::nowhere(), &Signals::watch().unwrap(), &mut |moment| {
        if let Moment::Started(id) = moment {
            pid = id;
        }
    })
    .unwrap();
    assert!(pid > 0);
    assert_eq!(ended.log.text(), format!("{}\na b\npipe\n", directory.display()).into_bytes());
}

#[test]
fn what_cannot_be_started_is_an_error_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path();
    fs::write(here.join("plain"), "no program").unwrap();
    let error = refused(&["no-such-program-anywhere"], here);
    assert!(matches!(error, LaunchError::NotFound(_)) && error.shell_status() == 127);
    let error = refused(&["./none"], here);
    assert!(matches!(error, LaunchError::NotFound(_)));
    let error = refused(&["./plain"], here);
    assert!(matches!(error, LaunchError::NotExecutable(_)) && error.shell_status() == 126);
    assert!(matches!(refused(&["./"], here), LaunchError::NotExecutable(_)));
    assert!(matches!(refused(&[], here), LaunchError::Empty));
    assert!(matches!(refused(&["sh"], &here.join("none")), LaunchError::NoDirectory(_)));
}

/// A script in a folder that can be executed.
fn script(folder: &Path, text: &str) -> PathBuf {
    // Through a shell: a file that this process has written may be open in a child of another test.
    let path = folder.join("script");
    let write = "printf %s \"$1\" > \"$0\" && chmod +x \"$0\"";
    let status = std::process::Command::new("sh").arg("-c").arg(write).arg(&path).arg(text).status();
    assert!(status.unwrap().success());
    path
}

#[test]
fn a_program_that_somebody_still_writes_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = script(folder.path(), "#!/bin/sh\necho ran");
    let writer = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let waits = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        drop(writer);
    });
    let (command, signals) = (words(&["./script"]), Signals::watch().unwrap());
    let ended = launch(&spec(&command, folder.path()), Outlets::nowhere(), &signals, &mut |_| {}).unwrap();
    assert_eq!(ended.log.text(), b"ran\n");
    waits.join().unwrap();
}

#[test]
fn a_script_that_does_not_say_how_is_run_as_a_shell_does() {
    let folder = tempfile::tempdir().unwrap();
    script(folder.path(), "echo ran $1");
    let command = words(&["./script", "it"]);
    let signals = Signals::watch().unwrap();
    let ended = launch(&spec(&command, folder.path()), Outlets::nowhere(), &signals, &mut |_| {}).unwrap();
    assert_eq!(ended.log.text(), b"ran it\n");
    script(folder.path(), "#!/no/such/interpreter\n");
    assert!(matches!(refused(&["./script"], folder.path()), LaunchError::Refused(..)));
}

#[test]
fn a_long_output_passes_whole_and_is_kept_in_part() {
    const SIZE: usize = 12_000_000;
    let keep = Bounds { head: 1000, tail: 2000 };
    let ran = run("head -c 12000000 /dev/zero | tr '\\0' x; echo end", |spec| spec.keep = keep);
    assert_eq!(ran.output.len(), SIZE + 4);
    assert_eq!(ran.ended.log.size, SIZE as u64 + 4);
    let expected =
        format!("{}\n[… {} bytes left out …]\n{}end\n", "x".repeat(1000), SIZE + 4 - 3000, "x".repeat(1996));
    assert!(ran.log() == expected, "{} bytes instead of {}", ran.log().len(), expected.len());
}

#[test]
fn output_that_cannot_be_written_is_told_to_the_command() {
    let into = |output: Outlet, script: &str| {
        let folder = tempfile::tempdir().unwrap();
        let (command, errors) = (words(&["sh", "-c", script]), Shared::default());
        let outlets = Outlets { output, errors: errors.outlet() };
        let signals = Signals::watch().unwrap();
        let ended = launch(&spec(&command, folder.path()), outlets, &signals, &mut |_| {}).unwrap();
        (ended, errors.text())
    };
    let count = "i=0; while :; do echo $((i+=1)); done; exit 3";
    let broken = || Outlet::Writer(Box::new(Broken));
    let (ended, _) = into(broken(), count);
    assert_eq!(ended.exit, Exit::Signal(13));
    assert!(matches!(&ended.gaps[..], [Gap::Unheard(error)] if error.kind() == io::ErrorKind::StorageFull));
    // Who does not end of it gets an error, and the other stream goes on.
    let deaf = "trap '' PIPE; while echo more; do :; done 2> /dev/null; echo e >&2; exit 3";
    let (ended, errors) = into(broken(), deaf);
    assert_eq!((ended.exit, errors.as_str()), (Exit::Code(3), "e\n"));
    assert!(ended.log.text().starts_with(b"more\n") && ended.into_unheard().is_some());
    // What was lost is said also where the command has ended by then.
    let (ended, _) = into(broken(), "echo one");
    assert_eq!((ended.exit, ended.log.text()), (Exit::Code(0), b"one\n".to_vec()));
    assert!(ended.into_unheard().is_some());
}

/// A disk that is full.
struct Broken;

impl Write for Broken {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Err(io::ErrorKind::StorageFull.into())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
#[cfg(unix)]
fn a_reader_that_goes_is_seen_before_anything_is_printed() {
    let folder = tempfile::tempdir().unwrap();
    let (reader, writer) = io::pipe().unwrap();
    drop(reader);
    let output = Outlet::File(std::os::fd::OwnedFd::from(writer).into());
    let command = words(&["sh", "-c", "sleep 0.5; echo e >&2; echo 1; echo 2; exit 3"]);
    let errors = Shared::default();
    let (outlets, signals) = (Outlets { output, errors: errors.outlet() }, Signals::watch().unwrap());
    let ended = launch(&spec(&command, folder.path()), outlets, &signals, &mut |_| {}).unwrap();
    // It ends of its very first word, as it would without us.
    assert_eq!((ended.exit, ended.log.text()), (Exit::Signal(13), b"e\n".to_vec()));
    assert!(matches!(&ended.gaps[..], [Gap::Unread]) && ended.is_unread());
    assert_eq!(errors.text(), "e\n");
}

/// Far more than what is waited for takes, and less than a `sleep 60`.
const LONG: Duration = Duration::from_secs(40);

fn timeout(after: Duration, grace: Duration) -> Option<Timeout> {
    Some(Timeout { after, grace })
}

/// Runs a script that says `begun`, in a time that is long enough for it to come so far.
fn run_until_begun(script: &str, grace: Duration) -> Ran {
    let afters = (0..8).map(|doubled| Duration::from_millis(200 << doubled));
    let mut all = afters.map(|after| run(script, |spec| spec.timeout = timeout(after, grace)));
    all.find(|ran| ran.output.starts_with("begun\n")).expect("it begins")
}

#[test]
fn time_is_bounded_also_for_what_does_not_listen() {
    let ran = run_until_begun("sleep 60 & trap 'echo asked; exit 5' TERM; echo begun; wait", LONG);
    assert_eq!((ran.ended.exit, ran.ended.timed_out), (Exit::Code(5), true));
    assert_eq!(ran.output, "begun\nasked\n");
    // The one whom it left behind got the signal too, and does not hold us.
    assert!(ran.ended.took < LONG && ran.ended.gaps.is_empty());
    assert!(ran.ended.interrupted.is_none());

    let ran = run_until_begun("trap '' TERM; echo begun; sleep 60; echo never", Duration::from_millis(200));
    assert_eq!((ran.ended.exit, ran.ended.timed_out), (Exit::Signal(9), true));
    assert!(ran.ended.took < LONG);
    assert_eq!(ran.output, "begun\n");

    // The first of the group does not answer for the others, who have the same grace.
    let inner = "trap \"sleep 0.5; echo saved; exit\" TERM; echo begun; while :; do sleep 0.05; done";
    let ran = run_until_begun(&format!("sh -c '{inner}' & wait"), LONG);
    assert_eq!((ran.ended.exit, ran.output.as_str()), (Exit::Signal(15), "begun\nsaved\n"));

    let ran = run("exit 0", |spec| spec.timeout = timeout(LONG, Duration::ZERO));
    assert_eq!((ran.ended.exit, ran.ended.timed_out), (Exit::Code(0), false));
}

#[test]
fn who_is_left_behind_and_holds_the_output_is_not_waited_for() {
    let start = Instant::now();
    let ran = run("sleep 30 & echo $!", |_| {});
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
    assert!(matches!(ran.ended.gaps[..], [Gap::StillOpen]));
    assert_eq!(ran.ended.log.size as usize, ran.output.len());
    let ended = std::process::Command::new("kill").arg(ran.output.trim()).status().unwrap();
    assert!(ended.success(), "it should have been left alone");
    // Nor who goes on to print, without end or now and then.
    for line in [
        "(while echo more; do :; done) & sleep 0.1; echo $!",
        "(while echo more; do sleep 0.1; done) & echo $!",
    ] {
        let start = Instant::now();
        let ran = run(&format!("trap '' PIPE; {line} >&2"), |_| {});
        assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
        assert!(ran.ended.gaps.iter().any(|gap| matches!(gap, Gap::StillOpen)));
        let pid = ran.errors.lines().next().unwrap();
        assert!(std::process::Command::new("kill").arg(pid).status().unwrap().success());
    }
}

/// A reader that takes its time.
struct Slow(Shared);

impl Write for Slow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        thread::sleep(QUIET + QUIET / 2);
        self.0.write(&bytes[..bytes.len().min(20_000)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_slow_reader_gets_everything() {
    let folder = tempfile::tempdir().unwrap();
    let command = words(&["sh", "-c", "head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2"]);
    let shared = Shared::default();
    let outlets = Outlets { output: Outlet::Writer(Box::new(Slow(shared.clone()))), errors: Outlet::Nothing };
    let signals = Signals::watch().unwrap();
    let ended = launch(&spec(&command, folder.path()), outlets, &signals, &mut |_| {}).unwrap();
    assert_eq!((shared.bytes().len(), ended.log.size), (60_000, 120_000));
    assert!(ended.gaps.is_empty());
}

#[test]
fn several_run_at_once() {
    let signals = Signals::watch().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let one = |number: usize| {
        let text = format!("test -t 0 || cat; echo {number}; exit {number}");
        let command = words(&["sh", "-c", &text]);
        launch(&spec(&command, folder.path()), Outlets::nowhere(), &signals, &mut |_| {}).unwrap()
    };
    thread::scope(|scope| {
        let running: Vec<_> = (0..8).map(|number| scope.spawn(move || one(number))).collect();
        for (number, running) in running.into_iter().enumerate() {
            let ended = running.join().unwrap();
            assert_eq!(ended.exit, Exit::Code(number as i32));
            assert_eq!(ended.log.text(), format!("{number}\n").into_bytes());
        }
    });
}

#[test]
fn the_log_is_on_the_disk_too() {
    let folder = tempfile::tempdir().unwrap();
    let spool = Spool { disk: &OsDisk, folder: folder.path() };
    let ran = run("for i in 1 2 3; do echo $i; sleep 0.1; done", |spec| {
        // Tests keep what they lend for as long as they run.
        spec.spool = Some(Spool { disk: &OsDisk, folder: Box::leak(spool.folder.into()) });
    });
    let log = spooled(folder.path()).unwrap().unwrap();
    assert_eq!((log.text(), log.size), (ran.ended.log.text(), 6));
    discard(spool).unwrap();
    assert_eq!(spooled(folder.path()).unwrap(), None);
}

#[test]
fn a_disk_that_fails_costs_the_spool_alone() {
    let folder = Path::new("/no/such/folder/for/a/spool");
    let ran = run("echo a; sleep 0.1; echo b", |spec| spec.spool = Some(Spool { disk: &OsDisk, folder }));
    assert_eq!((ran.output.as_str(), ran.ended.exit), ("a\nb\n", Exit::Code(0)));
    assert!(matches!(ran.ended.gaps[..], [Gap::Spool(_)]));
    assert_eq!(spooled(folder).unwrap(), None);
}
