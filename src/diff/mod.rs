//! Structural changes between two states, as plain values, one file a kind.
//!
//! Parts whose ids are equal are never read, and trees are walked only where they differ, so that the
//! cost is that of the change. Nothing here knows of commits in particular: a work tree is compared by
//! describing it as a [`State`] whose objects lie in memory.

mod accelerators;
mod code;
mod datasets;
mod features;
mod fields;
mod files;
#[cfg(test)]
pub(crate) mod fixture;
mod lines;
mod metrics;
mod moves;
mod outputs;
mod packages;
mod pages;
mod params;
pub mod part;
mod profile;
mod selector;
mod state;
mod system;
mod values;
mod verdict;
mod version;
mod weight;

pub use accelerators::accelerator_fields;
pub use datasets::{DatasetDiff, PlacedTree};
pub use features::{FeatureChange, FeatureField, FeaturesDiff};
pub use fields::{Field, FieldChange, Unit};
pub use files::{FileChange, FileChangeKind, FilesDiff, Totals};
pub use lines::{Hunk, Line, LineDiff, Lines};
pub use metrics::{Judgement, MetricChange, MetricsDiff};
pub use outputs::OutputDiff;
pub use packages::{InterpreterChange, PackageChange, PackagesDiff, VersionChange};
pub use params::ParamsDiff;
pub use profile::{ColumnChange, ProfileDiff};
pub use selector::{Part, Selector, SelectorError, Within};
pub use state::{Snapshot, SnapshotDataset, SnapshotEnvironment, State};
pub use system::system_fields;
pub use values::{ValueChange, ValueChangeKind, values};
pub use verdict::{Difference, Verdict};
pub use weight::{Ranked, Weight};

use crate::diff::fields::FieldList;
use crate::diff::selector::Filter;
use crate::object::{
    Accelerators, Definition, Environment, Find, FindContent, Object, ObjectError, Outcome, Packages, System,
    get,
};

/// How to compare.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only these parts; all where there are none.
    pub only: Vec<Selector>,
    /// Whether to read source files for the lines that differ.
    pub lines: bool,
    /// Most files that are listed of a part; the rest is only counted.
    pub max_files: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self { only: Vec::new(), lines: true, max_files: 100_000 }
    }
}

/// What differs between two states. Parts without a difference are empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Diff {
    /// What was compared; everything where it is empty.
    pub only: Vec<Selector>,
    /// Whether either state has an outcome.
    pub has_outcome: bool,
    /// Datasets, by name.
    pub datasets: Vec<DatasetDiff>,
    /// Feature sets, by name.
    pub features: Vec<FeaturesDiff>,
    /// Hyperparameters.
    pub params: ParamsDiff,
    /// Source code, with the lines that differ.
    pub code: FilesDiff,
    /// The command and its arguments, if they differ.
    pub command: Option<Replaced<Vec<String>>>,
    /// Seeds.
    pub seeds: Vec<ValueChange>,
    /// Installed packages and the interpreter.
    pub packages: PackagesDiff,
    /// Operating system, processor, memory, limits.
    pub system: Vec<FieldChange>,
    /// Accelerators, driver and runtime.
    pub accelerators: Vec<FieldChange>,
    /// Environment variables.
    pub variables: Vec<FieldChange>,
    /// Final values of the metrics.
    pub metrics: MetricsDiff,
    /// Files that the run wrote, by name.
    pub outputs: Vec<OutputDiff>,
    /// The exit status, if it differs.
    pub exit: Option<Replaced<i64>>,
}

/// Something that is another on either side, or only on one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replaced<T> {
    /// What it was.
    pub old: Option<T>,
    /// What it is.
    pub new: Option<T>,
}

impl<T: PartialEq> Replaced<T> {
    /// Both sides, if they differ.
    pub(crate) fn of(old: Option<T>, new: Option<T>) -> Option<Self> {
        (old != new).then_some(Self { old, new })
    }
}

/// Objects of one kind from both sides.
type Two<T> = (Option<T>, Option<T>);

impl Diff {
    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        Part::ALL.iter().all(|part| self.is_same(*part))
    }

    /// Whether a part has no difference.
    pub fn is_same(&self, part: Part) -> bool {
        match part {
            Part::Datasets => self.datasets.is_empty(),
            Part::Features => self.features.is_empty(),
            Part::Params => self.params.is_empty(),
            Part::Code => self.code.is_empty(),
            Part::Command => self.command.is_none(),
            Part::Seeds => self.seeds.is_empty(),
            Part::Packages => self.packages.is_empty(),
            Part::System => self.system.is_empty(),
            Part::Accelerators => self.accelerators.is_empty(),
            Part::Variables => self.variables.is_empty(),
            Part::Metrics => self.metrics.is_empty(),
            Part::Outputs => self.outputs.is_empty(),
            Part::Exit => self.exit.is_none(),
        }
    }

    /// What differs, in a line.
    pub fn verdict(&self) -> Verdict {
        verdict::of(self)
    }
}

/// Compares two states. Logs, curves, utilisation, times and observations differ between any two runs
/// without meaning, and are left out.
pub fn states(
    find: &dyn Find,
    contents: &dyn FindContent,
    a: &State,
    b: &State,
    options: &Options,
) -> Result<Diff, ObjectError> {
    let comparison = Comparison { find, contents, options, filter: Filter::new(&options.only) };
    let mut diff = Diff {
        only: options.only.clone(),
        has_outcome: a.outcome.is_some() || b.outcome.is_some(),
        ..Diff::default()
    };
    if a.definition != b.definition {
        comparison.definitions(a.definition.as_ref(), b.definition.as_ref(), &mut diff)?;
    }
    if a.outcome != b.outcome {
        comparison.outcomes(a.outcome.as_ref(), b.outcome.as_ref(), &mut diff)?;
    }
    Ok(diff)
}

/// Everything that the parts of a definition are compared with.
struct Comparison<'a> {
    find: &'a dyn Find,
    contents: &'a dyn FindContent,
    options: &'a Options,
    filter: Filter<'a>,
}

impl Comparison<'_> {
    fn definitions(
        &self,
        a: Option<&Definition>,
        b: Option<&Definition>,
        diff: &mut Diff,
    ) -> Result<(), ObjectError> {
        let (find, filter, max_files) = (self.find, &self.filter, self.options.max_files);
        let sets = |side: Option<&Definition>| side.map(|d| d.datasets.clone()).unwrap_or_default();
        diff.datasets = datasets::diff(find, &sets(a), &sets(b), filter, max_files)?;
        let sets = |side: Option<&Definition>| side.map(|d| d.features.clone()).unwrap_or_default();
        diff.features = features::diff(find, &sets(a), &sets(b), filter)?;
        let params = |side: Option<&Definition>| side.and_then(|d| d.params.clone());
        if filter.wants(Part::Params) {
            diff.params = params::diff(find, params(a).as_ref(), params(b).as_ref(), filter)?;
        }
        let code = |side: Option<&Definition>| side.and_then(|d| d.code);
        if filter.wants(Part::Code) && code(a) != code(b) {
            diff.code = code::diff(find, self.contents, code(a), code(b), filter, self.options)?;
        }
        let command = |side: Option<&Definition>| side.and_then(|d| d.command.clone());
        if filter.wants(Part::Command) {
            diff.command = Replaced::of(command(a), command(b));
        }
        let seeds = |side: Option<&Definition>| side.map(|d| d.seeds.clone()).unwrap_or_default();
        diff.seeds = values(&seeds(a), &seeds(b));
        diff.seeds.retain(|change| filter.key(Part::Seeds, &change.path));
        let environment = |side: Option<&Definition>| side.map(|d| d.environment);
        if environment(a) != environment(b) && Part::ENVIRONMENT.iter().any(|part| filter.wants(*part)) {
            let read = |id| get::<Environment>(find, id);
            let (a, b) = (environment(a).map(read).transpose()?, environment(b).map(read).transpose()?);
            self.environments(a.as_ref(), b.as_ref(), diff)?;
        }
        Ok(())
    }

    fn environments(
        &self,
        a: Option<&Environment>,
        b: Option<&Environment>,
        diff: &mut Diff,
    ) -> Result<(), ObjectError> {
        if let Some((a, b)) = self.two(Part::Packages, a.map(|e| e.packages), b.map(|e| e.packages))? {
            let none = || Packages { interpreter: None, packages: Vec::new(), locks: None };
            diff.packages = packages::diff(&a.unwrap_or_else(none), &b.unwrap_or_else(none), &self.filter);
        }
        if let Some((a, b)) = self.two(Part::System, a.map(|e| e.system), b.map(|e| e.system))? {
            let list = |side: Option<System>| side.map(|system| system_fields(&system)).unwrap_or_default();
            diff.system = self.fields(Part::System, &list(a), &list(b));
        }
        if let Some((a, b)) =
            self.two(Part::Accelerators, a.map(|e| e.accelerators), b.map(|e| e.accelerators))?
        {
            let list =
                |side: Option<Accelerators>| side.map(|it| accelerator_fields(&it)).unwrap_or_default();
            diff.accelerators = self.fields(Part::Accelerators, &list(a), &list(b));
        }
        let variables = |side: Option<&Environment>| {
            let mut out = FieldList::default();
            side.iter().flat_map(|e| &e.variables).for_each(|(name, value)| out.text(name, value.clone()));
            out.finish()
        };
        diff.variables = self.fields(Part::Variables, &variables(a), &variables(b));
        Ok(())
    }

    /// Both objects of a part, if it is wanted and they are not the same.
    fn two<T: Object>(
        &self,
        part: Part,
        a: Option<T::Id>,
        b: Option<T::Id>,
    ) -> Result<Option<Two<T>>, ObjectError> {
        if a == b || !self.filter.wants(part) {
            return Ok(None);
        }
        let read = |id| get::<T>(self.find, id);
        Ok(Some((a.map(read).transpose()?, b.map(read).transpose()?)))
    }

    fn fields(&self, part: Part, a: &[Field], b: &[Field]) -> Vec<FieldChange> {
        let mut changes = fields::changes(a, b);
        changes.retain(|change| self.filter.label(part, &change.label));
        changes
    }

    fn outcomes(&self, a: Option<&Outcome>, b: Option<&Outcome>, diff: &mut Diff) -> Result<(), ObjectError> {
        let measured = |side: Option<&Outcome>| side.and_then(|outcome| outcome.metrics.clone());
        diff.metrics = metrics::diff(measured(a).as_ref(), measured(b).as_ref(), &self.filter);
        let outputs =
            |side: Option<&Outcome>| side.map(|outcome| outcome.outputs.clone()).unwrap_or_default();
        let max_files = self.options.max_files;
        diff.outputs = outputs::diff(self.find, &outputs(a), &outputs(b), &self.filter, max_files)?;
        let exit = |side: Option<&Outcome>| side.and_then(|outcome| outcome.exit);
        if self.filter.wants(Part::Exit) {
            // A state that was never run has no status, which is no difference in how runs ended.
            diff.exit = Replaced::of(exit(a), exit(b)).filter(|it| it.old.is_some() && it.new.is_some());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
