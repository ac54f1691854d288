//! Many who push at once: of one branch one wins each time, and nobody's work is lost.

use std::collections::BTreeSet;
use std::process::Output;
use std::sync::{Arc, Barrier};

use mdl::disk::OsDisk;
use mdl::id::CommitId;
use mdl::name::RunId;
use mdl::object::{self, Commit, Phase, Run, Time};
use mdl::progress::Silent;
use mdl::refs::{self, Move, Ref, Target};
use mdl::repo::Repository;
use mdl::storage::Folder;

use super::{TEAM, commit, copy, shared};
use crate::sandbox::Sandbox;
#[cfg(feature = "bucket")]
use crate::servers;

/// The same command in many projects, started at one moment.
fn at_once(sandboxes: &[&Sandbox], arguments: &[&str]) -> Vec<Output> {
    let barrier = Barrier::new(sandboxes.len());
    std::thread::scope(|scope| {
        let start = |sandbox: &&Sandbox| {
            let (barrier, mut command) = (&barrier, sandbox.command(arguments));
            scope.spawn(move || {
                barrier.wait();
                command.output().unwrap()
            })
        };
        let threads: Vec<_> = sandboxes.iter().map(start).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned()
}

fn all_did(outputs: Vec<Output>) {
    for output in outputs {
        assert!(output.status.success(), "{}", told(&output));
    }
}

/// So many people with clones of what Ada pushed there.
fn people(ada: &Sandbox, team: &str, count: usize) -> Vec<Sandbox> {
    ada.ok(&["clone", "-q", team, "../number-0"]);
    let all: Vec<_> = (0..count).map(|number| ada.beside(&format!("number-{number}"))).collect();
    all[1..].iter().for_each(|other| copy(&all[0].root(), &other.root()));
    all
}

/// Sixteen who push to one branch, again and again until all of them have won.
fn sixteen_push(ada: Sandbox, team: &str) {
    let ada = shared(ada, team);
    let all = people(&ada, team, 16);
    for (number, one) in all.iter().enumerate() {
        commit(one, &format!("data/{number}.csv"), &format!("x\n{number}\n"), &format!("number {number}"));
    }
    let mut left: Vec<&Sandbox> = all.iter().collect();
    for round in 1..=16 {
        let pushed = at_once(&left, &["push"]);
        let won = pushed.iter().filter(|output| output.status.success()).count();
        assert_eq!(won, 1, "round {round}: {:?}", pushed.iter().map(told).collect::<Vec<_>>());
        let others = pushed.iter().filter(|output| !output.status.success());
        for output in others {
            assert_eq!(output.status.code(), Some(4), "{}", told(output));
            assert!(told(output).contains("mdl pull"), "{}", told(output));
        }
        let mut lost = pushed.iter().map(|output| !output.status.success());
        left.retain(|_| lost.next().unwrap());
        if !left.is_empty() {
            all_did(at_once(&left, &["pull", "-q"]));
        }
    }
    assert!(left.is_empty());
    ada.ok(&["pull", "-q"]);
    for number in 0..16 {
        assert_eq!(ada.read(&format!("data/{number}.csv")), format!("x\n{number}\n"));
    }
    ada.ok(&["fsck", "origin", "--data"]);
}

#[test]
fn of_sixteen_who_push_to_a_folder_one_wins_each_round_and_nobody_loses() {
    sixteen_push(Sandbox::history(), TEAM);
}

#[cfg(feature = "bucket")]
#[test]
fn of_sixteen_who_push_to_a_bucket_one_wins_each_round_and_nobody_loses() {
    let Some(server) = servers::s3() else { return };
    sixteen_push(Sandbox::history().with(server.env.clone()), &server.url("sixteen"));
}

/// Thirty-two who push runs at once, as many as is said for each. Those that ended may become a batch.
fn thirty_two_push_runs(ada: Sandbox, team: &str, count: fn(usize) -> usize, ended: bool) {
    let ada = shared(ada, team);
    let all = people(&ada, team, 32);
    let mut ids: Vec<RunId> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..all.len())
            .map(|number| {
                let one = &all[number];
                scope.spawn(move || record(one, number as u8, count(number), ended))
            })
            .collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    ids.sort();
    all_did(at_once(&all.iter().collect::<Vec<_>>(), &["push", "--runs"]));
    assert_eq!(if ended { fetched(&ada) } else { listed(&ada) }, ids);
    ada.ok(&["fsck", "origin", "--data"]);
}

/// A thousand in all.
const MANY: fn(usize) -> usize = |number| 31 + (number % 4 == 0) as usize;

#[test]
fn of_a_thousand_runs_that_many_push_to_a_folder_at_once_none_is_lost() {
    assert_eq!((0..32).map(MANY).sum::<usize>(), 1_000);
    thirty_two_push_runs(Sandbox::history(), TEAM, MANY, false);
}

#[cfg(feature = "bucket")]
#[test]
fn of_a_thousand_runs_that_many_push_to_a_bucket_at_once_none_is_lost() {
    let Some(server) = servers::s3() else { return };
    thirty_two_push_runs(Sandbox::history().with(server.env.clone()), &server.url("thousand"), MANY, false);
}

/// Some push a few, and some so many that they become a batch.
const SOME: fn(usize) -> usize = |number| number % 13;

#[test]
fn of_batches_of_runs_that_many_push_at_once_none_is_lost() {
    thirty_two_push_runs(Sandbox::history(), TEAM, SOME, true);
}

#[cfg(feature = "bucket")]
#[test]
fn of_runs_that_many_push_to_a_bucket_at_once_none_is_lost() {
    let Some(server) = servers::s3() else { return };
    thirty_two_push_runs(Sandbox::history().with(server.env.clone()), &server.url("runs"), SOME, true);
}

fn keys(sandbox: &Sandbox) -> Folder {
    Folder::new(sandbox.root().join(".mdl"), Arc::new(OsDisk))
}

/// The runs that somebody gets who fetches, in batches or not.
fn fetched(sandbox: &Sandbox) -> Vec<RunId> {
    sandbox.ok(&["fetch", "-q"]);
    let repository = Repository::open(&sandbox.root()).unwrap();
    let runs = refs::runs(&keys(sandbox), repository.store()).unwrap();
    runs.ids().into_iter().cloned().collect()
}

/// The runs that are refs of their own at the remote.
fn listed(sandbox: &Sandbox) -> Vec<RunId> {
    let keys = told(&sandbox.command(&["ls-remote", "--keys"]).output().unwrap());
    let run = |line: &str| RunId::new(line.split_once(" refs/runs/")?.1.split_once('/')?.0).ok();
    keys.lines().filter_map(run).collect::<BTreeSet<_>>().into_iter().collect()
}

/// Records runs of what is checked out. A fetch believes only what records the run itself, so that each that ended has a
/// commit of its own. Others are copies of the first, which spares the disk.
fn record(sandbox: &Sandbox, who: u8, count: usize, ended: bool) -> Vec<RunId> {
    let repository = Repository::open(&sandbox.root()).unwrap();
    let head = repository.resolve("HEAD").unwrap().commit;
    let when = Time { millis: 1_700_000_000_000, zone: 0 };
    let by = Move { who: "A <a@b>".into(), when, why: "test".into() };
    let id = |run: usize| {
        let mut random = [0; 10];
        random[8..].copy_from_slice(&[who, run as u8]);
        RunId::from_parts(1_700_000_000_000, random)
    };
    let ids: Vec<_> = (0..count).map(id).collect();
    let advance = |id: &RunId, target: Target| {
        let there = &mut |_: &_| Ok(());
        let name = Ref::of_run(id);
        refs::advance(&keys(sandbox), &name, None, target, &by, there, &|_, _| Ok(true)).unwrap();
    };
    if ended {
        let base: Commit = object::get(repository.store(), head).unwrap();
        let writer = repository.store().writer(&Silent);
        let commits: Vec<CommitId> =
            ids.iter().map(|id| object::put(&writer, &recording(id, &base)).unwrap()).collect();
        writer.finish().unwrap();
        ids.iter().zip(commits).for_each(|(id, commit)| advance(id, Target::Finished(commit)));
    } else if let Some((first, others)) = ids.split_first() {
        advance(first, Target::Commit(head));
        let log = |id: &RunId| sandbox.root().join(".mdl/refs/runs").join(id.as_str());
        others.iter().for_each(|other| copy(&log(first), &log(other)));
    }
    ids
}

/// A commit like another one that records how a run ended.
fn recording(id: &RunId, like: &Commit) -> Commit {
    assert!(like.outcome.is_some(), "a run that ended has an outcome");
    let (id, phase) = (id.clone(), Phase::Train);
    let run = Run { id, name: None, phase, sweep: None, set: Default::default(), reproduces: None };
    Commit { run: Some(run), ..like.clone() }
}
