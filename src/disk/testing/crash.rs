//! The states in which a power cut may leave a folder.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};

use super::model::{FileState, Inode, Model, Name, ROOT, Thing, put};
use super::{Node, Op, Snapshot};

/// How many states are built for each prefix of a trace: all of them if there are no more, else this many,
/// among them "nothing arrived", "everything did", and, as far as there is room, "everything but bytes", "everything
/// but the names in one directory and below", and those that differ from the first two in one thing.
#[derive(Clone, Copy, Debug)]
pub struct Bound {
    /// The number.
    pub states: usize,
    /// What the choice of the others depends on.
    pub seed: u64,
}

/// One state after a power cut.
pub struct Crash {
    /// How many operations of the trace had begun; all but the last had returned.
    pub operations: usize,
    nodes: BTreeMap<PathBuf, Node>,
}

impl Crash {
    /// What is there, by path below the folder.
    pub fn nodes(&self) -> &BTreeMap<PathBuf, Node> {
        &self.nodes
    }

    /// Builds the state in an empty folder.
    pub fn build(&self, root: &Path) -> io::Result<()> {
        for (path, node) in &self.nodes {
            let path = root.join(path);
            match node {
                Node::Dir => std::fs::create_dir(path)?,
                Node::File { bytes, executable } => {
                    std::fs::write(&path, bytes)?;
                    if *executable {
                        use crate::disk::Disk;
                        crate::disk::OsDisk.set_executable(&path, true)?;
                    }
                }
                #[cfg(unix)]
                Node::Symlink { target } => std::os::unix::fs::symlink(target, path)?,
                #[cfg(not(unix))]
                Node::Symlink { .. } => return Err(io::ErrorKind::Unsupported.into()),
            }
        }
        Ok(())
    }
}

/// Calls `check` with every state in which a power cut during the trace may leave the folder.
///
/// Longer prefixes come first, and no state comes twice: so each is met with all that had been acknowledged by
/// the latest moment at which it may arise. Stops at the first error.
pub fn each_crash<E>(
    start: &Snapshot,
    trace: &[Op],
    bound: Bound,
    check: &mut dyn FnMut(&Crash) -> Result<(), E>,
) -> Result<(), E> {
    each_crash_after(start, trace, &mut (0..=trace.len()).rev(), bound, check)
}

/// The same of a power cut after so many operations only.
pub fn each_crash_after<E>(
    start: &Snapshot,
    trace: &[Op],
    prefixes: &mut dyn Iterator<Item = usize>,
    bound: Bound,
    check: &mut dyn FnMut(&Crash) -> Result<(), E>,
) -> Result<(), E> {
    let mut seen = HashSet::new();
    for operations in prefixes {
        let model = Model::new(start, &trace[..operations]);
        let choices = Choices::of(&model);
        for choice in choices.take(bound) {
            let nodes = choices.outcome(&model, &choice);
            if seen.insert(nodes.clone()) {
                check(&Crash { operations, nodes })?;
            }
        }
    }
    Ok(())
}

/// What can go one way or another.
enum Open {
    /// Which of its values a name has, from the durable one on.
    Name(Name),
    /// What of a file's unsynced bytes arrived.
    Bytes(Inode),
    /// Whether a file's new mode arrived.
    Mode(Inode),
}

/// What becomes of unsynced bytes: nothing, all, the first half of them, zeros in their place.
const FATES_OF_BYTES: usize = 4;

struct Choices {
    open: Vec<Open>,
    /// For each, how many ways it can go: at least two.
    ways: Vec<usize>,
    /// For each directory with open names, which those are that lie there or below.
    below: Vec<Vec<usize>>,
}

impl Choices {
    fn of(model: &Model) -> Self {
        let mut choices = Self { open: Vec::new(), ways: Vec::new(), below: Vec::new() };
        for (name, state) in &model.names {
            choices.add(Open::Name(name.clone()), state.values.len() - state.durable);
        }
        for (inode, thing) in model.things.iter().enumerate() {
            if let Thing::File(file) = thing {
                choices.add(Open::Bytes(inode), if file.waiting.is_empty() { 1 } else { FATES_OF_BYTES });
                let modes = if file.executable == file.durable_executable { 1 } else { 2 };
                choices.add(Open::Mode(inode), modes);
            }
        }
        choices.below = below(model, &choices.open);
        choices
    }

    fn add(&mut self, open: Open, ways: usize) {
        if ways > 1 {
            self.open.push(open);
            self.ways.push(ways);
        }
    }

    /// All ways in which things can go, or as many as the bound allows.
    fn take(&self, bound: Bound) -> Vec<Vec<usize>> {
        let all = self.ways.iter().try_fold(1usize, |product, ways| product.checked_mul(*ways));
        match all {
            Some(all) if all <= bound.states => (0..all).map(|index| self.decode(index)).collect(),
            _ => self.sample(bound),
        }
    }

    fn decode(&self, mut index: usize) -> Vec<usize> {
        let digit = |ways: &usize| {
            let digit = index % ways;
            index /= ways;
            digit
        };
        self.ways.iter().map(digit).collect()
    }

    fn sample(&self, bound: Bound) -> Vec<Vec<usize>> {
        let nothing = vec![0; self.ways.len()];
        let everything: Vec<usize> =
            self.open.iter().zip(&self.ways).map(|(open, ways)| whole(open, *ways)).collect();
        let no_bytes = self.open.iter().zip(&everything);
        let no_bytes = no_bytes.map(|(open, way)| if matches!(open, Open::Bytes(_)) { 0 } else { *way });
        let mut samples = vec![nothing.clone(), everything.clone(), no_bytes.collect()];
        for names in &self.below {
            let mut sample = everything.clone();
            names.iter().for_each(|at| sample[*at] = 0);
            samples.push(sample);
        }
        let first = samples.len().min(bound.states).max(2);
        for (at, ways) in self.ways.iter().enumerate() {
            for (base, way) in
                [&nothing, &everything].into_iter().flat_map(|base| (0..*ways).map(move |way| (base, way)))
            {
                let mut sample = base.clone();
                sample[at] = way;
                samples.push(sample);
            }
        }
        let mut random = bound.seed;
        // More than the bound differ in one thing where much is open: then a choice of those.
        while samples.len() > bound.states.max(2) {
            let others = (samples.len() - first) as u64;
            samples.swap_remove(first + (split_mix(&mut random) % others) as usize);
        }
        while samples.len() < bound.states {
            samples.push(
                self.ways.iter().map(|ways| (split_mix(&mut random) % *ways as u64) as usize).collect(),
            );
        }
        samples
    }

    /// The state of the folder if things went this way. Where a rename's old name went sooner than its new one
    /// came, it is taken not to have gone.
    fn outcome(&self, model: &Model, choice: &[usize]) -> BTreeMap<PathBuf, Node> {
        let mut values: BTreeMap<&Name, usize> =
            model.names.iter().map(|(name, state)| (name, state.durable)).collect();
        let (mut bytes, mut modes) = (BTreeMap::new(), BTreeMap::new());
        for (open, way) in self.open.iter().zip(choice) {
            match open {
                Open::Name(name) => *values.entry(name).or_default() += way,
                Open::Bytes(inode) => drop(bytes.insert(*inode, *way)),
                Open::Mode(inode) => drop(modes.insert(*inode, *way == 1)),
            }
        }
        hold_back(model, &mut values);
        let mut nodes = BTreeMap::new();
        let mut dirs = vec![(ROOT, PathBuf::new())];
        while let Some((dir, path)) = dirs.pop() {
            for ((_, name), state) in model.names.range((dir, PathBuf::new())..(dir + 1, PathBuf::new())) {
                let key = (dir, name.clone());
                let Some(inode) = state.values[values[&key]] else { continue };
                let path = path.join(name);
                let node = match &model.things[inode] {
                    Thing::Dir => {
                        dirs.push((inode, path.clone()));
                        Node::Dir
                    }
                    Thing::Symlink(target) => Node::Symlink { target: target.clone() },
                    Thing::File(file) => Node::File {
                        bytes: arrived(file, bytes.get(&inode).copied().unwrap_or(0)).into(),
                        executable: match modes.get(&inode) {
                            Some(true) => file.executable,
                            _ => file.durable_executable,
                        },
                    },
                };
                nodes.insert(path, node);
            }
        }
        nodes
    }
}

/// For each directory in which names are open, all that are open there and below.
fn below(model: &Model, open: &[Open]) -> Vec<Vec<usize>> {
    let parents: HashMap<Inode, Inode> = model
        .names
        .iter()
        .flat_map(|((dir, _), state)| state.values.iter().flatten().map(move |inode| (*inode, *dir)))
        .collect();
    let dirs: Vec<(usize, Inode)> = open
        .iter()
        .enumerate()
        .filter_map(|(at, open)| match open {
            Open::Name((dir, _)) => Some((at, *dir)),
            _ => None,
        })
        .collect();
    let mut below: BTreeMap<Inode, Vec<usize>> = dirs.iter().map(|(_, dir)| (*dir, Vec::new())).collect();
    for (at, dir) in dirs {
        let above = std::iter::successors(Some(dir), |dir| parents.get(dir).copied());
        for dir in above {
            below.entry(dir).and_modify(|names| names.push(at));
        }
    }
    below.into_values().collect()
}

/// The way in which all arrived.
fn whole(open: &Open, ways: usize) -> usize {
    if matches!(open, Open::Bytes(_)) { 1 } else { ways - 1 }
}

/// Keeps the old name of a rename until its new one is there.
fn hold_back<'a>(model: &'a Model, values: &mut BTreeMap<&'a Name, usize>) {
    loop {
        let mut changed = false;
        for (name, state) in &model.names {
            for (gone, other, needed) in &state.after {
                if values[name] >= *gone && values[other] < *needed && state.durable < *gone {
                    values.insert(name, gone - 1);
                    changed = true;
                }
            }
        }
        if !changed {
            return;
        }
    }
}

/// The bytes of a file, if this became of those that were not synced.
fn arrived(file: &FileState, fate: usize) -> Vec<u8> {
    let mut bytes = file.durable.clone();
    let waiting: usize = file.waiting.iter().map(|(_, bytes)| bytes.len()).sum();
    let mut left = match fate {
        0 => 0,
        2 => waiting / 2,
        _ => waiting,
    };
    for (offset, written) in &file.waiting {
        let part = &written[..written.len().min(left)];
        left -= part.len();
        if fate == 3 {
            put(&mut bytes, *offset, &vec![0; part.len()]);
        } else if !part.is_empty() {
            put(&mut bytes, *offset, part);
        }
    }
    bytes
}

/// The next number of a sequence that passes for random (Steele, Lea and Flood, "SplitMix").
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (*state ^ *state >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}
