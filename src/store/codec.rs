//! How the bytes of a frame are encoded: as they are, zstd, or byte planes and then zstd.
//!
//! Byte planes of stride `s` hold first every byte at a multiple of `s`, then every byte one after
//! that, and so on; what is left over at the end follows unchanged. Numbers of a fixed width, such as
//! float weights, compress better so. Decoding writes exactly the claimed number of bytes or fails.

use crate::store::planes::{join_planes, split_planes};
use crate::store::sample::Texture;

const LEVEL: i32 = 1;

/// The encoding of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// As it is.
    Raw,
    /// One zstd frame.
    Zstd,
    /// Byte planes of this stride (2, 4 or 8), then one zstd frame.
    Planes(u8),
}

impl Codec {
    /// The number that it has in packs: 0, 1, or the stride.
    pub fn number(self) -> u8 {
        match self {
            Self::Raw => 0,
            Self::Zstd => 1,
            Self::Planes(stride) => stride,
        }
    }

    /// The codec with this number.
    pub fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Raw),
            1 => Some(Self::Zstd),
            2 | 4 | 8 => Some(Self::Planes(number)),
            _ => None,
        }
    }
}

/// Encodes frames; keeps its working memory.
pub(super) struct Encoder {
    zstd: zstd::bulk::Compressor<'static>,
    planes: Vec<u8>,
    out: Vec<u8>,
}

impl Encoder {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Compressor::new(LEVEL)?, planes: Vec::new(), out: Vec::new() })
    }

    /// Encodes bytes of this texture. What does not shrink stays as it is.
    pub(super) fn encode<'a>(&'a mut self, raw: &'a [u8], texture: Texture) -> (Codec, &'a [u8]) {
        let codec = match texture {
            Texture::Noise => return (Codec::Raw, raw),
            Texture::Plain => Codec::Zstd,
            Texture::Strided(stride) => Codec::Planes(stride),
        };
        let input = match codec {
            Codec::Planes(stride) => {
                split_planes(raw, stride, &mut self.planes);
                &self.planes
            }
            _ => raw,
        };
        self.out.clear();
        // With no more room than the input has, zstd fails where the result would not be smaller.
        self.out.reserve(raw.len());
        match self.zstd.compress_to_buffer(input, &mut self.out) {
            Ok(length) if length < raw.len() - raw.len() / 64 => (codec, &self.out),
            _ => (Codec::Raw, raw),
        }
    }
}

/// Decodes frames; keeps its working memory.
pub(super) struct Decoder {
    zstd: zstd::bulk::Decompressor<'static>,
    planes: Vec<u8>,
}

impl Decoder {
    pub(super) fn new() -> std::io::Result<Self> {
        Ok(Self { zstd: zstd::bulk::Decompressor::new()?, planes: Vec::new() })
    }

    /// Fills `raw` exactly with what `stored` decodes to; `None` if it decodes to anything else.
    pub(super) fn decode(&mut self, codec: Codec, stored: &[u8], raw: &mut [u8]) -> Option<()> {
        match codec {
            Codec::Raw if stored.len() == raw.len() => raw.copy_from_slice(stored),
            Codec::Raw => return None,
            Codec::Zstd => self.inflate(stored, raw)?,
            Codec::Planes(stride) => {
                let mut planes = std::mem::take(&mut self.planes);
                planes.resize(raw.len(), 0);
                let done = self.inflate(stored, &mut planes);
                if done.is_some() {
                    join_planes(&planes, stride, raw);
                }
                self.planes = planes;
                done?;
            }
        }
        Some(())
    }

    fn inflate(&mut self, stored: &[u8], raw: &mut [u8]) -> Option<()> {
        let length = raw.len();
        (self.zstd.decompress_to_buffer(stored, raw).ok()? == length).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trip(raw: &[u8], texture: Texture) -> Codec {
        let mut encoder = Encoder::new().unwrap();
        let (codec, stored) = encoder.encode(raw, texture);
        let mut back = vec![0; raw.len()];
        Decoder::new().unwrap().decode(codec, stored, &mut back).unwrap();
        assert_eq!(back, raw);
        codec
    }

    #[test]
    fn every_codec_gives_back_what_it_got() {
        let raw: Vec<u8> = (0..10_007u32).flat_map(|i| (i as f32).sqrt().to_le_bytes()).collect();
        assert_eq!(round_trip(&raw, Texture::Noise), Codec::Raw);
        assert_eq!(round_trip(&raw, Texture::Plain), Codec::Zstd);
        for stride in [2, 4, 8] {
            assert_eq!(round_trip(&raw[..raw.len() - 1], Texture::Strided(stride)), Codec::Planes(stride));
        }
        assert_eq!(round_trip(b"", Texture::Plain), Codec::Raw);
        assert_eq!(round_trip(b"abc", Texture::Plain), Codec::Raw);
    }

    #[test]
    fn a_bomb_is_refused() {
        let bomb = zstd::bulk::compress(&vec![0; 8 << 20], 1).unwrap();
        let mut decoder = Decoder::new().unwrap();
        for codec in [Codec::Zstd, Codec::Planes(4), Codec::Raw] {
            assert_eq!(decoder.decode(codec, &bomb, &mut vec![0; 1000]), None);
        }
        assert_eq!(decoder.decode(Codec::Zstd, &bomb, &mut vec![0; (8 << 20) + 1]), None);
        assert_eq!(decoder.decode(Codec::Zstd, b"not zstd", &mut [0; 8]), None);
    }
}
