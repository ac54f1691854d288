//! The real binary, killed by the kernel at its system calls. Needs `strace`, and says so where it is missing.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

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

/// Runs `mdl commit`, killed when one of its threads makes its n-th call of the kind.
fn killed_commit(tree: &Path, number: usize) -> ExitStatus {
    let calls = format!("trace={CALLS}");
    let kill = format!("inject={CALLS}:signal=KILL:when={number}");
    let binary = env!("CARGO_BIN_EXE_mdl");
    strace(&["-e", &calls, "-e", &kill, binary, "commit", "-q", "-m", "killed"], tree).status().unwrap()
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
        let status = killed_commit(&tree, number);
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
