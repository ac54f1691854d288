//! Will a model run on another accelerator, and what does it need? From what was recorded, never more.
//!
//! [`Recorded`] is what a commit says of a run, [`Device`] what a table says of an accelerator. [`judge`] compares
//! them: a verdict for each device with its reasons as facts, and an estimate of relative speed where both devices
//! are known. What was not measured is [`Verdict::Unknown`] with what is missing, not a guess.

mod advice;
mod device;
mod evidence;
mod finding;
#[cfg(test)]
pub(crate) mod fixture;
mod judge;
mod reading;
mod recorded;
mod speed;
mod table;
#[cfg(test)]
mod tests;
mod version;

pub use advice::{Advice, Cause, Caveat};
pub use device::{Architecture, Device, Format, LONGEST_TEXT, Link, Memory, Origin, Support};
pub use evidence::{Build, FormatEvidence, Toolkit, builds, formats, preallocates};
pub use finding::{Finding, Gap, Need, Reason, Verdict};
pub use judge::{Fit, Report, Target, judge};
pub use reading::{TableError, read};
pub use recorded::{CardUsage, Machine, Recorded, Usage};
pub use speed::{Speed, Unestimated};
pub use table::{Devices, Query, QueryError};
pub use version::Version;
