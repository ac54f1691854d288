//! Those who write: a push, a commit, a run; and who reads, and who prunes.

use std::collections::HashSet;
use std::sync::Arc;

use super::{Actor, Commits, End, RUN, branch, by, run_ref};
use crate::graph;
use crate::id::CommitId;
use crate::object::{Link, link};
use crate::progress::Silent;
use crate::refs::{self, Advanced, Doomed, Footing, Ref, RefError, Target};
use crate::storage::{Key, Storage};
use crate::store::{PackName, Store};

pub(super) fn packs_of(doomed: &Doomed) -> HashSet<PackName> {
    PackName::of_keys(doomed.keys())
}

pub(super) fn ended(moved: Result<Advanced, RefError>) -> End {
    match moved {
        Ok(Advanced::Done) => End::Done,
        Ok(Advanced::Lost(_)) => End::Lost,
        Err(RefError::Unknown { .. } | RefError::Storage(_)) => End::Unknown,
        Err(error) => End::Failed(format!("{error:?}")),
    }
}

/// Uploads what is missing: what no pack has that is listed and not doomed.
pub(super) fn upload(
    commits: &Commits,
    new: &[Link],
    store: &Store,
    doomed: &Doomed,
) -> Result<(), RefError> {
    let writer = store.writer_without(packs_of(doomed), &Silent);
    for link in new {
        let Link::Object(kind, id) = link else { unreachable!("no contents here") };
        let bytes = graph_find(commits, *kind, *id);
        crate::object::Insert::insert(&writer, *kind, bytes)?;
    }
    writer.finish().map(drop).map_err(|error| RefError::Upload(error.into()))
}

fn graph_find(commits: &Commits, kind: crate::id::Kind, id: crate::id::Digest) -> Vec<u8> {
    crate::object::Find::find(&*commits.objects, kind, id).unwrap().unwrap()
}

pub(super) fn ancestry(commits: &Commits) -> impl Fn(CommitId, CommitId) -> Result<bool, RefError> {
    let objects = commits.objects.clone();
    move |a, b| Ok(graph::is_ancestor(&*objects, a, b)?)
}

/// Moves a ref as a push does: what is missing is found out anew in each attempt.
pub(super) fn push_to(
    storage: &Arc<dyn Storage>,
    commits: &Commits,
    name: &Ref,
    base: Option<Target>,
    target: Target,
) -> Result<Advanced, RefError> {
    let store = Store::open(storage.clone(), None);
    let of = |target: Target| target.object().map(|(_, id)| CommitId::from(id));
    let new = of(target).map(|to| commits.new_in(to, base.and_then(of))).unwrap_or_default();
    let mut upload = |footing: &Footing| upload(commits, &new, &store, &footing.doomed);
    let moved = refs::advance(&**storage, name, base, target, &by("push"), &mut upload, &ancestry(commits));
    refs::or_packed(&**storage, &store, (name, target), moved)
}

pub(super) fn pusher(
    name: &'static str,
    commits: &Commits,
    log: &'static str,
    base: Option<CommitId>,
    commit: CommitId,
) -> Actor {
    let commits = commits.clone();
    let to = branch(log.strip_prefix("refs/heads/").unwrap());
    let push = move |storage: Arc<dyn Storage>| {
        ended(push_to(&storage, &commits, &to, base.map(Target::Commit), Target::Commit(commit)))
    };
    Actor::new(name, push).claiming(log, commit)
}

/// Moves a ref as a commit does: what is written is written once for a footing, and all over for another.
pub(super) fn committer(
    name: &'static str,
    commits: &Commits,
    log: &'static str,
    base: CommitId,
    commit: CommitId,
) -> Actor {
    let commits = commits.clone();
    let to = branch(log.strip_prefix("refs/heads/").unwrap());
    let act = move |storage: Arc<dyn Storage>| {
        let store = Store::open(storage.clone(), None);
        // All of it, as who scans a work tree has to write it.
        let all = commits.new_in(commit, None);
        for _ in 0..5 {
            let footing = match refs::stand(&*storage, &to, &by("commit")) {
                Ok(footing) => footing,
                Err(error) => return ended(Err(error)),
            };
            match footing.entry.target {
                Target::Commit(at) if at == base => {}
                Target::Commit(at) => {
                    let reached = ancestry(&commits)(commit, at).unwrap();
                    return if reached { End::Done } else { End::Lost };
                }
                _ => return End::Failed("the branch is gone".into()),
            }
            let writer = store.writer_without(packs_of(&footing.doomed), &Silent);
            for link in &all {
                let Link::Object(kind, id) = link else { unreachable!("no contents here") };
                let bytes = graph_find(&commits, *kind, *id);
                if crate::object::Insert::insert(&writer, *kind, bytes).is_err() {
                    return End::Unknown;
                }
            }
            let mut writer = Some(writer);
            let mut upload = |attempt: &Footing| match writer.take().filter(|_| attempt.is_as(&footing)) {
                Some(writer) => writer.finish().map(drop).map_err(|error| RefError::Upload(error.into())),
                None => Err(RefError::Collected { name: "main".into() }),
            };
            let (from, target) = (Some(Target::Commit(base)), Target::Commit(commit));
            let (by, is_ancestor) = (by("commit"), ancestry(&commits));
            let moved =
                refs::advance_from(&*storage, &to, &footing, from, target, &by, &mut upload, &is_ancestor);
            if !matches!(moved, Err(RefError::Collected { .. })) {
                return ended(moved);
            }
        }
        End::Failed("it was collected again and again".into())
    };
    Actor::new(name, act).claiming(log, commit)
}

/// A run: its log is begun, then it has a definition, then an end.
pub(super) fn runner(name: &'static str, commits: &Commits) -> Actor {
    let (commits, first, last) = (commits.clone(), commits.begun, commits.ended);
    let act = move |storage: Arc<dyn Storage>| {
        let name = run_ref();
        if let Err(error) = refs::stand(&*storage, &name, &by("run")) {
            return ended(Err(error));
        }
        match push_to(&storage, &commits, &name, None, Target::Commit(first)) {
            Ok(Advanced::Done) => {}
            moved => return ended(moved),
        }
        ended(push_to(&storage, &commits, &name, Some(Target::Commit(first)), Target::Finished(last)))
    };
    Actor::new(name, act).claiming(RUN, last)
}

/// Reads everything that a branch has.
pub(super) fn reader(name: &'static str, log: &'static str) -> Actor {
    let act = move |storage: Arc<dyn Storage>| {
        let of = branch(log.strip_prefix("refs/heads/").unwrap());
        let entry = match refs::read(&*storage, &of) {
            Ok(Some((_, entry))) => entry,
            other => return End::Failed(format!("{other:?}")),
        };
        let Target::Commit(commit) = entry.target else { return End::Done };
        let store = Store::open(storage, None);
        match graph::walk(&store, [link(commit)], &mut |_| {}) {
            Ok(()) => End::Done,
            Err(error) => End::Failed(format!("{error:?}")),
        }
    };
    Actor::new(name, act)
}

/// Removes the entry before the last, as somebody may who prunes logs.
pub(super) fn pruner(name: &'static str, log: &'static str) -> Actor {
    let act = move |storage: Arc<dyn Storage>| {
        let Ok(listed) = storage.list(log) else { return End::Unknown };
        let number = |key: &Key| key.as_str().rsplit_once('/').unwrap().1.parse::<u64>().unwrap();
        let highest = listed.iter().map(|listed| number(&listed.key)).max();
        let mut below = listed.into_iter().filter(|listed| Some(number(&listed.key)) != highest);
        let removed = below.try_for_each(|listed| storage.remove(&listed.key));
        removed.map_or(End::Unknown, |()| End::Done)
    };
    Actor::new(name, act)
}
