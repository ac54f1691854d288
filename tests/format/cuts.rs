//! The cut points of large contents, by the rules of docs/format.md: FastCDC with a table that is made of MD5.

const MIN: usize = 32_768;
const AVERAGE: usize = 65_536;
const MAX: usize = 262_144;
const STRICT: u64 = 0x0000_d907_0753_7000;
const LOOSE: u64 = 0x0000_d903_1353_0000;

/// The lengths of the chunks of a content.
pub fn chunks(bytes: &[u8]) -> Vec<usize> {
    let gear = gear();
    let (mut rest, mut lengths) = (bytes, Vec::new());
    while !rest.is_empty() {
        let length = first(rest, &gear);
        lengths.push(length);
        rest = &rest[length..];
    }
    lengths
}

/// The length of the first chunk. Positions are looked at in pairs, and a last odd one not at all.
fn first(bytes: &[u8], gear: &[u64; 256]) -> usize {
    let end = bytes.len().min(MAX);
    if bytes.len() <= MIN {
        return bytes.len();
    }
    let mut hash = 0u64;
    for at in MIN..end / 2 * 2 {
        hash = (hash << 1).wrapping_add(gear[usize::from(bytes[at])]);
        let mask = if at < AVERAGE.min(end) / 2 * 2 { STRICT } else { LOOSE };
        if hash & mask == 0 {
            return at;
        }
    }
    end
}

/// The table: the first eight bytes, big-endian, of the MD5 of 64 bytes that all are the index.
fn gear() -> [u64; 256] {
    std::array::from_fn(|i| {
        let digest = md5_of_64([i as u8; 64]);
        u64::from_be_bytes(std::array::from_fn(|i| digest[i]))
    })
}

/// MD5 (RFC 1321) of exactly 64 bytes.
fn md5_of_64(message: [u8; 64]) -> [u8; 16] {
    let mut padding = [0; 64];
    padding[0] = 0x80;
    padding[56..].copy_from_slice(&512u64.to_le_bytes());
    let mut state: [u32; 4] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in [message, padding] {
        let word = |i: usize| u32::from_le_bytes(std::array::from_fn(|k| block[4 * i + k]));
        let [mut a, mut b, mut c, mut d] = state;
        for i in 0..64 {
            let (f, g) = match i / 16 {
                0 => (b & c | !b & d, i),
                1 => (d & b | !d & c, (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), 7 * i % 16),
            };
            let sine = (((i + 1) as f64).sin().abs() * 4_294_967_296.0) as u32;
            let shift = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]][i / 16][i % 4];
            let sum = a.wrapping_add(f).wrapping_add(sine).wrapping_add(word(g));
            (a, d, c, b) = (d, c, b, b.wrapping_add(sum.rotate_left(shift)));
        }
        for (total, part) in state.iter_mut().zip([a, b, c, d]) {
            *total = total.wrapping_add(part);
        }
    }
    let mut digest = [0; 16];
    for (bytes, part) in digest.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&part.to_le_bytes());
    }
    digest
}

/// Bytes that every reader of this can make: the output of BLAKE3 for the input `cut`, as far as it is wanted.
fn golden() -> Vec<u8> {
    let mut bytes = vec![0; 600_000];
    blake3::Hasher::new().update(b"cut").finalize_xof().fill(&mut bytes);
    bytes
}

#[test]
fn the_table_is_what_the_document_says() {
    assert_eq!(gear()[..2], [0x3b5d_3c7d_207e_37dc, 0x784d_68ba_9112_3086]);
    let bytes: Vec<u8> = gear().iter().flat_map(|number| number.to_be_bytes()).collect();
    let document = include_str!("../../docs/format.md");
    assert!(document.contains(&blake3::hash(&bytes).to_hex()[..]), "{}", blake3::hash(&bytes));
}

#[test]
fn the_golden_cut_points() {
    let ends = |bytes: &[u8]| {
        let mut end = 0;
        chunks(bytes).iter().map(|length| (end += length, end).1).collect::<Vec<usize>>()
    };
    let golden = ends(&golden());
    assert_eq!(golden, [93_619, 200_427, 260_044, 335_458, 405_137, 479_771, 600_000]);
    let zeros = ends(&vec![0; 600_001]);
    assert_eq!(zeros, [262_144, 524_288, 600_001]);
    let document = include_str!("../../docs/format.md");
    let document = document.split_whitespace().collect::<Vec<_>>().join(" ");
    let text = golden.iter().map(usize::to_string).collect::<Vec<_>>().join(", ");
    assert!(document.contains(&text), "docs/format.md lacks {text}");
}

/// What the library cuts is what the rules say, whatever is left over at the end.
#[test]
fn the_library_cuts_there() {
    use mdl::object::InsertContent;
    for length in [262_145, 300_000, 300_001, 327_680, 599_999] {
        let bytes = &golden()[..length];
        let storage = mdl::storage::Memory::new();
        let store = mdl::store::Store::open(std::sync::Arc::new(storage.clone()), None);
        let writer = store.writer(&mdl::progress::Silent);
        writer.insert_content(&mut &bytes[..], length as u64).unwrap();
        writer.finish().unwrap();
        let mut start = 0;
        for chunk in chunks(bytes) {
            let id = mdl::id::ContentId::of(&bytes[start..start + chunk]);
            assert_eq!(store.content_size(id).unwrap(), Some(chunk as u64), "{length}: {start}");
            start += chunk;
        }
    }
}
