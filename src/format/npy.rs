//! NPY, the format of one NumPy array.

use super::csv::column;
use super::data::{ReadSeek, read_at};
use super::literal::{self, Literal};
use crate::object::{Profile, Tensor};

/// The longest header, in bytes. NumPy itself refuses to read more than 10,000.
const MAX_HEADER: u64 = 1 << 20;

/// The array: its type, shape and leading dimension. A structured type has its fields as columns.
pub(super) fn profile(file: &mut dyn ReadSeek, size: u64) -> Result<Profile, String> {
    let start = read_at(file, 0, size.min(12)).map_err(|error| error.to_string())?;
    let (offset, length) = match start[..] {
        [0x93, b'N', b'U', b'M', b'P', b'Y', 1, _, a, b, ..] => (10, u16::from_le_bytes([a, b]).into()),
        [0x93, b'N', b'U', b'M', b'P', b'Y', 2 | 3, _, a, b, c, d] => {
            (12, u64::from(u32::from_le_bytes([a, b, c, d])))
        }
        [0x93, b'N', b'U', b'M', b'P', b'Y', version, ..] if version > 3 => {
            return Err(format!("version {version} of the format is not known"));
        }
        _ => return Err("the header is missing".into()),
    };
    if length > MAX_HEADER {
        return Err(format!("the header has {length} bytes, more than {MAX_HEADER}"));
    }
    let data = size.checked_sub(offset + length).ok_or("the header is longer than the file")?;
    let header = read_at(file, offset, length).map_err(|error| error.to_string())?;
    let header = match start[6] {
        1 | 2 => Some(header.into_iter().map(char::from).collect()),
        _ => String::from_utf8(header).ok(),
    };
    let literal = header.and_then(|header: String| literal::parse(&header));
    let header = literal.and_then(Header::of).ok_or("the header is malformed")?;
    header.profile(data)
}

struct Header {
    descr: Literal,
    column_major: bool,
    shape: Vec<u64>,
}

impl Header {
    fn of(literal: Literal) -> Option<Self> {
        let Literal::Dict(entries) = literal else { return None };
        let (mut descr, mut column_major, mut shape) = (None, None, None);
        for (key, value) in entries {
            match (key.as_str(), value) {
                ("descr", value) => descr = Some(value),
                ("fortran_order", Literal::Bool(value)) => column_major = Some(value),
                ("shape", Literal::List(sizes)) => shape = dimensions(&sizes),
                _ => return None,
            }
        }
        Some(Self { descr: descr?, column_major: column_major?, shape: shape? })
    }

    fn profile(self, data: u64) -> Result<Profile, String> {
        let (mut dtype, fields) = match &self.descr {
            Literal::Text(dtype) => (dtype.clone(), Vec::new()),
            Literal::List(fields) => {
                let fields: Option<Vec<_>> = fields.iter().map(field).collect();
                ("structured".to_owned(), fields.ok_or("the type is malformed")?)
            }
            _ => return Err("the type is malformed".into()),
        };
        let elements = self.shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size));
        let bytes = elements.and_then(|elements| elements.checked_mul(item_size(&dtype).unwrap_or(0)));
        if bytes.is_none_or(|bytes| bytes > data) {
            return Err("the array is larger than the file".into());
        }
        if self.column_major {
            dtype.push_str(", column-major");
        }
        let columns = fields.into_iter().map(|(name, dtype)| column(name, &dtype)).collect();
        let rows = self.shape.first().copied();
        let tensors = vec![Tensor { name: String::new(), dtype, shape: self.shape }];
        Ok(Profile { rows, columns, tensors, gap: None })
    }
}

fn dimensions(sizes: &[Literal]) -> Option<Vec<u64>> {
    let size = |literal: &Literal| match literal {
        Literal::Int(size) => Some(*size),
        _ => None,
    };
    sizes.iter().map(size).collect()
}

/// A field of a structured type: `(name, type)`, `(name, type, shape)`; the name may be `(title, name)`.
fn field(literal: &Literal) -> Option<(String, String)> {
    let Literal::List(parts) = literal else { return None };
    let name = match parts.first()? {
        Literal::Text(name) => name,
        Literal::List(names) => match &names[..] {
            [Literal::Text(_), Literal::Text(name)] => name,
            _ => return None,
        },
        _ => return None,
    };
    let dtype = match parts.get(1)? {
        Literal::Text(dtype) => dtype.clone(),
        Literal::List(_) => "structured".to_owned(),
        _ => return None,
    };
    let shape = match parts.get(2..)? {
        [] => String::new(),
        [Literal::Int(size)] => format!("[{size}]"),
        [Literal::List(sizes)] => format!("{:?}", dimensions(sizes)?),
        _ => return None,
    };
    Some((name.clone(), dtype + &shape))
}

/// Bytes of an element of a plain type such as `<f8`, if it tells: `O` is a pickle, dates have units.
fn item_size(dtype: &str) -> Option<u64> {
    let digits =
        dtype.trim_start_matches(['<', '>', '|', '=']).strip_prefix(|c: char| c.is_ascii_alphabetic())?;
    let (size, rest) = digits.split_at(digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len()));
    let unit = if dtype.contains('U') { 4 } else { 1 };
    if rest.is_empty() || rest.starts_with('[') { size.parse::<u64>().ok()?.checked_mul(unit) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Cursor;

    fn read(header: &str, data: u64) -> Result<Profile, String> {
        let mut bytes = b"\x93NUMPY\x01\0".to_vec();
        bytes.extend((header.len() as u16).to_le_bytes());
        bytes.extend(header.bytes());
        let size = bytes.len() as u64 + data;
        profile(&mut Cursor::new(bytes), size)
    }

    #[test]
    fn arrays_and_structures_are_described() {
        let profile = read("{'descr': '<f8', 'fortran_order': True, 'shape': (3, 4), }", 96).unwrap();
        assert_eq!(profile.rows, Some(3));
        assert_eq!(
            (&*profile.tensors[0].dtype, &profile.tensors[0].shape[..]),
            ("<f8, column-major", &[3, 4][..])
        );

        let fields = "{'descr': [('a', '<f8', (2,)), (('title', 'b'), '<U3')], 'fortran_order': False, 'shape': (5,), }";
        let profile = read(fields, 1000).unwrap();
        let columns: Vec<_> = profile.columns.iter().map(|c| (&*c.name, &*c.dtype)).collect();
        assert_eq!(columns, [("a", "<f8[2]"), ("b", "<U3")]);

        let scalar = read("{'descr': '<M8[ns]', 'fortran_order': False, 'shape': (), }", 8).unwrap();
        assert_eq!((scalar.rows, scalar.tensors[0].shape.len()), (None, 0));
    }

    #[test]
    fn malformed_headers_are_reasons() {
        let shaped = |shape: &str| format!("{{'descr': '<f8', 'fortran_order': False, 'shape': {shape}}}");
        assert_eq!(read(&shaped("(3,)"), 23).unwrap_err(), "the array is larger than the file");
        assert_eq!(
            read(&shaped("(9999999999, 9999999999)"), 0).unwrap_err(),
            "the array is larger than the file"
        );
        assert_eq!(
            read(&shaped("__import__('os').system('true')"), 0).unwrap_err(),
            "the header is malformed"
        );
        assert_eq!(read("{'shape': (1,)}", 0).unwrap_err(), "the header is malformed");
        let bytes = |bytes: &[u8], size| profile(&mut Cursor::new(bytes), size).unwrap_err();
        assert_eq!(
            bytes(b"\x93NUMPY\x02\0\xff\xff\xff\xff", 1 << 40),
            "the header has 4294967295 bytes, more than 1048576"
        );
        assert_eq!(bytes(b"\x93NUMPY\x01\0\xff\xff\0\0", 12), "the header is longer than the file");
        assert_eq!(bytes(b"\x93NUMPY\x09\0\xff\xff\0\0", 12), "version 9 of the format is not known");
        assert_eq!(bytes(b"PK", 2), "the header is missing");
    }
}
