//! Every state of a recorded command, every one of its syncs.

use std::collections::{BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Instant;

use mdl::disk::testing::{Bound, Crash, Snapshot, each_crash_after, syncs, without};

use crate::check::{self, Broken};
use crate::project::Project;
use crate::record::{Recorded, Scenario, counted};

const SEED: u64 = 20;
/// How thoroughly to look. Of the states that are found sound, each n-th is gone on from.
#[derive(Clone, Copy)]
pub struct Effort {
    /// States for each prefix, above which they are sampled.
    pub states: usize,
    /// The next commands run on each n-th state; 0: on none.
    pub next: usize,
    /// And their own states are explored for each n-th of those; 0: for none.
    pub nested: usize,
    /// Each n-th prefix, and the whole trace; 0: that alone.
    pub prefixes: usize,
}

/// How much was looked at.
#[derive(Default)]
pub struct Explored {
    pub states: usize,
    pub next: usize,
    pub nested: usize,
}

/// Checks the states of a recorded command.
pub fn explore(scenario: &Scenario, recorded: &Recorded, effort: Effort) -> Result<Explored, Broken> {
    explore_new(scenario, recorded, effort, 0, &mut Sound::default())
}

/// States that were found sound, each with whether the command had returned.
type Sound = HashSet<u64>;

/// Checks the states of a recorded command that were not found sound before, after so many operations or more.
fn explore_new(
    scenario: &Scenario,
    recorded: &Recorded,
    effort: Effort,
    from: usize,
    known: &mut Sound,
) -> Result<Explored, Broken> {
    let mut explored = Explored::default();
    let all = recorded.trace.len();
    let is_looked_at = |operations: &usize| {
        *operations == all || operations.checked_rem(effort.prefixes).is_some_and(|rest| rest == 0)
    };
    let mut prefixes = (from..=all).rev().filter(is_looked_at);
    let bound = Bound { states: effort.states, seed: SEED };
    each_crash_after::<Broken>(&recorded.start, &recorded.trace, &mut prefixes, bound, &mut |crash| {
        let hash = hash(crash, recorded);
        if known.contains(&hash) {
            return Ok(());
        }
        state(scenario, recorded, effort, crash, &mut explored).map_err(|broken| {
            format!("{}, after {} operations: {broken}", scenario.name, crash.operations)
        })?;
        known.insert(hash);
        Ok(())
    })?;
    Ok(explored)
}

fn hash(crash: &Crash, recorded: &Recorded) -> u64 {
    let mut hasher = DefaultHasher::new();
    (crash.nodes(), crash.operations == recorded.trace.len()).hash(&mut hasher);
    hasher.finish()
}

fn state(
    scenario: &Scenario,
    recorded: &Recorded,
    effort: Effort,
    crash: &Crash,
    explored: &mut Explored,
) -> Result<(), Broken> {
    explored.states += 1;
    check::files(recorded, crash)?;
    let project = Project::built(recorded.start.root(), |root| crash.build(root));
    check::refs(recorded, crash.operations == recorded.trace.len(), &project)?;
    if effort.next == 0 || !explored.states.is_multiple_of(effort.next) {
        return Ok(());
    }
    explored.next += 1;
    if effort.nested != 0 && explored.next.is_multiple_of(effort.nested) {
        explored.nested += nested(scenario, recorded, &project)?;
    }
    check::goes_on(scenario, recorded, &project)
}

/// Cuts off also the command that follows, in a copy of the project.
fn nested(scenario: &Scenario, recorded: &Recorded, project: &Project) -> Result<usize, Broken> {
    let copy = Project::copy(&Snapshot::of(project.root()).unwrap());
    if !scenario.again.applies(&copy, &recorded.old) {
        return Ok(0);
    }
    let again = Recorded::of(scenario.command, &copy).map_err(|error| check::told(&error))?;
    let effort = Effort { states: 2, next: 24, nested: 0, prefixes: 1 };
    let explored = explore(scenario, &again, effort).map_err(|broken| format!("cut off twice: {broken}"))?;
    Ok(explored.states)
}

/// Explores a scenario, then leaves out each of its syncs in turn.
pub fn run(scenario: &Scenario, effort: Effort) {
    let begun = Instant::now();
    let project = Project::empty();
    (scenario.before)(&project);
    let recorded = Recorded::of(scenario.command, &project).unwrap();
    let mut known = Sound::default();
    let explored = explore_new(scenario, &recorded, effort, 0, &mut known);
    let explored = explored.unwrap_or_else(|broken| panic!("{broken}"));
    let needless = needless_syncs(scenario, &recorded, Effort { next: 0, ..effort }, &mut known);
    println!(
        "| {} | {} | {} | {} | {} | {} | {} | {:.1} s",
        scenario.name,
        recorded.trace.len(),
        explored.states,
        explored.next,
        explored.nested,
        syncs(&recorded.trace).len(),
        needless.len(),
        begun.elapsed().as_secs_f32(),
    );
    let listed: BTreeSet<String> = scenario.redundant.iter().map(|(label, _)| (*label).to_owned()).collect();
    let counts = counted(syncs(&recorded.trace).into_iter().map(|at| recorded.label(at)));
    assert!(
        needless == listed,
        "{}: nothing needs {needless:?}, and listed are {listed:?}; all: {counts:?}",
        scenario.name
    );
}

/// The syncs without which every promise is kept.
fn needless_syncs(
    scenario: &Scenario,
    recorded: &Recorded,
    effort: Effort,
    known: &mut Sound,
) -> BTreeSet<String> {
    let is_needless = |at: &usize| {
        let shorter = recorded.with_trace(without(&recorded.trace, *at));
        // What comes before is as it was.
        explore_new(scenario, &shorter, effort, *at, known).is_ok()
    };
    syncs(&recorded.trace).into_iter().filter(is_needless).map(|at| recorded.label(at)).collect()
}
