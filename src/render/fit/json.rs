//! A report as JSON, whose schema is `mdl.fit/1`.

use serde_json::{Map, Value as Json, json};

use crate::fit::{Device, Fit, Origin, Toolkit, Verdict};
use crate::render::fit::words::{advice_text, aspect, caveat_text, finding_text, gap_text, unestimated_text};
use crate::render::fit::{ShownFit, sorted};
use crate::render::style::Style;

/// A report as JSON. Sizes are in bytes, rates a second; all devices are there, whatever is shown as text.
pub fn fit_json(shown: &ShownFit<'_>) -> Json {
    let report = shown.report;
    let builds = report.builds.iter().map(|build| {
        let (toolkit, version) = match build.toolkit {
            Toolkit::Cuda(version) => ("cuda", Some(version.to_string())),
            Toolkit::Rocm(version) => ("rocm", Some(version.to_string())),
            Toolkit::Processor => ("processor", None),
        };
        json!({"package": build.package, "version": build.version, "toolkit": toolkit, "toolkit_version": version})
    });
    let formats = report.formats.iter().map(
        |told| json!({"format": told.format.as_str(), "parameter": told.parameter, "value": told.value}),
    );
    json!({
        "schema": "mdl.fit/1",
        "commit": shown.commit.to_string(),
        "recorded": {
            "model": report.model,
            "cards": report.used,
            "memory": report.capacity,
            "peak": report.peak,
            "busy": report.busy,
            "processor_alone": report.processor_alone,
            "missing": report.gap.map(gap_text),
            "formats": formats.collect::<Json>(),
            "builds": builds.collect::<Json>(),
        },
        "devices": sorted(report).into_iter().map(device_fit).collect::<Json>(),
        "advice": report.advice.iter().map(|it| json!(advice_text(&Style::PLAIN, it))).collect::<Json>(),
        "caveats": report.caveats.iter().map(|it| json!(caveat_text(it))).collect::<Json>(),
    })
}

/// A verdict as programs read it.
fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Fits => "fits",
        Verdict::Tight => "tight",
        Verdict::Unknown => "unknown",
        Verdict::DoesNotFit => "does-not-fit",
    }
}

fn device_fit(fit: &Fit) -> Json {
    let reasons = fit.reasons.iter().map(|reason| {
        json!({
            "aspect": aspect(&reason.finding),
            "verdict": verdict(reason.verdict),
            "text": finding_text(&reason.finding),
        })
    });
    let speed = match &fit.speed {
        Ok(speed) => json!({
            "estimate": true,
            "low": speed.low,
            "high": speed.high,
            "formats": speed.formats.iter().map(|format| format.as_str()).collect::<Vec<_>>(),
            "busy": speed.busy,
        }),
        Err(reason) => json!({"estimate": false, "reason": unestimated_text(*reason)}),
    };
    json!({
        "device": device(&fit.device),
        "cards": fit.cards,
        "verdict": verdict(fit.verdict),
        "reasons": reasons.collect::<Json>(),
        "speed": speed,
    })
}

fn device(device: &Device) -> Json {
    let peaks = device.peaks.iter().map(|(format, peak)| (format.as_str().to_owned(), json!(peak)));
    let origin = match &device.origin {
        Origin::BuiltIn => json!("built-in"),
        Origin::File(path) => json!({"file": path}),
        Origin::Run(run) => json!({"run": run}),
    };
    json!({
        "id": device.id,
        "name": device.name,
        "vendor": device.vendor,
        "memory": device.memory.size,
        "capacity": device.memory.capacity(),
        "bandwidth": device.bandwidth,
        "architecture": device.architecture.as_ref().map(ToString::to_string),
        "peaks": peaks.collect::<Map<_, _>>(),
        "link": device.link.as_ref().map(|link| json!({"name": link.name, "bandwidth": link.bandwidth})),
        "pcie": device.pcie.as_ref().map(|pcie| json!({"generation": pcie.generation, "width": pcie.width})),
        "watts": device.watts,
        "toolkit": device.toolkit.map(|it| json!({
            "oldest": it.oldest.to_string(),
            "compatible": it.compatible.map(|version| version.to_string()),
            "newest": it.newest.map(|version| version.to_string()),
        })),
        "driver": {"oldest": device.driver.0, "newest": device.driver.1},
        "note": device.note,
        "sources": device.sources,
        "from": origin,
    })
}
