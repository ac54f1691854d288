//! A co-writer of a remote who lies about runs: what is known here stays, through fetches and collections.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use mdl::disk::OsDisk;
use mdl::id::CommitId;
use mdl::name::RunId;
use mdl::object::{self, Commit, Outcome, Phase, Run, Time};
use mdl::progress::Silent;
use mdl::refs::{self, Move, Ref, Target};
use mdl::repo::{RecordedRun, Repository, RunQuery};
use mdl::storage::Folder;
use mdl::store::Store;

use crate::sandbox::Sandbox;

/// A project with a remote, to which somebody else may write too.
struct Team {
    sandbox: Sandbox,
    folder: PathBuf,
}

fn by() -> Move {
    Move { who: "Eve <eve@example.org>".into(), when: Time { millis: 1, zone: 0 }, why: "push".into() }
}

impl Team {
    fn new() -> Self {
        let sandbox = Sandbox::history();
        sandbox.ok(&["remote", "add", "origin", "../team.mdl"]);
        sandbox.ok(&["push", "-q"]);
        Self { folder: sandbox.around().join("team.mdl"), sandbox }
    }

    fn repository(&self) -> Repository {
        Repository::open(&self.sandbox.root()).unwrap()
    }

    fn run(&self) -> RecordedRun {
        let runs = self.repository().runs(&RunQuery::default()).unwrap().runs;
        let [run] = &runs[..] else { panic!("{runs:?}") };
        run.clone()
    }

    /// What is shown of the only run.
    fn shown(&self) -> String {
        self.sandbox.ok(&["show", "--json", self.run().id.as_str()])
    }

    fn liar(&self) -> (Folder, Store) {
        let storage = Folder::new(&self.folder, Arc::new(OsDisk));
        (storage.clone(), Store::open(Arc::new(storage), None))
    }

    /// An end of a run that never was, kept at the remote.
    fn forged(&self, like: &Commit, id: &RunId, exit: i64) -> CommitId {
        let (_, store) = self.liar();
        let writer = store.writer(&Silent);
        let outcome = Outcome { exit: Some(exit), ..Outcome::default() };
        let outcome = Some(object::put(&writer, &outcome).unwrap());
        let plain = Run {
            id: id.clone(),
            name: None,
            phase: Phase::Train,
            sweep: None,
            set: Default::default(),
            reproduces: None,
        };
        let run = Some(like.run.clone().unwrap_or(plain));
        let commit = object::put(&writer, &Commit { outcome, run, ..like.clone() }).unwrap();
        writer.finish().unwrap();
        commit
    }

    /// A batch at the remote.
    fn batch(&self, lines: &[(&RunId, CommitId)]) {
        let (storage, store) = self.liar();
        let writer = store.writer(&Silent);
        let runs = lines.iter().map(|(id, commit)| ((*id).clone(), *commit)).collect();
        let batch = object::put(&writer, &object::Runs { runs, batches: Vec::new() }).unwrap();
        writer.finish().unwrap();
        // As old as can be.
        let name = Ref::of_new_batch(&by().when).unwrap();
        refs::stand(&storage, &name, &by()).unwrap();
        let upload = &mut |_: &refs::Footing| Ok(());
        refs::advance(&storage, &name, None, Target::Runs(batch), &by(), upload, &|_, _| Ok(true)).unwrap();
    }

    /// A commit that the remote has, as somebody sees it who has no more than that.
    fn theirs(&self) -> Commit {
        let head = self.repository().resolve("HEAD").unwrap().commit;
        object::get(&self.liar().1, head).unwrap()
    }

    /// Fetches, which says loudly what was set aside.
    fn is_set_aside(&self, reason: &str) {
        let ran = self.sandbox.mdl(&["fetch", "-q"]);
        assert_eq!(ran.code, 0, "{}", ran.told());
        assert!(ran.stderr.contains("warning: ") && ran.stderr.contains("set aside"), "{}", ran.told());
        let _ = std::fs::remove_dir_all(self.sandbox.root().join(".mdl/cache"));
        let json = self.sandbox.ok(&["fetch", "--json"]);
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert_eq!(json["set_aside"][0]["reason"], reason, "{json}");
    }

    fn collect(&self) {
        for _ in 0..2 {
            self.sandbox.ok(&["gc", "--all"]);
        }
        self.sandbox.ok(&["fsck", "--data"]);
    }
}

fn wait_for(path: &Path) {
    let end = Instant::now() + Duration::from_secs(60);
    while !path.exists() {
        assert!(Instant::now() < end, "{} does not come", path.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_batch_does_not_change_how_a_run_ended() {
    for folded in [false, true] {
        let team = Team::new();
        team.sandbox.ok(&["run", "-q", "--", "true"]);
        team.sandbox.ok(&["push", "-q", "--runs"]);
        let (run, before) = (team.run(), team.shown());
        if folded {
            team.sandbox.ok(&["gc", "--all"]);
        }
        let lie = team.forged(&run.commit.unwrap().1, &run.id, 99);
        team.batch(&[(&run.id, lie)]);
        team.is_set_aside("differs");
        assert_eq!(team.shown(), before);
        team.collect();
        assert_eq!(team.shown(), before);
        // Who has nothing yet believes the run's own log, and so does a collection there.
        team.sandbox.ok(&["gc", "--all", "origin"]);
        let ran = team.sandbox.mdl(&["clone", "../team.mdl", "../other"]);
        assert!(ran.code == 0 && ran.stderr.contains("set aside"), "{}", ran.told());
        let other = team.sandbox.beside("other");
        assert!(other.ok(&["show", "--json", run.id.as_str()]).contains("\"exit\":0"));
    }
}

#[test]
fn a_batch_does_not_take_a_run_that_was_never_pushed() {
    for unfinished in [false, true] {
        let team = Team::new();
        let command = if unfinished { "kill -9 $PPID" } else { "true" };
        team.sandbox.mdl(&["run", "-q", "--", "sh", "-c", command]);
        let (run, before) = (team.run(), team.shown());
        let lie = team.forged(&team.theirs(), &run.id, 99);
        team.batch(&[(&run.id, lie)]);
        team.is_set_aside(if unfinished { "begun here" } else { "differs" });
        team.collect();
        assert_eq!(team.shown(), before);
    }
}

#[test]
fn nobody_ends_a_run_that_goes_on_here() {
    let team = Team::new();
    let root = team.sandbox.root();
    let script = "touch started; while ! [ -e go ]; do sleep 0.05; done; exit 3";
    let mut child = team.sandbox.command(&["run", "-q", "--", "sh", "-c", script]).spawn().unwrap();
    wait_for(&root.join("started"));
    team.sandbox.ok(&["push", "-q", "--runs"]);
    let (run, storage) = (team.run(), team.liar().0);
    let (begun, commit) = run.commit.unwrap();
    // With all that is right about it but the end.
    let lie = team.forged(&commit, &run.id, 99);
    team.batch(&[(&run.id, lie)]);
    team.is_set_aside("begun here");
    let name = Ref::of_run(&run.id);
    let (base, target) = (Some(Target::Commit(begun)), Target::Finished(lie));
    let upload = &mut |_: &refs::Footing| Ok(());
    refs::advance(&storage, &name, base, target, &by(), upload, &|_, _| Ok(true)).unwrap();
    team.is_set_aside("begun here");
    team.collect();
    std::fs::write(root.join("go"), "").unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(team.shown().contains("\"exit\":3"), "{}", team.shown());
    team.collect();
    assert!(team.shown().contains("\"exit\":3"), "{}", team.shown());
}

#[test]
fn of_a_batch_what_is_true_is_taken() {
    let team = Team::new();
    team.sandbox.ok(&["run", "-q", "--", "true"]);
    let (run, before) = (team.run(), team.shown());
    let other = RunId::from_parts(7, [7; 10]);
    let third = RunId::from_parts(8, [8; 10]);
    let (theirs, lie) = (team.forged(&team.theirs(), &other, 7), team.forged(&team.theirs(), &run.id, 99));
    // The commit of another run, under a third id.
    team.batch(&[(&other, theirs), (&run.id, lie), (&third, theirs)]);
    let ran = team.sandbox.mdl(&["fetch"]);
    assert!(ran.code == 0 && ran.stderr.matches("set aside").count() == 2, "{}", ran.told());
    assert!(ran.stdout.contains("1 run"), "{}", ran.told());
    assert!(team.sandbox.ok(&["show", "--json", other.as_str()]).contains("\"exit\":7"));
    assert_ne!(team.sandbox.mdl(&["show", third.as_str()]).code, 0);
    assert_eq!(team.sandbox.ok(&["show", "--json", run.id.as_str()]), before);
    team.collect();
    assert_eq!(team.sandbox.ok(&["show", "--json", run.id.as_str()]), before);
    assert!(team.sandbox.ok(&["show", "--json", other.as_str()]).contains("\"exit\":7"));
}
