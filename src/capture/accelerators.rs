//! The accelerators: NVIDIA's through the driver's library, all others through what the kernel tells of them.

use std::path::Path;

use crate::capture::pci;
use crate::object::{Accelerator, Accelerators};

/// What one source says of the accelerators that it knows.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Observed {
    pub(super) devices: Vec<Accelerator>,
    pub(super) driver: Option<String>,
    pub(super) runtime: Option<String>,
    /// Why the devices may not be all.
    pub(super) gaps: Vec<String>,
}

/// All accelerators of this host.
pub(super) fn observe() -> Accelerators {
    combine(nvidia(), pci::observe(Path::new("/")))
}

#[cfg(feature = "nvml")]
fn nvidia() -> Observed {
    crate::capture::nvml::observe(crate::capture::nvml::Library::Driver, std::time::Duration::from_secs(2))
}

#[cfg(not(feature = "nvml"))]
fn nvidia() -> Observed {
    Observed::default()
}

fn combine(first: Observed, second: Observed) -> Accelerators {
    let gaps: Vec<String> = first.gaps.into_iter().chain(second.gaps).collect();
    Accelerators {
        devices: first.devices.into_iter().chain(second.devices).collect(),
        driver: first.driver.or(second.driver),
        runtime: first.runtime.or(second.runtime),
        libraries: None,
        gap: (!gaps.is_empty()).then(|| gaps.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gaps_of_all_sources_are_told() {
        let with =
            |gap: &str| Observed { gaps: vec![gap.into()], driver: Some(gap.into()), ..Observed::default() };
        let both = combine(with("a"), with("b"));
        assert_eq!((both.gap.as_deref(), both.driver.as_deref()), (Some("a; b"), Some("a")));
        let none = combine(Observed::default(), Observed::default());
        assert_eq!((none.devices, none.driver, none.gap), (vec![], None, None));
    }
}
