//! Takes values off the front of a fuzzer's input; zeros and nothing once it is used up.

/// What is left of the input.
pub struct Cut<'a>(pub &'a [u8]);

impl<'a> Cut<'a> {
    /// So many bytes, or as many as there are.
    pub fn bytes(&mut self, len: usize) -> &'a [u8] {
        let (head, rest) = self.0.split_at(len.min(self.0.len()));
        self.0 = rest;
        head
    }

    /// One byte.
    pub fn u8(&mut self) -> u8 {
        self.bytes(1).first().copied().unwrap_or_default()
    }

    /// Two bytes, little-endian.
    pub fn u16(&mut self) -> u16 {
        u16::from(self.u8()) | u16::from(self.u8()) << 8
    }

    /// Text after its length in one byte; nothing where that is not UTF-8.
    pub fn text(&mut self) -> &'a str {
        let len = self.u8();
        std::str::from_utf8(self.bytes(len.into())).unwrap_or_default()
    }

    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
