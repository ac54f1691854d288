//! An estimate of relative speed: between what bandwidth and what arithmetic would give, and no more than the time in
//! which the accelerator was busy lets through.

use crate::fit::device::{Device, Format};

/// How many times as fast a run may be expected to be. An estimate, from data sheets.
#[derive(Clone, Debug, PartialEq)]
pub struct Speed {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
    /// The number formats whose arithmetic was compared.
    pub formats: Vec<Format>,
    /// The share of time in which the recorded accelerator was busy, which bounds the gain; `None`: it was taken as always.
    pub busy: Option<f64>,
}

/// Why there is no estimate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unestimated {
    /// The recorded device is not in the table, is a part of one, or there were several kinds.
    Recorded,
    /// No accelerator was used, or it is not known which.
    NotUsed,
    /// One of the two has no figures to compare.
    Figures,
    /// The device does not compute this format natively.
    Format(Format),
}

/// What is compared where nothing says in which format the run computes.
const USUAL: [Format; 4] = [Format::Fp32, Format::Tf32, Format::Fp16, Format::Bf16];

/// How many times as fast as on cards of one kind a run may be on as many, or more or fewer, of another.
pub(super) fn estimate(
    from: (&Device, u64),
    to: (&Device, u64),
    told: &[Format],
    busy: Option<f64>,
) -> Result<Speed, Unestimated> {
    let (old, new) = (from.0, to.0);
    let mut ratios = vec![ratio(old.bandwidth, new.bandwidth).ok_or(Unestimated::Figures)?];
    let mut formats = Vec::new();
    let candidates = if told.is_empty() { &USUAL[..] } else { told };
    for format in candidates {
        match ratio(peak(old, *format), peak(new, *format)) {
            Some(ratio) => {
                ratios.push(ratio);
                formats.push(*format);
            }
            None if told.is_empty() => {}
            None if new.peaks.is_empty() || peak(old, *format).is_none() => return Err(Unestimated::Figures),
            None => return Err(Unestimated::Format(*format)),
        }
    }
    if formats.is_empty() {
        return Err(Unestimated::Figures);
    }
    let bounded = |ratio: f64| {
        let busy = busy.unwrap_or(1.0);
        1.0 / (1.0 - busy + busy / ratio)
    };
    // More cards may gain all or nothing, fewer lose all or nothing: what they exchange was not measured.
    let cards = to.1 as f64 / from.1.max(1) as f64;
    let low = bounded(ratios.iter().copied().fold(f64::INFINITY, f64::min) * cards.min(1.0));
    let high = bounded(ratios.iter().copied().fold(0.0, f64::max) * cards.max(1.0));
    Ok(Speed { low, high, formats, busy })
}

fn ratio(old: Option<f64>, new: Option<f64>) -> Option<f64> {
    old.zip(new).filter(|(old, _)| *old > 0.0).map(|(old, new)| new / old)
}

/// The peak of a format, or of the one that it is computed in where the device has none of its own.
fn peak(device: &Device, format: Format) -> Option<f64> {
    let stands_in = matches!(format, Format::Tf32 | Format::Fp16).then_some(Format::Fp32);
    let of = |format: Format| device.peaks.get(&format).copied();
    of(format).or_else(|| of(stands_in?))
}
