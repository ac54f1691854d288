//! What a person sees of a fit, as snapshots.

use super::*;
use crate::fit::fixture::{card, on, on_a100, params, run};
use crate::fit::{Origin, Recorded, Target, judge, read};

const NARROW: Style = Style { color: false, unicode: true, width: 80 };

fn shown(recorded: &Recorded, name: &str, style: &Style, all: bool) -> String {
    told(&on(recorded, name), style, !name.is_empty(), all)
}

fn told(report: &Report, style: &Style, detail: bool, all: bool) -> String {
    let commit = crate::id::Digest::from_slice(&[0x3f; 32]).unwrap().into();
    let shown = ShownFit { revision: "HEAD", commit, report, detail, all };
    let mut out = Vec::new();
    fit(&mut out, style, &shown).unwrap();
    String::from_utf8(out).unwrap()
}

/// A run in bf16 that waits for its data.
fn waiting() -> Recorded {
    Recorded { params: params(&[("precision", "bf16-mixed")]), ..on_a100(9_318, 0.31) }
}

#[test]
fn dump() {
    let t = |n: &str, s: String| std::fs::write(format!("/tmp/snap_{n}"), s).unwrap();
    t("screen", shown(&waiting(), "", &NARROW, false));
    t("all", shown(&waiting(), "", &Style { unicode: false, ..NARROW }, true));
    t("detail", shown(&waiting(), "h100-sxm", &NARROW, false));
    let mut sharded = run(&card("NVIDIA A100-SXM4-40GB", 40, "8.0"), 4, 20_000, 0.9);
    sharded.params = params(&[("dtype", "fp8")]);
    t("detail2", shown(&sharded, "v100-sxm2-32x2", &NARROW, false));
    t("color", shown(&waiting(), "v100-sxm2-16", &Style { color: true, ..NARROW }, false));
    let mut none = on_a100(9_000, 0.9);
    (none.usage, none.has_outcome) = (None, false);
    t("gap", shown(&none, "", &NARROW, false));
    let mut alone = on_a100(0, 0.0);
    alone.usage.as_mut().unwrap().cards.clear();
    alone.machine.accelerators.as_mut().unwrap().devices.clear();
    t("alone", shown(&alone, "", &NARROW, false));
    t("cards", shown(&sharded, "", &NARROW, false));
    t(
        "json",
        serde_json::to_string_pretty(&fit_json(&ShownFit {
            revision: "HEAD",
            commit: crate::id::Digest::from_slice(&[0x3f; 32]).unwrap().into(),
            report: &on(&waiting(), "t4"),
            detail: true,
            all: false,
        }))
        .unwrap(),
    );
}
