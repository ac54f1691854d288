//! The comparison of three states, directory by directory, without recursion.

use std::collections::HashMap;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;

use crate::id::ContentId;
use crate::name::{EntryName, TreePath};
use crate::object::{Find, Node};
use crate::worktree::look::{self, FileKind, Stat};
use crate::worktree::plan::measure::Measure;
use crate::worktree::plan::view::{Cursor, View};
use crate::worktree::plan::{Action, Conflict, ConflictReason, LocalChanges, Plan, PlanError, Stamp};

/// Where file systems commonly take two names that differ in case for one.
const FOLDS: bool = cfg!(any(target_os = "macos", target_os = "windows"));

pub(super) struct Planner<'a, F: Find> {
    root: &'a Path,
    find: &'a F,
    changes: LocalChanges,
    folds: bool,
    pending: Vec<Frame<'a>>,
    steps: Steps,
    conflicts: Vec<Conflict>,
    wanted: Measure,
}

/// A directory that is still to be compared.
struct Frame<'a> {
    path: Option<TreePath>,
    states: Three<'a>,
    /// Whether it is there now, so that there may be what no state knows of.
    exists: bool,
    /// Whether a file takes its place, so that all of it must go.
    must_go: bool,
}

/// What the three states have at one path.
struct Three<'a> {
    head: View<'a>,
    current: View<'a>,
    target: View<'a>,
    /// And states that checkouts were on their way to.
    others: Vec<View<'a>>,
}

impl Three<'_> {
    /// Whether what is there now was left by a checkout that did not come to its end.
    fn is_half_done(&self) -> bool {
        // Between a file and a directory of one name there is nothing for a moment.
        let changes_kind = |other: &View<'_>| {
            let both = !self.head.is_nothing() && !other.is_nothing();
            both && self.head.is_directory() != other.is_directory()
        };
        let left =
            |other: &View<'_>| other.same(&self.current) || self.current.is_nothing() && changes_kind(other);
        self.others.iter().any(left)
    }

    /// Whether that may be so of something below what is there now.
    fn may_be_half_done(&self) -> bool {
        let differs = || self.others.iter().any(|other| !other.same(&self.head));
        self.is_half_done() || self.current.is_directory() && differs()
    }
}

/// Steps in the order in which they are taken.
#[derive(Default)]
struct Steps {
    clear: Vec<Action>,
    /// The deepest last.
    clear_dirs: Vec<Action>,
    make_dirs: Vec<Action>,
    write: Vec<Action>,
    remove: Vec<Action>,
    /// The deepest last.
    remove_dirs: Vec<Action>,
}

impl<'a, F: Find> Planner<'a, F> {
    pub fn new(root: &'a Path, find: &'a F, changes: LocalChanges) -> Self {
        let (pending, conflicts) = (Vec::new(), Vec::new());
        let (steps, wanted) = (Steps::default(), Measure::default());
        Self { root, find, changes, folds: FOLDS, pending, steps, conflicts, wanted }
    }

    pub fn run(
        &mut self,
        head: View<'a>,
        current: View<'a>,
        target: View<'a>,
        others: Vec<View<'a>>,
    ) -> Result<(), PlanError> {
        if target.leaf.is_some() {
            return Err(PlanError::NotADirectory);
        }
        let states = Three { head, current, target, others };
        self.pending.push(Frame { path: None, states, exists: true, must_go: false });
        while let Some(frame) = self.pending.pop() {
            self.directory(frame)?;
        }
        Ok(())
    }

    pub fn finish(self) -> Plan {
        let Self { mut steps, mut conflicts, .. } = self;
        conflicts.sort();
        conflicts.dedup();
        let mut actions = steps.clear;
        actions.extend(steps.clear_dirs.into_iter().rev());
        actions.append(&mut steps.make_dirs);
        actions.append(&mut steps.write);
        actions.append(&mut steps.remove);
        actions.extend(steps.remove_dirs.into_iter().rev());
        Plan { actions, conflicts, references: Vec::new() }
    }

    fn directory(&mut self, frame: Frame<'a>) -> Result<(), PlanError> {
        let Three { head, current, target, others } = &frame.states;
        let untouched = head.same(current);
        let mut head = Cursor::new(self.find, head)?;
        let empty = View::default();
        let mut current = Cursor::new(self.find, if untouched { &empty } else { current })?;
        let mut target = Cursor::new(self.find, target)?;
        let mut others =
            others.iter().map(|other| Cursor::new(self.find, other)).collect::<Result<Vec<_>, _>>()?;
        let mut folded: HashMap<String, TreePath> = HashMap::new();
        let (mut known, mut wanted) = (0, 0);
        loop {
            let names = [head.name(), current.name(), target.name()].into_iter();
            let Some(name) = names.chain(others.iter_mut().map(Cursor::name)).flatten().min() else { break };
            let name = name.to_owned();
            let head = head.take(&name)?;
            let current = if untouched { head.clone() } else { current.take(&name)? };
            let others = others.iter_mut().map(|other| other.take(&name)).collect::<Result<_, _>>()?;
            let states = Three { head, current, target: target.take(&name)?, others };
            known += usize::from(!states.current.is_nothing());
            wanted += u64::from(!states.target.is_nothing());
            if states.target.is_impossible() {
                return Err(PlanError::Overlap(below(&frame, &name)?));
            }
            if states.current.same(&states.target) && !frame.must_go && !self.folds {
                continue;
            }
            let path = below(&frame, &name)?;
            if self.folds && !states.target.is_nothing() {
                let key = name.to_lowercase();
                if let Some(first) = folded.insert(key, path.clone()) {
                    return Err(PlanError::Collision { first, second: path });
                }
            }
            self.name(path, states, &frame)?;
        }
        self.wanted.count(frame.states.target.trees(), wanted)?;
        if frame.must_go { self.check_nothing_else(&frame, known) } else { Ok(()) }
    }

    /// Decides what becomes of one name.
    fn name(&mut self, path: TreePath, states: Three<'a>, frame: &Frame<'a>) -> Result<(), PlanError> {
        let Three { head, current, target, .. } = &states;
        if target.kept || (current.same(target) && !frame.must_go) {
            return Ok(());
        }
        let carried = self.changes == LocalChanges::Carry && head.same(target) && !head.is_nothing();
        if carried && !current.same(head) && !states.may_be_half_done() {
            return Ok(());
        }
        match target.leaf {
            Some(node) => self.want_file(path, node, states, frame.exists),
            None if target.is_directory() => self.want_directory(path, states, frame.exists),
            None => self.want_nothing(path, states, frame.must_go),
        }
    }

    fn want_file(
        &mut self,
        path: TreePath,
        node: Node,
        states: Three<'a>,
        exists: bool,
    ) -> Result<(), PlanError> {
        if states.current.is_directory() {
            self.steps.write.push(write(path.clone(), node, None));
            self.steps.clear_dirs.push(Action::RemoveDir { path: path.clone() });
            let states = Three { target: View::default(), ..states };
            self.pending.push(Frame { path: Some(path), states, exists: true, must_go: true });
            return Ok(());
        }
        let Some(now) = states.current.leaf else {
            return if exists { self.want_new_file(path, node) } else { self.write(path, node, None) };
        };
        if !self.may_go(&path, &states) {
            return Ok(());
        }
        let was = self.stat(&path)?.map(|stat| Stamp::of(&stat));
        match (now, node, was) {
            (Node::File { content: a, .. }, Node::File { content: b, executable, .. }, Some(was))
                if a == b =>
            {
                self.steps.write.push(Action::SetMode { path, executable, was });
                Ok(())
            }
            _ => self.write(path, node, was),
        }
    }

    /// A file that no scan has met: what lies there is not known to any state.
    fn want_new_file(&mut self, path: TreePath, node: Node) -> Result<(), PlanError> {
        let Some(stat) = self.stat(&path)? else { return self.write(path, node, None) };
        if self.holds(&path, &stat, node) {
            return Ok(());
        }
        let replaceable = matches!(stat.kind, FileKind::File | FileKind::Symlink);
        if replaceable && self.changes == LocalChanges::Overwrite {
            return self.write(path, node, Some(Stamp::of(&stat)));
        }
        self.conflict(path, ConflictReason::Untracked);
        Ok(())
    }

    /// Whether a file or link is by chance, or after an interruption, already as wanted.
    fn holds(&self, path: &TreePath, stat: &Stat, node: Node) -> bool {
        let (directory, name) = look::split(path.as_str());
        let directory = || look::open_dir(look::open_root(self.root)?.as_fd(), directory);
        let id = || -> io::Result<_> {
            match node {
                Node::File { size, executable, .. }
                    if (stat.kind, stat.size, stat.executable) == (FileKind::File, size, executable) =>
                {
                    Ok(crate::worktree::scan::hash(&mut look::open_file(directory()?, name)?)?.0)
                }
                Node::Symlink { .. } if stat.kind == FileKind::Symlink => {
                    Ok(ContentId::of(&look::read_link(directory()?, name)?))
                }
                _ => Err(io::ErrorKind::InvalidInput.into()),
            }
        };
        let (Node::File { content, .. } | Node::Symlink { content, .. }) = node else { return false };
        id().is_ok_and(|id| id == content)
    }

    fn want_directory(&mut self, path: TreePath, states: Three<'a>, exists: bool) -> Result<(), PlanError> {
        let mut is_there = states.current.is_directory();
        if !is_there && !states.target.wants_anything() {
            return Ok(());
        }
        if !is_there {
            let stat = if exists { self.stat(&path)? } else { None };
            is_there = stat.is_some_and(|stat| stat.kind == FileKind::Directory);
            if let Some(stat) = stat.filter(|_| !is_there) {
                if states.current.leaf.is_none() && self.changes != LocalChanges::Overwrite {
                    self.conflict(path, ConflictReason::Untracked);
                    return Ok(());
                }
                if states.current.leaf.is_some() && !self.may_go(&path, &states) {
                    return Ok(());
                }
                self.steps.clear.push(Action::Remove { path: path.clone(), was: Stamp::of(&stat) });
            }
            if !is_there {
                self.steps.make_dirs.push(Action::MakeDir { path: path.clone() });
            }
        }
        self.pending.push(Frame { path: Some(path), states, exists: is_there, must_go: false });
        Ok(())
    }

    fn want_nothing(&mut self, path: TreePath, states: Three<'a>, must_go: bool) -> Result<(), PlanError> {
        let both = |state: &View<'_>| state.is_directory() && states.current.is_directory();
        let recorded = !states.head.is_nothing()
            && states.head.is_directory() == states.current.is_directory()
            || states.is_half_done()
            || states.others.iter().any(both);
        if states.current.is_nothing() || (!recorded && !must_go) {
            return Ok(());
        }
        if states.current.is_directory() {
            let action = Action::RemoveDir { path: path.clone() };
            let list = if must_go { &mut self.steps.clear_dirs } else { &mut self.steps.remove_dirs };
            list.push(action);
            self.pending.push(Frame { path: Some(path), states, exists: true, must_go });
            return Ok(());
        }
        if self.may_go(&path, &states)
            && let Some(stat) = self.stat(&path)?
        {
            let action = Action::Remove { path, was: Stamp::of(&stat) };
            if must_go { &mut self.steps.clear } else { &mut self.steps.remove }.push(action);
        }
        Ok(())
    }

    /// Whether the file that is there now may be replaced or removed; otherwise notes the conflict.
    fn may_go(&mut self, path: &TreePath, states: &Three<'_>) -> bool {
        let is_kept = states.head.leaf == states.current.leaf || states.is_half_done();
        if is_kept || self.changes == LocalChanges::Overwrite {
            return true;
        }
        let untracked = states.head.leaf.is_none();
        let reason = if untracked { ConflictReason::Untracked } else { ConflictReason::Modified };
        self.conflict(path.clone(), reason);
        false
    }

    /// A directory that must go has nothing but what the scan saw.
    fn check_nothing_else(&mut self, frame: &Frame<'_>, known: usize) -> Result<(), PlanError> {
        let Some(path) = &frame.path else { return Ok(()) };
        let full = self.root.join(path.as_str());
        let count = std::fs::read_dir(&full).map(Iterator::count);
        match count {
            Ok(count) if count <= known => Ok(()),
            Ok(_) => {
                self.conflict(path.clone(), ConflictReason::Untracked);
                Ok(())
            }
            Err(source) => Err(PlanError::Io { path: full, source }),
        }
    }

    fn conflict(&mut self, path: TreePath, reason: ConflictReason) {
        self.conflicts.push(Conflict { path, reason });
    }

    fn write(&mut self, path: TreePath, node: Node, was: Option<Stamp>) -> Result<(), PlanError> {
        self.steps.write.push(write(path, node, was));
        Ok(())
    }

    fn stat(&self, path: &TreePath) -> Result<Option<Stat>, PlanError> {
        let full = self.root.join(path.as_str());
        match look::stat(&full) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                Ok(None)
            }
            Err(source) => Err(PlanError::Io { path: full, source }),
        }
    }
}

fn write(path: TreePath, node: Node, was: Option<Stamp>) -> Action {
    match node {
        Node::File { content, size, executable } => Action::Write { path, content, size, executable, was },
        Node::Symlink { content, size } => Action::Link { path, content, size, was },
        Node::Directory { .. } => Action::MakeDir { path },
    }
}

fn below(frame: &Frame<'_>, name: &str) -> Result<TreePath, PlanError> {
    let named = |problem| PlanError::Name { name: name.to_owned(), problem };
    let Some(path) = &frame.path else { return TreePath::new(name).map_err(named) };
    if path.as_str().len() + 1 + name.len() > TreePath::MAX_LEN {
        return Err(PlanError::TooLong { path: path.clone(), below: name.to_owned() });
    }
    Ok(path.join(&EntryName::new(name).map_err(named)?))
}
