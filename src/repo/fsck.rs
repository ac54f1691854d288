//! Checking that everything is there and is what its id says.

use std::collections::HashSet;

use crate::graph::Closure;
use crate::id::{Digest, Kind};
use crate::object::{Link, ObjectError};
use crate::progress::{Amount, Progress};
use crate::refs::{self, Family, Ref, Target};
use crate::repo::{Head, RepoError, Repository};
use crate::store::Depth;

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
}

impl Repository {
    /// Checks packs, objects, refs with their histories, and that everything reachable is there; with
    /// `data`, every byte against its id. An error means that the check could not go on.
    pub fn fsck(&self, data: bool, progress: &dyn Progress) -> Result<FsckReport, RepoError> {
        let mut report = FsckReport::default();
        let depth = if data { Depth::Everything } else { Depth::Footers };
        let damage = &mut report.damage;
        report.packs = self.store.verify(depth, progress, &mut |found| {
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
        let reachable = self.check_refs(&mut report, progress)?;
        let mut all = HashSet::new();
        self.store.each_object(&mut |kind, id| {
            all.insert((kind, id));
        })?;
        report.unreachable = all.difference(&reachable).count() as u64;
        Ok(report)
    }

    /// Checks everything that a ref has ever pointed to, and says which objects that is.
    fn check_refs(
        &self,
        report: &mut FsckReport,
        progress: &dyn Progress,
    ) -> Result<HashSet<(Kind, Digest)>, RepoError> {
        let mut check = Check {
            repository: self,
            report,
            progress,
            closure: Closure::new(&self.store),
            seen: HashSet::new(),
        };
        for family in Family::ALL {
            for name in refs::names(&*self.storage, family)? {
                let name = Ref { family, name };
                match refs::history(&*self.storage, &name) {
                    Ok(entries) => {
                        for (number, entry) in entries {
                            check.target(&format!("{name}@{number}"), entry.target)?;
                        }
                    }
                    Err(error) => check.damaged(name.to_string(), error.to_string(), None),
                }
            }
        }
        match self.head() {
            Ok(Head::Detached(commit)) => check.target("HEAD", Target::Commit(commit))?,
            Ok(Head::Branch(..)) => {}
            Err(error) => check.damaged("HEAD".to_owned(), error.to_string(), None),
        }
        Ok(check.seen)
    }
}

struct Check<'a> {
    repository: &'a Repository,
    report: &'a mut FsckReport,
    progress: &'a dyn Progress,
    closure: Closure<'a>,
    seen: HashSet<(Kind, Digest)>,
}

impl Check<'_> {
    fn damaged(&mut self, what: String, problem: String, needed_by: Option<String>) {
        self.report.damage.push(Damage { what, problem, needed_by });
    }

    /// Follows one value of a ref as far as everything is there.
    fn target(&mut self, name: &str, target: Target) -> Result<(), RepoError> {
        let Some((kind, id)) = target.object() else { return Ok(()) };
        let tip = Link::Object(kind, id);
        let (store, progress) = (&self.repository.store, self.progress);
        let (mut objects, mut contents, mut missing, mut failed) = (0, 0, Vec::new(), None);
        let seen = &mut self.seen;
        let walked = self.closure.walk([tip], &mut |link| {
            progress.advance(Amount { items: 1, bytes: 0 });
            match link {
                Link::Object(kind, id) => {
                    objects += 1;
                    seen.insert((kind, id));
                }
                Link::Content(id, size) => {
                    contents += 1;
                    match store.content_size(id) {
                        Ok(Some(actual)) if actual == size => {}
                        Ok(Some(actual)) => {
                            missing.push((id, format!("it has {actual} bytes and not {size}")))
                        }
                        Ok(None) => missing.push((id, "it is missing".to_owned())),
                        Err(error) => failed = Some(error),
                    }
                }
                Link::Unstored(_) => {}
            }
            true
        });
        self.report.objects += objects;
        self.report.contents += contents;
        for (id, problem) in missing {
            self.damaged(format!("content {id}"), problem, Some(name.to_owned()));
        }
        match walked.err().or(failed) {
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
}

fn described(error: &ObjectError) -> String {
    match error {
        ObjectError::Missing { kind, id }
        | ObjectError::Corrupt { kind, id }
        | ObjectError::Malformed { kind, id, .. } => {
            format!("{kind} {id}")
        }
        ObjectError::MissingContent(id) | ObjectError::TooLarge { id, .. } => format!("content {id}"),
        ObjectError::Storage(_) => "storage".to_owned(),
    }
}
