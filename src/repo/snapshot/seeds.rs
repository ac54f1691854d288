//! Seeds of a run: parameters, environment variables and arguments that the manifest names, and `PYTHONHASHSEED`.

use std::collections::BTreeMap;

use crate::capture;
use crate::repo::Warning;
use crate::value::{Int, Value};

/// A seed of Python that counts without being named. Its value `random` is none.
const PYTHON: &str = "PYTHONHASHSEED";
/// Longer texts are no seeds.
const LONGEST: usize = 64;

/// Where seeds may stand.
pub(in crate::repo) struct Places<'a> {
    /// The names that the manifest gives: `train.seed`, `env:NAME`, `arg:--seed`.
    pub named: &'a [String],
    /// The parameters, where there are any.
    pub params: Option<&'a BTreeMap<String, Value>>,
    /// The command, without secrets.
    pub command: &'a [String],
    /// The value of an environment variable.
    pub variable: &'a dyn Fn(&str) -> Option<Value>,
}

/// The seeds, each by its parameter's path, its variable's name or its argument; a warning for each that is named and
/// not there.
pub(in crate::repo) fn seeds(places: &Places<'_>, warnings: &mut Vec<Warning>) -> BTreeMap<String, Value> {
    let params = Value::Map(places.params.cloned().unwrap_or_default());
    let mut seeds = BTreeMap::new();
    if let Some(value) = (places.variable)(PYTHON) {
        seeds.insert(PYTHON.to_owned(), value);
    }
    for seed in places.named {
        let (name, value) = match seed.split_once(':') {
            Some(("env", name)) => (name, (places.variable)(name)),
            Some(("arg", name)) => (name, argument(places.command, name)),
            _ => {
                let Ok(path) = seed.parse();
                (seed.as_str(), params.get(&path).cloned())
            }
        };
        match value {
            Some(value) => drop(seeds.insert(name.to_owned(), value)),
            None => warnings.push(Warning::Absent { what: format!("seed {seed}") }),
        }
    }
    seeds
}

/// The value of an environment variable as a seed.
pub(in crate::repo) fn variable(name: &str) -> Option<Value> {
    let text = std::env::var(name).ok()?;
    value(&text).filter(|_| name != PYTHON || text != "random")
}

/// The value of an option in `--seed 7` or `--seed=7`, or of a key in `seed=7`; of several the last.
fn argument(command: &[String], name: &str) -> Option<Value> {
    let mut values = command.iter().enumerate().filter_map(|(at, word)| match word.strip_prefix(name)? {
        "" => command.get(at + 1).and_then(|word| value(word)),
        rest => value(rest.strip_prefix('=')?),
    });
    values.next_back()
}

fn value(text: &str) -> Option<Value> {
    let number = text.parse::<i128>().ok().and_then(Int::new);
    let is_text = !text.is_empty() && text.len() <= LONGEST;
    number.map(Value::Int).or_else(|| is_text.then(|| Value::Text(capture::redact_text(text).into_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_stand_in_parameters_variables_and_arguments() {
        let named =
            ["train.seed", "env:MY_SEED", "arg:--seed", "arg:seed", "env:GONE", "gone"].map(str::to_owned);
        let command = ["python", "t.py", "--seed", "7", "seed=x", "--seeds=9", "--seed=8"].map(str::to_owned);
        let int = |number: i64| Value::Int(Int::from(number));
        let params = BTreeMap::from([("train".to_owned(), Value::Map([("seed".to_owned(), int(3))].into()))]);
        let variable = |name: &str| match name {
            "MY_SEED" => Some(int(4)),
            "PYTHONHASHSEED" => Some(int(0)),
            _ => None,
        };
        let places = Places { named: &named, params: Some(&params), command: &command, variable: &variable };
        let mut warnings = Vec::new();
        let found = seeds(&places, &mut warnings);
        let expected = [
            ("--seed", int(8)),
            ("MY_SEED", int(4)),
            ("PYTHONHASHSEED", int(0)),
            ("seed", Value::Text("x".into())),
            ("train.seed", int(3)),
        ];
        assert_eq!(found, expected.map(|(name, value)| (name.to_owned(), value)).into());
        let absent = |what: &str| Warning::Absent { what: what.to_owned() };
        assert_eq!(warnings, [absent("seed env:GONE"), absent("seed gone")]);
    }

    #[test]
    fn an_option_at_the_end_has_no_value() {
        assert_eq!(argument(&["t", "--seed"].map(str::to_owned), "--seed"), None);
        assert_eq!(argument(&["t", "--seed="].map(str::to_owned), "--seed"), None);
    }
}
