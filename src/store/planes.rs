//! Byte planes: the bytes of fixed-width numbers, taken apart by their place in the number.

/// Replaces `planes` by the planes of `raw`.
pub(super) fn split_planes(raw: &[u8], stride: u8, planes: &mut Vec<u8>) {
    planes.resize(raw.len(), 0);
    match stride {
        2 => split::<2>(raw, planes),
        4 => split::<4>(raw, planes),
        _ => split::<8>(raw, planes),
    }
}

/// Puts planes together again, into a buffer of the same length.
pub(super) fn join_planes(planes: &[u8], stride: u8, raw: &mut [u8]) {
    match stride {
        2 => join::<2>(planes, raw),
        4 => join::<4>(planes, raw),
        _ => join::<8>(planes, raw),
    }
}

/// Numbers taken at a time: what they need stays in the nearest cache.
const BATCH: usize = 256;

fn split<const S: usize>(raw: &[u8], planes: &mut [u8]) {
    let length = raw.len() / S;
    let (numbers, rest) = raw.split_at(length * S);
    planes[length * S..].copy_from_slice(rest);
    for (batch, group) in numbers.chunks(BATCH * S).enumerate() {
        for plane in 0..S {
            let start = plane * length + batch * BATCH;
            let out = &mut planes[start..start + group.len() / S];
            for (byte, number) in out.iter_mut().zip(group.chunks_exact(S)) {
                *byte = number[plane];
            }
        }
    }
}

fn join<const S: usize>(planes: &[u8], raw: &mut [u8]) {
    let length = raw.len() / S;
    let (numbers, rest) = raw.split_at_mut(length * S);
    rest.copy_from_slice(&planes[length * S..]);
    let mut room = [0; BATCH * 16];
    for (batch, group) in numbers.chunks_mut(BATCH * S).enumerate() {
        let (start, count) = (batch * BATCH, group.len() / S);
        let of: [&[u8]; S] = std::array::from_fn(|plane| &planes[plane * length + start..][..count]);
        weave(&of, group, &mut room);
    }
}

/// Puts the bytes of planes next to each other. By halves: of two streams compilers make fast code.
fn weave(planes: &[&[u8]], out: &mut [u8], room: &mut [u8]) {
    let [low, high] = planes else {
        let (low, high) = planes.split_at(planes.len() / 2);
        let (halves, room) = room.split_at_mut(out.len());
        let (even, odd) = halves.split_at_mut(out.len() / 2);
        weave(low, even, room);
        weave(high, odd, room);
        return if low.len() == 2 { pair::<2>(even, odd, out) } else { pair::<4>(even, odd, out) };
    };
    pair::<1>(low, high, out);
}

/// Takes units of `N` bytes in turns.
fn pair<const N: usize>(a: &[u8], b: &[u8], out: &mut [u8]) {
    for ((both, a), b) in out.chunks_exact_mut(2 * N).zip(a.chunks_exact(N)).zip(b.chunks_exact(N)) {
        both[..N].copy_from_slice(a);
        both[N..].copy_from_slice(b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn planes_are_in_order() {
        let mut planes = Vec::new();
        split_planes(&[1, 2, 3, 4, 11, 12, 13, 14, 99], 4, &mut planes);
        assert_eq!(planes, [1, 11, 2, 12, 3, 13, 4, 14, 99]);
    }

    proptest! {
        #[test]
        fn joining_undoes_splitting(
            raw in proptest::collection::vec(any::<u8>(), 0..2000),
            stride in prop_oneof![Just(2u8), Just(4), Just(8)],
        ) {
            let (mut planes, mut back) = (vec![7; 3], vec![0; raw.len()]);
            split_planes(&raw, stride, &mut planes);
            join_planes(&planes, stride, &mut back);
            prop_assert_eq!(back, raw);
        }
    }
}
