//! What packages, variables and parameters tell of the software: hints, each with where it stands.

use std::collections::BTreeMap;

use crate::fit::{Format, Version};
use crate::object::Package;
use crate::value::Value;

/// What a package was built for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// The package that says so.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What it was built for.
    pub toolkit: Toolkit,
}

/// A toolkit that code for accelerators is made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toolkit {
    /// NVIDIA's.
    Cuda(Version),
    /// AMD's.
    Rocm(Version),
    /// None: it computes on the processor.
    Processor,
}

/// Packages whose version names what they were built for, after a `+`.
const FRAMEWORKS: &[&str] = &["torch", "jaxlib", "tensorflow"];
/// Packages whose version is that of CUDA.
const RUNTIMES: &[&str] = &[
    "nvidia-cuda-runtime",
    "nvidia-cuda-runtime-cu11",
    "nvidia-cuda-runtime-cu12",
    "nvidia-cuda-runtime-cu13",
    "cuda-cudart",
    "cudatoolkit",
    "pytorch-cuda",
];
/// A smaller number is not a version of CUDA that frameworks are built for.
const OLDEST_CUDA: u32 = 8;

/// What the frameworks were built for; where they do not say it, the CUDA that is installed for them.
pub fn builds(packages: &[Package]) -> Vec<Build> {
    let build = |package: &Package, toolkit| Build {
        package: package.name.clone(),
        version: package.version.clone(),
        toolkit,
    };
    let of_framework = |package: &Package| {
        let (_, local) = package.version.split_once('+')?;
        Some(build(package, toolkit(local)?))
    };
    let named = |names: &'static [&str]| {
        packages.iter().filter(move |package| names.contains(&package.name.as_str()))
    };
    let found: Vec<Build> = named(FRAMEWORKS).filter_map(of_framework).collect();
    if !found.is_empty() {
        return found;
    }
    let of_runtime = |package: &Package| {
        let version = Version::leading(&package.version).filter(|version| version.major >= OLDEST_CUDA)?;
        Some(build(package, Toolkit::Cuda(version)))
    };
    named(RUNTIMES).filter_map(of_runtime).collect()
}

/// What the local part of a version names: `cu118`, `rocm6.0`, `cpu`.
fn toolkit(local: &str) -> Option<Toolkit> {
    if local == "cpu" {
        return Some(Toolkit::Processor);
    }
    if let Some(version) = local.strip_prefix("rocm") {
        return Version::leading(version).map(Toolkit::Rocm);
    }
    // The last digit is the minor version; `cuda12`, as others write it, names none.
    let digits = local.strip_prefix("cu")?.split(['.', '-', '_']).next()?;
    let at = digits.len().checked_sub(1).filter(|at| (1..=2).contains(at) && digits.is_ascii())?;
    let (major, minor) = digits.split_at(at);
    let version = Version::new(major.parse().ok()?, minor.parse().ok()?);
    (version.major >= OLDEST_CUDA).then_some(Toolkit::Cuda(version))
}

/// The framework that takes most of a card's memory at its start, whether it needs that or not.
pub fn preallocates(packages: &[Package], variables: &BTreeMap<String, String>) -> Option<&'static str> {
    let has = |name: &str| packages.iter().any(|package| package.name == name);
    let is = |name: &str, values: &[&str]| {
        variables.get(name).is_some_and(|value| values.contains(&value.to_ascii_lowercase().as_str()))
    };
    let jax = has("jaxlib")
        && !is("XLA_PYTHON_CLIENT_PREALLOCATE", &["false", "0"])
        && !is("XLA_PYTHON_CLIENT_ALLOCATOR", &["platform"]);
    let tensorflow = has("tensorflow") && !is("TF_FORCE_GPU_ALLOW_GROWTH", &["true", "1"]);
    // Beside PyTorch, the others are often only there for their tools.
    match (has("torch"), jax, tensorflow) {
        (true, ..) => None,
        (_, true, _) => Some("JAX"),
        (_, _, true) => Some("TensorFlow"),
        _ => None,
    }
}

/// A parameter that names a number format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatEvidence {
    /// The format.
    pub format: Format,
    /// The parameter's dotted path.
    pub parameter: String,
    /// Its value.
    pub value: String,
}

/// The number formats that parameters name.
pub fn formats(params: &BTreeMap<String, Value>) -> Vec<FormatEvidence> {
    let tree = Value::Map(params.clone());
    let told = |(path, value): (crate::value::KeyPath, &Value)| {
        let key = path.keys().last()?.to_ascii_lowercase();
        let format = format_of(&key, value)?;
        Some(FormatEvidence { format, parameter: path.to_string(), value: value.to_string() })
    };
    tree.leaves().into_iter().filter_map(told).collect()
}

fn format_of(key: &str, value: &Value) -> Option<Format> {
    if let Value::Bool(is_on) = value {
        // What automatic mixed precision is without a format's name.
        let named = if matches!(key, "amp" | "use_amp") { Some(Format::Fp16) } else { format_named(key) };
        return named.filter(|_| *is_on);
    }
    let tells = ["dtype", "precision", "quantization", "quantisation"].iter().any(|word| key.contains(word));
    if !tells && key != "amp" {
        return None;
    }
    match value {
        Value::Text(text) => format_named(&text.to_ascii_lowercase()),
        Value::Int(bits) if key.contains("precision") => match bits.get() {
            16 => Some(Format::Fp16),
            32 => Some(Format::Fp32),
            64 => Some(Format::Fp64),
            _ => None,
        },
        _ => None,
    }
}

fn format_named(text: &str) -> Option<Format> {
    let text = text.trim_start_matches("torch.").trim_start_matches("use_").trim_start_matches("jnp.");
    let word = text.trim_end_matches("-mixed").trim_end_matches("-true").trim_end_matches("_enabled");
    Some(match word {
        "fp64" | "float64" | "double" | "64" => Format::Fp64,
        "fp32" | "float32" | "float" | "single" | "32" => Format::Fp32,
        "tf32" => Format::Tf32,
        "fp16" | "float16" | "half" | "16" | "mixed_float16" => Format::Fp16,
        "bf16" | "bfloat16" | "mixed_bfloat16" => Format::Bf16,
        "fp8" | "float8" | "float8_e4m3fn" | "float8_e5m2" | "e4m3" | "transformer-engine" => Format::Fp8,
        "fp4" | "nvfp4" | "mxfp4" => Format::Fp4,
        "int8" | "load_in_8bit" => Format::Int8,
        _ => return None,
    })
}
