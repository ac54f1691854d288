//! What differs, in a line.

use std::fmt;

use crate::diff::selector::{Filter, Part, Selector};
use crate::diff::{DatasetDiff, Diff};

/// What differs, counted. Prints as one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What of the definition differs, in the order in which parts are shown.
    pub definition: Vec<Difference>,
    /// What of the outcome differs.
    pub outcome: Vec<Difference>,
    /// What was compared as a whole and is identical, of `data`, `features`, `params`, `code`, `environment`
    /// and `outcome`.
    pub identical: Vec<&'static str>,
    /// What was compared; everything where it is empty.
    pub only: Vec<Selector>,
}

/// A part that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Which part.
    pub part: Part,
    /// How much, in words: `2`, `1 file`. Empty for what differs or does not.
    pub how: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = if self.part == Part::Datasets { "data" } else { self.part.name() };
        match self.how.as_str() {
            "" => f.write_str(name),
            how => write!(f, "{name} ({how})"),
        }
    }
}

pub(super) fn of(diff: &Diff) -> Verdict {
    let filter = Filter::new(&diff.only);
    let differs = |parts: &[Part]| -> Vec<Difference> {
        let parts = parts.iter().filter(|part| !diff.is_same(**part));
        parts.map(|part| Difference { part: *part, how: how(diff, *part) }).collect()
    };
    let groups: [(&str, &[Part]); 6] = [
        ("data", &[Part::Datasets]),
        ("features", &[Part::Features]),
        ("params", &[Part::Params]),
        ("code", &[Part::Code]),
        ("environment", &Part::ENVIRONMENT),
        ("outcome", &Part::OUTCOME),
    ];
    let is_identical = |name: &str, parts: &[Part]| {
        parts.iter().all(|part| diff.is_same(*part) && filter.covers(*part))
            && (name != "outcome" || diff.has_outcome)
    };
    let identical = groups.iter().filter(|(name, parts)| is_identical(name, parts)).map(|(name, _)| *name);
    Verdict {
        definition: differs(Part::DEFINITION),
        outcome: differs(&Part::OUTCOME),
        identical: identical.collect(),
        only: diff.only.clone(),
    }
}

fn how(diff: &Diff, part: Part) -> String {
    let count = match part {
        Part::Datasets => return data(diff),
        Part::Features => diff.features.iter().map(|set| set.count().max(1)).sum(),
        Part::Params if diff.params.values.is_empty() => return "layout only".into(),
        Part::Params => diff.params.values.len(),
        Part::Code => {
            return files(diff.code.totals().files(), diff.code.truncated);
        }
        Part::Seeds => diff.seeds.len(),
        Part::Packages => diff.packages.count(),
        Part::System => diff.system.len(),
        Part::Accelerators => diff.accelerators.len(),
        Part::Variables => diff.variables.len(),
        Part::Metrics => diff.metrics.values.len(),
        Part::Outputs => diff.outputs.len(),
        Part::Command | Part::Exit => return String::new(),
    };
    count.to_string()
}

fn files(number: u64, truncated: bool) -> String {
    let more = if truncated { "more than " } else { "" };
    format!("{more}{number} file{}", if number == 1 { "" } else { "s" })
}

/// Files of all datasets that differ; those of a dataset that was added or removed as a whole, too.
fn data(diff: &Diff) -> String {
    let of = |dataset: &DatasetDiff| match (&dataset.old, &dataset.new) {
        (None, Some(only)) | (Some(only), None) => only.node.files(),
        _ => dataset.files.totals().files(),
    };
    match diff.datasets.iter().map(of).sum() {
        0 => "description only".into(),
        number => files(number, diff.datasets.iter().any(|dataset| dataset.files.truncated)),
    }
}

/// `a`, `a and b`, `a, b and c`.
fn listed(items: &[impl fmt::Display]) -> String {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    match items.as_slice() {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

fn joined(items: &[Difference]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

impl Verdict {
    /// What differs as a list, without a sentence around it: `params (2), code (1 file)`.
    pub fn brief(&self) -> String {
        joined(&[self.definition.clone(), self.outcome.clone()].concat())
    }

    fn nothing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = match self.identical.contains(&"outcome") {
            true => "definition and outcome are identical",
            false => "the definitions are identical",
        };
        match self.only.as_slice() {
            [] => write!(f, "no difference: {whole}"),
            [one] => write!(f, "no difference: {one} is identical"),
            many => write!(f, "no difference: {} are identical", listed(many)),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut differ = self.definition.clone();
        if !self.only.is_empty() {
            differ.extend(self.outcome.iter().cloned());
        }
        if differ.is_empty() && self.outcome.is_empty() {
            return self.nothing(f);
        }
        if differ.is_empty() {
            let outcome = joined(&self.outcome);
            return write!(f, "the definition is identical; the outcome differs: {outcome}");
        }
        let parts = if differ.len() == 1 { "part differs" } else { "parts differ" };
        write!(f, "{} {parts}: {}", differ.len(), joined(&differ))?;
        match self.identical.as_slice() {
            [] => Ok(()),
            [one] => write!(f, "; {one} {} identical", verb(one)),
            many => write!(f, "; {} are identical", listed(many)),
        }
    }
}

fn verb(group: &str) -> &'static str {
    if matches!(group, "features" | "params") { "are" } else { "is" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diff::files::FileChange;
    use crate::diff::{Replaced, ValueChange};
    use crate::value::{KeyPath, Value};

    fn change() -> ValueChange {
        ValueChange { path: KeyPath::default(), old: None, new: Some(Value::Null) }
    }

    #[test]
    fn the_grammar_is_right() {
        let mut diff = Diff::default();
        let say = |diff: &Diff| diff.verdict().to_string();
        assert_eq!(say(&diff), "no difference: the definitions are identical");
        diff.has_outcome = true;
        assert_eq!(say(&diff), "no difference: definition and outcome are identical");

        diff.exit = Replaced::of(Some(0), Some(1));
        assert_eq!(say(&diff), "the definition is identical; the outcome differs: exit");

        diff.params.values = vec![change(), change()];
        let rest = "data, features, code and environment are identical";
        assert_eq!(say(&diff), format!("1 part differs: params (2); {rest}"));

        diff.code.changes = vec![FileChange::new("a".into(), None, Some(crate::diff::fixture::file("a")))];
        diff.seeds = vec![change()];
        let rest = "data, features and environment are identical";
        assert_eq!(say(&diff), format!("3 parts differ: params (2), code (1 file), seeds (1); {rest}"));
        assert_eq!(diff.verdict().brief(), "params (2), code (1 file), seeds (1), exit");
    }

    #[test]
    fn a_limited_diff_speaks_of_what_was_compared() {
        let only = |texts: &[&str]| Diff {
            only: texts.iter().map(|text| text.parse().unwrap()).collect(),
            ..Diff::default()
        };
        let say = |diff: &Diff| diff.verdict().to_string();
        assert_eq!(say(&only(&["params.lr"])), "no difference: params.lr is identical");
        assert_eq!(say(&only(&["code", "data"])), "no difference: code and data are identical");
        let mut diff = only(&["params", "data"]);
        diff.params.values = vec![change()];
        assert_eq!(say(&diff), "1 part differs: params (1); data is identical");
        diff.only = vec!["exit".parse().unwrap()];
        diff.params.values.clear();
        diff.exit = Replaced::of(None, Some(1));
        assert_eq!(say(&diff), "1 part differs: exit");
    }
}
