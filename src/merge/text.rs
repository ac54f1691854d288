//! Texts by line: the changes of both sides, where they do not meet.
//!
//! Two changes meet where they change the same line of the base, lines next to each other, or insert at one place.

use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use crate::merge::Side;
use crate::merge::three::Three;

/// What becomes of changes that meet and differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clash {
    /// The texts are not merged.
    Refused,
    /// What one side wrote is taken.
    Taken(Side),
    /// What we wrote, and then what they wrote.
    Both,
}

/// Texts up to this size in bytes are merged by line.
pub(super) const MAX_TEXT: u64 = 1 << 20;

/// The text, unless it is binary or too long.
pub(super) fn as_text(bytes: &[u8]) -> Option<&str> {
    let is_text = bytes.len() as u64 <= MAX_TEXT && !bytes.contains(&0);
    Some(bytes).filter(|_| is_text).and_then(|bytes| std::str::from_utf8(bytes).ok())
}

/// Merges texts by line; line ends belong to their lines. `None` where changes meet, if that is refused.
pub(super) fn merge(texts: Three<&str>, clash: Clash) -> Option<String> {
    let lines: Three<Vec<&str>> = texts.map(|text| text.split_inclusive('\n').collect());
    let mut sides = [Changes::of(&lines.base, &lines.ours), Changes::of(&lines.base, &lines.theirs)];
    let (mut out, mut done): (Vec<&str>, usize) = (Vec::new(), 0);
    while let Some(start) = sides.iter().filter_map(Changes::next).min() {
        out.extend(&lines.base[done..start]);
        let (mut end, from) = (start, sides.each_ref().map(|side| side.at));
        while let Some(side) = sides.iter_mut().find(|side| side.next().is_some_and(|next| next <= end)) {
            end = end.max(side.take());
        }
        let [ours, theirs] = [0, 1].map(|side| sides[side].lines(from[side], start..end));
        match (Three { base: &lines.base[start..end], ours, theirs }.agreed(), clash) {
            (Some(agreed), _) => out.extend(agreed),
            (None, Clash::Refused) => return None,
            (None, Clash::Taken(Side::Ours)) => out.extend(ours),
            (None, Clash::Taken(Side::Theirs)) => out.extend(theirs),
            (None, Clash::Both) => {
                out.extend(ours);
                if out.last().is_some_and(|last| !last.ends_with('\n')) && !theirs.is_empty() {
                    out.push("\n");
                }
                out.extend(theirs);
            }
        }
        done = end;
    }
    out.extend(&lines.base[done..]);
    Some(out.concat())
}

/// What a side changed, in order: lines of the base, and lines that stand in their place.
struct Changes<'a> {
    lines: &'a [&'a str],
    list: Vec<(Range<usize>, Range<usize>)>,
    at: usize,
}

impl<'a> Changes<'a> {
    fn of(base: &[&str], lines: &'a [&'a str]) -> Self {
        let mut list: Vec<(Range<usize>, Range<usize>)> = Vec::new();
        // The algorithm bounds its own work by the size of its input; nothing here depends on a clock.
        for op in capture_diff_slices(Algorithm::Myers, base, lines) {
            if matches!(op, DiffOp::Equal { .. }) {
                continue;
            }
            let (old, new) = (op.old_range(), op.new_range());
            match list.last_mut() {
                Some((last, last_new)) if last.end == old.start => {
                    (last.end, last_new.end) = (old.end, new.end)
                }
                _ => list.push((old, new)),
            }
        }
        Self { lines, list, at: 0 }
    }

    /// Where the next change begins in the base.
    fn next(&self) -> Option<usize> {
        self.list.get(self.at).map(|(old, _)| old.start)
    }

    /// Passes the next change, and says where it ends in the base.
    fn take(&mut self) -> usize {
        self.at += 1;
        self.list[self.at - 1].0.end
    }

    /// What stands in the place of these lines of the base, with the changes since `from` in them.
    fn lines(&self, from: usize, base: Range<usize>) -> &'a [&'a str] {
        // Outside of changes, a side's lines run beside those of the base.
        let begin = match (self.list.get(from).filter(|_| from < self.at), from.checked_sub(1)) {
            (Some((old, new)), _) => new.start - (old.start - base.start),
            (None, Some(last)) => self.list[last].1.end + (base.start - self.list[last].0.end),
            (None, None) => base.start,
        };
        let end = match self.list[from..self.at].last() {
            Some((old, new)) => new.end + (base.end - old.end),
            None => begin + base.len(),
        };
        &self.lines[begin..end]
    }
}
