//! The real binary, killed by the kernel at its system calls. Needs `strace`, and says so where it is missing.

use std::path::Path;
use std::process::{Command, ExitStatus, Output, Stdio};

use mdl::repo::{RunQuery, RunState};

use crate::check::{all_sound, goes_on, sound};
use crate::project::Project;
use crate::record::{Recorded, Scenario};
use crate::sharing;
use crate::skip::skipped;

/// The system calls that change files, or make changes durable.
const CALLS: &str = "write,pwrite64,link,linkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,\
    symlink,symlinkat,fsync,fdatasync,syncfs,fchmod";
/// Those that a full disk refuses, but for `write`, which tells of it.
const GROWING: &str = "pwrite64,link,linkat,mkdir,mkdirat,symlink,symlinkat";
/// One call in so many is a place to die.
const STEP: usize = 3;

fn strace(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]).args(arguments).current_dir(folder);
    command.env("HOME", folder).env_remove("XDG_CONFIG_HOME").stdin(Stdio::null());
    command
}

fn can_trace(folder: &Path) -> bool {
    let can = strace(&["true"], folder).status().is_ok_and(|status| status.success());
    if !can {
        skipped("strace is missing or may not trace, so nothing was done to the real binary");
    }
    can
}

/// Runs the binary, to whose calls of some kind something is done.
fn injected(folder: &Path, calls: &str, injection: &str, arguments: &[&str]) -> Output {
    let (calls, injection) = (format!("trace={calls}"), format!("inject={calls}:{injection}"));
    let binary = env!("CARGO_BIN_EXE_mdl");
    strace(&[&["-e", &calls, "-e", &injection, binary], arguments].concat(), folder).output().unwrap()
}

/// Runs the binary, killed when one of its threads makes its n-th call of the kind.
fn killed(folder: &Path, number: usize, arguments: &[&str]) -> ExitStatus {
    injected(folder, CALLS, &format!("signal=KILL:when={number}"), arguments).status
}

#[test]
fn the_binary_may_be_killed_anywhere() {
    let project = Project::empty();
    project.small();
    project.committed();
    let tree = project.tree();
    if !can_trace(&tree) {
        return;
    }
    let (mut number, mut kills) = (1, 0);
    loop {
        assert!(number < 300, "it never came to its end");
        project.write("params.yaml", format!("lr: 0.{number}\n"));
        project.write("data/train.csv", format!("x,y\n{number},2\n"));
        let status = killed(&tree, number, &["commit", "-q", "-m", "killed"]);
        sound(&project.repository()).unwrap();
        // It is in the commit that was killed, or it is in this one.
        let disk = || std::sync::Arc::new(mdl::disk::OsDisk);
        project.commit(disk()).unwrap();
        assert!(project.commit(disk()).unwrap().is_none());
        sound(&project.repository()).unwrap();
        if status.success() {
            break;
        }
        (number, kills) = (number + STEP, kills + 1);
    }
    println!("| the binary | {kills} kills |");
    assert!(kills >= 3, "it was killed {kills} times");
}

/// The same while a command is run.
const RUN_STEP: usize = 2;

#[test]
fn a_run_may_be_killed_anywhere() {
    let project = Project::empty();
    project.small();
    project.committed();
    let tree = project.tree();
    if !can_trace(&tree) {
        return;
    }
    let script = r#"echo '{"name": "loss", "step": 1, "value": 0.5}' >> "$MDL_METRICS"; echo said"#;
    let (mut number, mut ended) = (1, [0, 0, 0]);
    loop {
        assert!(number < 600, "it never came to its end");
        let before = project.repository().runs(&RunQuery::default()).unwrap().runs.len();
        let status = killed(&tree, number, &["run", "-q", "--", "sh", "-c", script]);
        let repository = project.repository();
        sound(&repository).unwrap();
        let runs = repository.runs(&RunQuery::default()).unwrap().runs;
        let new = runs.len() - before;
        assert!(new <= 1, "{new} runs of one");
        // The trace kills the command too: then the run tells of it.
        let state = runs.first().filter(|_| new == 1).map(|run| {
            repository.run_details(run).unwrap();
            run.state.clone()
        });
        match state {
            None => ended[0] += 1,
            Some(RunState::Unfinished) => ended[1] += 1,
            Some(RunState::Finished | RunState::Interrupted(_)) => ended[2] += 1,
            Some(state) => panic!("{state:?}"),
        }
        if status.success() {
            break;
        }
        number += RUN_STEP;
    }
    println!("| a run | absent, unfinished, ended: {ended:?} |");
    assert!(ended[1] >= 2, "{ended:?}");
}

/// The same while two sides are at work: the command line of a scenario, run beside the hub.
const SHARED: [(Scenario, &[&str], usize); 2] = [
    (sharing::PUSH, &["-C", "work", "push", "-q", "origin", "main", "--tags", "--runs"], 5),
    (sharing::CLONE, &["clone", "-q", "hub", "work"], 10),
];

#[test]
fn a_push_and_a_clone_may_be_killed_anywhere() {
    for (scenario, arguments, step) in SHARED {
        let project = Project::empty();
        if !can_trace(project.root()) {
            return;
        }
        (scenario.before)(&project);
        let recorded = Recorded::of(scenario.command, &project).unwrap();
        let mut kills = 0;
        for number in (1..900).step_by(step) {
            let project = Project::copy(&recorded.start);
            let status = killed(project.root(), number, arguments);
            let kept = all_sound(&project).and_then(|()| goes_on(&scenario, &recorded, &project));
            kept.unwrap_or_else(|broken| panic!("{}, killed at {number}: {broken}", scenario.name));
            if status.success() {
                break;
            }
            kills += 1;
        }
        println!("| {} by the binary | {kills} kills |", scenario.name);
        assert!((5..50).contains(&kills), "{}: {kills} kills", scenario.name);
    }
}

/// And while the disk is full, here or there.
const FILLED: [(Scenario, &[&str], usize); 4] = [
    (sharing::PUSH, SHARED[0].1, 6),
    (sharing::FETCH, &["-C", "work", "fetch", "-q"], 4),
    (sharing::CLONE, SHARED[1].1, 14),
    (sharing::GC_OF_THE_HUB, &["-C", "work", "gc", "-q", "--all", "origin"], 7),
];

#[test]
fn that_the_disk_is_full_is_told_and_the_command_goes_on_once_there_is_room() {
    for (scenario, arguments, step) in FILLED {
        let project = Project::empty();
        if !can_trace(project.root()) {
            return;
        }
        (scenario.before)(&project);
        let recorded = Recorded::of(scenario.command, &project).unwrap();
        let mut told = 0;
        for number in (1..900).step_by(step) {
            let project = Project::copy(&recorded.start);
            let full = format!("error=ENOSPC:when={number}+");
            let output = injected(project.root(), GROWING, &full, arguments);
            let kept = all_sound(&project).and_then(|()| goes_on(&scenario, &recorded, &project));
            kept.unwrap_or_else(|broken| panic!("{}, full from {number}: {broken}", scenario.name));
            if output.status.success() {
                break;
            }
            let said = String::from_utf8_lossy(&output.stderr);
            let is_clear = said.contains("No space left on device") && said.contains("make room on the disk");
            assert!(is_clear && output.status.code() == Some(6), "{}, {number}: {said}", scenario.name);
            told += 1;
        }
        println!("| {} by the binary | {told} full disks |", scenario.name);
        assert!((2..50).contains(&told), "{}: {told} full disks", scenario.name);
    }
}
