//! The cards that the kernel shows on the PCI bus. AMD's tell what they do in files below `/sys`; the others do not, and
//! have their number alone.
//!
//! AMD's driver has no counter of energy and no reasons of throttling in such files, and tells of traffic only after a
//! second of watching: these are absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::capture::sampler::cards::Reading;
use crate::capture::sampler::driver::{Card, Talk};
use crate::capture::{amd, pci, small_file};
use crate::value::{Int, Value};

/// The cards, in the order in which they are recorded as accelerators.
pub(super) fn cards(root: &Path) -> Vec<Card> {
    let card = |folder: PathBuf| {
        if !pci::is_amd(&folder) {
            return Card { vendor: "PCI", serve: None };
        }
        let serve = move |talk: Talk| {
            let sensors = amd::sensors(&folder);
            talk.serve(identity(&folder, sensors.as_deref()), |_| read(&folder, sensors.as_deref()));
        };
        Card { vendor: "AMD", serve: Some(Box::new(serve)) }
    };
    pci::devices(root).into_iter().map(card).collect()
}

fn identity(folder: &Path, sensors: Option<&Path>) -> BTreeMap<String, Value> {
    let uuid = small_file::line(&folder.join("unique_id")).filter(|id| !id.contains(char::is_control));
    let clock = |name: &str, file: &str| {
        Some((name.to_owned(), Value::Int(Int::from(small_file::number(&sensors?.join(file))? / 1_000_000))))
    };
    let uuid = uuid.map(|uuid| ("uuid".to_owned(), Value::Text(uuid)));
    [uuid, clock("sm_clock", "freq1_input"), clock("memory_clock", "freq2_input")]
        .into_iter()
        .flatten()
        .collect()
}

/// What a value is too large for cannot be true, and is told as it is.
fn read(folder: &Path, sensors: Option<&Path>) -> Reading {
    let small = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
    let own = |name: &str| small_file::number(&folder.join(name));
    let sensor = |name: &str, unit: u64| Some(small(small_file::number(&sensors?.join(name))? / unit));
    Reading {
        busy: own("gpu_busy_percent").map(small),
        memory_busy: own("mem_busy_percent").map(small),
        memory: own("mem_info_vram_used").zip(own("mem_info_vram_total")),
        // Some tell of the average, some of the moment, in microwatts.
        power: sensor("power1_average", 1000).or_else(|| sensor("power1_input", 1000)),
        temperature: sensor("temp1_input", 1000),
        sm_clock: sensor("freq1_input", 1_000_000),
        ..Reading::default()
    }
}
