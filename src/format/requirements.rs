//! Recorded packages as the text of a requirements file, which pip and uv read.
//!
//! Exact versions, no ranges: to be installed without looking at dependencies, since what was recorded is the truth.
//! What a record says may come from a stranger. Nothing of it becomes an option, a local path, a second line or a
//! marker: names, versions and addresses consist of what may be in them, or the package is not in the text.

use crate::object::Package;

/// A requirements file, and what cannot be in it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Requirements {
    /// The text, a package a line, in the order of the packages.
    pub text: String,
    /// Packages that the text has.
    pub count: usize,
    /// Packages that it does not have.
    pub left_out: Vec<LeftOut>,
}

/// A package that cannot be installed again.
#[derive(Clone, Debug, PartialEq)]
pub struct LeftOut {
    /// The package.
    pub package: Package,
    /// Why.
    pub reason: Reason,
}

/// Why a package cannot be installed again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reason {
    /// Another package manager installed it, such as conda.
    OtherEcosystem,
    /// It was installed from a folder or a file of the machine, which only that machine has.
    Local,
    /// Where it came from is not understood, or cannot be reached without what was not recorded.
    Origin,
    /// Its name or version is not one that the package index could have.
    Unsound,
}

impl Reason {
    /// The reason in a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::OtherEcosystem => "other-ecosystem",
            Reason::Local => "local",
            Reason::Origin => "origin",
            Reason::Unsound => "unsound",
        }
    }
}

/// The requirements that install these packages again, as far as they can be.
pub fn requirements(packages: &[Package]) -> Requirements {
    let mut out = Requirements::default();
    for package in packages {
        match line(package) {
            Ok(line) => {
                out.text.push_str(&line);
                out.text.push('\n');
                out.count += 1;
            }
            Err(reason) => out.left_out.push(LeftOut { package: package.clone(), reason }),
        }
    }
    out
}

/// Packages that the requirements take from an address, and from which.
pub fn origins(packages: &[Package]) -> Vec<(String, String)> {
    let of = |package: &Package| {
        let line = line(package).ok()?;
        line.split_once(" @ ").map(|(name, address)| (name.to_owned(), address.to_owned()))
    };
    packages.iter().filter_map(of).collect()
}

fn line(package: &Package) -> Result<String, Reason> {
    if package.ecosystem != "pypi" {
        return Err(Reason::OtherEcosystem);
    }
    if !is_name(&package.name) || !is_version(&package.version) {
        return Err(Reason::Unsound);
    }
    match &package.origin {
        None => Ok(format!("{}=={}", package.name, package.version)),
        Some(origin) => Ok(format!("{} @ {}", package.name, address(origin)?)),
    }
}

fn is_name(name: &str) -> bool {
    let ends = |byte: Option<u8>| byte.is_some_and(|byte| byte.is_ascii_alphanumeric());
    let inner = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    ends(name.bytes().next()) && ends(name.bytes().last()) && name.bytes().all(inner)
}

fn is_version(version: &str) -> bool {
    version.starts_with(|c: char| c.is_ascii_alphanumeric())
        && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".!+_-".contains(&byte))
}

/// The address that an origin stands for, as `capture` writes origins: `git+URL@COMMIT`, `URL#HASH`, each perhaps
/// followed by `, in SUBDIRECTORY`.
fn address(origin: &str) -> Result<String, Reason> {
    let (place, inside) = match origin.split_once(", in ") {
        Some((place, inside)) => (place, Some(inside)),
        None => (origin, None),
    };
    let without_kind = place.strip_prefix("git+").unwrap_or(place);
    if without_kind.starts_with("local path") || without_kind.starts_with("local file") {
        return Err(Reason::Local);
    }
    if inside.is_some_and(|inside| !is_subdirectory(inside)) {
        return Err(Reason::Origin);
    }
    let subdirectory = inside.map(|inside| format!("subdirectory={inside}"));
    if let Some(place) = place.strip_prefix("git+") {
        let (url, commit) =
            place.rsplit_once('@').filter(|(_, commit)| is_commit(commit)).ok_or(Reason::Origin)?;
        let url = repository(url).ok_or(Reason::Origin)?;
        return Ok(format!(
            "git+{url}@{commit}{}",
            subdirectory.map(|it| format!("#{it}")).unwrap_or_default()
        ));
    }
    let (url, hash) = place.split_once('#').map_or((place, None), |(url, hash)| (url, Some(hash)));
    if !is_url(url, &["https://", "http://"]) || hash.is_some_and(|hash| !is_hash(hash)) {
        return Err(Reason::Origin);
    }
    let fragment: Vec<String> = hash.map(str::to_owned).into_iter().chain(subdirectory).collect();
    let mark = if fragment.is_empty() { "" } else { "#" };
    Ok(format!("{url}{mark}{}", fragment.join("&")))
}

/// A repository's address. The user of SSH was taken out with the secrets, and is `git` wherever others may clone.
fn repository(url: &str) -> Option<String> {
    if !is_url(url, &["https://", "http://", "ssh://"]) {
        return None;
    }
    Some(url.strip_prefix("ssh://").map_or_else(|| url.to_owned(), |rest| format!("ssh://git@{rest}")))
}

/// An address with one of these beginnings and a host, of characters that end neither the address nor the line.
/// Without an `@`: a user is not recorded, and a second host must not hide behind one.
fn is_url(url: &str, beginnings: &[&str]) -> bool {
    let Some(rest) = beginnings.iter().find_map(|beginning| url.strip_prefix(beginning)) else {
        return false;
    };
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/:[]%+,=!()".contains(&byte);
    rest.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '[') && rest.bytes().all(plain)
}

fn is_commit(commit: &str) -> bool {
    matches!(commit.len(), 40 | 64) && commit.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// `sha256=…`, in hexadecimal digits.
fn is_hash(hash: &str) -> bool {
    let is_hex = |digits: &str| !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    let names = ["sha256", "sha384", "sha512", "sha224", "sha1", "md5"];
    hash.split_once('=').is_some_and(|(name, digits)| names.contains(&name) && is_hex(digits))
}

fn is_subdirectory(path: &str) -> bool {
    let plain = |name: &str| {
        !matches!(name, "" | "." | "..")
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte))
    };
    path.split('/').all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

    fn package(ecosystem: &str, name: &str, version: &str, origin: Option<&str>) -> Package {
        let [ecosystem, name, version] = [ecosystem, name, version].map(str::to_owned);
        Package { ecosystem, name, version, origin: origin.map(str::to_owned) }
    }

    fn of(origin: &str) -> Result<String, Reason> {
        line(&package("pypi", "x", "1.0", Some(origin)))
    }

    #[test]
    fn versions_are_exact_and_what_is_left_out_is_said() {
        let packages = [
            package("conda", "mkl", "2024.0", None),
            package("pypi", "numpy", "1.26.4", None),
            package("pypi", "mine", "0.1", Some("local path, editable")),
            package("pypi", "torch", "2.3.0+cu121", None),
        ];
        let found = requirements(&packages);
        assert_eq!((found.text.as_str(), found.count), ("numpy==1.26.4\ntorch==2.3.0+cu121\n", 2));
        let left_out: Vec<(&str, Reason)> =
            found.left_out.iter().map(|left| (left.package.name.as_str(), left.reason)).collect();
        assert_eq!(left_out, [("mkl", Reason::OtherEcosystem), ("mine", Reason::Local)]);
        assert_eq!(requirements(&[]), Requirements::default());
    }

    #[test]
    fn origins_are_addresses_again() {
        for (origin, expected) in [
            (format!("git+https://h/x.git@{COMMIT}"), format!("x @ git+https://h/x.git@{COMMIT}")),
            (format!("git+ssh://h:22/x@{COMMIT}"), format!("x @ git+ssh://git@h:22/x@{COMMIT}")),
            (
                format!("git+https://h/x@{COMMIT}, in py/a"),
                format!("x @ git+https://h/x@{COMMIT}#subdirectory=py/a"),
            ),
            ("https://h/x-1.whl#sha256=ab".into(), "x @ https://h/x-1.whl#sha256=ab".into()),
            ("https://h/x-1%2Bcu.whl".into(), "x @ https://h/x-1%2Bcu.whl".into()),
            ("https://h/x#sha256=ab, in p".into(), "x @ https://h/x#sha256=ab&subdirectory=p".into()),
        ] {
            assert_eq!(of(&origin), Ok(expected), "{origin}");
        }
        for local in ["local path", "local path, editable", "local file#sha256=12", "git+local path@abc"] {
            assert_eq!(of(local), Err(Reason::Local), "{local}");
        }
    }

    #[test]
    fn nothing_hostile_becomes_a_line() {
        for origin in [
            "",
            "file:///etc/passwd",
            "-r other.txt",
            "https://h/x y",
            "https://h/x\n-r other.txt",
            "https://h/x; sys_platform=='x'",
            "https://h/x#egg=y",
            "https://h/x#sha256=",
            "https://good@evil/x",
            "https://-oProxyCommand=x/y",
            "https:///x",
            "git+https://h/x@main",
            "git+ext::sh -c id@0123456789abcdef0123456789abcdef01234567",
            "git+ssh://-oProxyCommand=id/x@0123456789abcdef0123456789abcdef01234567",
            "git+file:///x@0123456789abcdef0123456789abcdef01234567",
            "git+@0123456789abcdef0123456789abcdef01234567",
            "hg+https://h/x@0123456789abcdef0123456789abcdef01234567",
            "https://h/x, in ../y",
            "https://h/x, in /y",
            "https://h/x, in a&egg=b",
            "https://h/${HOME}",
            "https://h/x\\",
        ] {
            assert_eq!(of(origin), Err(Reason::Origin), "{origin}");
        }
        for (name, version) in [
            ("", "1"),
            ("-r", "1"),
            ("a b", "1"),
            ("a[x]", "1"),
            ("a\n-r b", "1"),
            ("ä", "1"),
            ("a-", "1"),
            ("a", ""),
            ("a", "1 --hash=x"),
            ("a", "1;x"),
            ("a", "1\n2"),
            ("a", "*"),
            ("a", "1.*"),
            ("a", "-1"),
            ("a", "1,<2"),
        ] {
            assert_eq!(line(&package("pypi", name, version, None)), Err(Reason::Unsound), "{name} {version}");
        }
    }

    /// What is written is what pip reads, by pip's own reader.
    #[test]
    fn pip_reads_it() {
        let packages = [
            package("pypi", "numpy", "1.26.4", None),
            package("pypi", "torch", "2.3.0+cu121", None),
            package("pypi", "odd", "1!2.0rc1.post1.dev2", None),
            package("pypi", "x", "1", Some(&format!("git+https://h/x.git@{COMMIT}, in py"))),
            package("pypi", "y", "1", Some("https://h/y-1-py3-none-any.whl#sha256=ab")),
        ];
        const SCRIPT: &str = "\
import sys
from pip._internal.network.session import PipSession
from pip._internal.req.req_file import parse_requirements
from pip._internal.req.constructors import install_req_from_parsed_requirement as made
for line in parse_requirements(sys.argv[1], session=PipSession()):
    it = made(line)
    print(it.name, it.link.url if it.link else it.specifier)";
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("requirements.txt");
        std::fs::write(&file, requirements(&packages).text).unwrap();
        let output = std::process::Command::new("python3").args(["-I", "-c", SCRIPT]).arg(&file).output();
        let Some(output) = output.ok().filter(|output| output.status.success()) else {
            crate::skip::skipped("there is no python3 with a pip that could read requirements");
            return;
        };
        let expected = format!(
            "numpy ==1.26.4\ntorch ==2.3.0+cu121\nodd ==1!2.0rc1.post1.dev2\n\
            x git+https://h/x.git@{COMMIT}#subdirectory=py\ny https://h/y-1-py3-none-any.whl#sha256=ab\n"
        );
        assert_eq!(String::from_utf8_lossy(&output.stdout).replace("\r\n", "\n"), expected);
    }

    proptest! {
        /// Whatever is recorded, each package is either left out or one line that begins with its name.
        #[test]
        fn a_package_is_a_line_or_left_out(
            name in "[a-z\\-_. \n\u{e4}]{0,6}", version in "[0-9a.+!\n; *-]{0,6}",
            origin in proptest::option::of("(git\\+)?(https?|ssh|file)://[a-z/@#=.,\n \\-;$]{0,20}(@[0-9a-f]{40})?"),
        ) {
            let found = requirements(&[package("pypi", &name, &version, origin.as_deref())]);
            prop_assert_eq!(found.count + found.left_out.len(), 1);
            prop_assert_eq!(found.text.lines().count(), found.count);
            let plain = |c: char| c == ' ' || c.is_ascii_graphic() && !"\\$;'\"`".contains(c);
            let is_sound = |line: &str| line.starts_with(|c: char| c.is_ascii_alphanumeric()) && line.chars().all(plain);
            prop_assert!(found.text.lines().all(is_sound), "{:?}", found.text);
        }
    }
}
