//! Names, parts and paths as a person writes them on the command line.

use std::path::Path;

use crate::cli::context::Context;
use crate::cli::error::CliError;
use crate::diff::Selector;
use crate::name::{PartName, RefName};
use crate::repo::Repository;

/// The name of a branch or tag.
pub fn ref_name(written: &str) -> Result<RefName, CliError> {
    RefName::new(written).map_err(|reason| CliError::Name { what: written.to_owned(), reason })
}

/// The name of a dataset, feature set or output.
pub fn part_name(written: &str) -> Result<PartName, CliError> {
    PartName::new(written).map_err(|reason| CliError::Name { what: written.to_owned(), reason })
}

/// Parts, or things within them.
pub fn selectors(written: &[String]) -> Result<Vec<Selector>, CliError> {
    let parse = |part: &String| part.parse().map_err(|reason| CliError::Part { what: part.clone(), reason });
    written.iter().map(parse).collect()
}

/// A path on the command line as the manifest writes it: from the root of the work tree. A path outside
/// stays as it is, for the façade to refuse.
pub fn from_root(repository: &Repository, context: &Context, written: &str) -> String {
    let path = context.path(written);
    let canonical_parent = || {
        let parent = path.parent()?.canonicalize().ok()?;
        Some(parent.join(path.file_name()?))
    };
    let below = |path: &Path| {
        let rest = path.strip_prefix(repository.root()).ok()?;
        let names: Option<Vec<&str>> = rest.iter().map(|name| name.to_str()).collect();
        names.map(|names| names.join("/")).filter(|path| !path.is_empty())
    };
    below(&path).or_else(|| below(&canonical_parent()?)).unwrap_or_else(|| written.to_owned())
}
