//! Results as text for people and as JSON for programs: takes values and a writer, opens nothing.
//!
//! Everything that came from files, commits or elsewhere passes [`escape`] on its way out, so that no
//! name, message or line of code can steer a terminal or forge a line. Colours are given by meaning.

pub mod actions;
mod changes;
pub mod committed;
mod diff;
mod escape;
mod files;
mod first;
pub mod fit;
mod graph;
mod json;
mod log;
mod number;
mod object;
mod refs;
pub mod settings;
mod show;
mod stat;
mod status;
mod style;
mod table;

pub use diff::{Detail, diff};
pub use escape::{escape, escape_json, escape_line};
pub use first::inventory;
pub use json::{diff_json, fields_json, object_json, value_json};
pub use log::{LabelKind, LogEntry, LogFormat, LogWriter, RefLabel, log_json};
pub use number::{date, percent, ratio, short, short_id, signed, size};
pub use object::{any_object, resolved, resolved_json};
pub use refs::{BranchLine, TagLine, branches, branches_json, history, history_json, tags, tags_json};
pub use show::{ShownCommit, show_commit, show_commit_json, show_snapshot};
pub use status::{Head, Status, status, status_json};
pub use style::{Role, Style};

#[cfg(test)]
mod tests;
