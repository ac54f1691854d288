//! The encoding of every kind of object: one value, one form, and nothing else is accepted.

#[path = "../fuzz/bodies.rs"]
#[allow(dead_code)]
mod bodies;
mod generate;

use bodies::reencoded;
use ciborium::Value as Cbor;
use mdl::encoding::{DecodeProblem, Encode, Writer, from_bytes, to_bytes};
use mdl::id::Kind;
use mdl::object::Params;
use mdl::value::Value;
use proptest::prelude::*;

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

fn entropy() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..600)
}

/// A change of bytes.
#[derive(Clone, Debug)]
enum Mutation {
    Set(u8),
    Insert(u8),
    Remove,
    Truncate,
}

fn any_mutation() -> impl Strategy<Value = (prop::sample::Index, Mutation)> {
    let mutation = prop_oneof![
        any::<u8>().prop_map(Mutation::Set),
        any::<u8>().prop_map(Mutation::Insert),
        Just(Mutation::Remove),
        Just(Mutation::Truncate),
    ];
    (any::<prop::sample::Index>(), mutation)
}

fn mutate(bytes: &mut Vec<u8>, (at, mutation): (prop::sample::Index, Mutation)) {
    let at = at.index(bytes.len().max(1));
    match mutation {
        Mutation::Insert(byte) => bytes.insert(at, byte),
        Mutation::Truncate => bytes.truncate(at),
        _ if bytes.is_empty() => {}
        Mutation::Set(byte) => bytes[at] = byte,
        Mutation::Remove => _ = bytes.remove(at),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// `decode(encode(x)) == x`. Compared as text, in which every NaN is equal and `-0.0` is not `0.0`.
    #[test]
    fn what_is_written_is_read_back(kind in any_kind(), entropy in entropy()) {
        let (bytes, shown) = generate::object(kind, &entropy);
        prop_assert_eq!(reencoded(kind, &bytes), Some((bytes, shown)));
    }

    /// `encode(decode(b)) == b`, or an error.
    #[test]
    fn arbitrary_bytes_are_canonical_or_refused(kind in any_kind(), bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        if let Some((again, _)) = reencoded(kind, &bytes) {
            prop_assert_eq!(again, bytes);
        }
    }

    #[test]
    fn mutated_bytes_are_canonical_or_refused(
        kind in any_kind(),
        entropy in entropy(),
        mutations in prop::collection::vec(any_mutation(), 1..4),
    ) {
        let (mut bytes, _) = generate::object(kind, &entropy);
        mutations.into_iter().for_each(|mutation| mutate(&mut bytes, mutation));
        if let Some((again, _)) = reencoded(kind, &bytes) {
            prop_assert_eq!(again, bytes);
        }
    }

    /// Another implementation reads what we write, and would write the same.
    #[test]
    fn what_is_written_is_standard_cbor(kind in any_kind(), entropy in entropy()) {
        let (bytes, _) = generate::object(kind, &entropy);
        let read: Cbor = ciborium::from_reader(&bytes[..]).unwrap();
        let mut again = Vec::new();
        ciborium::into_writer(&read, &mut again).unwrap();
        prop_assert_eq!(again, bytes);
    }

    #[test]
    fn values_mean_the_same_to_others(entropy in entropy()) {
        let value = <Value as generate::Make>::make(&mut generate::Source::new(&entropy));
        let read: Cbor = ciborium::from_reader(&to_bytes(&value)[..]).unwrap();
        prop_assert_eq!(ours(&read), value);
    }

    #[test]
    fn the_order_of_keys_does_not_matter(
        entries in prop::collection::btree_map(".{0,30}", any::<i64>(), 0..20).prop_map(Vec::from_iter),
        order in any::<u64>(),
    ) {
        let mut shuffled = entries.clone();
        shuffled.sort_by_key(|(key, _)| blake3::hash(&[key.as_bytes(), &order.to_le_bytes()].concat()).to_hex());
        prop_assert_eq!(map(&shuffled), map(&entries));
    }

    #[test]
    fn equal_bytes_of_two_kinds_have_two_ids(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut ids: Vec<_> = Kind::ALL.iter().map(|kind| kind.digest(&bytes)).collect();
        ids.push(mdl::id::ContentId::of(&bytes).digest());
        ids.sort();
        ids.dedup();
        prop_assert_eq!(ids.len(), Kind::ALL.len() + 1);
    }
}

fn map(entries: &[(String, i64)]) -> Vec<u8> {
    let mut writer = Writer::default();
    writer.map(entries.iter().map(|(key, value)| (key.as_str(), value as &dyn Encode)));
    writer.into_bytes()
}

/// The value that another implementation's value is.
fn ours(value: &Cbor) -> Value {
    match value {
        Cbor::Null => Value::Null,
        Cbor::Bool(value) => Value::Bool(*value),
        Cbor::Integer(int) => Value::Int(mdl::value::Int::new(i128::from(*int)).unwrap()),
        Cbor::Float(float) => Value::Float(*float),
        Cbor::Text(text) => Value::Text(text.clone()),
        Cbor::Array(items) => Value::List(items.iter().map(ours).collect()),
        Cbor::Map(entries) => Value::Map(
            entries.iter().map(|(key, value)| (key.as_text().unwrap().to_owned(), ours(value))).collect(),
        ),
        other => panic!("{other:?} is never written"),
    }
}

/// Parameters of which one has these bytes as its value.
fn params_with(value: &[u8]) -> Vec<u8> {
    [b"\xa1\x66values\xa1\x61a", value].concat()
}

fn refused(value: &[u8]) -> DecodeProblem {
    for kind in Kind::ALL {
        assert_eq!(reencoded(kind, value), None, "{kind} accepts {value:02x?}");
    }
    from_bytes::<Params>(&params_with(value)).unwrap_err().problem
}

#[test]
fn only_the_shortest_form_is_accepted() {
    assert!(from_bytes::<Params>(&params_with(b"\x17")).is_ok());
    for wide in [
        &b"\x18\x17"[..],
        b"\x19\x00\xff",
        b"\x1a\x00\x00\xff\xff",
        b"\x1b\0\0\0\0\xff\xff\xff\xff",
        b"\x38\x17",
        b"\x78\x01a",
        b"\x98\x00",
        b"\xb8\x00",
    ] {
        assert_eq!(refused(wide), DecodeProblem::NotCanonical, "{wide:02x?}");
    }
    for float in [
        &b"\xfb\x3f\xf0\0\0\0\0\0\0"[..],
        b"\xfa\x3f\x80\0\0",
        b"\xfb\x3f\xf8\0\0\0\0\0\0",
        b"\xf9\x7e\x01",
        b"\xf9\xfe\x00",
        b"\xfa\x7f\xc0\0\0",
        b"\xfb\x7f\xf8\0\0\0\0\0\0",
        b"\xfa\x7f\x80\0\0",
    ] {
        assert_eq!(refused(float), DecodeProblem::NotCanonical, "{float:02x?}");
    }
}

#[test]
fn indefinite_lengths_tags_and_reserved_forms_are_refused() {
    for bytes in [
        &b"\x9f\xff"[..],
        b"\xbf\xff",
        b"\x7f\x61a\xff",
        b"\x5f\x41a\xff",
        b"\x1c",
        b"\x1f",
        b"\xc0\x61a",
        b"\xc2\x41\x01",
        b"\x41a",
        b"\xf7",
        b"\xf8\x20",
        b"\xf8\xff",
        b"\xfc",
        b"\xff",
        b"\x62\xc3\x28",
        b"",
    ] {
        refused(bytes);
    }
}

#[test]
fn claims_and_depth_cost_nothing() {
    for claim in [
        &b"\x9a\x3b\x9a\xca\x00"[..],
        b"\xba\x3b\x9a\xca\x00",
        b"\x7a\x3b\x9a\xca\x00",
        b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        refused(claim);
    }
    for nested in [&b"\x81"[..], b"\xa1\x61a"] {
        assert_eq!(refused(&nested.repeat(100_000)), DecodeProblem::TooDeep);
    }
}

#[test]
fn keys_are_sorted_and_there_once() {
    assert!(from_bytes::<Params>(&params_with(b"\xa2\x61b\x01\x62aa\x02")).is_ok());
    for entries in [&b"\xa2\x61a\x01\x61a\x02"[..], b"\xa2\x61b\x01\x61a\x02", b"\xa2\x62aa\x01\x61b\x02"] {
        assert_eq!(refused(entries), DecodeProblem::KeyOrder);
    }
    refused(b"\xa1\x01\x02");
}

#[test]
fn nothing_may_follow_and_nothing_is_dropped() {
    let bytes = [&params_with(b"\x01")[..], b"\x00"].concat();
    assert_eq!(from_bytes::<Params>(&bytes).unwrap_err().problem, DecodeProblem::Trailing);
    let unknown = b"\xa2\x66values\xa0\x67unknown\x01";
    let problem = from_bytes::<Params>(unknown).unwrap_err().problem;
    assert_eq!(problem, DecodeProblem::UnknownField("unknown".into()));
    assert_eq!(from_bytes::<Params>(b"\xa0").unwrap_err().problem, DecodeProblem::Missing("values"));
}
