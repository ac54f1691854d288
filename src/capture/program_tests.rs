use super::*;

/// A host with three environments, and programs of every kind.
struct Host {
    dir: tempfile::TempDir,
    variables: BTreeMap<&'static str, String>,
}

const FILES: &[(&str, &str)] = &[
    ("usr/bin/python3", "\u{7f}ELF"),
    ("usr/lib/python3.11/site-packages/a.py", ""),
    ("usr/include/python3.11/patchlevel.h", "#define PY_VERSION \"3.11.2\"\n"),
    ("usr/bin/ls", "\u{7f}ELF"),
    ("usr/bin/pmix", "\u{7f}ELF"),
    ("usr/bin/env", "\u{7f}ELF"),
    ("usr/bin/make", "\u{7f}ELF"),
    ("venv/pyvenv.cfg", "version = 3.12.1\n"),
    ("venv/bin/python", "\u{7f}ELF"),
    ("venv/bin/torchrun", "#!ROOT/venv/bin/python\nimport torch\n"),
    ("venv/bin/long", "#!/bin/sh\n'''exec' \"ROOT/venv/bin/python\" \"$0\" \"$@\"\n' '''\n"),
    ("venv/bin/activate", ""),
    ("venv/lib/python3.12/site-packages/a.py", ""),
    ("project/.venv/pyvenv.cfg", "version = 3.13.0\n"),
    ("project/.venv/bin/python", "\u{7f}ELF"),
    ("project/.venv/bin/activate", ""),
    ("project/.venv/lib/python3.13/site-packages/a.py", ""),
    ("project/pyproject.toml", "[project]\nname = \"My\"\n"),
    ("project/train.py", "#!/usr/bin/env python3\n"),
    ("project/split.py", "#!/usr/bin/env -S python3 -u\n"),
    (
        "project/run.sh",
        "#!/bin/bash\nset -e\n# python\nsource .venv/bin/activate\nmkdir -p out\npython train.py\n",
    ),
    ("project/loop.sh", "#!./loop.sh\n"),
    ("project/data.sh", "ls | wc -l\n"),
    ("miniconda3/envs/deep/conda-meta/python-3.10.4-h1_0.json", "{}"),
    ("miniconda3/envs/deep/lib/python3.10/site-packages/a.py", ""),
];

impl Host {
    fn new() -> Self {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path().to_str().unwrap().to_owned();
        for (path, text) in FILES {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, text.replace("ROOT", &home)).unwrap();
            let runs = !path.ends_with("activate") && path.extension().is_none_or(|e| e == "py" || e == "sh");
            std::fs::set_permissions(&path, PermissionsExt::from_mode(if runs { 0o755 } else { 0o644 }))
                .unwrap();
        }
        let variables = BTreeMap::from([("PATH", format!("{home}/usr/bin")), ("HOME", home)]);
        Self { dir, variables }
    }

    /// The version of the interpreter of a command, whose words are parted by spaces.
    fn version(&self, command: &str) -> Option<String> {
        let words: Vec<String> = command.split(' ').map(|word| self.place(word)).collect();
        self.version_of(&words)
    }

    fn version_of(&self, words: &[String]) -> Option<String> {
        let environment = |name: &str| self.variables.get(name).map(OsString::from);
        find(&self.dir.path().join("project"), words, &environment).map(|found| found.interpreter.version)
    }

    fn place(&self, word: &str) -> String {
        word.replace("ROOT", self.dir.path().to_str().unwrap())
    }
}

#[test]
fn commands_and_their_interpreters() {
    let host = Host::new();
    for (command, expected) in [
        ("python3 train.py", Some("3.11.2")),
        ("python3 -m torch.distributed.run train.py", Some("3.11.2")),
        ("python train.py", None),
        (".venv/bin/python train.py", Some("3.13.0")),
        ("ROOT/venv/bin/python -c 1", Some("3.12.1")),
        ("ROOT/venv/bin/torchrun --nproc-per-node 8 train.py", Some("3.12.1")),
        ("ROOT/venv/bin/long x", Some("3.12.1")),
        ("./train.py --lr 1", Some("3.11.2")),
        ("./split.py", Some("3.11.2")),
        ("uv run train.py", Some("3.13.0")),
        ("uv run --no-sync -- python train.py", Some("3.13.0")),
        ("uv pip list", None),
        ("poetry run python train.py", Some("3.13.0")),
        ("conda run -n deep --no-capture-output python train.py", Some("3.10.4")),
        ("conda run --name=deep train", Some("3.10.4")),
        ("conda run -n other python train.py", None),
        ("env LR=1 python3 train.py", Some("3.11.2")),
        ("env -u X PATH=ROOT/venv/bin python train.py", Some("3.12.1")),
        ("nohup nice -n 10 python3 train.py", Some("3.11.2")),
        ("timeout 5m python3 train.py", Some("3.11.2")),
        ("taskset -c 0-3 numactl -N 0 -m 0 .venv/bin/python x", Some("3.13.0")),
        ("srun --mpi pmix -n 4 python3 train.py", Some("3.11.2")),
        ("mpirun -np 4 -x LD_LIBRARY_PATH ROOT/venv/bin/torchrun x", Some("3.12.1")),
        ("srun -n 2 ls", None),
        ("bash run.sh", Some("3.13.0")),
        ("./run.sh", Some("3.13.0")),
        ("sh data.sh", None),
        ("make train", Some("3.13.0")),
        ("ls python3", None),
        ("nothing", None),
        ("./loop.sh", None),
        ("", None),
    ] {
        assert_eq!(host.version(command).as_deref(), expected, "{command}");
    }
    assert_eq!(host.version_of(&[]), None);
}

#[test]
fn scripts_of_shells() {
    let host = Host::new();
    for (script, expected) in [
        ("cd .. && venv/bin/python x", Some("3.12.1")),
        ("export PATH=ROOT/venv/bin:$PATH; python x", Some("3.12.1")),
        ("PY=.venv/bin/python; $PY x", Some("3.13.0")),
        (". ROOT/venv/bin/activate\nexec python x", Some("3.12.1")),
        ("echo python3 | ls", None),
        ("if true; then python3 x; fi", Some("3.11.2")),
    ] {
        let words = ["sh", "-ec", script].map(|word| host.place(word));
        assert_eq!(host.version_of(&words).as_deref(), expected, "{script}");
    }
}

#[test]
fn uv_has_its_own_mind() {
    let mut host = Host::new();
    host.variables.insert("VIRTUAL_ENV", host.place("ROOT/venv"));
    assert_eq!(host.version("uv run train.py").as_deref(), Some("3.13.0"), "the project's own");
    assert_eq!(host.version("uv run --active train.py").as_deref(), Some("3.12.1"));
    assert_eq!(host.version("poetry run python x").as_deref(), Some("3.12.1"), "the active one");
    std::fs::remove_dir_all(host.dir.path().join("project/.venv")).unwrap();
    assert_eq!(host.version("uv run train.py"), None, "it would have to be made first");
    assert_eq!(host.version("python3 x").as_deref(), Some("3.11.2"), "PATH decides, not the variable");
}
