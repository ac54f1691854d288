//! The processes that a command has started, as `/proc` knows them; none where there is no such thing.
//!
//! A command may share our group, and the group of a command may lose its first. Whom a timeout is to end is
//! therefore looked up when it begins.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

/// A process, told from a later one of the same number by when it began.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Process {
    pid: Pid,
    parent: Option<Pid>,
    began: u64,
}

/// A process that lives.
fn look(pid: Pid) -> Option<Process> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_pid())).ok()?;
    // After the name, which may hold anything: state (the 3rd field), parent, …, start (the 22nd).
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let lives = !matches!(fields.first(), Some(&("Z" | "X")));
    let parent = fields.get(1)?.parse().ok().and_then(Pid::from_raw);
    let began = fields.get(19)?.parse().ok()?;
    lives.then_some(Process { pid, parent, began })
}

impl Process {
    fn lives(&self) -> bool {
        look(self.pid).is_some_and(|now| now.began == self.began)
    }
}

/// What descends from a process.
#[derive(Default)]
pub(super) struct Kin(Vec<Process>);

impl Kin {
    /// As it is now.
    pub fn of(root: Pid) -> Self {
        let names = fs::read_dir("/proc").into_iter().flatten().flatten().map(|entry| entry.file_name());
        let pids = names.filter_map(|name| name.to_str()?.parse().ok().and_then(Pid::from_raw));
        let all: Vec<Process> = pids.filter_map(look).collect();
        let (mut parents, mut found) = (vec![root], Vec::new());
        while let Some(parent) = parents.pop() {
            let children = all.iter().filter(|process| process.parent == Some(parent));
            parents.extend(children.clone().map(|child| child.pid));
            found.extend(children);
        }
        Self(found)
    }

    /// Sends a signal to those that still live.
    pub fn send(&self, signal: Signal) {
        for process in self.0.iter().filter(|process| process.lives()) {
            // It may have ended just now.
            let _ = kill_process(process.pid, signal);
        }
    }

    /// Waits until none of them lives, or the time has come.
    pub fn outlast(&self, end: Instant) {
        const LOOK: Duration = Duration::from_millis(20);
        while self.0.iter().any(Process::lives) && Instant::now() < end {
            thread::sleep(LOOK);
        }
    }
}
