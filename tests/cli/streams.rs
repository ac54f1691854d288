//! What stands between a run's command and our own output: it is as if nothing did.

use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::sandbox::Sandbox;
use crate::training::{newest, project, states};

/// Runs a line of `bash`, in which `mdl` is the binary; says what it printed, errors left out, and its status.
fn bash(sandbox: &Sandbox, line: &str) -> (String, i32) {
    let mdl = sandbox.command(&[]);
    let mut command = Command::new("bash");
    command.arg("-c").arg(format!("mdl() {{ \"$MDL\" \"$@\"; }}; {line}")).current_dir(sandbox.root());
    command.env_clear().envs(mdl.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.env("MDL", mdl.get_program()).stdin(Stdio::null()).stderr(Stdio::null());
    let output = command.output().unwrap();
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap_or(-1))
}

/// Waits until something is so.
#[track_caller]
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(30);
    while !is_so() {
        assert!(Instant::now() < end, "{what}: it did not happen");
        thread::sleep(Duration::from_millis(20));
    }
}

fn gaps(sandbox: &Sandbox) -> String {
    sandbox.ok(&["show", "--json", &newest(sandbox)])
}

#[test]
fn a_reader_that_stops_ends_who_prints() {
    let sandbox = project();
    assert_eq!(bash(&sandbox, "mdl run -q -- yes | head -1; exit ${PIPESTATUS[0]}"), ("y\n".into(), 141));
    assert_eq!(states(&sandbox)[0], "failed");
    // Whether our write fails or we see before it that the reader has gone, is a race.
    let gaps = gaps(&sandbox);
    assert!(gaps.contains("Broken pipe") || gaps.contains("nobody read the output"), "{gaps}");
    // Errors have another reader, and who prints there alone is not disturbed.
    let script = "echo a; sleep 0.5; echo b >&2; exit 3";
    let line = format!("mdl run -q -- sh -c '{script}' 2> errors | head -1; exit ${{PIPESTATUS[0]}}");
    assert_eq!(bash(&sandbox, &line), ("a\n".into(), 3));
    assert!(sandbox.read("errors").contains("b\n"));
}

#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_is_told_to_the_command_and_by_us() {
    let sandbox = project();
    assert_eq!(bash(&sandbox, "mdl run -q -- seq 200000 > /dev/full").1, 141);
    assert!(gaps(&sandbox).contains("No space left on device"));
    // It had ended well before anybody could tell it.
    assert_eq!(bash(&sandbox, "mdl run -q -- echo hello > /dev/full").1, 6);
    assert!(gaps(&sandbox).contains("No space left on device"));
    assert_eq!(bash(&sandbox, "mdl run -q -- sh -c 'echo hello >&2' 2> /dev/full").1, 6);
    assert_eq!(bash(&sandbox, "mdl run -q -- sh -c 'echo hello; exit 4' > /dev/full").1, 4);
    // A sweep does not go on to end one run after the other.
    let line = "mdl run -q --set train.lr=0.1,0.2,0.3 -- seq 200000 > /dev/full";
    let before = states(&sandbox).len();
    assert_eq!(bash(&sandbox, line).1, 141);
    assert_eq!(states(&sandbox).len(), before + 1);
}

#[test]
#[cfg(target_os = "linux")]
fn what_is_reproduced_and_not_heard_is_told_by_us() {
    let sandbox = project();
    sandbox.ok(&["run", "-q", "-m", "quiet", "--", "sh", "-c", "echo hello; echo 1 > model.txt"]);
    // What the command prints comes on standard error, the receipt on standard output.
    assert_eq!(bash(&sandbox, "mdl reproduce -q HEAD 2> /dev/full").1, 6);
    assert!(gaps(&sandbox).contains("No space left on device"));
    assert_eq!(bash(&sandbox, "mdl reproduce -q HEAD > /dev/full").1, 6);
    assert_eq!(bash(&sandbox, "mdl reproduce -q HEAD | true; exit ${PIPESTATUS[0]}").1, 141);
    assert_eq!(bash(&sandbox, "mdl reproduce -q HEAD > /dev/null 2>&1").1, 0);
    // That it did not come out as it was counts for more.
    sandbox.ok(&["run", "-q", "-m", "other", "--", "sh", "-c", "echo hello; date +%N > model.txt"]);
    assert_eq!(bash(&sandbox, "mdl reproduce -q HEAD 2> /dev/full").1, 1);
}

#[test]
fn a_slow_reader_gets_everything() {
    let sandbox = project();
    let (output, status) =
        bash(&sandbox, "mdl run -q -- seq 50000 | (sleep 1; wc -l); exit ${PIPESTATUS[0]}");
    assert_eq!((output.trim(), status), ("50000", 0));
}

/// Prints slowly to where it prints, then says that it lived, in a file.
const LATE: &str = "for i in 1 2 3 4; do sleep 0.5; echo late; done; echo lived > \"$0\"";

#[test]
fn who_outlives_the_command_prints_on() {
    for (number, begin) in
        ["sh -c \"$1\" \"$0\" &", "nohup sh -c \"$1\" \"$0\" < /dev/null &", "setsid sh -c \"$1\" \"$0\" &"]
            .iter()
            .enumerate()
    {
        let sandbox = project();
        let lived = sandbox.around().join("lived");
        let script = format!("{begin} echo main");
        // Into a file: we do not wait for it.
        let file = fs::File::create(sandbox.around().join("output")).unwrap();
        let mut command = sandbox.command(&["run", "-q", "--", "sh", "-c", &script]);
        command.arg(&lived).arg(LATE);
        assert!(command.stdout(file).stderr(Stdio::null()).status().unwrap().success(), "{number}");
        assert!(!lived.exists(), "{number}: we waited for it");
        until("its end", || lived.exists());
        let text = || fs::read_to_string(sandbox.around().join("output")).unwrap();
        until("its output", || text() == "main\nlate\nlate\nlate\nlate\n");
        assert!(gaps(&sandbox).contains("is not in the log"), "{number}");
    }
}

#[test]
fn a_pipeline_ends_with_the_last_who_prints() {
    let sandbox = project();
    let lived = sandbox.around().join("lived");
    let mut command = sandbox.command(&["run", "-q", "--", "sh", "-c", "sh -c \"$1\" \"$0\" & echo main"]);
    let mut child =
        command.arg(&lived).arg(LATE).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    assert!(child.wait().unwrap().success());
    assert!(!lived.exists());
    // The pipe is open as long as somebody may print to it, and no longer.
    let mut text = String::new();
    child.stdout.take().unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "main\nlate\nlate\nlate\nlate\n");
    until("its end", || lived.exists());
    // Once that one is gone, who prints is told.
    let mut command = sandbox.command(&["run", "-q", "--", "sh", "-c", "sh -c \"$1\" \"$0\" & echo $!"]);
    let endless = "while :; do sleep 0.05; echo more; done";
    let mut child =
        command.arg(&lived).arg(endless).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    assert!(child.wait().unwrap().success());
    let mut some = [0; 64];
    let read = child.stdout.take().unwrap().read(&mut some).unwrap();
    let text = String::from_utf8_lossy(&some[..read]).into_owned();
    let pid = text.lines().next().unwrap().to_owned();
    until("an end", || {
        !Command::new("kill").args(["-0", &pid]).stderr(Stdio::null()).status().unwrap().success()
    });
}

#[test]
fn who_goes_on_passing_output_on_holds_nothing_else() {
    let sandbox = project();
    let line = "exec 9> lock; mdl run -q -- sh -c 'exec 9>&-; (sleep 3; echo late) & echo main' > output; \
                exec 9>&-; exec 9> lock; flock -n 9";
    assert_eq!(bash(&sandbox, line).1, 0);
}

/// Reads a terminal until nobody has it any more.
fn screen(controller: std::os::fd::OwnedFd) -> String {
    let (mut file, mut all, mut some) = (fs::File::from(controller), Vec::new(), [0; 4096]);
    while let Ok(read @ 1..) = file.read(&mut some) {
        all.extend_from_slice(&some[..read]);
    }
    String::from_utf8(all).unwrap()
}

#[test]
fn who_outlives_the_command_keeps_its_terminal() {
    let sandbox = project();
    let pty = rustix_openpty::openpty(None, None).unwrap();
    let script = "(for i in 1 2 3; do sleep 0.5; test -t 1 && echo late; done) & echo main";
    let mut command = sandbox.command(&["run", "-q", "--", "sh", "-c", script]);
    let mut child = command.stdout(pty.user).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    assert!(child.wait().unwrap().success());
    assert_eq!(screen(pty.controller), "main\r\nlate\r\nlate\r\nlate\r\n");
}

#[test]
fn a_terminal_that_hangs_up_is_an_error_for_who_prints() {
    let sandbox = project();
    let pty = rustix_openpty::openpty(None, None).unwrap();
    let script = "echo main; while sleep 0.05; do echo more || exit 5; done 2> /dev/null";
    let mut command = sandbox.command(&["run", "-q", "--", "sh", "-c", script]);
    let mut child = command.stdout(pty.user).stderr(Stdio::null()).spawn().unwrap();
    drop(command);
    let mut controller = fs::File::from(pty.controller);
    assert!(controller.read(&mut [0; 64]).unwrap() > 0);
    drop(controller);
    assert_eq!(child.wait().unwrap().code(), Some(5));
}

/// What was left behind by a run with a descriptor for each of both streams ends with them.
#[test]
#[cfg(target_os = "linux")]
fn nobody_stays_when_the_last_has_gone() {
    let sandbox = project();
    let mark = sandbox.around().join("mark");
    let line = "mdl run -q -- sh -c '(sleep 1; : > \"$0\") &' ../mark > output 2> errors";
    assert_eq!(bash(&sandbox, line).1, 0);
    let output = sandbox.root().join("output");
    let held = || {
        let all = fs::read_dir("/proc").unwrap().flatten();
        all.filter(|process| fs::read_link(process.path().join("fd/1")).is_ok_and(|to| to == output)).count()
    };
    until("its end", || mark.exists());
    until("an end of all", || held() == 0);
}
