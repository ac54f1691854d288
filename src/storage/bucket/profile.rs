//! The profiles of Amazon's own tools: `~/.aws/credentials` and `~/.aws/config`.
//!
//! Keys that stand in the files are read here. What takes more, such as a single sign-on or a role, is left to the
//! program `aws`, which is asked for the keys; it is looked for in absolute folders of the `PATH` only.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::{AwsCredential, AwsCredentialProvider};
use object_store::{CredentialProvider, StaticCredentialProvider};
use tokio::sync::Mutex;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::environment::Environment;
use super::runtime::wait;

/// Files of settings that are longer are none.
const MAX_FILE: u64 = 1 << 20;
/// Keys of a program are asked for anew after this time, whatever it says about their end.
const FRESH: Duration = Duration::from_secs(300);
/// A person may have to type something.
const PROGRAM: Duration = Duration::from_secs(120);

/// The settings of a profile.
#[derive(Debug, Default)]
pub(super) struct Profile {
    name: String,
    settings: BTreeMap<String, String>,
}

impl Profile {
    /// The profile that the environment chooses; `None` if there is none.
    pub(super) fn chosen(environment: &Environment) -> io::Result<Option<Self>> {
        let named = environment.first(&["AWS_PROFILE", "AWS_DEFAULT_PROFILE"]);
        let name = named.unwrap_or("default").to_owned();
        let file =
            |variable, usual| environment.get(variable).map(PathBuf::from).or(environment.in_home(usual));
        let config = text(file("AWS_CONFIG_FILE", ".aws/config"))?;
        let credentials = text(file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"))?;
        let mut settings = section(&config, &[&format!("profile {name}"), &name]);
        settings.extend(section(&credentials, &[&name]));
        match (settings.is_empty(), named) {
            (true, Some(name)) => Err(io::Error::new(
                ErrorKind::NotFound,
                format!("there is no profile {name:?} in the files of aws"),
            )),
            (true, None) => Ok(None),
            (false, _) => Ok(Some(Self { name, settings })),
        }
    }

    /// A setting.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.settings.get(name).map(String::as_str)
    }

    /// What brings the keys of the profile; `None` if it is not about keys.
    pub(super) fn credentials(&self, environment: &Environment) -> io::Result<Option<AwsCredentialProvider>> {
        if let (Some(key), Some(secret)) = (self.get("aws_access_key_id"), self.get("aws_secret_access_key"))
        {
            let token = self.get("aws_session_token").map(str::to_owned);
            let credential = AwsCredential { key_id: key.to_owned(), secret_key: secret.to_owned(), token };
            return Ok(Some(Arc::new(StaticCredentialProvider::new(credential))));
        }
        const BY_PROGRAM: [&str; 4] = ["sso_session", "sso_start_url", "role_arn", "credential_process"];
        if !BY_PROGRAM.iter().any(|name| self.settings.contains_key(*name)) {
            return Ok(None);
        }
        let program = program("aws", environment.get("PATH").unwrap_or("")).ok_or_else(|| {
            let reason =
                format!("the profile {:?} needs the program 'aws', which is not on the PATH", self.name);
            io::Error::new(ErrorKind::NotFound, reason)
        })?;
        let signs_on = self.get("sso_session").or(self.get("sso_start_url")).is_some();
        let exported = Exported { program, profile: self.name.clone(), signs_on, state: Mutex::default() };
        // Asked before the first request, whose time it would take.
        wait(exported.keys())?;
        Ok(Some(Arc::new(exported)))
    }
}

fn text(path: Option<PathBuf>) -> io::Result<String> {
    use std::io::Read;
    let Some(path) = path else { return Ok(String::new()) };
    let mut text = String::new();
    match std::fs::File::open(&path).and_then(|file| file.take(MAX_FILE).read_to_string(&mut text)) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(io::Error::new(error.kind(), format!("cannot read {}: {error}", path.display())))
        }
        _ => Ok(text),
    }
}

/// The settings of the first section that has one of these names. What is indented belongs to the setting above.
fn section(text: &str, names: &[&str]) -> BTreeMap<String, String> {
    let mut within = false;
    let mut settings = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with([' ', '\t', '#', ';'])) {
        if let Some(head) = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let head = head.split_whitespace().collect::<Vec<_>>().join(" ");
            within = settings.is_empty() && names.contains(&head.as_str());
        } else if let (true, Some((name, value))) = (within, line.split_once('=')) {
            settings.insert(name.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    settings
}

/// A program on a `PATH`, in folders that are the same wherever we stand.
fn program(name: &str, path: &str) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders.map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Keys that the program `aws` brings, and again before they end.
#[derive(Debug)]
struct Exported {
    program: PathBuf,
    profile: String,
    /// Whether a person signs on in a browser, which ends after some hours.
    signs_on: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    last: Option<(Instant, Arc<AwsCredential>)>,
    /// A request that waits for the program may end before it: the next one waits for the same.
    running: Option<(Instant, JoinHandle<io::Result<AwsCredential>>)>,
}

impl Exported {
    async fn keys(&self) -> io::Result<Arc<AwsCredential>> {
        let mut state = self.state.lock().await;
        if let Some((_, credential)) = state.last.as_ref().filter(|(since, _)| since.elapsed() < FRESH) {
            return Ok(credential.clone());
        }
        let (since, running) = state.running.get_or_insert_with(|| {
            let (program, profile) = (self.program.clone(), self.profile.clone());
            (Instant::now(), tokio::task::spawn_blocking(move || export(&program, &profile)))
        });
        let exported = tokio::time::timeout_at(*since + PROGRAM, running).await;
        state.running = None;
        let exported = exported.map_err(|_| io::Error::new(ErrorKind::TimedOut, "'aws' did not end"))?;
        let credential = Arc::new(exported?.map_err(|error| self.advised(error))?);
        state.last = Some((Instant::now(), credential.clone()));
        Ok(credential)
    }

    fn advised(&self, error: io::Error) -> io::Error {
        if !self.signs_on || error.kind() != ErrorKind::PermissionDenied {
            return error;
        }
        let advice = format!("{error} (sign on again: aws sso login --profile {})", self.profile);
        io::Error::new(error.kind(), advice)
    }
}

#[async_trait::async_trait]
impl CredentialProvider for Exported {
    type Credential = AwsCredential;

    async fn get_credential(&self) -> object_store::Result<Arc<AwsCredential>> {
        self.keys().await.map_err(|error| object_store::Error::Unauthenticated {
            path: self.profile.clone(),
            source: Box::new(error),
        })
    }
}

fn export(program: &Path, profile: &str) -> io::Result<AwsCredential> {
    let output = Command::new(program)
        .args(["configure", "export-credentials", "--format", "process", "--profile", profile])
        .stdin(Stdio::null())
        .output()?;
    let denied =
        |reason: &str| io::Error::new(ErrorKind::PermissionDenied, format!("'aws' gave no keys: {reason}"));
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        let words: String = words.trim().chars().filter(|c| !c.is_control()).take(300).collect();
        return Err(denied(&words));
    }
    let json: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|_| denied("no JSON came"))?;
    let field = |name: &str| json.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let (Some(key_id), Some(secret_key)) = (field("AccessKeyId"), field("SecretAccessKey")) else {
        return Err(denied("it has none"));
    };
    Ok(AwsCredential { key_id, secret_key, token: field("SessionToken") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(home: &Path, more: &[(&str, &str)]) -> Environment {
        let home = [("HOME", home.to_str().unwrap())];
        let all = home.iter().chain(more).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Environment::of(all)
    }

    fn home() -> tempfile::TempDir {
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir(home.path().join(".aws")).unwrap();
        let config = "[default]\nregion = eu-west-1\ns3 =\n  endpoint_url = x\n[profile work]\nregion=us-east-2\n\
            sso_session = s\n# no\n[profile keys]\nendpoint_url = https://h\n";
        std::fs::write(home.path().join(".aws/config"), config).unwrap();
        let keys = "[keys]\naws_access_key_id = A\naws_secret_access_key = b=c\n";
        std::fs::write(home.path().join(".aws/credentials"), keys).unwrap();
        home
    }

    #[test]
    fn profiles_are_read_from_both_files() {
        let home = home();
        let chosen = |more: &[(&str, &str)]| Profile::chosen(&environment(home.path(), more));
        let default = chosen(&[]).unwrap().unwrap();
        assert_eq!((default.get("region"), default.get("endpoint_url")), (Some("eu-west-1"), None));
        assert!(default.credentials(&environment(home.path(), &[])).unwrap().is_none());
        let keys = chosen(&[("AWS_PROFILE", "keys")]).unwrap().unwrap();
        assert_eq!(keys.get("aws_secret_access_key"), Some("b=c"));
        assert_eq!(keys.get("endpoint_url"), Some("https://h"));
        assert!(keys.credentials(&environment(home.path(), &[])).unwrap().is_some());
        assert_eq!(chosen(&[("AWS_PROFILE", "none")]).unwrap_err().kind(), ErrorKind::NotFound);
        let nowhere = environment(Path::new("/nonexistent"), &[]);
        assert!(Profile::chosen(&nowhere).unwrap().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_request_that_ends_before_the_program_starts_no_second_one() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let (program, starts) = (home.path().join("aws"), home.path().join("starts"));
        let keys = "{\"AccessKeyId\":\"K\",\"SecretAccessKey\":\"S\"}";
        let script = format!("#!/bin/sh\necho x >>'{}'; sleep 0.5; echo '{keys}'", starts.display());
        std::fs::write(&program, script).unwrap();
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let (profile, state) = ("work".to_owned(), Mutex::default());
        let exported = Exported { program, profile, signs_on: true, state };
        let short = Duration::from_millis(50);
        wait(async {
            assert!(tokio::time::timeout(short, exported.keys()).await.is_err(), "it takes longer");
            exported.keys().await.map(|keys| assert_eq!(keys.key_id, "K"))
        })
        .unwrap();
        assert_eq!(std::fs::read_to_string(starts).unwrap(), "x\n");
    }

    #[cfg(unix)]
    #[test]
    fn the_program_is_asked_only_where_it_is_meant() {
        use std::os::unix::fs::PermissionsExt;
        let home = home();
        let aws = home.path().join("aws");
        let script = "#!/bin/sh\n[ \"$6\" = work ] || exit 1\necho '{\"Version\":1,\"AccessKeyId\":\"K\",\"SecretAccessKey\":\"S\",\"SessionToken\":\"T\"}'\n";
        std::fs::write(&aws, script).unwrap();
        std::fs::set_permissions(&aws, std::fs::Permissions::from_mode(0o755)).unwrap();
        let found =
            environment(home.path(), &[("AWS_PROFILE", "work"), ("PATH", home.path().to_str().unwrap())]);
        let profile = Profile::chosen(&found).unwrap().unwrap();
        assert!(profile.credentials(&found).unwrap().is_some());
        let exported = export(&aws, "work").unwrap();
        assert_eq!((exported.key_id.as_str(), exported.token.as_deref()), ("K", Some("T")));
        assert_eq!(export(&aws, "other").unwrap_err().kind(), ErrorKind::PermissionDenied);
        std::fs::write(&aws, "#!/bin/sh\necho The session has expired. >&2; exit 255").unwrap();
        let error = profile.credentials(&found).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::PermissionDenied);
        assert!(
            error.to_string().ends_with("expired. (sign on again: aws sso login --profile work)"),
            "{error}"
        );
        let here = environment(home.path(), &[("AWS_PROFILE", "work"), ("PATH", ".:relative:")]);
        let error = profile.credentials(&here).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
}
