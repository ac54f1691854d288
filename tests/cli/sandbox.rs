//! A folder to run the binary in, isolated from the person who runs the tests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

/// A fresh folder with a project in it. Others may lie beside it.
pub struct Sandbox {
    folder: Arc<TempDir>,
    project: String,
    env: Arc<Vec<(String, String)>>,
    user: Option<u32>,
}

/// What a command said, and how it ended.
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Sandbox {
    /// An empty folder.
    pub fn new() -> Self {
        let folder = Arc::new(tempfile::tempdir().unwrap());
        let sandbox = Self { folder, project: "project".to_owned(), env: Arc::default(), user: None };
        std::fs::create_dir_all(sandbox.root()).unwrap();
        std::fs::create_dir_all(sandbox.folder.path().join("home")).unwrap();
        sandbox
    }

    /// A small project, in a repository, without a commit.
    pub fn project() -> Self {
        let sandbox = Self::new();
        sandbox.write("params.yaml", "lr: 0.001\nlayers: [128, 64]\n");
        sandbox.write("metrics.json", "{\"accuracy\": 0.91}\n");
        sandbox.write("data/train.csv", "x,y\n1,2\n3,4\n");
        sandbox.write("train.py", "print('training')\n");
        sandbox.ok(&["init", "-q"]);
        sandbox
    }

    /// The same with two commits on `main`: the second has another learning rate.
    pub fn history() -> Self {
        let sandbox = Self::project();
        sandbox.ok(&["commit", "-q", "-m", "baseline"]);
        sandbox.write("params.yaml", "lr: 0.01\nlayers: [128, 64]\n");
        sandbox.write("metrics.json", "{\"accuracy\": 0.93}\n");
        sandbox.ok(&["commit", "-q", "-m", "faster"]);
        sandbox
    }

    /// Where the project is.
    pub fn root(&self) -> PathBuf {
        self.around().join(&self.project)
    }

    /// The folder that it lies in, with others and what they share.
    pub fn around(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// Another project in the same folder, which is there or is going to be.
    pub fn beside(&self, project: &str) -> Self {
        Self {
            project: project.to_owned(),
            folder: self.folder.clone(),
            env: self.env.clone(),
            user: self.user,
        }
    }

    /// The same project, whose commands have more in their environment.
    pub fn with<K: Into<String>, V: Into<String>>(self, env: impl IntoIterator<Item = (K, V)>) -> Self {
        let env = env.into_iter().map(|(name, value)| (name.into(), value.into()));
        Self { env: Arc::new(self.env.iter().cloned().chain(env).collect()), ..self }
    }

    /// The same project, whose commands may do no more than an ordinary user: root reads and writes everything. Where
    /// the tests run as root, all files get another owner, who then runs the commands.
    #[cfg(unix)]
    pub fn unprivileged(self) -> Self {
        use std::os::unix::fs::{PermissionsExt, lchown};
        const NOBODY: u32 = 65_534;
        if !rustix::process::geteuid().is_root() {
            return self;
        }
        std::fs::copy(env!("CARGO_BIN_EXE_mdl"), self.around().join("mdl")).unwrap();
        let mut pending = vec![self.around()];
        while let Some(path) = pending.pop() {
            lchown(&path, Some(NOBODY), Some(NOBODY)).unwrap();
            if path.is_dir() && !path.is_symlink() {
                pending.extend(std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
            }
        }
        std::fs::set_permissions(self.around(), std::fs::Permissions::from_mode(0o755)).unwrap();
        Self { user: Some(NOBODY), ..self }
    }

    /// Writes a file of the project, which belongs to whoever runs the commands.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.root().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        #[cfg(unix)]
        if self.user.is_some() {
            std::os::unix::fs::lchown(&path, self.user, self.user).unwrap();
        }
    }

    /// Reads a file of the project.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.root().join(path)).unwrap()
    }

    /// The binary with these arguments, not yet started.
    pub fn command(&self, arguments: &[&str]) -> Command {
        #[cfg(unix)]
        heed_signals();
        let mut command = match self.user {
            Some(_) => Command::new(self.around().join("mdl")),
            None => Command::new(env!("CARGO_BIN_EXE_mdl")),
        };
        #[cfg(unix)]
        if let Some(user) = self.user {
            std::os::unix::process::CommandExt::uid(&mut command, user);
        }
        let home = self.folder.path().join("home");
        command.args(arguments).current_dir(self.root()).stdin(Stdio::null()).env_clear();
        command.env("HOME", &home).env("XDG_CONFIG_HOME", home.join("config")).env("PATH", "/usr/bin:/bin");
        command.env("MDL_AUTHOR_NAME", "Ada").env("MDL_AUTHOR_EMAIL", "ada@example.org").env("TZ", "UTC");
        command.env("GIT_CEILING_DIRECTORIES", self.folder.path());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command
    }

    /// Runs the binary.
    pub fn mdl(&self, arguments: &[&str]) -> Ran {
        self.ran(&self.command(arguments).output().unwrap())
    }

    /// Runs the binary, which does what it is asked, and says what it printed.
    pub fn ok(&self, arguments: &[&str]) -> String {
        let ran = self.mdl(arguments);
        assert_eq!(ran.code, 0, "mdl {arguments:?}\n{}{}", ran.stdout, ran.stderr);
        ran.stdout
    }

    /// What a process said, the same wherever and whenever it runs.
    pub fn ran(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| stable(std::str::from_utf8(bytes).unwrap(), &self.root());
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
        }
    }
}

impl Ran {
    /// All of it, for a snapshot.
    pub fn told(&self) -> String {
        let errors = if self.stderr.is_empty() { String::new() } else { format!("---\n{}", self.stderr) };
        format!("{}{errors}[exit {}]", self.stdout, self.code)
    }
}

/// What we start gets signals, also where they were ignored when the tests were started (`nohup`, `&` in a script): what
/// is handled here, as by default, is not ignored there.
#[cfg(unix)]
fn heed_signals() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    ONCE.call_once(|| {
        use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
        for signal in [SIGHUP, SIGINT, SIGQUIT, SIGTERM] {
            let always = Arc::new(std::sync::atomic::AtomicBool::new(true));
            signal_hook::flag::register_conditional_default(signal, always).unwrap();
        }
    });
}

/// Text without what differs from run to run: the folder, ids, times, amounts of storage.
fn stable(text: &str, root: &Path) -> String {
    let text = text.replace(root.to_str().unwrap(), "<project>");
    let text = text.replace(root.parent().unwrap().to_str().unwrap(), "<folder>");
    // The end of a run's name may look like one of an object.
    let runs = std::fs::read_dir(root.join(".mdl/refs/runs")).into_iter().flatten();
    let runs: Vec<String> = runs.map(|run| run.unwrap().file_name().into_string().unwrap()).collect();
    let mut out = String::new();
    let mut word = String::new();
    for c in text.chars().chain([' ']) {
        if c.is_ascii_alphanumeric() {
            word.push(c);
            continue;
        }
        let is_hex = |c: char| matches!(c, '0'..='9' | 'a'..='f');
        let is_id = matches!(word.len(), 8..=64)
            && word.chars().all(is_hex)
            && word.contains(|c: char| c.is_ascii_digit())
            && !runs.iter().any(|run| run.ends_with(&word));
        out += if is_id { "<id>" } else { &word };
        word.clear();
        out.push(c);
    }
    out.pop();
    let line = |line: &str| match line.split_once(" new objects, ") {
        Some(_) => "<n> new objects, <size> stored\n".to_owned(),
        None => line.to_owned(),
    };
    undated(&out.split_inclusive('\n').map(line).collect::<String>())
}

/// Text without times, which are written as `2026-11-23 07:27:29 +0000`.
fn undated(text: &str) -> String {
    const FORM: &[u8] = b"0000-00-00 00:00:00 +0000";
    let fits = |at: usize| {
        let found = text.as_bytes().get(at..at + FORM.len());
        found.is_some_and(|found| {
            found.iter().zip(FORM).all(|(b, form)| if *form == b'0' { b.is_ascii_digit() } else { b == form })
        })
    };
    let mut out = String::new();
    let mut from = 0;
    for at in 0..text.len() {
        if at >= from && fits(at) {
            out += &text[from..at];
            out += "<time>";
            from = at + FORM.len();
        }
    }
    out + &text[from..]
}
