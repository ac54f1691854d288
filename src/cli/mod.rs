//! The command line: arguments, terminal, one short file a command, errors explained.
//!
//! Nothing above the façade [`crate::repo`] is decided here: a command reads its arguments, makes one
//! request, and hands the value that comes back to [`crate::render`] and the terminal.

mod bars;
pub mod commands;
mod context;
mod editor;
mod error;
mod exit;
mod explain;
mod names;
mod options;
mod overview;
mod pager;
mod parts;
mod suggest;
mod terminal;

pub use exit::Exit;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use context::Context;
use error::CliError;
use explain::{Explained, explain};
use names::Recorded;
use options::Options;
use terminal::Terminal;

/// Runs the program with its arguments.
pub fn main() -> ExitCode {
    run(std::env::args_os().collect()).into()
}

/// The whole command line, as a parser. Commands describe their arguments only when they are chosen.
pub fn command() -> Command {
    let help = Arg::new("help").short('h').long("help").action(ArgAction::SetTrue).help("Print this overview");
    let root = Command::new("mdl")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Version the definition of machine-learning models: data, features, parameters, code, environment")
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .max_term_width(100);
    Options::augment_args(root).arg(help).subcommands(commands::ALL.iter().map(commands::Spec::command))
}

fn run(arguments: Vec<OsString>) -> Exit {
    match command().try_get_matches_from(&arguments) {
        Ok(matches) => answer(&matches),
        Err(error) => refuse(&error, &arguments),
    }
}

/// Runs the command that was chosen, and says what went wrong with it.
fn answer(matches: &ArgMatches) -> Exit {
    let chosen = matches.subcommand();
    let of = |matches| Options::from_arg_matches(matches).unwrap_or_default();
    let options = of(matches).and(chosen.map(|(_, matches)| of(matches)).unwrap_or_default());
    let terminal = Terminal::new(&options);
    let mut context = match Context::new(options) {
        Ok(context) => context,
        Err(error) => return fail(&error, &terminal, &names::Nothing),
    };
    let result = match chosen.and_then(|(name, matches)| Some((commands::find(name)?, matches))) {
        Some((spec, matches)) => spec.run(matches, &mut context),
        None => terminal.print(&overview::overview()).map(|()| Exit::Success).map_err(CliError::Output),
    };
    match result {
        Ok(exit) => exit,
        Err(error) => fail(&error, &context.terminal, &Recorded::new(context.directory())),
    }
}

fn fail(error: &CliError, terminal: &Terminal, names: &dyn explain::Names) -> Exit {
    let explained = explain(error, names);
    explained.tell(terminal);
    explained.exit
}

/// What the parser itself answers: help, the version, or why it makes nothing of the arguments.
fn refuse(error: &clap::Error, arguments: &[OsString]) -> Exit {
    let given = arguments.iter().take_while(|argument| *argument != "--");
    let json = given.clone().any(|argument| argument == "--json");
    let terminal = Terminal::new(&Options { json, ..Options::default() });
    let rendered = error.render();
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        return match terminal.print(&rendered.ansi().to_string()).map_err(CliError::Output) {
            Ok(()) => Exit::Success,
            Err(error) => fail(&error, &terminal, &names::Nothing),
        };
    }
    if json {
        let text = rendered.to_string();
        let (message, rest) = text.split_once("\n\n").unwrap_or((&text, ""));
        let message = message.trim_start_matches("error: ").trim().to_owned();
        let hint = rest.lines().find_map(|line| line.trim().strip_prefix("tip: ")).map(str::to_owned);
        Explained { message, causes: Vec::new(), hint, exit: Exit::Usage }.tell(&terminal);
    } else {
        terminal.complain(&rendered.ansi().to_string());
    }
    Exit::Usage
}
