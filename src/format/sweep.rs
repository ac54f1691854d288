//! Sweeps: `train.lr=0.1,0.01` as a value, and the product of several, point by point.

use std::str::FromStr;

use super::{Syntax, item, item::Item, scalar};
use crate::value::{KeyPath, Value};

/// Most points of a sweep.
pub const MAX_SWEEP: u64 = 100_000;

/// A key and the values that it is to have, one after another.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    /// The key.
    pub path: KeyPath,
    /// Its values: at least one, no two equal.
    pub values: Vec<Value>,
}

/// What cannot be a sweep.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs)]
pub enum SweepError {
    #[error("{0:?} is not KEY=VALUE")]
    NoKey(String),
    #[error("{0} has an empty value; an empty text is \"\"")]
    Empty(KeyPath),
    #[error("{path} cannot be {text:?}: {problem}")]
    Value { path: KeyPath, text: String, problem: String },
    #[error("{path} has the value {value} twice")]
    SameValue { path: KeyPath, value: String },
    #[error("{second} is set beside {first}")]
    SameKey { first: KeyPath, second: KeyPath },
    #[error("the sweep has more than {MAX_SWEEP} points")]
    TooMany,
}

/// `KEY=VALUE[,VALUE…]`. A comma in brackets or quotation marks separates nothing. A value is a scalar of YAML
/// 1.2's core schema as it stands, text in quotation marks, or a list in brackets.
impl FromStr for Setting {
    type Err = SweepError;

    fn from_str(text: &str) -> Result<Self, SweepError> {
        let no_key = || SweepError::NoKey(text.to_owned());
        let (key, rest) = split_key(text).ok_or_else(no_key)?;
        let Ok(path) = key.trim().parse::<KeyPath>();
        if path.keys().is_empty() {
            return Err(no_key());
        }
        let mut values: Vec<Value> = Vec::new();
        for part in split(rest) {
            let value = value(&path, part.trim())?;
            if values.contains(&value) {
                return Err(SweepError::SameValue { path, value: value.to_string() });
            }
            if values.len() as u64 == MAX_SWEEP {
                return Err(SweepError::TooMany);
            }
            values.push(value);
        }
        Ok(Self { path, values })
    }
}

/// The text before and after the first `=` that is not quoted.
fn split_key(text: &str) -> Option<(&str, &str)> {
    let mut quoted = false;
    let at = text.find(|c| {
        quoted ^= c == '"';
        c == '=' && !quoted
    })?;
    Some((&text[..at], &text[at + 1..]))
}

/// Splits at commas outside of brackets and quotation marks. A mark within a word is a letter like others.
fn split(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut depth) = (Vec::new(), 0, 0usize);
    let (mut quote, mut escaped, mut fresh) = (None, false, true);
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (Some('"'), '\\') if !escaped => {
                escaped = true;
                continue;
            }
            (Some(open), c) if c == open && !escaped => {
                // A doubled mark opens it again.
                (quote, fresh) = (None, true);
                continue;
            }
            (Some(_), _) => {}
            (None, '"' | '\'') if fresh => quote = Some(c),
            (None, '[' | '{') if depth > 0 || fresh => depth += 1,
            (None, ']' | '}') => depth = depth.saturating_sub(1),
            (None, ',') if depth == 0 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
        escaped = false;
        fresh = c.is_whitespace() && fresh || quote.is_none() && matches!(c, ',' | '[' | '{');
    }
    parts.push(&text[start..]);
    parts
}

fn value(path: &KeyPath, text: &str) -> Result<Value, SweepError> {
    if text.is_empty() {
        return Err(SweepError::Empty(path.clone()));
    }
    let read = match text.starts_with(['[', '"', '\'', '{']) {
        true => item(Syntax::Yaml, text.as_bytes()).map(|item| item.map_or(Value::Null, Item::into_value)),
        false => scalar::core(text, 1),
    };
    let problem = match read {
        Ok(Value::Map(_)) => "it is a map".to_owned(),
        Ok(value) => return Ok(value),
        Err(error) => error.problem,
    };
    Err(SweepError::Value { path: path.clone(), text: text.to_owned(), problem })
}

/// The product of settings, in their order: the last key changes fastest.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sweep {
    settings: Vec<Setting>,
    len: u64,
}

impl Sweep {
    /// The product, unless a key is set twice or there are more than [`MAX_SWEEP`] points. Nothing is built yet.
    pub fn new(settings: Vec<Setting>) -> Result<Self, SweepError> {
        let mut sorted: Vec<&KeyPath> = settings.iter().map(|setting| &setting.path).collect();
        sorted.sort();
        // What lies within a path comes right after it.
        if let Some(pair) = sorted.windows(2).find(|pair| pair[1].is_within(pair[0])) {
            return Err(SweepError::SameKey { first: pair[0].clone(), second: pair[1].clone() });
        }
        let product = settings.iter().try_fold(1u64, |product, setting| {
            product.checked_mul(setting.values.len() as u64).filter(|points| *points <= MAX_SWEEP)
        });
        Ok(Self { len: product.ok_or(SweepError::TooMany)?, settings })
    }

    /// What is varied or set, in order.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// The number of points: 1 where nothing is set.
    #[allow(clippy::len_without_is_empty)] // It never is.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// A point: the value of each key, in the order of the settings.
    pub fn point(&self, number: u64) -> Option<Vec<(&KeyPath, &Value)>> {
        if number >= self.len {
            return None;
        }
        let mut rest = number;
        let mut point: Vec<(&KeyPath, &Value)> = Vec::with_capacity(self.settings.len());
        for setting in self.settings.iter().rev() {
            let values = setting.values.len() as u64;
            point.push((&setting.path, &setting.values[(rest % values) as usize]));
            rest /= values;
        }
        point.reverse();
        Some(point)
    }

    /// All points, in order.
    pub fn points(&self) -> impl Iterator<Item = Vec<(&KeyPath, &Value)>> {
        (0..self.len).map_while(|number| self.point(number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<String, String> {
        let setting: Setting = text.parse().map_err(|error: SweepError| error.to_string())?;
        Ok(format!("{} = {}", setting.path, Value::List(setting.values)))
    }

    #[test]
    fn values_are_read_as_the_file_would_read_them() {
        for (text, expected) in [
            ("train.lr=0.1,1e-3", "train.lr = [0.1, 0.001]"),
            ("a=1, 2", "a = [1, 2]"),
            ("a=no,true,null,~x", "a = [no, true, null, \"~x\"]"),
            ("a=[1, 2],[3]", "a = [[1, 2], [3]]"),
            ("a=[[1, ']'], \"x,y\"],3", "a = [[[1, \"]\"], \"x,y\"], 3]"),
            ("a=\"x,y\",'it''s, z',\"\\\",\"", "a = [\"x,y\", \"it's, z\", \"\\\",\"]"),
            ("a=it's,5\" disk,x[1]", "a = [it's, \"5\\\" disk\", \"x[1]\"]"),
            ("a=\"\"", "a = [\"\"]"),
            ("a=x=y,# no,*p,&q,C: d", "a = [x=y, \"# no\", \"*p\", \"&q\", \"C: d\"]"),
            ("\"a=b\".c=1", "a=b.c = [1]"),
            ("l.0=.nan,-.inf", "l.0 = [nan, -inf]"),
        ] {
            assert_eq!(read(text), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for (text, expected) in [
            ("a", "\"a\" is not KEY=VALUE"),
            ("=1", "\"=1\" is not KEY=VALUE"),
            ("a=", "a has an empty value; an empty text is \"\""),
            ("a=1,", "a has an empty value; an empty text is \"\""),
            ("a=1,2,1", "a has the value 1 twice"),
            ("a={b: 1}", "a cannot be \"{b: 1}\": it is a map"),
        ] {
            assert_eq!(read(text).unwrap_err(), expected);
        }
        for text in ["a=[1", "a='x", "a=\"x\" y", "a=[*p]", "a=18446744073709551616"] {
            assert!(read(text).unwrap_err().starts_with("a cannot be"), "{text}");
        }
    }

    fn sweep(texts: &[&str]) -> Result<Sweep, SweepError> {
        Sweep::new(texts.iter().map(|text| text.parse().unwrap()).collect())
    }

    #[test]
    fn the_last_key_changes_fastest() {
        let sweep = sweep(&["a=1,2", "b=x", "c=3,4,5"]).unwrap();
        let shown: Vec<String> = sweep
            .points()
            .map(|point| point.iter().map(|(_, value)| value.to_string()).collect::<Vec<_>>().join(""))
            .collect();
        assert_eq!(shown, ["1x3", "1x4", "1x5", "2x3", "2x4", "2x5"]);
        assert_eq!((sweep.len(), sweep.point(6)), (6, None));
        assert_eq!(Sweep::new(Vec::new()).unwrap().points().count(), 1);
    }

    #[test]
    fn keys_are_set_once_and_points_are_bounded() {
        let refused = |texts: &[&str]| sweep(texts).unwrap_err().to_string();
        assert_eq!(refused(&["a=1", "b=2", "a=2"]), "a is set beside a");
        assert_eq!(refused(&["l.0=1", "l=[2]"]), "l.0 is set beside l");
        assert!(sweep(&["l.0=1", "l.1=1", "la=2"]).is_ok());
        let many = (0..1000).map(|i| i.to_string()).collect::<Vec<_>>().join(",");
        let settings: Vec<String> = (0..40).map(|key| format!("k{key}={many}")).collect();
        let texts: Vec<&str> = settings.iter().map(String::as_str).collect();
        assert_eq!(sweep(&texts), Err(SweepError::TooMany));
    }
}
