//! A run: what a commit that records an execution says of it.

use std::collections::BTreeMap;

use crate::encoding::{record, words};
use crate::id::CommitId;
use crate::name::RunId;
use crate::value::Value;

record! {
    /// One execution of a command. The commit's definition says what went in, its outcome what came out.
    pub struct Run {
        /// Tells this run from every other.
        pub id: RunId,
        /// The name that a person gave it. Several runs may have one name.
        pub name: Option<String>,
        /// What it was for.
        pub phase: Phase,
        /// The sweep that it belongs to: the name that a person gave it, or one that is made for it.
        pub sweep: Option<String>,
        /// Parameters that were set for this run alone, by their dotted paths.
        pub set: BTreeMap<String, Value>,
        /// The commit whose definition was executed again, if that was the purpose.
        pub reproduces: Option<CommitId>,
    }
}

words! {
    /// What a run is for.
    pub enum Phase {
        /// Training a model.
        Train = "train",
        /// Building it or its data: preprocessing, compilation, conversion.
        Build = "build",
        /// Serving it.
        Production = "production",
    }
}

record! {
    /// How faithfully a run came out as the one that it reproduces.
    pub struct Receipt {
        /// The verdict.
        pub grade: Grade,
        /// Where the two part first, if they do.
        pub first: Option<Divergence>,
    }
}

words! {
    /// How faithful a reproduction is, best first.
    pub enum Grade {
        /// Outputs and metrics are equal to the bit.
        Identical = "identical",
        /// Every metric is as close as was asked for.
        WithinTolerance = "within-tolerance",
        /// A metric or an output differs by more.
        Diverged = "diverged",
        /// It could not be run to its end.
        Failed = "failed",
    }
}

record! {
    /// The first place where two outcomes part.
    pub struct Divergence {
        /// The dotted path of a metric, or the name of an output.
        pub what: String,
        /// The step of the curve, if it is one.
        pub step: Option<i64>,
        /// What was recorded.
        pub recorded: Option<f64>,
        /// What came out now.
        pub found: Option<f64>,
    }
}
