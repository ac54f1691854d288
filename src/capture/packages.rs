//! The packages that are installed for an interpreter, from the metadata that installers leave.
//!
//! Where a package came from is recorded so that another machine can use it: a commit of a repository, a
//! digest of an archive. A path of this machine says nothing there and often names its user, so it is left out.

use std::collections::BTreeMap;
use std::path::Path;

use crate::capture::{interpreter, redact, small_file};
use crate::object::{Package, Packages};

/// Metadata begins with what is wanted; the description that follows may be long.
const HEADER: u64 = 4 << 10;
/// More packages than any environment has.
const MOST: usize = 50_000;

/// The packages of an interpreter, sorted, each once: the one that the interpreter finds first.
pub(super) fn of(found: &interpreter::Found) -> Packages {
    let mut conda = BTreeMap::new();
    if let Some(records) = &found.conda {
        conda = conda_packages(records);
    }
    let mut python: BTreeMap<String, Package> = BTreeMap::new();
    for folder in &found.folders {
        for (name, package) in python_packages(folder) {
            python.entry(name).or_insert(package);
        }
    }
    // What conda installed for Python has metadata of both kinds.
    python.retain(|name, package| {
        conda.get(name).is_none_or(|other: &Package| other.version != package.version)
    });
    let packages = conda.into_values().chain(python.into_values()).collect();
    Packages { interpreter: Some(found.interpreter.clone()), packages, locks: None }
}

/// Packages in one folder, by normalised name.
fn python_packages(folder: &Path) -> BTreeMap<String, Package> {
    let mut packages = BTreeMap::new();
    for file in sorted_names(folder) {
        let path = folder.join(&file);
        let package = if file.ends_with(".dist-info") {
            python_package(&path.join("METADATA"), &file)
                .map(|package| Package { origin: origin(&path), ..package })
        } else if file.ends_with(".egg-info") {
            python_package(&path.join("PKG-INFO"), &file).or_else(|| python_package(&path, &file))
        } else if file.ends_with(".egg-link") {
            linked_package(&path)
        } else {
            None
        };
        if let Some(package) = package {
            packages.insert(package.name.clone(), package);
        }
    }
    packages
}

fn sorted_names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(MOST).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    // A name that starts with '~' is what an interrupted removal left.
    let mut names: Vec<String> =
        names.filter(|name| !name.starts_with('~') && name.contains(['.', '-'])).collect();
    names.sort_unstable();
    names
}

fn python_package(metadata: &Path, file: &str) -> Option<Package> {
    let text = small_file::text_up_to(metadata, HEADER)?;
    let (name, version) = match parse_header(&text) {
        (Some(name), Some(version)) => (name, version),
        // `name-version.dist-info` says it too, less exactly.
        _ => file.rsplit_once('.')?.0.split_once('-')?,
    };
    package("pypi", normalise(name)?, version, None)
}

/// A package that is used where it is developed: the file names its folder.
fn linked_package(link: &Path) -> Option<Package> {
    let folder = small_file::line(link)?;
    let name = link.file_stem()?.to_str()?;
    let info = format!("{}.egg-info", name.replace('-', "_"));
    let package = python_package(&Path::new(&folder).join(&info).join("PKG-INFO"), &info)?;
    Some(Package { origin: Some("local path, editable".into()), ..package })
}

/// `Name` and `Version` of a metadata file, which ends its header with an empty line.
fn parse_header(text: &str) -> (Option<&str>, Option<&str>) {
    let (mut name, mut version) = (None, None);
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if let Some((key, value)) = line.split_once(':') {
            match key {
                "Name" => name = name.or(Some(value.trim())),
                "Version" => version = version.or(Some(value.trim())),
                _ => continue,
            }
            if name.is_some() && version.is_some() {
                break;
            }
        }
    }
    (name, version)
}

/// A name as the package index compares it: lower case, runs of `-`, `_` and `.` are one `-`.
fn normalise(name: &str) -> Option<String> {
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    if name.is_empty() || name.len() > 255 || !name.bytes().all(plain) {
        return None;
    }
    let words: Vec<String> =
        name.split(['-', '_', '.']).filter(|word| !word.is_empty()).map(str::to_ascii_lowercase).collect();
    (!words.is_empty()).then(|| words.join("-"))
}

fn package(ecosystem: &str, name: String, version: &str, origin: Option<String>) -> Option<Package> {
    let sound = !version.is_empty() && version.len() <= 255 && !version.contains(char::is_control);
    sound.then(|| Package { ecosystem: ecosystem.to_owned(), name, version: version.to_owned(), origin })
}

/// Where a package was installed from if not from an index, by its `direct_url.json`.
fn origin(info: &Path) -> Option<String> {
    parse_origin(&small_file::text(&info.join("direct_url.json"))?)
}

fn parse_origin(text: &str) -> Option<String> {
    let json: serde_json::Value = serde_json::from_str(text).ok()?;
    let url = json["url"].as_str()?;
    let is_local = url.starts_with("file:");
    let sound = |text: &str| {
        text.len() <= 255 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"=-_.".contains(&b))
    };
    let subdirectory = json["subdirectory"].as_str().filter(|text| !text.contains(char::is_control));
    let inside = subdirectory.map(|path| format!(", in {path}")).unwrap_or_default();
    if let Some(vcs) = json["vcs_info"].as_object() {
        let kind = vcs.get("vcs")?.as_str().filter(|text| sound(text))?;
        let commit = vcs.get("commit_id")?.as_str().filter(|text| sound(text))?;
        let url = if is_local { "local path".into() } else { redact::url(url).unwrap_or_default() };
        return Some(format!("{kind}+{url}@{commit}{inside}"));
    }
    if let Some(directory) = json["dir_info"].as_object() {
        let editable = directory.get("editable").and_then(serde_json::Value::as_bool) == Some(true);
        return Some(if editable { "local path, editable" } else { "local path" }.to_owned());
    }
    let archive = &json["archive_info"];
    let digest = archive["hashes"]["sha256"].as_str().map(|digest| format!("sha256={digest}"));
    let digest = digest.or_else(|| archive["hash"].as_str().map(str::to_owned)).filter(|text| sound(text));
    let url = if is_local { "local file".into() } else { redact::url(url)? };
    Some(format!("{url}{}{inside}", digest.map(|digest| format!("#{digest}")).unwrap_or_default()))
}

/// What conda installed, by name. The name of a record says name and version, its beginning the channel.
fn conda_packages(records: &Path) -> BTreeMap<String, Package> {
    let of_record = |file: String| {
        let (name, version) = conda_name(&file)?;
        let head = small_file::text_up_to(&records.join(&file), HEADER);
        let origin = head.as_deref().and_then(channel);
        let package = package("conda", name.to_ascii_lowercase(), version, origin)?;
        Some((package.name.clone(), package))
    };
    sorted_names(records).into_iter().filter_map(of_record).collect()
}

/// Name and version of `name-version-build.json`.
pub(super) fn conda_name(file: &str) -> Option<(&str, &str)> {
    let (rest, _) = file.strip_suffix(".json")?.rsplit_once('-')?;
    rest.rsplit_once('-').filter(|(name, version)| !name.is_empty() && !version.is_empty())
}

/// The channel in the beginning of a record, without its platform, and without a token (`/t/TOKEN/…`).
fn channel(head: &str) -> Option<String> {
    let value = head.split_once("\"channel\"")?.1.split('"').nth(1)?;
    let url = redact::url(value)?;
    let mut parts: Vec<&str> = url.trim_end_matches('/').split('/').collect();
    while let Some(at) = parts.iter().position(|part| *part == "t") {
        parts.drain(at..parts.len().min(at + 2));
    }
    let is_platform =
        |part: &&str| *part == "noarch" || part.split_once('-').is_some_and(|(os, _)| is_os(os));
    if parts.len() > 1 && parts.last().is_some_and(is_platform) {
        parts.pop();
    }
    let channel = parts.join("/");
    let public = ["https://conda.anaconda.org/", "https://repo.anaconda.com/"];
    Some(public.iter().find_map(|host| channel.strip_prefix(host)).unwrap_or(&channel).to_owned())
}

fn is_os(text: &str) -> bool {
    matches!(text, "linux" | "osx" | "win" | "emscripten" | "wasi")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Interpreter;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn packages_of(folders: &[&Path], conda: Option<&Path>) -> Vec<(String, String, String, Option<String>)> {
        let found = interpreter::Found {
            interpreter: Interpreter { implementation: "cpython".into(), version: "3.11.7".into() },
            folders: folders.iter().map(|path| path.to_path_buf()).collect(),
            conda: conda.map(Path::to_owned),
        };
        of(&found).packages.into_iter().map(|p| (p.ecosystem, p.name, p.version, p.origin)).collect()
    }

    #[test]
    fn every_kind_of_metadata_is_read() {
        let dir = tempfile::tempdir().unwrap();
        let site = dir.path().join("site");
        write(
            &site,
            "Foo_Bar-1.0.dist-info/METADATA",
            "Metadata-Version: 2.1\nName: Foo.Bar\nVersion: 1.0\n\nName: x\n",
        );
        write(&site, "old-2.0.egg-info/PKG-INFO", "Name: old\nVersion: 2.0\n");
        write(&site, "single-3.egg-info", "Name: single\nVersion: 3\n");
        write(&site, "bare-4.dist-info/METADATA", "");
        write(&site, "~lost-1.dist-info/METADATA", "Name: lost\nVersion: 1\n");
        write(&site, "no_metadata-1.dist-info/RECORD", "");
        let link = format!("{}\n.", dir.path().join("dev").display());
        write(&site, "my-tool.egg-link", &link);
        write(dir.path(), "dev/my_tool.egg-info/PKG-INFO", "Name: my-tool\nVersion: 0.1\n");
        let system = dir.path().join("system");
        write(&system, "foo_bar-0.9.dist-info/METADATA", "Name: foo-bar\nVersion: 0.9\n");
        write(&system, "extra-1.dist-info/METADATA", "Name: extra\nVersion: 1\n");
        let pypi = |name: &str, version: &str| ("pypi".to_owned(), name.to_owned(), version.to_owned(), None);
        let editable = ("pypi".into(), "my-tool".into(), "0.1".into(), Some("local path, editable".into()));
        assert_eq!(
            packages_of(&[&site, &system], None),
            [
                pypi("bare", "4"),
                pypi("extra", "1"),
                pypi("foo-bar", "1.0"),
                editable,
                pypi("old", "2.0"),
                pypi("single", "3")
            ]
        );
    }

    #[test]
    fn conda_and_python_metadata_of_one_package_are_one() {
        let dir = tempfile::tempdir().unwrap();
        let (site, meta) = (dir.path().join("site"), dir.path().join("conda-meta"));
        let record = r#"{"build": "py_0", "channel": "https://user:SECRET@conda.anaconda.org/t/TOKEN/conda-forge/linux-64", "#;
        write(&meta, "numpy-1.26.4-py311h64a7726_0.json", record);
        write(&meta, "history", "");
        write(&site, "numpy-1.26.4.dist-info/METADATA", "Name: numpy\nVersion: 1.26.4\n");
        write(&site, "torch-2.3.0.dist-info/METADATA", "Name: torch\nVersion: 2.3.0\n");
        assert_eq!(
            packages_of(&[&site], Some(&meta)),
            [
                ("conda".into(), "numpy".into(), "1.26.4".into(), Some("conda-forge".into())),
                ("pypi".into(), "torch".into(), "2.3.0".into(), None)
            ]
        );
    }

    #[test]
    fn channels() {
        for (url, expected) in [
            ("https://repo.anaconda.com/pkgs/main/linux-64", "pkgs/main"),
            ("https://conda.anaconda.org/pytorch/noarch", "pytorch"),
            ("https://host/t/TOKEN/private/osx-arm64", "https://host/private"),
            ("defaults", "defaults"),
        ] {
            assert_eq!(channel(&format!("{{\"channel\":\"{url}\"")).as_deref(), Some(expected));
        }
    }

    #[test]
    fn origins_have_no_secret_and_no_path_of_this_machine() {
        for (json, expected) in [
            (
                r#"{"url":"https://u:SECRET@h/x.git","vcs_info":{"vcs":"git","commit_id":"abc"}}"#,
                Some("git+https://h/x.git@abc"),
            ),
            (r#"{"url":"file:///home/me/x","dir_info":{"editable":true}}"#, Some("local path, editable")),
            (r#"{"url":"file:///home/me/x","dir_info":{}}"#, Some("local path")),
            (
                r#"{"url":"file:///home/me/x.whl","archive_info":{"hash":"sha256=12"}}"#,
                Some("local file#sha256=12"),
            ),
            (
                r#"{"url":"https://h/x.whl?sig=SECRET","archive_info":{"hashes":{"sha256":"ab"}}}"#,
                Some("https://h/x.whl#sha256=ab"),
            ),
            (
                r#"{"url":"ssh://git@h/x","subdirectory":"py","vcs_info":{"vcs":"git","commit_id":"a"}}"#,
                Some("git+ssh://h/x@a, in py"),
            ),
            (r#"{"url":1}"#, None),
            ("not json", None),
        ] {
            assert_eq!(parse_origin(json).as_deref(), expected, "{json}");
        }
    }

    #[test]
    fn names_are_normalised() {
        assert_eq!(normalise("Foo__Bar.-baz").as_deref(), Some("foo-bar-baz"));
        for name in ["", "a b", "a/b", "ü", "--"] {
            assert_eq!(normalise(name), None, "{name}");
        }
    }
}
