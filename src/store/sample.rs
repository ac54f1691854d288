//! What bytes look like, from a small sample: whether they compress, and as what.
//!
//! A guess only: it decides how well a frame is stored, never whether it is stored right.

/// What bytes look like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Texture {
    /// Something that a general compressor is good at.
    Plain,
    /// Numbers of this many bytes (2, 4 or 8) whose bytes differ by their place.
    Strided(u8),
    /// As good as random.
    Noise,
}

impl Texture {
    /// Every texture, by its ordinal.
    pub(super) const ALL: [Self; Self::COUNT] =
        [Self::Plain, Self::Noise, Self::Strided(2), Self::Strided(4), Self::Strided(8)];
    /// How many textures there are.
    pub(super) const COUNT: usize = 5;

    /// A number below [`Texture::COUNT`].
    pub(super) fn ordinal(self) -> usize {
        match self {
            Self::Plain => 0,
            Self::Noise => 1,
            Self::Strided(2) => 2,
            Self::Strided(4) => 3,
            Self::Strided(_) => 4,
        }
    }
}

/// Pieces that the sample is made of, spread over the bytes; a multiple of every stride.
const PIECES: usize = 8;
const PIECE: usize = 1024;
/// Fewer bytes than this say too little.
const LEAST: usize = 64;
/// Planes must save so many bits of a byte.
const GAIN: f64 = 0.3;
/// Below this entropy, in bits a byte, a general compressor finds repetitions, which planes would tear apart.
const DENSE: f64 = 5.2;
/// An entropy is trusted from so many bytes on.
const TRUSTED: usize = 512;

/// How often each byte was seen at each place in a number of eight bytes.
type Counts = [[u16; 256]; 8];

/// Looks at a sample.
pub(super) fn texture(bytes: &[u8]) -> Texture {
    if bytes.len() < LEAST {
        return Texture::Plain;
    }
    let (counts, total) = sample(bytes);
    if is_noise(&plane(&counts, 1, 0), total) {
        return Texture::Noise;
    }
    let flat = entropy(&counts, 1);
    if flat < DENSE {
        return Texture::Plain;
    }
    // A wider stride must pay for its smaller samples.
    let better = |best: (usize, f64), stride| {
        let bits = entropy(&counts, stride);
        if total / stride >= TRUSTED && bits < best.1 - GAIN / 2.0 { (stride, bits) } else { best }
    };
    match [2, 4, 8].into_iter().fold((1, flat), better) {
        (stride, bits) if stride > 1 && bits < flat - GAIN => Texture::Strided(stride as u8),
        _ => Texture::Plain,
    }
}

fn sample(bytes: &[u8]) -> (Counts, usize) {
    let (mut counts, mut total) = ([[0; 256]; 8], 0);
    let piece = (bytes.len() / (4 * PIECES)).clamp(LEAST, PIECE) & !7;
    let step = (bytes.len() / PIECES).max(piece) & !7;
    for start in (0..PIECES).map(|n| n * step) {
        let Some(sample) = bytes.get(start..start + piece) else { break };
        for number in sample.chunks_exact(8) {
            number.iter().zip(&mut counts).for_each(|(byte, count)| count[usize::from(*byte)] += 1);
        }
        total += piece;
    }
    (counts, total)
}

/// Whether two bytes are equal no more often than random ones are: once in 256 times, give or take four
/// standard deviations.
fn is_noise(counts: &[u32; 256], total: usize) -> bool {
    let pairs: f64 = counts.iter().map(|n| f64::from(*n) * (f64::from(*n) - 1.0)).sum();
    let total = total as f64;
    256.0 * pairs / (total * (total - 1.0)) < 1.02 + 90.0 / total
}

fn plane(counts: &Counts, stride: usize, place: usize) -> [u32; 256] {
    let mut sums = [0; 256];
    for count in counts.iter().skip(place).step_by(stride) {
        sums.iter_mut().zip(count).for_each(|(sum, n)| *sum += u32::from(*n));
    }
    sums
}

/// The mean entropy of the planes of a stride, in bits a byte, with Miller and Madow's correction.
fn entropy(counts: &Counts, stride: usize) -> f64 {
    let of_plane = |place: usize| {
        let sums = plane(counts, stride, place);
        let total = f64::from(sums.iter().sum::<u32>());
        let seen = sums.iter().filter(|n| **n > 0);
        let (values, bits) = seen.fold((0.0, 0.0), |(values, bits), n| {
            let n = f64::from(*n);
            (values + 1.0, bits + n * n.log2())
        });
        total.log2() - bits / total + (values - 1.0) / (2.0 * total * std::f64::consts::LN_2)
    };
    (0..stride).map(of_plane).sum::<f64>() / stride as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn noise(length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        blake3::Hasher::new().update(b"noise").finalize_xof().fill(&mut bytes);
        bytes
    }

    #[test]
    fn noise_is_told_from_text_and_numbers() {
        for length in [64, 100, 500, 2048, 5000, 8192, 100_000, 1 << 20] {
            assert_eq!(texture(&noise(length)), Texture::Noise, "{length}");
        }
        assert_eq!(texture(&b"loss,train,valid 0.123\n".repeat(1000)), Texture::Plain);
        assert_eq!(texture(b"{}"), Texture::Plain);
        assert_eq!(texture(&[]), Texture::Plain);
        let random = noise(1 << 18);
        let uniform = random.chunks_exact(4).map(|b| f32::from(u16::from_le_bytes([b[0], b[1]])) / 65536.0);
        let jitter = uniform.zip(random.chunks_exact(4)).map(|(x, b)| x + f32::from(b[2]) * 1e-7);
        let floats: Vec<u8> = jitter.flat_map(f32::to_le_bytes).collect();
        assert_eq!(texture(&floats), Texture::Strided(4));
        let halves: Vec<u8> = floats.chunks_exact(4).flat_map(|b| [b[2], b[3]]).collect();
        assert_eq!(texture(&halves), Texture::Strided(2));
    }
}
