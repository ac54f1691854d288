//! Where large contents are cut into chunks: FastCDC (v2020), with the parameters of this format.
//!
//! Cut points depend on nearby bytes alone, so that an insertion moves few of them. They decide what is
//! found to be the same and never what an id is; still they are pinned by tests, since packs written
//! before would share less with those written after.

use fastcdc::v2020::{FastCDC, Normalization};

/// Shortest chunk, but for the last of a content.
pub(super) const MIN_CHUNK: usize = 32 << 10;
const AVERAGE_CHUNK: usize = 64 << 10;
/// Longest chunk. A content of no more bytes is one chunk.
pub(super) const MAX_CHUNK: usize = 256 << 10;

/// Appends the ends of the chunks that these bytes begin with, and says where the last of them ends. Unless they
/// are `last`, chunks that could come out longer with more bytes are left for the next call.
pub(super) fn cut(bytes: &[u8], last: bool, ends: &mut Vec<usize>) -> usize {
    let cutter = FastCDC::with_level(bytes, MIN_CHUNK, AVERAGE_CHUNK, MAX_CHUNK, Normalization::Level2);
    let mut at = 0;
    while at < bytes.len() && (last || bytes.len() - at >= MAX_CHUNK) {
        at = cutter.cut(at, bytes.len() - at).1;
        ends.push(at);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(b"cut").finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn cut_points_are_pinned() {
        let mut ends = Vec::new();
        assert_eq!(cut(&data(600_000), true, &mut ends), 600_000);
        assert_eq!(ends, [93_619, 200_427, 260_044, 335_458, 405_137, 479_771, 600_000]);
    }

    #[test]
    fn pieces_are_cut_as_the_whole_is() {
        let bytes = data(3_000_000);
        let (mut whole, mut pieces) = (Vec::new(), Vec::new());
        cut(&bytes, true, &mut whole);
        let (mut start, mut given) = (0, 0);
        while given < bytes.len() {
            given = (given + 700_001).min(bytes.len());
            let mut ends = Vec::new();
            let used = cut(&bytes[start..given], given == bytes.len(), &mut ends);
            pieces.extend(ends.iter().map(|end| start + end));
            start += used;
        }
        assert_eq!(pieces, whole);
        let longest = whole.windows(2).map(|pair| pair[1] - pair[0]).max();
        assert!(longest <= Some(MAX_CHUNK));
    }
}
