//! The commands, one short file each, and the table that they are found in.

mod add;
mod branch;
mod cat;
mod checkout;
mod clone;
mod commit;
mod completions;
mod config;
mod diff;
mod fetch;
mod fit;
mod fsck;
mod gc;
mod help;
mod init;
mod log;
mod ls_remote;
mod merge;
mod pull;
mod push;
mod remote;
mod reproduce;
mod restore;
mod rm;
mod run;
mod runs;
mod serve;
mod show;
mod status;
mod switch;
mod tag;
mod undo;

use clap::{Arg, ArgAction, ArgMatches, Args, Command};

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::cli::exit::Exit;
use crate::cli::options::Options;

/// Columns that help fills.
pub const HELP_WIDTH: usize = 100;

/// A command: its arguments, and what it does.
pub trait Run: Args {
    /// Examples, shown below the help: lines of a command and what it is for.
    const EXAMPLES: &'static [(&'static str, &'static str)];

    /// Does it.
    fn run(&self, context: &mut Context) -> Result<Exit, CliError>;
}

/// What a command is for, as the overview groups them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Beginning to use mdl in a project.
    Start,
    /// Recording states.
    Record,
    /// Looking at what is recorded.
    Look,
    /// Putting earlier states back.
    Back,
    /// Names for states.
    Name,
    /// Exchanging with others.
    Share,
    /// Looking after the repository and mdl itself.
    Care,
}

impl Group {
    /// Every group, in the order in which a newcomer needs them.
    pub const ALL: [Group; 7] =
        [Group::Start, Group::Record, Group::Look, Group::Back, Group::Name, Group::Share, Group::Care];

    /// Its headline.
    pub const fn title(self) -> &'static str {
        match self {
            Group::Start => "Start",
            Group::Record => "Record what you have",
            Group::Look => "Look and compare",
            Group::Back => "Go back, or reuse a part",
            Group::Name => "Name states and lines of work",
            Group::Share => "Share with others",
            Group::Care => "Look after it",
        }
    }
}

/// A command as the parser and the overview see it. Its arguments are described only when it is chosen.
#[derive(Clone, Copy)]
pub struct Spec {
    /// Its name.
    pub name: &'static str,
    /// What it is for.
    pub group: Group,
    describe: fn(Command) -> Command,
    run: fn(&ArgMatches, &mut Context) -> Result<Exit, CliError>,
}

impl Spec {
    const fn of<C: Run>(name: &'static str, group: Group) -> Self {
        Self { name, group, describe: describe::<C>, run: run::<C> }
    }

    /// The command for the parser; its arguments are added when it is chosen.
    pub fn command(&self) -> Command {
        Command::new(self.name).defer(self.describe)
    }

    /// Runs it with what was parsed.
    pub fn run(&self, matches: &ArgMatches, context: &mut Context) -> Result<Exit, CliError> {
        (self.run)(matches, context)
    }
}

fn describe<C: Run>(command: Command) -> Command {
    // The options first, so that the command's own description is the one that stays.
    let command = Options::augment_args(command).next_help_heading(None);
    let command = C::augment_args(command)
        .arg(help())
        .mut_subcommands(|below| Options::augment_args(below).next_help_heading(None).arg(help()));
    // Everything about the command, and yet a line for each option.
    let about = command.get_long_about().or(command.get_about()).map(ToString::to_string).unwrap_or_default();
    let template =
        format!("{}\n{{usage-heading}} {{usage}}\n\n{{all-args}}{{after-help}}\n", wrapped(&about));
    command.help_template(template).after_help(examples(C::EXAMPLES))
}

fn help() -> Arg {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::HelpShort);
    help.help("Print help").help_heading("Global options")
}

/// Paragraphs in lines that can be read.
fn wrapped(text: &str) -> String {
    let mut out = String::new();
    for paragraph in text.split("\n\n") {
        let mut width = 0;
        for word in paragraph.split_whitespace() {
            if width > 0 && width + 1 + word.len() > HELP_WIDTH {
                out.push('\n');
                width = 0;
            } else if width > 0 {
                out.push(' ');
                width += 1;
            }
            out += word;
            width += word.len();
        }
        out += "\n\n";
    }
    out.truncate(out.len() - 1);
    out
}

fn examples(lines: &[(&str, &str)]) -> String {
    let width = lines.iter().map(|(command, _)| command.len()).max().unwrap_or(0);
    lines.iter().fold("Examples:".to_owned(), |text, (command, purpose)| {
        format!("{text}\n  {command:width$}  {purpose}").trim_end().to_owned()
    })
}

fn run<C: Run>(matches: &ArgMatches, context: &mut Context) -> Result<Exit, CliError> {
    // The parser that made these matches was built from the same type.
    let arguments = C::from_arg_matches(matches)
        .map_err(|error| CliError::Usage { problem: error.to_string(), hint: None })?;
    arguments.run(context)
}

/// Every command, group by group.
pub const ALL: &[Spec] = &[
    Spec::of::<init::Init>("init", Group::Start),
    Spec::of::<clone::Clone>("clone", Group::Start),
    Spec::of::<add::Add>("add", Group::Start),
    Spec::of::<rm::Rm>("rm", Group::Start),
    Spec::of::<status::Status>("status", Group::Record),
    Spec::of::<commit::Commit>("commit", Group::Record),
    Spec::of::<run::Run>("run", Group::Record),
    Spec::of::<merge::Merge>("merge", Group::Record),
    Spec::of::<undo::Undo>("undo", Group::Record),
    Spec::of::<log::Log>("log", Group::Look),
    Spec::of::<show::Show>("show", Group::Look),
    Spec::of::<runs::Runs>("runs", Group::Look),
    Spec::of::<diff::Diff>("diff", Group::Look),
    Spec::of::<cat::Cat>("cat", Group::Look),
    Spec::of::<fit::Fit>("fit", Group::Look),
    Spec::of::<checkout::Checkout>("checkout", Group::Back),
    Spec::of::<restore::Restore>("restore", Group::Back),
    Spec::of::<reproduce::Reproduce>("reproduce", Group::Back),
    Spec::of::<branch::Branch>("branch", Group::Name),
    Spec::of::<switch::Switch>("switch", Group::Name),
    Spec::of::<tag::Tag>("tag", Group::Name),
    Spec::of::<remote::Remote>("remote", Group::Share),
    Spec::of::<push::Push>("push", Group::Share),
    Spec::of::<fetch::Fetch>("fetch", Group::Share),
    Spec::of::<pull::Pull>("pull", Group::Share),
    Spec::of::<ls_remote::LsRemote>("ls-remote", Group::Share),
    Spec::of::<fsck::Fsck>("fsck", Group::Care),
    Spec::of::<gc::Gc>("gc", Group::Care),
    Spec::of::<config::Config>("config", Group::Care),
    Spec::of::<serve::Serve>("serve", Group::Care),
    Spec::of::<completions::Completions>("completions", Group::Care),
    Spec::of::<help::Help>("help", Group::Care),
];

/// The command of this name.
pub fn find(name: &str) -> Option<&'static Spec> {
    ALL.iter().find(|spec| spec.name == name)
}
