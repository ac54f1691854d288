//! Histories for tests.

use std::collections::BTreeMap;

use crate::id::CommitId;
use crate::object::{
    Accelerators, Commit, Cpu, Definition, Environment, Limits, Log, Memory, Outcome, Packages, System, Time,
    put,
};

fn empty_definition(memory: &Memory) -> crate::id::DefinitionId {
    let cpu = Cpu { model: "cpu".into(), vendor: None, cores: None, threads: 1, extensions: Vec::new() };
    let system = System {
        os: "linux".into(),
        release: None,
        kernel: None,
        arch: "x86_64".into(),
        libc: None,
        cpu,
        memory: 1 << 30,
        numa_nodes: None,
        container: None,
        limits: Limits { cpus: None, memory: None },
        blas: None,
        allocation: None,
    };
    let devices = Vec::new();
    let accelerators = Accelerators { devices, driver: None, runtime: None, libraries: None, gap: None };
    let environment = Environment {
        packages: put(memory, &Packages { interpreter: None, packages: Vec::new(), locks: None }).unwrap(),
        system: put(memory, &system).unwrap(),
        accelerators: put(memory, &accelerators).unwrap(),
        variables: BTreeMap::new(),
    };
    let definition = Definition {
        datasets: BTreeMap::new(),
        features: BTreeMap::new(),
        params: None,
        code: None,
        command: None,
        directory: None,
        seeds: BTreeMap::new(),
        environment: put(memory, &environment).unwrap(),
    };
    put(memory, &definition).unwrap()
}

/// A commit at this time, with an empty definition.
pub(crate) fn commit(memory: &Memory, millis: i64, parents: &[CommitId]) -> CommitId {
    commit_of(memory, millis, parents, None)
}

/// A commit as [`commit`] makes them, of a run that printed this.
pub(crate) fn logged(memory: &Memory, millis: i64, parents: &[CommitId], text: &[u8]) -> CommitId {
    let log = Log { content: memory.insert_content(text.to_vec()), size: text.len() as u64 };
    commit_of(memory, millis, parents, Some(Outcome { log: Some(log), ..Outcome::default() }))
}

fn commit_of(memory: &Memory, millis: i64, parents: &[CommitId], outcome: Option<Outcome>) -> CommitId {
    let commit = Commit {
        definition: empty_definition(memory),
        outcome: outcome.map(|outcome| put(memory, &outcome).unwrap()),
        parents: parents.to_vec(),
        author: "A <a@example.org>".into(),
        time: Time { millis, zone: 0 },
        message: format!("at {millis}"),
        git: None,
        run: None,
    };
    put(memory, &commit).unwrap()
}

/// Commits one after the other, oldest first.
pub(crate) fn chain(memory: &Memory, len: usize) -> Vec<CommitId> {
    let mut ids = Vec::new();
    for i in 0..len {
        ids.push(commit(memory, i as i64, ids.last().copied().as_slice()));
    }
    ids
}
