//! Ctrl-C in the midst of a push or a clone: it ends at once, leaves no process, and the same command goes on later.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use rustix::process::{self, Pid, Signal};

use super::{clone_goes_on, commit, noise};
use crate::sandbox::Sandbox;
use crate::sshd::{self, Sshd};

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Who gets the signal: all that a terminal would send it to, or mdl alone.
#[derive(Clone, Copy, Debug)]
enum To {
    All,
    One,
}

/// Starts a command, and interrupts it when it has come so far. It ends, with every process that it started.
fn interrupt(mut command: Command, to: To, is_reached: impl Fn() -> bool) {
    let mut child: Child = command.process_group(0).spawn().unwrap();
    let group = Pid::from_child(&child);
    wait_until("it has come so far", || {
        assert_eq!(child.try_wait().unwrap(), None, "it ended before: {command:?}");
        is_reached()
    });
    match to {
        To::All => process::kill_process_group(group, Signal::INT).unwrap(),
        To::One => process::kill_process(group, Signal::INT).unwrap(),
    }
    let mut ended = None;
    wait_until("it ends", || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    // A shell says 130 of both.
    let ended = ended.unwrap();
    assert!(ended.signal() == Some(2) || ended.code() == Some(130), "{ended:?}");
    wait_until("no process is left", || process::test_kill_process_group(group).is_err());
}

/// A new commit with some data.
fn more(sandbox: &Sandbox, number: usize) {
    commit(sandbox, "data/noise.txt", &noise(number as u64), &format!("noise {number}"));
}

fn is_sound(sandbox: &Sandbox, team: &str) {
    sandbox.ok(&["fsck", "--data"]);
    sandbox.ok(&["fsck", "--data", team]);
}

/// A folder behind a server that stops listening, or answering, after so many bytes.
struct Gate {
    sshd: Sshd,
    held: PathBuf,
    server: PathBuf,
}

impl Gate {
    fn open(&self) {
        self.sshd.authorize("");
    }

    fn shut(&self, after: usize, is_inward: bool) {
        let _ = std::fs::remove_file(&self.held);
        let (held, server, script) =
            (self.held.display(), self.server.display(), self.sshd.folder().join("gate"));
        let gate = format!("{{ dd bs=1 count={after} 2> /dev/null; touch '{held}'; cat > /dev/null; }}");
        let serve = "mdl serve --stdio --root /";
        let pipe = if is_inward { format!("{gate} | {serve}") } else { format!("{serve} | {gate}") };
        std::fs::write(&script, format!("echo $$ > '{server}'\n{pipe}\n")).unwrap();
        self.sshd.authorize(&format!("command=\"sh '{}'\"", script.display()));
    }

    /// Interrupts a command there. Nothing of it is left, on neither side.
    fn interrupts(&self, command: Command, to: To) {
        interrupt(command, to, || self.held.exists());
        let server = std::fs::read_to_string(&self.server).unwrap();
        wait_until("the server has ended", || !Path::new("/proc").join(server.trim()).exists());
        self.open();
    }
}

fn gate() -> Option<Gate> {
    let sshd = sshd::start(Path::new(env!("CARGO_BIN_EXE_mdl")))?;
    let (held, server) = (sshd.folder().join("held"), sshd.folder().join("server"));
    Some(Gate { sshd, held, server })
}

#[test]
fn a_push_and_a_clone_over_ssh_end_at_once_and_go_on_later() {
    let Some(gate) = gate() else { return };
    let ada = Sandbox::history().with(gate.sshd.env());
    let folder = ada.around().join("team.mdl");
    let url = gate.sshd.url(&folder);
    ada.ok(&["remote", "add", "origin", &url]);
    let cases = [(5, To::All), (1_000, To::One), (100_000, To::All), (150_000, To::One)];
    for (number, (after, to)) in cases.into_iter().enumerate() {
        more(&ada, number);
        gate.shut(after, true);
        gate.interrupts(ada.command(&["push", "-q"]), to);
        if number > 0 {
            is_sound(&ada, "../team.mdl");
        }
        ada.ok(&["push", "-q"]);
        is_sound(&ada, "../team.mdl");
    }
    for (after, to) in cases {
        gate.shut(after, false);
        gate.interrupts(ada.command(&["clone", "-q", &url, "../bob"]), to);
        let bob = clone_goes_on(&ada, &url);
        is_sound(&bob, "../team.mdl");
        std::fs::remove_dir_all(bob.root()).unwrap();
    }
}

#[cfg(feature = "bucket")]
#[test]
fn a_push_and_a_clone_of_a_bucket_end_at_once_and_go_on_later() {
    use crate::proxy::{Fault, Proxy};
    let Some(server) = crate::servers::s3() else { return };
    let proxy = Proxy::start(&server.endpoint);
    let direct = server.url("interrupted");
    let through = direct.replace(&server.endpoint, &proxy.endpoint);
    let ada = Sandbox::history().with(server.env.clone());
    ada.ok(&["remote", "add", "origin", &through]);
    let cases = [
        (0, Fault::HeldBefore),
        (5, Fault::HeldAfter),
        (7, Fault::HeldBefore),
        (8, Fault::HeldAfter),
        (9, Fault::HeldAfter),
    ];
    let interrupts = |command: Command, (after, fault)| {
        proxy.set(move |_, number| (number >= after).then_some(fault));
        interrupt(command, To::All, || !proxy.struck().is_empty());
        proxy.calm();
    };
    for (number, case) in cases.into_iter().enumerate() {
        more(&ada, number);
        interrupts(ada.command(&["push", "-q"]), case);
        if number > 0 {
            is_sound(&ada, &direct);
        }
        ada.ok(&["push", "-q"]);
        is_sound(&ada, &direct);
    }
    for case in cases {
        interrupts(ada.command(&["clone", "-q", &through, "../bob"]), case);
        let bob = clone_goes_on(&ada, &through);
        is_sound(&bob, &direct);
        std::fs::remove_dir_all(bob.root()).unwrap();
    }
}
