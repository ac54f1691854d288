//! Selectors: a part, or something within one, as a person writes it: `params.lr`, `datasets/train/x.csv`.

use std::fmt;
use std::str::FromStr;

use crate::name::{NameError, PartName, TreePath};
use crate::value::KeyPath;

/// A part of a definition or an outcome, in the order in which parts are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs)]
pub enum Part {
    Datasets,
    Params,
    Features,
    Code,
    Command,
    Seeds,
    Packages,
    System,
    Accelerators,
    Variables,
    Metrics,
    Outputs,
    Exit,
}

impl Part {
    /// Every part, in order.
    pub const ALL: [Part; 13] = [
        Part::Datasets,
        Part::Params,
        Part::Features,
        Part::Code,
        Part::Command,
        Part::Seeds,
        Part::Packages,
        Part::System,
        Part::Accelerators,
        Part::Variables,
        Part::Metrics,
        Part::Outputs,
        Part::Exit,
    ];
    /// The parts of a definition.
    pub const DEFINITION: &[Part] = Part::ALL.split_at(10).0;
    /// The parts of an environment.
    pub const ENVIRONMENT: [Part; 4] = [Part::Packages, Part::System, Part::Accelerators, Part::Variables];
    /// The parts of an outcome.
    pub const OUTCOME: [Part; 3] = [Part::Metrics, Part::Outputs, Part::Exit];

    /// The part's name, lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Part::Datasets => "datasets",
            Part::Features => "features",
            Part::Params => "params",
            Part::Code => "code",
            Part::Command => "command",
            Part::Seeds => "seeds",
            Part::Packages => "packages",
            Part::System => "system",
            Part::Accelerators => "accelerators",
            Part::Variables => "variables",
            Part::Metrics => "metrics",
            Part::Outputs => "outputs",
            Part::Exit => "exit",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A part, or something within one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Selector {
    text: String,
    parts: Vec<Part>,
    within: Within,
}

/// What of its part a selector means.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Within {
    /// All of it.
    All,
    /// A value of params, seeds or metrics, and those below it.
    Key(KeyPath),
    /// A dataset, feature set or output; of it, what lies at a path or the feature with this name.
    Named(PartName, Option<String>),
    /// Source files at or below a path.
    Path(TreePath),
    /// A package, a variable, or a field of the system or the accelerators (or those below it).
    Label(String),
}

/// Why a text selects nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum SelectorError {
    #[error("'{0}' is not a part of a definition or an outcome")]
    UnknownPart(String),
    #[error("'{0}' has nothing within it to select")]
    Whole(String),
    #[error("'{text}' does not name anything: {reason}")]
    Name { text: String, reason: NameError },
}

/// The parts that a word means.
fn parts_of(word: &str) -> Option<&'static [Part]> {
    Some(match word {
        "datasets" | "dataset" | "data" => &[Part::Datasets],
        "features" | "feature" => &[Part::Features],
        "params" | "param" => &[Part::Params],
        "code" => &[Part::Code],
        "command" => &[Part::Command],
        "seeds" | "seed" => &[Part::Seeds],
        "packages" | "package" => &[Part::Packages],
        "system" => &[Part::System],
        "accelerators" | "accelerator" => &[Part::Accelerators],
        "variables" | "variable" => &[Part::Variables],
        "metrics" | "metric" => &[Part::Metrics],
        "outputs" | "output" => &[Part::Outputs],
        "exit" => &[Part::Exit],
        "environment" | "env" => &Part::ENVIRONMENT,
        "outcome" => &Part::OUTCOME,
        "definition" => Part::DEFINITION,
        _ => return None,
    })
}

impl FromStr for Selector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        let text = text.trim_end_matches('/');
        let (head, rest) = match text.find(['.', '/']) {
            Some(at) => (&text[..at], Some(&text[at + 1..])),
            None => (text, None),
        };
        let parts = parts_of(head).ok_or_else(|| SelectorError::UnknownPart(head.to_owned()))?;
        let within = match (parts, rest) {
            (_, None) => Within::All,
            ([part], Some(rest)) => within(*part, text, rest)?,
            (_, Some(_)) => return Err(SelectorError::Whole(head.to_owned())),
        };
        Ok(Self { text: text.to_owned(), parts: parts.to_vec(), within })
    }
}

fn within(part: Part, text: &str, rest: &str) -> Result<Within, SelectorError> {
    let bad = |reason| SelectorError::Name { text: text.to_owned(), reason };
    if rest.is_empty() {
        return Err(bad(NameError::Empty));
    }
    match part {
        Part::Params | Part::Seeds | Part::Metrics => {
            let Ok(path) = rest.parse();
            Ok(Within::Key(path))
        }
        Part::Datasets | Part::Outputs | Part::Features => {
            let (name, below) = match rest.split_once('/') {
                Some((name, below)) => (name, Some(below.to_owned())),
                None => (rest, None),
            };
            if let (Some(path), true) = (&below, part != Part::Features) {
                TreePath::new(path).map_err(bad)?;
            }
            Ok(Within::Named(PartName::new(name).map_err(bad)?, below))
        }
        Part::Code => Ok(Within::Path(TreePath::new(rest).map_err(bad)?)),
        Part::Packages | Part::System | Part::Accelerators | Part::Variables => {
            Ok(Within::Label(rest.to_owned()))
        }
        Part::Command | Part::Exit => Err(SelectorError::Whole(part.name().to_owned())),
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl From<Part> for Selector {
    fn from(part: Part) -> Self {
        Self { text: part.name().to_owned(), parts: vec![part], within: Within::All }
    }
}

impl Selector {
    /// The parts that it is about: one, or all of an environment, outcome or definition.
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What of its part it means.
    pub fn within(&self) -> &Within {
        &self.within
    }

    /// Whether it means the whole of a part.
    pub fn covers(&self, part: Part) -> bool {
        self.within == Within::All && self.parts.contains(&part)
    }

    /// Whether a value at this path is meant.
    pub fn matches_key(&self, part: Part, path: &KeyPath) -> bool {
        self.covers(part)
            || self.parts.contains(&part) && matches!(&self.within, Within::Key(key) if path.is_within(key))
    }

    /// Whether a field, package or variable with this label is meant.
    pub fn matches_label(&self, part: Part, label: &str) -> bool {
        let below = |wanted: &str| {
            label.strip_prefix(wanted).is_some_and(|rest| {
                let exact = matches!(part, Part::Packages | Part::Variables);
                rest.is_empty() || (!exact && rest.starts_with('.'))
            })
        };
        self.covers(part)
            || self.parts.contains(&part) && matches!(&self.within, Within::Label(wanted) if below(wanted))
    }

    /// Whether something of the dataset, feature set or output with this name is meant.
    pub fn matches_name(&self, part: Part, name: &PartName) -> bool {
        self.covers(part)
            || self.parts.contains(&part)
                && matches!(&self.within, Within::Named(wanted, _) if wanted == name)
    }

    /// Whether the path (from the root of the named thing, empty for the root itself) is meant. For
    /// features, the path is a feature's name; for code, the name is `None`.
    pub fn matches_path(&self, part: Part, name: Option<&PartName>, path: &str) -> bool {
        let below = |wanted: &str| {
            path.strip_prefix(wanted)
                .is_some_and(|rest| rest.is_empty() || (part != Part::Features && rest.starts_with('/')))
        };
        self.covers(part)
            || self.parts.contains(&part)
                && match &self.within {
                    Within::Named(wanted, None) => Some(wanted) == name,
                    Within::Named(wanted, Some(at)) => Some(wanted) == name && below(at),
                    Within::Path(at) => below(at.as_str()),
                    _ => false,
                }
    }
}

/// Several selectors, any of which may match; everything where there are none.
#[derive(Clone, Copy)]
pub(super) struct Filter<'a>(&'a [Selector]);

impl<'a> Filter<'a> {
    pub(super) fn new(only: &'a [Selector]) -> Self {
        Self(only)
    }

    fn any(&self, matches: impl Fn(&Selector) -> bool) -> bool {
        self.0.is_empty() || self.0.iter().any(matches)
    }

    /// Whether anything of the part is wanted.
    pub(super) fn wants(&self, part: Part) -> bool {
        self.any(|selector| selector.parts.contains(&part))
    }

    /// Whether the whole part is wanted.
    pub(super) fn covers(&self, part: Part) -> bool {
        self.any(|selector| selector.covers(part))
    }

    pub(super) fn key(&self, part: Part, path: &KeyPath) -> bool {
        self.any(|selector| selector.matches_key(part, path))
    }

    pub(super) fn label(&self, part: Part, label: &str) -> bool {
        self.any(|selector| selector.matches_label(part, label))
    }

    pub(super) fn name(&self, part: Part, name: &PartName) -> bool {
        self.any(|selector| selector.matches_name(part, name))
    }

    pub(super) fn path(&self, part: Part, name: Option<&PartName>, path: &str) -> bool {
        self.any(|selector| selector.matches_path(part, name, path))
    }

    /// Whether all of the dataset, feature set or output is wanted.
    pub(super) fn whole(&self, part: Part, name: &PartName) -> bool {
        self.any(|selector| selector.matches_path(part, Some(name), ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Selector {
        text.parse().unwrap()
    }

    #[test]
    fn selectors_parse_and_match() {
        let key = |text: &str| text.parse::<KeyPath>().unwrap();
        assert!(parse("params").matches_key(Part::Params, &key("train.lr")));
        assert!(parse("params.train").matches_key(Part::Params, &key("train.lr")));
        assert!(!parse("params.train.l").matches_key(Part::Params, &key("train.lr")));
        assert!(!parse("params.lr").matches_key(Part::Metrics, &key("lr")));

        let train = PartName::new("train").unwrap();
        assert!(parse("datasets/train").matches_name(Part::Datasets, &train));
        assert!(parse("data/train/x").matches_path(Part::Datasets, Some(&train), "x/y.csv"));
        assert!(!parse("data/train/x").matches_path(Part::Datasets, Some(&train), "xy.csv"));
        assert!(parse("code/src/").matches_path(Part::Code, None, "src/a.py"));
        assert!(parse("features/train/f").matches_path(Part::Features, Some(&train), "f"));

        assert!(parse("packages.ruamel.yaml").matches_label(Part::Packages, "ruamel.yaml"));
        assert!(!parse("packages.zope").matches_label(Part::Packages, "zope.interface"));
        assert!(parse("system.cpu").matches_label(Part::System, "cpu.model"));
        assert_eq!(parse("environment").parts(), Part::ENVIRONMENT);
        assert_eq!(parse("definition").parts().len(), 10);
    }

    #[test]
    fn nonsense_is_refused() {
        assert_eq!("lr".parse::<Selector>(), Err(SelectorError::UnknownPart("lr".into())));
        assert_eq!("environment/x".parse::<Selector>(), Err(SelectorError::Whole("environment".into())));
        for text in ["", "datasets/../x", "code//x", "datasets/a/../../etc", "params.", "exit.x"] {
            assert!(text.parse::<Selector>().is_err(), "{text:?} was accepted");
        }
    }
}
