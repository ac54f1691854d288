//! The files of each commit of the fixture, byte by byte: functions of nothing but their arguments.

use std::collections::BTreeMap;

/// A file of a work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum File {
    Plain(Vec<u8>),
    Executable(Vec<u8>),
    Symlink(&'static str),
}

/// The messages of the commits, in the order in which they were made.
pub const COMMITS: [&str; 5] = ["baseline", "wider", "worse", "experiment", "merge"];

/// What names some of the parts, for those who go on from here.
const MANIFEST: &[u8] = b"\
[datasets.large]
path = \"data/large.bin\"

[params]
files = [\"params.yaml\"]

[metrics]
files = [\"metrics.json\"]
";

/// The dataset that is only named.
pub const REFERENCE: &[u8] = b"these bytes are nowhere in the repository\n";

/// Bytes without a pattern.
pub fn noise(name: &str, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    blake3::Hasher::new().update(name.as_bytes()).finalize_xof().fill(&mut bytes);
    bytes
}

/// Numbers that change slowly, as 32-bit floats.
fn floats(count: u32) -> Vec<u8> {
    (0..count).flat_map(|i| (1.0 + f32::from(i as u16) / 65_536.0).to_le_bytes()).collect()
}

fn csv(rows: u32) -> Vec<u8> {
    let row = |i: u32| {
        format!("{i},{},{}\n", i.wrapping_mul(2_654_435_761) % 1000, ["a", "b", "c"][i as usize % 3])
    };
    std::iter::once("id,value,class\n".to_owned()).chain((0..rows).map(row)).collect::<String>().into_bytes()
}

/// A content of five chunks or so, of three textures; later commits have other bytes in the middle.
fn large(commit: usize) -> Vec<u8> {
    let inserted = if commit == 0 { Vec::new() } else { noise("inserted", 1000) };
    [&noise("large", 120_000)[..], &inserted, &floats(25_000), &csv(6_000)].concat()
}

/// The files of a commit, but for the dataset that is only named.
pub fn files(commit: usize) -> BTreeMap<String, File> {
    let mut files = BTreeMap::new();
    let mut plain = |path: &str, bytes: Vec<u8>| drop(files.insert(path.to_owned(), File::Plain(bytes)));
    plain("data/large.bin", large(commit));
    plain("data/floats.f32", floats(12_000));
    plain("data/table.csv", csv(2_000));
    for i in 0..1200 {
        let text = if commit > 0 && i == 600 { "changed".to_owned() } else { i.to_string() };
        plain(&format!("data/many/{i:04}.txt"), text.into_bytes());
    }
    plain("data/many/deeper/empty", Vec::new());
    plain("features.txt", b"mass\nlength\n".to_vec());
    plain("params.yaml", format!("seed: 7\ntrain:\n  width: {}\n", 64 << commit).into_bytes());
    plain("metrics.json", format!("{{\"accuracy\": 0.{}}}\n", 90 + commit).into_bytes());
    plain("model/weights.bin", noise(&format!("weights {commit}"), 5_000));
    plain("train.log", b"training\ndone\n".to_vec());
    plain("mdl.toml", MANIFEST.to_vec());
    plain("src/train.py", format!("print({commit})\n").into_bytes());
    plain("src/gr\u{fc}n.py", b"# not ASCII\n".to_vec());
    files.insert("run.sh".to_owned(), File::Executable(b"#!/bin/sh\npython3 src/train.py\n".to_vec()));
    files.insert("latest.py".to_owned(), File::Symlink("src/train.py"));
    files
}
