//! What `mdl` alone says, and the help on what is not about one command.

use anstyle::Style;

use crate::cli::commands::{ALL, Group};
use crate::cli::exit::Exit;

const HEAD: Style = Style::new().bold().underline();
const NAME: Style = Style::new().bold();

/// A topic of the help: its name, and its text.
type Topic = (&'static str, fn() -> String);

/// The topics that `mdl help` knows besides the commands.
pub const TOPICS: &[Topic] = &[("revisions", revisions), ("exit-codes", exit_codes)];

/// The commands in groups, on a screen.
pub fn overview() -> String {
    let mut root = crate::cli::command();
    root.build();
    let about = |name: &str| {
        let command = root.find_subcommand(name);
        command.and_then(|command| command.get_about()).map(ToString::to_string).unwrap_or_default()
    };
    let mut text = format!(
        "mdl records what a model is made of (data, features, parameters, code, environment) and what came\n\
         of it, so that you can compare any two states and put any of them back.\n\n\
         {HEAD}Usage:{HEAD:#} {NAME}mdl{NAME:#} [OPTIONS] COMMAND\n"
    );
    for group in Group::ALL {
        text += &format!("\n{HEAD}{}{HEAD:#}\n", group.title());
        for spec in ALL.iter().filter(|spec| spec.group == group) {
            text += &format!("  {NAME}{:12}{NAME:#} {}\n", spec.name, about(spec.name));
        }
    }
    text += &format!("\n{HEAD}Options, before or after the command{HEAD:#}\n");
    for (option, meaning) in OPTIONS {
        text += &format!("  {NAME}{option:18}{NAME:#} {meaning}\n");
    }
    text + "\n`mdl help COMMAND` tells more, with examples. Also: `mdl help revisions`, `mdl help exit-codes`.\n"
}

const OPTIONS: &[(&str, &str)] = &[
    ("-C DIR", "run as if started in DIR"),
    ("-q, --quiet", "no summaries, hints or progress"),
    ("--json", "results as JSON, for programs"),
    ("--color WHEN", "auto, always or never"),
    ("--no-pager", "do not page long output"),
    ("-V, --version", "print the version"),
];

/// How to name a state, and a part of one.
fn revisions() -> String {
    let rows = [
        ("HEAD, @", "the commit that is checked out"),
        ("main, v1", "a branch or a tag"),
        ("3f2a9c1", "the first digits of an id, at least four"),
        ("main~2", "two commits before main, by first parents"),
        ("main^2", "the second parent of main"),
        ("main@{1}", "where the branch was before its last move"),
        ("A..B", "from A to B, for diff"),
    ];
    let parts = [
        ("HEAD:params", "all hyperparameters"),
        ("HEAD:params.optim.lr", "one of them"),
        ("main:datasets/train", "a dataset, or train/a.csv within it"),
        ("main:features/base", "a feature set"),
        ("v1:code/train.py", "a source file"),
        ("v1:packages.numpy", "a package; also system, accelerators, variables, seeds, command"),
        ("v1:metrics.accuracy", "a result; also outputs, exit"),
    ];
    let table = |rows: &[(&str, &str)]| {
        rows.iter().fold(String::new(), |text, (what, meaning)| {
            text + &format!("  {NAME}{what:22}{NAME:#} {meaning}\n")
        })
    };
    format!(
        "{HEAD}Naming a state{HEAD:#}\n{}\n{HEAD}Naming a part of one{HEAD:#}, as in `mdl show` and `mdl cat`\n{}\n\
         Without `REV:` the same names limit log, diff and restore: `mdl log -- params.optim.lr`.\n",
        table(&rows),
        table(&parts),
    )
}

/// What the numbers mean that commands end with.
fn exit_codes() -> String {
    Exit::ALL.iter().fold(format!("{HEAD}Exit codes{HEAD:#}\n"), |text, exit| {
        text + &format!("  {NAME}{:>3}{NAME:#}  {}\n", exit.code(), exit.meaning())
    })
}
