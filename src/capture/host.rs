//! Which host this is and which of its processes still runs: observations, and no part of a definition.

#[cfg(target_os = "linux")]
use std::path::Path;

#[cfg(target_os = "linux")]
use crate::capture::small_file;

/// What tells this host, since it was started, from every other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: Option<String>,
    /// The id of this start of it.
    pub boot: Option<String>,
    /// Within which the numbers of processes tell them apart: containers of one boot may each have their own.
    pub processes: Option<String>,
}

#[cfg(target_os = "linux")]
pub(super) fn observe() -> Host {
    let line = |path: &str| small_file::line(Path::new(path));
    let processes = std::fs::read_link("/proc/self/ns/pid").ok();
    Host {
        name: line("/proc/sys/kernel/hostname"),
        boot: line("/proc/sys/kernel/random/boot_id"),
        processes: processes.and_then(|link| link.into_os_string().into_string().ok()),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn observe() -> Host {
    let boot = Some(sysinfo::System::boot_time()).filter(|seconds| *seconds > 0);
    Host {
        name: sysinfo::System::host_name(),
        boot: boot.map(|seconds| seconds.to_string()),
        processes: None,
    }
}

#[cfg(target_os = "linux")]
pub(super) fn process_start(pid: u32) -> Option<u64> {
    parse_start(&small_file::text_up_to(Path::new(&format!("/proc/{pid}/stat")), 4096)?)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn process_start(pid: u32) -> Option<u64> {
    use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};
    let pid = Pid::from_u32(pid);
    let mut system = System::new();
    system.refresh_processes_specifics(ProcessesToUpdate::Some(&[pid]), true, ProcessRefreshKind::nothing());
    system.process(pid).map(|process| process.start_time())
}

/// The 22nd field of `/proc/PID/stat`. The second, the program's name, may have spaces and brackets. A process that
/// has ended and that nobody has waited for is dead.
#[cfg(target_os = "linux")]
fn parse_start(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    if matches!(state, "Z" | "X") {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn this_process_started_once() {
        let own = std::process::id();
        assert!(process_start(own).is_some());
        assert_eq!(process_start(own), process_start(own));
        assert_eq!(process_start(u32::MAX), None);
        let host = observe();
        assert!(host.name.is_some());
        assert_eq!(host.boot.map(|boot| boot.len()), Some(36));
    }

    #[test]
    fn a_child_that_ended_is_dead() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let start = process_start(child.id());
        assert!(start >= process_start(std::process::id()), "a child is not older than its parent");
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(process_start(child.id()), None);
    }

    #[test]
    fn names_of_programs_do_not_confuse() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20";
        assert_eq!(parse_start(&format!("12 (a) b) (c) {rest}")), Some(4711));
        assert_eq!(parse_start("12 (a) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 4711 20"), None);
        assert_eq!(parse_start("12 (a) S 1"), None);
    }
}
