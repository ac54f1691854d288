//! Why two repositories could not be brought together.

use crate::object::ObjectError;
use crate::refs::RefError;
use crate::storage::StorageError;
use crate::store::StoreError;

/// Why two repositories could not be brought together.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs)]
pub enum SyncError {
    #[error("there is no repository")]
    NotARepository,
    #[error("something else than a repository is there")]
    Occupied,
    #[error("the remote has the unknown format {found:?}")]
    UnknownFormat { found: String },
    #[error("the remote names what it does not have, or what is damaged")]
    Incomplete { source: ObjectError },
    #[error("{count} contents of what should be sent are neither here nor there")]
    NotHere { count: u64 },
    #[error(transparent)]
    Ref(#[from] RefError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Object(#[from] ObjectError),
    #[error(transparent)]
    Storage(#[from] StorageError),
}
