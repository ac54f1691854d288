//! One profile of many files.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use crate::object::{Column, Moments, Profile, Tensor};
use crate::profile::empty;
use crate::value::Value;

/// The profile of a dataset whose files have these profiles, in the order of the files.
///
/// Rows are summed. Files of one table have the same columns, which are merged; if they do not, the
/// profile has none, and a gap. Arrays are put together by name; a name that two files use is a gap.
/// Files whose profile says nothing (a README beside the data) do not count; of files whose profile is only
/// a gap, nothing is known but that the number of rows is not.
pub fn merge(profiles: impl IntoIterator<Item = Profile>) -> Profile {
    let mut merged: Option<Profile> = None;
    let mut tensors = BTreeMap::new();
    let (mut gaps, mut rows_known) = (Gaps::default(), true);
    for mut profile in profiles.into_iter().filter(|profile| *profile != empty()) {
        gaps.add(profile.gap.take());
        if profile == empty() {
            rows_known = false;
            continue;
        }
        for tensor in std::mem::take(&mut profile.tensors) {
            add_tensor(&mut tensors, tensor, &mut gaps);
        }
        merged = Some(match merged {
            None => profile,
            Some(before) => merge_tables(before, profile, &mut gaps),
        });
    }
    let mut merged = merged.unwrap_or_else(empty);
    merged.rows = merged.rows.filter(|_| rows_known);
    merged.tensors = tensors.into_values().collect();
    merged.gap = gaps.finish();
    merged
}

/// The first reason, and how many others there are.
#[derive(Default)]
struct Gaps {
    first: Option<String>,
    others: u64,
}

impl Gaps {
    fn add(&mut self, reason: Option<String>) {
        match reason {
            Some(reason) if self.first.is_none() => self.first = Some(reason),
            Some(reason) if self.first.as_ref() != Some(&reason) => self.others += 1,
            _ => {}
        }
    }

    fn finish(self) -> Option<String> {
        match self.others {
            0 => self.first,
            others => self.first.map(|first| format!("{first} (and {others} more)")),
        }
    }
}

fn add_tensor(tensors: &mut BTreeMap<String, Tensor>, tensor: Tensor, gaps: &mut Gaps) {
    match tensors.get(&tensor.name) {
        // Files of one array each are told apart by their paths, which are not known here.
        Some(known)
            if known.name.is_empty() && known.dtype == tensor.dtype && known.shape == tensor.shape => {}
        Some(known) if known.name.is_empty() => {
            gaps.add(Some("the files have arrays of different shapes".into()))
        }
        Some(known) => gaps.add(Some(format!("two files have an array named {:?}", known.name))),
        None => _ = tensors.insert(tensor.name.clone(), tensor),
    }
}

fn merge_tables(before: Profile, after: Profile, gaps: &mut Gaps) -> Profile {
    let rows = add(before.rows, after.rows);
    let same = before.columns.len() == after.columns.len()
        && before.columns.iter().zip(&after.columns).all(|(a, b)| a.name == b.name && a.dtype == b.dtype);
    let columns = if same {
        before.columns.into_iter().zip(after.columns).map(|(a, b)| merge_columns(a, b)).collect()
    } else {
        gaps.add(Some("the files have different columns".into()));
        Vec::new()
    };
    Profile { rows, columns, ..empty() }
}

fn add(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a?.checked_add(b?)
}

/// A column of which these are two parts. Name and type are those of the first.
pub fn merge_columns(a: Column, b: Column) -> Column {
    let has_values = |column: &Column| column.count.is_none() || column.count != column.missing;
    let (min, max) = match (has_values(&a), has_values(&b)) {
        (true, false) => (a.min, a.max),
        (false, true) => (b.min, b.max),
        _ => (pick(a.min, b.min, Ordering::Less), pick(a.max, b.max, Ordering::Greater)),
    };
    Column {
        count: add(a.count, b.count),
        missing: add(a.missing, b.missing),
        distinct: None,
        min,
        max,
        moments: a.moments.zip(b.moments).and_then(|(a, b)| merge_moments(a, b)),
        quantiles: None,
        top: None,
        name: a.name,
        dtype: a.dtype,
    }
}

/// The value that wins, if both are of a type that has an order.
fn pick(a: Option<Value>, b: Option<Value>, wins: Ordering) -> Option<Value> {
    let (a, b) = (a?, b?);
    let order = match (&a, &b) {
        (Value::Int(a), Value::Int(b)) => a.cmp(b),
        (Value::Float(a), Value::Float(b)) => a.total_cmp(b),
        (Value::Text(a), Value::Text(b)) => a.cmp(b),
        (Value::Bool(a), Value::Bool(b)) => a.cmp(b),
        _ => return None,
    };
    Some(if order == wins { a } else { b })
}

/// Moments of the values of both (Chan, Golub and LeVeque, 1979).
fn merge_moments(a: Moments, b: Moments) -> Option<Moments> {
    let count = a.count.checked_add(b.count)?;
    if count == 0 {
        return Some(a);
    }
    let (delta, share) = (b.mean - a.mean, b.count as f64 / count as f64);
    Some(Moments {
        count,
        mean: a.mean + delta * share,
        m2: a.m2 + b.m2 + delta * delta * a.count as f64 * share,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::gap;

    fn column(name: &str, count: u64, (min, max): (f64, f64)) -> Column {
        Column {
            name: name.into(),
            dtype: "double".into(),
            count: Some(count),
            missing: Some(1),
            distinct: Some(3),
            min: Some(Value::Float(min)),
            max: Some(Value::Float(max)),
            moments: None,
            quantiles: None,
            top: None,
        }
    }

    fn table(rows: u64, columns: Vec<Column>) -> Profile {
        Profile { rows: Some(rows), columns, ..empty() }
    }

    fn tensors(names: &[&str]) -> Profile {
        let tensor = |name: &&str| Tensor { name: (*name).into(), dtype: "F32".into(), shape: vec![2] };
        Profile { tensors: names.iter().map(tensor).collect(), ..empty() }
    }

    #[test]
    fn equal_columns_are_merged_and_rows_summed() {
        let parts = [
            table(3, vec![column("a", 3, (0.5, 2.0))]),
            empty(),
            table(4, vec![column("a", 4, (-1.0, 1.0))]),
        ];
        let merged = merge(parts);
        assert_eq!((merged.rows, merged.gap), (Some(7), None));
        let expected = Column { missing: Some(2), distinct: None, ..column("a", 7, (-1.0, 2.0)) };
        assert_eq!(merged.columns, [expected]);
    }

    #[test]
    fn what_does_not_fit_is_a_gap() {
        let other =
            merge([table(1, vec![column("a", 1, (0.0, 0.0))]), table(1, vec![column("b", 1, (0.0, 0.0))])]);
        assert_eq!(other.gap.as_deref(), Some("the files have different columns"));
        assert_eq!((other.rows, other.columns.len()), (Some(2), 0));

        let broken = merge([table(1, vec![column("a", 1, (0.0, 0.0))]), gap("truncated"), gap("odd")]);
        assert_eq!(broken.gap.as_deref(), Some("truncated (and 1 more)"));
        assert_eq!((broken.rows, broken.columns.len()), (None, 1));
    }

    #[test]
    fn shards_are_put_together_by_name() {
        let names = |profile: &Profile| profile.tensors.iter().map(|t| t.name.clone()).collect::<Vec<_>>();
        let merged = merge([tensors(&["c", "a"]), tensors(&["b"])]);
        assert_eq!((names(&merged), &merged.gap), (vec!["a".into(), "b".into(), "c".into()], &None));
        assert!(merge([tensors(&["a"]), tensors(&["a"])]).gap.unwrap().contains("named \"a\""));
        assert_eq!(merge([tensors(&[""]), tensors(&[""])]).gap, None);
    }

    #[test]
    fn moments_are_those_of_all_values() {
        let of = |values: &[f64]| {
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            let m2 = values.iter().map(|value| (value - mean).powi(2)).sum();
            Moments { count: values.len() as u64, mean, m2 }
        };
        let merged = merge_moments(of(&[1.0, 2.0, 4.0]), of(&[8.0, 16.0])).unwrap();
        let all = of(&[1.0, 2.0, 4.0, 8.0, 16.0]);
        assert_eq!(merged.count, 5);
        assert!((merged.mean - all.mean).abs() < 1e-12 && (merged.m2 - all.m2).abs() < 1e-9);
    }
}
