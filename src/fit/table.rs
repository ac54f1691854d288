//! The devices that are known, and finding one by what a person or a driver calls it.

use crate::fit::device::{Architecture, Device, Memory, Origin};
use crate::fit::reading::{TableError, read};
use crate::object::Accelerator;

/// The table that comes with mdl.
const BUILT_IN: &str = include_str!("devices.toml");

/// Devices by id. Of two with one id, the one that was added last counts.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Devices {
    devices: Vec<Device>,
}

/// Which devices somebody asks for, and how many of each.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// The devices that the name fits: several, if it names a family.
    pub devices: Vec<Device>,
    /// How many cards, if that was said.
    pub count: Option<u64>,
}

/// Why a name names no device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueryError {
    /// No device is called so.
    Unknown {
        /// The name, without a count.
        name: String,
    },
    /// The count is none, or absurd.
    Count {
        /// The count as it was written.
        count: String,
    },
}

/// Nobody has more cards of one kind at hand.
const MOST_CARDS: u64 = 100_000;

impl Devices {
    /// The devices of the table that comes with mdl.
    pub fn built_in() -> Result<Self, TableError> {
        Ok(Self { devices: read(BUILT_IN, &Origin::BuiltIn)? })
    }

    /// Adds devices; one with an id that is there already takes its place.
    pub fn add(&mut self, devices: Vec<Device>) {
        for device in devices {
            match self.devices.iter_mut().find(|known| known.id == device.id) {
                Some(known) => *known = device,
                None => self.devices.push(device),
            }
        }
    }

    /// All of them.
    pub fn all(&self) -> &[Device] {
        &self.devices
    }

    /// The device that a driver calls by this name.
    pub fn of_model(&self, model: &str) -> Option<&Device> {
        let same = |name: &String| name.eq_ignore_ascii_case(model.trim());
        self.devices.iter().rev().find(|device| device.models.iter().any(same))
    }

    /// What a person asks for: an id, a family (`a100`), or parts of an id (`a100-80`); with `xN`, so many of it.
    pub fn query(&self, written: &str) -> Result<Query, QueryError> {
        let name = normal(written);
        let whole = self.named(&name);
        if !whole.is_empty() {
            return Ok(Query { devices: whole, count: None });
        }
        let digits = name.trim_end_matches(|c: char| c.is_ascii_digit());
        let counted =
            name[digits.len()..].parse::<u64>().ok().zip(digits.trim_end_matches('-').strip_suffix('x'));
        let Some((count, name)) = counted else { return Err(QueryError::Unknown { name }) };
        let name = name.trim_end_matches('-');
        let devices = self.named(name);
        if devices.is_empty() {
            return Err(QueryError::Unknown { name: name.to_owned() });
        }
        if !(1..=MOST_CARDS).contains(&count) {
            return Err(QueryError::Count { count: count.to_string() });
        }
        Ok(Query { devices, count: Some(count) })
    }

    fn named(&self, name: &str) -> Vec<Device> {
        let squashed = |text: &str| text.replace('-', "");
        let exact = |device: &&Device| squashed(&device.id) == squashed(name);
        if let Some(device) = self.devices.iter().find(exact) {
            return vec![device.clone()];
        }
        let words: Vec<&str> = name.split('-').filter(|word| !word.is_empty()).collect();
        let has = |device: &&Device| {
            let mut parts = device.id.split('-').enumerate();
            // The words in their order; `sxm` is `sxm4`, but `a1` is not `a100`.
            words.iter().all(|word| {
                parts.any(|(at, part)| {
                    part == *word
                        || (at > 0 && word.len() > 2 && part.starts_with(word))
                        || word.strip_suffix("gb").or(word.strip_suffix('g')) == Some(part)
                })
            })
        };
        if words.is_empty() { Vec::new() } else { self.devices.iter().filter(has).cloned().collect() }
    }
}

/// As ids are written.
fn normal(written: &str) -> String {
    let text = written.trim().to_lowercase().replace('×', "x").replace([' ', '_'], "-");
    text.trim_start_matches("nvidia-").trim_start_matches("amd-").trim_start_matches("tesla-").to_owned()
}

/// A card that a machine has, as far as it was recorded; what its maker says of it comes from the table.
pub(super) fn recorded(accelerator: &Accelerator, known: Option<&Device>, run: &str) -> Option<Device> {
    let origin = Origin::Run(run.to_owned());
    let is_part = accelerator.mig.as_deref().is_some_and(|mode| mode != "disabled");
    let blank = || Device {
        id: accelerator.model.clone(),
        name: accelerator.model.clone(),
        vendor: accelerator.vendor.clone(),
        models: Vec::new(),
        memory: Memory { size: 0, inline_ecc: false },
        bandwidth: accelerator.bandwidth.map(|bytes| bytes as f64),
        architecture: None,
        peaks: Default::default(),
        link: None,
        pcie: accelerator.pcie.clone(),
        watts: accelerator.power_limit.map(|milliwatts| milliwatts as f64 / 1000.0),
        toolkit: None,
        driver: (None, None),
        note: None,
        sources: Default::default(),
        origin: origin.clone(),
    };
    // A part of a card has a share of its figures that nobody wrote down.
    let mut device = known.filter(|_| !is_part).cloned().unwrap_or_else(blank);
    device.origin = origin;
    device.name = accelerator.model.clone();
    device.architecture =
        accelerator.capability.as_deref().and_then(Architecture::of).or(device.architecture);
    if let Some(memory) = accelerator.memory {
        device.memory = Memory { size: memory, inline_ecc: false };
    }
    (device.memory.size > 0).then_some(device)
}
