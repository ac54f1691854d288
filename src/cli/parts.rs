//! Names and parts as a person writes them on the command line.

use crate::cli::error::CliError;
use crate::diff::Selector;
use crate::name::{PartName, RefName};

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
