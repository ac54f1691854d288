//! Parquet: what the footer tells of rows and columns.
//!
//! The footer is read here and not through a general reader, since general readers reserve memory for as
//! many values as a footer claims and recurse as deep as its schema does; a file of 300 bytes may claim 10⁹.

mod footer;
mod schema;
mod thrift;

use super::data::{MAX_HEADER, ReadSeek, read_at};
use crate::object::Profile;

const MAGIC: &[u8] = b"PAR1";
const ENCRYPTED: &[u8] = b"PARE";

/// The length of a footer and the magic, at the very end of a file.
const TAIL: u64 = 8;

/// The columns, with ranges and missing values where the file has statistics, and the rows.
pub(super) fn profile(file: &mut dyn ReadSeek, size: u64) -> Result<Profile, String> {
    let at = size.checked_sub(TAIL).ok_or("the footer is missing")?;
    let tail = read_at(file, at, TAIL).map_err(|error| error.to_string())?;
    match &tail[4..] {
        MAGIC => {}
        ENCRYPTED => return Err("the footer is encrypted".into()),
        _ => return Err("the footer is missing".into()),
    }
    let length = u64::from(u32::from_le_bytes([tail[0], tail[1], tail[2], tail[3]]));
    if length > MAX_HEADER {
        return Err(format!("the footer has {length} bytes, more than {MAX_HEADER}"));
    }
    let at = at.checked_sub(length + MAGIC.len() as u64).ok_or("the footer is longer than the file")?;
    let footer = read_at(file, at + MAGIC.len() as u64, length).map_err(|error| error.to_string())?;
    footer::parse(&footer).ok_or_else(|| "the footer is malformed".into())
}
