//! One line of judgement: what held a run up, as far as its samples show it.

use crate::object::{AcceleratorKind, Accelerators, System};
use crate::utilisation::statistics::Statistics;
use crate::utilisation::summary::Summary;

/// What a run had to use.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// Processors that it might use, or a share of them.
    pub cores: Option<f64>,
    /// Memory that it might use, in bytes.
    pub memory: Option<u64>,
    /// Its accelerators, by index.
    pub devices: Vec<Device>,
}

/// An accelerator, as far as a judgement needs it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Device {
    /// Memory in bytes.
    pub memory: Option<u64>,
}

impl Machine {
    /// The machine that a definition describes.
    pub fn of(system: Option<&System>, accelerators: Option<&Accelerators>) -> Self {
        let cores = system.map(|system| system.limits.cpus.unwrap_or(system.cpu.threads as f64));
        let memory = system.map(|system| system.limits.memory.unwrap_or(system.memory));
        let devices = accelerators.map(|accelerators| {
            let gpus = accelerators.devices.iter().filter(|device| device.kind == AcceleratorKind::Gpu);
            gpus.map(|device| Device { memory: device.memory }).collect()
        });
        Self {
            cores: cores.filter(|cores| *cores > 0.0),
            memory: memory.filter(|bytes| *bytes > 0),
            devices: devices.unwrap_or_default(),
        }
    }
}

/// What is to be said of a run's use of its machine.
#[derive(Clone, Debug, PartialEq)]
pub struct Judgement {
    /// What it spent its time on.
    pub verdict: Verdict,
    /// The most memory that it took: of an accelerator if one was used, else of the host.
    pub peak: Option<Peak>,
    /// What else stands out.
    pub notes: Vec<Note>,
    /// How many accelerators there are, used or not.
    pub of: usize,
}

/// What a run spent its time on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Verdict {
    /// Too few samples to say anything.
    TooShort,
    /// Nothing that it says anything of was sampled.
    Unknown,
    /// Accelerators were busy nearly all of the time.
    Saturated {
        /// How busy, in per cent.
        busy: f64,
        /// How many accelerators were used.
        used: usize,
    },
    /// Accelerators were busy for a part of the time.
    Waiting {
        /// How busy, in per cent.
        busy: f64,
        /// How many accelerators were used.
        used: usize,
        /// What they waited for, as far as it shows.
        on: Wait,
    },
    /// There are accelerators, and none was used.
    Idle {
        /// What the processors did meanwhile.
        host: Wait,
    },
    /// There is no accelerator.
    Processors(Wait),
}

/// What holds up the work that processors do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Wait {
    /// One core has no time left.
    OneCore {
        /// The use of processors, in per cent of one core.
        cpu: f64,
        /// How many cores there are.
        cores: Option<f64>,
    },
    /// No core has time left.
    AllCores {
        /// The use of processors, in per cent of one core.
        cpu: f64,
        /// How many cores there are.
        cores: f64,
    },
    /// Processors have time while the disk is read or written.
    Disk {
        /// The use of processors, in per cent of one core.
        cpu: f64,
        /// Bytes a second that are read.
        read: f64,
        /// Bytes a second that are written.
        written: f64,
    },
    /// Some cores are busy, others are not.
    SomeCores {
        /// The use of processors, in per cent of one core.
        cpu: f64,
        /// How many cores there are.
        cores: Option<f64>,
    },
    /// The use of processors was not sampled.
    Unseen,
}

/// The most memory in use, in bytes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Peak {
    /// The most that was in use at a sample.
    pub used: f64,
    /// Of how much.
    pub of: Option<u64>,
}

/// Something that stands out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Note {
    /// The memory of an accelerator is nearly full.
    DeviceMemoryFull {
        /// The accelerator.
        index: usize,
    },
    /// The host's memory, or what the container may use of it, is nearly full.
    MemoryFull,
    /// Clocks were held down by the power limit, for this share of the time.
    HeldByPower(f64),
    /// Clocks were held down by heat, for this share of the time.
    HeldByHeat(f64),
    /// Clocks were held down by the hardware, which does not say why, for this share of the time.
    HeldByHardware(f64),
}

/// Fewer samples say nothing: the first of them is from before the work began.
const LEAST_SAMPLES: u64 = 5;
/// An accelerator is saturated from so many per cent on.
const SATURATED: f64 = 85.0;
/// An accelerator that never is busier than this was not used.
const UNUSED: f64 = 5.0;
/// Memory is nearly full from this share on.
const FULL: f64 = 0.95;
/// Clocks that are held down for a smaller share of the time are nothing to speak of.
const HELD: f64 = 0.2;
/// Bytes a second from which on a disk is worth naming.
const DISK: f64 = 10e6;
/// One busy core, in per cent.
const CORE: std::ops::RangeInclusive<f64> = 85.0..=125.0;

/// What the summary of a run says of its use of a machine.
pub fn judge(summary: &Summary, machine: &Machine) -> Judgement {
    let used = used_devices(summary, machine);
    let busy = used.iter().filter_map(|index| device(summary, *index, "busy")).map(|s| s.mean);
    let busy = mean(busy.collect());
    let host = wait(summary, machine);
    let has_devices = (0..devices(summary, machine)).any(|index| device(summary, index, "busy").is_some());
    let verdict = match busy {
        _ if summary.samples.is_some_and(|samples| samples < LEAST_SAMPLES) => Verdict::TooShort,
        Some(busy) if busy >= SATURATED => Verdict::Saturated { busy, used: used.len() },
        Some(busy) => Verdict::Waiting { busy, used: used.len(), on: host },
        None if has_devices => Verdict::Idle { host },
        None if host == Wait::Unseen || devices(summary, machine) > 0 => Verdict::Unknown,
        None => Verdict::Processors(host),
    };
    Judgement {
        verdict,
        peak: peak(summary, machine, &used),
        notes: notes(summary, machine, &used),
        of: devices(summary, machine),
    }
}

fn mean(values: Vec<f64>) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

fn named<'a>(summary: &'a Summary, name: &str) -> Option<&'a Statistics> {
    summary.whole.statistics.get(name)
}

fn device<'a>(summary: &'a Summary, index: usize, what: &str) -> Option<&'a Statistics> {
    named(summary, &format!("gpu{index}.{what}"))
}

/// How many accelerators there are, as far as the machine or the samples tell.
fn devices(summary: &Summary, machine: &Machine) -> usize {
    let number = |name: &String| name.strip_prefix("gpu")?.split_once('.')?.0.parse::<usize>().ok();
    let sampled = summary.whole.statistics.keys().filter_map(number).max().map_or(0, |index| index + 1);
    sampled.max(machine.devices.len()).min(4096)
}

/// The accelerators that did something.
fn used_devices(summary: &Summary, machine: &Machine) -> Vec<usize> {
    let is_used = |index: &usize| device(summary, *index, "busy").is_some_and(|busy| busy.peak > UNUSED);
    (0..devices(summary, machine)).filter(is_used).collect()
}

/// What holds up the processors' part of the work.
fn wait(summary: &Summary, machine: &Machine) -> Wait {
    let Some(cpu) = named(summary, "process.cpu").map(|cpu| cpu.median) else { return Wait::Unseen };
    let rate = |name: &str| named(summary, name).map_or(0.0, |rate| rate.mean);
    let (read, written) = (rate("process.read"), rate("process.written"));
    match machine.cores {
        Some(cores) if cores > 1.0 && cpu >= 0.85 * 100.0 * cores => Wait::AllCores { cpu, cores },
        cores if CORE.contains(&cpu) => Wait::OneCore { cpu, cores },
        _ if cpu < *CORE.start() && read.max(written) >= DISK => Wait::Disk { cpu, read, written },
        cores => Wait::SomeCores { cpu, cores },
    }
}

fn peak(summary: &Summary, machine: &Machine, used: &[usize]) -> Option<Peak> {
    let of_device = |index: &usize| {
        let used = device(summary, *index, "memory_used")?.peak;
        Some(Peak { used, of: machine.devices.get(*index).and_then(|device| device.memory) })
    };
    let devices = used.iter().filter_map(of_device).max_by(|a, b| a.used.total_cmp(&b.used));
    devices.or_else(|| process_memory(summary, machine))
}

/// Pages that processes share are in it once for each: it is no more than there is.
fn process_memory(summary: &Summary, machine: &Machine) -> Option<Peak> {
    let used = named(summary, "process.memory")?.peak;
    let used = machine.memory.map_or(used, |of| used.min(of as f64));
    Some(Peak { used, of: machine.memory })
}

fn notes(summary: &Summary, machine: &Machine, used: &[usize]) -> Vec<Note> {
    let is_full = |peak: f64, of: Option<u64>| of.is_some_and(|of| peak >= FULL * of as f64);
    let full = used.iter().copied().filter(|index| {
        let memory = machine.devices.get(*index).and_then(|device| device.memory);
        device(summary, *index, "memory_used").is_some_and(|used| is_full(used.peak, memory))
    });
    let mut notes: Vec<Note> = full.map(|index| Note::DeviceMemoryFull { index }).collect();
    let memory = process_memory(summary, machine).filter(|peak| is_full(peak.used, peak.of));
    notes.extend(memory.map(|_| Note::MemoryFull));
    let most = |share: fn(&crate::utilisation::Throttle) -> f64| {
        let of = |index: &usize| summary.whole.throttle.get(&format!("gpu{index}")).map(share);
        used.iter().filter_map(of).fold(0.0, f64::max)
    };
    let (power, heat, hardware) = (most(|t| t.power), most(|t| t.heat), most(|t| t.hardware));
    notes.extend((heat >= HELD).then_some(Note::HeldByHeat(heat)));
    notes.extend((power >= HELD).then_some(Note::HeldByPower(power)));
    let unexplained = hardware >= HELD && power < HELD && heat < HELD;
    notes.extend(unexplained.then_some(Note::HeldByHardware(hardware)));
    notes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::utilisation::Throttle;

    /// A summary of statistics that are the same all the time.
    fn steady(values: &[(&str, f64)]) -> Summary {
        let mut summary = Summary { samples: Some(100), ..Summary::default() };
        for (name, value) in values {
            let statistics =
                Statistics { mean: *value, median: *value, p95: *value, peak: *value, idle: None };
            summary.whole.statistics.insert(name.to_string(), statistics);
        }
        summary
    }

    fn machine(cores: f64, memory: u64, devices: &[u64]) -> Machine {
        let devices = devices.iter().map(|bytes| Device { memory: Some(*bytes) }).collect();
        Machine { cores: Some(cores), memory: Some(memory), devices }
    }

    fn line(values: &[(&str, f64)], machine: &Machine) -> String {
        judge(&steady(values), machine).to_string()
    }

    const GB: u64 = 1_000_000_000;

    #[test]
    fn accelerators() {
        let machine = machine(16.0, 64 * GB, &[80 * GB]);
        let gpu = |busy: f64, cpu: f64| {
            [("gpu0.busy", busy), ("gpu0.memory_used", 9.1e9), ("process.cpu", cpu), ("process.read", 4e8)]
        };
        for (values, expected) in [
            (
                gpu(31.0, 100.0),
                "GPU busy 31 %, waiting on data: CPU 100 % on 1 of 16 cores; peak 9.1 of 80 GB",
            ),
            (gpu(97.0, 100.0), "GPU busy 97 %: saturated; peak 9.1 of 80 GB"),
            (
                gpu(40.0, 1580.0),
                "GPU busy 40 %, waiting on data: CPU busy on all 16 cores; peak 9.1 of 80 GB",
            ),
            (
                gpu(40.0, 20.0),
                "GPU busy 40 %, waiting on the disk: reads 400 MB/s, CPU 20 %; peak 9.1 of 80 GB",
            ),
            (gpu(40.0, 600.0), "GPU busy 40 %; CPU 600 % (6.0 of 16 cores); peak 9.1 of 80 GB"),
            (gpu(0.0, 1590.0), "GPU idle throughout; CPU busy on all 16 cores; peak 0.4 of 64 GB"),
        ] {
            let mut values = values.to_vec();
            values.push(("process.memory", 4e8));
            assert_eq!(line(&values, &machine), expected);
        }
        let unseen = [("gpu0.busy", 50.0)];
        assert_eq!(line(&unseen, &machine), "GPU busy 50 %; what it waited for was not seen");
    }

    #[test]
    fn several_accelerators_count_if_they_were_used() {
        let machine = machine(8.0, GB, &[80 * GB; 3]);
        let values = [
            ("gpu0.busy", 90.0),
            ("gpu1.busy", 94.0),
            ("gpu2.busy", 0.0),
            ("gpu0.memory_used", 7e10),
            ("gpu1.memory_used", 7.9e10),
        ];
        let expected = "2 of 3 GPUs busy 92 %: saturated; peak 79 of 80 GB; memory of GPU 1 nearly full";
        assert_eq!(line(&values, &machine), expected);
    }

    #[test]
    fn processors() {
        let machine = machine(8.0, 64 * GB, &[]);
        for (values, expected) in [
            (vec![("process.cpu", 790.0)], "CPU busy on all 8 cores"),
            (vec![("process.cpu", 99.0)], "CPU 99 % on 1 of 8 cores"),
            (vec![("process.cpu", 410.0)], "CPU 410 % (4.1 of 8 cores)"),
            (
                vec![("process.cpu", 12.0), ("process.written", 9e7)],
                "waiting on the disk: writes 90 MB/s, CPU 12 %",
            ),
            (vec![("process.cpu", 12.0), ("process.read", 9e5)], "CPU 12 % (0.1 of 8 cores)"),
            (
                vec![("process.cpu", 99.0), ("process.memory", 6.3e10)],
                "CPU 99 % on 1 of 8 cores; peak 63 of 64 GB; memory nearly full",
            ),
            (vec![], "not enough was measured to say"),
        ] {
            assert_eq!(line(&values, &machine), expected);
        }
        let one = Machine { cores: Some(1.0), ..machine };
        assert_eq!(line(&[("process.cpu", 99.0)], &one), "CPU 99 % on 1 of 1 core");
        assert_eq!(line(&[("process.cpu", 99.0)], &Machine::default()), "CPU 99 % on 1 core");
    }

    #[test]
    fn clocks_that_are_held_down() {
        let machine = machine(8.0, GB, &[80 * GB]);
        for (throttle, expected) in [
            (
                Throttle { power: 0.43, ..Throttle::default() },
                "; clocks held by the power limit 43 % of the time",
            ),
            (
                Throttle { heat: 0.5, hardware: 0.5, ..Throttle::default() },
                "; clocks held by heat 50 % of the time",
            ),
            (
                Throttle { hardware: 1.0, ..Throttle::default() },
                "; clocks held by the hardware 100 % of the time",
            ),
            (Throttle { power: 0.1, heat: 0.1, hardware: 0.1 }, ""),
        ] {
            let mut summary = steady(&[("gpu0.busy", 95.0)]);
            summary.whole.throttle.insert("gpu0".into(), throttle);
            assert_eq!(judge(&summary, &machine).to_string(), format!("GPU busy 95 %: saturated{expected}"));
        }
    }

    #[test]
    fn nothing_is_claimed_of_too_little() {
        let mut summary = steady(&[("gpu0.busy", 95.0)]);
        summary.samples = Some(4);
        assert_eq!(judge(&summary, &Machine::default()).to_string(), "too short to judge");
        let with_device = machine(8.0, GB, &[GB]);
        assert_eq!(judge(&steady(&[("process.cpu", 99.0)]), &with_device).verdict, Verdict::Unknown);
    }
}
