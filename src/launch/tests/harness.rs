//! Commands that are started by a process of their own, which has a terminal, or none, and gets signals.
//!
//! The process is this test program again, which runs one ignored test: [`harness`].

use std::env;
use std::fs::File;
use std::io::Read;
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, ioctl_tiocsctty, kill_process, setsid};
use rustix::termios::{Winsize, tcsetwinsize};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};

use super::*;

const SCRIPT: &str = "MDL_TEST_SCRIPT";
const FOLDER: &str = "MDL_TEST_FOLDER";
/// Which streams are the terminal: a text with `o`, `e`.
const SHOWN: &str = "MDL_TEST_SHOWN";

/// Runs a script as the environment says, and writes what came of it into a folder.
#[test]
#[ignore = "other tests start it as a process"]
fn harness() {
    let Some(script) = env::var_os(SCRIPT) else { return };
    let folder = PathBuf::from(env::var_os(FOLDER).unwrap());
    let shown = env::var(SHOWN).unwrap();
    setsid().unwrap();
    let input = io::stdin();
    if !shown.is_empty() {
        ioctl_tiocsctty(&input).unwrap();
    }
    let outlet = |letter: char| match shown.contains(letter) {
        true => Outlet::File(File::from(input.as_fd().try_clone_to_owned().unwrap())),
        false => Outlet::Writer(Box::new(File::create(folder.join(letter.to_string())).unwrap())),
    };
    let command = ["sh".into(), "-c".into(), script];
    let pieces = folder.join("pieces");
    let spool = Some(Spool { disk: &OsDisk, folder: &pieces });
    let (after, grace) = (Duration::from_millis(1500), Duration::from_millis(500));
    let timeout = folder.join("hurry").exists().then_some(Timeout { after, grace });
    let spec = Launch { input: Input::Inherited, spool, timeout, ..spec(&command, &folder) };
    let signals = Signals::watch().unwrap();
    let outlets = Outlets { output: outlet('o'), errors: outlet('e') };
    let ended = launch(&spec, outlets, &signals, &mut |_| {}).unwrap();
    drop(signals);
    fs::write(folder.join("log"), ended.log.text()).unwrap();
    let summary = format!("{:?} {:?} {}", ended.exit, ended.interrupted, ended.gaps.len());
    fs::write(folder.join("writing"), summary).unwrap();
    fs::rename(folder.join("writing"), folder.join("summary")).unwrap();
    // Until the test has seen what signals do now.
    thread::sleep(Duration::from_millis(if folder.join("stay").exists() { 30_000 } else { 0 }));
}

/// A terminal with somebody before it.
struct Person {
    keys: File,
    seen: Shared,
}

struct Started {
    child: Child,
    folder: tempfile::TempDir,
    person: Option<Person>,
}

impl Drop for Started {
    fn drop(&mut self) {
        // It has ended already if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(rows: u16, columns: u16) -> Winsize {
    Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 }
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: it did not happen");
        thread::sleep(Duration::from_millis(5));
    }
}

fn command(script: &str, shown: &str, folder: &Path) -> Command {
    heed_signals();
    fs::create_dir(folder.join("pieces")).unwrap();
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["launch::tests::harness::harness", "--exact", "--ignored", "--test-threads=1"]);
    command.env(SCRIPT, script).env(FOLDER, folder).env(SHOWN, shown);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

/// Without a terminal.
fn start(script: &str) -> Started {
    let folder = tempfile::tempdir().unwrap();
    let child = command(script, "", folder.path()).spawn().unwrap();
    Started { child, folder, person: None }
}

fn at_terminal(script: &str, shown: &str) -> Started {
    at_terminal_in(tempfile::tempdir().unwrap(), script, shown)
}

fn at_terminal_in(folder: tempfile::TempDir, script: &str, shown: &str) -> Started {
    let pty = rustix_openpty::openpty(None, Some(&size(40, 123))).unwrap();
    let mut command = command(script, shown, folder.path());
    let child = command.stdin(pty.user).spawn().unwrap();
    drop(command);
    let keys = File::from(pty.controller);
    let (mut screen, seen) = (keys.try_clone().unwrap(), Shared::default());
    let mut into = seen.clone();
    thread::spawn(move || io::copy(&mut screen, &mut into));
    Started { child, folder, person: Some(Person { keys, seen }) }
}

impl Started {
    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// What the command has printed so far, as the disk knows it.
    fn so_far(&self) -> String {
        let log = spooled(&self.folder.path().join("pieces")).unwrap().unwrap_or_default();
        String::from_utf8(log.text()).unwrap()
    }

    #[track_caller]
    fn await_text(&self, text: &str) {
        until(text, || self.so_far().contains(text));
    }

    #[track_caller]
    fn summary(&self) -> String {
        until("its end", || !self.read("summary").is_empty());
        self.read("summary")
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    fn press(&self, keys: &str) {
        (&self.person.as_ref().unwrap().keys).write_all(keys.as_bytes()).unwrap();
    }

    fn seen(&self) -> String {
        self.person.as_ref().unwrap().seen.text()
    }
}

const WHERE: &str = "for fd in 0 1 2; do test -t $fd && echo $fd is; done; echo more >&2";

#[test]
fn a_command_has_our_terminal_and_its_log_has_plain_lines() {
    let started =
        at_terminal(&format!("stty size <&1; {WHERE}; read word; echo \"got $word\"; exit 4"), "oe");
    started.await_text("more");
    started.press("it\n");
    assert_eq!(started.summary(), "Code(4) None 0");
    assert_eq!(started.read("log"), "40 123\n0 is\n1 is\n2 is\nmore\ngot it\n");
    // The keys are echoed by the real terminal, once.
    let expected = "40 123\r\n0 is\r\n1 is\r\n2 is\r\nmore\r\nit\r\ngot it\r\n";
    until("what a person sees", || started.seen() == expected);
}

#[test]
fn each_stream_is_a_terminal_where_ours_is_one() {
    let started = at_terminal(WHERE, "o");
    assert_eq!(started.summary(), "Code(0) None 0");
    assert_eq!(started.read("e"), "more\n");
    until("output", || started.seen() == "0 is\r\n1 is\r\n");
    let started = at_terminal(WHERE, "e");
    assert_eq!(started.summary(), "Code(0) None 0");
    assert_eq!(started.read("o"), "0 is\n2 is\n");
    until("errors", || started.seen() == "more\r\n");
}

/// Counts a signal, from the moment when it says `ready` to the one at which a file is there.
fn counting(signal: &str) -> String {
    format!(
        "n=0; trap 'n=$((n+1)); echo came' {signal}; echo ready; \
         until test -e stop; do sleep 0.05; done; echo \"$n times\""
    )
}

#[track_caller]
fn comes_once(started: &Started, send: impl Fn(), summary: &str) {
    started.await_text("ready");
    send();
    started.await_text("came");
    // Time for a second one.
    thread::sleep(Duration::from_millis(200));
    fs::write(started.folder.path().join("stop"), "").unwrap();
    assert_eq!(started.summary(), summary);
    assert!(started.read("log").ends_with("\n1 times\n"), "{}", started.read("log"));
}

/// What we start gets these signals, also where they were ignored when the tests were started (`nohup`, `&` in a
/// script): what is handled here, as by default, is not ignored there.
fn heed_signals() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        for signal in [SIGINT, SIGTERM, SIGHUP] {
            let always = Arc::new(std::sync::atomic::AtomicBool::new(true));
            signal_hook::flag::register_conditional_default(signal, always).unwrap();
        }
    });
}

#[test]
fn a_key_reaches_it_once() {
    let interrupted = format!("Code(0) Some({SIGINT}) 0");
    for shown in ["oe", "e"] {
        let started = at_terminal(&counting("INT"), shown);
        comes_once(&started, || started.press("\x03"), &interrupted);
    }
}

#[test]
fn a_signal_to_us_reaches_it_once() {
    for (name, signal, number) in [
        ("INT", Signal::INT, Some(SIGINT)),
        ("TERM", Signal::TERM, Some(SIGTERM)),
        ("HUP", Signal::HUP, Some(SIGHUP)),
        ("USR1", Signal::USR1, None),
        ("USR2", Signal::USR2, None),
    ] {
        let summary = format!("Code(0) {number:?} 0");
        let started = at_terminal(&counting(name), "oe");
        comes_once(&started, || started.signal(signal), &summary);
        let started = start(&counting(name));
        comes_once(&started, || started.signal(signal), &summary);
    }
}

#[test]
fn without_a_terminal_the_whole_group_gets_it() {
    // A child of a shell that has a trap may lose a signal until it has put the trap off: so it is started before. Each
    // waits for what it has started, which would last too long without the signal.
    let inner = "sleep 60 & trap \"wait; echo inner; exit\" TERM; echo ready; wait";
    let started = start(&format!("trap 'echo outer' TERM; sh -c '{inner}'; true"));
    started.await_text("ready");
    started.signal(Signal::TERM);
    assert_eq!(started.summary(), format!("Code(0) Some({SIGTERM}) 0"));
    // A shell may tell what became of its `sleep`.
    let log = started.read("log");
    assert!(log.starts_with("ready\n") && log.ends_with("inner\nouter\n"), "{log}");
}

#[test]
fn a_new_size_is_passed_on() {
    let started =
        at_terminal("trap 'stty size <&1' WINCH; echo ready; until test -e stop; do sleep 0.05; done", "oe");
    started.await_text("ready");
    tcsetwinsize(&started.person.as_ref().unwrap().keys, size(50, 200)).unwrap();
    started.await_text("50 200\n");
    fs::write(started.folder.path().join("stop"), "").unwrap();
    assert_eq!(started.summary(), "Code(0) None 0");
}

#[test]
fn signals_are_ours_again_afterwards() {
    let mut started = start("until test -e stop; do sleep 0.05; done; echo ready");
    fs::write(started.folder.path().join("stay"), "").unwrap();
    fs::write(started.folder.path().join("stop"), "").unwrap();
    started.summary();
    started.signal(Signal::TERM);
    assert_eq!(started.child.wait().unwrap().signal(), Some(SIGTERM));
}

#[test]
#[cfg(target_os = "linux")]
fn what_was_ignored_stays_so() {
    let folder = tempfile::tempdir().unwrap();
    let inner = command("echo ready; until test -e stop; do sleep 0.05; done; echo alive", "", folder.path());
    // `nohup` does the same.
    let mut outer = Command::new("sh");
    outer.args(["-c", "trap '' HUP; exec \"$0\" \"$@\""]).arg(inner.get_program()).args(inner.get_args());
    outer.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let started = Started { child: outer.spawn().unwrap(), folder, person: None };
    started.await_text("ready");
    started.signal(Signal::HUP);
    thread::sleep(Duration::from_millis(100));
    fs::write(started.folder.path().join("stop"), "").unwrap();
    assert_eq!(started.summary(), "Code(0) None 0");
    assert_eq!(started.read("log"), "ready\nalive\n");
}

#[test]
fn killed_we_leave_a_log_that_can_be_read() {
    let mut started = start("i=0; while :; do i=$((i+1)); echo line $i; sleep 0.02; done");
    started.await_text("line 5\n");
    started.signal(Signal::KILL);
    assert_eq!(started.child.wait().unwrap().signal(), Some(9));
    let log = started.so_far();
    let lines: Vec<_> = log.lines().collect();
    let expected: Vec<_> = (1..=lines.len()).map(|number| format!("line {number}")).collect();
    assert_eq!(lines, expected);
    assert!(started.read("summary").is_empty());
}

#[test]
fn a_stop_and_a_continuation_are_passed_on() {
    let started = start("echo ready; i=0; while test $i -lt 1000; do i=$((i+1)); echo $i; sleep 0.01; done");
    started.await_text("ready");
    started.signal(Signal::TSTP);
    let state = || {
        let mut text = String::new();
        let path = format!("/proc/{}/stat", started.child.id());
        let read = File::open(path).and_then(|mut file| file.read_to_string(&mut text));
        read.ok().map(|_| text.rsplit(") ").next().unwrap_or_default().starts_with('T'))
    };
    if state().is_none() {
        crate::skip::skipped("this system does not show the state of a process");
        return;
    }
    until("a stop", || state() == Some(true));
    let before = started.so_far();
    thread::sleep(Duration::from_millis(200));
    assert_eq!(started.so_far(), before);
    started.signal(Signal::CONT);
    until("a continuation", || started.so_far().len() > before.len() + 20);
    started.signal(Signal::TERM);
    assert_eq!(started.summary(), format!("Signal({SIGTERM}) Some({SIGTERM}) 0"));
}

#[test]
#[cfg(target_os = "linux")]
fn time_is_bounded_also_for_those_in_our_group() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("hurry"), "").unwrap();
    // The shell ends when it is asked, and what it has started does not.
    let started = at_terminal_in(folder, "sh -c 'trap \"\" TERM; sleep 60' & echo $!; wait", "oe");
    assert_eq!(started.summary(), format!("Signal({SIGTERM}) None 0"));
    let pid = started.read("log").trim().to_owned();
    until("an end", || {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        status.is_empty() || status.contains("State:\tZ")
    });
}
