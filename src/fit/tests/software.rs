//! What number formats, packages and drivers say of a card.

use super::{findings, verdict};
use crate::fit::fixture::{card, on, on_a100, package, params, run};
use crate::fit::*;
use crate::value::Value;

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
