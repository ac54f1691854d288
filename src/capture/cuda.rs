//! The limits that kernels are tuned to, as NVIDIA's CUDA driver library tells them. It is loaded at run time.
//!
//! Only attributes are asked for: no context is made, so that nothing is taken of a device's memory, also not of a
//! device in exclusive mode. As with the management library, it is asked in a thread of its own for a bounded time,
//! and never unloaded: a driver's threads may outlive the question.

use std::collections::BTreeMap;
use std::ffi::{CStr, c_char, c_int, c_uint};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

use libloading::Library;

/// Limits by name, of the devices by their addresses on the PCI bus.
pub(super) type Limits = BTreeMap<String, BTreeMap<String, u64>>;

/// Names here, and `CUdevice_attribute` (CUDA Driver API, "Data types used by CUDA driver").
const ATTRIBUTES: &[(&str, c_int)] = &[
    ("threads_per_block", 1),
    ("block_x", 2),
    ("block_y", 3),
    ("block_z", 4),
    ("grid_x", 5),
    ("grid_y", 6),
    ("grid_z", 7),
    ("shared_memory_per_block", 8),
    ("warp_size", 10),
    ("registers_per_block", 12),
    ("multiprocessors", 16),
    ("l2_cache", 38),
    ("threads_per_multiprocessor", 39),
    ("shared_memory_per_multiprocessor", 81),
    ("registers_per_multiprocessor", 82),
    ("shared_memory_per_block_optin", 97),
    ("blocks_per_multiprocessor", 106),
];

const SUCCESS: c_int = 0;
/// No device that this process may see, as with an empty `CUDA_VISIBLE_DEVICES`.
const NO_DEVICE: c_int = 100;

/// Asks the library at this path or of this name, for a limited time. No library means no limits, and is no gap.
pub(super) fn limits(library: PathBuf, limit: Duration) -> Result<Limits, String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    let ask = move || drop(sender.send(ask(&library)));
    let gap = |text: &str| format!("NVIDIA: {text}: limits are unknown");
    if std::thread::Builder::new().name("cuda".into()).spawn(ask).is_err() {
        return Err(gap("no thread to ask CUDA with"));
    }
    match receiver.recv_timeout(limit) {
        Ok(Ok(limits)) => Ok(limits),
        Ok(Err(code)) => Err(gap(&format!("CUDA says error {code}"))),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            Err(gap(&format!("CUDA did not answer within {} s", limit.as_secs_f64())))
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => Err(gap("CUDA failed")),
    }
}

/// An address as every library can be brought to write it: `0:41:00.0`.
pub(super) fn address(text: &str) -> String {
    let text = text.trim().to_ascii_lowercase();
    match text.split_once(':') {
        Some((domain, rest)) => {
            let domain = domain.trim_start_matches('0');
            format!("{}:{rest}", if domain.is_empty() { "0" } else { domain })
        }
        None => text,
    }
}

/// The functions of the library that are asked.
struct Cuda {
    init: extern "C" fn(c_uint) -> c_int,
    count: extern "C" fn(*mut c_int) -> c_int,
    device: extern "C" fn(*mut c_int, c_int) -> c_int,
    address: extern "C" fn(*mut c_char, c_int, c_int) -> c_int,
    attribute: extern "C" fn(*mut c_int, c_int, c_int) -> c_int,
}

impl Cuda {
    /// `None` if there is no such library, or if it is not CUDA's.
    fn load(path: &std::path::Path) -> Option<Self> {
        // SAFETY: what a library does when it is loaded is its own; this one is the driver's, which every program
        // that uses the accelerator loads, found by the name that all of them use.
        let library = unsafe { Library::new(path) }.ok()?;
        // Leaked on purpose, so that the functions below stay valid for as long as the process lives.
        let library: &'static Library = Box::leak(Box::new(library));
        // SAFETY: the types are those of `cuda.h`, unchanged since CUDA 4: all arguments and results are `int`, or
        // point to memory of the caller.
        unsafe {
            Some(Self {
                init: *library.get(b"cuInit\0").ok()?,
                count: *library.get(b"cuDeviceGetCount\0").ok()?,
                device: *library.get(b"cuDeviceGet\0").ok()?,
                address: *library.get(b"cuDeviceGetPCIBusId\0").ok()?,
                attribute: *library.get(b"cuDeviceGetAttribute\0").ok()?,
            })
        }
    }

    fn address(&self, device: c_int) -> Option<String> {
        let mut text = [0 as c_char; 64];
        // One less than there is, so that the text ends whatever is written.
        let done = (self.address)(text.as_mut_ptr(), text.len() as c_int - 1, device);
        let bytes = text.map(|c| c as u8);
        let text = CStr::from_bytes_until_nul(&bytes).ok()?.to_str().ok()?;
        (done == SUCCESS && !text.is_empty()).then(|| address(text))
    }

    /// The limits of a device. What it does not know, or has as no positive number, is left out.
    fn limits(&self, device: c_int) -> BTreeMap<String, u64> {
        let value = |(name, attribute): &(&str, c_int)| {
            let mut value = 0;
            let done = (self.attribute)(&mut value, *attribute, device);
            let value = u64::try_from(value).ok().filter(|value| done == SUCCESS && *value > 0)?;
            Some(((*name).to_owned(), value))
        };
        ATTRIBUTES.iter().filter_map(value).collect()
    }
}

fn ask(path: &std::path::Path) -> Result<Limits, c_int> {
    let Some(cuda) = Cuda::load(path) else { return Ok(Limits::new()) };
    match (cuda.init)(0) {
        SUCCESS => {}
        NO_DEVICE => return Ok(Limits::new()),
        code => return Err(code),
    }
    let mut count = 0;
    match (cuda.count)(&mut count) {
        SUCCESS => {}
        code => return Err(code),
    }
    let device = |ordinal| {
        let mut device = 0;
        let done = (cuda.device)(&mut device, ordinal);
        (done == SUCCESS).then_some(device)
    };
    let devices = (0..count.clamp(0, 1024)).filter_map(device);
    Ok(devices.filter_map(|device| Some((cuda.address(device)?, cuda.limits(device)))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    /// Builds the library of tests; `None`, loudly, without a compiler.
    fn fake(dir: &Path, define: &str) -> Option<PathBuf> {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/fake_cuda/fake_cuda.c");
        let library = dir.join("libcuda.so.1");
        let mut build = std::process::Command::new("cc");
        build.args(["-shared", "-fPIC", "-O0", "-o"]).arg(&library).arg(format!("-D{define}")).arg(source);
        match build.status() {
            Ok(status) if status.success() => Some(library),
            Ok(status) => panic!("the fake library does not build: {status}"),
            Err(error) => {
                crate::skip::skipped(format!("no C compiler to build a fake library with: {error}"));
                None
            }
        }
    }

    fn ask_fake(define: &str, limit: Duration) -> Option<Result<Limits, String>> {
        let dir = tempfile::tempdir().unwrap();
        Some(limits(fake(dir.path(), define)?, limit))
    }

    const LONG: Duration = Duration::from_secs(20);

    #[test]
    fn two_cards_by_their_addresses() {
        let Some(found) = ask_fake("HEALTHY", LONG) else { return };
        let found = found.unwrap();
        assert_eq!(found.keys().collect::<Vec<_>>(), ["0:41:00.0", "0:c1:00.0"]);
        let limits = &found["0:41:00.0"];
        assert_eq!(limits.len(), ATTRIBUTES.len());
        let expected = [
            ("threads_per_block", 1024),
            ("warp_size", 32),
            ("l2_cache", 50 << 20),
            ("grid_x", 2_147_483_647),
        ];
        for (name, value) in expected {
            assert_eq!(limits[name], value, "{name}");
        }
        assert_eq!(found["0:c1:00.0"]["multiprocessors"], 114, "each has its own");
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let Some(found) = ask_fake("OLD", LONG) else { return };
        let found = found.unwrap();
        assert!(found["0:41:00.0"].contains_key("warp_size"));
        assert!(!found["0:41:00.0"].contains_key("shared_memory_per_block_optin"));
        assert_eq!(ask_fake("NONE_VISIBLE", LONG), Some(Ok(Limits::new())));
    }

    #[test]
    fn errors_and_hangs_are_gaps() {
        let Some(broken) = ask_fake("BROKEN", LONG) else { return };
        assert_eq!(broken.unwrap_err(), "NVIDIA: CUDA says error 999: limits are unknown");
        let hung = ask_fake("HANG", Duration::from_millis(200)).unwrap();
        assert_eq!(hung.unwrap_err(), "NVIDIA: CUDA did not answer within 0.2 s: limits are unknown");
    }

    #[test]
    fn no_library_is_no_gap() {
        assert_eq!(limits("/nowhere/libcuda.so.1".into(), LONG), Ok(Limits::new()));
    }

    #[test]
    fn addresses_are_written_alike() {
        for text in ["00000000:C1:00.0", "0000:c1:00.0", "0:c1:00.0 "] {
            assert_eq!(address(text), "0:c1:00.0");
        }
        assert_eq!(address("0001:C1:00.0"), "1:c1:00.0");
    }
}
