//! How far a metric may be off: parsed from texts such as `1e-6`, `loss=1e-3`, `val.loss=abs:0.01`, `seconds=any`.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use crate::value::KeyPath;

/// How far a found number may be from the recorded one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Bound {
    /// This share of the recorded number's size.
    Relative(f64),
    /// This much.
    Absolute(f64),
    /// As far as it likes, and it need not be a number: a duration, a host's name.
    Any,
}

impl Bound {
    /// Whether a difference is small enough. Only finite numbers are close to each other.
    pub fn admits(self, recorded: f64, difference: f64) -> bool {
        let limit = match self {
            Bound::Relative(share) => share * recorded.abs(),
            Bound::Absolute(limit) => limit,
            Bound::Any => return true,
        };
        // An infinity differs from everything else by an infinity, which no limit allows.
        difference.is_finite() && difference.abs() <= limit
    }
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Bound::Relative(share) => write!(f, "{share:e}"),
            Bound::Absolute(limit) => write!(f, "abs:{limit:e}"),
            Bound::Any => f.write_str("any"),
        }
    }
}

/// What is asked of metrics: a bound for all, and others for those that are named by their whole dotted path or
/// by its last key, as directions are in the manifest.
///
/// As text: items separated by commas, each `BOUND` or `NAME=BOUND`; a bound is a number (relative),
/// `rel:NUMBER`, `abs:NUMBER` or `any`. Of two items for the same the later holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tolerance {
    general: Option<Bound>,
    named: BTreeMap<KeyPath, Bound>,
}

impl Tolerance {
    /// What holds where nothing else is said.
    pub const USUAL: Bound = Bound::Relative(1e-6);

    /// The bound that was declared for this very metric: by its whole path, else by its last key.
    pub fn named(&self, path: &KeyPath) -> Option<Bound> {
        let last = || self.named.get(&KeyPath::default().child(path.keys().last()?));
        self.named.get(path).or_else(last).copied()
    }

    /// The bound of a metric.
    pub fn of(&self, path: &KeyPath) -> Bound {
        self.named(path).or(self.general).unwrap_or(Self::USUAL)
    }

    /// Adds what another says; where both speak of the same, the other holds.
    pub fn and(mut self, other: Tolerance) -> Self {
        self.general = other.general.or(self.general);
        self.named.extend(other.named);
        self
    }

    /// Names that fit none of these metrics: misspelt, most likely.
    pub fn unused<'a>(&self, metrics: impl Iterator<Item = &'a KeyPath>) -> Vec<KeyPath> {
        let mut unused = self.named.clone();
        for path in metrics {
            unused.remove(path);
            path.keys().last().map(|key| unused.remove(&KeyPath::default().child(key)));
        }
        unused.into_keys().collect()
    }
}

impl FromIterator<Tolerance> for Tolerance {
    fn from_iter<I: IntoIterator<Item = Tolerance>>(items: I) -> Self {
        items.into_iter().fold(Self::default(), Self::and)
    }
}

/// Why a text is not a tolerance.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem} at position {}", at + 1)]
pub struct ToleranceError {
    /// Where, in bytes from the beginning of the text.
    pub at: usize,
    /// What is wrong there.
    pub problem: ToleranceProblem,
}

/// What is wrong with a tolerance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ToleranceProblem {
    /// A bound should be here.
    #[error("a bound is missing")]
    NoBound,
    /// A metric's name should be here.
    #[error("a metric's name is missing")]
    NoName,
    /// This is no number, nor `any`.
    #[error("this is not a number")]
    NotANumber,
    /// The number is negative, NaN or an infinity.
    #[error("this is not a finite number of zero or more")]
    OutOfRange,
    /// A name begins with a quotation mark that nothing closes.
    #[error("a quotation mark is not closed")]
    OpenQuote,
}

impl FromStr for Tolerance {
    type Err = ToleranceError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut tolerance = Self::default();
        let mut from = 0;
        for end in item_ends(text)? {
            tolerance.item(text, from, end)?;
            from = end + 1;
        }
        Ok(tolerance)
    }
}

/// Where items end: at commas outside quotation marks, and at the end of the text.
fn item_ends(text: &str) -> Result<Vec<usize>, ToleranceError> {
    let (mut ends, mut open) = (Vec::new(), None);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'"' => open = if open.is_some() { None } else { Some(at) },
            b',' if open.is_none() => ends.push(at),
            _ => {}
        }
    }
    ends.push(text.len());
    open.map_or(Ok(ends), |at| Err(ToleranceError { at, problem: ToleranceProblem::OpenQuote }))
}

impl Tolerance {
    /// Reads the item at `text[from..end]`.
    fn item(&mut self, text: &str, from: usize, end: usize) -> Result<(), ToleranceError> {
        // A bound has no equals sign, so that a name may have some.
        let Some(equals) = text[from..end].rfind('=').map(|at| from + at) else {
            self.general = Some(bound(text, from, end)?);
            return Ok(());
        };
        let name = text[from..equals].trim();
        if name.is_empty() {
            return Err(ToleranceError { at: from, problem: ToleranceProblem::NoName });
        }
        let Ok(path) = name.parse::<KeyPath>();
        self.named.insert(path, bound(text, equals + 1, end)?);
        Ok(())
    }
}

fn bound(text: &str, from: usize, end: usize) -> Result<Bound, ToleranceError> {
    let word = text[from..end].trim();
    let at = from + (text[from..end].len() - text[from..end].trim_start().len());
    let (make, digits): (fn(f64) -> Bound, &str) =
        match (word.strip_prefix("abs:"), word.strip_prefix("rel:")) {
            _ if word == "any" => return Ok(Bound::Any),
            (Some(digits), _) => (Bound::Absolute, digits.trim_start()),
            (_, Some(digits)) => (Bound::Relative, digits.trim_start()),
            (None, None) => (Bound::Relative, word),
        };
    let problem = |problem| ToleranceError { at: at + (word.len() - digits.len()), problem };
    if digits.is_empty() {
        return Err(problem(ToleranceProblem::NoBound));
    }
    let number: f64 = digits.parse().map_err(|_| problem(ToleranceProblem::NotANumber))?;
    match number.is_finite() && number >= 0.0 {
        true => Ok(make(number)),
        false => Err(problem(ToleranceProblem::OutOfRange)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, path: &str) -> Bound {
        text.parse::<Tolerance>().unwrap().of(&path.parse().unwrap())
    }

    #[test]
    fn the_whole_path_goes_before_the_last_key() {
        let text = "1e-5, loss=1e-3,val.loss=abs:0.01 , accuracy=0,seconds=any,\"a,b=c\"=rel:2";
        assert_eq!(of(text, "loss"), Bound::Relative(1e-3));
        assert_eq!(of(text, "train.loss"), Bound::Relative(1e-3));
        assert_eq!(of(text, "val.loss"), Bound::Absolute(0.01));
        assert_eq!(of(text, "accuracy"), Bound::Relative(0.0));
        assert_eq!(of(text, "deep.seconds"), Bound::Any);
        assert_eq!(of(text, "a,b=c"), Bound::Relative(2.0));
        assert_eq!(of(text, "loss.other"), Bound::Relative(1e-5));
        assert_eq!(of("loss=1", "other"), Tolerance::USUAL);
    }

    #[test]
    fn the_later_holds() {
        let both = ["1e-2,loss=1", "loss=2,rmse=3", "1e-3"].map(|text| text.parse::<Tolerance>().unwrap());
        let both: Tolerance = both.into_iter().collect();
        assert_eq!(both, "1e-3,loss=2,rmse=3".parse().unwrap());
        let paths = ["val.loss", "other"].map(|path| path.parse::<KeyPath>().unwrap());
        assert_eq!(both.unused(paths.iter()), ["rmse".parse().unwrap()]);
    }

    #[test]
    fn errors_say_where() {
        use ToleranceProblem::*;
        for (text, at, problem) in [
            ("", 0, NoBound),
            ("1e-6,", 5, NoBound),
            ("loss=", 5, NoBound),
            ("loss= abs:", 10, NoBound),
            ("1,=3", 2, NoName),
            ("loss=x", 5, NotANumber),
            ("1e-6, loss=abs: y", 16, NotANumber),
            ("loss", 0, NotANumber),
            ("-1", 0, OutOfRange),
            ("a=nan", 2, OutOfRange),
            ("a=1e999", 2, OutOfRange),
            ("a=1,\"b=2", 4, OpenQuote),
        ] {
            assert_eq!(text.parse::<Tolerance>(), Err(ToleranceError { at, problem }), "{text}");
        }
    }

    #[test]
    fn only_finite_numbers_are_close() {
        for bound in [Bound::Relative(1e3), Bound::Absolute(1e300)] {
            for (recorded, found) in [
                (f64::INFINITY, 1.0),
                (1.0, f64::INFINITY),
                (f64::INFINITY, -f64::INFINITY),
                (f64::NAN, 1.0),
                (1.0, f64::NAN),
            ] {
                assert!(!bound.admits(recorded, found - recorded), "{bound}: {recorded} and {found}");
            }
        }
        assert!(Bound::Relative(0.0).admits(0.0, -0.0));
        assert!(Bound::Relative(0.1).admits(-10.0, 1.0) && !Bound::Relative(0.1).admits(-10.0, 1.1));
        assert!(!Bound::Relative(1e-6).admits(0.0, 1e-300) && Bound::Any.admits(0.0, f64::NAN));
    }

    proptest::proptest! {
        #[test]
        fn no_text_panics_and_errors_lie_within(text in "[a\u{e4}=,.\":0-9e \\-]{0,20}") {
            if let Err(error) = text.parse::<Tolerance>() {
                proptest::prop_assert!(error.at <= text.len() && text.is_char_boundary(error.at));
            }
        }

        #[test]
        fn a_bound_reads_back(number in 0.0f64..1e12, absolute in proptest::bool::ANY) {
            let bound = if absolute { Bound::Absolute(number) } else { Bound::Relative(number) };
            proptest::prop_assert_eq!(of(&format!("loss={bound}"), "loss"), bound);
        }
    }
}
