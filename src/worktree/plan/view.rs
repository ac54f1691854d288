//! Parts of a state, laid over each other: what the state has at each path.

use std::collections::BTreeMap;

use crate::id::TreeId;
use crate::object::{Entry, Find, Node, ObjectError, TreeEntries};
use crate::worktree::plan::Part;

/// The parts of a state by the names of their paths.
#[derive(Default)]
pub(super) struct Trie {
    nodes: Vec<Node>,
    below: BTreeMap<Box<str>, Trie>,
    /// Whatever is here is kept as it is.
    kept: bool,
}

impl Trie {
    /// The parts whose contents are stored.
    pub fn stored(parts: &[Part]) -> Self {
        let mut trie = Self::default();
        for part in parts.iter().filter(|part| part.stored) {
            trie.at(part).nodes.push(part.node);
        }
        trie
    }

    fn at(&mut self, part: &Part) -> &mut Self {
        let names = part.path.iter().flat_map(|path| path.names());
        names.fold(self, |trie, name| trie.below.entry(name.into()).or_default())
    }

    /// Marks a part as one that is kept as it is.
    pub fn keep(&mut self, part: &Part) {
        self.at(part).kept = true;
    }

    /// Whether anything that is stored is here or below. As deep as paths are.
    fn has_nodes(&self) -> bool {
        !self.nodes.is_empty() || self.below.values().any(Self::has_nodes)
    }

    /// What a part's path has in this state.
    pub fn view<'a>(&'a self, part: &Part, find: &impl Find) -> Result<View<'a>, ObjectError> {
        let mut view = View::of(self);
        for name in part.path.iter().flat_map(|path| path.names()) {
            let mut below = View::default();
            for tree in view.trees() {
                if let Some(node) = crate::object::lookup(find, tree, name)? {
                    below.add(node);
                }
            }
            if let Some(trie) = view.trie.and_then(|trie| trie.below.get(name)) {
                below.lay(trie);
            }
            view = below;
        }
        Ok(view)
    }
}

/// What a state has at a path.
#[derive(Clone, Default)]
pub(super) struct View<'a> {
    /// A file or symbolic link.
    pub leaf: Option<Node>,
    tree: Option<TreeId>,
    /// Further trees that are laid over the first.
    more: Vec<TreeId>,
    trie: Option<&'a Trie>,
    /// Whatever is here is kept as it is.
    pub kept: bool,
    /// Whether the state names two different things here.
    torn: bool,
}

impl<'a> View<'a> {
    pub fn of(trie: &'a Trie) -> Self {
        let mut view = Self::default();
        view.lay(trie);
        view
    }

    fn add(&mut self, node: Node) {
        match node {
            Node::Directory { tree, .. } if self.tree.is_none() => self.tree = Some(tree),
            Node::Directory { tree, .. } if self.tree == Some(tree) => {}
            Node::Directory { tree, .. } => self.more.push(tree),
            leaf => {
                self.torn |= self.leaf.is_some_and(|other| other != leaf);
                self.leaf = Some(leaf);
            }
        }
    }

    fn lay(&mut self, trie: &'a Trie) {
        trie.nodes.iter().for_each(|node| self.add(*node));
        self.torn |= trie.nodes.windows(2).any(|pair| pair[0] != pair[1]);
        self.kept |= trie.kept;
        self.trie = (!trie.below.is_empty()).then_some(trie);
    }

    pub fn trees(&self) -> impl Iterator<Item = TreeId> {
        self.tree.into_iter().chain(self.more.iter().copied())
    }

    pub fn is_directory(&self) -> bool {
        self.leaf.is_none() && (self.tree.is_some() || self.trie.is_some())
    }

    /// Whether the state cannot be had: two parts in one place, or a file with something below it.
    pub fn is_impossible(&self) -> bool {
        self.torn || self.leaf.is_some() && (self.tree.is_some() || self.trie.is_some())
    }

    /// Whether anything but what is kept is here or below.
    pub fn wants_anything(&self) -> bool {
        self.leaf.is_some() || self.tree.is_some() || self.trie.is_some_and(Trie::has_nodes)
    }

    pub fn is_nothing(&self) -> bool {
        self.leaf.is_none() && !self.is_directory()
    }

    /// Whether both have the same here and, as far as ids tell, below.
    pub fn same(&self, other: &Self) -> bool {
        let nothing_over = self.trie.is_none() && other.trie.is_none();
        nothing_over && (self.leaf, self.tree, &self.more) == (other.leaf, other.tree, &other.more)
    }
}

/// The names that a view has below it, in order.
pub(super) struct Cursor<'a, F: Find> {
    trees: Vec<(TreeEntries<'a, F>, Option<Entry>)>,
    below: std::iter::Peekable<std::collections::btree_map::Iter<'a, Box<str>, Trie>>,
}

static NOTHING: Trie = Trie { nodes: Vec::new(), below: BTreeMap::new(), kept: false };

impl<'a, F: Find> Cursor<'a, F> {
    pub fn new(find: &'a F, view: &View<'a>) -> Result<Self, ObjectError> {
        let mut trees = Vec::new();
        for tree in view.trees().filter(|_| view.leaf.is_none()) {
            let mut entries = TreeEntries::new(find, tree)?;
            let first = entries.next().transpose()?;
            trees.push((entries, first));
        }
        let below = view.trie.filter(|_| view.leaf.is_none()).unwrap_or(&NOTHING).below.iter().peekable();
        Ok(Self { trees, below })
    }

    /// The next name.
    pub fn name(&mut self) -> Option<&str> {
        let below = self.below.peek().map(|(name, _)| &***name);
        let entries = self.trees.iter().filter_map(|(_, entry)| Some(entry.as_ref()?.name.as_str()));
        entries.chain(below).min()
    }

    /// What is under a name, if it is the next; moves past it.
    pub fn take(&mut self, name: &str) -> Result<View<'a>, ObjectError> {
        let mut view = View::default();
        for (rest, next) in &mut self.trees {
            if let Some(entry) = next.take_if(|entry| entry.name.as_str() == name) {
                view.add(entry.node);
                *next = rest.next().transpose()?;
            }
        }
        if let Some((_, trie)) = self.below.next_if(|(other, _)| &***other == name) {
            view.lay(trie);
        }
        Ok(view)
    }
}
