//! The log in memory and on the disk, without a process.

use proptest::prelude::*;

use crate::disk::OsDisk;
use crate::launch::log::{Bounds, Keeper, Log};
use crate::launch::spool::{Spool, Spooler, spooled};

/// Bytes that tell where they lie.
fn printed(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

fn keep(bounds: Bounds, bytes: &[u8], pieces: &[usize]) -> Keeper {
    let keeper = Keeper::new(bounds, false);
    let mut rest = bytes;
    for piece in pieces.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let (now, later) = rest.split_at((*piece).min(rest.len()));
        keeper.append(now);
        rest = later;
    }
    keeper
}

proptest! {
    #[test]
    fn a_log_is_the_beginning_and_the_end(
        len in 0usize..3000, head in 0usize..400, tail in 0usize..400, pieces in prop::collection::vec(1usize..700, 1..5),
    ) {
        let bytes = printed(len);
        let log = keep(Bounds { head, tail }, &bytes, &pieces).take();
        prop_assert_eq!(log.size, len as u64);
        prop_assert_eq!(&log.head[..], &bytes[..head.min(len)]);
        prop_assert_eq!(&log.tail[..], &bytes[len - tail.min(len - head.min(len))..]);
        prop_assert_eq!(log.left_out() as usize, len.saturating_sub(head + tail));
        if log.left_out() == 0 {
            prop_assert_eq!(log.text(), bytes);
        }
    }

    #[test]
    fn a_spool_has_what_the_log_has(
        rounds in prop::collection::vec(0usize..900, 0..12), head in 0usize..300, tail in 1usize..300,
    ) {
        let folder = tempfile::tempdir().unwrap();
        let bounds = Bounds { head, tail };
        let bytes = printed(rounds.iter().sum());
        let keeper = Keeper::new(bounds, false);
        let mut spooler = Spooler::new(Spool { disk: &OsDisk, folder: folder.path() }, bounds);
        let (mut at, mut from, mut copy) = (0, 0, Vec::new());
        for round in rounds {
            keeper.append(&bytes[at..at + round]);
            at += round;
            while from < at as u64 {
                let start = keeper.next(from, &mut copy).unwrap();
                spooler.add(start, &copy).unwrap();
                from = start + copy.len() as u64;
            }
            // At every moment, as if we were killed now.
            let found = spooled(folder.path()).unwrap().unwrap_or_default();
            let bound = head + tail + tail.div_ceil(4) + tail;
            prop_assert_eq!(found.size, at as u64);
            prop_assert!(found.head.starts_with(&bytes[..head.min(at)]));
            prop_assert!(bytes.starts_with(&found.head) && bytes[..at].ends_with(&found.tail));
            prop_assert!(found.head.len() + found.tail.len() >= at.min(head + tail));
            prop_assert!(found.head.len() + found.tail.len() <= bound + 900);
        }
    }
}

#[test]
fn a_cut_is_made_between_lines() {
    let log = Log { head: b"one\ntwo\nthr".to_vec(), tail: b"ht\nnine\n".to_vec(), size: 50 };
    assert_eq!(String::from_utf8(log.text()).unwrap(), "one\ntwo\n[… 37 bytes left out …]\nnine\n");
    let log = Log { head: b"no line".to_vec(), tail: b"none".to_vec(), size: 20 };
    assert_eq!(String::from_utf8(log.text()).unwrap(), "no line\n[… 9 bytes left out …]\nnone");
    let log = Log { head: Vec::new(), tail: b"x\nend\n".to_vec(), size: 10 };
    assert_eq!(String::from_utf8(log.text()).unwrap(), "[… 6 bytes left out …]\nend\n");
}

#[test]
fn what_is_closed_does_not_grow() {
    let keeper = keep(Bounds { head: 4, tail: 4 }, b"abc", &[1]);
    keeper.close();
    keeper.append(b"never");
    let mut copy = Vec::new();
    assert_eq!((keeper.next(0, &mut copy), &copy[..]), (Some(0), &b"abc"[..]));
    assert_eq!(keeper.next(3, &mut copy), None);
    assert_eq!(keeper.take().text(), b"abc");
}
