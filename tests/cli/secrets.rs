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

/// Secrets that no two calls share, each with the mark in it.
struct Planted {
    state: u64,
    given: Vec<String>,
}

impl Planted {
    fn next(&mut self) -> String {
        const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789_-.+!";
        let mut secret = "QXZ".to_owned();
        for _ in 0..12 {
            self.state =
                self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            secret.push(char::from(LETTERS[(self.state >> 33) as usize % LETTERS.len()]));
        }
        secret.push('7');
        self.given.push(secret.clone());
        secret
    }
}

/// All ways in at once, with secrets that look like nothing: none comes out of any command, and none is in any byte.
#[test]
fn planted_secrets_come_out_nowhere() {
    for seed in 0..3 {
        let mut planted = Planted { state: seed, given: Vec::new() };
        let (key, pass, word) = (planted.next(), planted.next(), planted.next());
        let sandbox = Sandbox::project().with([("WANDB_API_KEY", key.as_str()), ("SSHPASS", pass.as_str())]);
        let sandbox = sandbox.with([("MY_PASSWORD", word.as_str()), ("COPY", format!("see {key}").as_str())]);
        let mut told = String::new();
        let mut mdl = |arguments: &[&str]| {
            let ran = sandbox.mdl(arguments);
            told += &format!("{arguments:?} {}\n{}{}", ran.code, ran.stdout, ran.stderr).replacen(
                &format!("{arguments:?}"),
                "",
                1,
            );
            ran.code
        };
        let manifest = "[params]\nfiles = [\"params.yaml\"]\n[run]\nvariables = [\"*\"]\n";
        sandbox.write("mdl.toml", manifest);
        let (user, signed, token) = (planted.next(), planted.next(), planted.next());
        let source =
            format!("https://me:{user}@host/x?X-Amz-Signature={signed}&token={token}#{}", planted.next());
        assert_eq!(mdl(&["add", "data/train.csv", "--as", "dataset", "--source", &source, "--json"]), 0);
        assert_eq!(mdl(&["commit", "-m", &format!("with {key}"), "--json"]), 0);
        mdl(&["tag", "v1", "-m", &format!("see https://x:{}@h/?sig={}", planted.next(), planted.next())]);
        let script =
            "printf '%s\\n' \"$@\"; env; echo '{\"note\": \"'\"$WANDB_API_KEY\"'\"}' >> \"$MDL_METRICS\"";
        let (option, short, assigned) = (planted.next(), planted.next(), planted.next());
        let url = format!("postgres://u:{}@h/db", planted.next());
        let query = format!("https://h/x?access_token={}&Expires=1", planted.next());
        let run = [
            "run",
            "-m",
            &format!("key {key}"),
            "--name",
            "first",
            "--",
            "sh",
            "-c",
            script,
            "x",
            "--key",
            &key,
            "--pw",
            &option,
            "-u",
            "me",
            "-p",
            &short,
            "--",
            &format!("--api-key={assigned}"),
            "--token",
            &word,
            &url,
            &query,
        ];
        // The script is given to a shell: what it prints is passed on, and not ours to change.
        let ran = sandbox.mdl(&run);
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        assert_eq!(mdl(&["run", "--set", &format!("lr={key}"), "--", "true"]), 2);
        assert_eq!(mdl(&["run", "--set", "lr=0.5", "--", "sh", "-c", "true", "--key", &key]), 0);
        let bad = format!("https://me:{}@host/x", planted.next());
        assert_ne!(mdl(&["remote", "add", "bad", &bad]), 0);
        let config = format!("[remotes.origin]\nurl = \"{bad}\"\n");
        sandbox.write(".mdl/config.toml", &config);
        for arguments in [
            &["remote"][..],
            &["remote", "--json"],
            &["fetch"],
            &["fetch", "--json"],
            &["push"],
            &["ls-remote", "origin"],
            &["remote", "remove", "origin"],
            &["clone", &bad, "../there"],
            &["reproduce", "first"],
            &["show", "first"],
            &["show", "first", "--json"],
            &["show", "HEAD", "--json"],
            &["log", "--json"],
            &["runs", "--json"],
            &["status", "--json"],
            &["diff", "HEAD", "first", "--json"],
            &["tag", "--json"],
            &["show", "train", "--json"],
        ] {
            mdl(arguments);
        }
        let told = told.into_bytes();
        for secret in &planted.given {
            assert!(!has(&told, secret), "{secret}: {}", String::from_utf8_lossy(&told));
            assert!(!sandbox.read("mdl.toml").contains(secret), "{secret}");
            for (name, bytes) in bytes(&sandbox.root()) {
                assert!(!has(&bytes, secret), "{name}: {secret}: {}", String::from_utf8_lossy(&bytes));
            }
        }
    }
}

/// What cannot be taken out, since the file is recorded to the byte, is said.
#[test]
fn secrets_in_files_that_are_recorded_are_said() {
    let sandbox = Sandbox::project().with([("HF_TOKEN", "plainQXZ-hf")]);
    sandbox.write("params.yaml", "lr: 0.1\nhub: {api_key: abcdef123, note: plainQXZ-hf}\n");
    sandbox.write(
        "mdl.toml",
        "[params]\nfiles = [\"params.yaml\"]\n[datasets.train]\npath = \"data\"\nsource = \"https://u:pw@h/x\"\n",
    );
    let ran = sandbox.mdl(&["commit", "-m", "x"]);
    assert_eq!(ran.code, 0);
    for what in ["hub.api_key in params.yaml", "hub.note in params.yaml", "the source of train in mdl.toml"] {
        assert!(ran.stderr.contains(what), "{}", ran.stderr);
    }
    assert!(!ran.stderr.contains("plainQXZ") && !ran.stderr.contains("abcdef123"), "{}", ran.stderr);
}
