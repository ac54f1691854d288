//! What a person sees of a fit, as snapshots.

use super::*;
use crate::fit::Recorded;
use crate::fit::fixture::{card, on, on_a100, params, run};
use crate::value::Value;

const NARROW: Style = Style { color: false, unicode: true, width: 80 };

fn shown(recorded: &Recorded, name: &str, style: &Style, all: bool) -> String {
    let commit = crate::id::Digest::from_slice(&[0x3f; 32]).unwrap().into();
    let report = on(recorded, name);
    let shown = ShownFit { revision: "HEAD", commit, report: &report, detail: !name.is_empty(), all };
    let mut out = Vec::new();
    fit(&mut out, style, &shown).unwrap();
    String::from_utf8(out).unwrap()
}

/// A run in bf16 that waits for its data.
fn waiting() -> Recorded {
    Recorded { params: params(&[("precision", "bf16-mixed")]), ..on_a100(9_318, 0.31) }
}

#[test]
fn a_screen_of_devices() {
    insta::assert_snapshot!(shown(&waiting(), "", &NARROW, false), @r#"
    HEAD 3f3f3f3f3f
    ran on 1 × NVIDIA A100-SXM4-40GB, busy 31 %, peak 9.1 of 40 GiB
    number formats: bf16 (precision = bf16-mixed)
    built for: CUDA 12.4 (torch 2.5.1+cu124)

    device         verdict   memory              speed, est.   why
    l4             fits       40 % of 22.5 GiB   ×0.44–0.67
    a10            fits       40 % of 22.5 GiB   ×0.67–0.68
    rtx-3090       fits       38 % of 24 GiB     ×0.49–0.83
    rtx-4090       fits       38 % of 24 GiB     ×0.78–0.86
    a100-pcie-40   fits       23 % of 40 GiB     ×1.0
    a100-sxm4-40   fits       23 % of 40 GiB     ×1.0
    l40s           fits       20 % of 45 GiB     ×0.80–1.0
    a100-pcie-80   fits       11 % of 80 GiB     ×1.0–1.1
    h100-pcie      fits       11 % of 80 GiB     ×1.1–1.2
    a100-sxm4-80   fits       11 % of 80 GiB     ×1.0–1.1
    h100-sxm5      fits       11 % of 80 GiB     ×1.2–1.3
    h200           fits        6 % of 141 GiB    ×1.3
    t4             unknown    61 % of 15 GiB                   no bf16
    p100-pcie      unknown    57 % of 16 GiB                   no bf16
    p100-sxm2      unknown    57 % of 16 GiB                   no bf16
    v100-pcie-16   unknown    57 % of 16 GiB                   no bf16
    v100-sxm2-16   unknown    57 % of 16 GiB                   no bf16
    v100-pcie-32   unknown    28 % of 32 GiB                   no bf16
    v100-sxm2-32   unknown    28 % of 32 GiB                   no bf16

    Does not fit (--all says why): k80, rtx-5090, mi250x, b200, mi300x
    The card was busy 31 % of the time, with 1.0 of 16 processors busy: no card
      could make it more than ×1.4 as fast. More data loaders would help more than a
      larger card.
    The smallest that suffices: l4 (9.1 of 22.5 GiB at the peak).
    Bear in mind: samples are 1 s apart, and a shorter peak is missed
    "#);
}

#[test]
fn a_screen_of_all_devices_in_ascii() {
    insta::assert_snapshot!(shown(&waiting(), "", &Style { unicode: false, ..NARROW }, true), @r#"
    HEAD 3f3f3f3f3f
    ran on 1 x NVIDIA A100-SXM4-40GB, busy 31 %, peak 9.1 of 40 GiB
    number formats: bf16 (precision = bf16-mixed)
    built for: CUDA 12.4 (torch 2.5.1+cu124)

    device         verdict        memory              speed, est.   why
    l4             fits            40 % of 22.5 GiB   x0.44-0.67
    a10            fits            40 % of 22.5 GiB   x0.67-0.68
    rtx-3090       fits            38 % of 24 GiB     x0.49-0.83
    rtx-4090       fits            38 % of 24 GiB     x0.78-0.86
    a100-pcie-40   fits            23 % of 40 GiB     x1.0
    a100-sxm4-40   fits            23 % of 40 GiB     x1.0
    l40s           fits            20 % of 45 GiB     x0.80-1.0
    a100-pcie-80   fits            11 % of 80 GiB     x1.0-1.1
    h100-pcie      fits            11 % of 80 GiB     x1.1-1.2
    a100-sxm4-80   fits            11 % of 80 GiB     x1.0-1.1
    h100-sxm5      fits            11 % of 80 GiB     x1.2-1.3
    h200           fits             6 % of 141 GiB    x1.3
    t4             unknown         61 % of 15 GiB                   no bf16
    p100-pcie      unknown         57 % of 16 GiB                   no bf16
    p100-sxm2      unknown         57 % of 16 GiB                   no bf16
    v100-pcie-16   unknown         57 % of 16 GiB                   no bf16
    v100-sxm2-16   unknown         57 % of 16 GiB                   no bf16
    v100-pcie-32   unknown         28 % of 32 GiB                   no bf16
    v100-sxm2-32   unknown         28 % of 32 GiB                   no bf16
    k80            does not fit    81 % of 11.2 GiB                 CUDA to 11.8,...
    rtx-5090       does not fit    28 % of 32 GiB     x0.87-1.0     CUDA from 12.8
    mi250x         does not fit    14 % of 64 GiB     x0.84-1.0     built for CUDA
    b200           does not fit     5 % of 180 GiB    x1.3-1.4      CUDA from 12.8
    mi300x         does not fit     5 % of 192 GiB    x1.3          built for CUDA

    The card was busy 31 % of the time, with 1.0 of 16 processors busy: no card
      could make it more than x1.4 as fast. More data loaders would help more than a
      larger card.
    The smallest that suffices: l4 (9.1 of 22.5 GiB at the peak).
    Bear in mind: samples are 1 s apart, and a shorter peak is missed
    "#);
}

#[test]
fn a_device_in_detail() {
    insta::assert_snapshot!(shown(&waiting(), "h100-sxm", &NARROW, false), @r#"
    HEAD 3f3f3f3f3f
    ran on 1 × NVIDIA A100-SXM4-40GB, busy 31 %, peak 9.1 of 40 GiB
    number formats: bf16 (precision = bf16-mixed)
    built for: CUDA 12.4 (torch 2.5.1+cu124)

    h100-sxm5 (H100 SXM5 80 GB): fits
      memory, fits: at its peak 9.1 of 80 GiB on a card
      driver, fits: needs branch 525 or later
      speed: ×1.2–1.3, an estimate from memory bandwidth and peaks of bf16, bounded
        by the 31 % of the time in which the card was busy

      memory: 80 GiB [1]
      bandwidth: 3350 GB/s [1]
      capability: sm_90 [2]
      arithmetic: fp64 66.9, fp32 66.9, tf32 494.7, fp16 989.4, bf16 989.4, fp8
        1979, int8 1979 T/s, dense [3]
      link: NVLink 4, 900 GB/s both ways [1]
      pcie: 5 × 16 [1]
      power: 700 W [1]
      toolkit: from 11.8 on [4]
      driver: from branch 520 on [5]
      [1] NVIDIA H100 Tensor Core GPU, data sheet
      [2] NVIDIA, CUDA GPU compute capability (developer.nvidia.com/cuda-gpus)
      [3] NVIDIA H100 Tensor Core GPU architecture, white paper, table of H100 and
        A100
      [4] NVIDIA CUDA Toolkit release notes, new features and deprecated or dropped
        features
      [5] NVIDIA CUDA Toolkit release notes, table of toolkit driver versions;
        driver branch support

    The card was busy 31 % of the time, with 1.0 of 16 processors busy: no card
      could make it more than ×1.4 as fast. More data loaders would help more than a
      larger card.
    Bear in mind: samples are 1 s apart, and a shorter peak is missed
    "#);
}

#[test]
fn fewer_cards_without_a_format() {
    let mut sharded = run(&card("NVIDIA A100-SXM4-40GB", 40, "8.0"), 4, 20_000, 0.9);
    sharded.params = params(&[("dtype", "fp8")]);
    insta::assert_snapshot!(shown(&sharded, "v100-sxm2-32x2", &NARROW, false), @r#"
    HEAD 3f3f3f3f3f
    ran on 4 × NVIDIA A100-SXM4-40GB, busy 90 %, peak 19.5 of 40 GiB
    number formats: fp8 (dtype = fp8)
    built for: CUDA 12.4 (torch 2.5.1+cu124)

    v100-sxm2-32 x2 (Tesla V100 SXM2 32 GB): does not fit
      memory, unknown: 19.5 of 32 GiB on a card if each holds the whole model; it
        ran on 4, and if it was split over them, each of these would need up to 39.1
        GiB
      number format, does not fit: dtype = fp8; fp8 is not native here: libraries
        refuse it there
      driver, fits: needs branch 525 or later, and its last branch is 580
      interconnect, fits: 2 cards exchange over NVLink 2, 300 GB/s both ways
      speed: no estimate: figures to compare are missing

      memory: 32 GiB [1]
      bandwidth: 900 GB/s [1]
      capability: sm_70 [2]
      arithmetic: fp64 7.8, fp32 15.7, fp16 125 T/s, dense [1]
      link: NVLink 2, 300 GB/s both ways [1]
      pcie: 3 × 16 [1]
      power: 300 W [1]
      toolkit: from 9.0 to 12.9 [3]
      driver: branches 384 to 580 [4]
      [1] NVIDIA V100 Tensor Core GPU, data sheet
      [2] NVIDIA, CUDA GPU compute capability (developer.nvidia.com/cuda-gpus)
      [3] NVIDIA CUDA Toolkit release notes, new features and deprecated or dropped
        features
      [4] NVIDIA CUDA Toolkit release notes, table of toolkit driver versions;
        driver branch support

    Bear in mind: samples are 1 s apart, and a shorter peak is missed; the run had 4
      cards; on another number, memory on each is said for data-parallel training,
      where each holds the whole model
    "#);
}

#[test]
fn verdicts_have_colours() {
    let style = Style { color: true, ..NARROW };
    let head = |name: &str| shown(&waiting(), name, &style, false).lines().nth(5).map(str::to_owned);
    let expected = [
        ("l4", "\u{1b}[1ml4\u{1b}[0m (L4): \u{1b}[32mfits\u{1b}[0m"),
        ("t4", "\u{1b}[1mt4\u{1b}[0m (T4): \u{1b}[2munknown\u{1b}[0m"),
        ("k80", "\u{1b}[1mk80\u{1b}[0m (Tesla K80): \u{1b}[31mdoes not fit\u{1b}[0m"),
    ];
    for (name, line) in expected {
        assert_eq!(head(name).as_deref(), Some(line));
    }
    let screen = shown(&waiting(), "", &style, true);
    assert!(screen.contains("\u{1b}[31mdoes not fit\u{1b}[0m") && screen.contains("\u{1b}[32mfits\u{1b}[0m"));
}

#[test]
fn without_a_run() {
    let mut none = on_a100(9_000, 0.9);
    (none.usage, none.has_outcome) = (None, false);
    insta::assert_snapshot!(shown(&none, "", &NARROW, false), @r#"
    HEAD 3f3f3f3f3f
    what it needs is not known: no run is recorded here; `mdl run` measures one
    built for: CUDA 12.4 (torch 2.5.1+cu124)

    Unknown: t4, p100-pcie, p100-sxm2, v100-pcie-16, v100-sxm2-16, l4, a10,
      rtx-3090, rtx-4090, v100-pcie-32, v100-sxm2-32, a100-pcie-40, a100-sxm4-40,
      l40s, a100-pcie-80, h100-pcie, a100-sxm4-80, h100-sxm5, h200
    Does not fit (--all says why): k80, rtx-5090, mi250x, b200, mi300x
    "#);
}

#[test]
fn on_the_processor_alone() {
    let mut alone = on_a100(0, 0.0);
    alone.usage.as_mut().unwrap().cards.clear();
    alone.machine.accelerators.as_mut().unwrap().devices.clear();
    insta::assert_snapshot!(shown(&alone, "", &NARROW, false), @r#"
    HEAD 3f3f3f3f3f
    ran on the processor alone
    built for: CUDA 12.4 (torch 2.5.1+cu124)

    It needs no card; whether it would use one, and how much of its memory, is not
      known.
    "#);
    assert_eq!(shown(&alone, "", &NARROW, true).lines().filter(|line| line.contains("   fits")).count(), 24);
}

#[test]
fn text_from_elsewhere_is_harmless() {
    let mut hostile = run(&card("A100\u{1b}[2J\nforged", 40, "8.0"), 1, 9_000, 0.9);
    hostile.packages[0].version = "2\u{1b}]0;x\u{7}+cu118".into();
    hostile.params = [("a\u{202e}\r".to_owned(), Value::Map(params(&[("dtype", "bf16")])))].into();
    for name in ["", "t4", "b200"] {
        let text = shown(&hostile, name, &NARROW, true);
        assert!(!text.contains(['\u{1b}', '\u{7}', '\u{202e}', '\r']), "{text:?}");
        assert!(!text.lines().any(|line| line.trim_start().starts_with("forged")), "{text}");
        assert!(text.lines().all(|line| line.width() <= 80), "{text}");
    }
}
