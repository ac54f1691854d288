//! Verdicts over many machines.

mod software;
mod table;

use crate::fit::fixture::{card, on, on_a100, params, run};
use crate::fit::*;
use crate::object::Accelerators;

fn verdicts(report: &Report) -> Vec<(&str, Verdict)> {
    report.fits.iter().map(|fit| (fit.device.id.as_str(), fit.verdict)).collect()
}

fn verdict(recorded: &Recorded, name: &str) -> Verdict {
    let report = on(recorded, name);
    assert_eq!(report.fits.len(), 1, "{name} is one device");
    report.fits[0].verdict
}

fn findings(recorded: &Recorded, name: &str) -> Vec<Reason> {
    on(recorded, name).fits.remove(0).reasons
}

fn speed(recorded: &Recorded, name: &str) -> (f64, f64) {
    let speed = on(recorded, name).fits.remove(0).speed.unwrap();
    (speed.low, speed.high)
}

fn close(found: f64, expected: f64) {
    assert!((found / expected - 1.0).abs() < 1e-3, "{found} is not {expected}");
}

#[test]
fn memory_decides_first() {
    for (mib, expected) in [
        (9_000, Verdict::Fits),
        (13_824, Verdict::Fits),
        (13_825, Verdict::Tight),
        (15_360, Verdict::Tight),
        (15_361, Verdict::DoesNotFit),
    ] {
        assert_eq!(verdict(&on_a100(mib, 0.9), "t4"), expected, "{mib} MiB");
    }
    let mut few = on_a100(13_000, 0.9);
    few.usage.as_mut().unwrap().samples = Some(5);
    assert_eq!(verdict(&few, "t4"), Verdict::Tight, "few samples ask for more room");
    assert!(on(&few, "t4").caveats.contains(&Caveat::FewSamples { samples: 5 }));
}

#[test]
fn a_recorded_machine_is_a_target() {
    let devices = Devices::built_in().unwrap();
    let on_machine = |recorded: &Recorded, machine: &Machine| {
        let target = Target::machine(machine, &devices, "other").unwrap();
        judge(recorded, &devices, vec![target]).fits.remove(0)
    };
    let recorded = on_a100(9_000, 0.9);
    let mut there = run(&card("Tesla T4", 15, "7.5"), 2, 0, 0.0).machine;
    let fit = on_machine(&recorded, &there);
    assert_eq!((fit.verdict, fit.cards, fit.device.memory.capacity()), (Verdict::Fits, 2, 15 << 30));
    assert_eq!(fit.device.origin, Origin::Run("other".into()));
    there.memory = Some(4 << 30);
    assert_eq!(on_machine(&recorded, &there).verdict, Verdict::DoesNotFit, "the host has too little memory");
    there.memory = None;
    there.accelerators.as_mut().unwrap().driver = Some("470.256.02".into());
    let fit = on_machine(&recorded, &there);
    let driver = Finding::Driver { oldest: 525, newest: None, there: Some(470) };
    assert!(
        fit.reasons.contains(&Reason { verdict: Verdict::DoesNotFit, finding: driver }),
        "{:?}",
        fit.reasons
    );
    there.accelerators.as_mut().unwrap().devices.clear();
    assert_eq!(Target::machine(&there, &devices, "other"), None);
    let unknown = run(&card("Some Card", 24, "8.6"), 1, 0, 0.0).machine;
    let fit = on_machine(&recorded, &unknown);
    assert_eq!((fit.verdict, fit.speed), (Verdict::Fits, Err(Unestimated::Figures)));
}

#[test]
fn memory_that_pytorch_keeps_is_said_where_it_decides() {
    let mut recorded = on_a100(20_000, 0.9);
    assert!(on(&recorded, "t4").caveats.contains(&Caveat::Cached));
    assert!(!on(&recorded, "h200").caveats.contains(&Caveat::Cached));
    recorded.packages.clear();
    assert!(!on(&recorded, "t4").caveats.contains(&Caveat::Cached));
}

#[test]
fn several_cards() {
    let mut recorded = run(&card("NVIDIA A100-SXM4-40GB", 40, "8.0"), 4, 20_000, 0.9);
    recorded
        .machine
        .accelerators
        .as_mut()
        .unwrap()
        .devices
        .iter_mut()
        .for_each(|card| card.nvlinks = Some(12));
    let report = on(&recorded, "l40s");
    assert_eq!((report.used, report.fits[0].cards, report.fits[0].verdict), (4, 4, Verdict::Fits));
    assert!(
        report.fits[0]
            .reasons
            .iter()
            .any(|reason| matches!(reason.finding, Finding::Link { cards: 4, name: None, linked: true, .. }))
    );
    // On fewer, a model that is split over four would not fit on one, and a whole one would.
    assert_eq!(verdict(&recorded, "l40s x1"), Verdict::Unknown);
    assert_eq!(verdict(&recorded, "h200x1"), Verdict::Fits);
    assert_eq!(verdict(&recorded, "t4x8"), Verdict::DoesNotFit);
    let (low, high) = speed(&recorded, "a100-sxm4-40 x8");
    assert_eq!((low, high > 1.5), (1.0, true), "twice the cards gain nothing to almost all");
    let (low, high) = speed(&recorded, "a100-sxm4-40 x2");
    assert_eq!((low < 0.55, high), (true, 1.0));
}

#[test]
fn speed_lies_between_bandwidth_and_arithmetic() {
    let mut recorded = on_a100(9_000, 1.0);
    recorded.params = params(&[("dtype", "bfloat16")]);
    let (low, high) = speed(&recorded, "h100-sxm5");
    close(low, 3350.0 / 1555.0);
    close(high, 989.4 / 312.0);
    assert_eq!(speed(&recorded, "a100-sxm4-40"), (1.0, 1.0));
    // Busy for a third of the time: nothing gains more than a half.
    recorded.usage.as_mut().unwrap().cards.values_mut().for_each(|card| card.busy = Some(1.0 / 3.0));
    let (low, high) = speed(&recorded, "b200");
    assert!(low > 1.0 && high < 1.5, "{low} {high}");
    close(high, 1.0 / (2.0 / 3.0 + 312.0 / 2250.0 / 3.0));
    let unknown = run(&card("Some Card", 24, "8.6"), 1, 9_000, 0.9);
    assert_eq!(on(&unknown, "t4").fits[0].speed, Err(Unestimated::Recorded));
}

#[test]
fn a_part_of_a_card_is_not_taken_for_the_whole() {
    let mut part = card("NVIDIA A100-SXM4-40GB", 5, "8.0");
    part.mig = Some("1g.5gb".into());
    let recorded = run(&part, 1, 4_000, 0.9);
    let report = on(&recorded, "t4");
    assert_eq!((report.fits[0].verdict, report.capacity), (Verdict::Fits, Some(5 << 30)));
    assert_eq!(report.fits[0].speed, Err(Unestimated::Recorded));
}

#[test]
fn what_was_not_recorded_is_unknown() {
    let whole = on_a100(9_000, 0.9);
    let missing = |change: fn(&mut Recorded)| {
        let mut recorded = whole.clone();
        change(&mut recorded);
        findings(&recorded, "h200").remove(0)
    };
    let gap = |gap| Reason { verdict: Verdict::Unknown, finding: Finding::Missing(gap) };
    assert_eq!(missing(|it| (it.usage, it.has_outcome) = (None, false)), gap(Gap::NotRun));
    assert_eq!(missing(|it| it.usage = None), gap(Gap::NotSampled));
    assert_eq!(missing(|it| it.usage.as_mut().unwrap().cards.clear()), gap(Gap::Cards));
    assert_eq!(
        missing(|it| it.usage.as_mut().unwrap().cards.get_mut(&0).unwrap().memory_peak = None),
        gap(Gap::Memory)
    );
    let lost = |it: &mut Recorded| {
        it.usage.as_mut().unwrap().cards.clear();
        let accelerators = it.machine.accelerators.as_mut().unwrap();
        (accelerators.devices, accelerators.gap) = (Vec::new(), Some("the driver did not answer".into()));
    };
    assert_eq!(missing(lost), gap(Gap::Accelerators));
    let mut killed = whole.clone();
    killed.exit = Some(-9);
    assert_eq!(verdict(&killed, "h200"), Verdict::Unknown);
    assert_eq!(
        verdict(
            &{
                killed.usage.as_mut().unwrap().cards.get_mut(&0).unwrap().memory_peak = Some(99 << 30);
                killed
            },
            "t4"
        ),
        Verdict::DoesNotFit
    );
}

#[test]
fn a_run_on_the_processor_alone() {
    let mut recorded = on_a100(0, 0.0);
    recorded.usage.as_mut().unwrap().cards.clear();
    recorded.machine.accelerators =
        Some(Accelerators { devices: vec![], driver: None, runtime: None, libraries: None, gap: None });
    let report = on(&recorded, "");
    assert!(report.processor_alone && report.fits.iter().all(|fit| fit.verdict == Verdict::Fits));
    assert!(report.fits.iter().all(|fit| fit.speed == Err(Unestimated::NotUsed)));
    assert_eq!((report.advice.len(), report.caveats.len()), (0, 0));
    // A card that is there and was not used is the same.
    assert!(on(&on_a100(300, 0.0), "t4").processor_alone);
}

#[test]
fn advice_from_use() {
    let report = on(&on_a100(9_000, 0.31), "");
    let [Advice::Waiting { gain, cause, .. }, Advice::Smallest { id, .. }] = &report.advice[..] else {
        panic!("{:?}", report.advice)
    };
    close(*gain, 1.0 / 0.69);
    assert_eq!(*cause, Cause::OneProcessor { busy: 1.02, of: 16.0 });
    assert_eq!(id, "t4", "the K80 is smaller, and CUDA 12.4 has no code for it");
    let mut busy = on_a100(9_000, 0.31);
    busy.usage.as_mut().unwrap().processors = Some(15.5);
    assert!(matches!(on(&busy, "t4").advice[0], Advice::Waiting { cause: Cause::AllProcessors { .. }, .. }));
    assert_eq!(on(&on_a100(9_000, 0.95), "t4").advice, []);
    assert_eq!(on(&on_a100(900_000, 0.95), "").advice, [Advice::NoneFits]);
    assert!(
        verdicts(&on(&on_a100(900_000, 0.95), "")).iter().all(|(_, verdict)| *verdict == Verdict::DoesNotFit)
    );
}

proptest::proptest! {
    #[test]
    fn no_numbers_make_it_fail(peak: u64, other: u64, busy in 0.0..=1.0f64, size: u64, cards in 1u64..9, samples: u64) {
        let mut recorded = run(&card("NVIDIA A100-SXM4-40GB", 40, "8.0"), 2, 0, busy);
        let usage = recorded.usage.as_mut().unwrap();
        usage.samples = Some(samples);
        usage.cards.get_mut(&0).unwrap().memory_peak = Some(peak);
        usage.cards.get_mut(&1).unwrap().memory_peak = Some(other);
        let devices = Devices::built_in().unwrap();
        let mut device = devices.query("t4").unwrap().devices.remove(0);
        device.memory.size = size;
        let capacity = device.memory.capacity();
        let fit = judge(&recorded, &devices, vec![Target::any(device, Some(cards))]).fits.remove(0);
        let most = peak.max(other);
        let used = recorded.usage.unwrap().used().len();
        if used == 2 && most > capacity {
            proptest::prop_assert_eq!(fit.verdict, Verdict::DoesNotFit);
        }
        if let Ok(speed) = fit.speed {
            proptest::prop_assert!(speed.low > 0.0 && speed.low <= speed.high && speed.high.is_finite());
        }
    }
}
