//! What would help, and what to know before believing a verdict: both from what was measured.

use crate::fit::finding::{Finding, Verdict};
use crate::fit::judge::{Basis, Fit};
use crate::fit::recorded::Recorded;

/// What would help.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Advice {
    /// The accelerator waited. `gain`: more than so many times as fast no accelerator can make the run.
    Waiting { busy: f64, gain: f64, cause: Cause },
    /// The smallest device that suffices, among those that were asked about.
    Smallest { id: String, cards: u64, peak: u64, capacity: u64 },
    /// None that was asked about fits.
    NoneFits,
}

/// What an accelerator may have waited for. Processors: how many were busy, of how many.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Cause {
    /// About one processor was busy, of several: data is prepared by one process.
    OneProcessor { busy: f64, of: f64 },
    /// All processors were.
    AllProcessors { busy: f64, of: f64 },
    /// Some were: disk, network or synchronisation.
    Elsewhere { busy: f64, of: f64 },
    /// It was not recorded.
    Unknown,
}

/// What else to know.
#[derive(Clone, Copy, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Caveat {
    /// Samples were so many seconds apart: a shorter peak is missed.
    Interval { seconds: f64 },
    /// There are few samples.
    FewSamples { samples: u64 },
    /// Other cards than were used: memory is said for data-parallel training, where each holds the whole model.
    OtherCount { used: u64 },
    /// PyTorch keeps what it freed, and gives it back before it fails: the run may need less than it held.
    Cached,
    /// No parameter names a number format.
    NoFormat,
    /// No package tells which CUDA or ROCm it was built for.
    NoToolkit,
    /// How busy the accelerator was is not recorded.
    NoBusy,
}

/// An accelerator that is busy for less is waiting.
const BUSY: f64 = 0.7;
/// With fewer samples, more room is asked for.
const FEW_SAMPLES: u64 = 30;

/// The number of samples, if it is small.
pub(super) fn few_samples(recorded: &Recorded) -> Option<u64> {
    recorded.usage.as_ref()?.samples.filter(|samples| *samples < FEW_SAMPLES)
}

pub(super) fn advice(basis: &Basis<'_>, fits: &[Fit]) -> Vec<Advice> {
    let mut advice = Vec::new();
    if basis.alone {
        return advice;
    }
    if let Some(busy) = basis.busy.filter(|busy| *busy < BUSY) {
        advice.push(Advice::Waiting { busy, gain: 1.0 / (1.0 - busy), cause: cause(basis.recorded) });
    }
    let Some(peak) = basis.peak.filter(|_| fits.len() > 1) else { return advice };
    let order = |fit: &&Fit| (fit.device.memory.capacity(), fit.device.bandwidth.unwrap_or(0.0) as u64);
    let smallest = fits.iter().filter(|fit| fit.verdict == Verdict::Fits).min_by_key(order);
    if let Some(Fit { device, cards, .. }) = smallest {
        let capacity = device.memory.capacity();
        advice.push(Advice::Smallest { id: device.id.clone(), cards: *cards, peak, capacity });
    } else if fits.iter().all(|fit| fit.verdict == Verdict::DoesNotFit) {
        advice.push(Advice::NoneFits);
    }
    advice
}

fn cause(recorded: &Recorded) -> Cause {
    let busy = recorded.usage.as_ref().and_then(|usage| usage.processors);
    let Some((busy, of)) = busy.zip(recorded.machine.processors).filter(|(_, of)| *of > 0.0) else {
        return Cause::Unknown;
    };
    if busy >= 0.9 * of {
        Cause::AllProcessors { busy, of }
    } else if (0.8..1.5).contains(&busy) {
        Cause::OneProcessor { busy, of }
    } else {
        Cause::Elsewhere { busy, of }
    }
}

pub(super) fn caveats(basis: &Basis<'_>, fits: &[Fit]) -> Vec<Caveat> {
    let mut caveats = Vec::new();
    if basis.alone || basis.peak.is_none() {
        return caveats;
    }
    caveats.extend(few_samples(basis.recorded).map(|samples| Caveat::FewSamples { samples }));
    let interval = basis.recorded.usage.as_ref().and_then(|usage| usage.interval);
    caveats.extend(interval.map(|seconds| Caveat::Interval { seconds }));
    if fits.iter().any(|fit| fit.cards != basis.used) {
        caveats.push(Caveat::OtherCount { used: basis.used });
    }
    let is_close = |fit: &Fit| {
        let mut memory = fit.reasons.iter().filter(|it| matches!(it.finding, Finding::Memory { .. }));
        memory.any(|reason| reason.verdict != Verdict::Fits)
    };
    if fits.iter().any(is_close) && basis.recorded.packages.iter().any(|package| package.name == "torch") {
        caveats.push(Caveat::Cached);
    }
    let is_estimated = fits.iter().any(|fit| fit.speed.is_ok());
    if basis.formats.is_empty() && is_estimated {
        caveats.push(Caveat::NoFormat);
    }
    if basis.builds.is_empty() {
        caveats.push(Caveat::NoToolkit);
    }
    if basis.busy.is_none() && is_estimated {
        caveats.push(Caveat::NoBusy);
    }
    caveats
}
