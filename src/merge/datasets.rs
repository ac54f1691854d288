//! Datasets by name, and those that both sides changed by path.

use std::collections::BTreeMap;

use crate::merge::three::Three;
use crate::merge::tree::Lines;
use crate::merge::{Held, Merging, names};
use crate::name::PartName;
use crate::object::{Dataset, Node, ObjectError, PlacedDataset, get, put};

/// Datasets by name.
type Datasets = BTreeMap<PartName, PlacedDataset>;

impl Merging<'_> {
    pub(super) fn datasets(&mut self, sides: Three<Option<&Datasets>>) -> Result<Datasets, ObjectError> {
        let mut merged = BTreeMap::new();
        for name in names(&sides) {
            let placed = sides.map(|side| side.and_then(|all| all.get(&name)).cloned());
            let found = match placed.clone().agreed() {
                Some(agreed) => agreed,
                None => self.dataset(&name, placed)?,
            };
            merged.extend(found.map(|placed| (name, placed)));
        }
        Ok(merged)
    }

    fn dataset(
        &mut self,
        name: &PartName,
        placed: Three<Option<PlacedDataset>>,
    ) -> Result<Option<PlacedDataset>, ObjectError> {
        let place = format!("datasets/{name}");
        let read =
            |side: &Option<PlacedDataset>| side.as_ref().map(|it| get(self.desk, it.dataset)).transpose();
        let read: Three<Option<Dataset>> = placed.as_ref().try_map(read)?;
        if let Some(merged) = self.by_path(&place, &placed, &read)? {
            return Ok(Some(merged));
        }
        let whole = Three {
            base: placed.base.zip(read.base),
            ours: placed.ours.zip(read.ours),
            theirs: placed.theirs.zip(read.theirs),
        };
        let decided = self.conflicts.decide(place, whole, |(_, dataset)| Held::Node(dataset.root));
        Ok(decided.map(|(placed, _)| placed))
    }

    /// A dataset whose files are stored on both sides, and of which nothing else is in conflict.
    fn by_path(
        &mut self,
        place: &str,
        placed: &Three<Option<PlacedDataset>>,
        read: &Three<Option<Dataset>>,
    ) -> Result<Option<PlacedDataset>, ObjectError> {
        let (Some(ours), Some(theirs)) = (&read.ours, &read.theirs) else { return Ok(None) };
        let path = placed.as_ref().map(|side| side.as_ref().map(|it| it.path.clone())).agreed();
        let of = |field: fn(&Dataset) -> &Option<String>| {
            read.as_ref().map(|side| side.as_ref().and_then(|it| field(it).clone())).agreed()
        };
        let stored = read.as_ref().map(|side| side.as_ref().map(|it| it.stored)).agreed();
        let roots = read.as_ref().map(|side| side.as_ref().map(|it| it.root));
        let is_mergeable = |node: Node| matches!(node, Node::Directory { .. });
        let root = match roots.agreed() {
            Some(root) => root,
            None if ours.stored && theirs.stored && is_mergeable(ours.root) && is_mergeable(theirs.root) => {
                None
            }
            None => return Ok(None),
        };
        let (Some(Some(path)), Some(Some(stored))) = (path, stored) else { return Ok(None) };
        let (Some(source), Some(licence)) = (of(|it| &it.source), of(|it| &it.licence)) else {
            return Ok(None);
        };
        let root = match root {
            Some(root) => root,
            None => match self.node(place, roots, Lines::Kept)? {
                Some(root) => root,
                None => self.empty()?,
            },
        };
        // What the format tells is a function of the data. Of data that nobody had before, nothing is told.
        let known = [ours, theirs].into_iter().find(|side| side.root == root);
        let format = known.map_or_else(|| of(|it| &it.format).flatten(), |side| side.format.clone());
        let profile = known.and_then(|side| side.profile);
        let dataset = Dataset { root, stored, format, source, licence, profile };
        Ok(Some(PlacedDataset { path, dataset: put(self.desk, &dataset)? }))
    }
}
