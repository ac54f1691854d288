//! What can be said before anything runs: what differs here, and what is in the way.

use std::collections::BTreeSet;

use crate::capture;
use crate::diff::{self, Ranked, State};
use crate::format;
use crate::id::CommitId;
use crate::launch;
use crate::name::{EntryName, TreePath};
use crate::object::{self, Code, Dataset, Definition, FindContent, Node, TreeEntries};
use crate::progress::Silent;
use crate::repo::reproduce::environment::Surroundings;
use crate::repo::reproduce::{Original, Proposal};
use crate::repo::{MANIFEST, RepoError, Repository};
use crate::worktree::manifest::Manifest;
use crate::worktree::scan::{HashOnly, ScanError, ScanOptions, scan};

/// Sources are looked at for what they import up to this many bytes, and so many of them.
const MAX_SOURCE: u64 = 4 << 20;
const MAX_SOURCES: usize = 10_000;

/// What is in the way of running a commit again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// A word of the command was a secret, and is not recorded.
    #[error("the word {0:?} of the command was taken out when it was recorded")]
    Redacted(String),
    /// A dataset that is recorded by reference is not here as it was.
    #[error("the dataset {name} is recorded by reference, and {path} is not here as it was")]
    Reference {
        /// Its name.
        name: String,
        /// Where it should be.
        path: TreePath,
    },
    /// The program is not on this machine.
    #[error("{0}")]
    Program(String),
    /// Nothing says what to run.
    #[error("no command is recorded")]
    NoCommand,
}

/// What is known before a commit is run again.
#[derive(Clone, Debug, PartialEq)]
pub struct Prospect {
    /// The commit.
    pub commit: CommitId,
    /// What is going to be executed.
    pub proposal: Proposal,
    /// What is in the way.
    pub obstacles: Vec<Obstacle>,
    /// What differs between the recorded environment and this one, likeliest to matter first.
    pub environment: Vec<Ranked>,
    /// Packages that could not be made again, if that was asked for.
    pub left_out: Vec<String>,
}

impl Repository {
    pub(super) fn look_ahead(
        &self,
        original: &Original,
        surroundings: &Surroundings,
    ) -> Result<Prospect, RepoError> {
        let overlay = HashOnly::new(&self.root, &self.store);
        let environment = surroundings.observe(self, original, &overlay)?;
        let now = Definition { environment, ..original.definition.clone() };
        let state = |definition: &Definition| State { definition: Some(definition.clone()), outcome: None };
        let options = diff::Options { lines: false, ..diff::Options::default() };
        let (before, after) = (state(&original.definition), state(&now));
        let diff = diff::states(&overlay, &overlay, &before, &after, &options)?;
        let mut environment = diff.ranked_environment(&self.imported(&original.definition)?);
        // What is recorded is set again, as far as it can be.
        environment.retain(|ranked| {
            ranked.part != diff::Part::Variables || !surroundings.sets(&ranked.change.label)
        });
        let mut obstacles = self.missing_references(&original.definition)?;
        obstacles.extend(self.command_obstacles(original, surroundings));
        let (commit, left_out) = (original.commit, surroundings.left_out.clone());
        Ok(Prospect { commit, proposal: self.proposal_of(original)?, obstacles, environment, left_out })
    }

    /// The names under which packages are recorded that the code imports.
    fn imported(&self, definition: &Definition) -> Result<BTreeSet<String>, RepoError> {
        let Some(code) = definition.code else { return Ok(BTreeSet::new()) };
        let code: Code = object::get(&self.store, code)?;
        let (mut pending, mut modules, mut seen) = (vec![code.root], BTreeSet::new(), 0);
        while let Some(node) = pending.pop() {
            let Node::Directory { tree, .. } = node else { continue };
            for entry in TreeEntries::new(&self.store, tree)? {
                let entry = entry?;
                match entry.node {
                    Node::File { content, size, .. } if is_source(&entry.name) && size <= MAX_SOURCE => {
                        seen += 1;
                        if seen > MAX_SOURCES {
                            break;
                        }
                        let bytes = self.contents(&Silent).content(content, MAX_SOURCE)?;
                        // A notebook that cannot be read imports nothing that is known.
                        modules.extend(format::imports(entry.name.as_str(), &bytes).unwrap_or_default());
                    }
                    node @ Node::Directory { .. } => pending.push(node),
                    _ => {}
                }
            }
        }
        Ok(modules.iter().flat_map(|module| format::distributions(module)).collect())
    }

    /// Datasets by reference that are not where they were, or not what they were.
    fn missing_references(&self, definition: &Definition) -> Result<Vec<Obstacle>, RepoError> {
        let (overlay, cache) = (HashOnly::new(&self.root, &self.store), self.stat_cache());
        let mut missing = Vec::new();
        for (name, placed) in &definition.datasets {
            let dataset: Dataset = object::get(&self.store, placed.dataset)?;
            if dataset.stored {
                continue;
            }
            let options = ScanOptions { reference: true, traced: false, progress: &Silent };
            match scan(&self.root, &placed.path, &cache, &overlay, options) {
                Ok(node) if node == dataset.root => {}
                Ok(_) | Err(ScanError::Missing { .. }) => {
                    missing.push(Obstacle::Reference { name: name.to_string(), path: placed.path.clone() });
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(missing)
    }

    fn command_obstacles(&self, original: &Original, surroundings: &Surroundings) -> Option<Obstacle> {
        let Ok(words) = original.command() else { return Some(Obstacle::NoCommand) };
        if let Some(word) = words.iter().find(|word| word.contains(capture::REDACTED)) {
            return Some(Obstacle::Redacted(word.clone()));
        }
        // A program that is named by its path may lie in the folder that is still to be made.
        if words[0].contains('/') || surroundings.replaces(&words[0]) {
            return None;
        }
        let words: Vec<_> = words.iter().map(Into::into).collect();
        let found = launch::find(&words, &self.root, surroundings.set());
        found.err().map(|error| Obstacle::Program(error.to_string()))
    }

    /// The manifest that a definition was made with; today's, if it has none.
    pub(super) fn manifest_of(&self, definition: &Definition) -> Result<Manifest, RepoError> {
        let Some(code) = definition.code else { return self.manifest() };
        let code: Code = object::get(&self.store, code)?;
        let Node::Directory { tree, .. } = code.root else { return self.manifest() };
        match object::lookup(&self.store, tree, MANIFEST)? {
            Some(Node::File { content, .. }) => {
                let limit = crate::worktree::manifest::MAX_BYTES as u64;
                let bytes = self.contents(&Silent).content(content, limit)?;
                Ok(Manifest::parse(&String::from_utf8_lossy(&bytes))?)
            }
            _ => self.manifest(),
        }
    }
}

fn is_source(name: &EntryName) -> bool {
    [".py", ".pyw", ".ipynb"].iter().any(|ending| name.as_str().ends_with(ending))
}
