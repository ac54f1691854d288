//! Getting what a remote has: its metadata, and the refs that say what it is about.
//!
//! Metadata comes whole packs at a time; then everything that a ref names is checked to be here, and only then is
//! the ref written. A remote that names what it does not have changes nothing here.

use std::collections::BTreeMap;

use crate::graph;
use crate::id::CommitId;
use crate::name::{RefName, RemoteName, RunId};
use crate::object::{self, Link, Memory, ObjectError, Overlay, Runs};
use crate::progress::Progress;
use crate::refs::{self, Advanced, Family, Footing, Move, Moving, Ref, RefError, Survey, Target};
use crate::store::{PackName, Section, StoreError, Transfer, Trust};
use crate::sync::claims::{Accepted, Claims, FETCHED, SetAside, fits};
use crate::sync::supply::{DataPolicy, Supply};
use crate::sync::{FEW_RUNS, Local, Remote, SyncError, unwrapped};

/// What is to be fetched.
#[derive(Clone, Debug)]
pub struct FetchRequest {
    /// What the remote is called here.
    pub remote: RemoteName,
    /// Only these branches, and no tags or runs but theirs; all, if it is not said.
    pub heads: Option<Vec<RefName>>,
    /// Which data comes with them.
    pub data: DataPolicy,
    /// Whether branches that are gone there are forgotten here.
    pub prune: bool,
}

/// A ref of this repository that a fetch changed, or did not.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchedRef {
    /// The ref.
    pub name: Ref,
    /// What it pointed to before.
    pub from: Option<Target>,
    /// What it points to now; nothing, if it is gone there.
    pub to: Option<Target>,
    /// Whether it does not come after what it was: somebody stepped back.
    pub backwards: bool,
}

/// What a fetch did.
#[derive(Debug, Default)]
pub struct Fetched {
    /// Branches and tags that changed.
    pub refs: Vec<FetchedRef>,
    /// Branches that are gone there and still remembered here.
    pub gone: Vec<Ref>,
    /// Runs that are new here, or came further.
    pub runs: u64,
    /// What was said there of runs, and not believed.
    pub set_aside: Vec<SetAside>,
    /// Objects that came.
    pub objects: u64,
    /// Bytes that came.
    pub bytes: u64,
}

/// A ref of this repository that is going to be moved.
struct Planned {
    name: Ref,
    base: Option<Target>,
    target: Target,
}

/// Fetches what is new. An error means that the fetch could not go on; each ref has its old value or its new one.
pub fn fetch(
    local: Local<'_>,
    remote: &Remote,
    request: &FetchRequest,
    by: &Move,
    progress: &dyn Progress,
) -> Result<Fetched, SyncError> {
    let known = remote.cache.as_ref().map(|cache| cache.load()).unwrap_or_default();
    let survey = refs::survey(&*remote.storage, &known)?;
    let (own, done) = (Memory::default(), Fetched::default());
    let found = Vec::new();
    let mut fetch = Fetch { local, remote, request, by, progress, known, own, found, done };
    let mut planned = fetch.heads(&survey)?;
    let mut claims = None;
    if request.heads.is_none() {
        planned.extend(fetch.tags(&survey)?);
        claims = fetch.runs(&survey)?;
    }
    fetch.get(planned, claims)?;
    refs::settle(local.storage, &fetch.found)?;
    if let (Some(cache), None) = (&remote.cache, &request.heads)
        && fetch.known != survey
    {
        cache.save(&survey);
    }
    Ok(fetch.done)
}

/// What could not be read is told apart from what is not there, or is not what it should be.
fn incomplete(error: SyncError) -> SyncError {
    match error {
        SyncError::Object(ObjectError::Storage(inner)) => match inner.downcast::<StoreError>() {
            Ok(error) => SyncError::Store(*error),
            Err(inner) => ObjectError::Storage(inner).into(),
        },
        SyncError::Object(source) => SyncError::Incomplete { source },
        error => error,
    }
}

/// A fetch under way.
struct Fetch<'a> {
    local: Local<'a>,
    remote: &'a Remote,
    request: &'a FetchRequest,
    by: &'a Move,
    progress: &'a dyn Progress,
    /// What the last fetch saw that came to its end.
    known: Survey,
    /// A batch that is in no store yet.
    own: Memory,
    /// Refs of ours that had been moved before, maybe by a fetch that was stopped.
    found: Vec<Ref>,
    done: Fetched,
}

impl<'a> Fetch<'a> {
    /// The ref that remembers a branch of the remote.
    fn tracking(&self, branch: &RefName) -> Option<Ref> {
        let name = RefName::new(&format!("{}/{branch}", self.request.remote)).ok()?;
        Some(Ref { family: Family::Remotes, name })
    }

    fn heads(&mut self, survey: &Survey) -> Result<Vec<Planned>, SyncError> {
        let remembered = refs::list(self.local.storage, Family::Remotes)?;
        let remembered: BTreeMap<_, _> = remembered.into_iter().collect();
        let is_wanted = |name: &RefName| self.request.heads.as_ref().is_none_or(|heads| heads.contains(name));
        let (mut planned, mut there) = (Vec::new(), Vec::new());
        for (name, value) in survey.iter().filter(|(name, _)| name.family == Family::Heads) {
            let (_, entry) = value;
            let Some(tracking) = self.tracking(&name.name).filter(|_| is_wanted(&name.name)) else {
                continue;
            };
            if !entry.target.exists() {
                continue;
            }
            let base = remembered.get(&tracking.name).map(|entry| entry.target);
            there.push(tracking.name.clone());
            // What is terminal could never be moved on here.
            if base != Some(entry.target) && matches!(entry.target, Target::Commit(_)) {
                planned.push(Planned { name: tracking, base, target: entry.target });
            } else if self.known.get(name) != Some(value) {
                self.found.push(tracking);
            }
        }
        let prefix = format!("{}/", self.request.remote);
        let gone =
            remembered.keys().filter(|name| name.as_str().starts_with(&prefix) && !there.contains(name));
        let gone =
            gone.filter(|name| RefName::new(&name.as_str()[prefix.len()..]).is_ok_and(|it| is_wanted(&it)));
        let gone: Vec<Ref> = gone.map(|name| Ref { family: Family::Remotes, name: name.clone() }).collect();
        for name in gone {
            if !self.request.prune {
                self.done.gone.push(name);
                continue;
            }
            let base = remembered.get(&name.name).map(|entry| entry.target);
            planned.push(Planned { name, base, target: Target::Deleted });
        }
        Ok(planned)
    }

    /// Tags that are not here. One that is here under the same name stays as it is.
    fn tags(&mut self, survey: &Survey) -> Result<Vec<Planned>, SyncError> {
        let here = refs::moved_names(self.local.storage, Family::Tags)?;
        let mut planned = Vec::new();
        for (name, value) in survey.iter().filter(|(name, _)| name.family == Family::Tags) {
            let (target, is_here) = (value.1.target, here.binary_search(&name.name).is_ok());
            if is_here && self.known.get(name) != Some(value) {
                self.found.push(name.clone());
            } else if !is_here && matches!(target, Target::Tag(_)) {
                planned.push(Planned { name: name.clone(), base: None, target });
            }
        }
        Ok(planned)
    }

    /// What runs and batches say that changed since they were last fetched.
    fn runs(&mut self, survey: &Survey) -> Result<Option<Claims<'a>>, SyncError> {
        let changed = survey.iter().filter(|(name, value)| {
            matches!(name.family, Family::Runs | Family::Batches) && self.known.get(name) != Some(value)
        });
        let mut changed = changed.filter(|(_, (_, entry))| entry.target.exists()).peekable();
        if changed.peek().is_none() {
            return Ok(None);
        }
        let mut claims = Claims::new(self.local)?;
        let find = Overlay(self.local.store, &self.remote.store);
        // Logs before batches, as they are sorted.
        for (name, (_, entry)) in changed {
            let Some(id) = RunId::new(name.name.as_str()).ok().filter(|_| fits(name, entry.target)) else {
                continue;
            };
            let told = match entry.target {
                Target::Runs(batch) => claims.batch(name.clone(), batch, &find),
                target => claims.log(id, target),
            };
            told.map_err(|error| match error {
                RefError::Object(error) => incomplete(error.into()),
                error => error.into(),
            })?;
        }
        Ok(Some(claims))
    }

    /// Brings everything that the refs are going to name, then moves them.
    fn get(&mut self, mut planned: Vec<Planned>, claims: Option<Claims<'_>>) -> Result<(), SyncError> {
        let mut has_metadata = false;
        if let Some(claims) = claims {
            self.found.append(&mut claims.found()?);
            if !claims.is_empty() {
                // What is said of runs can be judged when it is here.
                let (_, doomed) = refs::doomed(self.local.storage)?;
                self.metadata(&doomed)?;
                has_metadata = true;
            }
            let (accepted, aside) = claims.accept()?;
            self.done.set_aside = aside;
            let plan = |Accepted { name, base, target }| Planned { name, base, target };
            planned.extend(accepted.into_iter().map(plan));
        }
        if planned.is_empty() {
            return Ok(());
        }
        self.gather(&mut planned)?;
        let by = Move { why: format!("{FETCHED}{}", self.request.remote), ..self.by.clone() };
        let names: Vec<Ref> = planned.iter().map(|plan| plan.name.clone()).collect();
        let footings = refs::stand_all(self.local.storage, &names, &by)?;
        let (_, doomed) = refs::doomed(self.local.storage)?;
        if planned.iter().any(|plan| plan.target.exists()) {
            if !has_metadata {
                self.metadata(&doomed)?;
            }
            let bases = planned.iter().filter_map(|plan| plan.base?.commit()).collect::<Vec<_>>();
            let tips = planned.iter().map(|plan| plan.target).collect::<Vec<_>>();
            self.complete(&tips, &bases, &doomed)?;
        }
        let moving = |(plan, footing): (Planned, Footing)| {
            (Moving { name: plan.name, base: plan.base, target: plan.target }, footing)
        };
        self.advance(planned.into_iter().zip(footings).map(moving).collect(), &by)
    }

    /// Makes one batch of many finished runs.
    fn gather(&self, planned: &mut Vec<Planned>) -> Result<(), SyncError> {
        let run = |plan: &Planned| match (plan.base, plan.target) {
            (None, Target::Finished(commit)) => Some((RunId::new(plan.name.name.as_str()).ok()?, commit)),
            _ => None,
        };
        let runs: BTreeMap<RunId, CommitId> = planned.iter().filter_map(run).collect();
        if runs.len() <= FEW_RUNS {
            return Ok(());
        }
        planned.retain(|plan| run(plan).is_none());
        let batch = object::put(&self.own, &Runs { runs, batches: Vec::new() })?;
        let (name, target) = (Ref::of_new_batch(&self.by.when)?, Target::Runs(batch));
        planned.push(Planned { name, base: None, target });
        Ok(())
    }

    /// Brings every metadata pack of the remote that has something new.
    fn metadata(&mut self, doomed: &refs::Doomed) -> Result<(), SyncError> {
        let doomed = PackName::of_keys(doomed.keys());
        let mut transfer =
            Transfer::new(&self.remote.store, self.local.store, &doomed, Trust::Foreign, self.progress)?;
        transfer.everything_in(Section::Meta)?;
        self.progress.begin("Receiving", Some(transfer.amount()?));
        let sent = transfer.send()?;
        self.done.objects += sent.objects;
        self.done.bytes += sent.bytes;
        Ok(())
    }

    /// Makes sure that everything is here that the targets refer to, and their data if that is asked for.
    fn complete(
        &mut self,
        targets: &[Target],
        known: &[CommitId],
        doomed: &refs::Doomed,
    ) -> Result<(), SyncError> {
        let (from, to, own) = (&self.remote.store, self.local.store, &self.own);
        let (near, data, progress) = (Overlay(own, to), self.request.data, self.progress);
        let supply = Supply { from, to, find: &Overlay(&near, from), own, data, progress, is_foreign: true };
        let tips: Vec<Link> =
            targets.iter().filter_map(Target::object).map(|(kind, id)| Link::Object(kind, id)).collect();
        let supplied = supply.supply(&tips, known, &|| self.others(), doomed).map_err(incomplete)?;
        self.done.objects += supplied.objects;
        self.done.bytes += supplied.bytes;
        Ok(())
    }

    /// What the branches point to that are here.
    fn others(&self) -> Result<Vec<CommitId>, SyncError> {
        let mut tips = Vec::new();
        for family in [Family::Heads, Family::Remotes] {
            let refs = refs::list(self.local.storage, family)?;
            tips.extend(refs.into_iter().filter_map(|(_, entry)| entry.target.commit()));
        }
        Ok(tips)
    }

    /// Moves refs from where they stood before everything was brought.
    fn advance(&mut self, moves: Vec<(Moving, Footing)>, by: &Move) -> Result<(), SyncError> {
        let Local { storage, store } = self.local;
        let mut upload = |at: usize, now: &Footing| {
            let (Moving { base, target, .. }, footing) = &moves[at];
            if footing.is_as(now) || !target.exists() {
                return Ok(());
            }
            // A collection came in between, and may not have seen what was brought.
            let known: Vec<CommitId> = base.and_then(|base| base.commit()).into_iter().collect();
            let again = self.metadata(&now.doomed);
            let again = again.and_then(|()| self.complete(&[*target], &known, &now.doomed));
            again.map_err(|error| RefError::Upload(error.into()))
        };
        let is_ancestor = |a, b| Ok(graph::is_ancestor(store, a, b)?);
        let ends = refs::advance_all(storage, &moves, by, &mut upload, &is_ancestor).map_err(unwrapped)?;
        for ((moving, _), end) in moves.into_iter().zip(ends) {
            let end = refs::or_packed(storage, store, (&moving.name, moving.target), end);
            match end.map_err(unwrapped)? {
                Advanced::Done => self.told(moving.name, moving.base, moving.target)?,
                // Another fetch was faster: what it fetched is as true.
                Advanced::Lost(_) => {}
            }
        }
        Ok(())
    }

    fn told(&mut self, name: Ref, from: Option<Target>, to: Target) -> Result<(), SyncError> {
        match (name.family, to) {
            (Family::Runs, _) => self.done.runs += 1,
            (_, Target::Runs(id)) => {
                self.done.runs += refs::packed_runs(self.local.store, [id])?.len() as u64
            }
            _ => {
                let backwards = match (from.and_then(|from| from.commit()), to.commit()) {
                    (Some(from), Some(to)) => !graph::is_ancestor(self.local.store, from, to)?,
                    _ => false,
                };
                let to = Some(to).filter(Target::exists);
                self.done.refs.push(FetchedRef { name, from, to, backwards });
            }
        }
        Ok(())
    }
}
