//! NVIDIA's accelerators, through the driver's own library, which is loaded by name as any program would.
//!
//! No library means no devices, and is no gap. The driver is asked in a thread of its own: a driver that hangs costs
//! the time limit and no more, and its thread is left behind. A field that a device does not have is absent.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use nvml_wrapper::enum_wrappers::device::Clock;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};

use crate::capture::accelerators::Observed;
use crate::object::{Accelerator, AcceleratorKind, Pcie};

/// Which library to ask.
#[derive(Clone, Debug)]
pub(super) enum Library {
    /// The driver's, found by its name.
    Driver,
    /// Another, for tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "tests alone have another"))]
    At(PathBuf),
}

/// More links than any device has.
const MOST_LINKS: u32 = 32;

/// Asks the driver for its devices, for a limited time.
pub(super) fn observe(library: Library, limit: Duration) -> Observed {
    let (sender, receiver) = mpsc::sync_channel(1);
    let ask = move || {
        let nvml = match load(&library) {
            Ok(nvml) => nvml,
            Err(gap) => {
                return drop(
                    sender.send(Observed { gaps: gap.into_iter().collect(), ..Observed::default() }),
                );
            }
        };
        // To shut the driver down takes time that nobody waits for.
        let _ = sender.send(all(&nvml));
    };
    let gap = |text: String| Observed { gaps: vec![text], ..Observed::default() };
    if std::thread::Builder::new().name("nvml".into()).spawn(ask).is_err() {
        return gap("NVIDIA: no thread to ask the driver with".into());
    }
    match receiver.recv_timeout(limit) {
        Ok(observed) => observed,
        Err(mpsc::RecvTimeoutError::Timeout) => {
            gap(format!("NVIDIA: the driver did not answer within {} s", limit.as_secs_f64()))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => gap("NVIDIA: the driver's library failed".into()),
    }
}

/// Loads and starts the library; `Err(None)` if there is none.
pub(super) fn load(library: &Library) -> Result<Nvml, Option<String>> {
    let loaded = match library {
        Library::Driver => Nvml::init(),
        Library::At(path) => Nvml::builder().lib_path(path.as_os_str()).init(),
    };
    loaded.map_err(|error| match error {
        NvmlError::LibloadingError(error) if is_absent(&error.to_string()) => None,
        // What the loader says has paths of this machine.
        NvmlError::LibloadingError(_) => Some("NVIDIA: the driver's library cannot be loaded".into()),
        error => Some(format!("NVIDIA: {error}")),
    })
}

/// Whether the loader says that there is no such library, or that it loads none at all (a static program).
fn is_absent(problem: &str) -> bool {
    cfg!(windows)
        || ["No such file", "not supported", "dlopen failed"].iter().any(|text| problem.contains(text))
}

fn all(nvml: &Nvml) -> Observed {
    let mut observed = Observed {
        driver: nvml.sys_driver_version().ok(),
        runtime: nvml.sys_cuda_driver_version().ok().map(|v| format!("CUDA {}.{}", v / 1000, v % 1000 / 10)),
        ..Observed::default()
    };
    let count = nvml.device_count().unwrap_or_else(|error| {
        observed.gaps.push(format!("NVIDIA: {error}"));
        0
    });
    for index in 0..count.min(1024) {
        match nvml.device_by_index(index) {
            Ok(device) => {
                let address = device.pci_info().ok().map(|pci| pci.bus_id);
                for accelerator in with_instances(&device) {
                    observed.devices.push(accelerator);
                    observed.addresses.push(address.clone());
                }
            }
            Err(error) => observed.gaps.push(format!("NVIDIA device {index}: {error}")),
        }
    }
    observed
}

/// A device; or, if it is partitioned, the instances of it that this process may use.
fn with_instances(device: &Device<'_>) -> Vec<Accelerator> {
    let whole = accelerator(device);
    if whole.mig.as_deref() != Some("enabled") {
        return vec![whole];
    }
    let count = device.mig_device_count().unwrap_or(0).min(64);
    let instances = (0..count).filter_map(|index| device.mig_device_by_index(index).ok());
    let instances: Vec<Accelerator> = instances.map(|device| instance(&device, &whole)).collect();
    if instances.is_empty() { vec![whole] } else { instances }
}

/// A part of a partitioned device: its own memory and units, and else what the whole has.
fn instance(device: &Device<'_>, whole: &Accelerator) -> Accelerator {
    let attributes = device.attributes().ok();
    let memory = device.memory_info().ok().map(|memory| memory.total);
    let model = device.name().unwrap_or_else(|_| whole.model.clone());
    let by_size =
        attributes.as_ref().map(|a| format!("{}g.{}mb", a.gpu_instance_slice_count, a.memory_size_mb));
    let profile = model.split_once(" MIG ").map(|(_, profile)| profile.to_owned()).or(by_size);
    Accelerator {
        memory: memory.or_else(|| attributes.as_ref().map(|a| a.memory_size_mb << 20)),
        units: attributes.as_ref().map(|a| a.multiprocessor_count.into()),
        mig: profile.or_else(|| whole.mig.clone()),
        // It has a share of the memory's bandwidth.
        bandwidth: None,
        model,
        ..whole.clone()
    }
}

fn accelerator(device: &Device<'_>) -> Accelerator {
    let capability = device.cuda_compute_capability().ok().map(|c| (c.major, c.minor));
    let clocks = clocks(device);
    let bus_width = device.memory_bus_width().ok().map(u64::from);
    let link = device.max_pcie_link_gen().ok().zip(device.max_pcie_link_width().ok());
    let mig = device.mig_mode().ok().map(|mode| if mode.current == 1 { "enabled" } else { "disabled" });
    let cores = device.num_cores().ok().map(u64::from);
    Accelerator {
        kind: AcceleratorKind::Gpu,
        vendor: "NVIDIA".into(),
        model: device.name().unwrap_or_else(|_| "unknown".into()),
        memory: device.memory_info().ok().map(|memory| memory.total),
        units: cores.zip(capability).and_then(|(cores, capability)| multiprocessors(cores, capability)),
        capability: capability.map(|(major, minor)| format!("{major}.{minor}")),
        bandwidth: bus_width.zip(clocks.get("memory").copied()).and_then(|(bits, mhz)| bandwidth(bits, mhz)),
        clocks,
        bus_width,
        pcie: link.map(|(generation, width)| Pcie { generation: generation.into(), width: width.into() }),
        nvlinks: nvlinks(device),
        ecc: device.is_ecc_enabled().ok().map(|state| state.currently_enabled),
        mig: mig.map(str::to_owned),
        power_limit: device.enforced_power_limit().ok().map(u64::from),
        limits: BTreeMap::new(),
    }
}

fn clocks(device: &Device<'_>) -> BTreeMap<String, u64> {
    let domains = [
        ("graphics", Clock::Graphics),
        ("sm", Clock::SM),
        ("memory", Clock::Memory),
        ("video", Clock::Video),
    ];
    let highest =
        |(name, domain): (&str, Clock)| Some((name.to_owned(), device.max_clock_info(domain).ok()?.into()));
    domains.into_iter().filter_map(highest).collect()
}

/// Active links; `None` for a device that has none.
fn nvlinks(device: &Device<'_>) -> Option<u64> {
    let states = (0..MOST_LINKS).map_while(|link| device.link_wrapper_for(link).is_active().ok());
    let states: Vec<bool> = states.collect();
    (!states.is_empty()).then(|| states.iter().filter(|active| **active).count() as u64)
}

/// Multiprocessors, from all cores and what each multiprocessor of this compute capability has of them
/// (CUDA C++ Programming Guide, "Compute Capabilities").
fn multiprocessors(cores: u64, capability: (i32, i32)) -> Option<u64> {
    let each = match capability {
        (3, _) => 192,
        (5, _) | (6, 1 | 2) => 128,
        (6, 0) | (7, _) | (8, 0) => 64,
        (8, _) | (9, _) | (10, _) | (11, _) | (12, _) => 128,
        _ => return None,
    };
    (cores > 0 && cores.is_multiple_of(each)).then_some(cores / each)
}

/// Bytes a second at the highest clock: two transfers a cycle, as the driver counts the cycles of every kind of memory.
fn bandwidth(bits: u64, mhz: u64) -> Option<u64> {
    mhz.checked_mul(1_000_000)?.checked_mul(2)?.checked_mul(bits / 8).filter(|bytes| *bytes > 0)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use std::time::Instant;

    /// Builds the library of tests that behaves as the defines say; `None`, loudly, without a compiler.
    pub(in crate::capture) fn fake(dir: &std::path::Path, defines: &[&str]) -> Option<Library> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/fake_nvml/fake_nvml.c");
        let library = dir.join("libnvidia-ml.so.1");
        let built = std::process::Command::new("cc")
            .args(["-shared", "-fPIC", "-O0", "-w", "-o"])
            .arg(&library)
            .args(defines.iter().map(|define| format!("-D{define}")))
            .arg(source)
            .status();
        match built {
            Ok(status) if status.success() => Some(Library::At(library)),
            Ok(status) => panic!("the fake library does not build: {status}"),
            Err(error) => {
                crate::skip::skipped(format!("no C compiler to build a fake library with: {error}"));
                None
            }
        }
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn two_cards() {
        let dir = tempfile::tempdir().unwrap();
        let Some(library) = fake(dir.path(), &[]) else { return };
        let observed = observe(library, LONG);
        let expected = Accelerator {
            kind: AcceleratorKind::Gpu,
            vendor: "NVIDIA".into(),
            model: "NVIDIA H100 80GB HBM3".into(),
            memory: Some(80 << 30),
            units: Some(132),
            capability: Some("9.0".into()),
            clocks: [("graphics", 1980), ("sm", 1980), ("memory", 2619), ("video", 1545)]
                .map(|(name, clock)| (name.to_owned(), clock))
                .into(),
            bus_width: Some(5120),
            bandwidth: Some(3_352_320_000_000),
            pcie: Some(Pcie { generation: 5, width: 16 }),
            nvlinks: Some(17),
            ecc: Some(true),
            mig: Some("disabled".into()),
            power_limit: Some(700_000),
            limits: BTreeMap::new(),
        };
        assert_eq!(observed.devices, [expected.clone(), expected]);
        assert_eq!(
            (observed.driver.as_deref(), observed.runtime.as_deref()),
            (Some("550.54.15"), Some("CUDA 12.4"))
        );
        let addresses = ["00000000:41:00.0", "00000000:C1:00.0"].map(|place| Some(place.to_owned()));
        assert_eq!(observed.addresses, addresses);
        assert_eq!(observed.gaps, Vec::<String>::new());
    }

    #[test]
    fn what_a_card_does_not_tell_is_absent() {
        let dir = tempfile::tempdir().unwrap();
        let Some(library) = fake(dir.path(), &["NOT_SUPPORTED"]) else { return };
        let observed = observe(library, LONG);
        let device = &observed.devices[0];
        assert_eq!(device.model, "NVIDIA H100 80GB HBM3");
        assert_eq!((device.memory, device.units, device.ecc, &device.mig), (None, None, None, &None));
        assert_eq!(
            (&device.pcie, device.nvlinks, device.power_limit, device.bandwidth),
            (&None, None, None, None)
        );
        assert!(device.clocks.is_empty() && observed.gaps.is_empty());
    }

    #[test]
    fn a_card_that_is_lost_is_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let Some(library) = fake(dir.path(), &["LOST_CARD"]) else { return };
        let observed = observe(library, LONG);
        assert_eq!(observed.devices.len(), 1);
        assert_eq!(observed.gaps.len(), 1);
        assert!(observed.gaps[0].starts_with("NVIDIA device 1: "), "{:?}", observed.gaps);
    }

    #[test]
    fn partitions_are_devices() {
        let dir = tempfile::tempdir().unwrap();
        let Some(library) = fake(dir.path(), &["MIG"]) else { return };
        let observed = observe(library, LONG);
        let seen: Vec<_> = observed
            .devices
            .iter()
            .map(|d| (d.model.as_str(), d.mig.as_deref(), d.memory, d.units))
            .collect();
        let one = ("NVIDIA H100 80GB HBM3 MIG 1g.10gb", Some("1g.10gb"), Some(10 << 30), Some(16));
        assert_eq!(seen, [one; 4], "two instances on each of two cards");
        assert_eq!(observed.devices[0].capability.as_deref(), Some("9.0"));
    }

    #[test]
    fn a_driver_that_hangs_costs_the_limit() {
        let dir = tempfile::tempdir().unwrap();
        for define in ["HANG_INIT", "HANG_NAME"] {
            let Some(library) = fake(dir.path(), &[define]) else { return };
            let start = Instant::now();
            let observed = observe(library, Duration::from_millis(200));
            assert!(start.elapsed() < Duration::from_secs(5));
            assert_eq!(observed.devices, []);
            assert_eq!(observed.gaps, ["NVIDIA: the driver did not answer within 0.2 s"]);
        }
    }

    #[test]
    fn a_driver_that_does_not_run_is_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let Some(library) = fake(dir.path(), &["NOT_LOADED"]) else { return };
        let observed = observe(library, LONG);
        assert_eq!((observed.devices.len(), observed.gaps.len()), (0, 1));
    }

    #[test]
    fn no_library_is_no_gap_and_a_broken_one_is() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("libnvidia-ml.so.1");
        assert_eq!(observe(Library::At(path.clone()), LONG), Observed::default());
        std::fs::write(&path, "not a library").unwrap();
        let observed = observe(Library::At(path), LONG);
        assert_eq!(observed.gaps, ["NVIDIA: the driver's library cannot be loaded"]);
    }

    #[test]
    fn arithmetic_of_cards() {
        assert_eq!(multiprocessors(16_896, (9, 0)), Some(132));
        assert_eq!(multiprocessors(6912, (8, 0)), Some(108));
        assert_eq!(multiprocessors(100, (8, 0)), None);
        assert_eq!(multiprocessors(128, (99, 0)), None);
        assert_eq!(bandwidth(384, 10_501), Some(1_008_096_000_000));
        assert_eq!(bandwidth(u64::MAX, u64::MAX), None);
    }
}
