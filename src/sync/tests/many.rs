//! Many schedules, each drawn from a seed: more actors than all orders of could be taken, crashes, long pauses.
//!
//! A failure prints its seed and its schedule. `MDL_SCHEDULES=<seed>` runs that one alone, `MDL_SCHEDULES=<a>..<b>` a
//! range: what runs by default is the beginning of it.

use std::ops::Range;

use super::check::Checker;
use super::races::{MAIN, littered};
use super::schedule::{Dice, Weather, run};
use super::steps::{Names, World};
use super::writers::{committer, pusher, reader, runner};
use super::{Actor, Commits, collector, compactor, end_well};
use crate::storage::Memory;

/// How many there are without being asked for.
const SCHEDULES: u64 = 1_000;

fn actors(commits: &Commits) -> Vec<Actor> {
    let (base, next) = (commits.base, &commits.next);
    vec![
        pusher("push", commits, MAIN, Some(base), next[0]),
        committer("commit", commits, MAIN, base, next[1]),
        pusher("branch", commits, "refs/heads/new", None, next[2]),
        runner("run", commits),
        collector("gc"),
        collector("other gc"),
        compactor("compaction"),
        compactor("other compaction"),
        reader("reader", MAIN),
    ]
}

pub(super) fn one(seed: u64, memory: &Memory, actors: &[Actor], checker: &mut Checker) -> Result<(), String> {
    checker.begin();
    let mut names = Names::default();
    let world = World::of(memory, &mut names);
    let mut dice = Dice::new(!seed);
    // Calm and rough ones; in some, nobody crashes and no reply is lost.
    let (often, rare) = ([2, 5, 20][dice.roll(3)], [30, 200, usize::MAX][dice.roll(3)]);
    let weather = Weather {
        switch: often,
        loss: [10, 50, usize::MAX][dice.roll(3)],
        crash: rare,
        pause: [20, 60, usize::MAX][dice.roll(3)],
    };
    let (world, _) = run(seed, weather, world, &mut names, actors, checker)?;
    end_well(&world, &mut names, checker).map_err(|problem| format!("seed {seed}: {problem}"))
}

fn range() -> Range<u64> {
    let Ok(wanted) = std::env::var("MDL_SCHEDULES") else { return 0..SCHEDULES };
    let (first, last) = wanted.split_once("..").unwrap_or((&wanted, ""));
    let first = first.parse().unwrap();
    first..last.parse().unwrap_or(first + 1)
}

#[test]
fn seeded_schedules() {
    let (commits, seeds, started) = (Commits::new(), range(), std::time::Instant::now());
    let memory = littered(&commits);
    std::thread::scope(|scope| {
        for part in 0..2 {
            let (memory, commits, seeds) = (memory.clone(), commits.clone(), seeds.clone());
            scope.spawn(move || {
                let (actors, mut checker) = (actors(&commits), Checker::default());
                for seed in seeds.filter(|seed| seed % 2 == part) {
                    if let Err(problem) = one(seed, &memory, &actors, &mut checker) {
                        panic!("{problem}");
                    }
                }
            });
        }
    });
    eprintln!("{seeds:?}: {:?}", started.elapsed());
}
