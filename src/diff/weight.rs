//! Differences of an environment in the order of how likely they are to change what a model computes.
//!
//! The order is a rule of thumb and claims no more: what the code imports and whose interface may have changed,
//! then what computes, what it is driven by, how its arithmetic is done, and then the rest.

use std::collections::{BTreeMap, BTreeSet};

use crate::diff::version::is_breaking;
use crate::diff::{Diff, FieldChange, InterpreterChange, Part, Unit};
use crate::object::{Interpreter, Package};
use crate::value::Value;

/// How likely a difference is to matter, likeliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Weight {
    /// Another major version of a package that the code imports (the second number where the first is 0), or it is
    /// only on one side; another major version or implementation of the interpreter.
    ImportedMajor,
    /// Another model, architecture, partition or number of accelerators.
    Accelerator,
    /// CUDA or ROCm, the driver's major version, cuDNN and their like, also where they are packages.
    Runtime,
    /// What arithmetic is done with: BLAS, instruction sets, the C library.
    Numerics,
    /// Another version or origin of a package that the code imports, or of the interpreter.
    ImportedMinor,
    /// Variables and limits that change numerics, order or the number of threads.
    Threads,
    /// Everything else.
    Other,
}

impl Weight {
    /// The weight in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Weight::ImportedMajor => "imported-major",
            Weight::Accelerator => "accelerator",
            Weight::Runtime => "runtime",
            Weight::Numerics => "numerics",
            Weight::ImportedMinor => "imported-minor",
            Weight::Threads => "threads",
            Weight::Other => "other",
        }
    }
}

/// A difference of the environment and its weight.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranked {
    /// How likely it is to matter.
    pub weight: Weight,
    /// What it is a difference of.
    pub part: Part,
    /// The difference. The label is a package's name, `interpreter`, a field's or a variable's label.
    pub change: FieldChange,
}

impl Diff {
    /// What differs of the environment, likeliest to matter first. `imported` has the names, as packages are recorded
    /// under them, of what the code imports; it may have more names than are installed.
    pub fn ranked_environment(&self, imported: &BTreeSet<String>) -> Vec<Ranked> {
        let mut ranked: Vec<Ranked> = self.packages.interpreter.iter().map(interpreter).collect();
        ranked.extend(packages(self, imported));
        let mut add = |part: Part, changes: &[FieldChange], weigh: fn(&FieldChange) -> Weight| {
            let rank = |change: &FieldChange| Ranked { weight: weigh(change), part, change: change.clone() };
            ranked.extend(changes.iter().map(rank));
        };
        add(Part::Accelerators, &self.accelerators, of_accelerators);
        add(Part::System, &self.system, of_system);
        add(Part::Variables, &self.variables, of_variables);
        // Stable: within a weight the order is that in which a difference is shown.
        ranked.sort_by_key(|ranked| ranked.weight);
        ranked
    }
}

fn texts(label: &str, old: Option<String>, new: Option<String>) -> FieldChange {
    FieldChange {
        label: label.to_owned(),
        unit: Unit::Plain,
        old: old.map(Value::Text),
        new: new.map(Value::Text),
    }
}

fn interpreter(change: &InterpreterChange) -> Ranked {
    let weight = match (&change.old, &change.new) {
        (Some(old), Some(new)) if old.implementation == new.implementation => {
            match is_breaking(&old.version, &new.version) {
                true => Weight::ImportedMajor,
                false => Weight::ImportedMinor,
            }
        }
        _ => Weight::ImportedMajor,
    };
    let text =
        |side: &Option<Interpreter>| side.as_ref().map(|i| format!("{} {}", i.implementation, i.version));
    let change = texts("interpreter", text(&change.old), text(&change.new));
    Ranked { weight, part: Part::Packages, change }
}

/// A package is one whoever installed it: conda's numpy and the index's numpy are two installations of the same.
fn packages(diff: &Diff, imported: &BTreeSet<String>) -> Vec<Ranked> {
    let mut by_name: BTreeMap<&str, (Option<&Package>, Option<&Package>)> = BTreeMap::new();
    for change in &diff.packages.packages {
        let (old, new) = by_name.entry(change.name()).or_default();
        *old = old.or(change.old.as_ref());
        *new = new.or(change.new.as_ref());
    }
    let rank = |(name, (old, new)): (&str, (Option<&Package>, Option<&Package>))| {
        let weight = of_package(name, old, new, imported.contains(name));
        let moved = old.zip(new).is_some_and(|(old, new)| old.ecosystem != new.ecosystem);
        let text = |package: Option<&Package>| package.map(|package| described(package, moved));
        Ranked { weight, part: Part::Packages, change: texts(name, text(old), text(new)) }
    };
    by_name.into_iter().map(rank).collect()
}

/// `2.1`, `2.1 (git+https://…@…)`, `2.1 (conda)` where that is part of the difference.
fn described(package: &Package, with_ecosystem: bool) -> String {
    let ecosystem = with_ecosystem.then_some(package.ecosystem.as_str());
    match [ecosystem, package.origin.as_deref()].into_iter().flatten().collect::<Vec<_>>().as_slice() {
        [] => package.version.clone(),
        from => format!("{} ({})", package.version, from.join(", ")),
    }
}

fn of_package(name: &str, old: Option<&Package>, new: Option<&Package>, is_imported: bool) -> Weight {
    if is_imported {
        return match (old, new) {
            (Some(old), Some(new)) if is_breaking(&old.version, &new.version) => Weight::ImportedMajor,
            (Some(old), Some(new)) if build(&old.version) != build(&new.version) => Weight::Runtime,
            (Some(_), Some(_)) => Weight::ImportedMinor,
            _ => Weight::ImportedMajor,
        };
    }
    let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
    if starts(&["nvidia-", "cuda", "cudnn", "nccl", "tensorrt", "triton", "rocm", "jax-cuda"])
        || matches!(name, "libcublas" | "libcufft" | "libcusolver" | "libcusparse" | "pytorch-cuda")
    {
        Weight::Runtime
    } else if starts(&[
        "mkl",
        "openblas",
        "libopenblas",
        "blis",
        "libblas",
        "libcblas",
        "liblapack",
        "onednn",
    ]) || matches!(name, "blas" | "intel-openmp" | "llvm-openmp" | "libgomp" | "nomkl")
    {
        Weight::Numerics
    } else {
        Weight::Other
    }
}

/// What a version says of how it was built: `cu121` of `2.3.0+cu121`.
fn build(version: &str) -> Option<&str> {
    version.split_once('+').map(|(_, build)| build)
}

/// The label without the index of its device.
fn unnumbered(label: &str) -> &str {
    label.trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '-' | '.'))
}

fn of_accelerators(change: &FieldChange) -> Weight {
    match unnumbered(&change.label) {
        "count" | "kind" | "vendor" | "model" | "capability" | "units" | "mig" => Weight::Accelerator,
        "runtime" => Weight::Runtime,
        "driver" => match (&change.old, &change.new) {
            (Some(Value::Text(old)), Some(Value::Text(new))) if !is_breaking(old, new) => Weight::Other,
            _ => Weight::Runtime,
        },
        label if label.starts_with("libraries.") => Weight::Runtime,
        _ => Weight::Other,
    }
}

fn of_system(change: &FieldChange) -> Weight {
    match change.label.as_str() {
        // Libraries choose their kernels by the processor's maker as well.
        "arch" | "cpu.extensions" | "cpu.vendor" | "blas" | "libc" => Weight::Numerics,
        "cpu.cores" | "cpu.threads" | "limits.cpus" => Weight::Threads,
        _ => Weight::Other,
    }
}

/// Beginnings of the names of variables that numerical libraries read.
const NUMERICAL: &[&str] = &[
    "BLIS_",
    "CUBLAS_",
    "CUDA_",
    "CUDNN_",
    "GOMP_",
    "GOTO_",
    "HIP_",
    "HSA_",
    "JAX_",
    "KMP_",
    "MIOPEN_",
    "MKL_",
    "NCCL_",
    "NUMBA_",
    "NUMEXPR_",
    "NVIDIA_",
    "OMP_",
    "ONEDNN_",
    "OPENBLAS_",
    "PYTORCH_",
    "RCCL_",
    "ROCR_",
    "TF_",
    "TORCH_",
    "VECLIB_",
    "XLA_",
];

fn of_variables(change: &FieldChange) -> Weight {
    let is_numerical = NUMERICAL.iter().any(|prefix| change.label.starts_with(prefix));
    if is_numerical || change.label == "PYTHONHASHSEED" { Weight::Threads } else { Weight::Other }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::{PackageChange, VersionChange};

    fn package(ecosystem: &str, name: &str, version: &str) -> Package {
        let [ecosystem, name, version] = [ecosystem, name, version].map(str::to_owned);
        Package { ecosystem, name, version, origin: None }
    }

    fn change(name: &str, old: Option<&str>, new: Option<&str>) -> PackageChange {
        let side = |version: Option<&str>| version.map(|version| package("pypi", name, version));
        PackageChange { old: side(old), new: side(new), class: VersionChange::Other }
    }

    fn field(label: &str, old: &str, new: &str) -> FieldChange {
        texts(label, Some(old.to_owned()), Some(new.to_owned()))
    }

    fn ranks(diff: &Diff, imported: &[&str]) -> Vec<(Weight, String)> {
        let imported = imported.iter().map(|name| (*name).to_owned()).collect();
        let ranked = diff.ranked_environment(&imported).into_iter();
        ranked.map(|ranked| (ranked.weight, ranked.change.label)).collect()
    }

    #[test]
    fn likeliest_first() {
        let mut diff = Diff::default();
        diff.packages.packages = vec![
            change("attrs", Some("22.0"), Some("23.0")),
            change("nvidia-cudnn-cu12", Some("8.9.2"), Some("9.1.0")),
            change("numpy", Some("1.26.4"), Some("2.0.0")),
            change("scipy", Some("1.12.0"), Some("1.13.0")),
        ];
        let python =
            |version: &str| Some(Interpreter { implementation: "cpython".into(), version: version.into() });
        diff.packages.interpreter = Some(InterpreterChange {
            old: python("3.11.4"),
            new: python("3.12.0"),
            class: VersionChange::Minor,
        });
        diff.system =
            vec![field("kernel", "6.1", "6.8"), field("blas", "openblas", "mkl"), field("memory", "1", "2")];
        diff.accelerators = vec![
            field("0-7.model", "A100", "H100"),
            field("driver", "550.1", "550.2"),
            field("runtime", "12.2", "12.4"),
        ];
        diff.variables = vec![field("OMP_NUM_THREADS", "1", "8"), field("SLURM_JOB_NAME", "a", "b")];
        let found = ranks(&diff, &["numpy", "scipy", "os"]);
        let found: Vec<(Weight, &str)> =
            found.iter().map(|(weight, label)| (*weight, label.as_str())).collect();
        use Weight::*;
        assert_eq!(
            found,
            [
                (ImportedMajor, "numpy"),
                (Accelerator, "0-7.model"),
                (Runtime, "nvidia-cudnn-cu12"),
                (Runtime, "runtime"),
                (Numerics, "blas"),
                (ImportedMinor, "interpreter"),
                (ImportedMinor, "scipy"),
                (Threads, "OMP_NUM_THREADS"),
                (Other, "attrs"),
                (Other, "driver"),
                (Other, "kernel"),
                (Other, "memory"),
                (Other, "SLURM_JOB_NAME"),
            ]
        );
    }

    #[test]
    fn a_package_is_weighed_by_how_far_it_moved() {
        for (old, new, expected) in [
            (Some("1.26.4"), Some("2.0"), Weight::ImportedMajor),
            (Some("2.0"), Some("1.26.4"), Weight::ImportedMajor),
            (Some("0.4.1"), Some("0.5.0"), Weight::ImportedMajor),
            (Some("main"), Some("2.0"), Weight::ImportedMajor),
            (Some("1.0"), None, Weight::ImportedMajor),
            (None, Some("1.0"), Weight::ImportedMajor),
            (Some("2.3.0+cu118"), Some("2.3.0+cu121"), Weight::Runtime),
            (Some("2.3.0"), Some("2.3.1"), Weight::ImportedMinor),
            (Some("0.4.1"), Some("0.4.2"), Weight::ImportedMinor),
        ] {
            let mut diff = Diff::default();
            diff.packages.packages = vec![change("torch", old, new)];
            assert_eq!(ranks(&diff, &["torch"])[0].0, expected, "{old:?} to {new:?}");
            assert_eq!(ranks(&diff, &[])[0].0, Weight::Other);
        }
    }

    #[test]
    fn another_installer_is_not_another_package() {
        let mut diff = Diff::default();
        let (old, new) = (package("conda", "numpy", "1.26.4"), package("pypi", "numpy", "1.26.4"));
        diff.packages.packages = vec![
            PackageChange { old: Some(old), new: None, class: VersionChange::Removed },
            PackageChange { old: None, new: Some(new), class: VersionChange::Added },
        ];
        let ranked = diff.ranked_environment(&BTreeSet::from(["numpy".into()]));
        let expected = texts("numpy", Some("1.26.4 (conda)".into()), Some("1.26.4 (pypi)".into()));
        assert_eq!(
            ranked,
            [Ranked { weight: Weight::ImportedMinor, part: Part::Packages, change: expected }]
        );
    }

    #[test]
    fn another_interpreter() {
        let side = |name: &str, version: &str| {
            Some(Interpreter { implementation: name.into(), version: version.into() })
        };
        let weigh =
            |old, new| interpreter(&InterpreterChange { old, new, class: VersionChange::Other }).weight;
        let python = || side("cpython", "3.11.4");
        assert_eq!(weigh(python(), side("cpython", "3.12.0")), Weight::ImportedMinor);
        assert_eq!(weigh(python(), side("cpython", "2.7.18")), Weight::ImportedMajor);
        assert_eq!(weigh(python(), side("pypy", "3.11.4")), Weight::ImportedMajor);
        assert_eq!(weigh(python(), None), Weight::ImportedMajor);
    }

    /// The fields that weigh are named here and made elsewhere: the names must be those.
    #[test]
    fn labels_are_those_of_the_fields() {
        let memory = crate::object::Memory::default();
        let state = crate::diff::fixture::Project::default().state(&memory);
        let diff = crate::diff::states(
            &memory,
            &memory,
            &crate::diff::State::default(),
            &state,
            &Default::default(),
        );
        let diff = diff.unwrap();
        let found = ranks(&diff, &["numpy"]);
        for expected in [
            (Weight::ImportedMajor, "numpy"),
            (Weight::Accelerator, "count"),
            (Weight::Numerics, "arch"),
            (Weight::Threads, "cpu.threads"),
            (Weight::Threads, "OMP_NUM_THREADS"),
            (Weight::Other, "pandas"),
        ] {
            assert!(found.contains(&(expected.0, expected.1.to_owned())), "{expected:?} in {found:?}");
        }
    }
}
