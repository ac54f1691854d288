//! Order of version numbers, near enough to PEP 440 and semantic versions to class a change.

use crate::diff::packages::VersionChange;

/// A version as far as it is understood: `[epoch!]release[pre][.postN][.devN][+local]`.
#[derive(Debug, PartialEq, Eq)]
struct Version<'a> {
    epoch: u64,
    /// Release numbers without trailing zeros.
    release: Vec<u64>,
    stage: Stage<'a>,
}

/// What follows the release numbers, in the order in which it comes.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage<'a> {
    /// Development releases, then alpha, beta and candidates, by letter and number.
    Before(u8, u64),
    Release,
    After(u64),
    /// Something else, such as a local version: not ordered.
    Local(&'a str),
}

fn parse(text: &str) -> Option<Version<'_>> {
    let text = text.trim().trim_start_matches(['v', 'V']);
    let (epoch, text) = match text.split_once('!') {
        Some((epoch, rest)) => (epoch.parse().ok()?, rest),
        None => (0, text),
    };
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let numbers = text[..end].trim_end_matches('.');
    let mut release = numbers.split('.').map(|number| number.parse().ok()).collect::<Option<Vec<u64>>>()?;
    while release.len() > 1 && release.last() == Some(&0) {
        release.pop();
    }
    Some(Version { epoch, release, stage: stage(&text[end..]) })
}

fn stage(rest: &str) -> Stage<'_> {
    let word = rest.trim_start_matches(['-', '.', '_']);
    if word.is_empty() {
        return Stage::Release;
    }
    let letters = word.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(word.len());
    let digits = word[letters..].trim_start_matches(['-', '.', '_']);
    let number =
        digits[..digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len())].parse().unwrap_or(0);
    match word[..letters].to_ascii_lowercase().as_str() {
        "dev" => Stage::Before(0, number),
        "a" | "alpha" => Stage::Before(1, number),
        "b" | "beta" => Stage::Before(2, number),
        "rc" | "c" | "pre" | "preview" => Stage::Before(3, number),
        "post" | "r" | "rev" => Stage::After(number),
        _ => Stage::Local(rest),
    }
}

/// The class of a change between two versions that differ as text.
pub(super) fn classify(old: &str, new: &str) -> VersionChange {
    let (Some(a), Some(b)) = (parse(old), parse(new)) else { return VersionChange::Other };
    let number = |version: &Version<'_>, at: usize| version.release.get(at).copied().unwrap_or(0);
    if (b.epoch, &b.release) < (a.epoch, &a.release) {
        return VersionChange::Downgrade;
    }
    let first = (0..a.release.len().max(b.release.len())).find(|at| number(&a, *at) != number(&b, *at));
    match first {
        _ if a.epoch != b.epoch => VersionChange::Major,
        Some(0) => VersionChange::Major,
        Some(1) => VersionChange::Minor,
        Some(2) => VersionChange::Patch,
        Some(_) => VersionChange::Other,
        None if matches!((&a.stage, &b.stage), (Stage::Local(_), _) | (_, Stage::Local(_))) => {
            VersionChange::Other
        }
        None if b.stage < a.stage => VersionChange::Downgrade,
        None => VersionChange::Other,
    }
}

/// Whether what uses one version may not work with the other, by its numbers: the epoch or the first release number
/// is another, or the second where the first is 0. Of what is not a number nothing can be promised.
pub(super) fn is_breaking(old: &str, new: &str) -> bool {
    let (Some(a), Some(b)) = (parse(old), parse(new)) else { return old != new };
    let number = |version: &Version<'_>, at: usize| version.release.get(at).copied().unwrap_or(0);
    let second = number(&a, 0) == 0 && number(&a, 1) != number(&b, 1);
    a.epoch != b.epoch || number(&a, 0) != number(&b, 0) || second
}

#[cfg(test)]
mod tests {
    use super::*;
    use VersionChange::*;

    #[test]
    fn versions_are_classed() {
        let cases = [
            ("1.2.3", "2.0.0", Major),
            ("1.2.3", "1.3", Minor),
            ("1.2.3", "1.2.4", Patch),
            ("1.2.3.1", "1.2.3.2", Other),
            ("1.10", "1.9", Downgrade),
            ("2.0", "1.99", Downgrade),
            ("1.0", "1.0.0", Other),
            ("1.0", "1!0.5", Major),
            ("1!1.0", "2.0", Downgrade),
            ("1.0rc1", "1.0", Other),
            ("1.0", "1.0rc1", Downgrade),
            ("1.0.dev3", "1.0a1", Other),
            ("1.0", "1.0.post1", Other),
            ("1.0.post2", "1.0.post1", Downgrade),
            ("2.3.0+cu118", "2.3.0+cu121", Other),
            ("2.3.0+cu118", "2.4.0+cu121", Minor),
            ("v1.2.0", "v1.2.1", Patch),
            ("0.1.0", "0.2.0", Minor),
            ("master", "main", Other),
            ("", "1.0", Other),
            ("99999999999999999999999", "1", Other),
        ];
        for (old, new, expected) in cases {
            assert_eq!(classify(old, new), expected, "{old} to {new}");
        }
    }

    #[test]
    fn what_may_break() {
        for (a, b, expected) in [
            ("1.2", "2.0", true),
            ("2.0", "1.2", true),
            ("0.1", "0.2", true),
            ("0.1.1", "0.1.2", false),
            ("1.2", "1.3", false),
            ("1.0", "1!1.0", true),
            ("main", "main", false),
            ("main", "1.0", true),
        ] {
            assert_eq!([is_breaking(a, b), is_breaking(b, a)], [expected; 2], "{a} and {b}");
        }
    }
}
