//! The accelerators: NVIDIA's through the driver's library, all others through what the kernel tells of them.

use std::path::Path;

use crate::capture::pci;
use crate::object::{Accelerator, Accelerators};

/// What one source says of the accelerators that it knows.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Observed {
    pub(super) devices: Vec<Accelerator>,
    /// Where each of the devices is on the bus, as far as that is known.
    pub(super) addresses: Vec<Option<String>>,
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
    use crate::capture::{cuda, nvml};
    let mut observed = nvml::observe(nvml::Library::Driver, std::time::Duration::from_secs(2));
    limits(&mut observed, |limit| cuda::limits("libcuda.so.1".into(), limit));
    observed
}

#[cfg(not(feature = "nvml"))]
fn nvidia() -> Observed {
    Observed::default()
}

/// Fills in the limits that CUDA tells. It shows this process what `CUDA_VISIBLE_DEVICES` lets it see, in an order
/// of its own: devices are told by their addresses, and a hidden one has the limits of a visible one of its model.
#[cfg(feature = "nvml")]
fn limits(
    observed: &mut Observed,
    ask: impl Fn(std::time::Duration) -> Result<crate::capture::cuda::Limits, String>,
) {
    use crate::capture::cuda::address;
    // A partition has limits of its own, which cannot be told by the address of the whole.
    let is_whole = |device: &Accelerator| device.mig.as_deref().is_none_or(|mig| mig == "disabled");
    if !observed.devices.iter().any(is_whole) {
        return;
    }
    let found = match ask(std::time::Duration::from_secs(2)) {
        Ok(found) => found,
        Err(gap) => return observed.gaps.push(gap),
    };
    for (device, place) in observed.devices.iter_mut().zip(&observed.addresses).filter(|(it, _)| is_whole(it))
    {
        let limits = place.as_ref().and_then(|place| found.get(&address(place)));
        device.limits = limits.cloned().unwrap_or_default();
    }
    let known: Vec<Accelerator> =
        observed.devices.iter().filter(|device| !device.limits.is_empty()).cloned().collect();
    for device in observed.devices.iter_mut().filter(|device| device.limits.is_empty() && is_whole(device)) {
        let same = |other: &&Accelerator| other.model == device.model && other.units == device.units;
        device.limits = known.iter().find(same).map(|other| other.limits.clone()).unwrap_or_default();
    }
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

    #[cfg(feature = "nvml")]
    #[test]
    fn limits_find_their_devices() {
        let card = |model: &str, mig: &str| Accelerator {
            model: model.into(),
            mig: Some(mig.into()),
            ..pci::blank(crate::object::AcceleratorKind::Gpu, "NVIDIA".into(), String::new())
        };
        let devices =
            vec![card("A", "disabled"), card("B", "disabled"), card("A", "disabled"), card("A", "1g.5gb")];
        let places = ["00000000:41:00.0", "00000000:C1:00.0", "00000000:E1:00.0", "00000000:F1:00.0"];
        let addresses = places.map(|place| Some(place.to_owned())).to_vec();
        let mut observed = Observed { devices, addresses, ..Observed::default() };
        let of = |value: u64| [("multiprocessors".to_owned(), value)].into();
        let visible = [("0:c1:00.0".to_owned(), of(1)), ("0:41:00.0".to_owned(), of(2))];
        limits(&mut observed, |_| Ok(visible.clone().into()));
        let seen: Vec<Option<u64>> =
            observed.devices.iter().map(|device| device.limits.get("multiprocessors").copied()).collect();
        assert_eq!(seen, [Some(2), Some(1), Some(2), None]);
        limits(&mut observed, |_| Err("gap".into()));
        assert_eq!(observed.gaps, ["gap"]);
        let mut none = Observed::default();
        limits(&mut none, |_| Err("nobody asks where there is no device".into()));
        assert_eq!(none, Observed::default());
    }

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
