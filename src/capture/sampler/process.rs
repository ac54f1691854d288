//! One process, from what the kernel tells of it in `/proc/<pid>/stat` and `/proc/<pid>/io`.

use std::path::Path;

use crate::capture::sampler::kept::Kept;

/// What `/proc/<pid>/stat` tells. Times are in ticks of the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Stat {
    pub(super) parent: u32,
    pub(super) group: u32,
    pub(super) session: u32,
    /// When it started: with its number, it tells a process from all others.
    pub(super) start: u64,
    /// Processor time of its own.
    pub(super) own: u64,
    /// Processor time of children that it has waited for, and of theirs.
    pub(super) reaped: u64,
    /// Page faults of those children: more than before where it has waited for one.
    pub(super) reaped_faults: u64,
    /// None of a process that has ended, and is only waited for.
    pub(super) threads: u64,
    /// Resident pages.
    pub(super) pages: u64,
}

/// Reads it. The name stands in parentheses and may have any character, these as well.
pub(super) fn parse_stat(text: &str) -> Option<Stat> {
    let (_, rest) = text.rsplit_once(')')?;
    // The first is field 3 of proc_pid_stat(5), the state.
    let fields: Vec<&str> = rest.split_ascii_whitespace().take(22).collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<i128>().ok();
    let count = |number: usize| Some(field(number)?.clamp(0, u64::MAX.into()) as u64);
    let has_ended = matches!(fields.first(), Some(&"Z" | &"X"));
    let id = |number: usize| Some(u32::try_from(field(number)?).unwrap_or(0));
    Some(Stat {
        parent: id(4)?,
        group: id(5)?,
        session: id(6)?,
        start: count(22)?,
        own: count(14)?.saturating_add(count(15)?),
        reaped: count(16)?.saturating_add(count(17)?),
        reaped_faults: count(11)?,
        threads: if has_ended { 0 } else { count(20)? },
        pages: count(24)?,
    })
}

/// Bytes that went from and to storage: of the process, and of the children that it has waited for.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Disk {
    pub(super) read: u64,
    pub(super) written: u64,
}

pub(super) fn parse_io(text: &str) -> Option<Disk> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().parse::<u64>().ok()
    };
    let (written, cancelled) = (field("write_bytes:")?, field("cancelled_write_bytes:").unwrap_or(0));
    Some(Disk { read: field("read_bytes:")?, written: written.saturating_sub(cancelled) })
}

/// A process that is looked at again and again.
#[derive(Debug)]
pub(super) struct Process {
    stat_file: Kept,
    io_file: Kept,
    pub(super) stat: Stat,
    /// `None` where another user's process does not tell.
    pub(super) disk: Option<Disk>,
}

impl Process {
    /// Looks at a process for the first time.
    pub(super) fn open(proc: &Path, pid: u32, keep: bool, buffer: &mut Vec<u8>) -> Option<Self> {
        let folder = proc.join(pid.to_string());
        let mut process = Self {
            stat_file: Kept::new(folder.join("stat"), keep),
            io_file: Kept::new(folder.join("io"), keep),
            stat: Stat::default(),
            disk: None,
        };
        process.stat = parse_stat(process.stat_file.read(buffer)?)?;
        Some(process)
    }

    /// Looks again; whether it is still the same process.
    pub(super) fn refresh(&mut self, buffer: &mut Vec<u8>) -> bool {
        let stat = self.stat_file.read(buffer).and_then(parse_stat);
        let Some(stat) = stat.filter(|stat| stat.start == self.stat.start) else { return false };
        self.stat = stat;
        self.look_at_disk(buffer);
        true
    }

    /// One that has ended and was not waited for yet tells no more: what it told last counts.
    pub(super) fn look_at_disk(&mut self, buffer: &mut Vec<u8>) {
        self.disk = self.io_file.read(buffer).and_then(parse_io).or(self.disk);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_have_any_character() {
        let rest = "S 1 42 40 0 -1 4194304 99 1234 0 7 150 50 30 12 20 0 9 0 111460 3133440 414 18446744073709551615";
        for name in ["python", "a) R 9 9 9 (b", "tmux: server", ")", "", "((("] {
            let stat = parse_stat(&format!("77 ({name}) {rest}\n")).unwrap();
            let expected = Stat {
                parent: 1,
                group: 42,
                session: 40,
                start: 111_460,
                own: 200,
                reaped: 42,
                reaped_faults: 1234,
                threads: 9,
                pages: 414,
            };
            assert_eq!(stat, expected, "{name}");
        }
    }

    #[test]
    fn what_is_not_whole_is_nothing() {
        for text in ["", "77 (a", "77 (a) S 1 42", "77 (a) S x 42 40 0 -1 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0"] {
            assert_eq!(parse_stat(text), None, "{text}");
        }
        // A group outside of the namespace is 0, and the kernel writes -1 for some.
        let text = "1 (a) S -1 0 0 0 -1 0 0 0 0 0 -5 0 0 0 0 0 1 0 7 0 0";
        assert_eq!(parse_stat(text).map(|stat| (stat.parent, stat.own)), Some((0, 0)));
    }

    #[test]
    fn one_that_is_only_waited_for_has_no_threads() {
        let text = |state: char| format!("5 (a) {state} 1 5 5 0 -1 0 0 0 0 0 3 0 0 0 0 0 1 0 7 0 0");
        let threads = |state| parse_stat(&text(state)).map(|stat| (stat.threads, stat.own));
        assert_eq!((threads('R'), threads('Z')), (Some((1, 3)), Some((0, 3))));
    }

    #[test]
    fn what_was_never_written_does_not_count() {
        let text = "rchar: 1\nwchar: 2\nsyscr: 3\nsyscw: 4\nread_bytes: 4096\nwrite_bytes: 8192\n\
            cancelled_write_bytes: 4096\n";
        assert_eq!(parse_io(text), Some(Disk { read: 4096, written: 4096 }));
        assert_eq!(parse_io("rchar: 1\n"), None);
    }
}
