//! The host: operating system, processor, memory, container and its limits.
//!
//! From `/proc`, `/sys` and `/etc` on Linux, below a root that tests can choose; through sysinfo elsewhere.
//! Nothing that tells one machine from another of the same make is looked at.

use std::path::Path;

use crate::object::System;

#[cfg(target_os = "linux")]
pub(super) use linux::observe;
#[cfg(not(target_os = "linux"))]
pub(super) use other::observe;

const MIB: u64 = 1 << 20;

/// The nearest whole MiB.
fn whole_mib(bytes: u64) -> u64 {
    bytes.saturating_add(MIB / 2) / MIB * MIB
}

fn processors() -> u64 {
    std::thread::available_parallelism().map_or(1, |count| count.get() as u64)
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use crate::capture::{cgroup, cpu, hypervisor, small_file};

    /// The part of `/proc/cpuinfo` that surely has the first processor. On a large host the whole takes milliseconds.
    const FIRST_PROCESSOR: u64 = 16 << 10;

    /// What the host below this root is.
    pub(in crate::capture) fn observe(root: &Path) -> System {
        let line = |path: &str| small_file::line(&root.join(path));
        let text = |path: &str| small_file::text(&root.join(path)).unwrap_or_default();
        let cpuinfo = small_file::text_up_to(&root.join("proc/cpuinfo"), FIRST_PROCESSOR).unwrap_or_default();
        let online = line("sys/devices/system/cpu/online");
        let siblings = line("sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
        let cpu = cpu::parse(&cpuinfo, online.as_deref(), siblings.as_deref(), processors());
        let kernel = line("proc/sys/kernel/osrelease");
        let memory = whole_mib(parse_memory(&text("proc/meminfo")).unwrap_or(0));
        System {
            os: std::env::consts::OS.to_owned(),
            release: parse_release(&text("etc/os-release"))
                .or_else(|| parse_release(&text("usr/lib/os-release"))),
            container: container(root, kernel.as_deref()).or_else(|| hypervisor::observe(root, &cpuinfo)),
            kernel,
            arch: std::env::consts::ARCH.to_owned(),
            libc: libc(root),
            limits: cgroup::limits(root, cpu.threads, memory),
            cpu,
            memory,
            numa_nodes: line("sys/devices/system/node/online").as_deref().and_then(cpu::count),
            blas: None,
            allocation: None,
        }
    }

    /// `MemTotal` of `/proc/meminfo`, in bytes.
    fn parse_memory(meminfo: &str) -> Option<u64> {
        let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    }

    /// `PRETTY_NAME` of `/etc/os-release`, else name and version.
    fn parse_release(text: &str) -> Option<String> {
        let value = |key: &str| {
            let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='))?;
            let value = line.trim().trim_matches(['"', '\'']).replace("\\", "");
            (!value.is_empty()).then_some(value)
        };
        value("PRETTY_NAME").or_else(|| match (value("NAME"), value("VERSION_ID")) {
            (Some(name), Some(version)) => Some(format!("{name} {version}")),
            (name, _) => name,
        })
    }

    /// The container that this runs in, by the marks that its makers leave.
    fn container(root: &Path, kernel: Option<&str>) -> Option<String> {
        let has = |path: &str| root.join(path).symlink_metadata().is_ok();
        let groups = small_file::text(&root.join("proc/1/cgroup")).unwrap_or_default();
        let secrets = ["run/secrets/kubernetes.io", "var/run/secrets/kubernetes.io"];
        let known = if secrets.into_iter().any(has) || groups.contains("kubepods") {
            "kubernetes"
        } else if has("run/.containerenv") {
            "podman"
        } else if has(".dockerenv") || groups.contains("/docker") {
            "docker"
        } else if has(".singularity.d") {
            "apptainer"
        } else if let Some(name) = small_file::line(&root.join("run/systemd/container")) {
            // Written by systemd, in its own list of short words.
            return Some(name).filter(|name| name.len() < 64 && !name.contains(char::is_control));
        } else if groups.contains("/lxc") {
            "lxc"
        } else if kernel.is_some_and(|kernel| kernel.to_ascii_lowercase().contains("microsoft")) {
            "wsl"
        } else {
            return None;
        };
        Some(known.to_owned())
    }

    /// The C library of the host: what its dynamic loader says of itself. It is a file to be read, not run.
    fn libc(root: &Path) -> Option<String> {
        let loader = match std::env::consts::ARCH {
            "x86_64" => "lib64/ld-linux-x86-64.so.2",
            "aarch64" => "lib/ld-linux-aarch64.so.1",
            "powerpc64" => "lib64/ld64.so.2",
            "riscv64" => "lib/ld-linux-riscv64-lp64d.so.1",
            _ => return None,
        };
        let loader = root.join(loader);
        if let Ok(target) = std::fs::read_link(&loader)
            && let Some(version) = version_in_name(&target)
        {
            return Some(format!("glibc {version}"));
        }
        match small_file::bytes(&loader) {
            Some(bytes) => parse_loader(&bytes).map(|version| format!("glibc {version}")),
            None => {
                let musl = format!("lib/ld-musl-{}.so.1", std::env::consts::ARCH);
                let bytes = small_file::bytes(&root.join(musl))?;
                Some(parse_musl(&bytes).map_or("musl".into(), |version| format!("musl {version}")))
            }
        }
    }

    /// Older loaders are links to a name with the version, `ld-2.31.so`.
    fn version_in_name(target: &Path) -> Option<&str> {
        let version = target.file_name()?.to_str()?.strip_prefix("ld-")?.strip_suffix(".so")?;
        version.starts_with(|c: char| c.is_ascii_digit()).then_some(version)
    }

    /// `… release version 2.36.` in the bytes of glibc's loader.
    fn parse_loader(bytes: &[u8]) -> Option<&str> {
        version_at(bytes, find(bytes, b" release version ")?.end)
    }

    /// musl keeps its version as text of its own, behind the words that it prints when it is run.
    fn parse_musl(bytes: &[u8]) -> Option<&str> {
        let banner = find(bytes, b"musl libc (")?.start;
        let around = bytes.get(banner.saturating_sub(4096)..)?;
        let around = &around[..around.len().min(8192)];
        around.split(|byte| *byte == 0).find_map(|text| {
            let version = std::str::from_utf8(text).ok()?.strip_prefix("1.")?;
            let numeric = version.len() < 8 && version.bytes().all(|b| b.is_ascii_digit() || b == b'.');
            (numeric && version.contains('.')).then(|| std::str::from_utf8(text).ok()).flatten()
        })
    }

    fn version_at(bytes: &[u8], start: usize) -> Option<&str> {
        let rest = bytes.get(start..)?;
        let len = rest.iter().take(16).take_while(|b| b.is_ascii_digit() || **b == b'.').count();
        let version = std::str::from_utf8(&rest[..len]).ok()?.trim_end_matches('.');
        (!version.is_empty()).then_some(version)
    }

    fn find(bytes: &[u8], wanted: &[u8]) -> Option<std::ops::Range<usize>> {
        let start = bytes.windows(wanted.len()).position(|window| window == wanted)?;
        Some(start..start + wanted.len())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn text_of_many_hosts() {
            assert_eq!(parse_memory("MemTotal:       24684096 kB\nMemFree: 1 kB\n"), Some(24_684_096 << 10));
            assert_eq!(parse_memory("MemTotal: 99999999999999999999 kB"), None);
            assert_eq!(whole_mib(24_684_096 << 10), 24_106 << 20);
            let debian = "PRETTY_NAME=\"Debian GNU/Linux 12 (bookworm)\"\nNAME=\"Debian GNU/Linux\"\n";
            assert_eq!(parse_release(debian).as_deref(), Some("Debian GNU/Linux 12 (bookworm)"));
            assert_eq!(parse_release("NAME=Alpine\nVERSION_ID=3.20").as_deref(), Some("Alpine 3.20"));
            assert_eq!(parse_release("# nothing\n"), None);
        }

        #[test]
        fn the_loader_tells_the_library() {
            let bytes = b"\0ld.so (Debian GLIBC 2.36-9+deb12u14) stable release version 2.36.\nCopyright";
            assert_eq!(parse_loader(bytes), Some("2.36"));
            assert_eq!(parse_loader(b"\0 release version \xff"), None);
            assert_eq!(version_in_name(Path::new("ld-2.31.so")), Some("2.31"));
            assert_eq!(version_in_name(Path::new("x86_64-linux-gnu/ld-linux-x86-64.so.2")), None);
            assert_eq!(parse_musl(b"\x001.2.4\0x\0musl libc (x86_64)\nVersion %s\n"), Some("1.2.4"));
        }

        #[test]
        fn containers_leave_marks() {
            for (mark, text, expected) in [
                (".dockerenv", "", Some("docker")),
                ("run/.containerenv", "", Some("podman")),
                ("run/secrets/kubernetes.io/x", "", Some("kubernetes")),
                ("proc/1/cgroup", "0::/kubepods/burstable/pod1\n", Some("kubernetes")),
                ("proc/1/cgroup", "1:name=systemd:/lxc/a\n", Some("lxc")),
                ("proc/1/cgroup", "0::/init.scope\n", None),
                ("run/systemd/container", "systemd-nspawn\n", Some("systemd-nspawn")),
                ("proc/sys/kernel/osrelease", "5.15.90.1-microsoft-standard-WSL2\n", Some("wsl")),
            ] {
                let dir = tempfile::tempdir().unwrap();
                let path = dir.path().join(mark);
                std::fs::create_dir_all(path.parent().unwrap()).unwrap();
                std::fs::write(path, text).unwrap();
                assert_eq!(observe(dir.path()).container.as_deref(), expected, "{mark} {text}");
            }
        }

        #[test]
        fn this_host_is_seen_twice_alike() {
            let system = observe(Path::new("/"));
            assert_eq!(system, observe(Path::new("/")));
            assert!(system.memory > 0 && system.memory.is_multiple_of(MIB));
            assert!(system.cpu.threads > 0 && system.kernel.is_some());
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::*;
    use crate::object::{Cpu, Limits};

    /// What the host is, as far as sysinfo tells.
    pub(in crate::capture) fn observe(_: &Path) -> System {
        use sysinfo::{CpuRefreshKind, MemoryRefreshKind, RefreshKind};
        let wanted = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        let host = sysinfo::System::new_with_specifics(wanted);
        let cpu = host.cpus().first();
        System {
            os: std::env::consts::OS.to_owned(),
            release: sysinfo::System::long_os_version(),
            kernel: sysinfo::System::kernel_version(),
            arch: std::env::consts::ARCH.to_owned(),
            libc: None,
            cpu: Cpu {
                model: cpu.map_or("unknown", |cpu| cpu.brand()).trim().to_owned(),
                vendor: cpu.map(|cpu| cpu.vendor_id().to_owned()).filter(|vendor| !vendor.is_empty()),
                cores: sysinfo::System::physical_core_count().map(|count| count as u64),
                threads: processors(),
                extensions: Vec::new(),
            },
            memory: whole_mib(host.total_memory()),
            numa_nodes: None,
            container: None,
            limits: Limits { cpus: None, memory: None },
            blas: None,
            allocation: None,
        }
    }
}
