//! The check of a record: a hash of its other bytes, in a field of its own.
//!
//! Nothing else tells a bit that flipped in an entry or a mark: a nonce that is another one is a nonce as well. Records
//! of before have no check, and are read as they are. No single flip makes such a record of one that has a check: the
//! number of fields and the name of the field are part of what must be right.

use std::borrow::Cow;

use crate::encoding::{DecodeError, DecodeProblem, Reader, Writer};

/// The field.
const FIELD: &str = "check";
/// A map of so few entries has a head of one byte, with their number in its lowest bits.
const SHORT_MAP: std::ops::RangeInclusive<u8> = 0xa0..=0xb6;

/// The canonical bytes of a record without a check, with one: BLAKE3 in `derive_key` mode over those bytes.
pub(super) fn checked(bytes: &[u8], context: &str) -> Vec<u8> {
    let Ok((at, _)) = find(bytes) else { return bytes.to_vec() };
    let mut field = Writer::default();
    field.text(FIELD);
    field.bytes(&blake3::derive_key(context, bytes));
    [&[bytes[0] + 1], &bytes[1..at], &field.into_bytes(), &bytes[at..]].concat()
}

/// The canonical bytes of a record without its check, after that was compared; all of them, if it has none.
pub(super) fn without_check<'a>(bytes: &'a [u8], context: &str) -> Result<Cow<'a, [u8]>, DecodeError> {
    let (at, check) = find(bytes)?;
    let Some((check, end)) = check else { return Ok(bytes.into()) };
    let rest = [&[bytes[0] - 1], &bytes[1..at], &bytes[end..]].concat();
    if check == blake3::derive_key(context, &rest) {
        return Ok(rest.into());
    }
    let problem = DecodeProblem::Invalid("it is not what was written: its check differs".to_owned());
    Err(DecodeError { at, problem })
}

/// The check's bytes, and where its field ends.
type Check<'a> = Option<(&'a [u8], usize)>;

/// Where the field of the check is or would be, and the check.
fn find(bytes: &[u8]) -> Result<(usize, Check<'_>), DecodeError> {
    let mut reader = Reader::new(bytes);
    if !bytes.first().is_some_and(|head| SHORT_MAP.contains(head)) {
        return Err(reader.error(DecodeProblem::Expected("a record")));
    }
    let mut fields = reader.map()?;
    let mut at = reader.position();
    while let Some(name) = fields.next(&mut reader)? {
        if name == FIELD {
            let check = reader.bytes()?;
            return Ok((at, Some((check, reader.position()))));
        }
        if (name.len(), name) > (FIELD.len(), FIELD) {
            break;
        }
        reader.skip()?;
        at = reader.position();
    }
    Ok((at, None))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::encoding::to_bytes;
    use crate::value::Value;

    fn record(names: &[&str]) -> Vec<u8> {
        let value = |name: &&str| ((*name).to_owned(), Value::Text((*name).to_owned()));
        to_bytes(&Value::Map(names.iter().map(value).collect()))
    }

    #[test]
    fn the_field_has_its_place_among_the_others() {
        for names in [&["a", "zzzz", "checj", "checl", "aaaaaa"][..], &["a"], &["checl"], &[]] {
            let bytes = record(names);
            let sealed = checked(&bytes, "mdl v1 test");
            let mut reader = Reader::new(&sealed);
            reader.skip().unwrap();
            reader.finish().unwrap();
            assert_eq!(without_check(&sealed, "mdl v1 test").unwrap(), &bytes[..]);
            assert!(without_check(&sealed, "mdl v1 other").is_err());
            assert_eq!(without_check(&bytes, "mdl v1 test").unwrap(), &bytes[..], "an older one");
        }
    }

    #[test]
    fn a_check_that_is_none_is_an_error() {
        let with = |value| to_bytes(&Value::Map([(FIELD.to_owned(), value)].into()));
        assert!(without_check(&with(Value::Text("x".repeat(32))), "mdl v1 test").is_err());
        for bytes in [&[][..], &[0xa1], &[0xb8, 24], &[0x80], &[0xa1, 0x65]] {
            assert!(without_check(bytes, "mdl v1 test").is_err(), "{bytes:?}");
        }
    }
}
