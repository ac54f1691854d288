//! Runs in bulk: so that thousands of finished ones are one object instead of thousands of refs.

use std::collections::BTreeMap;

use crate::encoding::record;
use crate::id::{CommitId, RunsId};
use crate::name::RunId;
use crate::object::{link, object};

record! {
    /// Finished runs.
    pub struct Runs {
        /// The last commit of each.
        pub runs: BTreeMap<RunId, CommitId>,
        /// Other batches, whose runs are meant as well.
        pub batches: Vec<RunsId>,
    }
}

object!(Runs, RunsId, |this, see| {
    this.runs.values().for_each(|commit| see(link(*commit)));
    this.batches.iter().for_each(|batch| see(link(*batch)));
});
