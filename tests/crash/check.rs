//! The promises, checked on one state of a folder.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use mdl::disk::testing::{Crash, Node, Snapshot, UnsyncedDisk};
use mdl::progress::Silent;
use mdl::repo::{RepoError, Repository};

use crate::project::{Project, Values, meaning, values};
use crate::record::{Recorded, Scenario};

/// A promise that was broken, in words.
pub type Broken = String;

/// Whose a path is.
#[derive(PartialEq)]
enum Owner {
    User,
    Repository,
    /// The repository's, and harmless whatever it is.
    Cache,
    /// What is under way.
    Scratch,
    /// What a run keeps beside the repository, also if it is cut off.
    Run,
}

fn owner(path: &Path) -> Owner {
    match path.strip_prefix("work/.mdl") {
        Err(_) => Owner::User,
        Ok(below) if below.starts_with("tmp") => Owner::Scratch,
        Ok(below) if below.starts_with("runs") => Owner::Run,
        Ok(below) if below.starts_with("cache") => Owner::Cache,
        Ok(_) => Owner::Repository,
    }
}

/// Everything that is not below `.mdl`.
pub fn user_files(snapshot: &Snapshot) -> Vec<(&Path, &Node)> {
    let nodes = snapshot.nodes().iter().map(|(path, node)| (path.as_path(), node));
    nodes.filter(|(path, _)| owner(path) == Owner::User).collect()
}

/// How many temporary files lie around.
pub fn leftovers(snapshot: &Snapshot) -> usize {
    snapshot.nodes().keys().filter(|path| owner(path) == Owner::Scratch).count()
}

/// Each file of the user is old or new, and new once the command has returned. Nothing else has come but
/// what the command makes, and temporary files.
pub fn files(recorded: &Recorded, crash: &Crash) -> Result<(), Broken> {
    let done = crash.operations == recorded.trace.len();
    let (old, new) = (recorded.start.nodes(), recorded.end.nodes());
    let paths: BTreeSet<_> = old.keys().chain(new.keys()).chain(crash.nodes().keys()).collect();
    for path in paths {
        let (was, will, is) = (old.get(path), new.get(path), crash.nodes().get(path));
        // A file in the place of a directory, or the other way round, takes two steps.
        let two_steps = (was == Some(&Node::Dir)) != (will == Some(&Node::Dir)) && is.is_none();
        let right = match owner(path) {
            Owner::Scratch | Owner::Run => true,
            Owner::Cache => true,
            Owner::Repository if done => is == will,
            Owner::Repository => is.is_none() || was.is_some() || will.is_some(),
            Owner::User => is == will || !done && (is == was || two_steps),
        };
        if !right {
            let text = format!("{} is {is:?}, was {was:?}, should be {will:?}", path.display());
            return Err(text.chars().take(400).collect());
        }
    }
    Ok(())
}

/// The repository opens, is sound, and every ref is old or new. `None` if there is none yet, as is right.
pub fn repository(recorded: &Recorded, done: bool, project: &Project) -> Result<Option<Repository>, Broken> {
    let repository = match project.open(Arc::new(UnsyncedDisk)) {
        Err(RepoError::Unfinished(_) | RepoError::NotARepository(_)) if recorded.old.is_none() && !done => {
            return Ok(None);
        }
        opened => opened.map_err(|error| format!("opening: {}", told(&error)))?,
    };
    sound(&repository)?;
    let now = values(&repository).map_err(|error| format!("reading refs: {}", told(&error)))?;
    let nothing = Values::new();
    let old = recorded.old.as_ref().unwrap_or(&nothing);
    let names: BTreeSet<_> = old.keys().chain(recorded.new.keys()).chain(now.keys()).collect();
    for name in names {
        let (was, will, is) = (old.get(name), recorded.new.get(name), now.get(name));
        if is != will && (done || is != was) {
            return Err(format!("{name} is {is:?}, was {was:?}, should be {will:?}"));
        }
    }
    Ok(Some(repository))
}

/// Everything that is there is what it should be, and nothing is missing.
pub fn sound(repository: &Repository) -> Result<(), Broken> {
    let report = repository
        .fsck(mdl::repo::Thoroughness::Everything, &Silent)
        .map_err(|error| format!("fsck: {}", told(&error)))?;
    if report.damage.is_empty() { Ok(()) } else { Err(format!("damage: {:?}", report.damage)) }
}

/// The same command again comes to the same end, and then a further commit works.
pub fn goes_on(scenario: &Scenario, recorded: &Recorded, project: &Project) -> Result<(), Broken> {
    let before = Snapshot::of(project.root()).unwrap();
    if scenario.again.applies(project, recorded.old.as_ref()) {
        (scenario.command)(project, Arc::new(UnsyncedDisk))
            .map_err(|error| format!("the same again: {}", told(&error)))?;
    }
    let repository = project.repository();
    let now = meaning(&repository).map_err(|error| told(&error))?;
    if now != recorded.meaning {
        return Err(format!("the same again led to {now:?} and not to {:?}", recorded.meaning));
    }
    let after = Snapshot::of(project.root()).unwrap();
    if user_files(&after) != user_files(&recorded.end) {
        return Err("the same again left other files".to_owned());
    }
    if leftovers(&after) > leftovers(&before).max(leftovers(&recorded.end)) {
        return Err("the same again left temporary files".to_owned());
    }
    further(project)
}

/// A further change can be committed.
fn further(project: &Project) -> Result<(), Broken> {
    project.write("params.yaml", "lr: 0.75\n");
    project.write("further.py", "print('further')\n");
    let committed = project.commit(Arc::new(UnsyncedDisk));
    let committed = committed.map_err(|error| format!("a further commit: {}", told(&error)))?;
    committed.ok_or("a further commit found nothing new")?;
    sound(&project.repository())
}

/// An error with what caused it.
pub fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
