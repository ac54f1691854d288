//! Keeps the architecture true: reads `src/` and fails with `file:line` and the rule that was broken.
//!
//! The rules are those of `docs/architecture.md`. Tests inside `src/` are free of all but the bound on length.

#[path = "architecture/source.rs"]
mod source;

use std::collections::BTreeMap;
use std::path::Path;

use source::{CodePath, Source, floors, functions, paths, read, test_files, tokens};

/// Files that may use `unsafe`, each for a reason that stands beside it.
const UNSAFE: &[&str] = &[
    "store/index.rs",
    // Functions of a library that is loaded at run time have no types but those that we say.
    "capture/cuda.rs",
    // What a process inherited has no owner but its number.
    "launch/forward.rs",
];

/// A rule: says every (line, reason) where a file breaks it.
type Rule = fn(&Source, &House) -> Vec<(usize, String)>;

const RULES: &[(&str, Rule)] = &[
    ("a module uses only floors below its own", uses_only_floors_below),
    ("paths are written in full, from the crate", paths_are_full),
    ("pure floors touch nothing outside", pure_floors_are_pure),
    ("only the terminal prints", only_the_terminal_prints),
    ("nothing is left to do", nothing_is_left_to_do),
    ("only `disk` changes a file system", only_disk_writes),
    ("only buckets are asynchronous", only_buckets_are_async),
    ("`unsafe` only where it is allowed", unsafe_is_listed),
    ("a file opens with what it is", files_have_headers),
    ("a file has at most 600 lines", files_are_short),
];

/// What `lib.rs` says.
struct House {
    floors: BTreeMap<String, usize>,
    /// Floors below this number are pure.
    pure: usize,
}

impl House {
    fn new(lib: &str) -> Self {
        let (floors, pure) = floors(lib);
        Self { floors, pure }
    }

    fn is_pure(&self, module: &str) -> bool {
        self.floors.get(module).is_some_and(|floor| *floor < self.pure)
    }
}

fn is_entrance(source: &Source) -> bool {
    matches!(source.path.as_str(), "lib.rs" | "main.rs")
}

/// The paths of a file for which a reason not to be there is found.
fn offending(source: &Source, reason: impl Fn(&CodePath) -> Option<String>) -> Vec<(usize, String)> {
    paths(&source.code).iter().filter_map(|path| Some((path.line, reason(path)?))).collect()
}

fn uses_only_floors_below(source: &Source, house: &House) -> Vec<(usize, String)> {
    if is_entrance(source) {
        return Vec::new();
    }
    let own = source.module();
    let Some(floor) = house.floors.get(own) else {
        return vec![(1, format!("`{own}` is not declared in lib.rs"))];
    };
    offending(source, |path| {
        let other = path.names.get(1).filter(|_| path.names[0] == "crate")?;
        match house.floors.get(other) {
            _ if other == own => None,
            Some(below) if below < floor => None,
            Some(above) if above > floor => Some(format!("`{own}` uses `{other}`, which is above it")),
            Some(_) => Some(format!("`{own}` uses its sibling `{other}`")),
            None => Some(format!("`crate::{other}` is not a module of lib.rs")),
        }
    })
}

fn paths_are_full(source: &Source, _: &House) -> Vec<(usize, String)> {
    if is_entrance(source) {
        return Vec::new();
    }
    offending(source, |path| {
        let (first, import) = (path.names[0].as_str(), path.import);
        let climbs = path.names.iter().filter(|name| *name == "super").count();
        if climbs > 1 || (climbs == 1 && source.is_module_root()) {
            return Some(format!("`{}` climbs: write `crate::…`", path.text()));
        }
        let import = import?;
        // `use super::*` brings a module within a file what is in the file.
        let ours = matches!(first, "crate" | "self") || (first == "super" && !is_indented(source, path.line));
        if ours && path.names.last().is_some_and(|name| name == "*") {
            return Some(format!("`use {}` hides what is used", path.text()));
        }
        if first == "crate" && path.names.len() == 1 {
            return Some("`use crate` under another name hides what is used".to_owned());
        }
        let foreign = first == "crate" && path.names.get(1).is_some_and(|other| other != source.module());
        (foreign && import.public).then(|| format!("`{}` is made public again: it has one path", path.text()))
    })
}

fn is_indented(source: &Source, line: usize) -> bool {
    source.code.lines().nth(line - 1).is_some_and(|line| line.starts_with(' '))
}

fn pure_floors_are_pure(source: &Source, house: &House) -> Vec<(usize, String)> {
    const OUTSIDE: &[&str] = &[
        "std::fs",
        "std::net",
        "std::env",
        "std::process",
        "std::os",
        "std::time::SystemTime",
        "std::time::Instant",
        "rand",
        "getrandom",
        "rustix",
        "memmap2",
        "sysinfo",
    ];
    const NAMES: &[&str] = &["File", "SystemTime", "Instant", "RandomState", "Timestamp"];
    if !house.is_pure(source.module()) {
        return Vec::new();
    }
    offending(source, |path| {
        let outside = OUTSIDE.iter().any(|outside| path.starts_with(outside));
        // `File::open` is a file; `Node::File` is a variant of ours.
        let associated = path.import.is_none() && NAMES.contains(&path.names[0].as_str());
        let module = path.import.is_none() && matches!(path.names[0].as_str(), "fs" | "env" | "process");
        (outside || associated || module).then(|| format!("`{}` in a pure floor", path.text()))
    })
}

fn macros<'a>(source: &Source, names: &'a [&'a str]) -> Vec<(usize, String)> {
    let tokens = tokens(&source.code);
    let pairs = tokens.iter().zip(tokens.iter().skip(1));
    pairs
        .filter(|((_, name), (_, bang))| bang == "!" && names.contains(&name.as_str()))
        .map(|((line, name), _)| (*line, format!("`{name}!`")))
        .collect()
}

fn only_the_terminal_prints(source: &Source, _: &House) -> Vec<(usize, String)> {
    let is_terminal = source.path.starts_with("cli/terminal.rs") || source.path.starts_with("cli/terminal/");
    if is_terminal || source.path == "main.rs" {
        return Vec::new();
    }
    let streams = offending(source, |path| {
        let stream = path.names.iter().any(|name| matches!(name.as_str(), "stdout" | "stderr"));
        (stream && path.names.iter().any(|name| matches!(name.as_str(), "io" | "anstream" | "std")))
            .then(|| format!("`{}`", path.text()))
    });
    [macros(source, &["print", "println", "eprint", "eprintln"]), streams].concat()
}

fn nothing_is_left_to_do(source: &Source, _: &House) -> Vec<(usize, String)> {
    macros(source, &["todo", "unimplemented", "dbg"])
}

fn only_disk_writes(source: &Source, _: &House) -> Vec<(usize, String)> {
    const FUNCTIONS: &[&str] = &[
        "write",
        "copy",
        "rename",
        "remove_file",
        "remove_dir",
        "remove_dir_all",
        "create_dir",
        "create_dir_all",
        "set_permissions",
        "hard_link",
        "symlink",
        "symlink_file",
        "symlink_dir",
        "DirBuilder",
        // of rustix
        "renameat",
        "renameat_with",
        "link",
        "linkat",
        "unlink",
        "unlinkat",
        "mkdir",
        "mkdirat",
        "symlinkat",
        "chmod",
        "chmodat",
        "fchmod",
        "ftruncate",
        "fallocate",
    ];
    const FLAGS: &[&str] = &["WRONLY", "RDWR", "CREATE", "APPEND", "TRUNC", "TMPFILE"];
    if source.module() == "disk" {
        return Vec::new();
    }
    let paths = offending(source, |path| {
        let text = path.text();
        let pairs = path.names.iter().zip(path.names.iter().skip(1));
        let changes = pairs.clone().any(|(place, name)| {
            let place_is_files = matches!(place.as_str(), "fs" | "unix" | "windows");
            (place_is_files && FUNCTIONS.contains(&name.as_str()))
                || (place == "File" && matches!(name.as_str(), "create" | "create_new" | "options"))
                || (place == "OFlags" && FLAGS.contains(&name.as_str()))
        });
        let renamed = path.import.is_some_and(|import| import.renamed);
        if renamed && matches!(text.as_str(), "std::fs" | "std::fs::File" | "rustix::fs") {
            return Some(format!("`{text}` under another name"));
        }
        let everything = matches!(text.as_str(), "std::fs::*" | "rustix::fs::*");
        (changes || everything).then(|| format!("`{text}`"))
    });
    [paths, opened_for_writing(source)].concat()
}

/// Where a file that knows `OpenOptions` opens for more than reading.
fn opened_for_writing(source: &Source) -> Vec<(usize, String)> {
    let tokens = tokens(&source.code);
    if !tokens.iter().any(|(_, token)| token == "OpenOptions") {
        return Vec::new();
    }
    let calls = tokens.windows(4).filter(|window| {
        let [dot, method, open, argument] = [0, 1, 2, 3].map(|i| window[i].1.as_str());
        let opens = match method {
            "create" | "create_new" => true,
            // These are methods of texts, lists and writers too, which take something else.
            "write" | "append" | "truncate" => argument == "true",
            _ => false,
        };
        dot == "." && open == "(" && opens
    });
    calls.map(|window| (window[1].0, format!("`.{}(…)` beside `OpenOptions`", window[1].1))).collect()
}

fn only_buckets_are_async(source: &Source, _: &House) -> Vec<(usize, String)> {
    const NAMES: &[&str] =
        &["async", "await", "async_trait", "futures_util", "tokio", "object_store", "reqwest", "rustls"];
    if source.path.starts_with("storage/bucket/") {
        return Vec::new();
    }
    let tokens = tokens(&source.code);
    let found = tokens.iter().filter(|(_, token)| NAMES.contains(&token.as_str()));
    found.map(|(line, token)| (*line, format!("`{token}`"))).collect()
}

fn unsafe_is_listed(source: &Source, _: &House) -> Vec<(usize, String)> {
    if UNSAFE.contains(&source.path.as_str()) {
        return Vec::new();
    }
    let tokens = tokens(&source.code);
    tokens.iter().filter(|(_, token)| token == "unsafe").map(|(line, _)| (*line, "`unsafe`".into())).collect()
}

fn files_have_headers(source: &Source, _: &House) -> Vec<(usize, String)> {
    let has = source.text.starts_with("//! ");
    if has { Vec::new() } else { vec![(1, "the first line is not a `//!`".to_owned())] }
}

fn files_are_short(source: &Source, _: &House) -> Vec<(usize, String)> {
    let lines = source.line_count();
    if lines <= 600 { Vec::new() } else { vec![(lines, format!("it has {lines} lines"))] }
}

/// Everything that is broken, a line each.
fn broken(sources: &[Source], house: &House) -> Vec<String> {
    let mut out = Vec::new();
    for source in sources {
        for (rule, check) in RULES {
            let places = check(source, house);
            out.extend(
                places.iter().map(|(line, why)| format!("src/{}:{line}: {why} ({rule})", source.path)),
            );
        }
    }
    out
}

/// The value below which this share of the values lies.
fn percentile(mut values: Vec<usize>, share: usize) -> usize {
    values.sort_unstable();
    let at = (values.len() * share).div_ceil(100);
    at.checked_sub(1).and_then(|at| values.get(at)).copied().unwrap_or(0)
}

fn crate_sources() -> (Vec<Source>, House) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let lib = std::fs::read_to_string(root.join("lib.rs")).expect("lib.rs can be read");
    (read(&root), House::new(&lib))
}

#[test]
fn the_house_stands() {
    let (sources, house) = crate_sources();
    assert!(sources.len() > 30 && house.pure > 0, "the sources were not found");
    let broken = broken(&sources, &house);
    assert!(broken.is_empty(), "{} rules broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn the_list_of_unsafe_files_is_not_longer_than_needed() {
    let (sources, _) = crate_sources();
    for listed in UNSAFE {
        let used = sources.iter().any(|source| {
            source.path == *listed && tokens(&source.code).iter().any(|(_, token)| token == "unsafe")
        });
        assert!(used, "{listed} is allowed `unsafe` and has none");
    }
}

#[test]
fn files_and_functions_stay_short() {
    let (sources, _) = crate_sources();
    let files: Vec<usize> = sources.iter().map(Source::line_count).collect();
    let functions: Vec<usize> =
        sources.iter().flat_map(|source| functions(&source.code)).map(|(_, lines)| lines).collect();
    let [median, p95] = [50, 95].map(|share| percentile(files.clone(), share));
    let function = percentile(functions, 95);
    println!(
        "lines of a file: median {median}, 95th percentile {p95}; 95th percentile of a function {function}"
    );
    assert!(median <= 150, "the median file has {median} lines, more than 150");
    assert!(p95 <= 400, "the 95th percentile of files has {p95} lines, more than 400");
    assert!(function <= 40, "the 95th percentile of functions has {function} lines, more than 40");
}

/// The rules themselves: each must fail on what it forbids, and only on that.
mod rules_can_fail {
    use super::*;

    const LIB: &str = "//! A crate.\n\npub mod id;\npub mod name;\n\npub mod object;\n\n\
        // Pure above this line: nothing.\npub mod disk;\n\npub mod storage;\n\npub mod store;\npub mod refs;\n\n#[cfg(feature = \"cli\")]\npub mod cli;\n";

    /// What is broken in a file of this path with this code, without the header.
    fn check(path: &str, code: &str) -> Vec<String> {
        broken(&[Source::new(path, &format!("//! It is.\n{code}"))], &House::new(LIB))
    }

    #[track_caller]
    fn fails(path: &str, code: &str, expected: &str) {
        let found = check(path, code);
        assert!(found.iter().any(|line| line.contains(expected)), "{path}: {code}\nfound: {found:?}");
    }

    #[track_caller]
    fn passes(path: &str, code: &str) {
        assert_eq!(check(path, code), Vec::<String>::new(), "{path}: {code}");
    }

    #[test]
    fn floors_are_groups_of_mod_lines() {
        let house = House::new(LIB);
        let floor = |name: &str| house.floors[name];
        assert_eq!([floor("id"), floor("name")], [floor("object") - 1; 2]);
        assert_eq!(floor("store"), floor("refs"));
        assert!(floor("cli") > floor("store"));
        assert!(house.is_pure("object") && !house.is_pure("disk"));
    }

    #[test]
    fn upward_and_sideways_uses() {
        fails("id.rs", "use crate::object::Tree;", "src/id.rs:2: `id` uses `object`, which is above it");
        fails(
            "store/pack.rs",
            "fn f() {\n    crate::refs::read();\n}",
            "pack.rs:3: `store` uses its sibling",
        );
        fails("object/mod.rs", "use crate::{id::Digest, store::{self, Pack}};", "uses `store`");
        fails("object/mod.rs", "macro_rules! m { () => { $crate::cli::x() } }", "uses `cli`");
        fails("store/mod.rs", "use crate::Everything;", "is not a module");
        fails("attic.rs", "", "`attic` is not declared");
        passes("store/mod.rs", "use crate::{id::Digest, object};\nuse crate::store::pack;");
        passes(
            "id.rs",
            "// crate::store\n/* crate::cli */ const A: &str = \"crate::cli\"; const B: &str = r#\"crate::cli\"#;",
        );
        passes("id.rs", "#[cfg(test)]\nmod tests {\n    use super::*;\n    use crate::store::Pack;\n}");
        fails("id.rs", "#[cfg(test)]\nmod tests {}\nuse crate::store::Pack;", "src/id.rs:4");
        fails("id.rs", "const C: char = '\"'; use crate::cli::A; const D: char = '\"';", "uses `cli`");
        fails("id.rs", "fn f<'a>(x: &'a str) { crate::cli::g() }", "uses `cli`");
    }

    #[test]
    fn bent_paths() {
        fails("store/pack.rs", "use super::super::refs::Ref;", "climbs");
        fails("store/mod.rs", "use super::refs::Ref;", "climbs");
        fails("store/mod.rs", "use crate::id::*;", "hides");
        fails("store/pack.rs", "use super::{index::*, Pack};", "hides");
        fails("store/mod.rs", "use crate as house;", "hides");
        fails("store/mod.rs", "pub use crate::id::Digest;", "made public again");
        fails("store/mod.rs", "pub(crate) use crate::id::{Digest, Kind};", "made public again");
        fails("store/pack.rs", "use super::*;", "hides");
        passes("store/pack.rs", "#[cfg(unix)]\nmod system {\n    use super::*;\n}");
        passes("store/pack.rs", "use super::Pack;\npub use crate::store::index::Index;");
        passes("store/mod.rs", "pub use pack::Pack;\npub(crate) use pack::frame;");
    }

    #[test]
    fn impure_floors() {
        for code in [
            "use std::{io, fs::File};",
            "use std::time::{Duration, Instant};",
            "fn f() { std::env::var(\"A\"); }",
            "fn f() { std::process::exit(1) }",
            "fn f() { File::open(\"x\"); }",
            "fn f() { getrandom::fill(&mut []); }",
            "use std::net::TcpStream;",
        ] {
            fails("object/tree.rs", code, "in a pure floor");
            passes("store/mod.rs", code);
        }
        passes("object/tree.rs", "use std::io::Read;\nuse std::time::Duration;\nfn f() { Node::File; }");
    }

    #[test]
    fn prints_and_leftovers() {
        for code in ["fn f() { println!(); }", "fn f() { eprint!(\"x\") }", "fn f() { std::io::stdout(); }"] {
            fails("store/mod.rs", code, "only the terminal prints");
            passes("cli/terminal.rs", code);
            passes("cli/terminal/progress.rs", code);
            passes("main.rs", code);
        }
        fails("cli/terminals.rs", "fn f() { println!(); }", "only the terminal prints");
        for code in ["fn f() { todo!() }", "fn f() { dbg!(1); }", "fn f() { unimplemented!(\"x\") }"] {
            fails("cli/terminal.rs", code, "nothing is left to do");
        }
        passes("store/mod.rs", "fn f() { writeln!(out, \"println!()\"); }");
    }

    #[test]
    fn writes_outside_disk() {
        for code in [
            "fn f() { std::fs::write(\"a\", \"b\"); }",
            "use std::fs;\nfn f() { fs::remove_dir_all(\"a\"); }",
            "use std::fs::rename;",
            "use std::fs::OpenOptions;\nfn f() { OpenOptions::new().create(true).open(a); }",
            "fn f() { rustix::fs::open(a, OFlags::WRONLY, mode); }",
            "use std::fs as files;",
            "use std::fs::*;",
            "fn f() { std::fs::File::create(\"a\"); }",
            "fn f() { std::os::unix::fs::symlink(\"a\", \"b\"); }",
            "fn f() { rustix::fs::unlinkat(a, b, c); }",
        ] {
            fails("store/mod.rs", code, "only `disk` changes a file system");
            passes("disk/real.rs", code);
        }
        passes(
            "store/mod.rs",
            "use std::fs;\nfn f() { fs::read(\"a\"); disk.rename(a, b); fs::File::open(a); }",
        );
    }

    #[test]
    fn asynchronous_code_outside_of_buckets() {
        for code in [
            "async fn f() {}",
            "fn f() { async { 1 }; }",
            "fn f() { g().await }",
            "use tokio::runtime::Runtime;",
            "fn f() { object_store::parse_url(a); }",
            "use reqwest as web;",
        ] {
            fails("storage/location.rs", code, "only buckets are asynchronous");
            fails("store/mod.rs", code, "only buckets are asynchronous");
            passes("storage/bucket/objects.rs", code);
        }
        passes("storage/location.rs", "// async\nfn f() { \"tokio\" }");
    }

    #[test]
    fn unsafe_headers_and_lengths() {
        fails("store/mod.rs", "fn f() { unsafe { g() } }", "`unsafe`");
        let allowed = Source::new(UNSAFE[0], "fn f() { unsafe { g() } }");
        assert_eq!(unsafe_is_listed(&allowed, &House::new(LIB)), []);
        passes("store/mod.rs", "#![forbid(unsafe_code)]");
        let bare = [Source::new("id.rs", "use std::fmt;\n")];
        assert!(broken(&bare, &House::new(LIB))[0].contains("`//!`"));
        fails("id.rs", &"\n".repeat(600), "it has 601 lines");
        passes("id.rs", &"\n".repeat(599));
    }

    #[test]
    fn files_of_tests_are_known() {
        let inline = "#[cfg(test)]\nmod tests {}\nmod real;\n";
        assert_eq!(test_files("store/mod.rs", inline), Vec::<String>::new());
        assert_eq!(test_files("store/mod.rs", "#[cfg(test)]\nmod tests;"), ["store/tests"]);
        assert_eq!(
            test_files("store/pack.rs", "// µ\n#[cfg(test)]\npub(crate) mod tests;"),
            ["store/pack/tests"]
        );
        let named = "// µ\n#[cfg(test)]\n#[path = \"pack_tests.rs\"]\nmod tests;";
        assert_eq!(test_files("store/pack.rs", named), ["store/pack_tests"]);
    }

    #[test]
    fn functions_are_measured() {
        let code = "trait T { fn none(&self); }\nfn a(x: [u8; 2]) -> u8 {\n  if x { 1 }\n}\nfn b() { let f: fn(u8) = g; }\n";
        assert_eq!(functions(code), [(2, 3), (5, 1)]);
        assert_eq!([percentile((1..=100).collect(), 95), percentile(vec![7], 50)], [95, 7]);
    }
}
