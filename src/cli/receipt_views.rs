//! Reproductions as the façade returns them, as the values that `render` shows.

use crate::capture::KeptOut;
use crate::cli::error::CliError;
use crate::diff::{FieldChange, Ranked, Weight};
use crate::fidelity::{MetricFidelity, OutputState, Rule};
use crate::object::{self, Commit, Grade};
use crate::render::{
    EnvironmentDifference, MetricFound, OutputFound, ShownProposal, ShownReceipt, field_texts,
};
use crate::repo::{Proposal, Prospect, Repository, Reproduced};

/// What is known before anything is run.
pub fn prospect(repository: &Repository, prospect: &Prospect) -> Result<ShownReceipt, CliError> {
    let commit: Commit = object::get(repository.store(), prospect.commit)?;
    let left_out = prospect.left_out.iter().map(|name| format!("{name} could not be installed as it was"));
    let obstacles = prospect.obstacles.iter().map(|obstacle| format!("in the way: {obstacle}"));
    Ok(ShownReceipt {
        of: prospect.commit,
        message: commit.message,
        run: None,
        receipt: None,
        exit: None,
        seconds: None,
        folder: None,
        proposal: proposal(&prospect.proposal),
        environment: prospect.environment.iter().map(difference).collect(),
        metrics: Vec::new(),
        outputs: Vec::new(),
        notes: obstacles.chain(left_out).collect(),
    })
}

/// What is going to be executed.
pub fn proposal(proposal: &Proposal) -> ShownProposal {
    let reason = |(name, why): (&String, &KeptOut)| (name.clone(), why.reason().to_owned());
    ShownProposal {
        command: proposal.command.clone(),
        directory: proposal.directory.as_ref().map(ToString::to_string),
        author: proposal.author.clone(),
        known: proposal.is_known,
        set: proposal.set.clone().into_iter().collect(),
        kept_out: proposal.kept_out.iter().map(reason).collect(),
        origins: proposal.origins.clone(),
    }
}

/// What was reproduced.
pub fn reproduced(repository: &Repository, done: &Reproduced) -> Result<ShownReceipt, CliError> {
    let before = prospect(repository, &done.prospect)?;
    let outcome = done.run.outcome.as_ref();
    let seconds = outcome.and_then(|it| {
        let (start, end) = (it.started.as_ref()?, it.finished.as_ref()?);
        Some(end.millis.saturating_sub(start.millis) as f64 / 1000.0)
    });
    let mut notes = before.notes.clone();
    notes.extend(done.assessment.unused.iter().map(|path| format!("no metric is called {path}")));
    Ok(ShownReceipt {
        run: Some(done.run.id.clone()),
        receipt: outcome.and_then(|outcome| outcome.receipt.clone()),
        exit: outcome.and_then(|outcome| outcome.exit),
        seconds,
        folder: done.folder.as_ref().map(|folder| folder.display().to_string()),
        metrics: done.assessment.metrics.iter().map(metric).collect(),
        outputs: outputs(done),
        notes,
        ..before
    })
}

fn difference(ranked: &Ranked) -> EnvironmentDifference {
    let class = match ranked.weight {
        Weight::ImportedMajor => "imported, major",
        Weight::Accelerator => "accelerator",
        Weight::Runtime => "runtime",
        Weight::Numerics => "numerics",
        Weight::ImportedMinor => "imported, minor",
        Weight::Threads => "threads",
        Weight::Other => "other",
    };
    let FieldChange { label, .. } = &ranked.change;
    let (before, after) = field_texts(&ranked.change);
    EnvironmentDifference { class: class.to_owned(), what: label.clone(), before, after }
}

fn metric(metric: &MetricFidelity) -> MetricFound {
    let grade = match metric.rule {
        Some(Rule::Bit) => Grade::Identical,
        Some(_) => Grade::WithinTolerance,
        None => Grade::Diverged,
    };
    let rule = match metric.rule {
        Some(Rule::Bit) => "to the bit".to_owned(),
        Some(Rule::Tolerance(bound)) => format!("tolerance {bound}"),
        Some(Rule::Spread(range)) => format!("spread of {} runs", range.runs),
        None => "none".to_owned(),
    };
    let (recorded, found) = (metric.recorded.clone(), metric.found.clone());
    MetricFound { path: metric.path.to_string(), recorded, found, grade: Some(grade), rule }
}

fn outputs(done: &Reproduced) -> Vec<OutputFound> {
    let now = done.run.outcome.as_ref().map(|outcome| &outcome.outputs);
    let output = |name: &crate::name::PartName, state| {
        let recorded = done.recorded.outputs.get(name).filter(|_| state != OutputState::Additional);
        let found = now.and_then(|outputs| outputs.get(name));
        OutputFound {
            name: name.to_string(),
            recorded: recorded.map(|placed| placed.node),
            found: found.map(|placed| placed.node),
        }
    };
    done.assessment.outputs.iter().map(|it| output(&it.name, it.state)).collect()
}
