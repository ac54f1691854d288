//! Feature sets by name, and those that both sides changed by the lines of their files.

use std::collections::BTreeMap;

use crate::merge::text::{self, Clash};
use crate::merge::three::Three;
use crate::merge::{Held, Merging, names};
use crate::name::PartName;
use crate::object::{Features, Node, ObjectError, Placed, PlacedFeatures, get, put};

/// Feature sets by name.
type Sets = BTreeMap<PartName, PlacedFeatures>;

impl Merging<'_> {
    pub(super) fn features(&mut self, sides: Three<Option<&Sets>>) -> Result<Sets, ObjectError> {
        let mut merged = BTreeMap::new();
        for name in names(&sides) {
            let placed = sides.map(|side| side.and_then(|all| all.get(&name)).cloned());
            let found = match placed.clone().agreed() {
                Some(agreed) => agreed,
                None => match self.by_line(&placed)? {
                    Some(set) => Some(set),
                    None => {
                        let held = |placed: PlacedFeatures| Held::Node(placed.file.node);
                        self.conflicts.decide(format!("features/{name}"), placed, held)
                    }
                },
            };
            merged.extend(found.map(|placed| (name, placed)));
        }
        Ok(merged)
    }

    /// A set in whose file both sides changed lines that do not meet, and that is still one.
    fn by_line(
        &mut self,
        placed: &Three<Option<PlacedFeatures>>,
    ) -> Result<Option<PlacedFeatures>, ObjectError> {
        let Some(placed) = placed.clone().all() else { return Ok(None) };
        let placed = placed.as_ref();
        let sets: Three<Features> = placed.try_map(|it| get(self.desk, it.features))?;
        let path = placed.map(|it| &it.file.path).agreed();
        let datasets = sets.as_ref().map(|set| &set.datasets).agreed();
        let (Some(path), Some(datasets)) = (path, datasets) else { return Ok(None) };
        let node = match placed.map(|it| it.file.node).agreed() {
            Some(node) => Some(node),
            None => self.list(placed.map(|it| it.file.node))?,
        };
        let Some(node @ Node::File { content, size, .. }) = node else { return Ok(None) };
        let Some(bytes) = self.bytes(Some((content, size)), text::MAX_TEXT)? else { return Ok(None) };
        let Some(features) = self.reader.features(path.file_name(), &bytes) else { return Ok(None) };
        let set = Features { features, datasets: datasets.clone(), profile: None };
        let file = Placed { path: path.clone(), node };
        Ok(Some(PlacedFeatures { file, features: put(self.desk, &set)? }))
    }

    fn list(&mut self, nodes: Three<Node>) -> Result<Option<Node>, ObjectError> {
        let file = |node: Node| match node {
            Node::File { content, size, executable } => Some(((content, size), executable)),
            _ => None,
        };
        let Some(files) = nodes.map(file).all() else { return Ok(None) };
        let bytes = files.try_map(|(content, _)| self.bytes(Some(content), text::MAX_TEXT))?;
        let Some(bytes) = bytes.all() else { return Ok(None) };
        let Some(texts) = bytes.as_ref().map(|bytes| text::as_text(bytes)).all() else { return Ok(None) };
        let Some(merged) = text::merge(texts, Clash::Refused) else { return Ok(None) };
        let executable = files.map(|(_, executable)| executable).agreed().unwrap_or(files.ours.1);
        let (content, size) = self.desk.insert_content(&mut merged.as_bytes(), merged.len() as u64)?;
        Ok(Some(Node::File { content, size, executable }))
    }
}
