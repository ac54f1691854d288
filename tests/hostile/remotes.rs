//! Remotes that somebody prepared: a clone of one fails in words, and touches nothing outside of its folder.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};

use mdl::disk::OsDisk;
use mdl::name::RefName;
use mdl::refs::{self, Family, Ref};
use mdl::storage::Folder;

use crate::sandbox::{Ran, Sandbox};

const SECRET: &str = "the private key of the victim";

/// A project, the folder that it was pushed to, and a file that is nobody's business.
struct Lair {
    sandbox: Sandbox,
    team: PathBuf,
}

impl Lair {
    fn new() -> Self {
        let sandbox = Sandbox::history();
        sandbox.ok(&["remote", "add", "origin", "../team.mdl"]);
        sandbox.ok(&["push", "-q"]);
        let around = sandbox.around();
        fs::write(around.join("private"), SECRET).unwrap();
        Self { team: around.join("team.mdl"), sandbox }
    }

    /// Every file around the clone, with its bytes.
    fn others(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut files = BTreeMap::new();
        let mut folders = vec![self.sandbox.around()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
                let (path, kind) = (entry.path(), entry.file_type().unwrap());
                if path == self.victim().root() || path.starts_with(&self.team) {
                    continue;
                }
                match kind.is_dir() {
                    true => folders.push(path),
                    false => drop(files.insert(path.clone(), fs::read(path).unwrap())),
                }
            }
        }
        files
    }

    fn victim(&self) -> Sandbox {
        self.sandbox.beside("victim")
    }

    /// Clones; whatever comes of it, it ends soon, without a panic, and nothing else was touched.
    fn clone(&self, case: &str) -> Ran {
        let before = self.others();
        let mut command = self.sandbox.command(&["clone", "../team.mdl", "../victim"]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let end = Instant::now() + Duration::from_secs(60);
        while child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "{case}: it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        let ran = self.sandbox.ran(&child.wait_with_output().unwrap());
        let told = ran.told();
        assert!(ran.code >= 0 && ran.code < 100 && !told.contains("panicked"), "{case}: {told}");
        assert!(!told.contains(SECRET), "{case}: {told}");
        assert_eq!(self.others(), before, "{case}");
        ran
    }

    /// Clones, which fails. If that was while metadata came, no repository comes of it.
    fn fails(&self, case: &str, with_metadata: bool) -> String {
        let ran = self.clone(case);
        assert!(ran.code > 0 && ran.stderr.starts_with("error: "), "{case}: {}", ran.told());
        let victim = self.victim().root();
        assert_eq!(victim.join(".mdl/format").exists(), with_metadata, "{case}: {}", ran.told());
        let files = fs::read_dir(&victim).into_iter().flatten().map(|entry| entry.unwrap().file_name());
        assert!(files.into_iter().all(|name| name == ".mdl"), "{case}: {}", ran.told());
        let _ = fs::remove_dir_all(&victim);
        ran.told()
    }

    fn is_refused(&self, case: &str) -> String {
        self.fails(case, false)
    }

    fn one_of(&self, folder: &str) -> PathBuf {
        let mut all: Vec<PathBuf> =
            fs::read_dir(self.team.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
        all.sort();
        all.remove(0)
    }
}

/// What a checkout needs, after all metadata have come.
fn is_data(path: &Path) -> bool {
    path.parent().unwrap().ends_with("packs/data")
}

/// Puts something else in the place of a file, and afterwards the file again.
fn instead(path: &Path, put: impl FnOnce(&Path), act: impl FnOnce()) {
    let aside = path.parent().unwrap().parent().unwrap().join("aside");
    fs::rename(path, &aside).unwrap();
    put(path);
    act();
    fs::remove_file(path).unwrap();
    fs::rename(&aside, path).unwrap();
}

#[test]
fn names_of_refs_that_lead_out_are_no_names() {
    let lair = Lair::new();
    let log = lair.team.join("refs/heads/main");
    for name in [
        "%2E%2E%2Fconfig",
        "%2E%2E",
        "..%2F..%2Fx",
        "%2Fetc%2Fx",
        "a%00b",
        "%1B%5B2J",
        "HEAD%2F..",
        "%",
        "%zz",
    ] {
        for family in ["heads", "tags", "remotes", "runs", "packed"] {
            let other = lair.team.join("refs").join(family).join(name);
            fs::create_dir_all(&other).unwrap();
            for entry in fs::read_dir(&log).unwrap().map(Result::unwrap) {
                fs::copy(entry.path(), other.join(entry.file_name())).unwrap();
            }
        }
    }
    let ran = lair.clone("names");
    // They are passed over, and what is honest is there.
    assert_eq!(ran.code, 0, "{}", ran.told());
    let victim = lair.victim();
    assert!(victim.ok(&["branch"]).contains("main"));
    let refs: Vec<_> = fs::read_dir(victim.root().join(".mdl/refs/remotes")).unwrap().collect();
    assert_eq!(refs.len(), 1, "{refs:?}");
    assert!(!ran.told().contains('\x1b') && !victim.ok(&["ls-remote"]).contains('\x1b'));
}

#[test]
fn links_in_the_place_of_keys_are_not_followed() {
    let lair = Lair::new();
    let private = lair.sandbox.around().join("private");
    let last = lair.team.join("refs/heads/main/1");
    for path in [lair.one_of("packs/meta"), lair.one_of("packs/data"), last.clone()] {
        for target in [&private, Path::new("/dev/zero"), Path::new("/dev/stdin"), Path::new("loop")] {
            let case = format!("{} to {}", path.display(), target.display());
            let put = |path: &Path| symlink(target, path).unwrap();
            instead(&path, put, || drop(lair.fails(&case, is_data(&path))));
        }
        let pipe = |path: &Path| {
            let made = std::process::Command::new("mkfifo").arg(path).status().unwrap();
            assert!(made.success());
        };
        let case = format!("a pipe at {}", path.display());
        instead(&path, pipe, || drop(lair.fails(&case, is_data(&path))));
    }
    // A folder that is a link, and the two files beside the folders.
    let heads = lair.team.join("refs/heads");
    let away = lair.sandbox.around().join("heads");
    fs::rename(&heads, &away).unwrap();
    symlink(&away, &heads).unwrap();
    lair.is_refused("a folder that is a link");
    fs::remove_file(&heads).unwrap();
    fs::rename(&away, &heads).unwrap();
    let format = lair.team.join("format");
    fs::remove_file(&format).unwrap();
    symlink(&private, &format).unwrap();
    lair.is_refused("a format that is a link");
}

#[test]
fn sizes_without_end_are_refused_unread() {
    let lair = Lair::new();
    let huge = |path: &Path| {
        let file = fs::OpenOptions::new().create(true).truncate(false).write(true).open(path).unwrap();
        file.set_len(1 << 40).unwrap();
    };
    let next = lair.team.join("refs/heads/main/2");
    huge(&next);
    let told = lair.is_refused("a ref entry without end");
    assert!(told.contains("more than"), "{told}");
    fs::remove_file(&next).unwrap();
    let last = lair.team.join("refs/heads/main/9007199254740993");
    fs::copy(lair.team.join("refs/heads/main/1"), &last).unwrap();
    lair.is_refused("a number beyond any");
    fs::remove_file(&last).unwrap();
    let mark = lair.team.join("gc/1");
    fs::create_dir_all(lair.team.join("gc")).unwrap();
    huge(&mark);
    let ran = lair.clone("a mark without end");
    assert!(matches!(ran.code, 0 | 5 | 6), "{}", ran.told());
    let _ = fs::remove_dir_all(lair.victim().root());
    fs::remove_file(&mark).unwrap();
    let head = lair.team.join("HEAD");
    huge(&head);
    assert_eq!(lair.clone("a HEAD without end").code, 0, "HEAD is but a hint");
    let _ = fs::remove_dir_all(lair.victim().root());
    for section in ["meta", "data"] {
        let pack = lair.team.join("packs").join(section).join("0".repeat(64));
        huge(&pack);
        // Nothing that is needed lies in it, so it is passed over, unread.
        let ran = lair.clone(&format!("a pack of {section} without end"));
        assert_eq!(ran.code, 0, "{}", ran.told());
        let copied = lair.victim().root().join(".mdl/packs").join(section).join("0".repeat(64));
        assert!(!copied.exists(), "{section}");
        fs::remove_dir_all(lair.victim().root()).unwrap();
        fs::remove_file(&pack).unwrap();
    }
    let format = lair.team.join("format");
    fs::remove_file(&format).unwrap();
    huge(&format);
    lair.is_refused("a format without end");
}

#[test]
fn what_is_not_what_its_name_says_is_refused() {
    let lair = Lair::new();
    for section in ["packs/meta", "packs/data"] {
        let pack = lair.one_of(section);
        // The name of a pack is the hash of its footer.
        let other = pack.with_file_name("f".repeat(64));
        fs::rename(&pack, &other).unwrap();
        let told = lair.fails(&format!("another name in {section}"), section == "packs/data");
        assert!(told.ends_with("[exit 5]"), "{told}");
        fs::rename(&other, &pack).unwrap();
        let bytes = fs::read(&pack).unwrap();
        for (case, bytes) in [
            ("nothing", Vec::new()),
            ("its first half", bytes[..bytes.len() / 2].to_vec()),
            ("another file", SECRET.repeat(50).into_bytes()),
        ] {
            let put = |path: &Path| fs::write(path, bytes).unwrap();
            instead(&pack, put, || drop(lair.fails(case, section == "packs/data")));
        }
    }
    let entry = lair.team.join("refs/heads/main/1");
    let bytes = fs::read(&entry).unwrap();
    let main = Ref { family: Family::Heads, name: RefName::new("main").unwrap() };
    let (_, value) = refs::read(&Folder::new(&lair.team, Arc::new(OsDisk)), &main).unwrap().unwrap();
    let id = value.target.object().unwrap().1;
    let id = bytes.windows(32).position(|window| window == id.as_bytes()).unwrap();
    let mut other = bytes.clone();
    other[id + 16] ^= 1;
    let told = {
        let mut told = String::new();
        instead(
            &entry,
            |path| fs::write(path, &other).unwrap(),
            || told = lair.is_refused("an id of nothing"),
        );
        told
    };
    assert!(told.contains("does not have") || told.contains("cannot be read"), "{told}");
    instead(&entry, |path| fs::write(path, "ref").unwrap(), || drop(lair.is_refused("an entry of words")));
    assert_eq!(lair.clone("as it was").code, 0);
}

#[test]
fn a_head_that_names_anything_else_is_but_a_hint() {
    let lair = Lair::new();
    for head in ["ref: ../../x", "ref: \x1b[2J", "ref: nosuch", "ref:", "\u{0}", "ref: origin/main"] {
        fs::write(lair.team.join("HEAD"), head).unwrap();
        let ran = lair.clone(head);
        assert_eq!(ran.code, 0, "{head:?}: {}", ran.told());
        assert!(!ran.told().contains('\x1b'));
        assert!(lair.victim().ok(&["status"]).contains("On branch main"), "{head:?}");
        fs::remove_dir_all(lair.victim().root()).unwrap();
    }
}
