//! `mdl reproduce`, over small projects of shell scripts.

use crate::sandbox::Sandbox;

/// A project whose script writes a metric, with its last commit a run of it.
fn recorded(script: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("train.sh", script);
    sandbox.write("mdl.toml", "[metrics]\nfiles = [\"metrics.json\"]\n");
    sandbox.ok(&["init", "-q"]);
    sandbox.ok(&["run", "-q", "-m", "first", "--", "sh", "train.sh"]);
    sandbox
}

#[test]
fn what_computes_the_same_is_identical_and_leaves_no_folder() {
    let sandbox = recorded("echo '{\"loss\": 0.25}' > metrics.json\n");
    let ran = sandbox.mdl(&["reproduce"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("identical"), "{}", ran.stdout);
    assert!(ran.stdout.contains("loss"), "{}", ran.stdout);
    let left: Vec<_> = std::fs::read_dir(sandbox.root().join(".mdl/runs")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_name_goes_on_meaning_the_original() {
    let sandbox = recorded("echo '{\"loss\": 0.25}' > metrics.json\n");
    sandbox.ok(&["run", "-q", "--name", "best", "--", "sh", "train.sh"]);
    let meant = |sandbox: &Sandbox| sandbox.ok(&["show", "best"]).lines().next().unwrap().to_owned();
    let before = meant(&sandbox);
    sandbox.ok(&["reproduce", "best"]);
    assert_eq!(meant(&sandbox), before);
}

#[test]
fn what_reads_something_outside_diverges_and_its_folder_stays() {
    let sandbox = recorded("");
    let outside = sandbox.root().parent().unwrap().join("outside");
    std::fs::write(&outside, "0.25").unwrap();
    let script = format!("echo \"{{\\\"loss\\\": $(cat '{}')}}\" > metrics.json\n", outside.display());
    sandbox.write("train.sh", &script);
    sandbox.ok(&["run", "-q", "-m", "second", "--", "sh", "train.sh"]);
    std::fs::write(&outside, "0.5").unwrap();
    let ran = sandbox.mdl(&["reproduce", "--to", "../again"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stdout.contains("diverged"), "{}", ran.stdout);
    assert!(ran.stdout.contains("loss"), "{}", ran.stdout);
    assert!(sandbox.root().parent().unwrap().join("again/metrics.json").is_file());
    let near = sandbox.mdl(&["reproduce", "--tolerance", "loss=1"]);
    assert_eq!(near.code, 0, "{}{}", near.stdout, near.stderr);
    assert!(near.stdout.contains("within"), "{}", near.stdout);
}

#[test]
fn what_ends_badly_has_failed() {
    let sandbox = recorded("");
    let flag = sandbox.root().parent().unwrap().join("flag");
    std::fs::write(&flag, "").unwrap();
    sandbox.write("train.sh", &format!("test -e '{}'\n", flag.display()));
    sandbox.ok(&["run", "-q", "-m", "second", "--", "sh", "train.sh"]);
    std::fs::remove_file(&flag).unwrap();
    let ran = sandbox.mdl(&["reproduce"]);
    assert_eq!(ran.code, 8, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("failed"), "{}", ran.stdout);
}

#[test]
fn a_check_runs_nothing() {
    let sandbox = recorded("echo '{\"loss\": 0.25}' > metrics.json\n");
    let before = sandbox.ok(&["runs", "--json"]);
    let ran = sandbox.mdl(&["reproduce", "--check"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("nothing was run"), "{}", ran.stdout);
    assert_eq!(sandbox.ok(&["runs", "--json"]), before);
}

/// A virtual environment in the project with one package, made by hand; `None` where there is no Python.
fn environment(sandbox: &Sandbox, version: &str) -> Option<()> {
    let python = std::path::Path::new("/usr/bin/python3");
    let told = std::process::Command::new(python).args(["-c", SERIES]).output().ok()?;
    let series = String::from_utf8(told.stdout).ok()?.trim().to_owned();
    let packages = format!(".venv/lib/python{series}/site-packages");
    sandbox.write(".venv/pyvenv.cfg", &format!("home = /usr/bin\nversion = {series}.0\n"));
    sandbox.write(&format!("{packages}/answers.py"), "LOSS = 0.25\n");
    for old in ["1.0", "2.0"] {
        let _ = std::fs::remove_dir_all(sandbox.root().join(format!("{packages}/answers-{old}.dist-info")));
    }
    let metadata = format!("Metadata-Version: 2.1\nName: answers\nVersion: {version}\n");
    sandbox.write(&format!("{packages}/answers-{version}.dist-info/METADATA"), &metadata);
    let program = sandbox.root().join(".venv/bin/python3");
    std::fs::create_dir_all(program.parent()?).ok()?;
    if !program.exists() {
        std::os::unix::fs::symlink(python, program).ok()?;
    }
    Some(())
}

const SERIES: &str = "import sys; print('%d.%d' % sys.version_info[:2])";

#[test]
fn another_version_of_an_imported_package_is_said_first() {
    let sandbox = Sandbox::new();
    if environment(&sandbox, "1.0").is_none() {
        crate::skip::skipped("there is no /usr/bin/python3");
        return;
    }
    sandbox.write(
        "train.py",
        "import answers, json\nopen('metrics.json', 'w').write(json.dumps({'loss': answers.LOSS}))\n",
    );
    sandbox.write("mdl.toml", "[metrics]\nfiles = [\"metrics.json\"]\n");
    sandbox.ok(&["init", "-q"]);
    sandbox.ok(&["run", "-q", "-m", "first", "--", ".venv/bin/python3", "train.py"]);
    assert!(sandbox.ok(&["reproduce", "--check"]).contains("as recorded"));
    environment(&sandbox, "2.0");
    let checked = sandbox.ok(&["reproduce", "--check"]);
    let first = checked.lines().skip_while(|line| !line.contains("likeliest")).nth(1).unwrap_or_default();
    let words: Vec<&str> = first.split_whitespace().collect();
    assert_eq!(words, ["imported,", "major", "answers", "1.0", "→", "2.0"], "{checked}");
    let ran = sandbox.mdl(&["reproduce"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stdout.contains("identical") && ran.stdout.contains("1 difference"), "{}", ran.stdout);
}
