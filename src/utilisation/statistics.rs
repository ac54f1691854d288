//! Statistics of one column, in which each value counts for the time that it stands for.

/// What a column comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Statistics {
    /// The mean over time.
    pub mean: f64,
    /// Half of the time it was no more than this.
    pub median: f64,
    /// 95 % of the time it was no more than this.
    pub p95: f64,
    /// The highest value.
    pub peak: f64,
    /// The share of time, from 0 to 1, in which it was idle; only where that has a meaning.
    pub idle: Option<f64>,
}

/// Shares of time, from 0 to 1, in which an accelerator's clocks were held down.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Throttle {
    /// By a limit of power.
    pub power: f64,
    /// By heat.
    pub heat: f64,
    /// By the hardware, for either reason.
    pub hardware: f64,
}

/// Reasons as NVML numbers them: the software's power cap, and the hardware's power brake.
const POWER: u64 = 0x4 | 0x80;
/// The software's and the hardware's thermal slowdown.
const HEAT: u64 = 0x20 | 0x40;
/// The hardware's slowdown, which has either reason.
const HARDWARE: u64 = 0x8;

/// A distance of more than so many usual ones is a pause in which nothing was sampled.
const PAUSE: i64 = 4;

/// The seconds that each sample stands for: those since the one before. Where nothing was sampled for long, a sample
/// stands for no more than usual, and so does the first.
pub(super) fn weights(times: &[i64]) -> Vec<f64> {
    let mut distances: Vec<i64> =
        times.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).max(0)).collect();
    let all = distances.clone();
    distances.sort_unstable();
    let usual = distances.get(distances.len() / 2).copied().unwrap_or(1_000_000).max(1);
    let bounded = all.into_iter().map(|d| if d > usual.saturating_mul(PAUSE) { usual } else { d });
    times.first().map(|_| usual).into_iter().chain(bounded).map(|us| us as f64 / 1e6).collect()
}

/// The statistics of values with their weights; `None` where there is no finite value. What is below `idle` is idle.
pub(super) fn of(values: &[f64], weights: &[f64], idle: Option<f64>) -> Option<Statistics> {
    let mut pairs: Vec<(f64, f64)> =
        values.iter().copied().zip(weights.iter().copied()).filter(|(value, _)| value.is_finite()).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    let peak = pairs.last()?.0;
    // Samples that all fell into one moment count alike.
    if pairs.iter().all(|(_, weight)| *weight <= 0.0) {
        pairs.iter_mut().for_each(|pair| pair.1 = 1.0);
    }
    let total: f64 = pairs.iter().map(|pair| pair.1).sum();
    let mean = pairs.iter().map(|(value, weight)| value * (weight / total)).sum();
    let below = |mark: f64| pairs.iter().filter(|(value, _)| *value < mark).map(|pair| pair.1).sum::<f64>();
    let quantile = |share: f64| {
        let mut sum = 0.0;
        let found = pairs.iter().find(|(_, weight)| {
            sum += weight;
            sum >= share * total
        });
        found.map_or(peak, |(value, _)| *value)
    };
    // An empty sum is −0.0.
    let idle = idle.map(|mark| (below(mark) / total).clamp(0.0, 1.0) + 0.0);
    Some(Statistics { mean, median: quantile(0.5), p95: quantile(0.95), peak, idle })
}

/// The shares of time of reasons that are bits.
pub(super) fn throttle(masks: &[f64], weights: &[f64]) -> Option<Throttle> {
    let total: f64 = weights.iter().sum();
    let share = |bits: u64| {
        let held = masks.iter().zip(weights).filter(|(mask, _)| **mask as u64 & bits != 0);
        (held.map(|(_, weight)| weight).sum::<f64>() / total).clamp(0.0, 1.0)
    };
    (total > 0.0).then(|| Throttle { power: share(POWER), heat: share(HEAT), hardware: share(HARDWARE) })
}

/// The integral over time.
pub(super) fn integral(values: &[f64], weights: &[f64]) -> f64 {
    values
        .iter()
        .zip(weights)
        .filter(|(value, _)| value.is_finite())
        .map(|(value, weight)| value * weight)
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn seconds(times: &[f64]) -> Vec<i64> {
        times.iter().map(|t| (t * 1e6) as i64).collect()
    }

    #[test]
    fn a_value_counts_for_its_time() {
        let weights = weights(&seconds(&[0.0, 1.0, 2.0, 5.0]));
        assert_eq!(weights, [1.0, 1.0, 1.0, 3.0]);
        let found = of(&[0.0, 0.0, 0.0, 100.0], &weights, Some(5.0)).unwrap();
        assert_eq!(found, Statistics { mean: 50.0, median: 0.0, p95: 100.0, peak: 100.0, idle: Some(0.5) });
    }

    #[test]
    fn a_night_asleep_counts_for_one_sample() {
        assert_eq!(weights(&seconds(&[0.0, 1.0, 2.0, 30_000.0, 30_001.0])), [1.0; 5]);
        assert_eq!(weights(&seconds(&[5.0, 4.0, 5.0])), [1.0, 0.0, 1.0], "a clock that went back");
    }

    #[test]
    fn nothing_finite_has_no_statistics() {
        assert_eq!(of(&[f64::NAN, f64::INFINITY], &[1.0, 1.0], None), None);
        assert_eq!(of(&[], &[], None), None);
        assert_eq!(of(&[3.0, f64::NAN], &[0.0, 0.0], None).unwrap().mean, 3.0);
    }

    #[test]
    fn reasons_are_bits() {
        let found = throttle(&[0.0, 1.0, 4.0, 0x44 as f64], &[1.0; 4]).unwrap();
        assert_eq!(found, Throttle { power: 0.5, heat: 0.25, hardware: 0.0 });
        assert_eq!(throttle(&[], &[]), None);
    }

    proptest! {
        #[test]
        fn statistics_lie_within_the_values(
            pairs in proptest::collection::vec((-1e9f64..1e9, 0.0f64..10.0), 1..50),
        ) {
            let (values, weights): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            let found = of(&values, &weights, Some(0.0)).unwrap();
            let least = values.iter().copied().fold(f64::INFINITY, f64::min);
            prop_assert!(least <= found.median && found.median <= found.p95 && found.p95 <= found.peak);
            prop_assert!(least - 1.0 <= found.mean && found.mean <= found.peak + 1.0);
            prop_assert!((0.0..=1.0).contains(&found.idle.unwrap()));
        }
    }
}
