//! Results as text for people and as JSON for programs: takes values and a writer, opens nothing.
//!
//! Everything that came from files, commits or elsewhere passes [`escape`] on its way out, so that no
//! name, message or line of code can steer a terminal or forge a line. Colours are given by meaning.

pub mod actions;
mod changes;
mod collected;
pub mod committed;
mod diff;
mod elapsed;
mod escape;
mod files;
mod first;
pub mod fit;
mod graph;
mod json;
mod layout;
mod log;
mod merge;
mod number;
mod object;
mod receipt;
mod refs;
pub mod remote;
mod run;
mod run_state;
mod running;
mod runs;
pub mod settings;
mod show;
mod spark;
mod stat;
mod status;
mod style;
mod table;

pub use changes::field_texts;
pub use collected::{collected, collected_json};
pub use diff::{Detail, diff};
pub use elapsed::{ago, duration};
pub use escape::{escape, escape_json, escape_line};
pub use first::inventory;
pub use json::{diff_json, fields_json, object_json, value_json};
pub use log::{LabelKind, LogEntry, LogFormat, LogWriter, RefLabel, log_json};
pub use merge::{merged, merged_json};
pub use number::{date, percent, ratio, short, short_id, signed, size};
pub use object::{any_object, resolved, resolved_json};
pub use receipt::{
    EnvironmentDifference, MetricFound, OutputFound, ShownProposal, ShownReceipt, proposal, receipt,
    receipt_json,
};
pub use refs::{BranchLine, TagLine, branches, branches_json, history, history_json, tags, tags_json};
pub use run::{ShownRun, show_run, show_run_json};
pub use running::{RunEnd, SweptRun, run_finished, run_started, sweep_progress};
pub use runs::{RunLine, Runs, best_first, runs, runs_by_sweep, runs_json};
pub use show::{ShownCommit, show_commit, show_commit_json, show_snapshot};
pub use spark::{is_logarithmic, spark, spark_of};
pub use status::{Head, Status, status, status_json};
pub use style::{Role, Style};

#[cfg(test)]
mod tests;
