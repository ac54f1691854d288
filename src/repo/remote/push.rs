//! Pushing what is named here.

use std::collections::BTreeMap;

use crate::graph;
use crate::id::CommitId;
use crate::name::{RefName, RemoteName, RunId};
use crate::refs::{self, Family, Footing, Moving, Ref, Target};
use crate::repo::branch::{check_new, done};
use crate::repo::{Head, RemoteInfo, RepoError, Repository, Upstream};
use crate::sync::{self, DataPolicy, Deletion, Fate, PushRequest, Pushed, RunTip};

/// So few refs are remembered each for itself.
const FEW_REFS: usize = 8;

/// What branches point to here.
type Heads = BTreeMap<RefName, CommitId>;

/// What to push.
#[derive(Clone, Debug, Default)]
pub struct PushOptions {
    /// Where to; the remote that the branch follows, if it is not said.
    pub remote: Option<RemoteName>,
    /// Branches, tags and runs, or `here:there` for a branch of another name; the branch that is checked out, if
    /// there are none.
    pub refs: Vec<String>,
    /// Whether these are branches and tags that are to be deleted there, `refs/heads/…` or `refs/tags/…` where both
    /// are.
    pub delete: bool,
    /// Whether to push all tags.
    pub tags: bool,
    /// Whether to push all runs.
    pub runs: bool,
    /// Which data goes with them.
    pub data: DataPolicy,
}

/// What a push did.
#[derive(Debug)]
pub struct PushDone {
    /// Where to.
    pub remote: RemoteInfo,
    /// What became of it.
    pub pushed: Pushed,
    /// A branch that follows the remote from now on.
    pub followed: Option<(RefName, Upstream)>,
}

impl Repository {
    /// Pushes branches, tags and runs. What could not be moved is in what comes back, and is no error.
    pub fn push(
        &mut self,
        options: &PushOptions,
        progress: &dyn crate::progress::Progress,
    ) -> Result<PushDone, RepoError> {
        let name = self.default_remote(options.remote.as_ref())?;
        let request = self.push_request(options, &name)?;
        let remote = if options.delete { self.remote(&name) } else { self.remote_to_push(&name) }?;
        let pushed = sync::push(self.local(), &remote, &request, &self.mover("push"), progress);
        let pushed = pushed.map_err(|error| self.of_remote(&name, error))?;
        let arrived = pushed.refs.iter().filter_map(|head| match (&head.fate, head.from) {
            (Fate::Done, _) => Some((&head.name, head.to)),
            // Whoever moved it there may have been stopped before it was remembered here.
            (Fate::UpToDate, there) => Some((&head.name, there.unwrap_or(head.to))),
            _ => None,
        });
        self.remember(&name, arrived.collect())?;
        let followed = self.follow(&name, &pushed)?;
        Ok(PushDone { remote: self.remote_info(&name)?, pushed, followed })
    }

    fn push_request(&self, options: &PushOptions, remote: &RemoteName) -> Result<PushRequest, RepoError> {
        let mut request = PushRequest { data: options.data, ..PushRequest::default() };
        if options.delete {
            request.deletions = options.refs.iter().map(|word| deletion(word)).collect::<Result<_, _>>()?;
            return Ok(request);
        }
        let heads = self.heads_at_once(&options.refs)?;
        for word in &options.refs {
            self.add_named(word, heads.as_ref(), &mut request)?;
        }
        if options.refs.is_empty() && !(options.tags || options.runs) {
            let Head::Branch(branch, tip) = self.head()? else { return Err(RepoError::Detached) };
            let upstream = self.config.upstream(&branch).filter(|upstream| upstream.remote == *remote);
            let there = upstream.map_or_else(|| branch.clone(), |upstream| upstream.branch.clone());
            request.heads.push((there, tip.ok_or(RepoError::NoCommits)?));
        }
        if options.tags {
            for tagged in self.tags()? {
                request.tags.push((tagged.name, tagged.id));
            }
        }
        if options.runs {
            request.runs = self.run_tips()?;
        }
        Ok(request)
    }

    /// What all branches point to, if many are named: then that costs less than to look each of them up.
    fn heads_at_once(&self, words: &[String]) -> Result<Option<Heads>, RepoError> {
        if words.len() <= FEW_REFS {
            return Ok(None);
        }
        let listed = refs::list(&*self.storage, Family::Heads)?.into_iter();
        Ok(Some(listed.filter_map(|(name, entry)| Some((name, entry.target.commit()?))).collect()))
    }

    fn add_named(
        &self,
        word: &str,
        heads: Option<&Heads>,
        request: &mut PushRequest,
    ) -> Result<(), RepoError> {
        let tip = |branch: &RefName| match heads {
            Some(heads) => Ok(heads.get(branch).copied()),
            None => self.tip(branch),
        };
        if word == "HEAD" {
            let Head::Branch(branch, tip) = self.head()? else { return Err(RepoError::Detached) };
            request.heads.push((branch, tip.ok_or(RepoError::NoCommits)?));
            return Ok(());
        }
        let (here, there) = word.split_once(':').unwrap_or((word, word));
        if here != there {
            check_new(&ref_name(there)?)?;
        }
        if let Ok(branch) = RefName::new(here)
            && let Some(tip) = tip(&branch)?
        {
            request.heads.push((ref_name(there)?, tip));
        } else if here != there {
            request.heads.push((ref_name(there)?, self.resolve(here)?.commit));
        } else if let Ok(tag) = RefName::new(here)
            && let Some(id) = self.tag_id(&tag)?
        {
            request.tags.push((tag, id));
        } else if let Some(run) = self.find_run(word)?
            && let Some((commit, _)) = run.commit
        {
            request.runs.push(RunTip { id: run.id, commit, finished: run.outcome.is_some() });
        } else {
            return Err(RepoError::UnknownRevision(word.to_owned()));
        }
        Ok(())
    }

    /// Every run, as far as it has come.
    fn run_tips(&self) -> Result<Vec<RunTip>, RepoError> {
        let runs = refs::runs(&*self.storage, &self.store)?;
        let mut tips: Vec<RunTip> = runs
            .ids()
            .into_iter()
            .filter_map(|id| Some(RunTip { id: id.clone(), commit: runs.packed(id)?, finished: true }))
            .collect();
        for (name, entry) in refs::list(&*self.storage, Family::Runs)? {
            let Ok(id) = RunId::new(name.as_str()) else { continue };
            let (commit, finished) = match entry.target {
                Target::Finished(commit) => (commit, true),
                Target::Commit(commit) => (commit, false),
                _ => continue,
            };
            if runs.packed(&id).is_none() {
                tips.push(RunTip { id, commit, finished });
            }
        }
        Ok(tips)
    }

    /// Remembers what branches of a remote point to, or that they are gone, as a fetch would.
    fn remember(&self, remote: &RemoteName, heads: Vec<(&Ref, Target)>) -> Result<(), RepoError> {
        let tracking = |(head, to): (&Ref, Target)| {
            let name = RefName::new(&format!("{remote}/{}", head.name)).ok();
            let name = name.filter(|_| head.family == Family::Heads)?;
            Some((Ref { family: Family::Remotes, name }, to))
        };
        let heads: Vec<(Ref, Target)> = heads.into_iter().filter_map(tracking).collect();
        let why = format!("push: {remote}");
        if heads.len() > FEW_REFS {
            return self.remember_many(heads, &why);
        }
        for (name, to) in heads {
            let base = refs::read(&*self.storage, &name)?.map(|(_, entry)| entry.target);
            match (to, base.filter(Target::exists)) {
                (Target::Commit(commit), base) => self.point(&name, base, commit, &why)?,
                (Target::Deleted, base @ Some(_)) => {
                    self.advance_ref(&name, base, to, &why, &self.store, &mut |_| Ok(()))?
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The same of many at once.
    fn remember_many(&self, heads: Vec<(Ref, Target)>, why: &str) -> Result<(), RepoError> {
        let by = self.mover(why);
        // One name may be pushed twice; the last is what is there.
        let heads: BTreeMap<Ref, Target> = heads.into_iter().collect();
        let there = refs::moved_names(&*self.storage, Family::Remotes)?;
        let is_new = |name: &Ref, to: &Target| to.exists() || there.binary_search(&name.name).is_ok();
        let heads: Vec<(Ref, Target)> = heads.into_iter().filter(|(name, to)| is_new(name, to)).collect();
        let names: Vec<Ref> = heads.iter().map(|(name, _)| name.clone()).collect();
        let footings = refs::stand_all(&*self.storage, &names, &by)?;
        let commits: Vec<CommitId> = heads.iter().filter_map(|(_, to)| to.commit()).collect();
        let held = graph::reachable(&self.store, &commits, &self.kept_tips()?)?;
        let moving = |((name, target), footing): ((Ref, Target), Footing)| {
            (Moving { name, base: Some(footing.entry.target), target }, footing)
        };
        let moves: Vec<(Moving, Footing)> = heads.into_iter().zip(footings).map(moving).collect();
        let secure = &mut |at: usize, now: &Footing| match moves[at].0.target.commit() {
            Some(commit) if held.contains(&commit) => self.secure_held(commit, now),
            Some(commit) => self.secure(commit, now),
            None => Ok(()),
        };
        let is_ancestor = |a, b| Ok(graph::is_ancestor(&self.store, a, b)?);
        let ends = refs::advance_all(&*self.storage, &moves, &by, secure, &is_ancestor)?;
        moves.iter().zip(ends).try_for_each(|((moving, _), end)| done(&moving.name, end?))
    }

    /// Lets the branch that is checked out follow the one that it was pushed to, if it follows none.
    fn follow(
        &mut self,
        remote: &RemoteName,
        pushed: &Pushed,
    ) -> Result<Option<(RefName, Upstream)>, RepoError> {
        let Head::Branch(branch, Some(tip)) = self.head()? else { return Ok(None) };
        let is_it = |name: &Ref, to: Target| {
            name.family == Family::Heads && name.name == branch && to == Target::Commit(tip)
        };
        let arrived = pushed
            .refs
            .iter()
            .any(|it| is_it(&it.name, it.to) && matches!(it.fate, Fate::Done | Fate::UpToDate));
        if arrived && self.config.upstream(&branch).is_some() {
            // Who wrote that down may have been stopped before it was durable.
            let synced = self.disk.sync_dir(&self.directory);
            synced.map_err(|source| RepoError::Io {
                action: "sync",
                path: self.directory.clone(),
                source,
            })?;
        }
        if !arrived || self.config.upstream(&branch).is_some() {
            return Ok(None);
        }
        let upstream = Upstream { remote: remote.clone(), branch: branch.clone() };
        self.set_upstream(&branch, Some(&upstream))?;
        Ok(Some((branch, upstream)))
    }

    /// Points a ref to a commit that is here.
    pub(in crate::repo) fn point(
        &self,
        name: &Ref,
        base: Option<Target>,
        to: CommitId,
        why: &str,
    ) -> Result<(), RepoError> {
        let mut upload = |footing: &refs::Footing| self.secure(to, footing);
        self.advance_ref(name, base, Target::Commit(to), why, &self.store, &mut upload)
    }
}

fn ref_name(text: &str) -> Result<RefName, RepoError> {
    RefName::new(text).map_err(|reason| RepoError::Name { what: text.to_owned(), reason })
}

/// A name, or the whole name of a ref, which says what it is.
fn deletion(word: &str) -> Result<Deletion, RepoError> {
    let (name, family) = match (word.strip_prefix("refs/heads/"), word.strip_prefix("refs/tags/")) {
        (Some(branch), _) => (branch, Some(Family::Heads)),
        (_, Some(tag)) => (tag, Some(Family::Tags)),
        _ => (word, None),
    };
    Ok(Deletion { name: ref_name(name)?, family })
}
