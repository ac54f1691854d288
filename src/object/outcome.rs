//! An outcome: what came of a run, and what was observed while it ran.

use std::collections::BTreeMap;

use crate::encoding::{record, words};
use crate::id::{ContentId, SeriesId};
use crate::name::PartName;
use crate::object::{Link, Placed, Receipt, Time, link, object};
use crate::value::Value;

record! {
    #[derive(Default)]
    /// The results of a run. Everything here may differ between two runs of one definition.
    pub struct Outcome {
        /// Final values of the metrics.
        pub metrics: Option<Metrics>,
        /// Curves of the metrics by name.
        pub series: BTreeMap<String, SeriesId>,
        /// Files and directories that the run wrote, by name.
        pub outputs: BTreeMap<PartName, Placed>,
        /// How much of the machine was used.
        pub utilisation: Option<Utilisation>,
        /// What the run printed, and its length in bytes.
        pub log: Option<Log>,
        /// The exit status; negative for a signal.
        pub exit: Option<i64>,
        /// When it began.
        pub started: Option<Time>,
        /// When it ended.
        pub finished: Option<Time>,
        /// What varies without meaning, by name: host name, UUIDs, clocks at the start.
        pub observations: BTreeMap<String, Value>,
        /// How faithful it is to the run that it reproduces, if it reproduces one.
        pub receipt: Option<Receipt>,
    }
}

/// What could not be observed or kept, among the observations: a list of texts.
const GAPS: &str = "gaps";

impl Outcome {
    /// Adds to what could not be observed or kept.
    pub fn note(&mut self, gap: String) {
        match self.observations.entry(GAPS.to_owned()).or_insert_with(|| Value::List(Vec::new())) {
            Value::List(gaps) => gaps.push(Value::Text(gap)),
            other => *other = Value::List(vec![Value::Text(gap)]),
        }
    }
}

record! {
    /// Final values of metrics and the files that they were read from.
    pub struct Metrics {
        /// The values.
        pub values: BTreeMap<String, Value>,
        /// The files, so that they can be restored to the byte.
        pub files: Vec<Placed>,
        /// Which direction is better, by the metric's dotted path, where the manifest says so.
        pub better: BTreeMap<String, Direction>,
    }
}

words! {
    /// Which direction of a metric is better.
    pub enum Direction {
        /// Such as an accuracy.
        Higher = "higher",
        /// Such as a loss.
        Lower = "lower",
    }
}

record! {
    /// Utilisation of the machine.
    pub struct Utilisation {
        /// The samples by name, such as `gpu0.busy`.
        pub series: BTreeMap<String, SeriesId>,
        /// Summaries of them.
        pub summary: BTreeMap<String, Value>,
    }
}

record! {
    /// What a run printed.
    pub struct Log {
        /// The text, its middle left out if it was too long.
        pub content: ContentId,
        /// The length of the text in bytes.
        pub size: u64,
    }
}

object!(Outcome, OutcomeId, |outcome, see| {
    outcome.metrics.iter().flat_map(|metrics| &metrics.files).for_each(|file| see(file.node.link()));
    outcome.series.values().for_each(|id| see(link(*id)));
    outcome.outputs.values().for_each(|output| see(output.node.link()));
    outcome.utilisation.iter().flat_map(|u| u.series.values()).for_each(|id| see(link(*id)));
    outcome.log.iter().for_each(|log| see(Link::Content(log.content, log.size)));
});
