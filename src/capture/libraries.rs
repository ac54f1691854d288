//! Versions of the libraries that programs use NVIDIA's accelerators with: of the interpreter's packages, else of
//! files in the usual places, whose names tell.

use std::collections::BTreeMap;
use std::path::Path;

use crate::object::Packages;

/// Name here, names of packages without `nvidia-` and `-cu12`, and the library's file.
const LIBRARIES: &[(&str, &[&str], &str)] = &[
    ("cublas", &["cublas", "libcublas"], "libcublas.so."),
    ("cuda-runtime", &["cuda-runtime", "cuda-cudart", "cudatoolkit"], "libcudart.so."),
    ("cudnn", &["cudnn"], "libcudnn.so."),
    ("nccl", &["nccl"], "libnccl.so."),
];
const FOLDERS: &[&str] = &[
    "usr/lib/x86_64-linux-gnu",
    "usr/lib/aarch64-linux-gnu",
    "usr/lib64",
    "usr/local/cuda/lib64",
    "usr/local/lib",
];

/// The versions that can be told, by name.
pub(super) fn of(root: &Path, packages: &Packages) -> BTreeMap<String, String> {
    let files: Vec<String> = FOLDERS.iter().flat_map(|folder| names(&root.join(folder))).collect();
    let version = |(name, known, file): &(&str, &[&str], &str)| {
        let installed = packages.packages.iter().find(|package| known.contains(&plain(&package.name)));
        let version = installed.map(|package| package.version.clone());
        // The longest name says most: `libcudnn.so.9` is a link to `libcudnn.so.9.1.0`.
        let told = || files.iter().filter_map(|name| name.strip_prefix(file)).max_by_key(|text| text.len());
        Some(((*name).to_owned(), version.or_else(|| told().map(str::to_owned))?))
    };
    LIBRARIES.iter().filter_map(version).collect()
}

/// `cudnn` of `nvidia-cudnn-cu12`.
fn plain(package: &str) -> &str {
    let name = package.strip_prefix("nvidia-").unwrap_or(package);
    match name.rsplit_once("-cu") {
        Some((name, version)) if version.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => name,
    }
}

/// Names of libraries with a version in a folder.
fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.take(50_000).filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let versioned = |name: &String| {
        let version = name.split_once(".so.").map_or("", |(_, version)| version);
        !version.is_empty() && version.bytes().all(|b| b.is_ascii_digit() || b == b'.')
    };
    let mut names: Vec<String> = names.filter(versioned).collect();
    names.sort_unstable();
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::object::Package;

    #[test]
    fn packages_come_before_files() {
        let dir = tempfile::tempdir().unwrap();
        let lib = dir.path().join("usr/lib/x86_64-linux-gnu");
        std::fs::create_dir_all(&lib).unwrap();
        for name in
            ["libcudnn.so.8", "libcudnn.so.8.9.7", "libnccl.so.2", "libnccl.so.2.21.5", "libcudnn.so.x"]
        {
            std::fs::write(lib.join(name), "").unwrap();
        }
        let package = |ecosystem: &str, name: &str, version: &str| Package {
            ecosystem: ecosystem.into(),
            name: name.into(),
            version: version.into(),
            origin: None,
        };
        let mut packages = Packages { interpreter: None, packages: Vec::new(), locks: None };
        let found = of(dir.path(), &packages);
        let pairs = |found: &BTreeMap<String, String>| {
            found.iter().map(|(name, version)| format!("{name} {version}")).collect::<Vec<_>>()
        };
        assert_eq!(pairs(&found), ["cudnn 8.9.7", "nccl 2.21.5"]);
        packages.packages = vec![
            package("pypi", "nvidia-cudnn-cu12", "9.1.0.70"),
            package("pypi", "nvidia-cuda-runtime-cu12", "12.4.127"),
            package("conda", "libcublas", "12.4.5.8"),
        ];
        let found = of(dir.path(), &packages);
        let expected = ["cublas 12.4.5.8", "cuda-runtime 12.4.127", "cudnn 9.1.0.70", "nccl 2.21.5"];
        assert_eq!(pairs(&found), expected);
        assert_eq!(plain("nvidia-cudnn-custom"), "cudnn-custom");
    }
}
