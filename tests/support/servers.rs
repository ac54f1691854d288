//! Real servers for tests, each started once for a test process, on free ports of the loopback interface.
//!
//! They are found through `MDL_TEST_WEED` and `MDL_TEST_AZURITE`, on the `PATH`, or where `.ci/servers` puts them. They
//! end with the test process, however that ends: a shell beside each waits for the end of a pipe that this process holds.

#![allow(dead_code, reason = "each test binary uses some of them")]

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// A server that speaks S3.
pub struct S3 {
    /// Where it listens, as `http://127.0.0.1:port`.
    pub endpoint: String,
    /// What a program needs in its environment to use it.
    pub env: Vec<(String, String)>,
    _server: Server,
}

impl S3 {
    /// The URL of a prefix of its bucket.
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://mdl/{prefix}?endpoint={}&region=us-east-1", self.endpoint)
    }
}

/// SeaweedFS; `None`, loudly, where it is not installed.
pub fn s3() -> Option<&'static S3> {
    static SERVER: OnceLock<Option<S3>> = OnceLock::new();
    SERVER.get_or_init(|| Some(start_s3(&program("weed", "MDL_TEST_WEED", "venv/bin/weed")?))).as_ref()
}

fn start_s3(weed: &Path) -> S3 {
    let env = [
        ("AWS_ACCESS_KEY_ID", "mdlkey"),
        ("AWS_SECRET_ACCESS_KEY", "mdlsecret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    let env: Vec<_> = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    // Each of its ports has another, 10,000 higher, for calls between its parts.
    let ports = free_ports(5, &[0, 10_000]);
    let mut command = vec![weed.display().to_string(), "mini".to_owned()];
    command.push("-dir=.".to_owned());
    let flags = "-ip=127.0.0.1 -ip.bind=127.0.0.1 -admin.ui=false -webdav=false -s3.port.iceberg=0 -s3.port.lance=0 -bucket=mdl";
    command.extend(flags.split(' ').map(str::to_owned));
    for (name, port) in ["s3", "master", "volume", "filer", "admin"].iter().zip(&ports) {
        command.push(format!("-{name}.port={port}"));
    }
    let server = Server::start(&command, &env);
    server.wait_until("the bucket is there", || {
        answers(ports[3], "/buckets/mdl/") && answers(ports[0], "/healthz")
    });
    S3 { endpoint: format!("http://127.0.0.1:{}", ports[0]), env, _server: server }
}

/// A server that speaks the protocol of Azure's blobs.
pub struct Azure {
    /// Where it listens, with the account as its path.
    pub endpoint: String,
    /// What a program needs in its environment to use it.
    pub env: Vec<(String, String)>,
    _server: Server,
}

impl Azure {
    /// The URL of a prefix of its container.
    pub fn url(&self, prefix: &str) -> String {
        format!("az://{AZURE_ACCOUNT}/mdl/{prefix}?endpoint={}", self.endpoint)
    }
}

/// The account and key that every Azurite has; they are no secret.
const AZURE_ACCOUNT: &str = "devstoreaccount1";
const AZURE_KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

const CREATE_CONTAINER: &str = r"
const [, port, account, key] = process.argv;
const date = new Date().toUTCString(), version = '2021-08-06', path = `/${account}/mdl`;
const text = `PUT${'\n'.repeat(12)}x-ms-date:${date}\nx-ms-version:${version}\n/${account}${path}\nrestype:container`;
const signature = require('crypto').createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64');
const headers = { 'x-ms-date': date, 'x-ms-version': version, authorization: `SharedKey ${account}:${signature}`, 'content-length': 0 };
require('http')
  .request({ host: '127.0.0.1', port, method: 'PUT', path: `${path}?restype=container`, headers }, (response) => {
    response.on('data', (data) => process.stderr.write(data));
    response.on('end', () => process.exit(response.statusCode === 201 ? 0 : 1));
  })
  .end();
";

/// Azurite; `None`, loudly, where it is not installed.
pub fn azure() -> Option<&'static Azure> {
    static SERVER: OnceLock<Option<Azure>> = OnceLock::new();
    let installed = "azurite/node_modules/.bin/azurite-blob";
    SERVER
        .get_or_init(|| Some(start_azure(&program("azurite-blob", "MDL_TEST_AZURITE", installed)?)))
        .as_ref()
}

fn start_azure(azurite: &Path) -> Azure {
    let port = free_ports(1, &[0])[0];
    let mut command = vec![azurite.display().to_string()];
    let flags =
        "--blobHost 127.0.0.1 --silent --inMemoryPersistence --skipApiVersionCheck --disableTelemetry";
    command.extend(flags.split(' ').map(str::to_owned));
    command.extend(["--blobPort".to_owned(), port.to_string()]);
    let server = Server::start(&command, &[]);
    server.wait_until("it listens", || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok());
    // The request must be signed, and node is there where Azurite is.
    let created = Command::new("node")
        .args(["-e", CREATE_CONTAINER, &port.to_string(), AZURE_ACCOUNT, AZURE_KEY])
        .status();
    assert!(created.unwrap().success(), "the container was not created");
    let env = [("AZURE_STORAGE_ACCOUNT_KEY", AZURE_KEY)];
    let env = env.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    Azure { endpoint: format!("http://127.0.0.1:{port}/{AZURE_ACCOUNT}"), env, _server: server }
}

/// A program; `None`, loudly, where it is not installed.
pub fn program(name: &str, variable: &str, installed: &str) -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/servers").join(installed);
    let told = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join(name));
    let found = told.into_iter().chain([installed]).chain(on_path).find(|path| path.is_file());
    if found.is_none() {
        let why = format!("{name} is not installed: run .ci/servers, or set {variable}");
        crate::skip::skipped(why);
    }
    found
}

/// A program that serves until this value or this process ends.
struct Server {
    shell: Child,
    _pipe: ChildStdin,
    folder: tempfile::TempDir,
}

impl Server {
    /// Starts a command in an empty folder of its own, which is removed with it.
    fn start(command: &[String], env: &[(String, String)]) -> Self {
        let folder = tempfile::Builder::new().prefix("mdl-server-").tempdir().unwrap();
        let script = "\"$@\" > log 2>&1 & pid=$!; cat > /dev/null; kill -9 $pid; wait; rm -rf \"$PWD\"";
        let mut shell = Command::new("sh")
            .args(["-c", script, "sh"])
            .args(command)
            .envs(env.iter().map(|(name, value)| (name, value)))
            .current_dir(folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let pipe = shell.stdin.take().unwrap();
        Self { shell, _pipe: pipe, folder }
    }

    fn wait_until(&self, what: &str, ready: impl Fn() -> bool) {
        let start = Instant::now();
        while !ready() {
            if start.elapsed() > Duration::from_secs(60) {
                let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
                panic!("waited in vain until {what}; its log:\n{log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Whether a server answers `GET` with success.
pub fn answers(port: u16, path: &str) -> bool {
    status(port, "GET", path, "").is_some_and(|status| (200..300).contains(&status))
}

/// The status of one request.
fn status(port: u16, method: &str, path: &str, headers: &str) -> Option<u16> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).ok()?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let request =
        format!("{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).ok()?;
    let mut line = [0; 12];
    stream.read_exact(&mut line).ok()?;
    std::str::from_utf8(&line[9..]).ok()?.parse().ok()
}

/// Ports that nobody listens on, also at these distances, below those that systems give out by themselves.
fn free_ports(count: usize, distances: &[u16]) -> Vec<u16> {
    use std::hash::{BuildHasher, RandomState};
    let mut ports = Vec::new();
    let mut kept = Vec::new();
    while ports.len() < count {
        let port = 10_000 + (RandomState::new().hash_one(0) % 12_000) as u16;
        let listen = |distance: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, port + distance)).ok();
        let listeners: Vec<_> = distances.iter().map_while(listen).collect();
        if listeners.len() == distances.len() {
            kept.extend(listeners);
            ports.push(port);
        }
    }
    ports
}
