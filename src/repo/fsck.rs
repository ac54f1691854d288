//! Checking that everything is there and is what its id says.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use crate::graph::Closure;
use crate::id::{ContentId, Digest, Kind};
use crate::object::{Link, ObjectError};
use crate::progress::{Amount, Progress};
use crate::refs::{self, Everything, Family, Logged, Ref, RefError, Standing, Target};
use crate::repo::{Head, Place, RepoError, Repository};
use crate::storage::Storage;
use crate::store::{Depth, PackName, Store};

/// Something that is wrong with a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// What is damaged: a pack, an object, a ref.
    pub what: String,
    /// How, in words.
    pub problem: String,
    /// What refers to it, if that is known.
    pub needed_by: Option<String>,
}

/// What a check found.
#[derive(Clone, Debug, Default)]
pub struct FsckReport {
    /// Packs that were checked.
    pub packs: u64,
    /// Objects that are reachable.
    pub objects: u64,
    /// Contents that are reachable.
    pub contents: u64,
    /// What is wrong.
    pub damage: Vec<Damage>,
    /// Objects that nothing refers to: harmless, left by interrupted commands.
    pub unreachable: u64,
    /// Contents that are not here, and need not be: a clone has the data that it needed, and some push none.
    pub elsewhere: u64,
}

/// How much data is read to be checked.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Thoroughness {
    /// None: metadata only, and that the packs of data are whole by their length.
    #[default]
    Metadata,
    /// So much of the packs, chosen at random: 0.1 is every tenth.
    Sample(f64),
    /// Every byte.
    Everything,
}

impl Thoroughness {
    /// How deep the check of each pack goes.
    fn depths(self) -> impl Fn(&PackName) -> Depth {
        // Other packs each time.
        let random = RandomState::new();
        move |name| match self {
            Self::Everything => Depth::Everything,
            Self::Sample(share) if (random.hash_one(name) as f64) < share * u64::MAX as f64 => {
                Depth::Everything
            }
            Self::Sample(_) | Self::Metadata => Depth::Footers,
        }
    }
}

impl Place {
    /// Checks a repository elsewhere as [`Repository::fsck`] does. That it has not all data is no damage.
    pub fn fsck(&self, how: Thoroughness, progress: &dyn Progress) -> Result<FsckReport, RepoError> {
        let (storage, store) = (self.remote().storage(), self.remote().store());
        check(&**storage, store, how, true, |_| Ok(()), progress)
    }
}

impl Repository {
    /// Checks packs, objects, refs with their histories, and that everything reachable is there. An error means that
    /// the check could not go on.
    pub fn fsck(&self, how: Thoroughness, progress: &dyn Progress) -> Result<FsckReport, RepoError> {
        let may_lack = !self.config.remotes().is_empty();
        let head = |check: &mut Check<'_>| match self.head() {
            Ok(Head::Detached(commit)) => check.target("HEAD", Target::Commit(commit)),
            Ok(Head::Branch(..)) => Ok(()),
            Err(error) => {
                check.damaged("HEAD".to_owned(), error.to_string(), None);
                Ok(())
            }
        };
        check(&*self.storage, &self.store, how, may_lack, head, progress)
    }
}

/// Checks a storage, its refs, and what `more` adds to these.
fn check(
    storage: &dyn Storage,
    store: &Store,
    how: Thoroughness,
    may_lack: bool,
    more: impl FnOnce(&mut Check<'_>) -> Result<(), RepoError>,
    progress: &dyn Progress,
) -> Result<FsckReport, RepoError> {
    let mut report = FsckReport::default();
    // Without an index every pack is looked into for every object. One that is damaged keeps it from being made, and is
    // told of below.
    let _ = store.prepare();
    let damage = &mut report.damage;
    report.packs = store.verify(&how.depths(), progress, &mut |found| {
        damage.push(Damage {
            what: format!("pack {}", found.pack),
            problem: found.problem.to_string(),
            needed_by: None,
        });
        damage.extend(found.lost.iter().map(|entry| Damage {
            what: format!("{} {}", entry.kind, entry.id),
            problem: "it is lost with its pack".to_owned(),
            needed_by: None,
        }));
    })?;
    progress.begin("Checking history", None);
    let (closure, seen) = (Closure::new(store), HashSet::new());
    let mut check = Check { store, report: &mut report, may_lack, progress, closure, seen };
    check.refs(storage)?;
    more(&mut check)?;
    let (reachable, mut all) = (check.seen, HashSet::new());
    store.each_object(&mut |kind, id| {
        all.insert((kind, id));
    })?;
    report.unreachable = all.difference(&reachable).count() as u64;
    Ok(report)
}

struct Check<'a> {
    store: &'a Store,
    report: &'a mut FsckReport,
    /// Whether it is no damage that a content is not here.
    may_lack: bool,
    progress: &'a dyn Progress,
    closure: Closure<'a>,
    seen: HashSet<(Kind, Digest)>,
}

impl Check<'_> {
    fn damaged(&mut self, what: String, problem: String, needed_by: Option<String>) {
        self.report.damage.push(Damage { what, problem, needed_by });
    }

    /// Follows everything that a ref has ever pointed to, and looks whether each entry vouches for the one before it.
    fn refs(&mut self, storage: &dyn Storage) -> Result<(), RepoError> {
        let mut all = Everything { logs: self.logs(storage)?, packed: BTreeMap::new() };
        let batches = all.logs.iter().filter_map(|log| match log.value() {
            Target::Runs(id) => Some(id),
            _ => None,
        });
        // What cannot be read of them is told where their own logs are followed.
        all.packed = refs::packed_runs(self.store, batches).unwrap_or_default();
        for log in &all.logs {
            let standing = all.standing(self.store, log).unwrap_or_default();
            if let Some(number) = log.damaged_at(standing) {
                let problem = "the entry before it is gone, or is another one".to_owned();
                self.damaged(format!("{}@{number}", log.name), problem, None);
            }
            // What is left of the log of a run that was removed refers to nothing any more.
            if standing != Some(Standing::Leftover) {
                for (number, entry) in &log.entries {
                    self.target(&format!("{}@{number}", log.name), entry.target)?;
                }
            }
        }
        if let Err(error @ (RefError::Malformed { .. } | RefError::Number { .. })) = refs::mark(storage) {
            self.damaged("mark of a collection".to_owned(), described_ref(&error), None);
        }
        Ok(())
    }

    /// The logs that can be read.
    fn logs(&mut self, storage: &dyn Storage) -> Result<Vec<Logged>, RepoError> {
        let mut logs = Vec::new();
        for family in Family::ALL {
            for name in refs::names(storage, family)? {
                let name = Ref { family, name };
                match refs::log(storage, &name) {
                    Ok(log) => logs.extend(log),
                    Err(error) => self.damaged(name.to_string(), described_ref(&error), None),
                }
            }
        }
        Ok(logs)
    }

    /// Follows one value of a ref as far as everything is there.
    fn target(&mut self, name: &str, target: Target) -> Result<(), RepoError> {
        let Some((kind, id)) = target.object() else { return Ok(()) };
        let tip = Link::Object(kind, id);
        let progress = self.progress;
        let (mut objects, mut contents) = (0, Vec::new());
        let seen = &mut self.seen;
        let walked = self.closure.walk([tip], &mut |link| {
            progress.advance(Amount { items: 1, bytes: 0 });
            match link {
                Link::Object(kind, id) => {
                    objects += 1;
                    seen.insert((kind, id));
                }
                Link::Content(id, size) => contents.push((id, size)),
                Link::Unstored(_) => {}
            }
            true
        });
        self.report.objects += objects;
        self.report.contents += contents.len() as u64;
        match walked.and_then(|()| self.contents(name, &contents)).err() {
            None => Ok(()),
            Some(ObjectError::Storage(error)) => {
                self.damaged("storage".to_owned(), error.to_string(), Some(name.to_owned()));
                Ok(())
            }
            Some(error) => {
                self.damaged(described(&error), error.to_string(), Some(name.to_owned()));
                Ok(())
            }
        }
    }

    /// Checks that contents are here, and of their size.
    fn contents(&mut self, name: &str, contents: &[(ContentId, u64)]) -> Result<(), ObjectError> {
        let lacking: HashSet<ContentId> =
            self.store.lacking(contents.iter().map(|(id, _)| *id))?.into_iter().collect();
        for (id, size) in contents {
            let problem = match lacking.contains(id) {
                true if self.may_lack => {
                    self.report.elsewhere += 1;
                    continue;
                }
                true => "it is missing".to_owned(),
                false => match self.store.content_size(*id)? {
                    Some(actual) if actual != *size => format!("it has {actual} bytes and not {size}"),
                    _ => continue,
                },
            };
            self.damaged(format!("content {id}"), problem, Some(name.to_owned()));
        }
        Ok(())
    }
}

/// An entry that cannot be read, with why.
fn described_ref(error: &RefError) -> String {
    match error {
        RefError::Malformed { problem, .. } => format!("{error}: {problem}"),
        error => error.to_string(),
    }
}

fn described(error: &ObjectError) -> String {
    match error {
        ObjectError::Missing { kind, id }
        | ObjectError::Corrupt { kind, id }
        | ObjectError::Malformed { kind, id, .. } => {
            format!("{kind} {id}")
        }
        ObjectError::MissingContent(id) | ObjectError::TooLarge { id, .. } => format!("content {id}"),
        ObjectError::TooManyValues { kind, .. } => kind.to_string(),
        ObjectError::Storage(_) => "storage".to_owned(),
    }
}
