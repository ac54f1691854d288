//! The keys of every JSON document: `json-keys.txt` has them all, and programs rely on them.
//!
//! A key may be added, never renamed or removed. After an addition, `MDL_WRITE_KEYS=1 cargo test --test cli json_keys`
//! writes the file anew.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use crate::fit::{card, record};
use crate::sandbox::Sandbox;
use crate::training::{make_executable, newest, project};

/// Whose keys are names that people gave. What is behind each is of one form.
const NAMED: [&str; 6] =
    ["commit.datasets", "commit.features", "run.outputs", "devices[].device.peaks", "origins", "better"];

/// What people record, or a machine has: any keys.
const FREE: [&str; 11] = [
    "params",
    "values",
    "seeds",
    "set",
    "metrics",
    "observations",
    "utilisation",
    "system",
    "accelerators",
    "value",
    "kept_out",
];

#[derive(Default)]
struct Keys(BTreeSet<String>);

impl Keys {
    /// What a command prints as JSON, with this schema.
    fn see(&mut self, sandbox: &Sandbox, schema: &str, arguments: &[&str]) -> Value {
        let output = sandbox.command(&[&["--json"], arguments].concat()).output().unwrap();
        let text = if schema == "error" { &output.stderr } else { &output.stdout };
        let said = || format!("{arguments:?}: {}", sandbox.ran(&output).told());
        let document: Value =
            serde_json::from_slice(text).unwrap_or_else(|error| panic!("{error}\n{}", said()));
        let name = format!("mdl.{schema}/1");
        assert_eq!(document["schema"], name.as_str(), "{}", said());
        self.walk(&name, "", &document);
        document
    }

    fn walk(&mut self, schema: &str, path: &str, value: &Value) {
        match value {
            // A document within another.
            Value::Object(map) if !path.is_empty() && map.contains_key("schema") => {
                self.walk(map["schema"].as_str().unwrap(), "", value);
            }
            Value::Object(map) if !is_free(schema, path) => {
                let named = NAMED.iter().any(|end| path == *end || path.ends_with(&format!(".{end}")));
                for (key, value) in map {
                    let key = if named { "<name>" } else { key };
                    let dot = if path.is_empty() { "" } else { "." };
                    let inner = format!("{path}{dot}{key}");
                    self.0.insert(format!("{schema} {inner}"));
                    self.walk(schema, &inner, value);
                }
            }
            Value::Array(list) => {
                list.iter().for_each(|value| self.walk(schema, &format!("{path}[]"), value));
            }
            _ => {}
        }
    }
}

fn is_free(schema: &str, path: &str) -> bool {
    let last = path.rsplit('.').next().unwrap_or(path);
    match schema {
        "mdl.diff/1" => path.ends_with("values[].old") || path.ends_with("values[].new"),
        _ => FREE.contains(&last) || path.ends_with("environment.variables"),
    }
}

/// A project of its own with features, an environment and data that is only referred to.
fn of_parts(keys: &mut Keys) {
    let sandbox = Sandbox::new();
    sandbox.write("params.yaml", "lr: 0.001\nmixed: {a: [1, {b: 2}]}\n");
    sandbox.write("metrics.json", "{\"accuracy\": 0.91, \"loss\": 0.5}\n");
    sandbox.write("data/train.csv", "x,y\n1,2\n3,4\n");
    sandbox.write("features.yaml", FEATURES);
    sandbox.write("requirements.lock", "one==1.0\n");
    sandbox.write("helper.py", "print(1)\n");
    sandbox.write("blob.py", "\u{0}1");
    environment(&sandbox, "1.0");
    keys.see(&sandbox, "init", &["init"]);
    keys.see(&sandbox, "init", &["init"]);
    sandbox.write("extra.csv", "x,y\n1,2\n3,4\n");
    for arguments in [
        &["add", "extra.csv", "--name", "extra", "--source", "https://host/x", "--licence", "CC0-1.0"][..],
        &["add", "metrics.json"],
    ] {
        keys.see(&sandbox, "add", arguments);
    }
    sandbox.ok(&["config", "user.name", "Ada"]);
    keys.see(&sandbox, "config", &["config", "user.name"]);
    keys.see(&sandbox, "config", &["config", "--list"]);
    keys.see(&sandbox, "status", &["status"]);
    let first = keys.see(&sandbox, "commit", &["commit", "-m", "first"]);
    keys.see(&sandbox, "commit", &["commit", "-m", "nothing"]);
    keys.see(&sandbox, "show", &["show"]);

    sandbox.write("params.yaml", "lr: 0.01\nmixed: {a: [1, {b: 3}]}\n");
    sandbox.write("metrics.json", "{\"accuracy\": 0.93, \"loss\": 0.4}\n");
    sandbox.write("data/train.csv", "x,z\n1,2\n5,6\n7,8\n");
    sandbox.write("extra.csv", "x,z\n1,2\n5,6\n7,8\n");
    sandbox.write("data/more.csv", "x,y\n1,2\n");
    sandbox.write("data/noise.bin", "\u{0}\u{1}");
    sandbox.write("helper.py", "print(2)\n");
    sandbox.write("blob.py", "\u{0}2");
    sandbox.write("features.yaml", &FEATURES.replace("int64", "float32"));
    environment(&sandbox, "2.0");
    keys.see(&sandbox, "status", &["status"]);
    keys.see(&sandbox, "commit", &["commit", "-m", "second"]);
    for arguments in [&["diff", "HEAD~1", "HEAD"][..], &["diff", "HEAD", "HEAD"], &["diff", "--stat"]] {
        keys.see(&sandbox, "diff", arguments);
    }
    for part in
        ["params.lr", "params.mixed", "features/features/age", "datasets/data/train.csv", "packages.answers"]
    {
        keys.see(&sandbox, "part", &["show", &format!("HEAD:{part}")]);
    }
    keys.see(&sandbox, "object", &["show", "HEAD:params"]);
    keys.see(&sandbox, "log", &["log"]);
    let id = first["commit"].as_str().unwrap();
    keys.see(&sandbox, "log", &["log", id]);
    keys.see(&sandbox, "rm", &["rm", "features"]);
}

const FEATURES: &str = "\
- {name: age, type: int64, columns: [x], transform: scale, description: years}
- {name: size, type: float32}
";

/// Packages as a virtual environment has them; no program of it is run.
fn environment(sandbox: &Sandbox, version: &str) {
    let packages = ".venv/lib/python3.11/site-packages";
    sandbox.write(".venv/pyvenv.cfg", &format!("home = /usr/bin\nversion = 3.11.{}\n", version.len()));
    for old in ["1.0", "2.0"] {
        let _ = std::fs::remove_dir_all(sandbox.root().join(format!("{packages}/answers-{old}.dist-info")));
    }
    let metadata = format!("Metadata-Version: 2.1\nName: answers\nVersion: {version}\n");
    sandbox.write(&format!("{packages}/answers-{version}.dist-info/METADATA"), &metadata);
}

/// Names, and steps from one state to another.
fn of_states(keys: &mut Keys) {
    let sandbox = Sandbox::history();
    for (schema, arguments) in [
        ("branch", &["branch", "wider"][..]),
        ("branch", &["branch", "-m", "wider", "wide"]),
        ("branches", &["branch"]),
        ("history", &["branch", "--history", "main"]),
        ("tag", &["tag", "v1", "-m", "why"]),
        ("tag", &["tag", "light"]),
        ("tags", &["tag"]),
        ("tags", &["show", "v1"]),
        ("tag", &["tag", "-d", "light"]),
        ("switch", &["switch", "--dry-run", "wide"]),
        ("switch", &["switch", "wide"]),
        ("restore", &["restore", "--from", "HEAD~1", "params"]),
        ("checkout", &["checkout", "--force", "main"]),
        ("checkout", &["checkout", "--to", "../copy", "HEAD~1"]),
        ("checkout", &["checkout", "HEAD~1"]),
        ("status", &["status"]),
        ("checkout", &["checkout", "main"]),
        ("branch", &["branch", "-D", "wide"]),
        ("undo", &["undo"]),
        ("history", &["branch", "--history", "main"]),
        ("fsck", &["fsck", "--data"]),
        ("gc", &["gc", "--dry-run"]),
        ("gc", &["gc", "--all"]),
        ("error", &["show", "nothing"]),
        ("error", &["stauts"]),
    ] {
        keys.see(&sandbox, schema, arguments);
    }
    let log = keys.see(&sandbox, "log", &["log"]);
    let definition = log["commits"][0]["definition"].as_str().unwrap();
    keys.see(&sandbox, "object", &["show", definition]);
    // Damage, of which `fsck` tells.
    let packs = sandbox.root().join(".mdl/packs/data");
    for pack in std::fs::read_dir(packs).unwrap() {
        std::fs::remove_file(pack.unwrap().path()).unwrap();
    }
    keys.see(&sandbox, "fsck", &["fsck", "--data"]);
}

/// Runs, sweeps, receipts and merges.
fn of_runs(keys: &mut Keys) {
    let sandbox = project();
    environment(&sandbox, "1.0");
    keys.see(&sandbox, "run", &["run", "--name", "first", "--", "./train.sh"]);
    keys.see(&sandbox, "commit", &["commit", "-m", "results"]);
    keys.see(&sandbox, "run", &["run", "-m", "better", "--", "./train.sh"]);
    keys.see(&sandbox, "run", &["run", "--", "sh", "-c", "exit 3"]);
    keys.see(&sandbox, "run", &["run", "--", "sh", "-c", "kill -INT $$"]);
    let sweep = ["run", "--set", "train.lr=0.2,0.3", "--sweep", "grid", "--", "./train.sh"];
    keys.see(&sandbox, "sweep", &sweep);
    keys.see(&sandbox, "runs", &["runs", "-n", "2"]);
    keys.see(&sandbox, "runs", &["runs", "--sweep", "grid"]);
    keys.see(&sandbox, "show-run", &["show", "first"]);
    keys.see(&sandbox, "merge", &["merge", &newest(&sandbox)]);
    keys.see(&sandbox, "log", &["log"]);
    keys.see(&sandbox, "reproduce", &["reproduce", "--check"]);
    keys.see(&sandbox, "reproduce", &["reproduce"]);
    let outside = sandbox.around().join("outside");
    std::fs::write(&outside, "0.25").unwrap();
    let reads = format!(
        "echo \"{{\\\"name\\\": \\\"loss\\\", \\\"step\\\": 1, \\\"value\\\": $(cat '{0}')}}\" >> \"$MDL_METRICS\"\n\
         cp '{0}' model.txt\n",
        outside.display()
    );
    sandbox.write("read.sh", &format!("#!/bin/sh\n{reads}"));
    make_executable(&sandbox.root().join("read.sh"));
    keys.see(&sandbox, "run", &["run", "-m", "outside", "--", "./read.sh"]);
    std::fs::write(&outside, "0.5").unwrap();
    let sandbox = sandbox.with([("OMP_NUM_THREADS", "2")]);
    keys.see(&sandbox, "reproduce", &["reproduce"]);
    keys.see(&sandbox, "show-run", &["show", &newest(&sandbox)]);
    keys.see(&sandbox, "runs", &["runs"]);
    // What two branches changed, each in its way.
    sandbox.ok(&["branch", "-q", "other"]);
    for (branch, rate) in [("main", "0.7"), ("other", "0.8")] {
        sandbox.ok(&["checkout", "-q", "--force", branch]);
        sandbox.write("params.yaml", &format!("train:\n  lr: {rate}\nmodel:\n  depth: 2\nseed: 7\n"));
        sandbox.write("data/train.csv", &format!("x,y\n{rate},2\n"));
        sandbox.ok(&["commit", "-q", "-m", branch]);
    }
    keys.see(&sandbox, "merge", &["merge", "main"]);
}

/// What a team shares.
fn of_a_team(keys: &mut Keys) {
    let ada = Sandbox::history();
    for (schema, arguments) in [
        ("remote", &["remote", "add", "origin", "../team.mdl"][..]),
        ("push", &["push"]),
        ("push", &["push"]),
        ("clone", &["clone", "../team.mdl", "../bob"]),
        ("error", &["clone", "../team.mdl", "../bob"]),
    ] {
        keys.see(&ada, schema, arguments);
    }
    let bob = ada.beside("bob");
    bob.ok(&["run", "-q", "--", "true"]);
    bob.write("params.yaml", "lr: 0.6\n");
    bob.ok(&["commit", "-q", "-m", "more"]);
    for (sandbox, schema, arguments) in [
        (&bob, "push", &["push", "--runs"][..]),
        (&bob, "push", &["push"]),
        (&ada, "remote", &["remote", "add", "bob", "../bob"]),
        (&ada, "fetch", &["fetch"]),
        (&ada, "fetch", &["fetch", "--all"]),
        (&ada, "status", &["status"]),
        (&bob, "fetch_data", &["fetch", "--data", "HEAD"]),
        (&ada, "pull", &["pull"]),
        (&bob, "remotes", &["remote"]),
        (&bob, "ls_remote", &["remote", "show", "origin"]),
        (&bob, "ls_remote", &["ls-remote"]),
        (&bob, "keys", &["ls-remote", "--keys"]),
        (&bob, "prune", &["remote", "prune", "origin"]),
        (&bob, "remote", &["remote", "add", "more", "../more.mdl", "--no-check"]),
        (&bob, "remote", &["remote", "set-url", "more", "../most.mdl"]),
        (&bob, "remote", &["remote", "remove", "more"]),
        (&bob, "fsck", &["fsck", "origin"]),
        (&bob, "gc", &["gc", "origin", "--dry-run"]),
    ] {
        keys.see(sandbox, schema, arguments);
    }
    for (sandbox, rate) in [(&ada, "0.7"), (&bob, "0.8")] {
        sandbox.write("params.yaml", &format!("lr: {rate}\n"));
        sandbox.ok(&["commit", "-q", "-m", rate]);
    }
    bob.ok(&["push", "-q"]);
    keys.see(&ada, "push", &["push"]);
    keys.see(&ada, "pull", &["pull"]);
    keys.see(&bob, "push", &["push", "--delete", "origin", "main"]);
}

const OWN: &str = "\
[sources]
ours = \"measured\"
[device.our-card]
name = \"Ours\"
vendor = \"NVIDIA\"
memory = { gib = 48, source = \"ours\" }
";

fn of_devices(keys: &mut Keys) {
    let sandbox = Sandbox::history();
    sandbox.write("params.yaml", "lr: 0.1\nprecision: bf16\n");
    sandbox.ok(&["commit", "-q", "-m", "precise"]);
    let id = record(&sandbox, card("NVIDIA A100-SXM4-40GB", 40, "8.0"), 20_000);
    sandbox.write("mdl-devices.toml", OWN);
    keys.see(&sandbox, "fit", &["fit", &id, "--all"]);
    keys.see(&sandbox, "fit", &["fit", &id, "--on", "our-card"]);
    keys.see(&sandbox, "fit", &["fit", &id, "--on", &format!("run:{id}")]);
    keys.see(&sandbox, "fit", &["fit"]);
}

#[test]
fn no_key_of_a_document_is_renamed_or_removed() {
    let mut keys = Keys::default();
    for scene in [of_parts, of_states, of_runs, of_a_team, of_devices] {
        scene(&mut keys);
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli/json-keys.txt");
    let found: String = keys.0.iter().map(|key| format!("{key}\n")).collect();
    if std::env::var_os("MDL_WRITE_KEYS").is_some() {
        return std::fs::write(&path, found).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap();
    let mut sides: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in written.lines().filter(|line| !keys.0.contains(*line)) {
        sides
            .entry("are gone (programs rely on them: a key is never renamed or removed)")
            .or_default()
            .push(line);
    }
    let known: BTreeSet<&str> = written.lines().collect();
    for line in found.lines().filter(|line| !known.contains(line)) {
        sides
            .entry("are new (if that is meant: MDL_WRITE_KEYS=1 cargo test --test cli json_keys)")
            .or_default()
            .push(line);
    }
    assert!(sides.is_empty(), "keys of JSON documents differ from tests/cli/json-keys.txt: {sides:#?}");
}
