//! What every ref is, and what it means: of the repository, and of the hub where there is one.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use mdl::diff::State;
use mdl::disk::OsDisk;
use mdl::graph;
use mdl::id::{CommitId, ContentId};
use mdl::object::Link;
use mdl::refs::{self, Family, Survey, Target};
use mdl::repo::{ConfigKey, Head, Place, RepoError, Repository, RunQuery};
use mdl::storage::Folder;
use mdl::store::Store;

use crate::project::Project;

/// What refs point to, by name.
pub type Values = BTreeMap<String, String>;

/// What every ref is now, exactly. Of a repository that is not there, nothing is told.
pub fn values(project: &Project) -> Result<Values, RepoError> {
    let mut values = Values::new();
    if let Some(repository) = project.existing()? {
        of_repository(project, &repository, &mut values)?;
    }
    if let Some(hub) = project.hub()? {
        of_hub(project, &hub, &mut values)?;
    }
    Ok(values)
}

fn of_repository(project: &Project, repository: &Repository, values: &mut Values) -> Result<(), RepoError> {
    let head = match repository.head()? {
        Head::Branch(name, _) => name.to_string(),
        Head::Detached(commit) => commit.to_string(),
    };
    values.insert("HEAD".to_owned(), head);
    let name = repository.config().get(ConfigKey::UserName);
    values.extend(name.map(|name| ("user.name".to_owned(), name.to_owned())));
    for branch in repository.branches()? {
        values.insert(format!("branch {}", branch.name), branch.commit.to_string());
    }
    for (name, commit) in remembered(project)? {
        values.insert(name, commit.to_string());
    }
    for tagged in repository.tags()? {
        values.insert(format!("tag {}", tagged.name), tagged.id.to_string());
    }
    for run in repository.runs(&RunQuery::default())?.runs {
        // One that has begun, and no more, may be there at every moment.
        let finished = run.commit.filter(|_| run.outcome.is_some());
        values.extend(finished.map(|(id, _)| (format!("run {}", run.id), id.to_string())));
    }
    Ok(())
}

/// The branches of the hub as they were last seen.
fn remembered(project: &Project) -> Result<Vec<(String, CommitId)>, RepoError> {
    let keys = keys(&project.tree().join(".mdl"));
    let remembered = refs::list(&*keys, Family::Remotes)?.into_iter();
    let named = remembered
        .filter_map(|(name, entry)| Some((format!("remote branch {name}"), entry.target.commit()?)));
    Ok(named.collect())
}

/// Runs may lie in a log of their own or in a batch.
fn of_hub(project: &Project, hub: &Place, values: &mut Values) -> Result<(), RepoError> {
    values.insert("hub".to_owned(), "is there".to_owned());
    let survey: Survey = hub.refs()?;
    let batches = survey.values().filter_map(|(_, entry)| match entry.target {
        Target::Runs(id) => Some(id),
        _ => None,
    });
    let store = Store::open(keys(&project.hub_path()), None);
    for (id, commit) in refs::packed_runs(&store, batches)? {
        values.insert(format!("hub: run {id}"), format!("{:?}", Target::Finished(commit)));
    }
    for (name, (_, entry)) in &survey {
        if entry.target.exists() && name.family != Family::Batches {
            values.insert(format!("hub: {name}"), format!("{:?}", entry.target));
        }
    }
    Ok(())
}

/// The data here to which refs of the repository lead.
pub fn held(project: &Project) -> Result<BTreeSet<ContentId>, RepoError> {
    let Some(repository) = project.existing()? else { return Ok(BTreeSet::new()) };
    let survey = refs::survey(&*keys(&project.tree().join(".mdl")), &Survey::new())?;
    let tips = survey.values().filter_map(|(_, entry)| entry.target.object());
    let mut contents = BTreeSet::new();
    let store = repository.store();
    graph::walk(store, tips.map(|(kind, id)| Link::Object(kind, id)), &mut |link| {
        if let Link::Content(id, _) = link {
            contents.insert(id);
        }
    })?;
    let lacking: BTreeSet<ContentId> = store.lacking(contents.iter().copied())?.into_iter().collect();
    Ok(contents.difference(&lacking).copied().collect())
}

fn keys(folder: &Path) -> Arc<Folder> {
    Arc::new(Folder::new(folder, Arc::new(OsDisk)))
}

/// What every ref means: the same for two commits that differ in their times alone.
pub fn meaning(project: &Project) -> Result<Values, RepoError> {
    let mut values = Values::new();
    if let Some(repository) = project.existing()? {
        let state =
            |commit| Ok::<_, RepoError>(format!("{:?}", State::of_commit(repository.store(), commit)?));
        let head = match repository.head()? {
            Head::Branch(name, _) => name.to_string(),
            Head::Detached(commit) => state(commit)?,
        };
        values.insert("HEAD".to_owned(), head);
        for branch in repository.branches()? {
            values.insert(format!("branch {}", branch.name), state(branch.commit)?);
        }
        for (name, commit) in remembered(project)? {
            values.insert(name, state(commit)?);
        }
        for tagged in repository.tags()? {
            values.insert(format!("tag {}", tagged.name), state(tagged.tag.commit)?);
        }
    }
    if let Some(hub) = project.hub()? {
        of_hub(project, &hub, &mut values)?;
    }
    Ok(values)
}
