//! Storages over a real ssh, on loopback.

use std::io::ErrorKind;
use std::path::Path;

use mdl::storage::stream::{Access, Stream, ssh};
use mdl::storage::{Created, Key, Location, Storage, StorageError, probe};

use crate::sshd::{self, Sshd};
use crate::suite;

fn start() -> Option<Sshd> {
    sshd::start(Path::new(env!("CARGO_BIN_EXE_mdl")))
}

fn open_by(sshd: &Sshd, url: &str, more: &str) -> Result<Stream, StorageError> {
    match Location::parse(url, Path::new("/")).unwrap() {
        Location::Ssh(address) => ssh::open_by(&address, Some(format!("{}{more}", sshd.command()).into())),
        other => panic!("{other:?}"),
    }
}

fn open(sshd: &Sshd, path: &Path) -> Result<Stream, StorageError> {
    open_by(sshd, &sshd.url(path), "")
}

fn key(text: &str) -> Key {
    Key::new(text).unwrap()
}

#[test]
fn a_folder_over_ssh_conforms() {
    let Some(sshd) = start() else { return };
    suite::run(&|check| {
        let dir = tempfile::tempdir().unwrap();
        let storage = open(&sshd, &dir.path().join("team.mdl")).unwrap();
        check(&storage);
    });
    let dir = tempfile::tempdir().unwrap();
    let storage = open(&sshd, &dir.path().join("team.mdl")).unwrap();
    assert_eq!(storage.access(), Access::ReadWrite);
    probe(&storage).unwrap();
}

#[test]
fn a_path_is_seen_by_no_shell() {
    let Some(sshd) = start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a b;$(touch x)'\"&");
    open(&sshd, &path).unwrap().create(&key("refs/x/0"), b"x").unwrap();
    assert!(path.join("refs/x/0").is_file());
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
}

#[test]
fn the_command_of_a_key_bounds_what_its_owner_can_do() {
    let Some(sshd) = start() else { return };
    let root = sshd.folder().join("root");
    std::fs::create_dir_all(root.join("x")).unwrap();
    let force = |more: &str| {
        sshd.authorize(&format!("restrict,command=\"mdl serve --stdio --root {}{more}\"", root.display()));
    };
    force("");
    let (inside, entry) = (Path::new("/x/team.mdl"), key("refs/x/0"));
    assert_eq!(open(&sshd, inside).unwrap().create(&entry, b"x").unwrap(), Created::Created);
    assert!(root.join("x/team.mdl/refs/x/0").is_file());
    assert!(open(&sshd, &root).is_err(), "an absolute path is seen from the root");
    let home = open_by(&sshd, "ssh://mdl-test/~/x/team.mdl", "").unwrap();
    assert_eq!(home.list("").unwrap().len(), 1);

    force(" --append-only");
    let storage = open(&sshd, inside).unwrap();
    assert_eq!(storage.access(), Access::AppendOnly);
    let pack = key(&format!("packs/meta/{}", "0".repeat(64)));
    assert_eq!(storage.create(&pack, b"x").unwrap(), Created::Created);
    assert!(storage.create(&key("refs/heads/main/7"), b"x").unwrap_err().is_refusal());
    assert!(storage.create(&key("gc/1"), b"x").unwrap_err().is_refusal());
    assert!(storage.remove(&entry).unwrap_err().is_refusal());
    probe(&storage).unwrap();

    force(" --read-only");
    let storage = open(&sshd, inside).unwrap();
    assert_eq!(storage.read(&entry, 10).unwrap().unwrap(), b"x");
    assert!(storage.create(&key("refs/x/2"), b"x").unwrap_err().is_refusal());
    assert!(storage.draft().is_err());
    assert!(matches!(probe(&storage), Err(mdl::storage::ProbeError::ReadOnly(_))));
}

#[test]
fn what_ssh_says_is_told() {
    let Some(sshd) = start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let error = |sshd: &Sshd, more: &str| {
        let error = open_by(sshd, &sshd.url(dir.path()), more).err().expect("an error");
        (error.source.kind(), error.source.to_string())
    };
    let (kind, said) =
        error(&sshd, " -o IdentityFile=/dev/null -o IdentitiesOnly=yes -o PubkeyAuthentication=no");
    assert_eq!(kind, ErrorKind::PermissionDenied, "{said}");
    assert!(said.contains("Permission denied"), "{said}");
    let (kind, said) = error(&sshd, " -p 1");
    assert_eq!(kind, ErrorKind::ConnectionRefused, "{said}");
    sshd.authorize("command=\"mdl-that-is-not-there\"");
    let (kind, said) = error(&sshd, "");
    assert_eq!(kind, ErrorKind::NotFound, "{said}");
    assert!(said.contains("mdl could not be started on mdl-test"), "{said}");
    sshd.authorize("command=\"echo Welcome\"");
    let (_, said) = error(&sshd, "");
    assert!(said.contains("is no mdl: it said \"Welcome\""), "{said}");
}

#[test]
fn an_option_of_ssh_is_no_host() {
    for url in ["ssh://-oProxyCommand=touch%20x/y", "ssh://-Fx@host/y", "-oProxyCommand=touch:y"] {
        assert!(Location::parse(url, Path::new("/")).is_err(), "{url}");
    }
}

/// `cargo test --test storage --release -- --ignored --nocapture figures`
#[test]
#[ignore = "measures"]
fn figures() {
    let Some(sshd) = start() else { return };
    let dir = tempfile::tempdir().unwrap();
    let time = std::time::Instant::now;
    let start = time();
    let storage = open(&sshd, &dir.path().join("team.mdl")).unwrap();
    println!("connect {:?}", start.elapsed());
    const MIB: usize = 256;
    let body: Vec<u8> = (0..MIB << 20).map(|at| (at % 251) as u8).collect();
    let start = time();
    let mut bare = std::process::Command::new("sh");
    bare.args(["-c", &format!("{} mdl-test 'cat > /dev/null'", sshd.command())])
        .stdin(std::process::Stdio::piped());
    let mut bare = bare.spawn().unwrap();
    std::io::Write::write_all(&mut bare.stdin.take().unwrap(), &body).unwrap();
    assert!(bare.wait().unwrap().success());
    println!("bare ssh, with connecting {:.0} MiB/s", MIB as f64 / start.elapsed().as_secs_f64());
    let start = time();
    std::thread::scope(|scope| {
        for (number, body) in body.chunks(64 << 20).enumerate() {
            let storage = &storage;
            scope.spawn(move || {
                let mut draft = storage.draft().unwrap();
                body.chunks(1 << 20).for_each(|piece| draft.write(piece).unwrap());
                draft.publish(&key(&format!("packs/data/{number}"))).unwrap();
            });
        }
    });
    println!("write {:.0} MiB/s", MIB as f64 / start.elapsed().as_secs_f64());
    let start = time();
    for number in 0..MIB / 64 {
        storage.read(&key(&format!("packs/data/{number}")), 1 << 30).unwrap().unwrap();
    }
    println!("read {:.0} MiB/s", MIB as f64 / start.elapsed().as_secs_f64());
    let start = time();
    (0..200).for_each(|_| drop(storage.read(&key("none"), 10).unwrap()));
    println!("round trip {:?}", start.elapsed() / 200);
    let start = time();
    for number in 0..200 {
        storage.create(&key(&format!("refs/x/{number}")), &[1; 300]).unwrap();
    }
    println!("create {:?}", start.elapsed() / 200);
    let start = time();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let storage = &storage;
            scope.spawn(move || {
                for number in 0..25 {
                    storage.create(&key(&format!("refs/y{thread}/{number}")), &[1; 300]).unwrap();
                }
            });
        }
    });
    println!("create, 8 at once {:?}", start.elapsed() / 200);
}
