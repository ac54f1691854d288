//! Accelerators that the kernel shows on the PCI bus: AMD's by what their driver tells, others by their ids.
//!
//! NVIDIA's are left to their own library. Built-in graphics of other makers is not taken for an accelerator.
//! Everything is read below a root that tests can choose.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::capture::accelerators::Observed;
use crate::capture::small_file::{line, number};
use crate::capture::{amd, pci_names};
use crate::object::{Accelerator, AcceleratorKind, Pcie};

const AMD: u64 = 0x1002;
const NVIDIA: u64 = 0x10de;
const INTEL: u64 = 0x8086;
/// More devices than any host has on its buses.
const MOST: usize = 4096;

/// The accelerators on the bus below this root, in the order of their addresses.
pub(super) fn observe(root: &Path) -> Observed {
    let mut observed = Observed::default();
    for folder in devices(root) {
        let Some(device) = device(root, &folder) else { continue };
        let (version, runtime) = match device.vendor.as_str() {
            "AMD" if device.kind == AcceleratorKind::Gpu => amd::versions(root),
            _ => (driver_version(root, &folder), None),
        };
        observed.driver = observed.driver.or(version);
        observed.runtime = observed.runtime.or(runtime);
        observed.devices.push(device);
    }
    observed
}

/// The folders of all accelerators, in the order in which [`observe`] tells of them.
pub(super) fn devices(root: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(root.join("sys/bus/pci/devices")) else { return Vec::new() };
    let mut folders: Vec<PathBuf> = entries.take(MOST).filter_map(|entry| Some(entry.ok()?.path())).collect();
    folders.sort_unstable();
    folders.retain(|folder| ids(folder).is_some());
    folders
}

/// Maker, device and kind of an accelerator; `None` for what is none, and for NVIDIA's.
fn ids(folder: &Path) -> Option<(u64, u64, AcceleratorKind)> {
    let class = number(&folder.join("class"))?;
    let is_display = class >> 16 == 0x03;
    let is_accelerator = class >> 16 == 0x12 || folder.join("accel").is_dir();
    if !is_display && !is_accelerator {
        return None;
    }
    let (maker, device) = (number(&folder.join("vendor"))?, number(&folder.join("device"))?);
    let kind = match maker {
        NVIDIA => return None,
        AMD => AcceleratorKind::Gpu,
        // Intel's cards for data centres are display controllers without a display.
        INTEL if class >> 8 == 0x0380 => AcceleratorKind::Gpu,
        _ if is_accelerator => kind_of(maker),
        _ => return None,
    };
    Some((maker, device, kind))
}

/// Whether a folder is that of a card of AMD's, which tells more than others.
pub(super) fn is_amd(folder: &Path) -> bool {
    ids(folder).is_some_and(|(maker, _, _)| maker == AMD)
}

fn device(root: &Path, folder: &Path) -> Option<Accelerator> {
    match ids(folder)? {
        (AMD, device, _) => Some(amd(root, folder, device)),
        (maker, device, kind) => Some(other(folder, (maker, device), kind)),
    }
}

/// Name and version of a device's driver, where it has a version of its own.
fn driver_version(root: &Path, folder: &Path) -> Option<String> {
    let driver = driver(folder)?;
    let version = line(&root.join("sys/module").join(&driver).join("version"))?;
    (version.len() < 100 && !version.contains(char::is_control)).then(|| format!("{driver} {version}"))
}

fn kind_of(vendor: u64) -> AcceleratorKind {
    match vendor {
        // Habana, Amazon, Google, Qualcomm, Huawei, Tenstorrent, Intel, AMD's other number
        0x1da3 | 0x1d0f | 0x1ae0 | 0x17cb | 0x19e5 | 0x1e52 | INTEL | 0x1022 => AcceleratorKind::Npu,
        0x10ee => AcceleratorKind::Fpga,
        _ => AcceleratorKind::Other,
    }
}

/// A device by its name or its ids, with the name of its driver.
fn other(folder: &Path, ids: (u64, u64), kind: AcceleratorKind) -> Accelerator {
    let name = pci_names::device(ids.0, ids.1);
    let model = driver(folder).map_or(name.clone(), |driver| format!("{name} ({driver})"));
    Accelerator { pcie: pcie(folder), ..blank(kind, pci_names::maker(ids.0), model) }
}

/// The name of a device's driver.
fn driver(folder: &Path) -> Option<String> {
    let driver = std::fs::read_link(folder.join("driver")).ok()?;
    let name = driver.file_name()?.to_str()?.to_owned();
    name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_".contains(&b)).then_some(name)
}

fn amd(root: &Path, folder: &Path, device: u64) -> Accelerator {
    let told = line(&folder.join("product_name")).filter(|name| !name.contains(char::is_control));
    let model = told.unwrap_or_else(|| pci_names::device(AMD, device));
    let blank = blank(AcceleratorKind::Gpu, "AMD".into(), model);
    amd::complete(root, folder, Accelerator { pcie: pcie(folder), ..blank })
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
                "simd_count 1216\nsimd_per_cu 4\ngfx_target_version 90402\nlocation_id 49408\ndomain 0\n\
                 lds_size_in_kb 64\nwave_front_size 64\nmax_waves_per_simd 8\nunique_id 123\nvendor_id 4098\n",
            ),
            ("sys/class/kfd/kfd/topology/nodes/1/mem_banks/0/properties", "heap_type 1\nwidth 8192\n"),
            ("sys/class/kfd/kfd/topology/nodes/1/io_links/0/properties", "type 2\nnode_to 0\n"),
            ("sys/class/kfd/kfd/topology/nodes/1/io_links/1/properties", "type 11\nnode_to 2\n"),
            ("sys/class/kfd/kfd/topology/nodes/1/io_links/2/properties", "type 11\nnode_to 3\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/current_compute_partition", "SPX\n"),
            ("sys/bus/pci/devices/0000:c1:00.0/current_memory_partition", "NPS1\n"),
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
            bus_width: Some(8192),
            nvlinks: Some(2),
            mig: Some("SPX, NPS1".into()),
            limits: [
                ("lds_size_in_kb", 64),
                ("max_waves_per_simd", 8),
                ("simd_count", 1216),
                ("simd_per_cu", 4),
                ("wave_front_size", 64),
            ]
            .map(|(name, limit)| (name.to_owned(), limit))
            .into(),
            ..blank(AcceleratorKind::Gpu, "AMD".into(), "AMD Instinct MI300X".into())
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
            ("0000:07:00.0", "0x0b4000", "0x1ae0"), // in `/sys/class/accel`
        ] {
            for (name, text) in [("class", class), ("vendor", vendor), ("device", "0x1020")] {
                files.push((format!("sys/bus/pci/devices/{address}/{name}"), text));
            }
        }
        files.push(("sys/module/habanalabs/version".into(), "1.17.0-495a5c0"));
        files.push(("sys/bus/pci/devices/0000:07:00.0/accel/accel0/dev".into(), "261:0"));
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
                (AcceleratorKind::Npu, "Habana", "Gaudi2 (habanalabs)"),
                (AcceleratorKind::Gpu, "Intel", "8086:1020"),
                (AcceleratorKind::Other, "PCI abcd", "abcd:1020"),
                (AcceleratorKind::Npu, "Google", "1ae0:1020"),
            ]
        );
        assert_eq!(observed.driver.as_deref(), Some("habanalabs 1.17.0-495a5c0"));
    }

    #[test]
    fn no_bus_is_no_device() {
        assert_eq!(observe(Path::new("/nowhere")), Observed::default());
    }

    #[test]
    fn speeds_of_links() {
        assert_eq!((generation("64.0 GT/s PCIe"), generation("Unknown")), (Some(6), None));
    }
}
