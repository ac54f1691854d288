//! `mdl tag`: names for commits.

use clap::Args;

use crate::cli::commands::Run;
use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::parts;
use crate::cli::views;
use crate::render::{self, actions};

/// List tags, or make, move or delete one
#[derive(Args)]
pub struct Tag {
    /// The tag to make
    #[arg(value_name = "NAME")]
    name: Option<String>,

    /// The commit that it names; HEAD if nothing is given
    #[arg(value_name = "REV", requires = "name")]
    revision: Option<String>,

    /// What it stands for; each further -m is a paragraph
    #[arg(short, long, value_name = "MESSAGE", requires = "name")]
    message: Vec<String>,

    /// Delete a tag
    #[arg(short, long, value_name = "NAME", conflicts_with = "name")]
    delete: Option<String>,

    /// Move the tag if it exists; where it was stays in its history
    #[arg(short, long, requires = "name")]
    force: bool,
}

impl Run for Tag {
    const EXAMPLES: &'static [(&'static str, &'static str)] = &[
        ("mdl tag", "list them"),
        ("mdl tag v1 -m 'first release'", "name the commit that is checked out"),
        ("mdl tag -f production HEAD~1", "move a tag"),
        ("mdl tag -d v1", ""),
    ];

    fn run(&self, context: &mut Context) -> Result<Exit, CliError> {
        let repository = context.repository()?;
        if let Some(name) = &self.delete {
            let was = repository.delete_tag(&parts::ref_name(name)?)?;
            context.report(
                "tag",
                || actions::deleted("tag", name, was),
                || actions::deleted_json(name, was),
            )?;
        } else if let Some(name) = &self.name {
            let commit = repository.resolve(self.revision.as_deref().unwrap_or("HEAD"))?.commit;
            let message = self.message.join("\n\n");
            let made = repository.create_tag(&parts::ref_name(name)?, commit, &message, self.force)?;
            context.report(
                "tag",
                || actions::created("tag", name, made.tag.commit),
                || actions::created_json(name, made.tag.commit),
            )?;
        } else {
            let lines: Vec<_> = repository.tags()?.iter().map(views::tag).collect();
            let style = context.style();
            let text = views::text(|out| render::tags(out, &style, &lines))?;
            context.answer("tags", || text, || render::tags_json(&lines))?;
        }
        Ok(Exit::Success)
    }
}
