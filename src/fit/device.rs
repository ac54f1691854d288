//! An accelerator as its maker describes it: what a table has, with a source for each group of figures.

use std::collections::BTreeMap;
use std::fmt;

use crate::fit::Version;
use crate::object::Pcie;

/// No text of a table is longer, in bytes.
pub const LONGEST_TEXT: usize = 300;

/// An accelerator. Only the memory has to be known.
#[derive(Clone, Debug, PartialEq)]
pub struct Device {
    /// What it is called on a command line: `a100-sxm4-80`.
    pub id: String,
    /// Its name in words.
    pub name: String,
    /// Its maker.
    pub vendor: String,
    /// What drivers call it.
    pub models: Vec<String>,
    /// Its memory.
    pub memory: Memory,
    /// Memory bandwidth in bytes a second.
    pub bandwidth: Option<f64>,
    /// What code for it is called.
    pub architecture: Option<Architecture>,
    /// Peak operations a second by number format; a format that is not there is not computed natively.
    pub peaks: BTreeMap<Format, f64>,
    /// To other cards.
    pub link: Option<Link>,
    /// To the host.
    pub pcie: Option<Pcie>,
    /// The limit of its power, in watts.
    pub watts: Option<f64>,
    /// Which CUDA or ROCm has code for it.
    pub toolkit: Option<Support>,
    /// The oldest and the newest driver branch that know it.
    pub driver: (Option<u32>, Option<u32>),
    /// What else there is to know, such as where sources differ.
    pub note: Option<String>,
    /// Where the figures are from, by the name of their group.
    pub sources: BTreeMap<String, String>,
    /// Who says so.
    pub origin: Origin,
}

/// The memory of a device.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Memory {
    /// Its size in bytes.
    pub size: u64,
    /// Whether error correction takes a sixteenth of it.
    pub inline_ecc: bool,
}

impl Memory {
    /// What a driver reports as the whole, at least.
    pub fn capacity(self) -> u64 {
        if self.inline_ecc { self.size - self.size / 16 } else { self.size }
    }
}

/// Where a description comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The table that comes with mdl.
    BuiltIn,
    /// A file of the project or of the person, by its name.
    File(String),
    /// The recorded machine of this revision.
    Run(String),
}

/// What code for a device is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// NVIDIA's compute capability.
    Cuda(Version),
    /// AMD's name of the architecture: `gfx90a`.
    Gfx(String),
}

impl Architecture {
    /// The architecture that a driver names so.
    pub fn of(text: &str) -> Option<Self> {
        if let Ok(version) = text.parse() {
            return Some(Architecture::Cuda(version));
        }
        let is_gfx = text.strip_prefix("gfx").is_some_and(|rest| {
            matches!(rest.len(), 3..=5) && rest.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        });
        is_gfx.then(|| Architecture::Gfx(text.to_owned()))
    }
}

/// As compilers write it: `sm_90`, `gfx90a`.
impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Architecture::Cuda(version) => write!(f, "sm_{}{}", version.major, version.minor),
            Architecture::Gfx(name) => f.write_str(name),
        }
    }
}

/// A link to other cards.
#[derive(Clone, Debug, PartialEq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Bytes a second, both directions together.
    pub bandwidth: f64,
}

/// Which versions of CUDA or ROCm have code for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Support {
    /// The first with code for it.
    pub oldest: Version,
    /// The first whose code for an earlier card of the same major version runs on it.
    pub compatible: Option<Version>,
    /// The last, if it was dropped.
    pub newest: Option<Version>,
}

/// A number format of arithmetic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Format {
    Fp64,
    Fp32,
    Tf32,
    Fp16,
    Bf16,
    Fp8,
    Fp4,
    Int8,
}

impl Format {
    /// Every format, widest first.
    pub const ALL: [Format; 8] = [
        Format::Fp64,
        Format::Fp32,
        Format::Tf32,
        Format::Fp16,
        Format::Bf16,
        Format::Fp8,
        Format::Fp4,
        Format::Int8,
    ];

    /// As it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Format::Fp64 => "fp64",
            Format::Fp32 => "fp32",
            Format::Tf32 => "tf32",
            Format::Fp16 => "fp16",
            Format::Bf16 => "bf16",
            Format::Fp8 => "fp8",
            Format::Fp4 => "fp4",
            Format::Int8 => "int8",
        }
    }
}
