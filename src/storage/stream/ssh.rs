//! `ssh`.
pub use super::address::Address;
use crate::storage::StorageError;
/// Opens.
pub fn open(address: &Address) -> Result<crate::storage::Memory, StorageError> {
    let source = std::io::ErrorKind::Unsupported.into();
    Err(StorageError { action: "open", place: address.to_string(), source })
}
