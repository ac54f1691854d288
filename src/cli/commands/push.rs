//! `mdl push`: send what is here.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts::remote_name;
use crate::refs::Target;
use crate::render::remote;
use crate::repo::PushOptions;
use crate::sync::{DataPolicy, Fate, Pushed};

/// Send branches, tags and runs to a remote, with the data that it does not have yet
///
/// Without REF, the branch that is checked out. A branch there is only ever moved forward: nothing that
/// somebody else pushed is lost, and no option changes that. Interrupted, it goes on where it was when it is run again.
#[derive(Args)]
pub struct Push {
    /// The remote; the one that the branch follows, if none is given
    #[arg(value_name = "REMOTE")]
    remote: Option<String>,

    /// Branches, tags or runs; `here:there` for a branch that has another name there
    #[arg(value_name = "REF", requires = "remote")]
    refs: Vec<String>,

    /// Delete these branches and tags there; their history stays there, and all that it names
    #[arg(short, long, requires = "refs", conflicts_with_all = ["tags", "runs", "no_data", "data"])]
    delete: bool,

    /// All tags
    #[arg(long)]
    tags: bool,

    /// All runs
    #[arg(long)]
    runs: bool,

    /// Metadata only; the data stays here until `mdl push --data`
    #[arg(long)]
    no_data: bool,

    /// Look through all data again, and send what was left out before
    #[arg(long, conflicts_with = "no_data")]
    data: bool,
}

impl Run for Push {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl push", "the branch that is checked out"),
        ("mdl push --runs", "every run, finished or not"),
        ("mdl push origin main v1 k7w2q9xm", "a branch, a tag and a run"),
        ("mdl push --no-data", "what changed, without the bytes of datasets and models"),
        ("mdl push --delete origin wide", "a branch or tag that nobody needs there any more"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let mut of_there = self.refs.iter().filter_map(|word| word.strip_prefix(':'));
        if let Some(there) = of_there.find(|there| !there.is_empty()) {
            // With git this deletes; it is also what a script says whose variable is empty.
            let hint = format!("to delete {there} there: `mdl push --delete REMOTE {there}`");
            return Err(CliError::usage(format!(":{there} says nothing of what is here"), hint));
        }
        let mut repository = context.repository()?;
        let options = PushOptions {
            remote: self.remote.as_deref().map(remote_name).transpose()?,
            refs: self.refs.clone(),
            delete: self.delete,
            tags: self.tags,
            runs: self.runs,
            data: match (self.no_data, self.data) {
                (true, _) => DataPolicy::Nothing,
                (_, true) => DataPolicy::All,
                _ => DataPolicy::New,
            },
        };
        let progress = context.progress();
        let done = repository.push(&options, &progress)?;
        drop(progress);
        context.report("push", || remote::pushed(&done), || remote::pushed_json(&done))?;
        let exit = exit(&done.pushed);
        match exit {
            Exit::Conflict => refusals(&done.pushed).for_each(|hint| context.terminal.hint(hint)),
            Exit::NotFound => context.terminal.hint("`mdl ls-remote` lists what is there"),
            Exit::Network => context.terminal.hint("run the command again: it finds out whether it was done"),
            _ if self.no_data => context.terminal.hint("the data stays here; send it with `mdl push --data`"),
            _ => {}
        }
        Ok(exit)
    }
}

/// What to do about what was refused.
fn refusals(pushed: &Pushed) -> impl Iterator<Item = &'static str> {
    let is = |deletes: bool, test: fn(&Fate) -> bool| {
        pushed.refs.iter().any(|it| (it.to == Target::Deleted) == deletes && test(&it.fate))
    };
    let is_old = |fate: &Fate| matches!(fate, Fate::Behind | Fate::Lost);
    let is_in_use = |fate: &Fate| matches!(fate, Fate::CheckedOut);
    let hints = [
        is(false, is_old).then_some("get what is there first: `mdl pull`, then push again"),
        is(true, is_old).then_some("look at what is there now: `mdl fetch`, then delete it again"),
        is(false, is_in_use).then_some(
            "push to another branch, such as `mdl push REMOTE HERE:THERE`, and merge that one there",
        ),
        is(true, is_in_use).then_some("switch to another branch there first"),
        is(true, |fate| matches!(fate, Fate::Ambiguous))
            .then_some("say which: `refs/heads/NAME` for the branch, `refs/tags/NAME` for the tag"),
        is(false, |fate| matches!(fate, Fate::Taken))
            .then_some("give the tag another name: others may rely on that one"),
    ];
    hints.into_iter().flatten()
}

fn exit(pushed: &Pushed) -> Exit {
    let fates = || pushed.refs.iter().map(|it| &it.fate);
    if fates().any(|fate| matches!(fate, Fate::Unknown(_))) {
        return Exit::Network;
    }
    let is_done = |fate: &Fate| matches!(fate, Fate::Done | Fate::UpToDate);
    let is_refused = |fate: &Fate| !is_done(fate) && !matches!(fate, Fate::Absent);
    match fates().any(is_refused) {
        true => Exit::Conflict,
        false if fates().all(is_done) => Exit::Success,
        false => Exit::NotFound,
    }
}
