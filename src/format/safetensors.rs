//! Safetensors: a header in JSON that names the arrays in the file.

use super::data::{MAX_COLUMNS, MAX_HEADER, ReadSeek, read_at};
use super::item::Item;
use super::{json, utf8};
use crate::object::{Profile, Tensor};
use crate::profile::empty;

/// The arrays, sorted by name.
pub(super) fn profile(file: &mut dyn ReadSeek, size: u64) -> Result<Profile, String> {
    let start = read_at(file, 0, size.min(8)).map_err(|error| error.to_string())?;
    let length: [u8; 8] = start.try_into().map_err(|_| "the header is missing")?;
    let length = u64::from_le_bytes(length);
    let data = (size - 8).checked_sub(length).ok_or("the header is longer than the file")?;
    if length > MAX_HEADER {
        return Err(format!("the header has {length} bytes, more than {MAX_HEADER}"));
    }
    let header = read_at(file, 8, length).map_err(|error| error.to_string())?;
    let text = utf8(&header).map_err(|error| error.to_string())?;
    let item = json::item(text).map_err(|error| format!("the header is malformed: {error}"))?;
    let Some(Item::Map(entries)) = item else { return Err("the header is not a map".into()) };
    if entries.len() > MAX_COLUMNS {
        return Err(format!("more than {MAX_COLUMNS} arrays"));
    }
    let arrays = entries.into_iter().filter(|(name, _)| name != "__metadata__");
    let mut tensors = arrays.map(|(name, item)| tensor(name, &item, data)).collect::<Result<Vec<_>, _>>()?;
    tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(Profile { tensors, ..empty() })
}

fn tensor(name: String, item: &Item, data: u64) -> Result<Tensor, String> {
    let field = |wanted: &str| match item {
        Item::Map(entries) => entries.iter().find(|(key, _)| key == wanted).map(|(_, item)| item),
        _ => None,
    };
    let numbers = |wanted: &str| match field(wanted) {
        Some(Item::List(items)) => items.iter().map(Item::as_u64).collect::<Option<Vec<u64>>>(),
        _ => None,
    };
    let parts = (field("dtype").and_then(Item::as_text), numbers("shape"), numbers("data_offsets"));
    let (Some(dtype), Some(shape), Some(offsets)) = parts else {
        return Err(format!("the array {name:?} is not described"));
    };
    match offsets[..] {
        [begin, end] if begin <= end && end <= data => Ok(Tensor { name, dtype: dtype.to_owned(), shape }),
        _ => Err(format!("the array {name:?} does not lie in the file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(header: &str, data: u64) -> Result<Profile, String> {
        let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
        bytes.extend(header.bytes());
        let size = bytes.len() as u64 + data;
        profile(&mut Cursor::new(bytes), size)
    }

    #[test]
    fn arrays_are_sorted_by_name() {
        let header = r#"{"__metadata__": {"format": "pt"},
            "b": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]},
            "a": {"dtype": "BF16", "shape": [], "data_offsets": [24, 26]}}"#;
        let tensor = |name: &str, dtype: &str, shape: &[u64]| Tensor {
            name: name.into(),
            dtype: dtype.into(),
            shape: shape.to_vec(),
        };
        let tensors = read(header, 26).unwrap().tensors;
        assert_eq!(tensors, [tensor("a", "BF16", &[]), tensor("b", "F32", &[2, 3])]);
        assert_eq!(read(header, 25).unwrap_err(), "the array \"a\" does not lie in the file");
    }

    #[test]
    fn malformed_headers_are_reasons() {
        let huge =
            |length: u64, size: u64| profile(&mut Cursor::new(length.to_le_bytes()), size).unwrap_err();
        assert_eq!(huge(1 << 40, 300), "the header is longer than the file");
        assert!(huge(1 << 40, 1 << 41).contains("more than"));
        assert_eq!(profile(&mut Cursor::new(b"abc"), 3).unwrap_err(), "the header is missing");
        assert!(read("[]", 0).unwrap_err().contains("not a map"));
        assert!(read(r#"{"a": 1}"#, 0).unwrap_err().contains("not described"));
        assert!(read(r#"{"a": {}, "a": {}}"#, 0).unwrap_err().contains("twice"));
        let negative = r#"{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 0]}}"#;
        assert!(read(negative, 0).unwrap_err().contains("not described"));
    }
}
