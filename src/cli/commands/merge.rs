//! `mdl merge`: bring a run, or what somebody else committed, into what is checked out.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::merge::Side;
use crate::render;
use crate::repo::{MergeKind, MergeOptions, Merged};

/// Bring a run, or another branch, into the branch
///
/// What comes right after the commit that is checked out, such as a run that started from it, becomes the branch's
/// next commit, and your files are those of it: its parameters, its metrics, its outputs.
///
/// Where both sides have gone on, a commit is made that comes after both. Parameters are merged by key, datasets and
/// feature sets by name, trees of files by path, source files by line: comments stay, and what only one side changed
/// is as that side has it. Runs never conflict. Where both sides changed the same in different ways, each such place
/// is listed with its base, ours and theirs, and nothing is changed: --ours or --theirs decides them all. To decide
/// each for itself, merge with --ours, put back what is to be theirs with `mdl restore --from REV PART`, and commit;
/// or make your files as they should be first, and record that as the merge with --as-is.
///
/// A merge has no metrics and outputs before it is run, unless it is what one side has run already. Changes of your own
/// that are not committed are carried along as `mdl switch` does; where that would lose them, nothing is changed.
#[derive(Args)]
pub struct Merge {
    /// A run, by its id or name, a branch, or another revision
    #[arg(value_name = "REV")]
    revision: String,

    /// Where both changed the same, take ours: what is checked out
    #[arg(long, conflicts_with_all = ["theirs", "as_is"])]
    ours: bool,

    /// Where both changed the same, take theirs: what is merged
    #[arg(long, conflicts_with = "as_is")]
    theirs: bool,

    /// Your files as they are now are the merge
    #[arg(long, conflicts_with = "ff_only")]
    as_is: bool,

    /// Only go to a commit that comes right after the one that is checked out; make none
    #[arg(long)]
    ff_only: bool,

    /// Merge also what has no commit in common
    #[arg(long)]
    allow_unrelated_histories: bool,

    /// What the commit says
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,

    /// Overwrite changes that are not committed
    #[arg(short, long)]
    force: bool,

    /// Say what would be done, and do nothing
    #[arg(long)]
    dry_run: bool,
}

impl Run for Merge {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl merge k7w2q9xm", "a run, as `mdl runs` lists it"),
        ("mdl merge wide-net", "the newest run of this name"),
        ("mdl merge --dry-run colleague", "which files would change, and which conflicts there are"),
        ("mdl merge --theirs colleague", "a branch; where both changed the same, as it has it"),
        ("mdl restore --from colleague params", "after a conflict: take a part of theirs by hand…"),
        ("mdl merge --as-is colleague", "…and say that your files are now the merge"),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        let favour = match (self.ours, self.theirs) {
            (true, _) => Some(Side::Ours),
            (_, true) => Some(Side::Theirs),
            _ => None,
        };
        let options = MergeOptions {
            favour,
            as_is: self.as_is,
            only_forward: self.ff_only,
            unrelated: self.allow_unrelated_histories,
            message: self.message.clone(),
            force: self.force,
            dry_run: self.dry_run,
        };
        let progress = context.progress();
        let merged = repository.merge(&self.revision, &options, &progress)?;
        drop(progress);
        let text = || told(&merged, &context.style(), favour, self.dry_run);
        let json = || render::merged_json(&merged, self.dry_run);
        if merged.kind != MergeKind::Conflicts {
            context.report("merge", text, json)?;
            context.warn_of(&merged.warnings);
            context.warn_of_references(&merged.files);
            return Ok(Exit::Success);
        }
        context.answer("merge", text, json)?;
        hint(context, &self.revision);
        Ok(Exit::Conflict)
    }
}

/// What became of a merge, for a person.
pub(super) fn told(merged: &Merged, style: &render::Style, favour: Option<Side>, dry_run: bool) -> String {
    let mut text = Vec::new();
    // Writing to memory does not fail.
    let _ = render::merged(&mut text, style, merged, favour, dry_run);
    String::from_utf8_lossy(&text).into_owned()
}

/// How to decide conflicts.
pub(super) fn hint(context: &Context, revision: &str) {
    let rev = render::escape(revision);
    context
        .terminal
        .hint(&format!("`mdl merge --ours {rev}` or `mdl merge --theirs {rev}` decides all of it"));
    context.terminal.hint(&format!(
        "to decide each: merge with --ours, then `mdl restore --from {rev} PART` and `mdl commit`"
    ));
}
