//! What a checkout would do, as a value: nothing is written here.
//!
//! Three states are compared by the ids of their trees: what the user last had, what is there now, and what is
//! wanted. What no state names is kept, and a file that is already as wanted is not touched.

use std::path::Path;

use crate::id::ContentId;
use crate::name::TreePath;
use crate::object::{Find, Node, ObjectError};
use crate::worktree::look::Stat;

mod measure;
mod view;
mod walk;

pub use measure::Measure;
use view::{Trie, View};

/// Something of a commit or of the work tree, and where it lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// From the root of the work tree; `None` is the root itself, where the code lies.
    pub path: Option<TreePath>,
    /// What is there.
    pub node: Node,
    /// Whether its contents are stored; a dataset by reference is verified and never written.
    pub stored: bool,
}

/// What becomes of changes that are not committed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LocalChanges {
    /// A changed file that is not as wanted is a conflict.
    #[default]
    Refuse,
    /// As before, but a changed file is kept where what is wanted is what the user last had: for switching.
    Carry,
    /// They are overwritten.
    Overwrite,
}

/// The three states to plan from.
#[derive(Clone, Copy, Debug)]
pub struct States<'a> {
    /// What the user last had: the parts of HEAD.
    pub head: &'a [Part],
    /// A scan of what HEAD and the target manage, as far as it exists.
    pub current: &'a [Part],
    /// What is wanted.
    pub target: &'a [Part],
    /// States that checkouts were about to make and did not come to the end of: what is there as one of them has it,
    /// or is gone as there, is no change of the user's.
    pub others: &'a [Vec<Part>],
}

/// The size and times of a file when the plan was made, so that a later change is noticed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    size: u64,
    mtime: i64,
    ctime: i64,
    inode: u64,
}

impl Stamp {
    pub(super) fn of(stat: &Stat) -> Self {
        Self { size: stat.size, mtime: stat.mtime, ctime: stat.ctime, inode: stat.inode }
    }
}

/// A step of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Remove a file or symbolic link.
    Remove {
        /// The file.
        path: TreePath,
        /// As it was.
        was: Stamp,
    },
    /// Remove a directory, if it is empty by then.
    RemoveDir {
        /// The directory.
        path: TreePath,
    },
    /// Create a directory.
    MakeDir {
        /// The directory.
        path: TreePath,
    },
    /// Create or replace a file.
    Write {
        /// The file.
        path: TreePath,
        /// Its bytes.
        content: ContentId,
        /// How many they are.
        size: u64,
        /// Whether its owner may execute it.
        executable: bool,
        /// The file that it replaces.
        was: Option<Stamp>,
    },
    /// Create or replace a symbolic link.
    Link {
        /// The link.
        path: TreePath,
        /// Its target's text.
        content: ContentId,
        /// Length of the target in bytes.
        size: u64,
        /// The file that it replaces.
        was: Option<Stamp>,
    },
    /// Make a file executable, or not.
    SetMode {
        /// The file.
        path: TreePath,
        /// Whether its owner may execute it.
        executable: bool,
        /// As it was.
        was: Stamp,
    },
}

impl Action {
    /// What it is about.
    pub fn path(&self) -> &TreePath {
        match self {
            Action::Remove { path, .. }
            | Action::RemoveDir { path }
            | Action::MakeDir { path }
            | Action::Write { path, .. }
            | Action::Link { path, .. }
            | Action::SetMode { path, .. } => path,
        }
    }
}

/// A file of the user that would be lost.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Conflict {
    /// The file.
    pub path: TreePath,
    /// Why it would be lost.
    pub reason: ConflictReason,
}

/// Why a file would be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ConflictReason {
    /// It was changed and not committed.
    Modified,
    /// It is in the way and in no commit that the plan knows.
    Untracked,
}

/// A dataset by reference that is not as wanted. It is never written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReferenceProblem {
    /// Where it lies.
    pub path: TreePath,
    /// Whether nothing is there; otherwise it differs.
    pub missing: bool,
}

/// What a checkout would do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// Steps to take, in this order.
    pub actions: Vec<Action>,
    /// What stands against it, sorted by path; a plan with conflicts is not applied.
    pub conflicts: Vec<Conflict>,
    /// Datasets by reference that are not as wanted.
    pub references: Vec<ReferenceProblem>,
}

/// Why no plan could be made.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum PlanError {
    #[error("{first} and {second} would be one file here")]
    Collision { first: TreePath, second: TreePath },
    #[error("two different things are recorded for {0}")]
    Overlap(TreePath),
    #[error("the code that is recorded is a file and not a directory")]
    NotADirectory,
    #[error("the trees that are recorded repeat themselves beyond measure: {0} names and more")]
    TooMany(u64),
    #[error("{name:?} cannot be a name: {problem}")]
    Name { name: String, problem: crate::name::NameError },
    #[error("the path of {below} below {path} is too long")]
    TooLong { path: TreePath, below: String },
    #[error("cannot look at {path:?}: {source}")]
    Io { path: std::path::PathBuf, source: std::io::Error },
    #[error(transparent)]
    Object(#[from] ObjectError),
}

/// Makes a plan for the work tree at `root`. `find` finds the trees of all three states.
pub fn plan(
    root: &Path,
    find: &impl Find,
    states: States<'_>,
    changes: LocalChanges,
) -> Result<Plan, PlanError> {
    let head = Trie::stored(states.head);
    let current = Trie::stored(states.current);
    let mut target = Trie::stored(states.target);
    let others: Vec<Trie> = states.others.iter().map(|parts| Trie::stored(parts)).collect();
    let mut references = Vec::new();
    for part in states.target.iter().filter(|part| !part.stored) {
        target.keep(part);
        let Some(path) = part.path.clone() else { continue };
        let now = current.view(part, find)?;
        let wanted = Trie::stored(&[Part { path: None, node: part.node, stored: true }]);
        if !now.same(&View::of(&wanted)) {
            references.push(ReferenceProblem { path, missing: now.is_nothing() });
        }
    }
    let mut planner = walk::Planner::new(root, find, changes);
    let others = others.iter().map(View::of).collect();
    planner.run(View::of(&head), View::of(&current), View::of(&target), others)?;
    Ok(Plan { references, ..planner.finish() })
}
