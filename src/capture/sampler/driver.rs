//! The threads that talk to NVIDIA's driver: one that loads its library, then one for each card.
//!
//! Nobody waits for them. One whose call never returns is left behind, and holds up neither the other cards nor the end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};

use nvml_wrapper::enum_wrappers::device::{Clock, PcieUtilCounter, TemperatureSensor};
use nvml_wrapper::{Device, Nvml};

use crate::capture::nvml::{Library, load};
use crate::capture::sampler::Event;
use crate::capture::sampler::cards::{Ask, FromDriver, Reading};
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

/// Begins to load the library. Everything that comes of it goes to `events`.
pub(super) fn start(library: Library, events: Sender<Event>) {
    let to = events.clone();
    let begin = move || {
        let (handles, gaps, nvml) = match load(&library) {
            Ok(nvml) => {
                let (handles, gaps) = handles(&nvml);
                (handles, gaps, Some(Arc::new(nvml)))
            }
            Err(gap) => (Vec::new(), gap.into_iter().collect(), None),
        };
        let (asks, answers): (Vec<_>, Vec<_>) = handles.iter().map(|_| channel()).unzip();
        let _ = events.send(Event::Driver(FromDriver::Found { cards: asks, gaps }));
        let Some(nvml) = nvml else { return };
        for (card, (handle, asks)) in handles.into_iter().zip(answers).enumerate() {
            let (nvml, events) = (nvml.clone(), events.clone());
            let serve = move || serve(card, handle, &nvml, &asks, &events);
            // Without a thread the card's requests fail, and it is absent.
            let _ = std::thread::Builder::new().name(format!("nvml {card}")).spawn(serve);
        }
    };
    if std::thread::Builder::new().name("nvml".into()).spawn(begin).is_err() {
        let gaps = vec!["NVIDIA: no thread to ask the driver with".to_owned()];
        let _ = to.send(Event::Driver(FromDriver::Found { cards: Vec::new(), gaps }));
    }
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

/// Answers the requests for a card until nobody asks any more.
fn serve(card: usize, handle: Handle, nvml: &Nvml, asks: &Receiver<Ask>, events: &Sender<Event>) {
    let Some(device) = handle.device(nvml) else { return };
    let entries = identity(&device);
    let _ = events.send(Event::Driver(FromDriver::Identity { card, entries }));
    for ask in asks {
        let reading = read(&device, ask.is_last);
        if events.send(Event::Driver(FromDriver::Reading { card, ask, reading })).is_err() {
            return;
        }
    }
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
