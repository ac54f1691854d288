//! The linear algebra library that numeric programs use, by names and versions that files tell. Nothing is loaded.
//!
//! With numpy, it is numpy's own: what its build says, what conda says, what its wheel carries. Without numpy, or where
//! numpy takes what the system has, it is the one that `libblas.so.3` leads to.

use std::path::{Path, PathBuf};

use crate::capture::{interpreter, small_file};
use crate::object::Packages;

/// Links in a row that are followed.
const MOST_LINKS: usize = 8;

/// Name and version of the library for this interpreter; `None` where there is none to be seen.
pub(super) fn of(root: &Path, found: Option<&interpreter::Found>, packages: &Packages) -> Option<String> {
    let Some(found) = found else { return system(root) };
    let Some(numpy) = found.folders.iter().find(|folder| folder.join("numpy").is_dir()) else {
        return system(root);
    };
    let config = small_file::text(&numpy.join("numpy/__config__.py"));
    config
        .as_deref()
        .and_then(parse_config)
        .or_else(|| conda(found.conda.as_deref()?, packages))
        .or_else(|| bundled(&numpy.join("numpy.libs")))
        .or_else(|| system(root))
}

/// What numpy's build wrote down: `"blas": {"name": "scipy-openblas", …, "version": "0.3.27"}`. A name that only
/// says that there is an interface (`blas`, `cblas`, `auto`) is no answer.
fn parse_config(text: &str) -> Option<String> {
    let block = text.split_once("\"blas\": {")?.1.split_once('}')?.0;
    let value = |key: &str| {
        let value = block.split_once(&format!("\"{key}\":"))?.1.split('"').nth(1)?;
        let sound = value.len() < 64 && !value.contains(char::is_control);
        Some(value.to_ascii_lowercase()).filter(|value| sound && !value.is_empty())
    };
    let name = value("name").filter(|name| !matches!(name.as_str(), "blas" | "cblas" | "auto" | "none"))?;
    Some(with_version(&name, value("version").filter(|version| version != "unknown").as_deref()))
}

/// conda's `libblas` says in its build which library it stands for, and that is a package of its own.
fn conda(records: &Path, packages: &Packages) -> Option<String> {
    let entries = std::fs::read_dir(records).ok()?.take(50_000);
    let mut names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let build = names.find(|name| name.starts_with("libblas-") || name.starts_with("blas-"))?;
    let build = build.strip_suffix(".json")?.rsplit(['_', '-']).next()?;
    let package = match build {
        "openblas" => "libopenblas",
        "blis" => "blis",
        "mkl" => "mkl",
        "accelerate" => "libblas",
        _ => return None,
    };
    let known = packages.packages.iter().find(|it| it.ecosystem == "conda" && it.name == package);
    Some(with_version(build, known.map(|it| it.version.as_str())))
}

/// The library that older wheels of numpy carry: `libopenblas64_p-r0-2f7c42d4.3.18.so` is OpenBLAS 0.3.18.
fn bundled(folder: &Path) -> Option<String> {
    let entries = std::fs::read_dir(folder).ok()?.take(1000);
    let mut names: Vec<String> =
        entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
    names.sort_unstable();
    let name = names.iter().find(|name| name.contains("openblas"))?;
    Some(with_version("openblas", release(name).as_deref()))
}

/// The release in the name of a file of OpenBLAS: behind `-r`, perhaps with a digest in its middle.
fn release(name: &str) -> Option<String> {
    let version = name.split_once("-r")?.1;
    let version = version.split_once(".so").map_or(version, |(before, _)| before);
    let version = match version.split_once('-') {
        Some((first, rest)) => format!("{first}.{}", rest.split_once('.')?.1),
        None => version.to_owned(),
    };
    version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
}

/// What `libblas.so.3` leads to: alternatives of a distribution are links.
fn system(root: &Path) -> Option<String> {
    let folders = ["usr/lib/x86_64-linux-gnu", "usr/lib/aarch64-linux-gnu", "usr/lib64", "usr/lib"];
    let link = folders
        .iter()
        .map(|folder| root.join(folder).join("libblas.so.3"))
        .find(|path| path.symlink_metadata().is_ok())?;
    let real = followed(root, link);
    let file = real.file_name()?.to_str()?;
    let folder = real.parent()?;
    let place = folder.file_name()?.to_str()?;
    let named = |what: &str| file.contains(what) || place.contains(what);
    if named("openblas") {
        let siblings = std::fs::read_dir(folder).ok()?.take(10_000);
        let mut names = siblings.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let version = names.find_map(|name| release(&name).filter(|_| name.contains("openblas")));
        return Some(with_version("openblas", version.as_deref()));
    }
    if let Some(name) = ["mkl", "blis", "atlas", "flexiblas", "armpl"].into_iter().find(|name| named(name)) {
        return Some(name.to_owned());
    }
    let version = file.strip_prefix("libblas.so.").filter(|version| version.contains('.'));
    Some(with_version("reference", version))
}

/// Where links lead, below a root.
fn followed(root: &Path, mut path: PathBuf) -> PathBuf {
    for _ in 0..MOST_LINKS {
        let Ok(target) = std::fs::read_link(&path) else { break };
        let relative = target.strip_prefix("/").map(|target| root.join(target));
        path = relative.unwrap_or_else(|_| path.parent().unwrap_or(root).join(&target));
    }
    path
}

fn with_version(name: &str, version: Option<&str>) -> String {
    version.map_or_else(|| name.to_owned(), |version| format!("{name} {version}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::{Interpreter, Package};

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn blas(root: &Path, conda: &[(&str, &str)]) -> Option<String> {
        let interpreter = Interpreter { implementation: "cpython".into(), version: "3.11.7".into() };
        let records = root.join("conda-meta");
        let conda_meta = Some(records).filter(|path| path.is_dir());
        let found = interpreter::Found { interpreter, folders: vec![root.join("site")], conda: conda_meta };
        let package = |(name, version): &(&str, &str)| Package {
            ecosystem: "conda".into(),
            name: (*name).into(),
            version: (*version).into(),
            origin: None,
        };
        let packages =
            Packages { interpreter: None, packages: conda.iter().map(package).collect(), locks: None };
        of(root, Some(&found), &packages)
    }

    #[test]
    fn numpy_says_what_it_was_built_with() {
        let dir = tempfile::tempdir().unwrap();
        let config = "\"Build Dependencies\": {\n \"blas\": {\n \"name\": \"scipy-openblas\",\n \
            \"found\": bool(\"True\"),\n \"version\": \"0.3.27\",\n },\n \"lapack\": {";
        write(dir.path(), "site/numpy/__config__.py", config);
        assert_eq!(blas(dir.path(), &[]).as_deref(), Some("scipy-openblas 0.3.27"));
        assert_eq!(parse_config(&config.replace("scipy-openblas", "blas")), None);
        assert_eq!(parse_config("nothing"), None);
    }

    #[test]
    fn conda_says_what_stands_behind_its_interface() {
        let dir = tempfile::tempdir().unwrap();
        write(
            dir.path(),
            "site/numpy/__config__.py",
            "\"blas\": {\"name\": \"blas\", \"version\": \"3.9.0\"}",
        );
        write(dir.path(), "conda-meta/libblas-3.9.0-20_linux64_mkl.json", "{}");
        assert_eq!(blas(dir.path(), &[("mkl", "2023.2.0")]).as_deref(), Some("mkl 2023.2.0"));
    }

    #[test]
    fn an_older_wheel_carries_its_own() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "site/numpy/__init__.py", "");
        write(dir.path(), "site/numpy.libs/libopenblas64_p-r0-2f7c42d4.3.18.so", "");
        assert_eq!(blas(dir.path(), &[]).as_deref(), Some("openblas 0.3.18"));
        assert_eq!(release("libopenblasp-r0.3.21.so").as_deref(), Some("0.3.21"));
        assert_eq!(release("libscipy_openblas64_-32a4b2a6.so"), None);
    }

    #[cfg(unix)]
    #[test]
    fn the_systems_own() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(blas(dir.path(), &[]), None);
        let lib = "usr/lib/x86_64-linux-gnu";
        write(dir.path(), &format!("{lib}/openblas-pthread/libblas.so.3"), "");
        write(dir.path(), &format!("{lib}/openblas-pthread/libopenblasp-r0.3.21.so"), "");
        write(dir.path(), "etc/alternatives/x", "");
        let link = |target: &str, at: &str| std::os::unix::fs::symlink(target, dir.path().join(at)).unwrap();
        link("/etc/alternatives/blas", &format!("{lib}/libblas.so.3"));
        link(&format!("/{lib}/openblas-pthread/libblas.so.3"), "etc/alternatives/blas");
        assert_eq!(blas(dir.path(), &[]).as_deref(), Some("openblas 0.3.21"));
    }
}
