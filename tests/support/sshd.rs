//! A real ssh server on loopback, with keys of its own, for as long as a test needs it.
//!
//! Where there is none, `start` says so and gives `None`; with `MDL_TEST_SKIP=never` that is a failure.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// A running ssh server. It ends when it is dropped.
pub struct Sshd {
    server: Child,
    folder: TempDir,
}

const HOST: &str = "mdl-test";

/// Starts a server on which `mdl` is this binary.
pub fn start(mdl: &Path) -> Option<Sshd> {
    match try_start(mdl) {
        Ok(sshd) => Some(sshd),
        Err(reason) => {
            crate::skip::skipped(format!("there is no ssh server: {reason}"));
            None
        }
    }
}

fn try_start(mdl: &Path) -> Result<Sshd, String> {
    let sshd = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/usr/bin/sshd", "/sbin/sshd"];
    let sshd = sshd.iter().find(|path| Path::new(path).is_file()).ok_or("sshd is not installed")?;
    let folder = tempfile::Builder::new().prefix("mdl-sshd").tempdir().map_err(|error| error.to_string())?;
    for key in ["host", "id"] {
        let file = folder.path().join(key);
        said(
            Command::new("ssh-keygen")
                .args(["-q", "-t", "ed25519", "-N", "", "-C", "mdl-test", "-f"])
                .arg(file),
        )?;
    }
    let user = said(Command::new("id").arg("-un"))?;
    // Where the server is started by root, it wants this folder.
    let _ = fs::create_dir("/run/sshd");
    let mut last = String::new();
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
        let port = port.map_err(|error| error.to_string())?.port();
        configure(folder.path(), mdl, user.trim(), port);
        let mut server = Command::new(sshd);
        server.args(["-D", "-e", "-f"]).arg(folder.path().join("sshd_config")).stdin(Stdio::null());
        let log = fs::File::create(folder.path().join("log")).map_err(|error| error.to_string())?;
        let mut server =
            server.stdout(Stdio::null()).stderr(log).spawn().map_err(|error| error.to_string())?;
        let started = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() && started.elapsed() < Duration::from_secs(5) {
            std::thread::sleep(Duration::from_millis(10));
        }
        match said(Command::new("ssh").arg("-F").arg(folder.path().join("config")).args([HOST, "true"])) {
            Ok(_) => return Ok(Sshd { server, folder }),
            Err(error) => last = error + &fs::read_to_string(folder.path().join("log")).unwrap_or_default(),
        }
        let _ = server.kill();
        let _ = server.wait();
    }
    Err(last)
}

fn said(command: &mut Command) -> Result<String, String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| format!("{command:?}: {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("{command:?}: {}", String::from_utf8_lossy(&output.stderr))),
    }
}

fn configure(folder: &Path, mdl: &Path, user: &str, port: u16) {
    let (at, bin) = (folder.display(), mdl.parent().unwrap().display());
    let server = format!(
        "Port {port}\nListenAddress 127.0.0.1\nHostKey {at}/host\nAuthorizedKeysFile {at}/authorized_keys\n\
         PidFile none\nUsePAM no\nStrictModes no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n\
         PermitRootLogin prohibit-password\nMaxStartups 100\nSetEnv \"PATH={bin}:/usr/local/bin:/usr/bin:/bin\"\n"
    );
    let client = format!(
        "Host {HOST}\n HostName 127.0.0.1\n Port {port}\n User {user}\n IdentityFile \"{at}/id\"\n IdentitiesOnly yes\n \
         UserKnownHostsFile \"{at}/known_hosts\"\n StrictHostKeyChecking yes\n BatchMode yes\n ControlPath none\n"
    );
    let host = fs::read_to_string(folder.join("host.pub")).unwrap();
    fs::write(folder.join("sshd_config"), server).unwrap();
    fs::write(folder.join("config"), client).unwrap();
    fs::write(folder.join("known_hosts"), format!("[127.0.0.1]:{port} {host}")).unwrap();
    fs::copy(folder.join("id.pub"), folder.join("authorized_keys")).unwrap();
}

#[allow(dead_code)]
impl Sshd {
    /// The location of a folder, as mdl is told it.
    pub fn url(&self, path: &Path) -> String {
        format!("ssh://{HOST}{}", path.display())
    }

    /// What `MDL_SSH_COMMAND` has to be.
    pub fn command(&self) -> String {
        format!("ssh -F '{}'", self.folder.path().join("config").display())
    }

    /// The variables that mdl needs to reach it.
    pub fn env(&self) -> [(&'static str, String); 1] {
        [("MDL_SSH_COMMAND", self.command())]
    }

    /// Puts options before the client's key in `authorized_keys`, such as `command="…",restrict`.
    pub fn authorize(&self, options: &str) {
        let key = fs::read_to_string(self.folder.path().join("id.pub")).unwrap();
        fs::write(self.folder.path().join("authorized_keys"), format!("{options} {key}").trim_start())
            .unwrap();
    }

    /// A folder of the server's own, removed with it.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().canonicalize().unwrap()
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}
