//! How faithfully one outcome came out as another: a grade, and where the two part first.
//!
//! - **identical**: all metrics, their final values and their curves (steps and values), and all outputs are equal
//!   to the bit. All NaN are equal.
//! - **within tolerance**: each metric is as close as was asked for it, or by default to a millionth of its size,
//!   or lies within the spread of earlier runs of the same definition. A metric that was given a bound of
//!   its own is held to that, whatever earlier runs say. An output that differs while every metric agrees is
//!   named and belongs here too: models and archives often have times in them. The metrics vouch for it.
//! - **diverged**: a metric differs by more, is missing, or was not there before; an output is missing or was not
//!   there before, or differs and there is no metric that could vouch for it; the exit status is another.
//! - **failed**: it did not end with 0, and the recorded run had.
//!
//! Logs, utilisation, times and observations are never looked at. Cost is that of one or two passes over each
//! curve whose id differs.

mod curve;
mod metric;
mod outputs;
mod spread;
#[cfg(test)]
mod tests;
mod tolerance;

pub use curve::{CurveFidelity, Departure};
pub use metric::{MetricFidelity, Rule};
pub use outputs::{OutputFidelity, OutputState};
pub use spread::Range;
pub use tolerance::{Bound, Tolerance, ToleranceError, ToleranceProblem};

use crate::object::{Divergence, Find, Grade, ObjectError, Outcome, Receipt};
use crate::value::KeyPath;
use metric::Judge;

/// How faithfully an outcome came out.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The verdict.
    pub grade: Grade,
    /// Where the two part first: of what diverged, if something did, else of what is not equal to the bit. The
    /// exit status comes first, then metrics by the step at which they part, then outputs.
    pub first: Option<Divergence>,
    /// The exit status.
    pub exit: ExitFidelity,
    /// All metrics of either side, by path.
    pub metrics: Vec<MetricFidelity>,
    /// All outputs of either side, by name.
    pub outputs: Vec<OutputFidelity>,
    /// How many earlier runs of the same definition could be asked.
    pub earlier: usize,
    /// Names that the tolerance has and no metric.
    pub unused: Vec<KeyPath>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExitFidelity {
    /// The exit status that was recorded.
    pub recorded: Option<i64>,
    /// The exit status now.
    pub found: Option<i64>,
}

impl ExitFidelity {
    /// Whether what had succeeded, as far as is known, did not.
    pub fn is_failure(&self) -> bool {
        self.is_other() && self.recorded.unwrap_or(0) == 0
    }

    /// Whether it is another. What was not run has no status, and 0 is as good.
    pub fn is_other(&self) -> bool {
        self.found != self.recorded && (self.recorded.is_some() || self.found != Some(0))
    }
}

/// Grades an outcome beside the one that was recorded. `earlier` are other outcomes of the same definition; those
/// that did not end with 0 do not count, nor do the two themselves.
pub fn grade(
    find: &dyn Find,
    recorded: &Outcome,
    found: &Outcome,
    earlier: &[Outcome],
    tolerance: &Tolerance,
) -> Result<Assessment, ObjectError> {
    let counts = |outcome: &&Outcome| outcome.exit.unwrap_or(0) == 0 && ![recorded, found].contains(outcome);
    let judge = Judge::new(find, tolerance, earlier.iter().filter(counts));
    let metrics = metric::measured(recorded, found)
        .into_iter()
        .map(|(path, measured)| judge.metric(path, &measured))
        .collect::<Result<Vec<_>, _>>()?;
    let unused = tolerance.unused(metrics.iter().map(|metric| &metric.path));
    let mut assessment = Assessment {
        grade: Grade::Identical,
        first: None,
        exit: ExitFidelity { recorded: recorded.exit, found: found.exit },
        metrics,
        outputs: outputs::compare(&recorded.outputs, &found.outputs),
        earlier: earlier.iter().filter(counts).count(),
        unused,
    };
    assessment.grade = assessment.verdict();
    assessment.first = assessment.first();
    Ok(assessment)
}

impl Assessment {
    /// What is recorded of it.
    pub fn receipt(&self) -> Receipt {
        Receipt { grade: self.grade, first: self.first.clone() }
    }

    /// Whether there was nothing to compare: neither a metric nor an output on either side. The grade is then that
    /// of the exit status alone.
    pub fn is_vacuous(&self) -> bool {
        self.metrics.is_empty() && self.outputs.is_empty()
    }

    /// Metrics that no rule admits.
    pub fn diverged_metrics(&self) -> impl Iterator<Item = &MetricFidelity> {
        self.metrics.iter().filter(|metric| metric.rule.is_none())
    }

    /// Outputs that are not the same.
    pub fn other_outputs(&self) -> impl Iterator<Item = &OutputFidelity> {
        self.outputs.iter().filter(|output| output.state != OutputState::Same)
    }

    /// Whether the metrics make up for an output that is not the same.
    fn is_vouched(&self, output: &OutputFidelity) -> bool {
        output.state == OutputState::Differs && !self.metrics.is_empty()
    }

    fn verdict(&self) -> Grade {
        if self.exit.is_failure() {
            Grade::Failed
        } else if self.exit.is_other()
            || self.diverged_metrics().next().is_some()
            || self.other_outputs().any(|output| !self.is_vouched(output))
        {
            Grade::Diverged
        } else if self.metrics.iter().all(|metric| metric.rule == Some(Rule::Bit))
            && self.other_outputs().next().is_none()
        {
            Grade::Identical
        } else {
            Grade::WithinTolerance
        }
    }

    fn first(&self) -> Option<Divergence> {
        if self.exit.is_other() {
            let [recorded, found] =
                [self.exit.recorded, self.exit.found].map(|exit| exit.map(|exit| exit as f64));
            return Some(Divergence { what: "exit".to_owned(), step: None, recorded, found });
        }
        let by_step = |first: &Divergence| first.step.unwrap_or(i64::MAX);
        let named = |output: &OutputFidelity| Divergence {
            what: output.name.to_string(),
            step: None,
            recorded: None,
            found: None,
        };
        let is_diverged = self.grade == Grade::Diverged;
        let metrics = self.metrics.iter().filter(|metric| match is_diverged {
            true => metric.rule.is_none(),
            false => metric.rule != Some(Rule::Bit),
        });
        // Of equal steps the first by path: `min_by_key` keeps the first of equals.
        let metric = metrics.map(|metric| parting(metric, is_diverged)).min_by_key(by_step);
        let output = self.other_outputs().find(|output| !is_diverged || !self.is_vouched(output));
        metric.or_else(|| output.map(named))
    }
}

/// Where a metric parts from what was recorded: in its curve if it does there, else at its end.
fn parting(metric: &MetricFidelity, diverges: bool) -> Divergence {
    let what = metric.path.to_string();
    let curve = metric.curve.and_then(|curve| if diverges { curve.diverges } else { curve.differs });
    match curve {
        Some(at) => Divergence { what, step: Some(at.step), recorded: at.recorded, found: at.found },
        None => {
            let number = |value: &Option<crate::value::Value>| value.as_ref()?.as_f64();
            let (recorded, found) = (number(&metric.recorded), number(&metric.found));
            Divergence { what, step: None, recorded, found }
        }
    }
}
