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
/// Random bytes have an entropy of 8 bits; a sample of them comes out within this of it.
const NOISE: f64 = 7.95;
/// Planes must save so many bits of a byte.
const GAIN: f64 = 0.3;
/// Below this entropy a general compressor finds repetitions, which planes would tear apart.
const DENSE: f64 = 6.0;

/// Looks at a sample.
pub(super) fn texture(bytes: &[u8]) -> Texture {
    if bytes.len() < LEAST {
        return Texture::Plain;
    }
    // One count for each place in a number of eight bytes; narrower strides are sums of these.
    let mut counts = [[0u16; 256]; 8];
    let mut total = 0;
    let piece = (bytes.len() / (4 * PIECES)).clamp(LEAST, PIECE) & !7;
    let step = (bytes.len() / PIECES).max(piece) & !7;
    for start in (0..PIECES).map(|n| n * step) {
        let Some(sample) = bytes.get(start..start + piece) else { break };
        for number in sample.chunks_exact(8) {
            number.iter().zip(&mut counts).for_each(|(byte, count)| count[usize::from(*byte)] += 1);
        }
        total += piece;
    }
    let flat = entropy(&counts, 1);
    if flat >= NOISE - 1.0 / (total as f64).sqrt() {
        return Texture::Noise;
    }
    if flat < DENSE || total < 512 {
        return Texture::Plain;
    }
    let (stride, best) = [4, 2, 8]
        .map(|stride| (stride, entropy(&counts, stride)))
        .into_iter()
        // A wider stride must pay for its smaller samples.
        .reduce(|a, b| if b.1 < a.1 - 0.1 { b } else { a })
        .unwrap_or((4, flat));
    if flat - best >= GAIN { Texture::Strided(stride as u8) } else { Texture::Plain }
}

/// The mean entropy of the planes of a stride, in bits a byte, with Miller and Madow's correction.
fn entropy(counts: &[[u16; 256]; 8], stride: usize) -> f64 {
    let plane = |place: usize| {
        let mut sums = [0u32; 256];
        for count in counts.iter().skip(place).step_by(stride) {
            sums.iter_mut().zip(count).for_each(|(sum, n)| *sum += u32::from(*n));
        }
        let total = f64::from(sums.iter().sum::<u32>());
        let seen = sums.iter().filter(|n| **n > 0);
        let (values, bits) = seen.fold((0.0, 0.0), |(values, bits), n| {
            let n = f64::from(*n);
            (values + 1.0, bits + n * n.log2())
        });
        total.log2() - bits / total + (values - 1.0) / (2.0 * total * std::f64::consts::LN_2)
    };
    (0..stride).map(plane).sum::<f64>() / stride as f64
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
        for length in [2048, 5000, 8192, 100_000, 1 << 20] {
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
    }
}
