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

/// Numbers taken at a time: few enough for the compiler to keep in registers.
const BATCH: usize = 64;

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
    for (batch, group) in numbers.chunks_mut(BATCH * S).enumerate() {
        for plane in 0..S {
            let start = plane * length + batch * BATCH;
            let bytes = &planes[start..start + group.len() / S];
            for (byte, number) in bytes.iter().zip(group.chunks_exact_mut(S)) {
                number[plane] = *byte;
            }
        }
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
