//! `mdl fit`, over commits as `mdl run` leaves them: written here with the library, since there is no accelerator.

use std::collections::BTreeMap;

use mdl::diff::State;
use mdl::object::{
    self, Accelerator, AcceleratorKind, Accelerators, Commit, Environment, Outcome, Package, Packages, Phase,
    Run, Utilisation,
};
use mdl::progress::Silent;
use mdl::repo::Repository;
use mdl::value::Value;

use crate::sandbox::Sandbox;

pub fn card(model: &str, gib: u64, capability: &str) -> Accelerator {
    Accelerator {
        kind: AcceleratorKind::Gpu,
        vendor: "NVIDIA".into(),
        model: model.into(),
        memory: Some(gib << 30),
        units: None,
        capability: Some(capability.into()),
        clocks: BTreeMap::new(),
        bus_width: None,
        bandwidth: None,
        pcie: None,
        nvlinks: None,
        ecc: None,
        mig: None,
        power_limit: None,
        limits: BTreeMap::new(),
    }
}

fn map(entries: &[(&str, f64)]) -> Value {
    Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), Value::Float(*value))).collect())
}

/// A commit that records a run on this card, on top of HEAD.
pub fn record(sandbox: &Sandbox, card: Accelerator, peak_mib: u64) -> String {
    let repository = Repository::open(&sandbox.root()).unwrap();
    let head = repository.resolve("HEAD").unwrap().commit;
    let base: Commit = object::get(repository.store(), head).unwrap();
    let mut definition = State::of_commit(repository.store(), head).unwrap().definition.unwrap();
    let mut environment: Environment = object::get(repository.store(), definition.environment).unwrap();
    let writer = repository.store().writer(&Silent);
    let package = Package {
        ecosystem: "pypi".into(),
        name: "torch".into(),
        version: "2.3.0+cu118".into(),
        origin: None,
    };
    let packages = Packages { interpreter: None, packages: vec![package], locks: None };
    environment.packages = object::put(&writer, &packages).unwrap();
    let accelerators = Accelerators {
        devices: vec![card],
        driver: Some("550.54.15".into()),
        runtime: None,
        libraries: None,
        gap: None,
    };
    environment.accelerators = object::put(&writer, &accelerators).unwrap();
    definition.environment = object::put(&writer, &environment).unwrap();
    let summary = [
        ("interval", Value::Float(1.0)),
        ("samples", Value::Int(600u64.into())),
        ("gpu0.busy", map(&[("mean", 90.0), ("peak", 100.0)])),
        ("gpu0.memory_used", map(&[("peak", (peak_mib << 20) as f64)])),
    ];
    let summary = summary.map(|(key, value)| (key.to_owned(), value)).into();
    let utilisation = Some(Utilisation { series: BTreeMap::new(), summary });
    let outcome = Outcome { exit: Some(0), utilisation, ..Outcome::default() };
    let run = Run {
        id: "01arz3ndektsv4rrffq69g5fav".parse().unwrap(),
        name: None,
        phase: Phase::Train,
        sweep: None,
        set: BTreeMap::new(),
        reproduces: None,
    };
    let commit = Commit {
        definition: object::put(&writer, &definition).unwrap(),
        outcome: Some(object::put(&writer, &outcome).unwrap()),
        parents: vec![head],
        run: Some(run),
        ..base
    };
    let id = object::put(&writer, &commit).unwrap();
    writer.finish().unwrap();
    id.to_string()
}

fn recorded() -> (Sandbox, String) {
    let sandbox = Sandbox::history();
    let id = record(&sandbox, card("NVIDIA A100-SXM4-40GB", 40, "8.0"), 20_000);
    (sandbox, id)
}

#[test]
fn the_exit_code_answers_where_one_asks() {
    let (sandbox, id) = recorded();
    for (arguments, code) in [
        (&["fit", &id][..], 0),
        (&["fit", &id, "--all"], 0),
        (&["fit", &id, "--on", "h100"], 0),
        (&["fit", &id, "--on", "t4"], 1),
        (&["fit", &id, "--on", "b200"], 1),
        (&["fit", "HEAD", "--on", "h100"], 1),
    ] {
        let ran = sandbox.ran(&sandbox.command(arguments).env("COLUMNS", "80").output().unwrap());
        assert_eq!((ran.code, ran.stderr.as_str()), (code, ""), "{arguments:?}\n{}", ran.stdout);
        assert!(ran.stdout.lines().all(|line| line.chars().count() <= 80), "{arguments:?}\n{}", ran.stdout);
    }
    let all = sandbox.ok(&["fit", &id, "--all"]);
    let b200 = all.lines().find(|line| line.starts_with("b200")).unwrap();
    assert!(b200.contains("does not fit") && b200.ends_with("CUDA from 12.8"), "{b200}");
}

#[test]
fn another_run_names_a_machine() {
    let (sandbox, id) = recorded();
    let other = record(&sandbox, card("Tesla T4", 15, "7.5"), 900);
    let ran = sandbox.mdl(&["fit", &id, "--on", &format!("run:{other}")]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("t4 (Tesla T4): does not fit"), "{}", ran.stdout);
    assert_eq!(sandbox.mdl(&["fit", &other, "--on", &format!("run:{id}")]).code, 0);
}

#[test]
fn own_devices_are_known() {
    let (sandbox, id) = recorded();
    let table = "[sources]\nours = \"measured\"\n[device.our-card]\nname = \"Ours\"\nvendor = \"NVIDIA\"\nmemory = { gib = 48, source = \"ours\" }\n";
    sandbox.write("mdl-devices.toml", table);
    assert!(sandbox.ok(&["fit", &id, "--on", "our-card"]).contains("our-card (Ours): fits"));
    sandbox.write("../home/config/mdl/devices.toml", &table.replace("48", "8"));
    assert_eq!(
        sandbox.mdl(&["fit", &id, "--on", "our-card"]).code,
        1,
        "a person's own goes before the project's"
    );
    sandbox.write("mdl-devices.toml", &table.replace("source = \"ours\"", "size = 1"));
    insta::assert_snapshot!(sandbox.mdl(&["fit", &id]).told(), @r#"
    ---
    error: <project>/mdl-devices.toml, line 6: "size" is not a key here; there are gib, inline_ecc, source
    hint: correct it and run the command again; `mdl help fit` shows the form of a device
    [exit 2]
    "#);
}

#[test]
fn what_is_not_known_is_said_with_what_is_near() {
    let (sandbox, id) = recorded();
    insta::assert_snapshot!(sandbox.mdl(&["fit", &id, "--on", "h10"]).told(), @r#"
    ---
    error: no device is called "h10"
    hint: did you mean h100-pcie, h100-sxm5?
    [exit 3]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["fit", &id, "--on", "a100-16x2"]).told(), @r#"
    ---
    error: no device is called "a100-16"
    hint: did you mean a100-pcie-40, a100-sxm4-40, a100-pcie-80, a100-sxm4-80?
    [exit 3]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["fit", &id, "--on", "t4x0"]).told(), @r#"
    ---
    error: "0" cards are none, or more than there are
    hint: write how many after an x: `--on h100x8`
    [exit 2]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["fit", &id, "--on", "tpu-v5-of-somebody"]).told(), @r#"
    ---
    error: no device is called "tpu-v5-of-somebody"
    hint: there are k80, p100-pcie, p100-sxm2, v100-pcie-16, v100-pcie-32, v100-sxm2-16, v100-sxm2-32, t4, a10, a100-pcie-40, a100-sxm4-40, a100-pcie-80, a100-sxm4-80, l4, l40s, h100-pcie, h100-sxm5, h200, b200, rtx-3090, rtx-4090, rtx-5090, mi250x, mi300x
    [exit 3]
    "#);
    insta::assert_snapshot!(sandbox.mdl(&["fit", "HEAD:params.lr"]).told(), @r#"
    ---
    error: a part of a commit does not run
    hint: name the commit alone, without a colon and a part
    [exit 2]
    "#);
}

#[test]
fn json_has_every_device() {
    let (sandbox, id) = recorded();
    let output = sandbox.command(&["fit", &id, "--json"]).output().unwrap();
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], "mdl.fit/1");
    assert_eq!(document["recorded"]["peak"], 20_000u64 << 20);
    let devices = document["devices"].as_array().unwrap();
    assert_eq!(devices.len(), 24);
    assert!(devices.iter().all(|it| it["device"]["sources"]["memory"].is_string()));
    let h200 = devices.iter().find(|it| it["device"]["id"] == "h200").unwrap();
    assert_eq!(h200["verdict"], "fits");
    assert_eq!(h200["speed"]["estimate"], true);
}
