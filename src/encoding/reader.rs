//! Reads canonical CBOR and refuses everything else. What it allocates is bounded by the length of the
//! input, whatever lengths the input claims, and where the caller says so by the weight of the values:
//! compressed, thirty million values are a few thousand bytes.

use super::{DecodeError, DecodeProblem, MAP_WEIGHT, MAX_DEPTH, Writer};

/// A position in encoded bytes.
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: usize,
    /// What the values still to come may weigh, and what all of them may.
    left: usize,
    most: usize,
}

/// Lists get room for this many items before the first is read, and more as they come.
const LIST_ROOM: u64 = 16;

impl<'a> Reader<'a> {
    /// Starts at the first byte.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::within(bytes, usize::MAX)
    }

    /// Starts at the first byte of something whose values weigh no more than `most`, see
    /// [`weighed`](super::weighed).
    pub fn within(bytes: &'a [u8], most: usize) -> Self {
        Self { bytes, at: 0, depth: 0, left: most, most }
    }

    fn weigh(&mut self, weight: usize) -> Result<(), DecodeError> {
        match self.left.checked_sub(weight) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => Err(self.error(DecodeProblem::TooManyValues(self.most))),
        }
    }

    /// Requires that nothing is left.
    pub fn finish(&self) -> Result<(), DecodeError> {
        if self.at == self.bytes.len() { Ok(()) } else { Err(self.error(DecodeProblem::Trailing)) }
    }

    /// An error at this position.
    pub fn error(&self, problem: DecodeProblem) -> DecodeError {
        DecodeError { at: self.at, problem }
    }

    /// An error about a value that is well formed and means nothing.
    pub fn invalid(&self, reason: impl Into<String>) -> DecodeError {
        self.error(DecodeProblem::Invalid(reason.into()))
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Passes over one value.
    pub fn skip(&mut self) -> Result<(), DecodeError> {
        match self.peek_major()? {
            0 => self.unsigned().map(drop),
            1 => self.negative().map(drop),
            2 => self.bytes().map(drop),
            3 => self.text().map(drop),
            4 => self.list(Self::skip).map(drop),
            5 => {
                let mut entries = self.map()?;
                while entries.next(self)?.is_some() {
                    self.skip()?;
                }
                Ok(())
            }
            _ if self.peek_float() => self.float().map(drop),
            _ => self.simple().map(drop),
        }
    }

    /// The major type of what comes next (RFC 8949, section 3), 0 to 7.
    pub fn peek_major(&self) -> Result<u8, DecodeError> {
        self.bytes.get(self.at).map(|byte| byte >> 5).ok_or(self.error(DecodeProblem::Truncated))
    }

    /// Whether null comes next.
    pub fn peek_null(&self) -> bool {
        self.bytes.get(self.at) == Some(&0xf6)
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], DecodeError> {
        let rest = &self.bytes[self.at..];
        if len > rest.len() as u64 {
            return Err(self.error(DecodeProblem::Truncated));
        }
        self.at += len as usize;
        Ok(&rest[..len as usize])
    }

    /// The head of a value that weighs one.
    fn head(&mut self, major: u8, expected: &'static str) -> Result<u64, DecodeError> {
        self.weigh(1)?;
        self.weightless_head(major, expected)
    }

    fn weightless_head(&mut self, major: u8, expected: &'static str) -> Result<u64, DecodeError> {
        let start = self.at;
        let first = self.take(1)?[0];
        let fail = |problem| Err(DecodeError { at: start, problem });
        if first >> 5 != major {
            return fail(DecodeProblem::Expected(expected));
        }
        let (value, least) = match first & 31 {
            short @ 0..=23 => return Ok(short.into()),
            24 => (self.take(1)?[0].into(), 24),
            25 => (u16::from_be_bytes(self.array()?).into(), 0x100),
            26 => (u32::from_be_bytes(self.array()?).into(), 0x1_0000),
            27 => (u64::from_be_bytes(self.array()?), 0x1_0000_0000),
            _ => return fail(DecodeProblem::NotCanonical),
        };
        if value < least { fail(DecodeProblem::NotCanonical) } else { Ok(value) }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let mut array = [0; N];
        array.copy_from_slice(self.take(N as u64)?);
        Ok(array)
    }

    /// An unsigned integer.
    pub fn unsigned(&mut self) -> Result<u64, DecodeError> {
        self.head(0, "an unsigned integer")
    }

    /// A negative integer, as `n` for `-1 - n`.
    pub fn negative(&mut self) -> Result<u64, DecodeError> {
        self.head(1, "a negative integer")
    }

    /// A byte string.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let len = self.head(2, "bytes")?;
        self.take(len)
    }

    /// A text.
    pub fn text(&mut self) -> Result<&'a str, DecodeError> {
        self.weigh(1)?;
        self.key()
    }

    /// A text that is the key of a map.
    fn key(&mut self) -> Result<&'a str, DecodeError> {
        let len = self.weightless_head(3, "text")?;
        let bytes = self.take(len)?;
        std::str::from_utf8(bytes).map_err(|_| self.error(DecodeProblem::Utf8))
    }

    /// A list, item by item.
    pub fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let len = self.head(4, "a list")?;
        self.enter()?;
        let mut items = Vec::with_capacity(len.min(LIST_ROOM) as usize);
        for _ in 0..len {
            items.push(item(self)?);
        }
        self.depth -= 1;
        Ok(items)
    }

    /// The start of a list, as the number of values that follow, which the caller reads.
    pub fn list_len(&mut self) -> Result<u64, DecodeError> {
        self.head(4, "a list")
    }

    /// The start of a list of exactly `len` values, which the caller reads.
    pub fn tuple(&mut self, len: usize, expected: &'static str) -> Result<(), DecodeError> {
        let start = self.at;
        if self.head(4, expected)? == len as u64 {
            Ok(())
        } else {
            Err(DecodeError { at: start, problem: DecodeProblem::Expected(expected) })
        }
    }

    /// The start of a map. [`Entries::next`] gives its keys up to the end, which closes it.
    pub fn map(&mut self) -> Result<Entries<'a>, DecodeError> {
        self.weigh(MAP_WEIGHT)?;
        let left = self.weightless_head(5, "a map")?;
        self.enter()?;
        Ok(Entries { left, last: None })
    }

    /// True, false or null.
    pub fn simple(&mut self) -> Result<Option<bool>, DecodeError> {
        self.weigh(1)?;
        let start = self.at;
        match self.take(1)?[0] {
            0xf4 => Ok(Some(false)),
            0xf5 => Ok(Some(true)),
            0xf6 => Ok(None),
            _ => Err(DecodeError { at: start, problem: DecodeProblem::Expected("true, false or null") }),
        }
    }

    /// A float, in its shortest form.
    pub fn float(&mut self) -> Result<f64, DecodeError> {
        self.weigh(1)?;
        let start = self.at;
        let value = match self.take(1)?[0] {
            0xf9 => half_to_f64(u16::from_be_bytes(self.array()?)),
            0xfa => f32::from_be_bytes(self.array()?).into(),
            0xfb => f64::from_be_bytes(self.array()?),
            _ => return Err(DecodeError { at: start, problem: DecodeProblem::Expected("a float") }),
        };
        let mut canonical = Writer::default();
        canonical.float(value);
        if canonical.into_bytes() != self.bytes[start..self.at] {
            return Err(DecodeError { at: start, problem: DecodeProblem::NotCanonical });
        }
        Ok(value)
    }

    /// Whether a float comes next.
    pub fn peek_float(&self) -> bool {
        matches!(self.bytes.get(self.at), Some(0xf9..=0xfb))
    }

    fn enter(&mut self) -> Result<(), DecodeError> {
        self.depth += 1;
        if self.depth > MAX_DEPTH { Err(self.error(DecodeProblem::TooDeep)) } else { Ok(()) }
    }
}

/// The entries of a map that is being read. Each key is followed by its value in the reader.
pub struct Entries<'a> {
    left: u64,
    last: Option<&'a str>,
}

impl<'a> Entries<'a> {
    /// The next key, after a check that it is in order; `None` at the end.
    pub fn next(&mut self, reader: &mut Reader<'a>) -> Result<Option<&'a str>, DecodeError> {
        if self.left == 0 {
            reader.depth -= 1;
            return Ok(None);
        }
        self.left -= 1;
        let start = reader.at;
        let key = reader.key()?;
        // Shorter keys first, then by bytes: the order of the encoded keys.
        if self.last.is_some_and(|last| (last.len(), last) >= (key.len(), key)) {
            return Err(DecodeError { at: start, problem: DecodeProblem::KeyOrder });
        }
        self.last = Some(key);
        Ok(Some(key))
    }
}

fn half_to_f64(half: u16) -> f64 {
    let (exponent, mantissa) = (i32::from(half >> 10 & 31), f64::from(half & 0x3ff));
    let magnitude = match exponent {
        0 => mantissa * 2f64.powi(-24),
        31 if mantissa == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (mantissa + 1024.0) * 2f64.powi(exponent - 25),
    };
    if half & 0x8000 != 0 { -magnitude } else { magnitude }
}
