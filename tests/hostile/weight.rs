//! Objects that are small where they are kept and huge where they are read.

use std::time::{Duration, Instant};

use mdl::encoding;
use mdl::id::{CommitId, Kind};
use mdl::object::{self, Commit, Insert, Object, PlacedParams};
use mdl::progress::Silent;

use crate::forge::Forge;
use crate::sandbox::Sandbox;

/// What a command may have of memory of its own, in KiB.
const MOST: u64 = 256 << 10;

/// Runs the binary with bounded memory: it may fail, but neither for want of memory nor late.
fn bounded(sandbox: &Sandbox, arguments: &[&str], case: &str) -> i32 {
    let binary = sandbox.command(arguments);
    let mut command = std::process::Command::new("/bin/sh");
    command.arg("-c").arg(format!("ulimit -d {MOST} && exec \"$0\" \"$@\"")).arg(binary.get_program());
    command
        .args(binary.get_args())
        .current_dir(sandbox.root())
        .stdin(std::process::Stdio::null())
        .env_clear();
    command.envs(binary.get_envs().filter_map(|(name, value)| Some((name, value?))));
    // Each thread has room of its own; a machine with many processors would need more for the same.
    command.env("RAYON_NUM_THREADS", "2");
    let started = Instant::now();
    let output = command.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    let code = output.status.code().unwrap_or_else(|| panic!("{case}: {arguments:?} was killed: {told}"));
    assert!(code < 100, "{case}: {arguments:?} ended with {code}: {told}");
    assert!(
        started.elapsed() < Duration::from_secs(60),
        "{case}: {arguments:?} took {:?}",
        started.elapsed()
    );
    code
}

/// `{values: {"x": [item, item, …]}}`.
fn params(count: u32, item: &[u8]) -> Vec<u8> {
    let mut bytes = b"\xa1\x66values\xa1\x61x\x9a".to_vec();
    bytes.extend(count.to_be_bytes());
    bytes.extend(item.repeat(count as usize));
    bytes
}

/// A commit with these parameters, checked out.
fn with_params(forge: &Forge, bytes: Vec<u8>) -> CommitId {
    let commit = forge.commit(None, |writer, definition, _| {
        let params = writer.insert(Kind::Params, bytes).unwrap().into();
        definition.params = Some(PlacedParams { files: Vec::new(), params });
    });
    std::fs::write(forge.sandbox.root().join(".mdl/HEAD"), format!("{commit}\n")).unwrap();
    commit
}

const COMMANDS: [&[&str]; 6] = [
    &["status"],
    &["log"],
    &["show", "HEAD"],
    &["show", "HEAD:params"],
    &["diff", "main", "HEAD"],
    &["fsck"],
];

#[test]
fn thirty_million_values_in_three_kilobytes_are_refused() {
    for (case, count, item) in [
        ("zeros", 30_000_000, &b"\x00"[..]),
        ("empty lists", 30_000_000, b"\x80"),
        ("lists of one", 20_000_000, b"\x81\x00"),
        ("maps of one", 15_000_000, b"\xa1\x60\x00"),
        ("empty texts", 30_000_000, b"\x60"),
    ] {
        let forge = Forge::new();
        with_params(&forge, params(count, item));
        for command in COMMANDS {
            let code = bounded(&forge.sandbox, command, case);
            assert!(matches!(code, 0 | 5), "{case}: {command:?} ended with {code}");
        }
        assert_eq!(bounded(&forge.sandbox, &["show", "HEAD"], case), 5);
        assert_eq!(bounded(&forge.sandbox, &["fsck"], case), 5);
    }
}

#[test]
fn every_kind_of_object_is_bounded() {
    let forge = Forge::new();
    let writer = forge.repository.store().writer(&Silent);
    // Whatever it should be: a list of so many zeros is read no further than it may be.
    let mut lists: Vec<(Kind, Vec<u8>)> = Vec::new();
    for kind in [Kind::Packages, Kind::Accelerators, Kind::Outcome, Kind::Runs, Kind::Features, Kind::Profile]
    {
        let field: &[u8] = match kind {
            Kind::Packages => b"\x68packages",
            Kind::Accelerators => b"\x67devices",
            Kind::Outcome => b"\x66series",
            Kind::Runs => b"\x67batches",
            Kind::Features => b"\x68features",
            _ => b"\x67columns",
        };
        let mut bytes = [b"\xa1", field, b"\x9a"].concat();
        bytes.extend(30_000_000u32.to_be_bytes());
        bytes.resize(bytes.len() + 30_000_000, 0);
        lists.push((kind, bytes));
    }
    let mut tree = b"\x82\x00\x9a".to_vec();
    tree.extend(30_000_000u32.to_be_bytes());
    tree.resize(tree.len() + 30_000_000, 0);
    lists.push((Kind::Tree, tree));
    let ids: Vec<String> =
        lists.into_iter().map(|(kind, bytes)| writer.insert(kind, bytes).unwrap().to_string()).collect();
    let mut parents = encoding::to_bytes(&Commit { parents: vec![forge.base.id()], ..forge.base.clone() });
    let at = parents.windows(8).position(|window| window == b"\x67parents").unwrap() + 8;
    let parent = parents.split_off(at);
    parents.extend([0x9a]);
    parents.extend(1_500_000u32.to_be_bytes());
    parents.extend(parent[1..35].repeat(1_500_000));
    parents.extend(&parent[35..]);
    let many_parents = writer.insert(Kind::Commit, parents).unwrap().to_string();
    writer.finish().unwrap();
    for id in ids.iter().chain([&many_parents]) {
        let code = bounded(&forge.sandbox, &["show", id], "an object");
        assert!(matches!(code, 0 | 5), "{code}");
    }
    assert_eq!(bounded(&forge.sandbox, &["log", &many_parents], "parents"), 5);
}

#[test]
fn as_many_values_as_an_object_may_have_are_read() {
    let forge = Forge::new();
    let most = (object::MAX_WEIGHT - 13) as u32;
    for (case, count, item) in [("zeros", most, &b"\x00"[..]), ("maps of one", most / 7, b"\xa1\x60\x00")] {
        with_params(&forge, params(count, item));
        for command in [&["status"][..], &["log"], &["fsck"]] {
            assert_eq!(bounded(&forge.sandbox, command, case), 0, "{case}: {command:?}");
        }
    }
}

#[test]
fn a_text_of_sixty_million_bytes_is_read_once() {
    let forge = Forge::new();
    let mut bytes = b"\xa1\x66values\xa1\x61x\x7a".to_vec();
    bytes.extend(60_000_000u32.to_be_bytes());
    bytes.resize(bytes.len() + 60_000_000, b'a');
    with_params(&forge, bytes);
    for command in [&["status"][..], &["log"], &["fsck"]] {
        assert_eq!(bounded(&forge.sandbox, command, "a text"), 0, "{command:?}");
    }
}

#[test]
fn what_has_too_many_values_is_not_recorded() {
    let sandbox = Sandbox::project();
    let values = "{a: 0},".repeat(250_000);
    sandbox.write("params.yaml", &format!("x: [{values}]\n"));
    let ran = sandbox.mdl(&["commit", "-m", "too many"]);
    assert_eq!(ran.code, 2, "{}", ran.told());
    for word in ["params", "too many values", "data file"] {
        assert!(ran.stderr.contains(word), "{word}: {}", ran.told());
    }
}
