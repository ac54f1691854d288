//! Each variant of the protocol that is known to fail is caught where it is planted, and nothing is found where
//! it is not: so what `races` and `many` do not find is not there, as far as they look.

use std::sync::Arc;

use super::check::Checker;
use super::explore::{Bounds, explore};
use super::races::{MAIN, littered};
use super::sloppy::{
    Blindness, CAREFUL, Care, Dooms, GOOD, Gathering, Habits, blind, gatherer, sweeper, writer,
};
use super::steps::World;
use super::writers::{ended, pruner, push_to, pusher};
use super::{Actor, Commits, End, branch};
use crate::id::CommitId;
use crate::refs::Target;
use crate::storage::Storage;
use crate::store::{PackName, Store};

const NEW: &str = "refs/heads/new";

fn search(
    commits: &Commits,
    actors: &[Actor],
    (preemptions, losses): (u8, u8),
    states: usize,
) -> Result<usize, String> {
    let memory = littered(commits);
    let bounds = Bounds { preemptions, losses, lose: MAIN, states };
    // These collectors keep values alone, as the protocol has it.
    let mut checker = Checker::of_values();
    let explored = explore(|names| World::of(&memory, names), actors, bounds, &mut checker)?;
    Ok(explored.states)
}

/// The mistake is found, and without it nothing is.
fn caught(commits: &Commits, preemptions: u8, losses: u8, right: &[Actor], wrong: &[Actor]) {
    // How packs happen to be called decides which trace is the shortest: one of these is short enough.
    let look = |more| search(commits, wrong, (preemptions + more, losses), 300_000).err();
    let found = (0..=2).find_map(look).expect("it went unnoticed");
    // Found for the reason that it should be: something is missing, or was told wrongly.
    assert!(found.contains("is in no pack") || found.contains("and that is not so"), "{found}");
    if let Err(problem) = search(commits, right, (preemptions, losses), 20_000) {
        panic!("{problem}");
    }
}

/// The pack to which nothing refers.
fn litter(commits: &Commits) -> PackName {
    let store = Store::open(Arc::new(littered(commits)), None);
    let mut found = None;
    let wanted = commits.next[0].digest();
    store.each_entry(&mut |pack, entry| found = found.or((entry.id == wanted).then_some(pack))).unwrap();
    found.unwrap()
}

fn push(commits: &Commits) -> Actor {
    pusher("push", commits, MAIN, Some(commits.base), commits.next[0])
}

/// One client that pushes twice, the second time from where somebody may have come to, and prunes.
fn mover(commits: &Commits) -> Actor {
    let (commits, to) = (commits.clone(), branch("main"));
    let (first, second) = (commits.next[1], commits.later);
    let act = move |storage: Arc<dyn Storage>| {
        let steps: [(CommitId, CommitId); 2] = [(commits.base, first), (first, second)];
        for (base, target) in steps {
            let moved = push_to(&storage, &commits, &to, Some(Target::Commit(base)), Target::Commit(target));
            match ended(moved) {
                End::Done => {}
                other => return other,
            }
        }
        (pruner("", MAIN).act)(storage)
    };
    Actor::new("mover", act)
}

#[test]
fn trusting_what_was_created() {
    let commits = Commits::new();
    let right = [push(&commits), mover(&commits)];
    let wrong = [blind(push(&commits), Blindness::AfterCreate), mover(&commits)];
    caught(&commits, 2, 0, &right, &wrong);
}

#[test]
fn no_second_list() {
    let commits = Commits::new();
    let right = [push(&commits), mover(&commits)];
    let wrong = [blind(push(&commits), Blindness::AfterRead), mover(&commits)];
    caught(&commits, 3, 1, &right, &wrong);
}

fn caught_collector(preemptions: u8, right: Care, wrong: Care) {
    let commits = Commits::new();
    caught(
        &commits,
        preemptions,
        0,
        &[push(&commits), sweeper("gc", right)],
        &[push(&commits), sweeper("gc", wrong)],
    );
}

#[test]
fn mark_and_sweep_without_a_fence() {
    caught_collector(2, CAREFUL, Care { fences: false, ..CAREFUL });
}

#[test]
fn roots_read_before_the_fence() {
    caught_collector(2, CAREFUL, Care { reads_roots_last: false, ..CAREFUL });
}

#[test]
fn a_fence_without_the_check_after_it() {
    let commits = Commits::new();
    let actors = |care| [mover(&commits), sweeper("gc", care)];
    caught(&commits, 2, 0, &actors(CAREFUL), &actors(Care { checks_fence: false, ..CAREFUL }));
}

#[test]
fn a_new_mark_while_the_old_one_is_unfinished() {
    let commits = Commits::new();
    let litter = litter(&commits);
    let actors = |care: Care| {
        let (one, other) = (Dooms::Only(litter), Dooms::AllBut(litter));
        let [one, other] = [one, other].map(|dooms| Care { dooms, ..care });
        [push(&commits), sweeper("gc", one), sweeper("other gc", other)]
    };
    caught(&commits, 2, 0, &actors(CAREFUL), &actors(Care { adopts: false, ..CAREFUL }));
}

#[test]
fn a_mark_without_the_check_after_it() {
    let commits = Commits::new();
    let litter = litter(&commits);
    let actors = |care: Care| {
        let often = Care { dooms: Dooms::AllBut(litter), rounds: 2, ..CAREFUL };
        let once = Care { dooms: Dooms::Only(litter), ..care };
        [push(&commits), sweeper("gc", once), sweeper("other gc", often)]
    };
    caught(&commits, 2, 0, &actors(CAREFUL), &actors(Care { checks_mark: false, ..CAREFUL }));
}

fn caught_writer(log: &'static str, preemptions: u8, wrong: Habits) {
    let commits = Commits::new();
    let base = (log == MAIN).then_some(commits.base);
    let write = |habits| writer("push", &commits, log, base, commits.next[0], habits);
    let gc = || sweeper("gc", CAREFUL);
    caught(&commits, preemptions, 0, &[write(GOOD), gc()], &[write(wrong), gc()]);
}

#[test]
fn a_new_ref_without_birth() {
    caught_writer(NEW, 2, Habits { births: false, ..GOOD });
}

#[test]
fn packs_or_marks_read_before_the_ref() {
    caught_writer(MAIN, 2, Habits { reads_ref_first: false, ..GOOD });
}

#[test]
fn trusting_the_closure_of_another_ref() {
    let commits = Commits::new();
    let to = commits.base;
    let branches_off = |habits| writer("branch", &commits, NEW, None, to, habits);
    let deletes = || {
        let commits = commits.clone();
        Actor::new("delete", move |storage| {
            let (base, none) = (Some(Target::Commit(to)), Target::Deleted);
            ended(push_to(&storage, &commits, &branch("main"), base, none))
        })
    };
    let gc = || sweeper("gc", CAREFUL);
    let right = [branches_off(GOOD), deletes(), gc()];
    let wrong = [branches_off(Habits { trusts_nobody: false, ..GOOD }), deletes(), gc()];
    caught(&commits, 2, 0, &right, &wrong);
}

/// The pack that has the branch's first commit.
fn base_pack(commits: &Commits) -> PackName {
    let store = Store::open(Arc::new(littered(commits)), None);
    let mut found = None;
    let wanted = commits.base.digest();
    store.each_entry(&mut |pack, entry| found = found.or((entry.id == wanted).then_some(pack))).unwrap();
    found.unwrap()
}

#[test]
fn copying_a_pack_whole_and_removing_it_without_a_mark() {
    let commits = Commits::new();
    let pack = base_pack(&commits);
    // The collection takes the copy for garbage, as the pack has the same.
    let actors = |how| {
        let gc = Care { dooms: Dooms::AllBut(pack), ..CAREFUL };
        [gatherer("compaction", pack, how), sweeper("gc", gc)]
    };
    caught(&commits, 2, 0, &actors(Gathering::Careful), &actors(Gathering::WithoutMark));
}

#[test]
fn copying_a_pack_whole_and_removing_it_under_a_later_mark() {
    let commits = Commits::new();
    let pack = base_pack(&commits);
    let actors = |how| {
        let gc = Care { dooms: Dooms::AllBut(pack), ..CAREFUL };
        [gatherer("compaction", pack, how), sweeper("gc", gc)]
    };
    caught(&commits, 2, 0, &actors(Gathering::Careful), &actors(Gathering::UnderAnyMark));
}
