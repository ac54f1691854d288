//! Names, valid once built: refs, parts, entries of a tree, and paths made of them.
//!
//! The rules for names of files are the same on every operating system, so that what one machine
//! recorded every other can check out, and no name that arrives from elsewhere can leave the work tree.

use std::fmt;

/// Why a text cannot be a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum NameError {
    #[error("it is empty")]
    Empty,
    #[error("it is longer than {0} bytes")]
    TooLong(usize),
    #[error("it is '.' or '..'")]
    Dots,
    #[error("it has the character {0:?}")]
    Character(char),
    #[error("it starts with '-'")]
    Dash,
    #[error("it ends with a dot or a space")]
    TrailingDot,
    #[error("it is reserved for mdl or git")]
    Reserved,
    #[error("\"..\" in it would make it a range of revisions")]
    Range,
    #[error("it is the name of a device on Windows")]
    Device,
    #[error("it is an absolute path")]
    Absolute,
    #[error("it looks like an id")]
    LooksLikeId,
}

/// Whether a character has no width or turns the direction of writing, so that it can disguise a name.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{ad}')
}

/// Devices that Windows finds in every folder, whatever extension follows them.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_uppercase();
    if matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$") {
        return true;
    }
    let Some(rest) = stem.strip_prefix("COM").or_else(|| stem.strip_prefix("LPT")) else { return false };
    let mut chars = rest.chars();
    matches!(chars.next(), Some('0'..='9' | '¹' | '²' | '³')) && chars.next().is_none()
}

/// Folders of tools that trust what lies in them, with the short names Windows has for them.
fn is_reserved(name: &str) -> bool {
    let folded: String = name.chars().filter(|c| !is_invisible(*c)).collect::<String>().to_lowercase();
    let folded = folded.split(':').next().unwrap_or_default().trim_end_matches(['.', ' ']);
    matches!(folded, ".mdl" | ".git") || folded.starts_with("mdl~") || folded.starts_with("git~")
}

macro_rules! text_name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = NameError;

            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }
    };
}

text_name! {
    /// The name of a file or directory within its directory.
    EntryName
}

impl EntryName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 255;

    /// Checks a name.
    pub fn new(text: &str) -> Result<Self, NameError> {
        Self::check(text)?;
        Ok(Self(text.into()))
    }

    fn check(text: &str) -> Result<(), NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX_LEN {
            return Err(NameError::TooLong(Self::MAX_LEN));
        }
        if text == "." || text == ".." {
            return Err(NameError::Dots);
        }
        if let Some(c) = text.chars().find(|c| matches!(c, '/' | '\\') || c.is_control() || is_invisible(*c))
        {
            return Err(NameError::Character(c));
        }
        if is_reserved(text) {
            return Err(NameError::Reserved);
        }
        if text.ends_with(['.', ' ']) {
            return Err(NameError::TrailingDot);
        }
        if is_device(text) {
            return Err(NameError::Device);
        }
        Ok(())
    }
}

text_name! {
    /// A path below the root of the work tree: entry names joined by `/`, never empty, never absolute.
    TreePath
}

impl TreePath {
    /// The longest path, in bytes.
    pub const MAX_LEN: usize = 4096;

    /// Checks a path.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.starts_with('/') {
            return Err(NameError::Absolute);
        }
        if text.len() > Self::MAX_LEN {
            return Err(NameError::TooLong(Self::MAX_LEN));
        }
        text.split('/').try_for_each(EntryName::check)?;
        Ok(Self(text.into()))
    }

    /// This path with one more name below it.
    pub fn join(&self, name: &EntryName) -> Self {
        Self(format!("{}/{}", self.0, name).into())
    }

    /// The names that the path is made of, topmost first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.split('/')
    }

    /// The last name of the path.
    pub fn file_name(&self) -> &str {
        self.0.rsplit('/').next().unwrap_or(&self.0)
    }

    /// Whether this path is `other` or lies below it.
    pub fn is_within(&self, other: &TreePath) -> bool {
        self.0.strip_prefix(&*other.0).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}

text_name! {
    /// The name of a branch or tag, such as `main` or `feature/wider`.
    RefName
}

impl RefName {
    /// The longest name, in bytes, of which all but `a-z0-9-_.` count for three: escaped, it is the name of a folder.
    pub const MAX_LEN: usize = 240;

    /// Checks a name. Characters that have a meaning in revisions (`~^:@{}*?[`) are refused, as in git.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        let weight =
            |byte| if matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.') { 1 } else { 3 };
        if text.bytes().map(weight).sum::<usize>() > Self::MAX_LEN {
            return Err(NameError::TooLong(Self::MAX_LEN));
        }
        if text.starts_with('-') {
            return Err(NameError::Dash);
        }
        if text == "HEAD" {
            return Err(NameError::Reserved);
        }
        if text.len() == 64 && text.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(NameError::LooksLikeId);
        }
        let special = |c: char| {
            c.is_whitespace()
                || matches!(c, '~' | '^' | ':' | '@' | '{' | '}' | '*' | '?' | '[' | ']' | '%' | '"' | '\'')
        };
        if let Some(c) = text.chars().find(|c| special(*c)) {
            return Err(NameError::Character(c));
        }
        text.split('/').try_for_each(EntryName::check)?;
        Ok(Self(text.into()))
    }

    /// Checks a name that is given to something new. `a..b` is a range where revisions are written. A ref that has such a
    /// name is read all the same: earlier versions of mdl gave them.
    ///
    /// # Errors
    /// If the name is a range.
    pub fn check_new(&self) -> Result<(), NameError> {
        if self.0.contains("..") { Err(NameError::Range) } else { Ok(()) }
    }
}

text_name! {
    /// The name of a remote: one component of what its branches are called here, such as `origin` in `origin/main`.
    RemoteName
}

impl RemoteName {
    /// Checks a name: that of a ref, of at most 60 bytes and without `/`.
    pub fn new(text: &str) -> Result<Self, NameError> {
        RefName::new(text)?;
        if text.len() > 60 {
            return Err(NameError::TooLong(60));
        }
        if text.contains('/') { Err(NameError::Character('/')) } else { Ok(Self(text.into())) }
    }
}

text_name! {
    /// The name of a dataset, feature set or output, as the manifest gives it.
    PartName
}

impl PartName {
    /// Checks a name: letters, digits, `-`, `_`, and dots that are not at its start.
    pub fn new(text: &str) -> Result<Self, NameError> {
        if text.starts_with('-') {
            return Err(NameError::Dash);
        }
        EntryName::check(text)?;
        let plain = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.');
        if let Some(c) = text.chars().find(|c| !plain(*c)) {
            return Err(NameError::Character(c));
        }
        if text.starts_with('.') {
            return Err(NameError::Dots);
        }
        Ok(Self(text.into()))
    }
}

text_name! {
    /// The id of a run: a ULID in lower case. Sorted as text, runs are in the order in which they began.
    RunId
}

impl RunId {
    /// Characters of an id.
    pub const LEN: usize = 26;
    /// Crockford's digits: without `i`, `l`, `o`, `u`.
    const DIGITS: &'static [u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

    /// The id of a run that began so many milliseconds after 1970-01-01 UTC, told from others by 80 random bits.
    pub fn from_parts(millis: u64, random: [u8; 10]) -> Self {
        let random = random.iter().fold(0u128, |bits, byte| bits << 8 | u128::from(*byte));
        let bits = u128::from(millis & 0xffff_ffff_ffff) << 80 | random;
        let digit = |at: usize| Self::DIGITS[(bits >> (5 * (Self::LEN - 1 - at))) as usize & 31];
        Self((0..Self::LEN).map(|at| char::from(digit(at))).collect::<String>().into())
    }

    /// Checks an id.
    pub fn new(text: &str) -> Result<Self, NameError> {
        // The digits again, as ranges: of ids there may be a hundred thousand at once.
        let is_digit =
            |c: &char| matches!(c, '0'..='9' | 'a'..='h' | 'j' | 'k' | 'm' | 'n' | 'p'..='t' | 'v'..='z');
        if let Some(c) = text.chars().find(|c| !is_digit(c)) {
            return Err(NameError::Character(c));
        }
        // The first digit has three bits: an id has 128.
        let fits = text.len() == Self::LEN && text.as_bytes()[0] <= b'7';
        if fits { Ok(Self(text.into())) } else { Err(NameError::TooLong(Self::LEN)) }
    }

    /// When the run began, in milliseconds since 1970-01-01 UTC, as its maker's clock had it.
    pub fn millis(&self) -> u64 {
        let value = |c: u8| Self::DIGITS.iter().position(|digit| *digit == c).unwrap_or_default() as u64;
        self.0.bytes().take(10).fold(0, |millis, c| millis << 5 | value(c))
    }

    /// As much of the id as people read and type: its last eight characters, which are random.
    pub fn short(&self) -> &str {
        &self.0[Self::LEN - 8..]
    }
}

impl From<&RunId> for RefName {
    /// The name of the ref that tells of a run: its id, which no rule for names refuses.
    fn from(id: &RunId) -> Self {
        Self(id.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_entry_names_are_refused() {
        let hostile = [
            "",
            ".",
            "..",
            "a/b",
            "a\\b",
            "/etc",
            ".mdl",
            ".MDL",
            ".m\u{200d}dl",
            ".mdl.",
            ".mdl ",
            "MDL~1",
            ".git",
            ".git::$INDEX_ALLOCATION",
            "git~1",
            "CON",
            "nul.txt",
            "COM¹",
            "lpt9.log",
            "a\0",
            "a\nb",
            "a\r",
            "x.",
            "x ",
            "\u{202e}txt",
        ];
        for name in hostile {
            assert!(EntryName::new(name).is_err(), "{name:?} was accepted");
        }
        assert_eq!(EntryName::new(&"x".repeat(256)), Err(NameError::TooLong(255)));
        for name in ["a", "a b", ".gitignore", ".github", "Ärger.csv", "com10", "console.log", "x..y", "-rf"]
        {
            assert!(EntryName::new(name).is_ok(), "{name:?} was refused");
        }
    }

    #[test]
    fn paths_stay_inside() {
        for path in ["", "/a", "a//b", "a/../b", "../a", "a/", "a/.git/hooks/pre-commit"] {
            assert!(TreePath::new(path).is_err(), "{path:?} was accepted");
        }
        let path = TreePath::new("data/train.csv").unwrap();
        assert!(path.is_within(&TreePath::new("data").unwrap()));
        assert!(!path.is_within(&TreePath::new("dat").unwrap()));
        assert_eq!(path.file_name(), "train.csv");
    }

    #[test]
    fn run_ids_are_ulids() {
        let id = RunId::from_parts(1_469_918_176_385, [0xff; 10]);
        assert_eq!(id.as_str(), "01aryz6s41zzzzzzzzzzzzzzzz");
        assert_eq!((id.millis(), id.short()), (1_469_918_176_385, "zzzzzzzz"));
        assert!(id < RunId::from_parts(1_469_918_176_386, [0; 10]));
        assert_eq!(RefName::new(id.as_str()), Ok(RefName::from(&id)));
        assert_eq!(RunId::new(id.as_str()), Ok(id));
        for text in
            ["", "01aryz6s41zzzzzzzzzzzzzzz", "81aryz6s41zzzzzzzzzzzzzzzz", "01ARYZ6S41ZZZZZZZZZZZZZZZZ", "é"]
        {
            assert!(RunId::new(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn ref_names_follow_git() {
        for name in ["main", "feature/wider", "v1.0", "ünï"] {
            assert!(RefName::new(name).is_ok(), "{name:?} was refused");
        }
        for name in ["", "-x", "a b", "a..", "a~1", "HEAD", "../../config", "a//b", "a:b", "a@{1}"] {
            assert!(RefName::new(name).is_err(), "{name:?} was accepted");
        }
    }
}
