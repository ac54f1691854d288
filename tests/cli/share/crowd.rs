//! Many who push at once: of one branch one wins each time, and nobody's work is lost.

use std::process::Output;
use std::sync::{Arc, Barrier};

use mdl::disk::OsDisk;
use mdl::name::{RefName, RunId};
use mdl::object::Time;
use mdl::refs::{self, Family, Move, Ref, Target};
use mdl::repo::Repository;
use mdl::storage::Folder;

use super::{ada, clone, commit, copy};
use crate::sandbox::Sandbox;

/// The same command in many projects, started at one moment.
fn at_once(sandboxes: &[Sandbox], arguments: &[&str]) -> Vec<Output> {
    let barrier = Barrier::new(sandboxes.len());
    std::thread::scope(|scope| {
        let start = |sandbox| {
            let barrier = &barrier;
            scope.spawn(move || {
                let mut command = Sandbox::command(sandbox, arguments);
                barrier.wait();
                command.output().unwrap()
            })
        };
        let threads: Vec<_> = sandboxes.iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

/// So many people with clones of what Ada pushed.
fn people(ada: &Sandbox, count: usize) -> Vec<Sandbox> {
    let first = clone(ada, "number-0", &[]);
    let mut all = Vec::new();
    for number in 1..count {
        let other = ada.beside(&format!("number-{number}"));
        copy(&first.root(), &other.root());
        all.push(other);
    }
    all.insert(0, first);
    all
}

#[test]
fn of_sixteen_who_push_at_once_one_wins_and_nobody_loses() {
    let ada = ada();
    let all = people(&ada, 16);
    for (number, one) in all.iter().enumerate() {
        commit(one, &format!("data/{number}.csv"), &format!("x\n{number}\n"), &format!("number {number}"));
    }
    let pushed = at_once(&all, &["push"]);
    let told = |output: &Output| {
        String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
    };
    let won = pushed.iter().filter(|output| output.status.success()).count();
    assert_eq!(won, 1, "{:?}", pushed.iter().map(told).collect::<Vec<_>>());
    for (one, output) in all.iter().zip(&pushed).filter(|(_, output)| !output.status.success()) {
        assert_eq!(output.status.code(), Some(4), "{}", told(output));
        assert!(told(output).contains("mdl pull"), "{}", told(output));
        one.ok(&["pull", "-q"]);
        one.ok(&["push", "-q"]);
    }
    ada.ok(&["pull", "-q"]);
    for number in 0..16 {
        assert_eq!(ada.read(&format!("data/{number}.csv")), format!("x\n{number}\n"));
    }
    ada.ok(&["fsck", "origin", "--data"]);
}

#[test]
fn of_runs_that_many_push_at_once_none_is_lost() {
    let ada = ada();
    let all = people(&ada, 32);
    let mut ids = Vec::new();
    for (number, one) in all.iter().enumerate() {
        // Some push a few, and some so many that they become a batch.
        for run in 0..(number % 13) as u8 {
            ids.push(record(one, [number as u8, run]));
        }
    }
    assert!(ids.len() > 160, "{}", ids.len());
    for output in at_once(&all, &["push", "--runs"]) {
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    ada.ok(&["fetch", "-q"]);
    let repository = Repository::open(&ada.root()).unwrap();
    let runs = refs::runs(&keys(&ada), repository.store()).unwrap();
    ids.sort();
    assert_eq!(runs.ids().into_iter().cloned().collect::<Vec<_>>(), ids);
    ada.ok(&["fsck", "origin", "--data"]);
}

fn keys(sandbox: &Sandbox) -> Folder {
    Folder::new(sandbox.root().join(".mdl"), Arc::new(OsDisk))
}

/// Records a run that ended with what is checked out.
fn record(sandbox: &Sandbox, number: [u8; 2]) -> RunId {
    let mut random = [0; 10];
    random[8..].copy_from_slice(&number);
    let id = RunId::from_parts(1_700_000_000_000, random);
    let repository = Repository::open(&sandbox.root()).unwrap();
    let commit = repository.resolve("HEAD").unwrap().commit;
    let name = Ref { family: Family::Runs, name: RefName::new(id.as_str()).unwrap() };
    let when = Time { millis: 1_700_000_000_000, zone: 0 };
    let by = Move { who: "A <a@b>".into(), when, why: "test".into() };
    let target = Target::Finished(commit);
    refs::advance(&keys(sandbox), &name, None, target, &by, &mut |_| Ok(()), &|_, _| Ok(true)).unwrap();
    id
}
