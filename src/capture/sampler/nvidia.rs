//! NVIDIA's cards, through the driver's library.

use std::collections::BTreeMap;
use std::sync::Arc;

use nvml_wrapper::enum_wrappers::device::{Clock, PcieUtilCounter, TemperatureSensor};
use nvml_wrapper::{Device, Nvml};

use crate::capture::nvml::{Library, load};
use crate::capture::sampler::cards::Reading;
use crate::capture::sampler::driver::{Card, Talk};
use crate::value::{Int, Value};

/// How to come to a card, or to an instance of one that is partitioned.
#[derive(Clone, Copy)]
struct Handle {
    card: u32,
    instance: Option<u32>,
}

impl Handle {
    fn device(self, nvml: &Nvml) -> Option<Device<'_>> {
        let card = nvml.device_by_index(self.card).ok()?;
        match self.instance {
            Some(instance) => card.mig_device_by_index(instance).ok(),
            None => Some(card),
        }
    }
}

/// Loads the library: its cards, and why they may not be all.
pub(super) fn cards(library: &Library) -> (Vec<Card>, Vec<String>) {
    let nvml = match load(library) {
        Ok(nvml) => Arc::new(nvml),
        Err(gap) => return (Vec::new(), gap.into_iter().collect()),
    };
    let (handles, gaps) = handles(&nvml);
    let card = |handle: Handle| {
        let nvml = nvml.clone();
        let serve = move |talk: Talk| {
            let Some(device) = handle.device(&nvml) else { return };
            talk.serve(identity(&device), |is_last| read(&device, is_last));
        };
        Card { vendor: "NVIDIA", serve: Some(Box::new(serve)) }
    };
    (handles.into_iter().map(card).collect(), gaps)
}

/// The cards in the order in which they are recorded as accelerators: the instances of a partitioned one in its place.
fn handles(nvml: &Nvml) -> (Vec<Handle>, Vec<String>) {
    let (mut handles, mut gaps) = (Vec::new(), Vec::new());
    let count = nvml.device_count().unwrap_or_else(|error| {
        gaps.push(format!("NVIDIA: {error}"));
        0
    });
    for card in 0..count.min(1024) {
        let device = match nvml.device_by_index(card) {
            Ok(device) => device,
            Err(error) => {
                gaps.push(format!("NVIDIA device {card}: {error}"));
                continue;
            }
        };
        let is_partitioned = device.mig_mode().is_ok_and(|mode| mode.current == 1);
        let most = if is_partitioned { device.mig_device_count().unwrap_or(0).min(64) } else { 0 };
        let there = (0..most).filter(|instance| device.mig_device_by_index(*instance).is_ok());
        let instances: Vec<Handle> = there.map(|n| Handle { card, instance: Some(n) }).collect();
        match instances.is_empty() {
            true => handles.push(Handle { card, instance: None }),
            false => handles.extend(instances),
        }
    }
    (handles, gaps)
}

fn identity(device: &Device<'_>) -> BTreeMap<String, Value> {
    let clock = |name: &str, clock| {
        Some((name.to_owned(), Value::Int(Int::from(u64::from(device.clock_info(clock).ok()?)))))
    };
    let uuid = device.uuid().ok().map(|uuid| ("uuid".to_owned(), Value::Text(uuid)));
    [uuid, clock("sm_clock", Clock::SM), clock("memory_clock", Clock::Memory)].into_iter().flatten().collect()
}

fn read(device: &Device<'_>, is_last: bool) -> Reading {
    let rates = device.utilization_rates().ok();
    // The driver watches the link for some 20 ms each time: too long for the end of a run.
    let traffic = |counter| if is_last { None } else { device.pcie_throughput(counter).ok() };
    Reading {
        busy: rates.as_ref().map(|rates| rates.gpu),
        memory_busy: rates.as_ref().map(|rates| rates.memory),
        memory: device.memory_info().ok().map(|memory| (memory.used, memory.total)),
        power: device.power_usage().ok(),
        temperature: device.temperature(TemperatureSensor::Gpu).ok(),
        sm_clock: device.clock_info(Clock::SM).ok(),
        throttle: device.current_throttle_reasons().ok().map(|reasons| reasons.bits()),
        received: traffic(PcieUtilCounter::Receive),
        sent: traffic(PcieUtilCounter::Send),
        energy: device.total_energy_consumption().ok(),
    }
}
