//! The whole host: its processors, memory and network, from `/proc`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::capture::sampler::kept::Kept;

/// What the host uses now, and what went on since the last sample. What cannot be read is absent.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    /// Per cent of all processors; `None` at the first sample.
    pub(super) cpu: Option<f64>,
    /// Bytes of memory that are not available.
    pub(super) memory_used: Option<u64>,
    /// Bytes that were received and sent; `None` at the first sample.
    pub(super) network: Option<(u64, u64)>,
}

/// Reads what the kernel tells of the host.
pub(super) struct Host {
    stat: Kept,
    memory: Kept,
    network: Kept,
    /// Interfaces that stand for a device. Bridges and tunnels would count the same bytes again.
    devices: BTreeSet<String>,
    cpu: Option<(u64, u64)>,
    traffic: Option<BTreeMap<String, (u64, u64)>>,
    buffer: Vec<u8>,
}

impl Host {
    pub(super) fn new(root: &Path) -> Self {
        let kept = |path: &str| Kept::new(root.join(path), true);
        Self {
            stat: kept("proc/stat"),
            memory: kept("proc/meminfo"),
            // Of the network that this process is in.
            network: kept("proc/self/net/dev"),
            devices: devices(&root.join("sys/class/net")),
            cpu: None,
            traffic: None,
            buffer: Vec::with_capacity(16 << 10),
        }
    }

    pub(super) fn sample(&mut self) -> Usage {
        let cpu = self.stat.read(&mut self.buffer).and_then(processors);
        let busy = self.cpu.zip(cpu).and_then(|((busy_then, all_then), (busy, all))| {
            let (busy, all) = (busy.checked_sub(busy_then)?, all.checked_sub(all_then)?);
            (all > 0).then(|| (100.0 * busy as f64 / all as f64).min(100.0))
        });
        self.cpu = cpu.or(self.cpu);
        let memory_used = self.memory.read(&mut self.buffer).and_then(used_memory);
        let devices = &self.devices;
        let traffic = self.network.read(&mut self.buffer).map(|text| interfaces(text, devices));
        let network = self.traffic.as_ref().zip(traffic.as_ref()).map(|(then, now)| since(then, now));
        self.traffic = traffic.or(self.traffic.take());
        Usage { cpu: busy, memory_used, network }
    }
}

fn devices(folder: &Path) -> BTreeSet<String> {
    let Ok(listed) = std::fs::read_dir(folder) else { return BTreeSet::new() };
    let of_device = listed.flatten().filter(|entry| entry.path().join("device").exists());
    of_device.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// Ticks that all processors were busy, and ticks in all. Time that a hypervisor took away is not ours.
fn processors(text: &str) -> Option<(u64, u64)> {
    let line = text.lines().next()?.strip_prefix("cpu ")?;
    // user nice system idle iowait irq softirq steal; what follows is in user already.
    let ticks: Vec<u64> =
        line.split_ascii_whitespace().take(8).map_while(|field| field.parse().ok()).collect();
    let at = |number: usize| ticks.get(number).copied();
    let idle = at(3)?.saturating_add(at(4).unwrap_or(0)).saturating_add(at(7).unwrap_or(0));
    let all = ticks.iter().fold(0u64, |sum, ticks| sum.saturating_add(*ticks));
    Some((all - idle.min(all), all))
}

fn used_memory(text: &str) -> Option<u64> {
    let field = |name: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix(name))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
    };
    let available = field("MemAvailable:").or_else(|| field("MemFree:"))?;
    field("MemTotal:")?.checked_sub(available)
}

/// Bytes received and sent, by interface: of those that stand for a device, or of all if none does (in a container).
fn interfaces(text: &str, devices: &BTreeSet<String>) -> BTreeMap<String, (u64, u64)> {
    let of_line = |line: &str| {
        let (name, fields) = line.split_once(':')?;
        let name = name.trim();
        let counts = name != "lo" && (devices.is_empty() || devices.contains(name));
        let mut fields = fields.split_ascii_whitespace();
        let (received, sent) = (fields.next()?.parse().ok()?, fields.nth(7)?.parse().ok()?);
        counts.then(|| (name.to_owned(), (received, sent)))
    };
    text.lines().filter_map(of_line).collect()
}

/// What went through interfaces that were there before as well. A counter that went back began anew.
fn since(then: &BTreeMap<String, (u64, u64)>, now: &BTreeMap<String, (u64, u64)>) -> (u64, u64) {
    let both = now.iter().filter_map(|(name, now)| Some((then.get(name)?, now)));
    both.fold((0, 0), |(received, sent), (then, now)| {
        (received + now.0.saturating_sub(then.0), sent + now.1.saturating_sub(then.1))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    #[test]
    fn what_went_on_between_two_samples() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        let net = |eth0: &str, more: &str| {
            format!(
                "Inter-|   Receive\n face |bytes\n    lo: 9999999 1 0 0 0 0 0 0 9999999 1 0 0 0 0 0 0\n\
                  eth0:{eth0} 0 0 0 0 0 0 0\n{more}"
            )
        };
        write(root, "proc/stat", "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 100 0 50 800 50 0 0 0 0 0\n");
        write(root, "proc/meminfo", "MemTotal:  1000 kB\nMemFree: 100 kB\nMemAvailable:  400 kB\n");
        write(root, "proc/self/net/dev", &net("1000 1 0 0 0 0 0 0 500", ""));
        let mut host = Host::new(root);
        assert_eq!(host.sample(), Usage { cpu: None, memory_used: Some(614_400), network: None });
        write(root, "proc/stat", "cpu  150 0 75 900 75 0 0 50 7 7\n");
        let tunnel = "  tun0: 777 1 0 0 0 0 0 0 777 1 0 0 0 0 0 0\n";
        write(root, "proc/self/net/dev", &net("4096 9 0 0 0 0 0 0 400", tunnel));
        let expected = Usage { cpu: Some(30.0), memory_used: Some(614_400), network: Some((3096, 0)) };
        assert_eq!(host.sample(), expected, "sent went back, and the tunnel is new");
    }

    #[test]
    fn bridges_do_not_count_beside_devices() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "sys/class/net/eth0/device/vendor", "0x1");
        write(dir.path(), "sys/class/net/docker0/address", "");
        let found = devices(&dir.path().join("sys/class/net"));
        let text = "eth0: 1 0 0 0 0 0 0 0 2\ndocker0: 3 0 0 0 0 0 0 0 4\nlo: 5 0 0 0 0 0 0 0 6\n";
        assert_eq!(interfaces(text, &found), BTreeMap::from([("eth0".into(), (1, 2))]));
        assert_eq!(interfaces(text, &BTreeSet::new()).len(), 2);
    }

    #[test]
    fn nothing_is_readable() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "proc/stat", "cpu  a b\n");
        write(dir.path(), "proc/meminfo", "MemTotal: 18446744073709551615 kB\n");
        let mut host = Host::new(dir.path());
        assert_eq!((host.sample(), host.sample()), (Usage::default(), Usage::default()));
    }
}
