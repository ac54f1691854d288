//! AMD's accelerators, by what their driver tells below `/sys`.
//!
//! The graphics driver tells of memory, clocks and power; the compute driver (`kfd`) of units and what kernels are tuned
//! to. Clocks that the driver counts do not tell the memory's bandwidth, which is absent.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::capture::small_file::{line, number, text};
use crate::object::Accelerator;

/// More nodes and links than any host has.
const MOST: usize = 4096;
/// A link of AMD's own between two devices, in the numbers of the compute driver.
const XGMI: u64 = 11;
/// No device has so much memory: 1 PiB.
const MOST_MEMORY: u64 = 1 << 50;

/// Properties of a compute node that kernels are tuned to, by the driver's names.
const LIMITS: &[&str] = &[
    "array_count",
    "cu_per_simd_array",
    "gds_size_in_kb",
    "lds_size_in_kb",
    "max_slots_scratch_cu",
    "max_waves_per_simd",
    "num_xcc",
    "simd_arrays_per_engine",
    "simd_count",
    "simd_per_cu",
    "wave_front_size",
];

type Properties = BTreeMap<String, u64>;

/// Completes a device, whose folder on the bus this is.
pub(super) fn complete(root: &Path, folder: &Path, device: Accelerator) -> Accelerator {
    let node = node(root, folder);
    let properties = node.as_ref().map(|(_, properties)| properties);
    let property = |name: &str| properties.and_then(|all| all.get(name).copied()).filter(|value| *value > 0);
    let clocks = [("sm", "pp_dpm_sclk"), ("memory", "pp_dpm_mclk")]
        .into_iter()
        .filter_map(|(domain, file)| Some((domain.to_owned(), highest_clock(&text(&folder.join(file))?)?)));
    let memory = number(&folder.join("mem_info_vram_total"));
    let limits = LIMITS.iter().filter_map(|name| Some(((*name).to_owned(), property(name)?)));
    Accelerator {
        memory: memory.filter(|bytes| (1..MOST_MEMORY).contains(bytes)),
        units: property("simd_count").zip(property("simd_per_cu")).map(|(all, per_unit)| all / per_unit),
        capability: property("gfx_target_version").map(gfx_name),
        clocks: clocks.collect(),
        bus_width: node.as_ref().and_then(|(place, _)| bus_width(place)),
        nvlinks: node.as_ref().and_then(|(place, _)| links(place)),
        mig: partitions(folder),
        power_limit: power_limit(folder),
        limits: limits.collect(),
        ..device
    }
}

/// The version of the driver, and of ROCm.
pub(super) fn versions(root: &Path) -> (Option<String>, Option<String>) {
    let rocm = line(&root.join("opt/rocm/.info/version"));
    (line(&root.join("sys/module/amdgpu/version")), rocm.map(|version| format!("ROCm {version}")))
}

/// The folder of the sensors.
pub(super) fn sensors(folder: &Path) -> Option<PathBuf> {
    let monitors = std::fs::read_dir(folder.join("hwmon")).ok()?;
    let mut folders: Vec<PathBuf> = monitors.take(8).filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort_unstable();
    folders.into_iter().next()
}

/// The highest of the steps that a driver lists: `1: 1700Mhz *`.
fn highest_clock(steps: &str) -> Option<u64> {
    let clock = |line: &str| -> Option<u64> {
        let value = line.split_once(':')?.1.trim().trim_end_matches('*').trim();
        value.to_ascii_lowercase().strip_suffix("mhz")?.parse().ok()
    };
    steps.lines().filter_map(clock).max().filter(|clock| *clock > 0)
}

/// How compute units and memory are divided, such as `SPX, NPS1`.
fn partitions(folder: &Path) -> Option<String> {
    let word = |name: &str| {
        let word = line(&folder.join(name))?;
        (word.len() < 16 && word.bytes().all(|b| b.is_ascii_alphanumeric())).then_some(word)
    };
    let words = ["current_compute_partition", "current_memory_partition"].map(word);
    let words: Vec<String> = words.into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(", "))
}

/// The power cap in milliwatts; the driver has it in microwatts.
fn power_limit(folder: &Path) -> Option<u64> {
    number(&sensors(folder)?.join("power1_cap")).map(|cap| cap / 1000).filter(|cap| *cap > 0)
}

/// The compute driver's node for the device at an address (`0000:c1:00.0`): its folder and properties.
fn node(root: &Path, folder: &Path) -> Option<(PathBuf, Properties)> {
    let (domain, location) = location(folder.file_name()?.to_str()?)?;
    let nodes = std::fs::read_dir(root.join("sys/class/kfd/kfd/topology/nodes")).ok()?;
    nodes.take(MOST).find_map(|node| {
        let place = node.ok()?.path();
        let properties = properties(&place)?;
        let same = properties.get("location_id") == Some(&location)
            && properties.get("domain").copied().unwrap_or(0) == domain
            && properties.get("simd_count").is_some_and(|count| *count > 0);
        same.then_some((place, properties))
    })
}

/// The widest of a node's banks of memory, in bits.
fn bus_width(node: &Path) -> Option<u64> {
    below(&node.join("mem_banks"))
        .filter_map(|bank| bank.get("width").copied())
        .max()
        .filter(|bits| *bits > 0)
}

/// Links of AMD's own to other devices; `None` where the driver tells of none.
fn links(node: &Path) -> Option<u64> {
    let all = below(&node.join("io_links"));
    let count = all.filter(|link| link.get("type") == Some(&XGMI)).count() as u64;
    (count > 0).then_some(count)
}

fn below(folder: &Path) -> impl Iterator<Item = Properties> + use<> {
    let entries = std::fs::read_dir(folder).ok().into_iter().flatten();
    entries.take(MOST).filter_map(|entry| properties(&entry.ok()?.path()))
}

fn properties(place: &Path) -> Option<Properties> {
    Some(parse_properties(&text(&place.join("properties"))?))
}

fn parse_properties(text: &str) -> Properties {
    let pair = |line: &str| {
        let (key, value) = line.trim().split_once(' ')?;
        Some((key.to_owned(), value.trim().parse().ok()?))
    };
    text.lines().filter_map(pair).collect()
}

/// Domain, and bus, device and function in one number, of an address.
fn location(address: &str) -> Option<(u64, u64)> {
    let hex = |text: &str| u64::from_str_radix(text, 16).ok().filter(|value| *value <= 0xffff_ffff);
    let (rest, function) = address.rsplit_once('.')?;
    let mut parts = rest.split(':');
    let (domain, bus, device) = (hex(parts.next()?)?, hex(parts.next()?)?, hex(parts.next()?)?);
    Some((domain, bus << 8 | device << 3 | hex(function)?))
}

/// `gfx942` for 90402: major, minor and stepping, the last two in hexadecimal.
fn gfx_name(version: u64) -> String {
    format!("gfx{}{:x}{:x}", version / 10_000, version / 100 % 100, version % 100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_drivers() {
        assert_eq!(location("0000:c1:00.0"), Some((0, 0xc100)));
        assert_eq!(location("0001:0a:1f.7"), Some((1, 0x0aff)));
        assert_eq!(location("c1:00.0"), None);
        assert_eq!(
            (gfx_name(90402).as_str(), gfx_name(110_003).as_str(), gfx_name(90_010).as_str()),
            ("gfx942", "gfx1103", "gfx90a")
        );
        assert_eq!(highest_clock("0: 500Mhz\n1: 1000Mhz *\nrubbish\n"), Some(1000));
    }
}
