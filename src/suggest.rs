//! The name that a person may have meant: the nearest of those that exist.

/// The candidate that is nearest to what was written, if one is near.
pub fn nearest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let bound = written.chars().count().div_ceil(3).clamp(1, 4);
    let written: Vec<char> = written.to_lowercase().chars().take(LONGEST).collect();
    let near = candidates.into_iter().filter_map(|candidate| {
        let distance =
            distance(&written, &candidate.to_lowercase().chars().take(LONGEST).collect::<Vec<_>>());
        (distance <= bound).then_some((distance, candidate))
    });
    near.min().map(|(_, candidate)| candidate)
}

/// Names are compared up to here.
const LONGEST: usize = 200;

/// How many letters to insert, remove, replace or swap with their neighbour, to make one text of another.
fn distance(a: &[char], b: &[char]) -> usize {
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut least = (last[j] + usize::from(x != y)).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && *x == b[j - 1] && a[i - 1] == *y {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_seen_through() {
        let branches = ["main", "wider", "feature/dropout"];
        for (written, meant) in [
            ("mian", "main"),
            ("Main", "main"),
            ("maim", "main"),
            ("wide", "wider"),
            ("feature/droput", "feature/dropout"),
        ] {
            assert_eq!(nearest(written, branches), Some(meant), "{written}");
        }
        for written in ["", "x", "production", "feature"] {
            assert_eq!(nearest(written, branches), None, "{written}");
        }
    }

    #[test]
    fn a_swap_costs_one() {
        let chars = |text: &str| text.chars().collect::<Vec<_>>();
        assert_eq!(distance(&chars("ab"), &chars("ba")), 1);
        assert_eq!(distance(&chars("kitten"), &chars("sitting")), 3);
        assert_eq!(distance(&chars(""), &chars("abc")), 3);
    }
}
