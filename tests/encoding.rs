//! Properties of the canonical encoding, over arbitrary values and arbitrary bytes.
//!
//! `decode(encode(x)) == x`; `encode(decode(b)) == b` or an error; the order of keys never matters; equal bytes of
//! two kinds have different ids; and another implementation of CBOR, ciborium, reads and writes the same bytes.

use std::collections::BTreeMap;

use mdl::encoding::{from_bytes, to_bytes};
use mdl::id::{Digest, Kind};
use mdl::object::{Commit, Definition, Object, Outcome, Params, Profile, Series, Tree, links};
use mdl::value::{Int, Value};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;

/// Floats of every size: those that fit in 16 and 32 bits are rare among random 64.
fn floats() -> impl Strategy<Value = f64> {
    let half = any::<u16>().prop_map(|bits| f64::from(bits & 0x3ff) * 2f64.powi(i32::from(bits >> 10) - 40));
    let special = prop_oneof![
        Just(f64::NAN),
        Just(-f64::NAN),
        Just(f64::INFINITY),
        Just(f64::NEG_INFINITY),
        Just(-0.0),
        Just(f64::MIN_POSITIVE),
        Just(65504.0),
        Just(65520.0),
        Just(2f64.powi(-24)),
        Just(2f64.powi(-25)),
    ];
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        any::<u32>().prop_map(|bits| f64::from(f32::from_bits(bits))),
        (half, any::<bool>()).prop_map(|(value, negative)| if negative { -value } else { value }),
        special,
    ]
}

fn integers() -> impl Strategy<Value = Value> {
    let wide = (any::<u64>(), any::<bool>())
        .prop_map(|(value, negative)| if negative { -1 - i128::from(value) } else { i128::from(value) });
    // Shifted, so that each length of the head is as likely.
    (wide, 0..64).prop_map(|(value, shift)| Value::Int(Int::new(value >> shift).expect("it is in range")))
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        integers(),
        floats().prop_map(Value::Float),
        ".{0,40}".prop_map(Value::Text),
    ];
    leaf.prop_recursive(6, 64, 8, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..8).prop_map(Value::List),
            btree_map(".{0,30}", inner, 0..8).prop_map(Value::Map),
        ]
    })
}

/// Bytes that were canonical before one of them was changed, taken away or put in.
fn almost_canonical() -> impl Strategy<Value = Vec<u8>> {
    (values(), any::<prop::sample::Index>(), any::<u8>(), 0..3).prop_map(|(value, place, byte, what)| {
        let mut bytes = to_bytes(&value);
        let at = place.index(bytes.len());
        match what {
            0 => bytes[at] = byte,
            1 => bytes.insert(at, byte),
            _ => drop(bytes.remove(at)),
        }
        bytes
    })
}

/// Whatever is accepted is what would have been written.
fn accepts_only_canonical<T: Object>(bytes: &[u8]) -> Result<(), TestCaseError> {
    if let Ok(object) = from_bytes::<T>(bytes) {
        prop_assert_eq!(to_bytes(&object), bytes);
    }
    Ok(())
}

proptest! {
    #[test]
    fn values_come_back(value in values()) {
        prop_assert_eq!(from_bytes::<Value>(&to_bytes(&value)), Ok(value));
    }

    #[test]
    fn floats_come_back_and_are_shortest(value in floats()) {
        let bytes = to_bytes(&value);
        let back: f64 = from_bytes(&bytes).expect("it was encoded");
        prop_assert!(back.to_bits() == value.to_bits() || (back.is_nan() && value.is_nan()));
        let fits_in_32_bits = value.is_nan() || f64::from(value as f32).to_bits() == value.to_bits();
        let longest = if fits_in_32_bits { 5 } else { 9 };
        prop_assert!(bytes.len() <= longest);
    }

    #[test]
    fn ciborium_agrees(value in values()) {
        let bytes = to_bytes(&value);
        let theirs: ciborium::Value = ciborium::from_reader(&*bytes).expect("it is CBOR");
        let mut again = Vec::new();
        ciborium::into_writer(&theirs, &mut again).expect("a vector takes everything");
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn what_is_accepted_is_canonical(bytes in prop_oneof![vec(any::<u8>(), 0..64), almost_canonical()]) {
        if let Ok(value) = from_bytes::<Value>(&bytes) {
            prop_assert_eq!(to_bytes(&value), bytes.clone());
        }
        accepts_only_canonical::<Tree>(&bytes)?;
        accepts_only_canonical::<Params>(&bytes)?;
        accepts_only_canonical::<Definition>(&bytes)?;
        accepts_only_canonical::<Outcome>(&bytes)?;
        accepts_only_canonical::<Commit>(&bytes)?;
        accepts_only_canonical::<Profile>(&bytes)?;
        accepts_only_canonical::<Series>(&bytes)?;
    }

    #[test]
    fn the_order_of_keys_never_matters(mut entries in vec((".{0,30}", integers()), 0..12), seed in any::<u64>()) {
        let keep_first: BTreeMap<String, Value> = entries.iter().rev().cloned().collect();
        entries = keep_first.clone().into_iter().collect();
        // Any other order of insertion.
        entries.sort_by_key(|(key, _)| blake3::hash(format!("{seed}{key}").as_bytes()).as_bytes().to_vec());
        let (one, other) = (Params { values: keep_first }, Params { values: entries.into_iter().collect() });
        prop_assert_eq!(one.id(), other.id());
    }

    #[test]
    fn kinds_do_not_share_ids(bytes in vec(any::<u8>(), 0..64)) {
        let mut ids: Vec<Digest> = Kind::ALL.iter().map(|kind| kind.digest(&bytes)).collect();
        ids.push(Digest::new(*blake3::hash(&bytes).as_bytes()));
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), Kind::ALL.len() + 1);
    }

    #[test]
    fn no_kind_panics_on_any_bytes(bytes in almost_canonical()) {
        for kind in Kind::ALL {
            // The id is that of the bytes, so that they are decoded.
            let _ = links(kind, kind.digest(&bytes), &bytes, &mut |_| {});
        }
    }
}

#[test]
fn what_is_not_canonical_is_refused() {
    let refused: &[(&str, &[u8])] = &[
        ("nothing", &[]),
        ("a wide integer", &[0x18, 0x17]),
        ("a wide length", &[0x78, 0x01, b'a']),
        ("a wide float", &[0xfa, 0x3f, 0x80, 0, 0]),
        ("another NaN", &[0xf9, 0x7e, 0x01]),
        ("a NaN of 64 bits", &[0xfb, 0x7f, 0xf8, 0, 0, 0, 0, 0, 0]),
        ("an indefinite list", &[0x9f, 0xff]),
        ("an indefinite text", &[0x7f, 0x61, b'a', 0xff]),
        ("bytes", &[0x41, 0]),
        ("a tag", &[0xc0, 0x61, b'a']),
        ("undefined", &[0xf7]),
        ("a simple value of two bytes", &[0xf8, 0x20]),
        ("text that is not UTF-8", &[0x61, 0xff]),
        ("a key twice", &[0xa2, 0x61, b'a', 1, 0x61, b'a', 2]),
        ("unsorted keys", &[0xa2, 0x61, b'b', 1, 0x61, b'a', 2]),
        ("a longer key first", &[0xa2, 0x62, b'a', b'a', 1, 0x61, b'b', 2]),
        ("a key that is no text", &[0xa1, 1, 2]),
        ("trailing bytes", &[1, 1]),
        ("a list of 2⁶³ items", &[0x9b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
        ("a text of 2⁶³ bytes", &[0x7b, 0x80, 0, 0, 0, 0, 0, 0, 0]),
    ];
    for (what, bytes) in refused {
        assert!(from_bytes::<Value>(bytes).is_err(), "{what} was accepted: {bytes:02x?}");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| [vec![0x81; depth], vec![0xf6]].concat();
    assert!(from_bytes::<Value>(&nested(64)).is_ok());
    assert!(from_bytes::<Value>(&nested(65)).is_err());
    assert!(from_bytes::<Value>(&nested(1_000_000)).is_err());
}
