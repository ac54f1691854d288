//! What is compared: a definition and an outcome, of a commit or of a work tree.

use std::collections::BTreeMap;

use crate::id::CommitId;
use crate::name::PartName;
use crate::object::{
    Accelerators, Commit, Dataset, Definition, Environment, Features, Find, ObjectError, Outcome, Packages,
    Params, PlacedDataset, PlacedFeatures, Profile, System, get,
};

/// A definition and an outcome, either of which may be missing. The default is the empty state.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct State {
    /// The inputs and the environment.
    pub definition: Option<Definition>,
    /// What came of them.
    pub outcome: Option<Outcome>,
}

impl State {
    /// The state that a commit holds.
    pub fn of(find: &dyn Find, commit: &Commit) -> Result<Self, ObjectError> {
        Ok(Self {
            definition: Some(get(find, commit.definition)?),
            outcome: commit.outcome.map(|id| get(find, id)).transpose()?,
        })
    }

    /// The state that the commit with this id holds.
    pub fn of_commit(find: &dyn Find, id: CommitId) -> Result<Self, ObjectError> {
        Self::of(find, &get(find, id)?)
    }
}

/// A state with the small objects that it refers to: what `show` prints. Trees and contents are not read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// The state itself.
    pub state: State,
    /// Datasets by name.
    pub datasets: BTreeMap<PartName, SnapshotDataset>,
    /// Feature sets by name.
    pub features: BTreeMap<PartName, (PlacedFeatures, Features)>,
    /// Hyperparameters.
    pub params: Option<Params>,
    /// What it runs in.
    pub environment: Option<SnapshotEnvironment>,
}

/// A dataset, where it lies, and what it looks like.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotDataset {
    /// Where it lies.
    pub placed: PlacedDataset,
    /// The dataset.
    pub dataset: Dataset,
    /// What its format tells.
    pub profile: Option<Profile>,
}

/// An environment with its parts.
#[derive(Clone, Debug, PartialEq)]
pub struct SnapshotEnvironment {
    /// The object itself.
    pub environment: Environment,
    /// Installed packages.
    pub packages: Packages,
    /// Operating system, processor, memory.
    pub system: System,
    /// Accelerators.
    pub accelerators: Accelerators,
}

impl Snapshot {
    /// Reads what a state refers to.
    pub fn load(find: &dyn Find, state: State) -> Result<Self, ObjectError> {
        let Some(definition) = &state.definition else { return Ok(Self { state, ..Self::default() }) };
        let mut datasets = BTreeMap::new();
        for (name, placed) in &definition.datasets {
            let dataset: Dataset = get(find, placed.dataset)?;
            let profile = dataset.profile.map(|id| get(find, id)).transpose()?;
            datasets.insert(name.clone(), SnapshotDataset { placed: placed.clone(), dataset, profile });
        }
        let mut features = BTreeMap::new();
        for (name, placed) in &definition.features {
            features.insert(name.clone(), (placed.clone(), get(find, placed.features)?));
        }
        let params = definition.params.as_ref().map(|placed| get(find, placed.params)).transpose()?;
        let environment: Environment = get(find, definition.environment)?;
        let environment = Some(SnapshotEnvironment {
            packages: get(find, environment.packages)?,
            system: get(find, environment.system)?,
            accelerators: get(find, environment.accelerators)?,
            environment,
        });
        Ok(Self { datasets, features, params, environment, state })
    }
}
