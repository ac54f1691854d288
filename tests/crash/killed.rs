//! The real binary, killed by the kernel at its system calls. Needs `strace`, and says so where it is missing.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use mdl::repo::{RunQuery, RunState};

use crate::check::sound;
use crate::project::Project;

/// The system calls that change files, or make changes durable.
const CALLS: &str = "write,pwrite64,link,linkat,rename,renameat,renameat2,unlink,unlinkat,rmdir,mkdir,mkdirat,\
    symlink,symlinkat,fsync,fdatasync,syncfs,fchmod";
/// One call in so many is a place to die.
const STEP: usize = 3;

fn strace(arguments: &[&str], tree: &Path) -> Command {
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-o", "/dev/null"]).args(arguments).current_dir(tree);
    command.env("HOME", tree).env_remove("XDG_CONFIG_HOME").stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn can_trace(tree: &Path) -> bool {
    strace(&["true"], tree).status().is_ok_and(|status| status.success())
}

/// Runs the binary, killed when one of its threads makes its n-th call of the kind.
fn killed(tree: &Path, number: usize, arguments: &[&str]) -> ExitStatus {
    let calls = format!("trace={CALLS}");
    let kill = format!("inject={CALLS}:signal=KILL:when={number}");
    let binary = env!("CARGO_BIN_EXE_mdl");
    strace(&[&["-e", &calls, "-e", &kill, binary], arguments].concat(), tree).status().unwrap()
}

#[test]
fn the_binary_may_be_killed_anywhere() {
    let project = Project::empty();
    project.small();
    project.committed();
    let tree = project.tree();
    if !can_trace(&tree) {
        println!("SKIPPED: strace is missing or may not trace, so the real binary was not killed");
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
        println!("SKIPPED: strace is missing or may not trace, so no run was killed");
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
