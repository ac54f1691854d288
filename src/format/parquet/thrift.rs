//! The compact protocol of Thrift, as far as the footer of a Parquet file needs it.
//!
//! Nothing is reserved for what is claimed to follow, and each value takes at least a byte of the
//! input: time and memory are bounded by the length of the input. `None` is malformed input.

/// Types of the protocol, as their numbers in it.
pub(super) mod kind {
    pub const TRUE: u8 = 1;
    pub const FALSE: u8 = 2;
    pub const I8: u8 = 3;
    pub const I16: u8 = 4;
    pub const I32: u8 = 5;
    pub const I64: u8 = 6;
    pub const DOUBLE: u8 = 7;
    pub const BINARY: u8 = 8;
    pub const LIST: u8 = 9;
    pub const SET: u8 = 10;
    pub const MAP: u8 = 11;
    pub const STRUCT: u8 = 12;
    pub const UUID: u8 = 13;
}

/// Deepest nesting of what is skipped.
const MAX_DEPTH: u32 = 32;

/// A position in encoded bytes.
pub(super) struct Thrift<'a> {
    bytes: &'a [u8],
}

impl<'a> Thrift<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn take(&mut self, len: u64) -> Option<&'a [u8]> {
        let (taken, rest) = self.bytes.split_at_checked(usize::try_from(len).ok()?)?;
        self.bytes = rest;
        Some(taken)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).map(|byte| byte[0])
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn zigzag(&mut self) -> Option<i64> {
        let value = self.varint()?;
        Some((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// The fields of a struct: `field` gets each with its number and type, and must read it.
    pub(super) fn fields(&mut self, mut field: impl FnMut(&mut Self, i64, u8) -> Option<()>) -> Option<()> {
        let mut id = 0i64;
        loop {
            let head = self.byte()?;
            if head == 0 {
                return Some(());
            }
            id = match head >> 4 {
                0 => self.zigzag()?,
                delta => id.checked_add(delta.into())?,
            };
            field(self, id, head & 15)?;
        }
    }

    /// A field that is a struct.
    pub(super) fn structure(
        &mut self,
        kind: u8,
        field: impl FnMut(&mut Self, i64, u8) -> Option<()>,
    ) -> Option<()> {
        if kind == kind::STRUCT { self.fields(field) } else { None }
    }

    /// A field that is a list: `item` gets the type of each item, and must read it.
    pub(super) fn list(&mut self, kind: u8, mut item: impl FnMut(&mut Self, u8) -> Option<()>) -> Option<()> {
        if !matches!(kind, kind::LIST | kind::SET) {
            return None;
        }
        let head = self.byte()?;
        let len = if head >> 4 == 15 { self.varint()? } else { (head >> 4).into() };
        (0..len).try_for_each(|_| item(self, head & 15))
    }

    /// A field that is an integer.
    pub(super) fn int(&mut self, kind: u8) -> Option<i64> {
        match kind {
            kind::I8 => self.byte().map(|byte| i64::from(byte as i8)),
            kind::I16 | kind::I32 | kind::I64 => self.zigzag(),
            _ => None,
        }
    }

    /// A field that is an integer and not negative.
    pub(super) fn unsigned(&mut self, kind: u8) -> Option<u64> {
        u64::try_from(self.int(kind)?).ok()
    }

    /// A field that is true or false, which its type tells.
    pub(super) fn bool(&self, kind: u8) -> Option<bool> {
        match kind {
            kind::TRUE => Some(true),
            kind::FALSE => Some(false),
            _ => None,
        }
    }

    /// A field of bytes.
    pub(super) fn binary(&mut self, kind: u8) -> Option<&'a [u8]> {
        if kind != kind::BINARY {
            return None;
        }
        let len = self.varint()?;
        self.take(len)
    }

    /// Skips a field of any type.
    pub(super) fn skip(&mut self, kind: u8) -> Option<()> {
        match kind {
            kind::TRUE | kind::FALSE => Some(()),
            _ => self.skip_item(kind, 0),
        }
    }

    /// Skips a value; in lists and maps, unlike in structs, a boolean takes a byte.
    fn skip_item(&mut self, kind: u8, depth: u32) -> Option<()> {
        if depth > MAX_DEPTH {
            return None;
        }
        match kind {
            kind::TRUE | kind::FALSE | kind::I8 => self.byte().map(drop),
            kind::I16 | kind::I32 | kind::I64 => self.varint().map(drop),
            kind::DOUBLE => self.take(8).map(drop),
            kind::UUID => self.take(16).map(drop),
            kind::BINARY => self.binary(kind).map(drop),
            kind::LIST | kind::SET => self.list(kind, |this, kind| this.skip_item(kind, depth + 1)),
            kind::STRUCT => self.fields(|this, _, kind| match kind {
                kind::TRUE | kind::FALSE => Some(()),
                _ => this.skip_item(kind, depth + 1),
            }),
            kind::MAP => self.skip_map(depth),
            _ => None,
        }
    }

    fn skip_map(&mut self, depth: u32) -> Option<()> {
        let len = self.varint()?;
        if len == 0 {
            return Some(());
        }
        let kinds = self.byte()?;
        (0..len).try_for_each(|_| {
            self.skip_item(kinds >> 4, depth + 1)?;
            self.skip_item(kinds & 15, depth + 1)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_cost_nothing() {
        // A list of 2³¹-1 structs, of which none is there.
        let claim = [0xfc, 0xff, 0xff, 0xff, 0xff, 0x07];
        assert_eq!(Thrift::new(&claim).list(kind::LIST, |thrift, kind| thrift.skip(kind)), None);
        assert_eq!(Thrift::new(&[0xff; 16]).binary(kind::BINARY), None);
        assert_eq!(Thrift::new(&[0xff; 16]).int(kind::I64), None);
    }

    #[test]
    fn deep_nesting_is_refused() {
        let structs = [0x1c; 100_000];
        assert_eq!(Thrift::new(&structs).skip(kind::STRUCT), None);
        let lists = [0x19; 100_000];
        assert_eq!(Thrift::new(&lists).skip(kind::LIST), None);
    }

    #[test]
    fn every_type_is_skipped() {
        let fields = [
            0x11, // 1: true
            0x13, 0x7f, // 2: a byte
            0x16, 0x80, 0x01, // 3: 64
            0x17, 0, 0, 0, 0, 0, 0, 0, 0, // 4: a double
            0x18, 0x02, b'h', b'i', // 5: bytes
            0x19, 0x21, 1, 2, // 6: a list of two booleans
            0x1b, 0x01, 0x53, 0x04, 0x05, // 7: a map from an integer to a byte
            0x1c, 0x12, 0x00, // 8: a struct
            0x05, 0xc8, 0x01, 0x54, // 100: 42, its number in long form
            0x00,
        ];
        let mut thrift = Thrift::new(&fields);
        let mut last = None;
        let read = thrift.fields(|thrift, id, kind| match id {
            100 => thrift.int(kind).map(|value| last = Some(value)),
            _ => thrift.skip(kind),
        });
        assert_eq!((read, last, thrift.bytes.len()), (Some(()), Some(42), 0));
    }
}
