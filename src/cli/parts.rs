//! Names as a person writes them on the command line.

use crate::cli::error::CliError;
use crate::name::{PartName, RefName, RemoteName};

/// The name of a branch or tag.
pub fn ref_name(written: &str) -> Result<RefName, CliError> {
    RefName::new(written).map_err(|reason| CliError::Name { what: written.to_owned(), reason })
}

/// The name of a dataset, feature set or output.
pub fn part_name(written: &str) -> Result<PartName, CliError> {
    PartName::new(written).map_err(|reason| CliError::Name { what: written.to_owned(), reason })
}

/// The name of a remote.
pub fn remote_name(written: &str) -> Result<RemoteName, CliError> {
    RemoteName::new(written).map_err(|reason| CliError::Name { what: written.to_owned(), reason })
}
