//! Profiles of real files, written by Arrow, NumPy and safetensors themselves, whole and damaged.

use std::io::Cursor;
use std::path::Path;

use mdl::format::{data_format, profile};
use mdl::object::Profile;

fn read(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)).unwrap()
}

fn of(name: &str, bytes: &[u8]) -> Profile {
    profile(data_format(name).unwrap(), &mut Cursor::new(bytes), bytes.len() as u64)
}

/// A profile, a line for each thing that it tells.
fn shown(name: &str) -> Vec<String> {
    let profile = of(name, &read(name));
    let number = |value: Option<u64>| value.map_or("?".to_owned(), |value| value.to_string());
    let mut lines = vec![format!("rows {}", number(profile.rows))];
    for column in profile.columns {
        let range = match (column.min, column.max) {
            (Some(min), Some(max)) => format!(" {min}..{max}"),
            _ => String::new(),
        };
        let (count, missing) = (number(column.count), number(column.missing));
        lines.push(format!("{}: {} {missing}/{count}{range}", column.name, column.dtype));
    }
    lines.extend(profile.tensors.iter().map(|t| format!("{}: {} {:?}", t.name, t.dtype, t.shape)));
    lines.extend(profile.gap);
    lines
}

#[test]
fn parquet_tells_columns_ranges_and_rows() {
    assert_eq!(
        shown("table.parquet"),
        [
            "rows 6",
            "id: int64 0/6 0..5",
            "mass: double 2/6 -2.0..3.25",
            "species: byte_array (string) 1/6 Adelie..Gentoo",
            "small: int32 (uint8) 0/6 1..200",
            "flag: boolean 1/6 false..true",
            "day: int32 (date) 0/6 20454..20459",
            "at: int64 (timestamp[us, utc]) 0/6 1767225600000000..1767243600000000",
            "price: fixed_len_byte_array (decimal(7, 2)) 0/6",
            "tags.list.element: byte_array (string) 3/7 a..d",
            "box.w: int32 0/6 0..5",
            "box.h.x: float 0/6 1.0..1.0",
            "nothing: int32 (null) ?/6",
        ]
    );
    assert_eq!(
        shown("v1.parquet"),
        ["rows 6", "id: int64 ?/6", "mass: double ?/6", "species: byte_array (string) ?/6"]
    );
    let empty = shown("empty.parquet");
    assert_eq!((&*empty[0], &*empty[1], empty.len()), ("rows 0", "id: int64 ?/0", 13));
}

#[test]
fn arrays_tell_type_and_shape() {
    assert_eq!(shown("matrix.npy"), ["rows 3", ": <f4 [3, 4]"]);
    assert_eq!(shown("fortran.npy"), ["rows 2", ": >i2, column-major [2, 3]"]);
    assert_eq!(
        shown("structured.npy"),
        ["rows 4", "x: <f8[2] ?/?", "größe: <i4 ?/?", "name: <U5 ?/?", ": structured [4]"]
    );
    assert_eq!(
        shown("model.safetensors"),
        ["rows ?", "linear.bias: F16 [4]", "linear.weight: F32 [4, 3]", "step: I64 []"]
    );
}

#[test]
fn text_tells_its_columns() {
    assert_eq!(
        shown("penguins.csv"),
        [
            "rows 3",
            "species: text ?/?",
            "island: text ?/?",
            "bill_length_mm: float ?/?",
            "year: integer ?/?",
            "sex: text ?/?"
        ]
    );
    assert_eq!(shown("log.jsonl"), ["rows 2", "epoch: integer ?/?", "loss: float ?/?", "lr: float ?/?"]);
}

/// Whatever part of a file is there or changed, there is a profile, and it is no larger than the file allows.
#[test]
fn damaged_files_have_profiles_too() {
    for name in
        ["table.parquet", "v1.parquet", "matrix.npy", "structured.npy", "model.safetensors", "penguins.csv"]
    {
        let bytes = read(name);
        // The page data of Parquet is never looked at: its footer is what matters.
        for at in (0..bytes.len()).filter(|at| *at < 400 || at + 3600 > bytes.len() && at % 5 < 2) {
            let truncated = of(name, &bytes[..at]);
            // A table may end anywhere, and the size of a structure is not known.
            if !matches!(name, "penguins.csv" | "structured.npy") {
                assert!(truncated.gap.is_some(), "{name} cut at {at}");
            }
            for damage in [0x01, 0xff] {
                let mut damaged = bytes.clone();
                damaged[at] ^= damage;
                let profile = of(name, &damaged);
                assert!(profile.columns.len() + profile.tensors.len() <= bytes.len());
            }
        }
    }
}
