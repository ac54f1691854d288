//! The promises, checked on one state of a folder.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use mdl::disk::testing::{Crash, Node, Snapshot, UnsyncedDisk};
use mdl::id::ContentId;
use mdl::progress::Silent;
use mdl::repo::{FsckReport, RepoError, Repository, Thoroughness};

use crate::project::Project;
use crate::record::{Recorded, Scenario};
use crate::values::{Values, held, meaning, values};

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
    match path.strip_prefix("work/.mdl").or_else(|_| path.strip_prefix("hub")) {
        Err(_) => Owner::User,
        Ok(below) if below.starts_with("tmp") => Owner::Scratch,
        Ok(below) if below.starts_with("runs") => Owner::Run,
        Ok(below) if below.starts_with("cache") => Owner::Cache,
        // It holds only for where HEAD was, and checks itself.
        Ok(below) if below.starts_with("CHECKOUT") => Owner::Cache,
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
            // What was removed may come back.
            Owner::Repository if is != will && recorded.removes(path) => will.is_none(),
            Owner::Repository if is.is_none() && is_stillborn(&recorded.end, path) => true,
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

/// Whether a log has nothing but its birth: who began it was stopped, and took another name.
fn is_stillborn(end: &Snapshot, path: &Path) -> bool {
    let log = if path.ends_with("0") { path.parent().unwrap_or(path) } else { path };
    log.iter().any(|name| name == "refs")
        && end.nodes().contains_key(&log.join("0"))
        && !end.nodes().contains_key(&log.join("1"))
}

/// The repository and the hub are sound, and every ref is old or new: so it can be read, too.
pub fn refs(recorded: &Recorded, done: bool, project: &Project) -> Result<(), Broken> {
    all_sound(project)?;
    keeps(project, &recorded.held[usize::from(done)])?;
    let now = values(project).map_err(|error| format!("reading refs: {}", told(&error)))?;
    let names: BTreeSet<_> = recorded.old.keys().chain(recorded.new.keys()).chain(now.keys()).collect();
    for name in names {
        let (was, will, is) = (recorded.old.get(name), recorded.new.get(name), now.get(name));
        if is != will && (done || is != was) {
            return Err(format!("{name} is {is:?}, was {was:?}, should be {will:?}"));
        }
    }
    Ok(())
}

/// Data that was here is here.
pub fn keeps(project: &Project, contents: &BTreeSet<ContentId>) -> Result<(), Broken> {
    let held = held(project).map_err(|error| told(&error))?;
    let lost: Vec<_> = contents.difference(&held).collect();
    if lost.is_empty() { Ok(()) } else { Err(format!("data is lost: {lost:?}")) }
}

/// Both sides are sound, as far as they are there, and the hub has all data of what its refs name.
pub fn all_sound(project: &Project) -> Result<(), Broken> {
    let opening = |error: RepoError| format!("opening: {}", told(&error));
    if let Some(repository) = project.existing().map_err(opening)? {
        sound(&repository)?;
    }
    let Some(hub) = project.hub().map_err(opening)? else { return Ok(()) };
    match checked(hub.fsck(Thoroughness::Everything, &Silent))?.elsewhere {
        0 => Ok(()),
        lacking => Err(format!("the hub lacks {lacking} contents")),
    }
}

/// Everything that is there is what it should be, and nothing is missing.
pub fn sound(repository: &Repository) -> Result<(), Broken> {
    checked(repository.fsck(Thoroughness::Everything, &Silent)).map(drop)
}

fn checked(report: Result<FsckReport, RepoError>) -> Result<FsckReport, Broken> {
    let report = report.map_err(|error| format!("fsck: {}", told(&error)))?;
    if report.damage.is_empty() { Ok(report) } else { Err(format!("damage: {:?}", report.damage)) }
}

/// The same command again comes to the same end, and then a further commit works.
pub fn goes_on(scenario: &Scenario, recorded: &Recorded, project: &Project) -> Result<(), Broken> {
    again(scenario, recorded, project)?;
    further(project)
}

/// The same command again comes to the same end.
pub fn again(scenario: &Scenario, recorded: &Recorded, project: &Project) -> Result<(), Broken> {
    let before = Snapshot::of(project.root()).unwrap();
    if scenario.again.applies(project, &recorded.old) {
        (scenario.command)(project, Arc::new(UnsyncedDisk))
            .map_err(|error| format!("the same again: {}", told(&error)))?;
    }
    let now = meaning(project).map_err(|error| told(&error))?;
    if now != recorded.meaning {
        return Err(format!("the same again ended otherwise: {}", differences(&now, &recorded.meaning)));
    }
    let after = Snapshot::of(project.root()).unwrap();
    if user_files(&after) != user_files(&recorded.end) {
        return Err("the same again left other files".to_owned());
    }
    if leftovers(&after) > leftovers(&before).max(leftovers(&recorded.end)) {
        return Err("the same again left temporary files".to_owned());
    }
    Ok(())
}

fn differences(is: &Values, should: &Values) -> String {
    let names: BTreeSet<_> = is.keys().chain(should.keys()).collect();
    let differing = names.into_iter().filter(|name| is.get(*name) != should.get(*name));
    let told =
        differing.map(|name| format!("{name} is {:?}, should be {:?}", is.get(name), should.get(name)));
    told.collect::<Vec<_>>().join("; ")
}

/// A further change can be committed and, where there is a hub, shared.
fn further(project: &Project) -> Result<(), Broken> {
    project.write("params.yaml", "lr: 0.75\n");
    project.write("further.py", "print('further')\n");
    let committed = project.commit(Arc::new(UnsyncedDisk));
    let committed = committed.map_err(|error| format!("a further commit: {}", told(&error)))?;
    committed.ok_or("a further commit found nothing new")?;
    if project.repository().remotes().is_empty() {
        return all_sound(project);
    }
    project.share().map_err(|error| format!("sharing a further commit: {}", told(&error)))?;
    all_sound(project)?;
    let now = values(project).map_err(|error| told(&error))?;
    match now.get("branch main") == now.get("remote branch origin/main") {
        true => Ok(()),
        false => Err(format!("a further commit did not arrive: {now:?}")),
    }
}

/// An error with what caused it.
pub fn told(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |error| error.source());
    causes.fold(error.to_string(), |told, cause| format!("{told}: {cause}"))
}
