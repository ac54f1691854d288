//! What a series of samples says of a machine's use: summaries, phases, and one line of judgement.
//!
//! Samples come from `capture`, marks from the program itself. A summary is what an outcome records beside the series
//! ([`Summary::to_values`]) and what others read back ([`Summary::from_values`]); [`judge`] needs nothing but a summary
//! and what the machine has. Nothing is claimed that was not measured: what is missing is absent, not zero.

mod judge;
mod record;
mod statistics;
mod summary;
mod words;

pub use judge::{Device, Judgement, Machine, Note, Peak, Verdict, Wait, judge};
pub use statistics::{Statistics, Throttle};
pub use summary::{Mark, Measured, Phase, Series, Summary, summarise};
