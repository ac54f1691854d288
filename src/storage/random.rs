//! Randomness for names and nonces: what nobody else draws.

use crate::storage::StorageError;

/// So many random bytes.
pub fn random<const N: usize>() -> Result<[u8; N], StorageError> {
    #[cfg(test)]
    if let Some(bytes) = crate::storage::testing::drawn() {
        return Ok(bytes);
    }
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| StorageError {
        action: "draw",
        place: "random bytes".to_owned(),
        source: std::io::Error::other(error),
    })?;
    Ok(bytes)
}
