//! Accelerators that the kernel shows on the PCI bus: AMD's by what their driver tells, others by their ids.
//!
//! NVIDIA's are left to their own library. Built-in graphics of other makers is not taken for an accelerator.
//! Everything is read below a root that tests can choose.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::capture::accelerators::Observed;
use crate::capture::small_file::{line, number, text};
use crate::object::{Accelerator, AcceleratorKind, Pcie};

const AMD: u64 = 0x1002;
const NVIDIA: u64 = 0x10de;
const INTEL: u64 = 0x8086;
/// More devices than any host has on its buses.
const MOST: usize = 4096;

/// The accelerators on the bus below this root, in the order of their addresses.
pub(super) fn observe(root: &Path) -> Observed {
    let devices: Vec<Accelerator> =
        addresses(root).iter().filter_map(|folder| device(root, folder)).collect();
    let amd = devices.iter().any(|device| device.vendor == "AMD");
    Observed {
        driver: if amd { line(&root.join("sys/module/amdgpu/version")) } else { None },
        runtime: if amd {
            line(&root.join("opt/rocm/.info/version")).map(|v| format!("ROCm {v}"))
        } else {
            None
        },
        devices,
        ..Observed::default()
    }
}

fn addresses(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root.join("sys/bus/pci/devices")) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.take(MOST).filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort_unstable();
    folders
}

fn device(root: &Path, folder: &Path) -> Option<Accelerator> {
    let class = number(&folder.join("class"))?;
    let is_display = class >> 16 == 0x03;
    let is_accelerator = class >> 16 == 0x12 || folder.join("accel").is_dir();
    if !is_display && !is_accelerator {
        return None;
    }
    let (vendor, device) = (number(&folder.join("vendor"))?, number(&folder.join("device"))?);
    match vendor {
        NVIDIA => None,
        AMD => Some(amd(root, folder, device)),
        // Intel's cards for data centres are display controllers without a display.
        INTEL if class >> 8 == 0x0380 => Some(other(folder, vendor, device, AcceleratorKind::Gpu)),
        _ if is_accelerator => Some(other(folder, vendor, device, kind_of(vendor))),
        _ => None,
    }
}

fn kind_of(vendor: u64) -> AcceleratorKind {
    match vendor {
        // Habana, Amazon, Google, Qualcomm, Intel, AMD's other id
        0x1da3 | 0x1d0f | 0x1ae0 | 0x17cb | INTEL | 0x1022 => AcceleratorKind::Npu,
        0x10ee => AcceleratorKind::Fpga,
        _ => AcceleratorKind::Other,
    }
}

fn vendor_name(vendor: u64) -> String {
    let name = match vendor {
        AMD | 0x1022 => "AMD",
        INTEL => "Intel",
        0x1da3 => "Habana",
        0x1d0f => "Amazon",
        0x1ae0 => "Google",
        0x17cb => "Qualcomm",
        0x10ee => "Xilinx",
        _ => return format!("PCI {vendor:04x}"),
    };
    name.to_owned()
}

/// A device of which little is known: its ids and its driver's name are its model.
fn other(folder: &Path, vendor: u64, device: u64, kind: AcceleratorKind) -> Accelerator {
    let driver = std::fs::read_link(folder.join("driver")).ok();
    let driver = driver.as_deref().and_then(|path| path.file_name()?.to_str());
    let ids = format!("{vendor:04x}:{device:04x}");
    let model = driver.map_or(ids.clone(), |driver| format!("{ids} ({driver})"));
    Accelerator { pcie: pcie(folder), ..blank(kind, vendor_name(vendor), model) }
}

fn amd(root: &Path, folder: &Path, device: u64) -> Accelerator {
    let model = line(&folder.join("product_name")).unwrap_or_else(|| format!("{AMD:04x}:{device:04x}"));
    let node = kfd_node(root, folder);
    let property =
        |name: &str| node.as_ref().and_then(|node| node.get(name).copied()).filter(|value| *value > 0);
    let clocks = [("sm", "pp_dpm_sclk"), ("memory", "pp_dpm_mclk")]
        .into_iter()
        .filter_map(|(domain, file)| Some((domain.to_owned(), highest_clock(&text(&folder.join(file))?)?)));
    Accelerator {
        memory: number(&folder.join("mem_info_vram_total")),
        units: property("simd_count").zip(property("simd_per_cu")).map(|(all, per_unit)| all / per_unit),
        capability: property("gfx_target_version").map(gfx_name),
        clocks: clocks.collect(),
        pcie: pcie(folder),
        power_limit: power_limit(folder),
        ..blank(AcceleratorKind::Gpu, "AMD".into(), model)
    }
}

pub(super) fn blank(kind: AcceleratorKind, vendor: String, model: String) -> Accelerator {
    Accelerator {
        kind,
        vendor,
        model,
        memory: None,
        units: None,
        capability: None,
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

/// The highest of the steps that a driver lists: `1: 1700Mhz *`.
fn highest_clock(steps: &str) -> Option<u64> {
    let clock = |line: &str| -> Option<u64> {
        let value = line.split_once(':')?.1.trim().trim_end_matches('*').trim();
        value.to_ascii_lowercase().strip_suffix("mhz")?.parse().ok()
    };
    steps.lines().filter_map(clock).max()
}

fn pcie(folder: &Path) -> Option<Pcie> {
    let generation = generation(&line(&folder.join("max_link_speed"))?)?;
    let width = number(&folder.join("max_link_width")).filter(|width| (1..=64).contains(width))?;
    Some(Pcie { generation, width })
}

/// The generation of a link speed such as `16.0 GT/s PCIe`.
fn generation(speed: &str) -> Option<u64> {
    let generation = match speed.split_whitespace().next()? {
        "2.5" => 1,
        "5" | "5.0" => 2,
        "8" | "8.0" => 3,
        "16" | "16.0" => 4,
        "32" | "32.0" => 5,
        "64" | "64.0" => 6,
        _ => return None,
    };
    Some(generation)
}

/// The power cap in milliwatts; the driver has it in microwatts.
fn power_limit(folder: &Path) -> Option<u64> {
    let monitors = std::fs::read_dir(folder.join("hwmon")).ok()?;
    monitors
        .take(8)
        .find_map(|monitor| number(&monitor.ok()?.path().join("power1_cap")))
        .map(|cap| cap / 1000)
}

/// The properties that the compute driver has for the device at an address (`0000:c1:00.0`).
fn kfd_node(root: &Path, folder: &Path) -> Option<BTreeMap<String, u64>> {
    let (domain, location) = location(folder.file_name()?.to_str()?)?;
    let nodes = std::fs::read_dir(root.join("sys/class/kfd/kfd/topology/nodes")).ok()?;
    nodes.take(MOST).find_map(|node| {
        let properties = parse_properties(&text(&node.ok()?.path().join("properties"))?);
        let same = properties.get("location_id") == Some(&location)
            && properties.get("domain").copied().unwrap_or(0) == domain
            && properties.get("simd_count").is_some_and(|count| *count > 0);
        same.then_some(properties)
    })
}

fn parse_properties(text: &str) -> BTreeMap<String, u64> {
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

    fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn an_amd_card() {
        let host = host(&[
            ("sys/bus/pci/devices/0000:c1:00.0/class", "0x120000\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/vendor", "0x1002\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/device", "0x74a1\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/mem_info_vram_total", "206141652992\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/pp_dpm_sclk", "0: 132Mhz *\n1: 2100Mhz\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/pp_dpm_mclk", "0: 900Mhz\n1: 1300Mhz *\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/max_link_speed", "32.0 GT/s PCIe\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/max_link_width", "16\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/hwmon/hwmon3/power1_cap", "750000000\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/unique_id", "SERIAL\n"),
            ("sys/class/kfd/kfd/topology/nodes/0/properties", "simd_count 0\nlocation_id 0\n"),
            (
                "sys/class/kfd/kfd/topology/nodes/1/properties",
                "simd_count 1216\nsimd_per_cu 4\ngfx_target_version 90402\nlocation_id 49408\ndomain 0\n",
            ),
            ("sys/module/amdgpu/version", "6.8.5\n"),
            ("opt/rocm/.info/version", "6.2.0-66\n"),
        ]);
        let observed = observe(host.path());
        let expected = Accelerator {
            memory: Some(206_141_652_992),
            units: Some(304),
            capability: Some("gfx942".into()),
            clocks: BTreeMap::from([("memory".into(), 1300), ("sm".into(), 2100)]),
            pcie: Some(Pcie { generation: 5, width: 16 }),
            power_limit: Some(750_000),
            ..blank(AcceleratorKind::Gpu, "AMD".into(), "1002:74a1".into())
        };
        assert_eq!(observed.devices, [expected]);
        assert_eq!(
            (observed.driver.as_deref(), observed.runtime.as_deref()),
            (Some("6.8.5"), Some("ROCm 6.2.0-66"))
        );
    }

    #[test]
    fn other_devices_by_their_ids() {
        let mut files = Vec::new();
        for (address, class, vendor) in [
            ("0000:00:02.0", "0x030000", "0x8086"), // graphics of a desktop processor
            ("0000:01:00.0", "0x030200", "0x10de"), // NVIDIA
            ("0000:02:00.0", "0x020000", "0x8086"), // a network card
            ("0000:03:00.0", "0x120000", "0x1da3"),
            ("0000:04:00.0", "0x038000", "0x8086"),
            ("0000:05:00.0", "0x120000", "0xabcd"),
            ("0000:06:00.0", "rubbish", "0xabcd"),
        ] {
            for (name, text) in [("class", class), ("vendor", vendor), ("device", "0x1020")] {
                files.push((format!("sys/bus/pci/devices/{address}/{name}"), text));
            }
        }
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (path.as_str(), *text)).collect();
        let host = host(&files);
        #[cfg(unix)]
        std::os::unix::fs::symlink(
            "../../../bus/pci/drivers/habanalabs",
            host.path().join("sys/bus/pci/devices/0000:03:00.0/driver"),
        )
        .unwrap();
        let observed = observe(host.path());
        let seen: Vec<_> =
            observed.devices.iter().map(|d| (d.kind, d.vendor.as_str(), d.model.as_str())).collect();
        assert_eq!(
            seen,
            [
                (AcceleratorKind::Npu, "Habana", "1da3:1020 (habanalabs)"),
                (AcceleratorKind::Gpu, "Intel", "8086:1020"),
                (AcceleratorKind::Other, "PCI abcd", "abcd:1020"),
            ]
        );
    }

    #[test]
    fn no_bus_is_no_device() {
        assert_eq!(observe(Path::new("/nowhere")), Observed::default());
    }

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
        assert_eq!(generation("64.0 GT/s PCIe"), Some(6));
    }
}
