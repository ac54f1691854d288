//! Facts about a run and a device, and what each says of the question whether it fits. Wording is not here.

use crate::fit::device::Architecture;
use crate::fit::evidence::{Build, FormatEvidence};
use crate::fit::version::Version;

/// Whether a run fits, best first: the worst of its reasons decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// It does, with room.
    Fits,
    /// It does, with hardly any room.
    Tight,
    /// What is needed to say so was not recorded, or cannot be known.
    Unknown,
    /// It does not.
    DoesNotFit,
}

/// A fact, and what it says of the question.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// What this fact alone would mean.
    pub verdict: Verdict,
    /// The fact.
    pub finding: Finding,
}

/// A fact about a run and a device.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Finding {
    /// The most memory that one card held, beside what the device has.
    Memory { peak: u64, capacity: u64 },
    /// On fewer cards, each needs as much, or if the model is split over them, more: up to `each`.
    Fewer { used: u64, peak: u64, each: u64, capacity: u64 },
    /// A framework that takes memory in advance held so much: what it needs is not known.
    Preallocated { framework: &'static str, peak: u64, capacity: u64 },
    /// The run used no accelerator.
    ProcessorAlone,
    /// What was not recorded.
    Missing(Gap),
    /// The run did not come to its end: its peak may have been still to come.
    Unfinished { exit: Option<i64> },
    /// Memory of the host.
    HostMemory { peak: u64, capacity: u64 },
    /// The device does not compute a format natively. `told`: the parameter that names the format.
    Format { told: FormatEvidence },
    /// The table does not say which formats the device computes.
    FormatsUnknown { told: FormatEvidence },
    /// A package was built for something else than the device needs.
    Build { build: Build, need: Need },
    /// The driver that is needed, and the one that is there, if that is known.
    Driver { oldest: u32, newest: Option<u32>, there: Option<u32> },
    /// How several cards exchange what they computed. `linked`: the recorded ones had links.
    Link { cards: u64, name: Option<String>, bandwidth: f64, linked: bool },
}

/// What the device needs of a build.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Need {
    /// Code for it is there from this version on.
    From { architecture: Architecture, version: Version },
    /// Code for it was dropped after this version.
    Until { architecture: Architecture, version: Version },
    /// Code for an earlier card of the same major version runs on it.
    Earlier { architecture: Architecture, version: Version },
    /// A build for another vendor's toolkit.
    Vendor { vendor: String },
}

/// What a commit does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gap {
    /// It records no run.
    NotRun,
    /// Its run was not sampled.
    NotSampled,
    /// Accelerators could not all be looked at.
    Accelerators,
    /// The accelerators that were there were not sampled.
    Cards,
    /// Their memory was not sampled.
    Memory,
}
