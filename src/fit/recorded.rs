//! What a commit recorded of a run, as far as it tells where else the run would fit.

use std::collections::BTreeMap;

use crate::object::{Accelerators, Package};
use crate::value::Value;

/// What a commit recorded. What it did not record is absent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recorded {
    /// The machine.
    pub machine: Machine,
    /// Whether there is an outcome at all: the commit is of a run that came to its end or was killed.
    pub has_outcome: bool,
    /// The exit status, negative for a signal.
    pub exit: Option<i64>,
    /// How much of the machine was used, if that was sampled.
    pub usage: Option<Usage>,
    /// Installed packages.
    pub packages: Vec<Package>,
    /// Variables of the environment.
    pub variables: BTreeMap<String, String>,
    /// Hyperparameters.
    pub params: BTreeMap<String, Value>,
}

/// A machine.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Machine {
    /// Its accelerators, if they were looked at.
    pub accelerators: Option<Accelerators>,
    /// Processors that a run may use.
    pub processors: Option<f64>,
    /// Memory of the host in bytes.
    pub memory: Option<u64>,
}

/// A summary of samples.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    /// Seconds between two samples.
    pub interval: Option<f64>,
    /// How many samples there are.
    pub samples: Option<u64>,
    /// What is known of each accelerator, by its index.
    pub cards: BTreeMap<usize, CardUsage>,
    /// Mean use of processors by the run, in processors: 1.0 is one that was always busy.
    pub processors: Option<f64>,
    /// The most memory of the host that the run had, in bytes.
    pub memory_peak: Option<u64>,
}

/// How much of an accelerator was used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CardUsage {
    /// The mean share of time in which it computed, 0 to 1.
    pub busy: Option<f64>,
    /// Whether it computed at all.
    pub was_busy: Option<bool>,
    /// The most memory that was in use, in bytes.
    pub memory_peak: Option<u64>,
}

/// A driver and a desktop may hold so much of a card that computes nothing.
const HELD_BY_NOBODY: u64 = 1 << 30;

impl CardUsage {
    /// Whether the run used the card: it computed, or where that is not known, held memory as a run does.
    fn was_used(self) -> bool {
        self.was_busy.unwrap_or(false) || self.memory_peak.is_some_and(|peak| peak > HELD_BY_NOBODY)
    }
}

impl Usage {
    /// The accelerators that the run used, by index.
    pub fn used(&self) -> Vec<(usize, CardUsage)> {
        self.cards.iter().filter(|(_, card)| card.was_used()).map(|(index, card)| (*index, *card)).collect()
    }
}
