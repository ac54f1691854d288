//! A process and all that descend from it.
//!
//! A process belongs to the tree if its parent does when it is first seen, or if its session or process group was
//! founded by one that does: so one that lost its parent still belongs. Who belongs once, does so to its end. What
//! does not belong is looked at once, so that a host full of other processes costs little.
//!
//! The time and the traffic of a process that ended between two samples is found with the parent that waited for it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use crate::capture::sampler::kept::Kept;
use crate::capture::sampler::process::{Disk, Process, Stat};

/// Files of so many processes are kept open; those of others are opened each time.
const MOST_KEPT: usize = 64;
/// The most processes that are followed.
const MOST_MEMBERS: usize = 10_000;
/// After so many samples, all processes are looked at again: a number may have been given to another.
const LOOK_AGAIN: u32 = 64;

/// What the tree used since the last sample, and what it has now.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Processor time in ticks; `None` at the first sample.
    pub(super) cpu: Option<u64>,
    /// Traffic with storage in bytes; `None` at the first sample, or if no process tells.
    pub(super) disk: Option<Disk>,
    /// Resident pages, those that are shared counted for each that shares them.
    pub(super) pages: u64,
    /// None once all have ended, and are only waited for.
    pub(super) threads: u64,
}

/// A process and its descendants.
pub(super) struct Tree {
    proc: PathBuf,
    members: BTreeMap<u32, Process>,
    strangers: BTreeSet<u32>,
    /// Sessions and groups that members founded, as long as a member is in them.
    founded: BTreeSet<u32>,
    loads: Kept,
    last_pid: Option<u32>,
    round: u32,
    is_first: bool,
    buffer: Vec<u8>,
}

impl Tree {
    /// The tree of a process, in the `/proc` below a root.
    pub(super) fn new(root: &Path, pid: u32) -> Self {
        let proc = root.join("proc");
        let mut buffer = Vec::with_capacity(4096);
        let first = Process::open(&proc, pid, true, &mut buffer);
        Self {
            members: first.map(|process| (pid, process)).into_iter().collect(),
            strangers: BTreeSet::new(),
            founded: BTreeSet::new(),
            loads: Kept::new(proc.join("loadavg"), true),
            last_pid: None,
            round: 0,
            is_first: true,
            proc,
            buffer,
        }
    }

    /// Samples it; `None` if nothing of it is left.
    pub(super) fn sample(&mut self) -> Option<Usage> {
        let before: BTreeMap<u32, (Stat, Option<Disk>)> =
            self.members.iter().map(|(pid, process)| (*pid, (process.stat, process.disk))).collect();
        let gone = self.refresh();
        self.adopt();
        self.found();
        if self.members.is_empty() {
            return None;
        }
        let mut usage = Usage::default();
        for process in self.members.values() {
            usage.pages += process.stat.pages;
            usage.threads += process.stat.threads;
        }
        if !std::mem::take(&mut self.is_first) {
            let ended = self.ended(&gone);
            (usage.cpu, usage.disk) = (Some(self.cpu(&before, &ended)), self.disk(&before, &ended));
        }
        Some(usage)
    }

    /// Looks at the members again, and hands out those that are gone.
    fn refresh(&mut self) -> BTreeMap<u32, Process> {
        let buffer = &mut self.buffer;
        self.members.extract_if(.., |_, process| !process.refresh(buffer)).collect()
    }

    /// Finds new members.
    fn adopt(&mut self) {
        self.round = self.round.wrapping_add(1);
        let again = self.round.is_multiple_of(LOOK_AGAIN);
        let last = self.loads.read(&mut self.buffer).and_then(last_pid);
        // No process or thread was started anywhere since the last time.
        if !again && last.is_some() && last == self.last_pid {
            return;
        }
        self.last_pid = last;
        let Ok(listed) = std::fs::read_dir(&self.proc) else { return };
        let listed: BTreeSet<u32> =
            listed.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        if again {
            self.strangers.clear();
        }
        self.strangers.retain(|pid| listed.contains(pid));
        let new =
            listed.into_iter().filter(|pid| !self.members.contains_key(pid) && !self.strangers.contains(pid));
        let new: Vec<u32> = new.collect();
        let mut unknown: Vec<(u32, Process)> = new.into_iter().filter_map(|pid| self.open(pid)).collect();
        // A child may have a lower number than its parent: go on until nothing is found any more.
        loop {
            let count = unknown.len();
            let (found, rest): (Vec<_>, Vec<_>) =
                unknown.into_iter().partition(|(pid, process)| self.belongs(*pid, &process.stat));
            unknown = rest;
            for (pid, mut process) in found.into_iter().take(MOST_MEMBERS.saturating_sub(self.members.len()))
            {
                process.look_at_disk(&mut self.buffer);
                self.members.insert(pid, process);
            }
            if unknown.len() == count {
                break;
            }
        }
        self.strangers.extend(unknown.into_iter().map(|(pid, _)| pid));
    }

    fn open(&mut self, pid: u32) -> Option<(u32, Process)> {
        let keep = self.members.len() < MOST_KEPT;
        Some((pid, Process::open(&self.proc, pid, keep, &mut self.buffer)?))
    }

    fn belongs(&self, pid: u32, stat: &Stat) -> bool {
        let is_founder =
            |id: u32| id != pid && (self.founded.contains(&id) || self.members.contains_key(&id));
        self.members.contains_key(&stat.parent) || is_founder(stat.group) || is_founder(stat.session)
    }

    /// Notes the sessions and groups that members founded, and forgets those that are empty.
    fn found(&mut self) {
        let all = self.members.values().flat_map(|process| [process.stat.group, process.stat.session]);
        let ours = |id: &u32| self.members.contains_key(id) || self.founded.contains(id);
        self.founded = all.filter(ours).collect();
    }

    /// What is known of the members that ended, by the nearest ancestor that is left: it may have waited for them.
    fn ended(&self, gone: &BTreeMap<u32, Process>) -> BTreeMap<u32, (u64, Disk)> {
        let mut ended: BTreeMap<u32, (u64, Disk)> = BTreeMap::new();
        for process in gone.values() {
            let mut ancestor = process.stat.parent;
            for _ in 0..gone.len() {
                let Some(parent) = gone.get(&ancestor) else { break };
                ancestor = parent.stat.parent;
            }
            let (cpu, disk) = ended.entry(ancestor).or_default();
            *cpu += process.stat.own + process.stat.reaped;
            let known = process.disk.unwrap_or_default();
            (disk.read, disk.written) = (disk.read + known.read, disk.written + known.written);
        }
        ended
    }

    /// Processor time since before: of each, and of those that it has waited for as far as it was not counted yet.
    fn cpu(&self, before: &BTreeMap<u32, (Stat, Option<Disk>)>, ended: &BTreeMap<u32, (u64, Disk)>) -> u64 {
        let of = |(pid, process): (&u32, &Process)| {
            let was = before.get(pid).map(|(stat, _)| *stat).unwrap_or_default();
            let counted = ended.get(pid).map_or(0, |(cpu, _)| *cpu);
            let waited = process.stat.reaped.saturating_sub(was.reaped).saturating_sub(counted);
            process.stat.own.saturating_sub(was.own) + waited
        };
        self.members.iter().map(of).sum()
    }

    fn disk(
        &self,
        before: &BTreeMap<u32, (Stat, Option<Disk>)>,
        ended: &BTreeMap<u32, (u64, Disk)>,
    ) -> Option<Disk> {
        let of = |(pid, process): (&u32, &Process)| {
            let now = process.disk?;
            let (stat, disk) = before.get(pid).copied().unwrap_or_default();
            let was = match (disk, before.contains_key(pid)) {
                (Some(disk), _) => disk,
                (None, true) => now,
                (None, false) => Disk::default(),
            };
            // Their traffic is in its own only if it has waited for them.
            let waited = process.stat.reaped_faults > stat.reaped_faults;
            let counted = ended.get(pid).filter(|_| waited).map(|(_, disk)| *disk).unwrap_or_default();
            let since = |now: u64, was: u64, counted: u64| now.saturating_sub(was).saturating_sub(counted);
            Some(Disk {
                read: since(now.read, was.read, counted.read),
                written: since(now.written, was.written, counted.written),
            })
        };
        let add = |a: Disk, b: Disk| Disk { read: a.read + b.read, written: a.written + b.written };
        self.members.iter().filter_map(of).reduce(add)
    }
}

/// The number that was given last, as the fifth field of `/proc/loadavg` says; `None` where it does not.
fn last_pid(loads: &str) -> Option<u32> {
    loads.split_ascii_whitespace().nth(4)?.parse().ok().filter(|pid| *pid > 0)
}
