//! The verdict on a device: what was recorded against what is known of it.

use crate::fit::advice::{self, Advice, Caveat};
use crate::fit::device::{Architecture, Device, Format};
use crate::fit::evidence::{Build, FormatEvidence, Toolkit, builds, formats, preallocates};
use crate::fit::finding::{Finding, Gap, Need, Reason, Verdict};
use crate::fit::recorded::Recorded;
use crate::fit::speed::{Speed, Unestimated, estimate};
use crate::fit::table::{Devices, recorded};
use crate::fit::version::Version;

/// A device that is asked about.
#[derive(Clone, Debug, PartialEq)]
pub struct Target {
    /// The device.
    pub device: Device,
    /// How many cards; as many as were used, if nothing is said.
    pub cards: Option<u64>,
    /// The driver branch that is installed, if a machine is asked about.
    pub driver: Option<u32>,
    /// The memory of its host.
    pub host_memory: Option<u64>,
}

impl Target {
    /// The device alone, in any machine.
    pub fn any(device: Device, cards: Option<u64>) -> Self {
        Self { device, cards, driver: None, host_memory: None }
    }

    /// The first accelerator of a recorded machine, and as many cards as it has of that model.
    pub fn machine(machine: &crate::fit::Machine, known: &Devices, run: &str) -> Option<Self> {
        let accelerators = machine.accelerators.as_ref()?;
        let first = accelerators.devices.first()?;
        let cards = accelerators.devices.iter().filter(|device| device.model == first.model).count();
        let device = recorded(first, known.of_model(&first.model), run)?;
        let driver = accelerators.driver.as_deref().and_then(Version::leading);
        let is_cuda = matches!(device.architecture, Some(Architecture::Cuda(_)));
        Some(Self {
            device,
            cards: Some(cards as u64),
            driver: driver.filter(|_| is_cuda).map(|version| version.major),
            host_memory: machine.memory,
        })
    }
}

/// A device, judged.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The device.
    pub device: Device,
    /// How many cards of it.
    pub cards: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// What it rests on, memory first.
    pub reasons: Vec<Reason>,
    /// An estimate of relative speed, or why there is none.
    pub speed: Result<Speed, Unestimated>,
}

/// What was recorded, and how it fits.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The model of the accelerators that the run used.
    pub model: Option<String>,
    /// Their capacity in bytes.
    pub capacity: Option<u64>,
    /// How many the run used.
    pub used: u64,
    /// The most memory that one of them held.
    pub peak: Option<u64>,
    /// The share of time in which they were busy.
    pub busy: Option<f64>,
    /// Whether the run used no accelerator.
    pub processor_alone: bool,
    /// What the commit lacks to say anything of memory.
    pub gap: Option<Gap>,
    /// Number formats that parameters name.
    pub formats: Vec<FormatEvidence>,
    /// What packages were built for.
    pub builds: Vec<Build>,
    /// The devices, in the order in which they were asked about.
    pub fits: Vec<Fit>,
    /// What would help.
    pub advice: Vec<Advice>,
    /// What else to know before believing it.
    pub caveats: Vec<Caveat>,
}

/// What is known of the run, put together once.
pub(super) struct Basis<'a> {
    pub(super) recorded: &'a Recorded,
    pub(super) model: Option<String>,
    /// The kind of card that was used, if it was one kind and the table has it.
    pub(super) device: Option<Device>,
    pub(super) capacity: Option<u64>,
    pub(super) used: u64,
    pub(super) peak: Option<u64>,
    sum: u64,
    pub(super) busy: Option<f64>,
    linked: bool,
    pub(super) alone: bool,
    gap: Option<Gap>,
    pub(super) formats: Vec<FormatEvidence>,
    pub(super) builds: Vec<Build>,
    preallocates: Option<&'static str>,
}

/// Judges every target.
pub fn judge(recorded: &Recorded, known: &Devices, targets: Vec<Target>) -> Report {
    let basis = Basis::of(recorded, known);
    let fits: Vec<Fit> = targets.into_iter().map(|target| basis.fit(target)).collect();
    let (advice, caveats) = (advice::advice(&basis, &fits), advice::caveats(&basis, &fits));
    Report {
        model: basis.model,
        capacity: basis.capacity,
        used: basis.used,
        peak: basis.peak,
        busy: basis.busy,
        processor_alone: basis.alone,
        gap: basis.gap,
        formats: basis.formats,
        builds: basis.builds,
        fits,
        advice,
        caveats,
    }
}

impl<'a> Basis<'a> {
    fn of(recorded: &'a Recorded, known: &Devices) -> Self {
        let accelerators = recorded.machine.accelerators.as_ref();
        let there = accelerators.map(|it| it.devices.as_slice()).unwrap_or_default();
        let used = recorded.usage.as_ref().map(|usage| usage.used()).unwrap_or_default();
        let cards: Vec<_> = used.iter().filter_map(|(index, _)| there.get(*index)).collect();
        let first = cards.first().copied();
        let one_kind = first.filter(|first| cards.iter().all(|card| card.model == first.model));
        let device = one_kind.and_then(|card| {
            let known = known.of_model(&card.model)?;
            // A part of a card has a share of its figures that nobody wrote down.
            card.mig.as_deref().is_none_or(|mode| mode == "disabled").then(|| known.clone())
        });
        let peaks: Option<Vec<u64>> = used.iter().map(|(_, card)| card.memory_peak).collect();
        let busy: Option<Vec<f64>> = used.iter().map(|(_, card)| card.busy).collect();
        let gap = gap(recorded);
        Self {
            recorded,
            model: first.map(|card| card.model.clone()),
            device,
            capacity: first.and_then(|card| card.memory),
            used: used.len() as u64,
            peak: peaks.as_ref().and_then(|peaks| peaks.iter().max().copied()),
            sum: peaks.iter().flatten().fold(0, |sum, peak| sum.saturating_add(*peak)),
            busy: busy.filter(|all| !all.is_empty()).map(|all| all.iter().sum::<f64>() / all.len() as f64),
            linked: cards.iter().any(|card| card.nvlinks.is_some_and(|links| links > 0)),
            alone: gap.is_none() && used.is_empty(),
            gap,
            formats: formats(&recorded.params),
            builds: builds(&recorded.packages),
            preallocates: preallocates(&recorded.packages, &recorded.variables),
        }
    }

    fn fit(&self, target: Target) -> Fit {
        let cards = target.cards.unwrap_or(self.used).max(1);
        let mut reasons = vec![self.memory(target.device.memory.capacity(), cards)];
        if !self.alone {
            reasons.extend(self.unfinished());
            reasons.extend(self.host(&target));
            // What was recorded on this architecture needs no table to say that it runs there.
            if self.architecture() != target.device.architecture.as_ref() || self.architecture().is_none() {
                reasons.extend(self.formats(&target.device));
                reasons.extend(self.builds.iter().filter_map(|build| built(build, &target.device)));
            }
            reasons.extend(self.driver(&target));
            reasons.extend(self.link(&target.device, cards));
        }
        let verdict = reasons.iter().map(|reason| reason.verdict).max().unwrap_or(Verdict::Unknown);
        let speed = self.speed(&target.device, cards);
        Fit { device: target.device, cards, verdict, reasons, speed }
    }

    fn architecture(&self) -> Option<&Architecture> {
        self.device.as_ref()?.architecture.as_ref()
    }

    fn memory(&self, capacity: u64, cards: u64) -> Reason {
        let because = |verdict, finding| Reason { verdict, finding };
        if self.alone {
            return because(Verdict::Fits, Finding::ProcessorAlone);
        }
        let Some(peak) = self.peak.filter(|_| self.gap.is_none()) else {
            return because(Verdict::Unknown, Finding::Missing(self.gap.unwrap_or(Gap::Memory)));
        };
        if let Some(framework) = self.preallocates {
            let verdict = if peak <= capacity { Verdict::Fits } else { Verdict::Unknown };
            return because(verdict, Finding::Preallocated { framework, peak, capacity });
        }
        let each = self.sum.div_ceil(cards);
        let verdict = self.room(peak, capacity);
        if cards < self.used && verdict != Verdict::DoesNotFit {
            let verdict = if self.room(each, capacity) == Verdict::Fits { verdict } else { Verdict::Unknown };
            return because(verdict, Finding::Fewer { used: self.used, peak, each, capacity });
        }
        because(verdict, Finding::Memory { peak, capacity })
    }

    /// A tenth is left free: samples miss short peaks, and a driver keeps some. A fifth, if there are few samples.
    fn room(&self, peak: u64, capacity: u64) -> Verdict {
        let spare = if advice::few_samples(self.recorded).is_some() { capacity / 5 } else { capacity / 10 };
        match peak {
            _ if peak > capacity => Verdict::DoesNotFit,
            _ if peak > capacity - spare => Verdict::Tight,
            _ => Verdict::Fits,
        }
    }

    fn unfinished(&self) -> Option<Reason> {
        let is_over = self.recorded.exit == Some(0) || self.gap.is_some();
        let finding = Finding::Unfinished { exit: self.recorded.exit };
        (!is_over).then_some(Reason { verdict: Verdict::Unknown, finding })
    }

    fn host(&self, target: &Target) -> Option<Reason> {
        let (peak, capacity) = self.recorded.usage.as_ref()?.memory_peak.zip(target.host_memory)?;
        Some(Reason { verdict: self.room(peak, capacity), finding: Finding::HostMemory { peak, capacity } })
    }

    /// The formats that parameters name and the device does not have. Each once.
    fn formats(&self, device: &Device) -> Vec<Reason> {
        let mut seen = Vec::new();
        let mut reasons = Vec::new();
        for told in &self.formats {
            let verdict = match told.format {
                Format::Fp64 | Format::Fp32 => continue,
                // Frameworks compute these in 32 bits without being asked.
                Format::Tf32 | Format::Fp16 => Verdict::Fits,
                // Some programs emulate them, others stop.
                Format::Bf16 | Format::Int8 => Verdict::Unknown,
                Format::Fp8 | Format::Fp4 => Verdict::DoesNotFit,
            };
            if device.peaks.contains_key(&told.format) || seen.contains(&told.format) {
                continue;
            }
            seen.push(told.format);
            let told = told.clone();
            reasons.push(match device.peaks.is_empty() {
                true if verdict == Verdict::Fits => continue,
                true => Reason { verdict: Verdict::Unknown, finding: Finding::FormatsUnknown { told } },
                false => Reason { verdict, finding: Finding::Format { told } },
            });
        }
        reasons
    }

    /// The driver that the toolkit and the device need.
    fn driver(&self, target: &Target) -> Option<Reason> {
        let (of_device, newest) = target.device.driver;
        let of_cuda = self.builds.iter().filter_map(|build| match build.toolkit {
            Toolkit::Cuda(version) => oldest_driver(version),
            _ => None,
        });
        let oldest = of_cuda.chain(of_device).max()?;
        let there = target.driver;
        let fails = newest.is_some_and(|newest| newest < oldest)
            || there.is_some_and(|there| there < oldest || newest.is_some_and(|newest| there > newest));
        let verdict = if fails { Verdict::DoesNotFit } else { Verdict::Fits };
        Some(Reason { verdict, finding: Finding::Driver { oldest, newest, there } })
    }

    fn link(&self, device: &Device, cards: u64) -> Option<Reason> {
        if cards < 2 {
            return None;
        }
        let linked = self.linked && self.used > 1;
        let finding = match (&device.link, &device.pcie) {
            (Some(link), _) => {
                Finding::Link { cards, name: Some(link.name.clone()), bandwidth: link.bandwidth, linked }
            }
            (None, Some(pcie)) => {
                Finding::Link { cards, name: None, bandwidth: pcie_bandwidth(pcie), linked }
            }
            (None, None) => return None,
        };
        Some(Reason { verdict: Verdict::Fits, finding })
    }

    fn speed(&self, device: &Device, cards: u64) -> Result<Speed, Unestimated> {
        if self.alone || self.used == 0 {
            return Err(Unestimated::NotUsed);
        }
        let old = self.device.as_ref().ok_or(Unestimated::Recorded)?;
        let mut told: Vec<Format> = self.formats.iter().map(|told| told.format).collect();
        told.sort_unstable();
        told.dedup();
        estimate((old, self.used), (device, cards), &told, self.busy)
    }
}

/// What a commit lacks to say anything of memory.
fn gap(recorded: &Recorded) -> Option<Gap> {
    let Some(usage) = &recorded.usage else {
        return Some(if recorded.has_outcome { Gap::NotSampled } else { Gap::NotRun });
    };
    let there = recorded.machine.accelerators.as_ref();
    if usage.cards.is_empty() {
        let is_whole = there.is_some_and(|accelerators| accelerators.gap.is_none());
        let has_some = there.is_some_and(|accelerators| !accelerators.devices.is_empty());
        return if has_some { Some(Gap::Cards) } else { (!is_whole).then_some(Gap::Accelerators) };
    }
    usage.used().iter().any(|(_, card)| card.memory_peak.is_none()).then_some(Gap::Memory)
}

/// What a device says of a build.
fn built(build: &Build, device: &Device) -> Option<Reason> {
    let architecture = device.architecture.clone()?;
    let because =
        |verdict, need| Some(Reason { verdict, finding: Finding::Build { build: build.clone(), need } });
    let version = match (build.toolkit, &architecture) {
        (Toolkit::Processor, _) => return None,
        (Toolkit::Cuda(version), Architecture::Cuda(_)) => version,
        (Toolkit::Rocm(version), Architecture::Gfx(_)) => version,
        _ => return because(Verdict::DoesNotFit, Need::Vendor { vendor: device.vendor.clone() }),
    };
    let support = device.toolkit?;
    if let Some(newest) = support.newest.filter(|newest| version > *newest) {
        return because(Verdict::DoesNotFit, Need::Until { architecture, version: newest });
    }
    if version >= support.oldest {
        return None;
    }
    let earlier = support.compatible.filter(|first| version >= *first);
    let oldest = support.oldest;
    match earlier {
        Some(_) => because(Verdict::Fits, Need::Earlier { architecture, version: oldest }),
        None => because(Verdict::DoesNotFit, Need::From { architecture, version: oldest }),
    }
}

/// The oldest driver branch that runs a version of CUDA (CUDA Compatibility, "Minor Version Compatibility").
fn oldest_driver(cuda: Version) -> Option<u32> {
    match cuda.major {
        11 => Some(450),
        12 => Some(525),
        13 => Some(580),
        _ => None,
    }
}

/// Bytes a second of a PCI Express link, both directions together, after its line code.
fn pcie_bandwidth(pcie: &crate::object::Pcie) -> f64 {
    let lane = match pcie.generation {
        0 | 1 => 0.25e9,
        2 => 0.5e9,
        // 8 GT/s with a code of 128 of 130 bits, twice as much in each generation after it.
        generation => 8e9 / 8.0 * 128.0 / 130.0 * 2f64.powi(generation.min(20) as i32 - 3),
    };
    2.0 * lane * pcie.width as f64
}
