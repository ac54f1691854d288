//! What a collection of garbage did, in a few lines or as JSON.

use serde_json::{Value, json};

use crate::render::size;
use crate::sync::Collected;

/// What a collection did, or would do.
pub fn collected(done: &Collected, dry_run: bool) -> String {
    let mut lines = Vec::new();
    if done.folded > 0 {
        let word = if dry_run { "to gather" } else { "gathered" };
        lines.push((word, format!("{} into one batch", counted(done.folded, "finished run"))));
    }
    if done.removed > 0 {
        let word = |done, to_do| if dry_run { to_do } else { done };
        let packs = counted(done.removed, "pack");
        let (about, freed) = (word("", "about "), done.removed_bytes.saturating_sub(done.copied_bytes));
        lines.push((
            word("removed", "to remove"),
            format!("{packs} of {}, {}", done.packs, size(done.removed_bytes)),
        ));
        lines.push((
            word("moved", "to move"),
            format!("{about}{} of them that is needed", size(done.copied_bytes)),
        ));
        lines.push((word("freed", "to free"), format!("{about}{}", size(freed))));
    }
    let widest = lines.iter().map(|(word, _)| word.len()).max().unwrap_or(0);
    let mut text: String = lines.iter().map(|(word, rest)| format!("{word:widest$}  {rest}\n")).collect();
    if lines.is_empty() {
        text += &format!("nothing to free: {}\n", counted(done.packs, "pack"));
    }
    match done.young.len() as u64 {
        0 => {}
        1 => text += "1 pack that nothing refers to stays, as it is younger than a day\n",
        young => {
            text += &format!("{young} packs that nothing refers to stay, as they are younger than a day\n")
        }
    }
    if done.absent > 0 {
        text += &format!("{} not here, of what is referred to\n", counted(done.absent, "content"));
    }
    text
}

/// What a collection did, or would do, as JSON.
pub fn collected_json(done: &Collected, dry_run: bool) -> Value {
    json!({
        "dry_run": dry_run,
        "epoch": done.epoch,
        "packs": done.packs,
        "removed": done.removed,
        "removed_bytes": done.removed_bytes,
        "moved_bytes": done.copied_bytes,
        "young": done.young.len(),
        "runs": done.folded,
        "fences": done.fences,
        "absent": done.absent,
    })
}

fn counted(count: u64, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_done_is_told() {
        let done = Collected {
            epoch: Some(1),
            packs: 20,
            removed: 12,
            removed_bytes: 5_000_000,
            copied_bytes: 1_000_000,
            folded: 100,
            absent: 1,
            ..Collected::default()
        };
        insta::assert_snapshot!(collected(&done, false), @r"
        gathered  100 finished runs into one batch
        removed   12 packs of 20, 5.0 MB
        moved     1.0 MB of them that is needed
        freed     4.0 MB
        1 content not here, of what is referred to
        ");
        insta::assert_snapshot!(collected(&done, true), @r"
        to gather  100 finished runs into one batch
        to remove  12 packs of 20, 5.0 MB
        to move    about 1.0 MB of them that is needed
        to free    about 4.0 MB
        1 content not here, of what is referred to
        ");
        insta::assert_snapshot!(collected(&Collected { packs: 3, ..Collected::default() }, false), @"nothing to free: 3 packs");
    }
}
