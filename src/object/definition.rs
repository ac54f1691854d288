//! A definition: everything that goes into a run. Equal runs on equal machines have equal definitions.

use std::collections::BTreeMap;

use crate::encoding::record;
use crate::id::{CodeId, DatasetId, EnvironmentId, FeaturesId, ParamsId};
use crate::name::{PartName, TreePath};
use crate::object::{Placed, link, object};
use crate::value::Value;

record! {
    /// The inputs of a run and its environment.
    pub struct Definition {
        /// Datasets by name.
        pub datasets: BTreeMap<PartName, PlacedDataset>,
        /// Feature sets by name.
        pub features: BTreeMap<PartName, PlacedFeatures>,
        /// Hyperparameters.
        pub params: Option<PlacedParams>,
        /// Source code.
        pub code: Option<CodeId>,
        /// The command that trains, and its arguments. Without secrets.
        pub command: Option<Vec<String>>,
        /// Where the command is run, if not at the root of the work tree.
        pub directory: Option<TreePath>,
        /// Seeds by name.
        pub seeds: BTreeMap<String, Value>,
        /// What it runs in.
        pub environment: EnvironmentId,
    }
}

record! {
    /// A dataset and where it lies.
    pub struct PlacedDataset {
        /// From the root of the work tree.
        pub path: TreePath,
        /// The dataset.
        pub dataset: DatasetId,
    }
}

record! {
    /// A feature set and the file that it was read from.
    pub struct PlacedFeatures {
        /// The file, so that it can be restored to the byte.
        pub file: Placed,
        /// The feature set.
        pub features: FeaturesId,
    }
}

record! {
    /// Hyperparameters and the files that they were read from.
    pub struct PlacedParams {
        /// The files, so that they can be restored to the byte.
        pub files: Vec<Placed>,
        /// The hyperparameters.
        pub params: ParamsId,
    }
}

object!(Definition, DefinitionId, |definition, see| {
    definition.datasets.values().for_each(|placed| see(link(placed.dataset)));
    for placed in definition.features.values() {
        see(placed.file.node.link());
        see(link(placed.features));
    }
    if let Some(placed) = &definition.params {
        placed.files.iter().for_each(|file| see(file.node.link()));
        see(link(placed.params));
    }
    definition.code.into_iter().for_each(|id| see(link(id)));
    see(link(definition.environment));
});
