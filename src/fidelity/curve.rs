//! Two curves of one metric, point by point: in one pass, and in two where earlier runs have to be asked.

use crate::fidelity::Rule;
use crate::object::Series;

/// Where two curves part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Departure {
    /// The number of the point, from 0.
    pub index: usize,
    /// Its step; the number of the point where the curve has no steps.
    pub step: i64,
    /// What was recorded; nothing where there was no such point.
    pub recorded: Option<f64>,
    /// What came out now; nothing where there is no such point.
    pub found: Option<f64>,
}

/// How one curve came out as another.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct CurveFidelity {
    /// Points that were recorded.
    pub recorded: usize,
    /// Points that came out now.
    pub found: usize,
    /// The first point that is not equal to the bit.
    pub differs: Option<Departure>,
    /// The first point that no rule admits.
    pub diverges: Option<Departure>,
}

/// Two equal curves, as far as their lengths say.
pub(super) fn equal(points: usize) -> CurveFidelity {
    CurveFidelity { recorded: points, found: points, ..CurveFidelity::default() }
}

/// Whether two numbers are equal to the bit. All NaN are one.
pub(super) fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan())
}

fn step(series: &Series, index: usize) -> i64 {
    series.steps.as_ref().and_then(|steps| steps.get(index)).copied().unwrap_or(index as i64)
}

/// Whether both have the same steps, so that their points can be held against each other.
pub(super) fn is_alike(a: &Series, b: &Series) -> bool {
    a.values.len() == b.values.len() && (0..a.values.len()).all(|index| step(a, index) == step(b, index))
}

/// Compares up to the first point that nothing admits. `admit` is asked of points that are not equal to the
/// bit; the weakest rule that was needed is the second of the pair.
pub(super) fn compare(
    recorded: &Series,
    found: &Series,
    admit: impl Fn(usize, f64, f64) -> Option<Rule>,
) -> (CurveFidelity, Option<Rule>) {
    let (recorded_points, found_points) = (recorded.values.len(), found.values.len());
    let mut fidelity =
        CurveFidelity { recorded: recorded_points, found: found_points, ..CurveFidelity::default() };
    let mut weakest = Rule::Bit;
    for index in 0..recorded_points.max(found_points) {
        let (was, is) = (recorded.values.get(index).copied(), found.values.get(index).copied());
        let departure = departure(index, (step(recorded, index), was), (step(found, index), is));
        let rule = match (departure.recorded, departure.found) {
            (Some(was), Some(is)) if same(was, is) => continue,
            (Some(was), Some(is)) => admit(index, was, is),
            _ => None,
        };
        fidelity.differs = fidelity.differs.or(Some(departure));
        match rule {
            Some(rule) => weakest = weakest.weaker(rule),
            None => {
                fidelity.diverges = Some(departure);
                return (fidelity, None);
            }
        }
    }
    (fidelity, Some(weakest))
}

/// The points at one index as a departure. Of two different steps the lower is the one that only one side has.
fn departure(index: usize, recorded: (i64, Option<f64>), found: (i64, Option<f64>)) -> Departure {
    let both = recorded.1.is_some() && found.1.is_some();
    match (both, recorded.0.cmp(&found.0)) {
        (true, std::cmp::Ordering::Less) => Departure { found: None, ..at(index, recorded.0, recorded.1) },
        (true, std::cmp::Ordering::Greater) => {
            Departure { recorded: None, found: found.1, ..at(index, found.0, None) }
        }
        _ => {
            let step = if recorded.1.is_some() { recorded.0 } else { found.0 };
            Departure { found: found.1, ..at(index, step, recorded.1) }
        }
    }
}

fn at(index: usize, step: i64, recorded: Option<f64>) -> Departure {
    Departure { index, step, recorded, found: None }
}
