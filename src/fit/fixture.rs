//! Runs for tests: on one machine or another, with what they used.

use std::collections::BTreeMap;

use crate::fit::{CardUsage, Devices, Machine, Recorded, Report, Target, Usage, judge};
use crate::object::{Accelerator, AcceleratorKind, Accelerators, Package};
use crate::value::Value;

/// A card as a driver tells of it.
pub(crate) fn card(model: &str, gib: u64, capability: &str) -> Accelerator {
    Accelerator {
        kind: AcceleratorKind::Gpu,
        vendor: if capability.starts_with("gfx") { "AMD" } else { "NVIDIA" }.into(),
        model: model.into(),
        memory: Some(gib << 30),
        units: None,
        capability: Some(capability.into()),
        clocks: BTreeMap::new(),
        bus_width: None,
        bandwidth: None,
        pcie: None,
        nvlinks: None,
        ecc: None,
        mig: None,
        power_limit: None,
        limits: BTreeMap::new(),
    }
}

/// A run that ended well, on so many cards, each of which held so many MiB and was busy for this share of the time.
pub(crate) fn run(card: &Accelerator, cards: usize, mib: u64, busy: f64) -> Recorded {
    let usage = CardUsage { busy: Some(busy), was_busy: Some(busy > 0.0), memory_peak: Some(mib << 20) };
    Recorded {
        machine: Machine {
            accelerators: Some(Accelerators {
                devices: vec![card.clone(); cards],
                driver: Some("550.54.15".into()),
                runtime: Some("CUDA 12.4".into()),
                libraries: None,
                gap: None,
            }),
            processors: Some(16.0),
            memory: Some(64 << 30),
        },
        has_outcome: true,
        exit: Some(0),
        usage: Some(Usage {
            interval: Some(1.0),
            samples: Some(600),
            cards: (0..cards).map(|index| (index, usage)).collect(),
            processors: Some(1.02),
            memory_peak: Some(5 << 30),
        }),
        packages: vec![package("torch", "2.5.1+cu124")],
        variables: BTreeMap::new(),
        params: BTreeMap::new(),
    }
}

/// One run on an A100 with 40 GB.
pub(crate) fn on_a100(mib: u64, busy: f64) -> Recorded {
    run(&card("NVIDIA A100-SXM4-40GB", 40, "8.0"), 1, mib, busy)
}

pub(crate) fn package(name: &str, version: &str) -> Package {
    Package { ecosystem: "pypi".into(), name: name.into(), version: version.into(), origin: None }
}

pub(crate) fn params(entries: &[(&str, &str)]) -> BTreeMap<String, Value> {
    entries.iter().map(|(key, value)| ((*key).to_owned(), Value::Text((*value).to_owned()))).collect()
}

/// The run on what a person names, or on all devices.
pub(crate) fn on(recorded: &Recorded, name: &str) -> Report {
    let devices = Devices::built_in().unwrap();
    let targets = match name {
        "" => devices.all().iter().map(|device| Target::any(device.clone(), None)).collect(),
        name => {
            let query = devices.query(name).unwrap();
            query.devices.into_iter().map(|device| Target::any(device, query.count)).collect()
        }
    };
    judge(recorded, &devices, targets)
}
