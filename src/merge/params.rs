//! Parameters by key, in files that say so to the byte.

use crate::id::ContentId;
use crate::merge::three::Three;
use crate::merge::values::{self, Map};
use crate::merge::{Held, Merging};
use crate::name::TreePath;
use crate::object::{Node, ObjectError, Params, Placed, PlacedParams, get, put};
use crate::value::{KeyPath, Value};

/// Files of parameters are read whole up to this many bytes.
const MAX_FILE: u64 = 16 << 20;

/// The content of a file, if it is one, and its bytes and values.
struct Read {
    node: Node,
    bytes: Vec<u8>,
    values: Map,
}

/// A file of parameters on all sides that have it.
type ReadFile = (TreePath, Three<Option<Read>>);

impl Merging<'_> {
    pub(super) fn params(
        &mut self,
        sides: Three<Option<&PlacedParams>>,
    ) -> Result<Option<PlacedParams>, ObjectError> {
        if let Some(agreed) = sides.agreed() {
            return Ok(agreed.cloned());
        }
        let Some(files) = self.read_all(sides)? else { return self.whole(sides, &KeyPath::default()) };
        let (mut placed, mut union) = (Vec::new(), Map::new());
        for (path, file) in files {
            let Some((node, values)) = self.params_file(&path, file.as_ref().map(Option::as_ref))? else {
                continue;
            };
            placed.push(Placed { path, node });
            if let Err(twice) = add(&KeyPath::default(), &mut union, values) {
                return self.whole(sides, &twice);
            }
        }
        if placed.is_empty() {
            return Ok(None);
        }
        Ok(Some(PlacedParams { files: placed, params: put(self.desk, &Params { values: union })? }))
    }

    /// All files of all sides, ours first; `None` if one of them cannot be read.
    fn read_all(&self, sides: Three<Option<&PlacedParams>>) -> Result<Option<Vec<ReadFile>>, ObjectError> {
        let mut paths: Vec<&TreePath> = Vec::new();
        for placed in [sides.ours, sides.theirs].into_iter().flatten().flat_map(|side| &side.files) {
            if !paths.contains(&&placed.path) {
                paths.push(&placed.path);
            }
        }
        let mut files = Vec::new();
        for path in paths {
            let mut is_readable = true;
            let read = sides.try_map(|side| {
                let placed = side.and_then(|side| side.files.iter().find(|placed| placed.path == *path));
                let Some(placed) = placed else { return Ok(None) };
                let read = self.read(placed)?;
                is_readable &= read.is_some();
                Ok::<_, ObjectError>(read)
            })?;
            if !is_readable {
                return Ok(None);
            }
            files.push((path.clone(), read));
        }
        Ok(Some(files))
    }

    fn read(&self, placed: &Placed) -> Result<Option<Read>, ObjectError> {
        let Node::File { content, size, .. } = placed.node else { return Ok(None) };
        let Some(bytes) = self.bytes(Some((content, size)), MAX_FILE)? else { return Ok(None) };
        let values = self.reader.values(placed.path.file_name(), &bytes);
        Ok(values.map(|values| Read { node: placed.node, bytes, values }))
    }

    /// What comes of one file, and the values in it.
    fn params_file(
        &mut self,
        path: &TreePath,
        file: Three<Option<&Read>>,
    ) -> Result<Option<(Node, Map)>, ObjectError> {
        let found = |read: &Read| (read.node, read.values.clone());
        if let Some(agreed) = file.map(|side| side.map(|read| read.node)).agreed() {
            let side = [file.ours, file.theirs].into_iter().flatten().find(|read| Some(read.node) == agreed);
            return Ok(side.map(found));
        }
        let (Some(ours), Some(theirs)) = (file.ours, file.theirs) else {
            return Ok(self.conflicts.decide(
                path.to_string(),
                file.map(|side| side.map(found)),
                |(node, _)| Held::Node(node),
            ));
        };
        let before = self.conflicts.list.len();
        let trees = file.map(|side| side.map(|read| read.values.clone()).unwrap_or_default());
        let merged = values::merge("params", trees, &mut self.conflicts);
        let bytes = file.map(|side| side.map(|read| read.bytes.as_slice()).unwrap_or_default());
        let executable =
            [ours, theirs].iter().any(|read| matches!(read.node, Node::File { executable: true, .. }));
        if let Some(bytes) = values::file(self.reader, path.file_name(), bytes, &merged) {
            let (content, size): (ContentId, u64) =
                self.desk.insert_content(&mut &bytes[..], bytes.len() as u64)?;
            return Ok(Some((Node::File { content, size, executable }, merged)));
        }
        if self.conflicts.list.len() > before && self.conflicts.favour.is_none() {
            // The keys are to be decided first, and nothing is written meanwhile.
            return Ok(file.ours.map(found));
        }
        // The values are known, and no file could be written that has them all.
        self.conflicts.list.truncate(before);
        Ok(self
            .conflicts
            .decide(path.to_string(), file.map(|side| side.map(found)), |(node, _)| Held::Node(node)))
    }

    /// Parameters that cannot be merged by file, because of what is at this path: they are one thing.
    fn whole(
        &mut self,
        sides: Three<Option<&PlacedParams>>,
        at: &KeyPath,
    ) -> Result<Option<PlacedParams>, ObjectError> {
        let read = |placed: &PlacedParams| {
            let params: Params = get(self.desk, placed.params)?;
            Ok::<_, ObjectError>((placed.clone(), params.values))
        };
        let values = sides.try_map(|side| side.map(read).transpose())?;
        let held = |(_, values): (PlacedParams, Map)| {
            let all = Value::Map(values);
            Held::Value(all.get(at).cloned().unwrap_or(Value::Null))
        };
        let place = if at.keys().is_empty() { "params".to_owned() } else { format!("params.{at}") };
        Ok(self.conflicts.decide(place, values, held).map(|(placed, _)| placed))
    }
}

/// Adds the values of one file to those of the others, and says what two files say.
fn add(at: &KeyPath, union: &mut Map, values: Map) -> Result<(), KeyPath> {
    for (key, value) in values {
        match (union.get_mut(&key), value) {
            (None, value) => drop(union.insert(key, value)),
            (Some(Value::Map(has)), Value::Map(values)) => add(&at.child(&key), has, values)?,
            (Some(_), _) => return Err(at.child(&key)),
        }
    }
    Ok(())
}
