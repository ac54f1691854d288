//! Facts of a fit in words. What came from elsewhere is escaped here.

use crate::fit::{
    Advice, Architecture, Build, Cause, Caveat, Finding, Fit, Gap, Need, Reason, Report, Speed, Toolkit,
    Unestimated, Verdict,
};
use crate::render::escape::escape;
use crate::render::number::short;
use crate::render::style::Style;

/// Bytes as GiB, as cards are sold: `80`, `22.5`, `9.1`.
pub(super) fn gib(bytes: u64) -> String {
    let text = format!("{:.1}", bytes as f64 / (1u64 << 30) as f64);
    text.strip_suffix(".0").map(str::to_owned).unwrap_or(text)
}

fn whole_percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// The share of a device's memory that the run would take, in percent.
pub(super) fn share(fit: &Fit) -> Option<f64> {
    fit.reasons.iter().find_map(|reason| match reason.finding {
        Finding::Memory { peak, capacity }
        | Finding::Fewer { peak, capacity, .. }
        | Finding::Preallocated { peak, capacity, .. } => {
            Some((peak as f64 / capacity.max(1) as f64 * 100.0).min(999.0))
        }
        _ => None,
    })
}

pub(super) fn verdict_text(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fits => "fits",
        Verdict::Tight => "tight",
        Verdict::Unknown => "unknown",
        Verdict::DoesNotFit => "does not fit",
    }
}

/// What the run used, in a line.
pub(super) fn recorded_text(style: &Style, report: &Report) -> String {
    if report.processor_alone {
        return "ran on the processor alone".to_owned();
    }
    if let Some(gap) = report.gap {
        return format!("what it needs is not known: {}", gap_text(gap));
    }
    let Some(model) = &report.model else { return "the accelerators that it used are not known".to_owned() };
    let mut text = format!("ran on {} {} {}", report.used, style.times(), escape(model));
    if let Some(busy) = report.busy {
        text += &format!(", busy {}", whole_percent(busy));
    }
    match (report.peak, report.capacity) {
        (Some(peak), Some(capacity)) => text += &format!(", peak {} of {} GiB", gib(peak), gib(capacity)),
        (Some(peak), None) => text += &format!(", peak {} GiB", gib(peak)),
        _ => {}
    }
    text
}

/// What parameters and packages tell of the software, a line each.
pub(super) fn software_text(report: &Report) -> Vec<String> {
    let told = |text: String, of: &str| format!("{of}: {text}");
    let formats: Vec<String> = report
        .formats
        .iter()
        .map(|it| format!("{} ({} = {})", it.format.as_str(), escape(&it.parameter), escape(&it.value)))
        .collect();
    let builds: Vec<String> = report.builds.iter().map(build_text).collect();
    let mut lines = Vec::new();
    if !formats.is_empty() {
        lines.push(told(formats.join(", "), "number formats"));
    }
    if !builds.is_empty() {
        lines.push(told(builds.join(", "), "built for"));
    }
    lines
}

fn build_text(build: &Build) -> String {
    let of = format!("{} {}", escape(&build.package), escape(&build.version));
    match build.toolkit {
        Toolkit::Cuda(version) => format!("CUDA {version} ({of})"),
        Toolkit::Rocm(version) => format!("ROCm {version} ({of})"),
        Toolkit::Processor => format!("the processor ({of})"),
    }
}

fn toolkit_name(architecture: &Architecture) -> &'static str {
    match architecture {
        Architecture::Cuda(_) => "CUDA",
        Architecture::Gfx(_) => "ROCm",
    }
}

/// Why a verdict is what it is, in a few words.
pub(super) fn brief(fit: &Fit) -> String {
    let deciding = fit.reasons.iter().filter(|reason| reason.verdict == fit.verdict);
    let words: Vec<String> = deciding.filter_map(brief_reason).collect();
    words.join(", ")
}

fn brief_reason(reason: &Reason) -> Option<String> {
    let fails = reason.verdict != Verdict::Fits;
    Some(match &reason.finding {
        Finding::Memory { .. } if reason.verdict == Verdict::Tight => "hardly any room".to_owned(),
        Finding::Memory { .. } if fails => "too little memory".to_owned(),
        Finding::Fewer { .. } if fails => "if each holds it all".to_owned(),
        Finding::Preallocated { framework, .. } if fails => format!("{framework} takes all"),
        Finding::Missing(_) => "memory not recorded".to_owned(),
        Finding::Unfinished { .. } => "did not finish".to_owned(),
        Finding::HostMemory { .. } if fails => "memory of the host".to_owned(),
        Finding::Format { told } if fails => format!("no {}", told.format.as_str()),
        Finding::Format { told } => format!("{} as fp32", told.format.as_str()),
        Finding::FormatsUnknown { told } => format!("{}?", told.format.as_str()),
        Finding::Build { need: Need::From { architecture, version }, .. } => {
            format!("{} from {version}", toolkit_name(architecture))
        }
        Finding::Build { need: Need::Until { architecture, version }, .. } => {
            format!("{} to {version}", toolkit_name(architecture))
        }
        Finding::Build { need: Need::Vendor { .. }, build } => match build.toolkit {
            Toolkit::Rocm(_) => "built for ROCm".to_owned(),
            _ => "built for CUDA".to_owned(),
        },
        Finding::Driver { .. } if fails => "driver".to_owned(),
        Finding::Link { name: None, linked: true, .. } => "no link".to_owned(),
        _ => return None,
    })
}

/// A range of speeds: `×1.2–2.6`.
pub(super) fn speed_range(style: &Style, speed: &Speed) -> String {
    let (low, high) = (two_digits(speed.low), two_digits(speed.high));
    let dash = if style.unicode { "–" } else { "-" };
    let range = if low == high { low } else { format!("{low}{dash}{high}") };
    format!("{}{range}", style.times())
}

pub(super) fn speed_brief(style: &Style, fit: &Fit) -> String {
    fit.speed.as_ref().map(|speed| speed_range(style, speed)).unwrap_or_default()
}

/// Two significant digits: an estimate has no more.
fn two_digits(value: f64) -> String {
    let digits = if value < 0.095 {
        3
    } else if value < 0.95 {
        2
    } else {
        usize::from(value < 9.95)
    };
    format!("{value:.digits$}")
}

/// What kind of fact it is.
pub(super) fn aspect(finding: &Finding) -> &'static str {
    match finding {
        Finding::Memory { .. }
        | Finding::Fewer { .. }
        | Finding::Preallocated { .. }
        | Finding::ProcessorAlone
        | Finding::Missing(_) => "memory",
        Finding::Unfinished { .. } => "run",
        Finding::HostMemory { .. } => "host memory",
        Finding::Format { .. } | Finding::FormatsUnknown { .. } => "number format",
        Finding::Build { .. } => "toolkit",
        Finding::Driver { .. } => "driver",
        Finding::Link { .. } => "interconnect",
    }
}

/// A fact in a sentence.
pub(super) fn finding_text(finding: &Finding) -> String {
    let of = |peak: &u64, capacity: &u64| format!("{} of {} GiB", gib(*peak), gib(*capacity));
    match finding {
        Finding::Memory { peak, capacity } => format!("at its peak {} on a card", of(peak, capacity)),
        Finding::Fewer { used, peak, each, capacity } => format!(
            "{} on a card if each holds the whole model; it ran on {used}, and if it was split over them, each of \
             these would need up to {} GiB",
            of(peak, capacity),
            gib(*each)
        ),
        Finding::Preallocated { framework, peak, capacity } => format!(
            "{framework} held {}, but takes most of a card at its start: what the run needs of it was not measured",
            of(peak, capacity)
        ),
        Finding::ProcessorAlone => {
            "it needs no card; whether it would use one, and how much of its memory, is not known".to_owned()
        }
        Finding::Missing(gap) => gap_text(*gap).to_owned(),
        Finding::Unfinished { exit } => {
            let how = match exit {
                Some(code) if *code < 0 => format!("it was ended by signal {}", -code),
                Some(code) => format!("it ended with {code}"),
                None => "how it ended is not known".to_owned(),
            };
            format!("{how}: its peak may have been still to come")
        }
        Finding::HostMemory { peak, capacity } => {
            format!("the processes held {} of the host", of(peak, capacity))
        }
        Finding::Format { told } => format_text(told, true),
        Finding::FormatsUnknown { told } => format_text(told, false),
        Finding::Build { build, need } => need_text(build, need),
        Finding::Driver { oldest, newest, there } => {
            let until = newest.map(|newest| format!(", and its last branch is {newest}")).unwrap_or_default();
            let there = there.map(|there| format!("; {there} is there")).unwrap_or_default();
            format!("needs branch {oldest} or later{until}{there}")
        }
        Finding::Link { cards, name, bandwidth, linked } => {
            let way = name.as_ref().map_or("PCI Express alone".into(), |name| escape(name));
            let before = if *linked && name.is_none() { "; the run had links between its cards" } else { "" };
            format!("{cards} cards exchange over {way}, {:.0} GB/s both ways{before}", bandwidth / 1e9)
        }
    }
}

pub(super) fn gap_text(gap: Gap) -> &'static str {
    match gap {
        Gap::NotRun => "no run is recorded here; `mdl run` measures one",
        Gap::NotSampled => "the run was not sampled",
        Gap::Accelerators => "accelerators could not all be looked at, and none was sampled",
        Gap::Cards => "the accelerators that were there were not sampled",
        Gap::Memory => "the memory of the accelerators was not sampled",
    }
}

fn format_text(told: &crate::fit::FormatEvidence, is_known: bool) -> String {
    let format = told.format.as_str();
    let of = format!("{} = {}", escape(&told.parameter), escape(&told.value));
    if !is_known {
        return format!("{of}; which formats this device computes is not in its table");
    }
    let then = match told.format {
        crate::fit::Format::Tf32 | crate::fit::Format::Fp16 => "it is computed as fp32, at that speed",
        crate::fit::Format::Fp8 | crate::fit::Format::Fp4 => "libraries refuse it there",
        _ => "some programs emulate it slowly, others stop",
    };
    format!("{of}; {format} is not native here: {then}")
}

fn need_text(build: &Build, need: &Need) -> String {
    let built = build_text(build);
    match need {
        Need::From { architecture, version } => {
            let name = toolkit_name(architecture);
            format!(
                "built for {built}, which has no code for {architecture}: that begins with {name} {version}"
            )
        }
        Need::Until { architecture, version } => {
            let name = toolkit_name(architecture);
            format!(
                "built for {built}, which has no code for {architecture}: that ended with {name} {version}"
            )
        }
        Need::Earlier { architecture, version } => {
            let name = toolkit_name(architecture);
            format!(
                "built for {built}: {architecture} runs its code for earlier cards, and has its own from {name} {version}"
            )
        }
        Need::Vendor { vendor } => {
            format!("built for {built}: a card of {} needs another build", escape(vendor))
        }
    }
}

/// Why there is no estimate.
pub(super) fn unestimated_text(reason: Unestimated) -> String {
    match reason {
        Unestimated::Recorded => {
            "no estimate: the recorded device is not one whole card of the table".to_owned()
        }
        Unestimated::NotUsed => "no estimate: what accelerator was used is not known".to_owned(),
        Unestimated::Figures => "no estimate: figures to compare are missing".to_owned(),
        Unestimated::Format(format) => format!("no estimate: {} is not native here", format.as_str()),
    }
}

pub(super) fn advice_text(style: &Style, advice: &Advice) -> String {
    match advice {
        Advice::Waiting { busy, gain, cause } => {
            let bound =
                format!("no card could make it more than {}{} as fast", style.times(), two_digits(*gain));
            let (what, so) = cause_text(cause);
            format!("The card was busy {} of the time{what}: {bound}. {so}", whole_percent(*busy))
        }
        Advice::Smallest { id, cards, peak, capacity } => {
            let of = if *cards > 1 { format!("{} x{cards}", escape(id)) } else { escape(id).into_owned() };
            format!(
                "The smallest that suffices: {of} ({} of {} GiB at the peak).",
                gib(*peak),
                gib(*capacity)
            )
        }
        Advice::NoneFits => "It fits on none of these as it ran.".to_owned(),
    }
}

fn cause_text(cause: &Cause) -> (String, &'static str) {
    let of = |busy: f64, of: f64| format!(", with {} of {} processors busy", two_digits(busy), short(of));
    match cause {
        Cause::OneProcessor { busy, of: all } if *all > 1.0 => {
            (of(*busy, *all), "More data loaders would help more than a larger card.")
        }
        Cause::OneProcessor { busy, of: all } | Cause::AllProcessors { busy, of: all } => {
            (of(*busy, *all), "More processors, or less work for them, would help more than a larger card.")
        }
        Cause::Elsewhere { busy, of: all } => {
            (of(*busy, *all), "Look at disk, network and waiting between steps before a larger card.")
        }
        Cause::Unknown => (String::new(), "What it waited for is not recorded."),
    }
}

pub(super) fn caveat_text(caveat: &Caveat) -> String {
    match caveat {
        Caveat::Interval { seconds } => {
            format!("samples are {} s apart, and a shorter peak is missed", short(*seconds))
        }
        Caveat::FewSamples { samples } => format!("there are only {samples} samples"),
        Caveat::OtherCount { used } => format!(
            "the run had {used} {}; on another number, memory on each is said for data-parallel training, where \
             each holds the whole model",
            if *used == 1 { "card" } else { "cards" }
        ),
        Caveat::Cached => {
            "PyTorch keeps memory that it freed, and gives it back before it fails: the run may need \
             less than it held"
                .to_owned()
        }
        Caveat::NoFormat => {
            "no parameter names a number format, so that speed spans the usual ones".to_owned()
        }
        Caveat::NoToolkit => "no package tells which CUDA or ROCm it was built for".to_owned(),
        Caveat::NoBusy => {
            "how busy the card was is not recorded, and speed is said as if it always was".to_owned()
        }
    }
}
