//! Verdicts over many machines, the table that comes with mdl, and tables that are refused.

use super::fixture::{card, on, on_a100, package, params, run};
use super::*;
use crate::object::Accelerators;
use crate::value::Value;

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
fn the_built_in_table_is_whole() {
    let devices = Devices::built_in().unwrap();
    assert_eq!(devices.all().len(), 24);
    for device in devices.all() {
        let Device { id, .. } = device;
        assert!(device.bandwidth.is_some() && device.watts.is_some() && device.pcie.is_some(), "{id}");
        assert!(device.architecture.is_some() && device.toolkit.is_some(), "{id}");
        assert!(device.peaks.contains_key(&Format::Fp32) && !device.models.is_empty(), "{id}");
        for model in &device.models {
            assert_eq!(devices.of_model(model).map(|found| &found.id), Some(id), "{model} names one device");
        }
        // Narrower formats are never slower, on any of these.
        let peak = |format| device.peaks.get(&format).copied().unwrap_or(f64::INFINITY);
        assert!(peak(Format::Fp32) <= peak(Format::Fp16) && peak(Format::Fp16) <= peak(Format::Fp8), "{id}");
    }
    let sizes = |id: &str| devices.query(id).unwrap().devices[0].memory.capacity() >> 20;
    // As drivers report them: 15,360 MiB of a T4, 23,034 and less of an L4, 46,068 of an L40S, 11,441 of a K80.
    assert_eq!(["t4", "l4", "l40s", "k80"].map(sizes), [15_360, 23_040, 46_080, 11_520]);
}

#[test]
fn devices_are_found_by_what_people_write() {
    let devices = Devices::built_in().unwrap();
    let ids = |name: &str| -> Vec<String> {
        devices.query(name).unwrap().devices.into_iter().map(|device| device.id).collect()
    };
    for (written, expected) in [
        ("t4", &["t4"][..]),
        ("NVIDIA L4", &["l4"]),
        ("RTX 4090", &["rtx-4090"]),
        ("rtx4090", &["rtx-4090"]),
        ("4090", &["rtx-4090"]),
        ("h100", &["h100-pcie", "h100-sxm5"]),
        ("H100 SXM", &["h100-sxm5"]),
        ("a100-80gb", &["a100-pcie-80", "a100-sxm4-80"]),
        ("a100-sxm4-40", &["a100-sxm4-40"]),
        ("v100-32", &["v100-pcie-32", "v100-sxm2-32"]),
        ("MI300X", &["mi300x"]),
        ("a10", &["a10"]),
    ] {
        assert_eq!(ids(written), expected, "{written}");
    }
    for (written, id, count) in
        [("h200x8", "h200", 8), ("mi300xx8", "mi300x", 8), ("T4 x 2", "t4", 2), ("t4×2", "t4", 2)]
    {
        let query = devices.query(written).unwrap();
        assert_eq!((query.devices[0].id.as_str(), query.count), (id, Some(count)), "{written}");
    }
    for written in ["", "x8", "a1", "h", "gpu", "v10", "xx"] {
        let found = devices.query(written);
        assert!(matches!(found, Err(QueryError::Unknown { .. })), "{written}: {found:?}");
    }
    for written in ["t4x0", "t4x100001"] {
        assert!(matches!(devices.query(written), Err(QueryError::Count { .. })), "{written}");
    }
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
fn formats_that_a_card_does_not_have() {
    let with = |format: &str| {
        let mut recorded = run(&card("NVIDIA B200", 180, "10.0"), 1, 9_000, 0.9);
        recorded.params = params(&[("precision", format)]);
        recorded.packages = vec![package("torch", "2.7.0+cu128")];
        recorded
    };
    for (format, device, expected) in [
        ("bf16-mixed", "v100-sxm2-32", Verdict::Unknown),
        ("bf16-mixed", "t4", Verdict::Unknown),
        ("bf16-mixed", "a10", Verdict::Fits),
        ("fp8", "a100-sxm4-40", Verdict::DoesNotFit),
        ("fp8", "l4", Verdict::Fits),
        ("fp8", "h100-pcie", Verdict::Fits),
        ("nvfp4", "h100-pcie", Verdict::DoesNotFit),
        ("nvfp4", "rtx-5090", Verdict::Fits),
        ("16-mixed", "p100-pcie", Verdict::Fits),
        ("tf32", "v100-pcie-16", Verdict::Fits),
        ("float64", "l4", Verdict::Fits),
    ] {
        assert_eq!(verdict(&with(format), device), expected, "{format} on {device}");
    }
    let fit = on(&with("bf16"), "v100-sxm2-32").fits.remove(0);
    assert_eq!(fit.speed, Err(Unestimated::Format(Format::Bf16)), "emulation is not estimated");
}

#[test]
fn parameters_name_formats() {
    let mut tree =
        params(&[("model_dtype", "torch.bfloat16"), ("optimizer", "fp16"), ("mixed_precision", "no")]);
    tree.insert(
        "train".into(),
        Value::Map([("fp8".into(), Value::Bool(true)), ("bf16".into(), Value::Bool(false))].into()),
    );
    tree.insert("precision".into(), Value::Int(16u64.into()));
    tree.insert("use_amp".into(), Value::Bool(true));
    let found: Vec<_> = formats(&tree).into_iter().map(|told| (told.parameter, told.format)).collect();
    let expected = [
        ("model_dtype", Format::Bf16),
        ("precision", Format::Fp16),
        ("train.fp8", Format::Fp8),
        ("use_amp", Format::Fp16),
    ];
    assert_eq!(found, expected.map(|(path, format)| (path.to_owned(), format)));
}

#[test]
fn packages_tell_what_they_were_built_for() {
    let toolkit = |packages: &[(&str, &str)]| -> Vec<Toolkit> {
        let packages: Vec<_> = packages.iter().map(|(name, version)| package(name, version)).collect();
        builds(&packages).into_iter().map(|build| build.toolkit).collect()
    };
    let cuda = |major, minor| Toolkit::Cuda(Version::new(major, minor));
    assert_eq!(toolkit(&[("torch", "2.3.0+cu118"), ("nvidia-cuda-runtime-cu12", "12.1.105")]), [cuda(11, 8)]);
    assert_eq!(toolkit(&[("torch", "1.7.1+cu92")]), [cuda(9, 2)]);
    assert_eq!(toolkit(&[("torch", "2.9.0+cu130")]), [cuda(13, 0)]);
    assert_eq!(toolkit(&[("torch", "2.3.0"), ("nvidia-cuda-runtime-cu12", "12.1.105")]), [cuda(12, 1)]);
    assert_eq!(toolkit(&[("jaxlib", "0.4.26+cuda12.cudnn89")]), []);
    assert_eq!(toolkit(&[("torch", "2.3.0+rocm6.0")]), [Toolkit::Rocm(Version::new(6, 0))]);
    assert_eq!(toolkit(&[("torch", "2.3.0+cpu")]), [Toolkit::Processor]);
    assert_eq!(toolkit(&[("torch", "2.3.0"), ("numpy", "1.26+cu118")]), []);
    for odd in ["2.3.0+", "2.3.0+cu", "2.3.0+cu1", "2.3.0+cu12", "2.3.0+cu99999", "2.3.0+cué1", "2.3.0+rocm"]
    {
        assert_eq!(toolkit(&[("torch", odd)]), [], "{odd}");
    }
}

#[test]
fn toolkits_and_drivers_of_a_card() {
    let with = |version: &str| {
        let mut recorded = on_a100(9_000, 0.9);
        recorded.packages = vec![package("torch", version)];
        recorded
    };
    for (version, device, expected) in [
        ("2.3.0+cu118", "b200", Verdict::DoesNotFit),
        ("2.7.0+cu128", "b200", Verdict::Fits),
        ("2.7.0+cu126", "rtx-5090", Verdict::DoesNotFit),
        ("2.3.0+cu118", "k80", Verdict::Fits),
        ("2.3.0+cu121", "k80", Verdict::DoesNotFit),
        ("2.7.0+cu128", "v100-sxm2-16", Verdict::Fits),
        ("2.9.0+cu130", "v100-sxm2-16", Verdict::DoesNotFit),
        ("2.9.0+cu130", "t4", Verdict::Fits),
        ("1.8.0+cu111", "l4", Verdict::Fits),
        ("1.8.0+cu111", "h200", Verdict::DoesNotFit),
        ("1.7.1+cu92", "a10", Verdict::DoesNotFit),
        ("2.3.0+cu118", "mi300x", Verdict::DoesNotFit),
        ("2.3.0+rocm6.0", "mi300x", Verdict::Fits),
        ("2.3.0+rocm5.7", "mi300x", Verdict::DoesNotFit),
        ("2.3.0+rocm6.0", "a10", Verdict::DoesNotFit),
        ("2.3.0+cpu", "a10", Verdict::Fits),
    ] {
        assert_eq!(verdict(&with(version), device), expected, "torch {version} on {device}");
    }
    let earlier =
        Need::Earlier { architecture: Architecture::Cuda(Version::new(8, 9)), version: Version::new(11, 8) };
    assert!(
        findings(&with("1.8.0+cu111"), "l4")
            .iter()
            .any(|reason| matches!(&reason.finding, Finding::Build { need, .. } if *need == earlier))
    );
    let driver = findings(&with("2.9.0+cu130"), "t4");
    let needed = Finding::Driver { oldest: 580, newest: None, there: None };
    assert!(driver.contains(&Reason { verdict: Verdict::Fits, finding: needed }), "{driver:?}");
}

#[test]
fn what_ran_on_an_architecture_runs_on_it() {
    let mut recorded = on_a100(9_000, 0.9);
    // A build that the table has no code for in it, and yet it ran.
    recorded.packages = vec![package("torch", "1.6.0+cu101")];
    assert_eq!(verdict(&recorded, "a100-pcie-80"), Verdict::Fits);
    assert_eq!(verdict(&recorded, "a10"), Verdict::DoesNotFit);
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
fn frameworks_that_take_memory_in_advance() {
    let mut recorded = on_a100(30_000, 0.9);
    recorded.packages = vec![package("jaxlib", "0.4.30"), package("nvidia-cuda-runtime-cu12", "12.4.127")];
    assert_eq!(verdict(&recorded, "t4"), Verdict::Unknown);
    assert_eq!(verdict(&recorded, "h200"), Verdict::Fits);
    recorded.variables.insert("XLA_PYTHON_CLIENT_PREALLOCATE".into(), "false".into());
    assert_eq!(verdict(&recorded, "t4"), Verdict::DoesNotFit);
    recorded.packages.push(package("tensorflow", "2.16.1"));
    assert_eq!(verdict(&recorded, "t4"), Verdict::Unknown);
    recorded.packages.push(package("torch", "2.5.1"));
    assert_eq!(verdict(&recorded, "t4"), Verdict::DoesNotFit);
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

const SMALL: &str = "[sources]\nours = 'measured by us'\n[device.our-card]\nname = 'Ours'\nvendor = 'NVIDIA'\nmemory = { gib = 48, source = 'ours' }\n";

#[test]
fn own_devices_are_read_and_take_the_place_of_others() {
    let origin = Origin::File("mdl-devices.toml".into());
    let own = read(&SMALL.replace("our-card", "t4"), &origin).unwrap();
    assert_eq!((own[0].memory.capacity(), own[0].sources["memory"].as_str()), (48 << 30, "measured by us"));
    let mut devices = Devices::built_in().unwrap();
    let before = devices.all().len();
    devices.add(own);
    devices.add(read(SMALL, &origin).unwrap());
    assert_eq!(devices.all().len(), before + 1);
    let t4 = devices.query("t4").unwrap().devices.remove(0);
    assert_eq!((t4.memory.capacity(), t4.origin), (48 << 30, origin.clone()));
    assert_eq!(read("", &origin), Ok(Vec::new()));
}

#[test]
fn tables_that_make_no_sense_are_refused_with_their_line() {
    let with = |line: &str| format!("{SMALL}{line}\n");
    for (text, line, problem) in [
        (with("colour = 'red'"), 7, "\"colour\" is not a key here"),
        (with("power = { watts = 300 }"), 7, "power names no source"),
        (with("power = { watts = 300, source = 'theirs' }"), 7, "\"theirs\" is not among the sources"),
        (with("power = { watts = -3, source = 'ours' }"), 7, "watts is not a number above 0"),
        (with("power = { watts = nan, source = 'ours' }"), 7, "watts is not a number above 0"),
        (with("power = { watts = '300', source = 'ours' }"), 7, "watts is not a number above 0"),
        (with("bandwidth = { gb_per_s = 1e12, source = 'ours' }"), 7, "gb_per_s is not a number"),
        (with("capability = { cuda = 'gfx90a', source = 'ours' }"), 7, "cuda is not as in"),
        (with("capability = { source = 'ours' }"), 7, "capability has either cuda or gfx"),
        (with("arithmetic = { fp12 = 1, source = 'ours' }"), 7, "\"fp12\" is not a key here"),
        (with("toolkit = { oldest = '12', source = 'ours' }"), 7, "oldest is not a version"),
        (with("toolkit = { oldest = '12.8', newest = '11.0', source = 'ours' }"), 7, "not in order"),
        (with("driver = { oldest = 580, newest = 470, source = 'ours' }"), 7, "not in order"),
        (with("pcie = { generation = 4, source = 'ours' }"), 7, "pcie has no width"),
        (with("models = ['a', 1]"), 7, "models is not a list of texts"),
        (with("name = 'Ours'"), 7, "not TOML"),
        (with("note = \"a\\u001b[2Jb\""), 7, "note is not a text of one line"),
        (SMALL.replace("our-card", "'Our card'"), 3, "is not an id"),
        (SMALL.replace("name = 'Ours'\n", ""), 3, "our-card has no name"),
        (SMALL.replace("memory = { gib = 48, source = 'ours' }", ""), 3, "our-card has no memory"),
        (SMALL.replace("gib = 48", "gib = 0"), 6, "gib is not a number above 0"),
        (SMALL.replace("gib = 48", "gib = 1e18"), 6, "gib is not a number above 0"),
        ("devices = 1\n".into(), 1, "\"devices\" is not a key here"),
        ("device = 1\n".into(), 1, "device is not a table"),
        ("[device]\na = 1\n".into(), 2, "a is not a table"),
        (format!("[sources]\na = '{}'\n", "x".repeat(301)), 2, "a is not a text"),
    ] {
        let error = read(&text, &Origin::BuiltIn).unwrap_err();
        assert!(error.problem.contains(problem), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
    }
    let many: String = (0..1_001)
        .map(|n| {
            SMALL.replace("our-card", &format!("c{n}")).replace("[sources]\nours = 'measured by us'\n", "")
        })
        .collect();
    assert!(read(&format!("[sources]\nours = 'us'\n{many}"), &Origin::BuiltIn).is_err());
}
