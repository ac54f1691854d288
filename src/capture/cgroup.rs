//! The limits that control groups set, version 1 and 2, as text read from a root that tests can choose.
//!
//! A group's limit holds for all below it, so the limit is the smallest on the way up. Where the path that the
//! kernel tells does not exist (a container without a namespace of its own), what exists above it counts.

use std::path::{Path, PathBuf};

use crate::capture::small_file;
use crate::object::Limits;

/// Version 1 writes "no limit" as the largest multiple of a page; nobody has a fraction of that.
const NO_LIMIT: u64 = 1 << 60;

const NONE: Limits = Limits { cpus: None, memory: None };

/// The limits of this process. A limit that is no less than what the host has is none.
pub(super) fn limits(root: &Path, processors: u64, memory: u64) -> Limits {
    let Some(groups) = small_file::text(&root.join("proc/self/cgroup")) else { return NONE };
    let mut limits = NONE;
    for (folder, version, path) in parse_groups(&groups) {
        for folder in ways_up(&root.join("sys/fs/cgroup").join(folder), path) {
            if let Some(cpus) = cpus(&folder, version) {
                limits.cpus = Some(limits.cpus.map_or(cpus, |least: f64| least.min(cpus)));
            }
            if let Some(bytes) = bytes(&folder, version) {
                limits.memory = Some(limits.memory.map_or(bytes, |least| least.min(bytes)));
            }
        }
    }
    limits.cpus = limits.cpus.filter(|cpus| *cpus < processors as f64);
    limits.memory = limits.memory.filter(|bytes| *bytes < memory);
    limits
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// The hierarchies of `/proc/self/cgroup` that limit processors or memory: their folder and the path in it.
fn parse_groups(text: &str) -> Vec<(&str, Version, &str)> {
    let of_line = |line| {
        let mut fields = str::splitn(line, 3, ':');
        let (number, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
        if number == "0" && controllers.is_empty() {
            return Some(("", Version::Two, path));
        }
        let limits = controllers.split(',').any(|name| matches!(name, "cpu" | "memory"));
        limits.then_some((controllers, Version::One, path))
    };
    text.lines().take(64).filter_map(of_line).collect()
}

/// The folder of a group and of each above it, up to the hierarchy's own. Steps out of the hierarchy are passed over.
fn ways_up(top: &Path, path: &str) -> Vec<PathBuf> {
    let names = path.split('/').filter(|name| !name.is_empty() && !matches!(*name, "." | "..")).take(64);
    let mut folders = vec![top.to_owned()];
    for name in names {
        folders.push(folders[folders.len() - 1].join(name));
    }
    folders
}

fn cpus(folder: &Path, version: Version) -> Option<f64> {
    match version {
        Version::Two => parse_cpu_max(&small_file::line(&folder.join("cpu.max"))?),
        Version::One => {
            let quota = small_file::line(&folder.join("cpu.cfs_quota_us"))?;
            let period = small_file::line(&folder.join("cpu.cfs_period_us"))?;
            parse_cpu_max(&format!("{quota} {period}"))
        }
    }
}

fn bytes(folder: &Path, version: Version) -> Option<u64> {
    let name = if version == Version::Two { "memory.max" } else { "memory.limit_in_bytes" };
    small_file::line(&folder.join(name))?.parse().ok().filter(|bytes| *bytes < NO_LIMIT)
}

/// Quota and period in microseconds, as a number of processors; `max` or -1 is no limit.
fn parse_cpu_max(text: &str) -> Option<f64> {
    let (quota, period) = text.split_once(' ')?;
    let (quota, period): (u64, u64) = (quota.parse().ok()?, period.trim().parse().ok()?);
    (quota > 0 && period > 0).then(|| quota as f64 / period as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        dir
    }

    #[test]
    fn the_smallest_limit_of_version_2_counts() {
        let host = host(&[
            ("proc/self/cgroup", "0::/kubepods.slice/pod1/c1\n"),
            ("sys/fs/cgroup/kubepods.slice/cpu.max", "1600000 100000\n"),
            ("sys/fs/cgroup/kubepods.slice/memory.max", "max\n"),
            ("sys/fs/cgroup/kubepods.slice/pod1/cpu.max", "350000 100000\n"),
            ("sys/fs/cgroup/kubepods.slice/pod1/memory.max", "8589934592\n"),
            ("sys/fs/cgroup/kubepods.slice/pod1/c1/cpu.max", "max 100000\n"),
            ("sys/fs/cgroup/kubepods.slice/pod1/c1/memory.max", "17179869184\n"),
        ]);
        assert_eq!(limits(host.path(), 64, 1 << 40), Limits { cpus: Some(3.5), memory: Some(8 << 30) });
        assert_eq!(limits(host.path(), 2, 1 << 30), NONE, "the host has less");
    }

    #[test]
    fn version_1_in_a_container_without_a_namespace() {
        let host = host(&[
            ("proc/self/cgroup", "5:memory:/docker/abc\n4:cpu,cpuacct:/docker/abc\n3:freezer:/x\n0::/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "2147483648\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "150000\n"),
            ("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(limits(host.path(), 8, 1 << 40), Limits { cpus: Some(1.5), memory: Some(2 << 30) });
    }

    #[test]
    fn no_limit_is_written_in_many_ways() {
        let host = host(&[
            ("proc/self/cgroup", "1:cpu:/../..\n2:memory:/\n"),
            ("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n"),
            ("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n"),
        ]);
        assert_eq!(limits(host.path(), 8, u64::MAX), NONE);
        assert_eq!(limits(&host.path().join("nowhere"), 8, u64::MAX), NONE);
        for text in ["max 100000", "-1 100000", "0 100000", "100000 0", "100000", "x y", ""] {
            assert_eq!(parse_cpu_max(text), None, "{text}");
        }
    }
}
