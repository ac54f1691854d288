//! Three-way merge of definitions: by part, parameters by key, datasets by name, trees by path, texts by line.
//!
//! What one side left as the base has it is as the other side made it; what both made alike is as both made it.
//! Where both made something else of it there is a conflict, which is a value that names the place and all three
//! versions. A side may be favoured: then it is taken in such places, and nowhere else. Parts whose ids are equal are
//! never read, and of trees only the directories that both sides changed.
//!
//! A merged file is taken only if it says exactly the merged values. What the bytes of a file mean is known to a floor
//! above, which is asked through [`Reader`].

mod datasets;
mod features;
#[cfg(test)]
mod fixture;
mod params;
#[cfg(test)]
mod tests;
mod text;
mod three;
mod tree;
mod values;

use std::collections::{BTreeMap, BTreeSet};

use crate::id::{CodeId, EnvironmentId};
use crate::merge::three::Three;
use crate::merge::tree::Lines;
use crate::name::TreePath;
use crate::object::{
    Code, Definition, Feature, Find, FindContent, Insert, InsertContent, Node, ObjectError, TreeBuilder, get,
    put,
};
use crate::value::{KeyPath, Value};

/// One of the two that are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Side {
    Ours,
    Theirs,
}

/// A place that both sides made something else of.
#[derive(Clone, Debug, PartialEq)]
pub struct Conflict {
    /// The place, as a selector of it is written: `params.lr`, `datasets/train`, `code/train.py`; or the path of a file.
    pub place: String,
    /// What it was; `None` if it was not there.
    pub base: Option<Held>,
    /// What we made of it; `None` if it is gone.
    pub ours: Option<Held>,
    /// What they made of it; `None` if it is gone.
    pub theirs: Option<Held>,
}

/// What is at a place.
#[derive(Clone, Debug, PartialEq)]
pub enum Held {
    /// A value.
    Value(Value),
    /// A file or directory.
    Node(Node),
}

/// What the bytes of files mean.
pub trait Reader {
    /// The values in a file of this name; `None` if such a file has none, or they cannot be read.
    fn values(&self, file_name: &str, bytes: &[u8]) -> Option<BTreeMap<String, Value>>;

    /// The file with another value under a key that it has, and all else as it is; `None` if that cannot be written.
    fn set(&self, file_name: &str, bytes: &[u8], path: &KeyPath, value: &Value) -> Option<Vec<u8>>;

    /// The features that a file lists; `None` if they cannot be read.
    fn features(&self, file_name: &str, bytes: &[u8]) -> Option<Vec<Feature>>;
}

/// Where what is merged is found, and where what comes out is put.
pub trait Desk: Find + FindContent + Insert + InsertContent {}

impl<T: Find + FindContent + Insert + InsertContent> Desk for T {}

/// A definition with what both sides changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Merged {
    /// The definition. In the places of the conflicts it has the favoured side, or ours.
    pub definition: Definition,
    /// Where the sides disagree, by part; at most [`MAX_CONFLICTS`] of them.
    pub conflicts: Vec<Conflict>,
    /// Whether both sides were observed in environments of their own. One of them was taken whole: a mixture would
    /// describe a machine that there never was, and what is observed is nothing to decide about.
    pub environments_differ: bool,
}

/// So many conflicts are told: a hostile tree has any number of them.
pub const MAX_CONFLICTS: usize = 10_000;

/// Merges two definitions that come from one base; without a base, everything is new on both sides.
pub fn definitions(
    desk: &dyn Desk,
    reader: &dyn Reader,
    base: Option<&Definition>,
    [ours, theirs]: [&Definition; 2],
    favour: Option<Side>,
) -> Result<Merged, ObjectError> {
    let mut merging = Merging {
        desk,
        reader,
        conflicts: Conflicts { list: Vec::new(), favour },
        known: [(); 2].map(|()| BTreeMap::new()),
    };
    let sides = Three { base, ours: Some(ours), theirs: Some(theirs) };
    let params = merging.params(sides.map(|side| side.and_then(|it| it.params.as_ref())))?;
    let seeds = merging.seeds(sides.map(|side| side.map(|it| &it.seeds)));
    let command = merging.one("command", sides.map(|side| side.and_then(|it| it.command.clone())), words);
    let directory =
        merging.one("directory", sides.map(|side| side.and_then(|it| it.directory.clone())), path);
    let datasets = merging.datasets(sides.map(|side| side.map(|it| &it.datasets)))?;
    let features = merging.features(sides.map(|side| side.map(|it| &it.features)))?;
    let code = merging.code(sides.map(|side| side.and_then(|it| it.code)))?;
    let environments = sides.map(|side| side.map(|it| it.environment));
    let agreed: Option<Option<EnvironmentId>> = environments.agreed();
    let observed = if favour == Some(Side::Theirs) { theirs.environment } else { ours.environment };
    let environment = agreed.flatten().unwrap_or(observed);
    let definition = Definition { datasets, features, params, code, command, directory, seeds, environment };
    let conflicts = merging.conflicts.list;
    Ok(Merged { definition, conflicts, environments_differ: agreed.is_none() })
}

fn words(words: Vec<String>) -> Held {
    Held::Value(Value::List(words.into_iter().map(Value::Text).collect()))
}

fn path(path: TreePath) -> Held {
    Held::Value(Value::Text(path.to_string()))
}

/// The conflicts so far, and who is right in them.
struct Conflicts {
    list: Vec<Conflict>,
    favour: Option<Side>,
}

impl Conflicts {
    /// Notes a conflict, and says what is to be there: what the favoured side has, or ours.
    fn decide<T>(&mut self, place: String, sides: Three<Option<T>>, held: impl Fn(T) -> Held) -> Option<T>
    where
        T: Clone,
    {
        if !self.is_full() {
            let Three { base, ours, theirs } = sides.clone().map(|side| side.map(&held));
            self.list.push(Conflict { place, base, ours, theirs });
        }
        if self.favour == Some(Side::Theirs) { sides.theirs } else { sides.ours }
    }

    fn is_full(&self) -> bool {
        self.list.len() >= MAX_CONFLICTS
    }
}

/// A merge that goes on.
struct Merging<'a> {
    desk: &'a dyn Desk,
    reader: &'a dyn Reader,
    conflicts: Conflicts,
    /// Nodes that were merged before, without a conflict, for each way to merge their files.
    known: [tree::Known; 2],
}

impl Merging<'_> {
    /// Something that is taken whole.
    fn one<T: Clone + PartialEq>(
        &mut self,
        place: &str,
        sides: Three<Option<T>>,
        held: impl Fn(T) -> Held,
    ) -> Option<T> {
        let agreed = sides.clone().agreed();
        agreed.unwrap_or_else(|| self.conflicts.decide(place.to_owned(), sides, held))
    }

    /// Seeds, which may repeat what is in the parameters: a conflict is told once.
    fn seeds(&mut self, sides: Three<Option<&BTreeMap<String, Value>>>) -> BTreeMap<String, Value> {
        let before = self.conflicts.list.len();
        let merged =
            values::merge("seeds", sides.map(|side| side.cloned().unwrap_or_default()), &mut self.conflicts);
        let (told, seeds) = self.conflicts.list.split_at(before);
        let is_told = |seed: &Conflict| {
            let name = seed.place.strip_prefix("seeds.").unwrap_or_default();
            told.iter().any(|param| {
                let at = param.place.strip_prefix("params.").unwrap_or_default();
                let is_same =
                    (&param.base, &param.ours, &param.theirs) == (&seed.base, &seed.ours, &seed.theirs);
                is_same && (at == name || at.rsplit('.').next() == Some(name))
            })
        };
        let new: Vec<Conflict> = seeds.iter().filter(|seed| !is_told(seed)).cloned().collect();
        self.conflicts.list.truncate(before);
        self.conflicts.list.extend(new);
        merged
    }

    fn code(&mut self, sides: Three<Option<CodeId>>) -> Result<Option<CodeId>, ObjectError> {
        if let Some(agreed) = sides.agreed() {
            return Ok(agreed);
        }
        let root = |side: Option<CodeId>| {
            side.map(|id| get::<Code>(self.desk, id).map(|code| code.root)).transpose()
        };
        let roots = sides.try_map(root)?;
        let root = match self.node("code", roots, Lines::Merged)? {
            Some(root) => root,
            None => self.empty()?,
        };
        put(self.desk, &Code { root }).map(Some)
    }

    fn empty(&self) -> Result<Node, ObjectError> {
        TreeBuilder::new(self.desk).finish()
    }
}

/// The names that any of the maps has.
fn names<K: Ord + Clone, V>(sides: &Three<Option<&BTreeMap<K, V>>>) -> BTreeSet<K> {
    [sides.base, sides.ours, sides.theirs].into_iter().flatten().flat_map(BTreeMap::keys).cloned().collect()
}
