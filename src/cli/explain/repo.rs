//! What to do about errors of the façade.

use super::{Advice, Names, line, lower, meant, remote};
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::diff::{Part, SelectorError};
use crate::launch::LaunchError;
use crate::render::short_id;
use crate::repo::{Obstacle, RepoError};
use crate::worktree::apply::ApplyError;
use crate::worktree::fresh::FreshError;
use crate::worktree::plan::{Conflict, ConflictReason};

pub(super) fn advice(error: &RepoError, names: &dyn Names) -> Advice {
    match error {
        RepoError::NotARepository(_)
        | RepoError::ForeignOwner(_)
        | RepoError::NotOurs { .. }
        | RepoError::Unfinished(_)
        | RepoError::UnknownFormat { .. }
        | RepoError::Invalid { .. }
        | RepoError::Io { .. } => state(error),
        RepoError::NoCommits
        | RepoError::UnknownRevision(_)
        | RepoError::Ambiguous { .. }
        | RepoError::NoSuchPart { .. }
        | RepoError::NotAPart { .. }
        | RepoError::NoSuchBranch(_)
        | RepoError::NoSuchTag(_)
        | RepoError::NoParent(_)
        | RepoError::NotTracked(_) => missing(error, names),
        RepoError::Exists(_)
        | RepoError::CheckedOut(_)
        | RepoError::Unmerged(_)
        | RepoError::Detached
        | RepoError::Apart { .. }
        | RepoError::Unrelated { .. }
        | RepoError::StillRunning(_)
        | RepoError::Conflict { .. } => conflict(error),
        RepoError::NoSuchRemote(_)
        | RepoError::NoRemote { .. }
        | RepoError::Location(_)
        | RepoError::Probe { .. }
        | RepoError::Remote { .. }
        | RepoError::Nowhere { .. } => remote::advice(error, names).unwrap_or_else(|| Advice::none(Exit::Io)),
        RepoError::Name { .. } => lower::bad_name(),
        RepoError::NotAState { .. } => {
            Advice::new(Exit::Usage, "to put back only a part, use `mdl restore --from REV PART`")
        }
        RepoError::NotAFile(_) => {
            Advice::new(Exit::Usage, "`mdl show` tells what it is, and what lies in it")
        }
        RepoError::NoSuchDevice { .. }
        | RepoError::Cards(_)
        | RepoError::NoAccelerator(_)
        | RepoError::DeviceTable { .. } => device(error),
        RepoError::NoCommand => Advice::new(
            Exit::Usage,
            "write it after `--`: `mdl run -- python3 train.py`; or name it in mdl.toml: command, in [run]",
        ),
        RepoError::Launch(error) => launch(error),
        RepoError::NoOutcome(_) => Advice::new(
            Exit::NotFound,
            "name a run that ended, or a commit with metrics or outputs: `mdl runs`, `mdl log`",
        ),
        RepoError::Obstacle(obstacle) => obstructed(obstacle),
        RepoError::NotApproved(commit) => Advice::new(
            Exit::NotReproduced,
            format!(
                "`mdl reproduce --check {0}` shows what would be executed; `mdl reproduce --yes {0}` executes it",
                short_id(*commit)
            ),
        ),
        RepoError::NotRecreated { .. } => Advice::new(
            Exit::Io,
            "what pip or uv said stands above; without --env recreate, the packages that are here are used",
        ),
        RepoError::NotRecorded { folder, source, .. } => {
            let folder = line(&folder.display().to_string());
            let hint =
                format!("what was written of its metrics and log is in {folder}; it shows as unfinished");
            Advice::new(advice(source, names).exit, hint)
        }
        RepoError::HalfDone { back, source } => Advice::new(
            advice(source, names).exit,
            format!(
                "once this is put right, run the command again, or go back with `mdl checkout {}`: what was changed is known",
                line(back)
            ),
        ),
        RepoError::NotCheckedOut { branch, source, .. } => Advice::new(
            advice(source, names).exit,
            format!(
                "the history is there; once this is put right, `mdl checkout --force {}` in it writes the files",
                line(branch)
            ),
        ),
        RepoError::Set { .. } => Advice::new(
            Exit::Usage,
            "`mdl show HEAD:params` and the files themselves show what there is; nothing was run",
        ),
        RepoError::Fresh(FreshError::Plan(error)) => lower::plan(error),
        RepoError::Fresh(FreshError::Apply(error)) => lower::apply(error),
        RepoError::Manifest(_) => Advice::new(Exit::Usage, "correct mdl.toml and run the command again"),
        RepoError::Scan(error) => lower::scan(error),
        RepoError::Plan(error) => lower::plan(error),
        RepoError::Apply(error) => lower::apply(error),
        RepoError::Object(error) => lower::object(error),
        RepoError::Ref(error) => lower::reference(error),
        RepoError::Store(error) => lower::store(error),
        RepoError::Storage(error) => remote::storage(error),
        RepoError::Collect(error) => lower::collect(error),
        RepoError::Capture(_) => Advice::new(Exit::Io, "check that the project's folders can be read"),
    }
}

/// Something is in the way of running a commit again.
fn obstructed(obstacle: &Obstacle) -> Advice {
    let (exit, hint) = match obstacle {
        Obstacle::Redacted(_) => (
            Exit::Usage,
            "put it into a folder with `mdl checkout --to DIR REV`, and run it there with the secret",
        ),
        Obstacle::Reference { .. } => (Exit::NotFound, "bring the dataset back to its place, as it was"),
        Obstacle::Program(_) => (Exit::NotFound, "install it, or put it on PATH; nothing was run"),
        Obstacle::NoCommand => {
            (Exit::NotFound, "name the command in mdl.toml (command, in [run]) and commit, or use `mdl run`")
        }
    };
    Advice::new(exit, hint)
}

/// A command that could not be started: the statuses are those of a shell.
fn launch(error: &LaunchError) -> Advice {
    let exit = Exit::Command(error.shell_status());
    Advice::new(
        exit,
        match error {
            LaunchError::NotFound(_) => "check how it is written, and PATH; nothing was run",
            LaunchError::NotExecutable(_) => {
                "make it executable with `chmod +x`, or name the program that runs it: `python3 train.py`"
            }
            LaunchError::NoDirectory(_) | LaunchError::Empty => "nothing was run",
            LaunchError::Refused(..) => "the system did not start it; what it says stands above",
        },
    )
}

/// The repository or its files are not as they should be.
fn state(error: &RepoError) -> Advice {
    match error {
        RepoError::NotARepository(_) => {
            Advice::new(Exit::NotFound, "make one with `mdl init`, or name another folder with -C DIR")
        }
        RepoError::ForeignOwner(directory) => {
            let root = line(&directory.parent().unwrap_or(directory).display().to_string());
            Advice::new(
                Exit::Io,
                format!(
                    "take a copy that belongs to you; or, if you trust who owns it: `mdl config --global safe.directory '{root}'`"
                ),
            )
        }
        RepoError::NotOurs { path, .. } => {
            let path = line(&path.display().to_string());
            Advice::new(
                Exit::Io,
                format!(
                    "nothing was changed; look at it, and move it away if you did not put it there: {path}"
                ),
            )
        }
        RepoError::Unfinished(_) => {
            Advice::new(Exit::NotFound, "run `mdl init` again: it finishes what was begun")
        }
        RepoError::UnknownFormat { .. } => {
            Advice::new(Exit::NeedsNewer, "it was made by a newer mdl: update mdl; nothing was changed")
        }
        RepoError::Io { action, source, .. } => lower::io_of(action, source),
        _ => Advice::new(Exit::Usage, "correct it and run the command again; nothing was recorded"),
    }
}

/// Something that was named is not there.
fn missing(error: &RepoError, names: &dyn Names) -> Advice {
    let (guess, otherwise) = match error {
        RepoError::NoCommits => (None, "record the first one with `mdl commit -m MESSAGE`"),
        RepoError::UnknownRevision(written) => {
            let mut candidates = names.branches();
            candidates.extend(names.tags());
            candidates.push("HEAD".to_owned());
            let root = written.split(['~', '^', '@']).next().unwrap_or(written);
            (
                meant(root, &candidates),
                "`mdl log` shows commits, `mdl runs` runs, `mdl branch` and `mdl tag` names",
            )
        }
        RepoError::Ambiguous { .. } => (None, "write more of its digits"),
        RepoError::NoSuchPart { part, .. } => {
            (meant(part, &names.parts()), "`mdl show` lists the parts of a commit")
        }
        RepoError::NotAPart { part, .. } => {
            return Advice::new(Exit::NotFound, nearest_part(part, names));
        }
        RepoError::NoSuchBranch(written) => {
            (meant(written, &names.branches()), "`mdl branch` lists the branches")
        }
        RepoError::NoSuchTag(written) => (meant(written, &names.tags()), "`mdl tag` lists the tags"),
        RepoError::NotTracked(_) => (None, "mdl.toml names the parts of the model"),
        _ => (None, "the first commit has none, and only a merge has more than one"),
    };
    Advice::new(Exit::NotFound, guess.unwrap_or_else(|| otherwise.to_owned()))
}

/// The part or file that was meant, or what there is.
fn nearest_part(written: &str, names: &dyn Names) -> String {
    let parts: Vec<String> = Part::ALL.iter().map(|part| part.name().to_owned()).collect();
    let all = || {
        let parts = parts.join(", ");
        format!("name a file, or a part: {parts}; within one: params.lr, datasets/train")
    };
    let head = written.split(['.', '/']).next().unwrap_or(written);
    meant(head, &parts).or_else(|| meant(written, &names.parts())).unwrap_or_else(all)
}

/// A device to fit a run on is not known, or its description makes no sense.
fn device(error: &RepoError) -> Advice {
    match error {
        RepoError::NoSuchDevice { name, known } => {
            let hint = near_devices(name, known);
            Advice::new(Exit::NotFound, hint)
        }
        RepoError::Cards(_) => Advice::new(Exit::Usage, "write how many after an x: `--on h100x8`"),
        RepoError::NoAccelerator(_) => {
            Advice::new(Exit::NotFound, "name a run that used one, or a device: `mdl fit --all` lists them")
        }
        _ => Advice::new(
            Exit::Usage,
            "correct it and run the command again; `mdl help fit` shows the form of a device",
        ),
    }
}

/// The names that are nearest to what was written, or all of them.
fn near_devices(written: &str, known: &[String]) -> String {
    let head = written.split('-').next().unwrap_or(written);
    let family: Vec<&str> = known.iter().map(String::as_str).filter(|id| id.starts_with(head)).collect();
    if head.len() > 1 && !family.is_empty() {
        return line(&format!("did you mean {}?", family.join(", ")));
    }
    meant(written, known).unwrap_or_else(|| line(&format!("there are {}", known.join(", "))))
}

/// It would lose something.
fn conflict(error: &RepoError) -> Advice {
    match error {
        RepoError::Exists(what) => {
            Advice::new(Exit::Conflict, format!("choose another name, or remove {} first", line(what)))
        }
        RepoError::CheckedOut(_) => {
            Advice::new(Exit::Conflict, "switch to another branch first: `mdl switch NAME`")
        }
        RepoError::Unmerged(name) => Advice::new(
            Exit::Conflict,
            format!("if they may be lost from sight, delete it with `mdl branch -D {}`", line(name)),
        ),
        RepoError::Apart { theirs, .. } => Advice::new(
            Exit::Conflict,
            format!("both have gone on; to merge them: `mdl merge {}`", short_id(*theirs)),
        ),
        RepoError::Unrelated { .. } => Advice::new(
            Exit::Conflict,
            "they are of different projects; if they are to be one: `--allow-unrelated-histories`",
        ),
        RepoError::StillRunning(_) => Advice::new(Exit::Conflict, "`mdl runs --watch` shows when it has"),
        RepoError::Detached => Advice::new(Exit::Conflict, "make a branch here with `mdl switch -c NAME`"),
        _ => Advice::new(Exit::Conflict, "nothing is lost: look at `mdl log` and run the command again"),
    }
}

/// More conflicts than this are only counted.
const MAX_CONFLICTS: usize = 10;

/// What else there is to know of an error: the files that would be lost, or why a name is none.
pub(super) fn details(error: &CliError) -> Vec<String> {
    let conflicts = match error {
        CliError::Repo(RepoError::Apply(ApplyError::Conflicts(conflicts))) => conflicts,
        CliError::Repo(RepoError::NotAPart { reason, .. })
            if !matches!(reason, SelectorError::UnknownPart(_)) =>
        {
            return vec![line(&reason.to_string())];
        }
        _ => return Vec::new(),
    };
    let told = |conflict: &Conflict| match conflict.reason {
        ConflictReason::Modified => {
            format!("{} was changed and is not committed", line(conflict.path.as_str()))
        }
        ConflictReason::Untracked => {
            format!("{} is in the way and in no commit", line(conflict.path.as_str()))
        }
    };
    let mut details: Vec<String> = conflicts.iter().take(MAX_CONFLICTS).map(told).collect();
    if let more @ 1.. = conflicts.len().saturating_sub(MAX_CONFLICTS) {
        details.push(format!("so it is with {more} more"));
    }
    details
}
