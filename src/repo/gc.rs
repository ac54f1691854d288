//! Removing what nothing refers to, and gathering what is small.

use std::time::SystemTime;

use crate::disk::{self, ABANDONED};
use crate::object::{Link, link};
use crate::progress::Progress;
use crate::refs::Move;
use crate::repo::{Head, Place, RepoError, Repository};
use crate::storage::Storage;
use crate::store::{PackName, Store};
use crate::sync::{self, CollectOptions, Collected};

/// How to collect garbage.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcOptions {
    /// Whether to change nothing, and say what would be done.
    pub dry_run: bool,
    /// Whether to take also what is young or little.
    pub all: bool,
}

impl Repository {
    /// Collects the garbage of this repository.
    pub fn gc(&self, options: GcOptions, progress: &dyn Progress) -> Result<Collected, RepoError> {
        // By the clock that gave the packs their times: ours may be days ahead. A dry run writes nothing, not even that.
        let now = match options.dry_run {
            true => Ok(SystemTime::now()),
            false => disk::now(&*self.disk, &self.directory.join("tmp")),
        };
        let now = now.unwrap_or_else(|_| SystemTime::now());
        let is_young = |pack: &PackName| self.is_young(pack, now);
        let collected = self.gc_in(&*self.storage, &self.store, options, &is_young, progress)?;
        if !options.dry_run {
            disk::sweep(&*self.disk, &self.directory.join("tmp"));
        }
        Ok(collected)
    }

    /// Collects the garbage of a repository elsewhere. How old its packs are is not known; a push under way that meets
    /// the collection sends again what it has to.
    pub fn gc_at(
        &self,
        place: &Place,
        options: GcOptions,
        progress: &dyn Progress,
    ) -> Result<Collected, RepoError> {
        let (storage, store) = (place.remote().storage(), place.remote().store());
        self.gc_in(&**storage, store, options, &|_| false, progress)
    }

    /// Collects the garbage of any storage, of which `store` is opened. Whether a pack to which nothing refers is
    /// too young to go, unless all is to go, is for the caller to know: a storage tells no times.
    pub fn gc_in(
        &self,
        storage: &dyn Storage,
        store: &Store,
        options: GcOptions,
        is_young: &dyn Fn(&PackName) -> bool,
        progress: &dyn Progress,
    ) -> Result<Collected, RepoError> {
        let before = self.head()?;
        // HEAD as it was, and as it is now: whichever commit it names, what that needs stays.
        let roots = || {
            let heads = [Some(before.clone()), self.head().ok()].into_iter().flatten();
            heads.filter_map(detached).collect()
        };
        let options = CollectOptions {
            by: Move { who: self.identity(), when: self.now(), why: "gc".to_owned() },
            dry_run: options.dry_run,
            thorough: options.all,
            is_young: &|pack| !options.all && is_young(pack),
            roots: &roots,
        };
        Ok(sync::collect(storage, store, &options, progress)?)
    }

    /// Whether a pack was written so lately that a command which still runs may be about to refer to it.
    fn is_young(&self, pack: &PackName, now: SystemTime) -> bool {
        let path = self.directory.join(pack.to_string());
        let written = std::fs::metadata(path).and_then(|metadata| metadata.modified());
        let age = written.ok().map(|at| now.duration_since(at).unwrap_or_default());
        age.is_some_and(|age| age < ABANDONED)
    }
}

fn detached(head: Head) -> Option<Link> {
    match head {
        Head::Detached(commit) => Some(link(commit)),
        Head::Branch(..) => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::graph::fixture;
    use crate::id::CommitId;
    use crate::name::RunId;
    use crate::object::{self, Find, Insert, Outcome};
    use crate::progress::Silent;
    use crate::refs::{self, Advanced, Ref, Target};
    use crate::repo::RunQuery;

    const OLD: GcOptions = GcOptions { dry_run: false, all: false };

    /// A repository with so many finished runs, each written as a run writes it.
    fn with_runs(root: &std::path::Path, count: u64) -> Repository {
        let repository = Repository::init(root).unwrap().repository;
        let objects = object::Memory::default();
        for number in 0..count {
            let id = RunId::from_parts(1_767_268_800_000 + number, [7; 10]);
            let name = Ref::of_run(&id);
            let first = fixture::commit(&objects, number as i64, &[]);
            let mut commit: object::Commit = object::get(&objects, first).unwrap();
            let outcome = Outcome { exit: Some((number % 250) as i64), ..Outcome::default() };
            commit.outcome = Some(object::put(&objects, &outcome).unwrap());
            let last = object::put(&objects, &commit).unwrap();
            let steps =
                [(None, Target::Commit(first)), (Some(Target::Commit(first)), Target::Finished(last))];
            for (base, target) in steps {
                let mut upload = |_: &refs::Footing| {
                    let writer = repository.store.writer(&Silent);
                    copy(&objects, target, &writer);
                    writer.finish().map(drop).map_err(|error| refs::RefError::Upload(error.into()))
                };
                let by = Move { who: "A <a@b>".into(), when: repository.now(), why: "run".into() };
                let is_ancestor = |_: CommitId, _: CommitId| Ok(false);
                let moved =
                    refs::advance(&*repository.storage, &name, base, target, &by, &mut upload, &is_ancestor);
                assert_eq!(moved.unwrap(), Advanced::Done);
            }
        }
        repository
    }

    fn copy(objects: &object::Memory, target: Target, to: &impl Insert) {
        let (kind, id) = target.object().unwrap();
        crate::graph::walk(objects, [Link::Object(kind, id)], &mut |link| {
            if let Link::Object(kind, id) = link {
                to.insert(kind, objects.find(kind, id).unwrap().unwrap()).unwrap();
            }
        })
        .unwrap();
    }

    fn listed(repository: &Repository) -> Vec<(RunId, Option<CommitId>)> {
        let runs = repository.runs(&RunQuery::default()).unwrap().runs;
        runs.into_iter().map(|run| (run.id, run.commit.map(|(id, _)| id))).collect()
    }

    #[test]
    fn runs_are_gathered_and_nothing_is_lost() {
        let root = tempfile::tempdir().unwrap();
        let repository = with_runs(root.path(), 70);
        let before = listed(&repository);
        let planned = repository.gc(GcOptions { dry_run: true, ..OLD }, &Silent).unwrap();
        assert_eq!(listed(&repository), before);
        let done = repository.gc(OLD, &Silent).unwrap();
        assert_eq!((planned.folded, done.folded, done.packs), (70, 70, 140));
        assert!(done.removed > 100 && planned.removed > 100, "{planned:?} {done:?}");
        assert_eq!(listed(&repository), before);
        assert!(repository.storage.list("refs/runs").unwrap().is_empty());
        let again = repository.gc(OLD, &Silent).unwrap();
        assert_eq!((again.epoch, again.removed, again.folded), (None, 0, 0));
        let report = repository.fsck(crate::repo::Thoroughness::Everything, &Silent).unwrap();
        assert!(report.damage.is_empty(), "{:?}", report.damage);
        // With nobody left who is about to refer to it, the rest goes as well.
        let all = repository.gc(GcOptions { all: true, ..OLD }, &Silent).unwrap();
        assert_eq!(listed(&repository), before);
        assert_eq!(
            repository.fsck(crate::repo::Thoroughness::Everything, &Silent).unwrap().unreachable,
            0,
            "{all:?}"
        );
    }

    #[test]
    fn what_commands_leave_stays_few_without_a_collection() {
        let root = tempfile::tempdir().unwrap();
        drop(with_runs(root.path(), 70));
        let repository = Repository::open(root.path()).unwrap();
        let before = listed(&repository);
        let packs = || repository.storage.list("packs").unwrap().len();
        assert_eq!(packs(), 140);
        repository.compact(crate::sync::Terms::USUAL).unwrap();
        assert_eq!(listed(&repository), before);
        assert!(repository.storage.list("refs/runs").unwrap().is_empty());
        assert_eq!(packs(), 1);
        let report = repository.fsck(crate::repo::Thoroughness::Everything, &Silent).unwrap();
        assert!(report.damage.is_empty(), "{:?}", report.damage);
        // Nothing is worth it any more.
        let keys = repository.storage.list("").unwrap();
        repository.compact(crate::sync::Terms::USUAL).unwrap();
        assert_eq!(repository.storage.list("").unwrap(), keys);
        // What it left is garbage for a collection, which loses nothing.
        repository.gc(GcOptions { all: true, ..OLD }, &Silent).unwrap();
        assert_eq!(listed(&repository), before);
        assert_eq!(repository.fsck(crate::repo::Thoroughness::Everything, &Silent).unwrap().unreachable, 0);
    }

    #[test]
    fn a_damaged_pack_is_left_where_it_is_and_the_others_are_gathered() {
        let root = tempfile::tempdir().unwrap();
        drop(with_runs(root.path(), 70));
        let repository = Repository::open(root.path()).unwrap();
        let pack = repository.storage.list("packs").unwrap().swap_remove(7).key;
        let path = repository.directory.join(pack.as_str());
        let mut bytes = std::fs::read(&path).unwrap();
        bytes[20] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        repository.compact(crate::sync::Terms::USUAL).unwrap();
        assert!(path.exists());
        assert!(repository.storage.list("packs").unwrap().len() <= 3);
    }

    /// `cargo test --lib -- --ignored --nocapture measure_gc` measures.
    #[test]
    #[ignore = "measures, for minutes"]
    fn measure_gc() {
        let root = tempfile::tempdir().unwrap();
        drop(with_runs(root.path(), 10_000));
        let repository = Repository::open(root.path()).unwrap();
        let memory = || {
            let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
            status.lines().find(|line| line.starts_with("VmHWM")).unwrap_or_default().to_owned()
        };
        let timed = |what: &str, act: &dyn Fn() -> String| {
            let started = Instant::now();
            let told = act();
            println!("{what}: {:?}, {}, {told}", started.elapsed(), memory());
        };
        for round in ["before", "after", "second"] {
            timed(round, &|| format!("{} runs", listed(&repository).len()));
            timed("gc", &|| format!("{:?}", repository.gc(OLD, &Silent).unwrap()));
            timed("packs", &|| format!("{}", repository.storage.list("packs").unwrap().len()));
        }
    }
}
