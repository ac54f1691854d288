//! The accelerators as the sampler sees them: asked at each tick, answering when they do, never waited for.
//!
//! One that does not answer within a limit is given up for the rest of the run, and so is each value that cannot be
//! true; both are gaps. What a card, or an instance of a partitioned one, does not tell is absent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::Sender;
use std::time::Duration;

use crate::capture::sampler::clock::Moment;
use crate::capture::sampler::columns::{Columns, Measure, Merge};
use crate::value::{Int, Value};

/// A request: when it is made, and whether it is the last, to which an answer is wanted at once.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ask {
    pub(super) moment: Moment,
    pub(super) is_last: bool,
}

/// What comes from the threads that talk to the driver.
#[derive(Debug)]
pub(super) enum FromDriver {
    /// The drivers run, or there are none: whose a card is, for each, and a sender of requests if it answers any.
    Found { cards: Vec<(&'static str, Option<Sender<Ask>>)>, gaps: Vec<String> },
    /// What tells a card from others, and its clocks.
    Identity { card: usize, entries: BTreeMap<String, Value> },
    /// An answer.
    Reading { card: usize, ask: Ask, reading: Reading },
}

/// What a card tells, as it tells it.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Reading {
    /// Per cent of time.
    pub(super) busy: Option<u32>,
    pub(super) memory_busy: Option<u32>,
    /// Bytes in use, and in all.
    pub(super) memory: Option<(u64, u64)>,
    /// Milliwatts.
    pub(super) power: Option<u32>,
    /// Degrees Celsius.
    pub(super) temperature: Option<u32>,
    /// MHz.
    pub(super) sm_clock: Option<u32>,
    /// Reasons, as bits.
    pub(super) throttle: Option<u64>,
    /// Kilobytes a second that the card received and sent.
    pub(super) received: Option<u32>,
    pub(super) sent: Option<u32>,
    /// Millijoules since the driver was loaded.
    pub(super) energy: Option<u64>,
}

/// More watts than any card draws.
const MOST_POWER: f64 = 5000.0;

#[derive(Debug, Default)]
struct Card {
    vendor: &'static str,
    /// `None` for one that tells nothing or is given up.
    ask: Option<Sender<Ask>>,
    asked: Option<Moment>,
    entries: BTreeMap<String, Value>,
    /// What it told that cannot be true, and is no longer believed.
    lies: BTreeSet<&'static str>,
    /// The counter when it was last read, and joules since the first time.
    energy: Option<(Moment, u64, f64)>,
}

/// All of them.
#[derive(Debug)]
pub(super) struct Cards {
    cards: Vec<Card>,
    pub(super) is_found: bool,
    limit: Duration,
    pub(super) gaps: Vec<String>,
}

impl Cards {
    /// Cards that are given up if they do not answer within a limit.
    pub(super) fn new(limit: Duration) -> Self {
        Self { cards: Vec::new(), is_found: false, limit, gaps: Vec::new() }
    }

    /// Asks all that are not busy with an earlier request.
    pub(super) fn ask(&mut self, ask: Ask) {
        for (index, card) in self.cards.iter_mut().enumerate() {
            match card.asked {
                Some(asked) if ask.moment.at.saturating_duration_since(asked.at) < self.limit => {}
                Some(_) if card.ask.take().is_some() => {
                    let seconds = self.limit.as_secs_f64();
                    let vendor = card.vendor;
                    self.gaps
                        .push(format!("{vendor} device {index}: no answer within {seconds} s, given up"));
                }
                Some(_) => {}
                None => {
                    let sent = card.ask.as_ref().is_some_and(|to| to.send(ask).is_ok());
                    card.asked = sent.then_some(ask.moment);
                }
            }
        }
    }

    /// Whether an answer is still to come of a card that is not given up.
    pub(super) fn is_waited_for(&self) -> bool {
        self.cards.iter().any(|card| card.ask.is_some() && card.asked.is_some())
    }

    /// Takes what a thread sent.
    pub(super) fn take(&mut self, sent: FromDriver, columns: &mut Columns) {
        match sent {
            FromDriver::Found { cards, gaps } => {
                self.is_found = true;
                let card = |(vendor, ask)| Card { vendor, ask, ..Card::default() };
                self.cards = cards.into_iter().map(card).collect();
                self.gaps.extend(gaps);
            }
            FromDriver::Identity { card, entries } => {
                if let Some(card) = self.cards.get_mut(card) {
                    card.entries = entries;
                }
            }
            FromDriver::Reading { card: index, ask, reading } => {
                let Some(card) = self.cards.get_mut(index) else { return };
                card.asked = None;
                card.count_energy(ask.moment, reading.energy);
                card.add(index, ask.moment.time, &reading, columns);
            }
        }
    }

    /// What was found: identities, and joules by name of the card. Whoever has not answered by now is a gap.
    pub(super) fn finish(mut self) -> (Vec<Value>, BTreeMap<String, f64>, Vec<String>) {
        if !self.is_found {
            self.gaps.push("accelerators: a driver did not answer before the end of the run".into());
        }
        let (mut identities, mut energy) = (Vec::new(), BTreeMap::new());
        for (index, card) in self.cards.into_iter().enumerate() {
            let vendor = card.vendor;
            if card.ask.is_some() && card.asked.is_some() {
                self.gaps.push(format!("{vendor} device {index}: no answer at the end of the run"));
            }
            self.gaps.extend(
                card.lies
                    .iter()
                    .map(|what| format!("{vendor} device {index}: what it told of {what} cannot be true")),
            );
            let joules = card.energy.filter(|(_, _, joules)| *joules > 0.0 && !card.lies.contains("energy"));
            energy.extend(joules.map(|(_, _, joules)| (format!("gpu{index}"), joules)));
            let number = Value::Int(Int::from(index as u64));
            identities.push(Value::Map(card.entries.into_iter().chain([("index".into(), number)]).collect()));
        }
        (identities, energy, self.gaps)
    }
}

/// What each value is: its name, how much it may be at most, how neighbours are merged, what it is rounded to.
const MEASURES: [(&str, f64, Merge, f64); 9] = [
    ("busy", 100.0, Merge::Mean, 1.0),
    ("memory_busy", 100.0, Merge::Mean, 1.0),
    ("memory_used", f64::MAX, Merge::Highest, 1.0),
    ("power", MOST_POWER, Merge::Mean, 1.0),
    ("temperature", 200.0, Merge::Highest, 1.0),
    ("sm_clock", 10_000.0, Merge::Mean, 1.0),
    ("throttle", (1u64 << 53) as f64, Merge::Bits, 1.0),
    ("pcie_rx", 1e12, Merge::Mean, 1024.0),
    ("pcie_tx", 1e12, Merge::Mean, 1024.0),
];

impl Card {
    fn add(&mut self, index: usize, time: i64, reading: &Reading, columns: &mut Columns) {
        let values = [
            reading.busy.map(f64::from),
            reading.memory_busy.map(f64::from),
            // More than there is cannot be.
            reading.memory.map(|(used, all)| if used <= all { used as f64 } else { f64::INFINITY }),
            reading.power.map(|milliwatts| f64::from(milliwatts) / 1e3),
            reading.temperature.map(f64::from),
            reading.sm_clock.map(f64::from),
            reading.throttle.map(|reasons| reasons as f64),
            reading.received.map(|kilobytes| f64::from(kilobytes) * 1e3),
            reading.sent.map(|kilobytes| f64::from(kilobytes) * 1e3),
        ];
        for ((name, most, merge, grain), value) in MEASURES.into_iter().zip(values) {
            match value {
                Some(value) if value > most => drop(self.lies.insert(name)),
                Some(value) => {
                    columns.push(&format!("gpu{index}.{name}"), Measure { merge, grain }, time, value)
                }
                None => {}
            }
        }
    }

    /// A counter goes forward, and no faster than power flows.
    fn count_energy(&mut self, moment: Moment, counter: Option<u64>) {
        let Some(counter) = counter else { return };
        let Some((then, before, joules)) = self.energy else {
            self.energy = Some((moment, counter, 0.0));
            return;
        };
        let seconds = moment.at.saturating_duration_since(then.at).as_secs_f64();
        let more = counter.checked_sub(before).map(|millijoules| millijoules as f64 / 1e3);
        match more.filter(|more| *more <= MOST_POWER * (seconds + 1.0)) {
            Some(more) => self.energy = Some((moment, counter, joules + more)),
            None => drop(self.lies.insert("energy")),
        }
    }
}
