//! Secrets that a run meets: none of them is in any byte of `.mdl`, and nothing else is taken out.

use std::path::Path;

use mdl::id::Kind;
use mdl::object::{Find, FindContent, Link, links};
use mdl::repo::Repository;

use crate::sandbox::Sandbox;

/// Every secret below has this in it. It has no shape that is known.
const MARK: &str = "plainQXZ";

/// Prints its arguments and its environment, a password without what surrounded it, and a byte that is no text.
const SCRIPT: &str = r#"printf '%s\n' "$@"; env; echo "auth plainQXZ-db-5 lr 0.1"; printf 'loss 0.5 \377\n'; printf '%s' "$WANDB_API_KEY""#;

/// A shell under the name of Python, so that the packages beside it are looked at.
fn python(sandbox: &Sandbox) {
    let sh = ["/bin/sh", "/usr/bin/sh"].iter().find_map(|path| Path::new(path).canonicalize().ok()).unwrap();
    sandbox.write(".venv/pyvenv.cfg", "version = 3.12.1\n");
    std::fs::create_dir_all(sandbox.root().join(".venv/bin")).unwrap();
    std::fs::copy(sh, sandbox.root().join(".venv/bin/python")).unwrap();
    let info = ".venv/lib/python3.12/site-packages/tool-1.0.dist-info";
    sandbox.write(&format!("{info}/METADATA"), "Name: tool\nVersion: 1.0\n");
    let url = r#"{"url": "https://me:plainQXZ-pip@host/tool.git", "vcs_info": {"vcs": "git", "commit_id": "0a1b"}}"#;
    sandbox.write(&format!("{info}/direct_url.json"), url);
}

fn git(sandbox: &Sandbox) {
    let git = |arguments: &[&str]| {
        std::process::Command::new("git").args(arguments).current_dir(sandbox.root()).output()
    };
    match git(&["init", "-q"]) {
        Ok(done) if done.status.success() => {
            let url = "https://plainQXZ-git@host/x.git";
            assert!(git(&["remote", "add", "origin", url]).unwrap().status.success());
        }
        _ => crate::skip::skipped("no git here, so that no token in a remote is looked for"),
    }
}

/// Every byte of a repository: its files as they are, and all that is compressed in them.
fn bytes(root: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    let mut folders = vec![root.join(".mdl")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            match entry.file_type().unwrap().is_dir() {
                true => folders.push(entry.path()),
                false => all.push((entry.path().display().to_string(), std::fs::read(entry.path()).unwrap())),
            }
        }
    }
    let repository = Repository::open(root).unwrap();
    let store = repository.store();
    let mut objects = Vec::new();
    store.each_object(&mut |kind, id| objects.push((kind, id))).unwrap();
    for (kind, id) in objects {
        let object = store.find(kind, id).unwrap().unwrap();
        let see = &mut |link| {
            if let Link::Content(id, _) = link {
                all.push((format!("content {id}"), store.content(id, 1 << 24).unwrap()));
            }
        };
        links(kind, id, &object, see).unwrap();
        all.push((format!("{kind} {id}"), object));
    }
    assert!(all.iter().any(|(name, _)| name.starts_with(&format!("{} ", Kind::Outcome))), "a run is there");
    all
}

fn has(bytes: &[u8], wanted: &str) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted.as_bytes())
}

#[test]
fn no_secret_is_in_any_byte_of_the_repository() {
    let sandbox = Sandbox::project();
    python(&sandbox);
    git(&sandbox);
    sandbox.write("mdl.toml", "[params]\nfiles = [\"params.yaml\"]\n[run]\nvariables = [\"*\"]\n");
    let command = [
        ".venv/bin/python",
        "-c",
        SCRIPT,
        "train",
        "--api-key",
        "plainQXZ-api",
        "--password=plainQXZ-word",
        "postgres://u:plainQXZ-db-5@h/db",
        "--lr",
        "0.1",
        "--max-tokens=512",
        "data/train.csv",
    ];
    // The script has one of them in plain words, as no tool can know: the test would see it in the command.
    let script = SCRIPT.replace("plainQXZ-db-5", "$(printf %s-db-5 plainQ\"\"XZ)");
    let command = command.map(|word| if word == SCRIPT { script.as_str() } else { word });
    let arguments = [&["run", "--"][..], &command].concat();
    let mut run = sandbox.command(&arguments);
    run.env("AWS_SECRET_ACCESS_KEY", "plainQXZ-aws").env("WANDB_API_KEY", "plainQXZ-wandb");
    run.env("DATABASE_URL", "mysql://root:plainQXZ-mysql@h/db").env("OMP_NUM_THREADS", "3");
    let ran = run.output().unwrap();
    let told = String::from_utf8_lossy(&ran.stderr).into_owned();
    assert!(ran.status.success(), "{told}");
    assert!(has(&ran.stdout, "plainQXZ-wandb"), "what it prints is passed on as it is");
    assert!(told.contains("--api-key") && told.contains("--password"), "{told}");

    let all = bytes(&sandbox.root());
    for (name, bytes) in &all {
        assert!(!has(bytes, MARK), "{name}: {}", String::from_utf8_lossy(bytes));
    }
    for kept in [
        "--max-tokens=512",
        "data/train.csv",
        "auth ",
        "lr 0.1",
        "OMP_NUM_THREADS=3",
        "git+https://host/tool.git@0a1b",
    ] {
        assert!(all.iter().any(|(_, bytes)| has(bytes, kept)), "{kept} is not a secret");
    }
    assert!(all.iter().any(|(_, bytes)| has(bytes, "loss 0.5 ")));
    assert!(all.iter().any(|(_, bytes)| has(bytes, "variable WANDB_API_KEY")), "what was taken out is said");
}
