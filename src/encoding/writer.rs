//! Writes canonical CBOR.

use super::{Encode, MAP_WEIGHT};

/// Collects canonical bytes.
#[derive(Default)]
pub struct Writer {
    bytes: Vec<u8>,
    weight: usize,
}

impl Writer {
    /// What the values that were written weigh, see [`weighed`](super::weighed).
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// What was written.
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// The head of a value that weighs one.
    fn head(&mut self, major: u8, argument: u64) {
        self.weight += 1;
        self.weightless_head(major, argument);
    }

    fn weightless_head(&mut self, major: u8, argument: u64) {
        let major = major << 5;
        match argument {
            0..=23 => self.bytes.push(major | argument as u8),
            24..=0xff => self.bytes.extend([major | 24, argument as u8]),
            0x100..=0xffff => {
                self.bytes.push(major | 25);
                self.bytes.extend((argument as u16).to_be_bytes());
            }
            0x1_0000..=0xffff_ffff => {
                self.bytes.push(major | 26);
                self.bytes.extend((argument as u32).to_be_bytes());
            }
            _ => {
                self.bytes.push(major | 27);
                self.bytes.extend(argument.to_be_bytes());
            }
        }
    }

    /// An unsigned integer.
    pub fn unsigned(&mut self, value: u64) {
        self.head(0, value);
    }

    /// The negative integer `-1 - value`.
    pub fn negative(&mut self, value: u64) {
        self.head(1, value);
    }

    /// A byte string.
    pub fn bytes(&mut self, value: &[u8]) {
        self.head(2, value.len() as u64);
        self.bytes.extend(value);
    }

    /// A text.
    pub fn text(&mut self, value: &str) {
        self.head(3, value.len() as u64);
        self.bytes.extend(value.as_bytes());
    }

    /// The start of a list of `len` values, which follow.
    pub fn list(&mut self, len: usize) {
        self.head(4, len as u64);
    }

    /// True, false or null.
    pub fn simple(&mut self, value: Option<bool>) {
        self.weight += 1;
        self.bytes.push(match value {
            Some(false) => 0xf4,
            Some(true) => 0xf5,
            None => 0xf6,
        });
    }

    /// A float, in the shortest form that keeps its value.
    pub fn float(&mut self, value: f64) {
        self.weight += 1;
        if value.is_nan() {
            self.bytes.extend([0xf9, 0x7e, 0x00]);
        } else if let Some(half) = half_from(value) {
            self.bytes.push(0xf9);
            self.bytes.extend(half.to_be_bytes());
        } else if f64::from(value as f32) == value {
            self.bytes.push(0xfa);
            self.bytes.extend((value as f32).to_bits().to_be_bytes());
        } else {
            self.bytes.push(0xfb);
            self.bytes.extend(value.to_bits().to_be_bytes());
        }
    }

    /// A map; its entries are put in canonical order, whatever the order they come in.
    pub fn map<'a>(&mut self, entries: impl Iterator<Item = (&'a str, &'a dyn Encode)>) {
        let mut encoded: Vec<(Vec<u8>, &dyn Encode)> = entries
            .map(|(key, value)| {
                let mut writer = Writer::default();
                writer.text(key);
                (writer.bytes, value)
            })
            .collect();
        encoded.sort_by(|a, b| a.0.cmp(&b.0));
        self.weight += MAP_WEIGHT;
        self.weightless_head(5, encoded.len() as u64);
        for (key, value) in encoded {
            self.bytes.extend(key);
            value.encode(self);
        }
    }
}

/// The half-precision float of exactly this value, if there is one.
fn half_from(value: f64) -> Option<u16> {
    let sign = if value.is_sign_negative() { 0x8000 } else { 0 };
    let magnitude = value.abs();
    if magnitude == 0.0 {
        return Some(sign);
    }
    if magnitude.is_infinite() {
        return Some(sign | 0x7c00);
    }
    // Normal halves are m·2^(e-25), 1024 ≤ m < 2048, 1 ≤ e ≤ 30; subnormal ones are m·2^-24, m < 1024.
    let exponent = ((magnitude.to_bits() >> 52) as i32 - 1023 + 15).max(0);
    if exponent > 30 {
        return None;
    }
    let unit = 2f64.powi(exponent.max(1) - 25);
    let mantissa = magnitude / unit;
    if mantissa.fract() != 0.0 {
        return None;
    }
    Some(
        sign | if exponent == 0 {
            mantissa as u16
        } else {
            (exponent as u16) << 10 | (mantissa as u16 & 0x3ff)
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_take_the_shortest_head() {
        let write = |value| {
            let mut writer = Writer::default();
            writer.unsigned(value);
            writer.into_bytes()
        };
        assert_eq!(write(23), [0x17]);
        assert_eq!(write(24), [0x18, 24]);
        assert_eq!(write(256), [0x19, 1, 0]);
        assert_eq!(write(1 << 32), [0x1b, 0, 0, 0, 1, 0, 0, 0, 0]);
    }

    #[test]
    fn floats_take_the_shortest_form() {
        let write = |value| {
            let mut writer = Writer::default();
            writer.float(value);
            writer.into_bytes()
        };
        // The examples of RFC 8949, appendix A.
        assert_eq!(write(0.0), [0xf9, 0, 0]);
        assert_eq!(write(-0.0), [0xf9, 0x80, 0]);
        assert_eq!(write(1.0), [0xf9, 0x3c, 0]);
        assert_eq!(write(1.1), [0xfb, 0x3f, 0xf1, 0x99, 0x99, 0x99, 0x99, 0x99, 0x9a]);
        assert_eq!(write(65504.0), [0xf9, 0x7b, 0xff]);
        assert_eq!(write(100000.0), [0xfa, 0x47, 0xc3, 0x50, 0]);
        assert_eq!(write(5.960464477539063e-8), [0xf9, 0, 1]);
        assert_eq!(write(0.00006103515625), [0xf9, 4, 0]);
        assert_eq!(write(-4.0), [0xf9, 0xc4, 0]);
        assert_eq!(write(f64::INFINITY), [0xf9, 0x7c, 0]);
        assert_eq!(write(f64::NAN), [0xf9, 0x7e, 0]);
    }
}
