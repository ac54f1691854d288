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
mod receipt_views;
mod run_views;
mod sizes;
mod terminal;
mod views;

pub use exit::Exit;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Args, Command, FromArgMatches};

use context::Context;
use error::CliError;
use explain::explain;
use names::Recorded;
use options::Options;
use terminal::Terminal;

/// Runs the program with its arguments.
pub fn main() -> ExitCode {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    #[cfg(unix)]
    if matches!(&arguments[..], [_, only] if only == terminal::FORWARD) {
        terminal::forward();
        return ExitCode::SUCCESS;
    }
    run(arguments).into()
}

/// The whole command line, as a parser. Commands describe their arguments only when they are chosen.
pub fn command() -> Command {
    let help =
        Arg::new("help").short('h').long("help").action(ArgAction::SetTrue).help("Print this overview");
    let root = Command::new("mdl")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Version the definition of machine-learning models: data, features, parameters, code, environment")
        .disable_help_flag(true)
        .disable_help_subcommand(true)
        .max_term_width(commands::HELP_WIDTH);
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
    let options = options_of(matches);
    let terminal = Terminal::new(&options);
    let mut context = match Context::new(options) {
        Ok(context) => context,
        Err(error) => return fail(&error, &terminal, &names::Nothing),
    };
    let result = match chosen.and_then(|(name, matches)| Some((commands::find(name)?, matches))) {
        Some((spec, matches)) => spec.run(matches, &mut context),
        None => terminal.print(&overview::overview()).map(|()| Exit::Success).map_err(CliError::Output),
    };
    // What is checked tells of it itself.
    if chosen.is_none_or(|(name, _)| name != "fsck") {
        context.warn_of_damage();
    }
    match result {
        Ok(exit) => exit,
        Err(error) => fail(&error, &context.terminal, &Recorded::new(context.directory())),
    }
}

/// The options that stand before a command, behind it, and behind a command of its own.
fn options_of(matches: &ArgMatches) -> Options {
    let all = std::iter::successors(Some(matches), |matches| matches.subcommand().map(|(_, below)| below));
    let each = all.map(|matches| Options::from_arg_matches(matches).unwrap_or_default());
    each.fold(Options::default(), Options::and)
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
    if matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion) {
        let text = error.render().ansi().to_string();
        return match terminal.print(&text).map_err(CliError::Output) {
            Ok(()) => Exit::Success,
            Err(error) => fail(&error, &terminal, &names::Nothing),
        };
    }
    let explained = explain::usage(error);
    explained.tell(&terminal);
    explained.exit
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<ArgMatches, clap::Error> {
        command().try_get_matches_from(std::iter::once("mdl").chain(line.split_whitespace()))
    }

    #[test]
    fn the_parser_is_consistent() {
        command().debug_assert();
    }

    #[test]
    fn every_command_has_help_and_examples_that_parse() {
        let mut root = command();
        root.build();
        for command in root.get_subcommands() {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name} says nothing of itself");
            let examples = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(examples.contains(&format!("mdl {name}")), "{name} has no example");
            for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
                assert!(argument.get_help().is_some(), "{name}: {argument} has no help");
            }
        }
    }

    #[test]
    fn command_lines_that_make_sense() {
        let sensible = "add a b --as dataset|rm x|status -s|commit -m a -m b --allow-empty|log -n 3 --oneline --graph a b \
             -- params.lr|diff|diff a|diff a b --stat -- params|diff a..b --exit-code|branch|branch x|branch x y|\
             branch -d x|branch -D x|branch -m a b|branch --history a|switch a|switch -c a|switch -c a b|\
             switch --detach a|checkout a --to d|checkout a -f --dry-run|restore --from a params features|tag|tag a|\
             tag a b -m c|tag -d a|tag -f a|cat a:b|fsck --data|gc --all --dry-run|config|config user.name|config user.name x|\
             config --unset user.name|config --list|completions zsh|help diff|-C a -q status|status -C a --json";
        for line in sensible.split('|') {
            assert!(parse(line).is_ok(), "{line}: {}", parse(line).unwrap_err());
        }
        for line in
            "add|rm|commit -x|diff a b c|branch a b c|branch -m a|switch|switch --detach -c a|checkout|\
             checkout a --to d --force|restore|cat|tag -m x|config --unset|completions tcsh|add a --as model|\
             nonsense|--color blue status"
                .split('|')
        {
            assert!(parse(line).is_err(), "{line} was accepted");
        }
    }

    #[test]
    fn global_options_stand_anywhere() {
        for line in ["-C a -q log -C b --json", "-C a remote -C b list -q --json"] {
            let options = options_of(&parse(line).unwrap());
            assert_eq!(options.directory(), std::path::Path::new("a/b"), "{line}");
            assert!(options.quiet && options.json, "{line}");
        }
    }
}
