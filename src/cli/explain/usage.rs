//! What the parser makes nothing of, told like every other error.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{Explained, line};
use crate::cli::commands::ALL;
use crate::cli::exit::Exit;
use crate::suggest::nearest;

/// Explains an error of the parser.
pub fn usage(error: &clap::Error) -> Explained {
    let (message, hint) = match (error.kind(), error.get(ContextKind::InvalidSubcommand)) {
        (ErrorKind::InvalidSubcommand, Some(ContextValue::String(written))) => unknown_command(written),
        _ => worded_by_the_parser(&error.render().to_string()),
    };
    Explained { message: line(&message), causes: Vec::new(), hint: Some(line(&hint)), exit: Exit::Usage }
}

fn unknown_command(written: &str) -> (String, String) {
    let found = nearest(written, ALL.iter().map(|spec| spec.name));
    let hint = found
        .map_or_else(|| "`mdl` lists the commands".to_owned(), |name| format!("did you mean `mdl {name}`?"));
    (format!("{written:?} is not a command"), hint)
}

/// The parser words an error in paragraphs: what is wrong, tips, how the command is used.
fn worded_by_the_parser(text: &str) -> (String, String) {
    let mut paragraphs = text.split("\n\n").map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
    let message = paragraphs.next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(&message).to_owned();
    let rest: Vec<String> = paragraphs.collect();
    let of = |prefix: &str| rest.iter().find_map(|text| text.strip_prefix(prefix)).map(str::to_owned);
    let usage = of("Usage: ").map(|usage| format!("write {usage}; --help tells more"));
    let hint = of("tip: ").or(usage).unwrap_or_else(|| "--help tells more".to_owned());
    (message, hint)
}
