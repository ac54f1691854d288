//! A storage on a machine that is reached by `ssh`, the program: its configuration, agent and known hosts are used.
//!
//! What runs there is always `mdl serve --stdio --root ROOT`, with ROOT `/` or, for a path that is seen from the home
//! folder, `.`: the path itself travels in the protocol, so that no shell ever sees it, and so that the command of a
//! key in `authorized_keys` can put another root in its place.

use std::env;
use std::ffi::OsString;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::storage::StorageError;

use super::frame::plain;
use super::wire::{Link, Peer};
use super::{Address, Stream, locked};

/// The variable that names another program than `ssh`, with its first arguments.
pub const COMMAND: &str = "MDL_SSH_COMMAND";

/// The most that is kept of what ssh says, from its end.
const SAID: usize = 4 << 10;
/// How long ssh may take to end once nobody needs it.
const GRACE: Duration = Duration::from_secs(2);

/// Connects to the storage at an address. Whoever has to be asked for a passphrase is asked by ssh, at the terminal.
pub fn open(address: &Address) -> Result<Stream, StorageError> {
    open_by(address, env::var_os(COMMAND))
}

/// As [`open`], by another program than `ssh` with its first arguments, as [`COMMAND`] would say.
pub fn open_by(address: &Address, command: Option<OsString>) -> Result<Stream, StorageError> {
    let failed = |source| StorageError { action: "reach", place: address.to_string(), source };
    let program = program(command, env::var_os("PATH")).map_err(failed)?;
    let (connect, host) = (arguments(address), address.host().to_owned());
    let connect = move || {
        let mut command = Command::new(&program[0]);
        command.args(&program[1..]).args(&connect);
        spawn(command, &host)
    };
    Stream::connect(connect, address.path()).map_err(failed)
}

/// The arguments behind those of the program. `--` goes before the host, so that it is never an option.
fn arguments(address: &Address) -> Vec<String> {
    let port = address.port().map(|port| ["-p".to_owned(), port.to_string()]);
    let user = address.user().map(|user| ["-l".to_owned(), user.to_owned()]);
    let options = port.into_iter().chain(user).flatten();
    let root = if address.path().starts_with('/') { "/" } else { "." };
    let there = format!("mdl serve --stdio --root {root}");
    options.chain(["-T".to_owned(), "--".to_owned(), address.host().to_owned(), there]).collect()
}

/// The program and its first arguments: what [`COMMAND`] says, or `ssh`. It is looked for in absolute folders of the
/// path alone: a `ssh` that lies in a project is not run.
fn program(wanted: Option<OsString>, path: Option<OsString>) -> io::Result<Vec<OsString>> {
    let invalid = |reason: &str| io::Error::new(io::ErrorKind::InvalidInput, format!("{COMMAND} {reason}"));
    let wanted = match wanted.filter(|wanted| !wanted.is_empty()) {
        None => vec!["ssh".to_owned()],
        Some(wanted) => {
            let text = wanted.to_str().ok_or_else(|| invalid("is no UTF-8"))?;
            words(text)
                .filter(|words| !words.is_empty())
                .ok_or_else(|| invalid("has a quote that does not end"))?
        }
    };
    let found = find(&wanted[0], path).ok_or_else(|| {
        let reason = format!("there is no program {:?} in an absolute folder of PATH", wanted[0]);
        io::Error::new(io::ErrorKind::NotFound, reason)
    })?;
    Ok([found.into_os_string()].into_iter().chain(wanted[1..].iter().map(OsString::from)).collect())
}

fn find(name: &str, path: Option<OsString>) -> Option<PathBuf> {
    let named = Path::new(name);
    if named.components().count() > 1 || named.is_absolute() {
        return Some(named.to_owned()).filter(|named| named.is_absolute());
    }
    let path = path?;
    let folders = env::split_paths(&path).filter(|folder| folder.is_absolute());
    let file = if cfg!(windows) && !name.ends_with(env::consts::EXE_SUFFIX) {
        format!("{name}{}", env::consts::EXE_SUFFIX)
    } else {
        name.to_owned()
    };
    folders.map(|folder| folder.join(&file)).find(|candidate| candidate.is_file())
}

/// The words of a command line with quotes and backslashes, in which nothing else means anything; `None` where a quote
/// does not end.
fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word): (Vec<String>, Option<String>) = (Vec::new(), None);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '"' => break,
                        '\\' => word.push(chars.next()?),
                        c => word.push(c),
                    }
                }
            }
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

fn spawn(mut command: Command, host: &str) -> io::Result<Link> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let name = Path::new(command.get_program()).to_owned();
    let mut child = command
        .spawn()
        .map_err(|error| io::Error::new(error.kind(), format!("cannot start {}: {error}", name.display())))?;
    let closed = || io::Error::other("a stream is missing");
    let (input, output) = (child.stdout.take().ok_or_else(closed)?, child.stdin.take().ok_or_else(closed)?);
    let mut errors = child.stderr.take().ok_or_else(closed)?;
    let said = Arc::new(Mutex::new(Vec::new()));
    let kept = said.clone();
    let listening = std::thread::Builder::new().name("mdl ssh errors".to_owned());
    let listening = listening.spawn(move || {
        let mut buffer = [0; 1024];
        while let Ok(read @ 1..) = errors.read(&mut buffer) {
            let mut said = locked(&kept);
            said.extend_from_slice(&buffer[..read]);
            let excess = said.len().saturating_sub(SAID);
            said.drain(..excess);
        }
    })?;
    let peer = Ssh { child: Mutex::new(child), said, listening, host: host.to_owned() };
    Ok(Link { input: Box::new(input), output: Box::new(output), peer: Box::new(peer) })
}

/// A running ssh.
struct Ssh {
    child: Mutex<Child>,
    /// The end of what it said on its standard error.
    said: Arc<Mutex<Vec<u8>>>,
    listening: JoinHandle<()>,
    host: String,
}

impl Ssh {
    /// How it ended, if it does soon.
    fn ended(&self, within: Duration) -> Option<ExitStatus> {
        let start = Instant::now();
        loop {
            match locked(&self.child).try_wait() {
                Ok(None) if start.elapsed() < within => {}
                ended => return ended.ok().flatten(),
            }
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    fn explained(&self, error: &io::Error, status: Option<ExitStatus>) -> (io::ErrorKind, String) {
        let said = String::from_utf8_lossy(&locked(&self.said)).into_owned();
        let last = said.lines().map(plain).rfind(|line| !line.is_empty()).unwrap_or_default();
        let (host, lower) = (&self.host, said.to_lowercase());
        let told = |what: &str| format!("{what}: {last}");
        let has = |text| lower.contains(text);
        match status.and_then(|status| status.code()) {
            Some(126 | 127) => (
                io::ErrorKind::NotFound,
                told(&format!(
                    "mdl could not be started on {host}; it has to be on the PATH of a shell that is not interactive"
                )),
            ),
            _ if has("permission denied") || has("host key verification failed") => {
                (io::ErrorKind::PermissionDenied, told(&format!("ssh was not let in by {host}")))
            }
            _ if has("connection refused") => {
                (io::ErrorKind::ConnectionRefused, told("ssh could not connect"))
            }
            Some(255) if !last.is_empty() => (io::ErrorKind::NotConnected, told("ssh could not connect")),
            _ if !last.is_empty() => (error.kind(), format!("{error}; on {host} it was said: {last}")),
            _ => (error.kind(), error.to_string()),
        }
    }
}

impl Peer for Ssh {
    fn explain(&self, error: io::Error, began: bool) -> io::Error {
        if error.kind() == io::ErrorKind::TimedOut {
            return error;
        }
        // Who is no mdl does not end by itself.
        let violated = error.kind() == io::ErrorKind::InvalidData;
        let status = self.ended(if violated { Duration::from_millis(100) } else { GRACE });
        // A connection that ssh shares may keep its standard error open: then this is not waited for.
        let start = Instant::now();
        while status.is_some()
            && !self.listening.is_finished()
            && start.elapsed() < Duration::from_millis(200)
        {
            std::thread::sleep(Duration::from_millis(2));
        }
        let (kind, reason) = self.explained(&error, status);
        // What was under way may have been done: then it is no refusal, whatever was said.
        io::Error::new(if began { error.kind() } else { kind }, reason)
    }

    fn end(&self, at_once: bool) {
        if at_once || self.ended(GRACE).is_none() {
            let mut child = locked(&self.child);
            // It may have ended by itself by now.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(user: Option<&str>, port: Option<u16>, path: &str) -> Address {
        Address::new(user, "host", port, path).unwrap()
    }

    #[test]
    fn no_shell_sees_the_path() {
        let there = |root: &str| format!("mdl serve --stdio --root {root}");
        assert_eq!(arguments(&address(None, None, "/srv/;$(x)")), ["-T", "--", "host", &there("/")]);
        let asked = arguments(&address(Some("me"), Some(22), "x y"));
        assert_eq!(asked, ["-p", "22", "-l", "me", "-T", "--", "host", &there(".")]);
    }

    #[test]
    fn words_are_split_as_a_shell_splits_them() {
        let split = |text| words(text).map(|words| words.join("|"));
        assert_eq!(split("ssh -F 'a b' -o\"x \\\" y\" c\\ d").as_deref(), Some("ssh|-F|a b|-ox \" y|c d"));
        assert_eq!(split(" '' $(x) ;").as_deref(), Some("|$(x)|;"));
        assert_eq!(split("ssh 'a"), None);
        assert_eq!(split("ssh \\"), None);
    }

    #[test]
    fn only_absolute_folders_are_looked_into() {
        let dir = tempfile::tempdir().unwrap();
        let fake = dir.path().join(format!("ssh{}", env::consts::EXE_SUFFIX));
        std::fs::write(&fake, "").unwrap();
        let path = |folders: &[&Path]| env::join_paths(folders).ok();
        assert_eq!(program(None, path(&[dir.path()])).unwrap(), [fake.as_os_str()]);
        for relative in ["", ".", "relative"] {
            assert!(program(None, path(&[Path::new(relative)])).is_err(), "{relative:?}");
        }
        assert!(program(Some("./ssh -v".into()), path(&[dir.path()])).is_err());
        let named = program(Some("/opt/ssh -v".into()), None).unwrap();
        assert_eq!(named, ["/opt/ssh", "-v"]);
        assert!(program(Some("'".into()), None).is_err());
    }
}
