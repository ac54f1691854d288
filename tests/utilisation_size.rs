//! How much an hour of samples takes in a repository: 8 accelerators and the host, once a second, written by the real
//! store. The series are as noisy as a training's; `cargo test --test utilisation_size -- --nocapture` prints the figures.

use std::collections::BTreeMap;
use std::sync::Arc;

use mdl::object::{Series, get, put};
use mdl::progress::Silent;
use mdl::storage::Memory;
use mdl::store::Store;

const SECONDS: i64 = 3600;
const START: i64 = 1_764_166_000_123_000;

/// A generator of equal sequences everywhere (SplitMix64).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// From 0 up to, but not including, 1.
    fn uniform(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Roughly normal: the sum of twelve.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// The whole milliseconds of ticks that are late by some 60 µs, and now and then by some milliseconds.
fn times(noise: &mut Noise) -> Vec<i64> {
    let late = |noise: &mut Noise| {
        let usual = (60.0 + 20.0 * noise.normal()).max(0.0);
        if noise.uniform() < 0.01 { usual + 8000.0 * noise.uniform() } else { usual }
    };
    (0..SECONDS).map(|tick| (START + tick * 1_000_000 + late(noise) as i64) / 1000 * 1000).collect()
}

fn series(times: &[i64], mut value: impl FnMut(f64) -> f64) -> Series {
    Series {
        steps: None,
        times: Some(times.to_vec()),
        values: times.iter().map(|t| value((t - START) as f64 / 1e6)).collect(),
    }
}

fn whole(value: f64) -> f64 {
    value.max(0.0).round()
}

/// What one card shows of a training: steps, an evaluation every ten minutes, a checkpoint now and then.
fn card(index: u64, times: &[i64], all: &mut BTreeMap<String, Series>) {
    let mut noise = Noise(index);
    let training = |t: f64| (t % 600.0) < 540.0;
    let mut add = |name: &str, value: &mut dyn FnMut(f64, &mut Noise) -> f64| {
        all.insert(format!("gpu{index}.{name}"), series(times, |t| value(t, &mut noise)));
    };
    add("busy", &mut |t, n| {
        whole(if training(t) { 91.0 + 6.0 * n.normal() } else { 35.0 + 20.0 * n.normal() }).min(100.0)
    });
    add("memory_busy", &mut |t, n| {
        whole(if training(t) { 58.0 + 5.0 * n.normal() } else { 20.0 + 9.0 * n.normal() }).min(100.0)
    });
    add("memory_used", &mut |t, _| {
        if t < 20.0 { 1.5e9 + t.floor() * 2_097_152_000.0 } else { 61_234_741_248.0 }
    });
    add("power", &mut |t, n| {
        whole(if training(t) { 560.0 + 35.0 * n.normal() } else { 240.0 + 60.0 * n.normal() })
    });
    add("temperature", &mut |t, n| whole(58.0 + 4.0 * (t / 300.0).sin() + 0.4 * n.normal()));
    add("sm_clock", &mut |_, n| 1980.0 - 15.0 * whole(n.normal().abs() * 2.0));
    add("throttle", &mut |_, n| if n.uniform() < 0.3 { 4.0 } else { 0.0 });
    add("pcie_rx", &mut |_, n| whole(3_500_000.0 + 900_000.0 * n.normal()) * 1024.0);
    add("pcie_tx", &mut |_, n| whole(800_000.0 + 250_000.0 * n.normal()) * 1024.0);
}

fn host(times: &[i64], all: &mut BTreeMap<String, Series>) {
    let mut noise = Noise(99);
    let mut add = |name: &str, value: &mut dyn FnMut(f64, &mut Noise) -> f64| {
        all.insert(name.to_owned(), series(times, |t| value(t, &mut noise)));
    };
    add("process.cpu", &mut |_, n| whole(930.0 + 60.0 * n.normal()));
    add("process.memory", &mut |t, n| whole(900_000.0 + t + 300.0 * n.normal()) * 65536.0);
    add("process.threads", &mut |t, _| if t < 20.0 { 8.0 } else { 216.0 });
    add("process.read", &mut |_, n| whole(180_000.0 + 50_000.0 * n.normal()) * 4096.0);
    add("process.written", &mut |t, n| {
        if t % 300.0 < 12.0 { whole(500_000.0 + 9000.0 * n.normal()) * 4096.0 } else { 0.0 }
    });
    add("host.cpu", &mut |_, n| whole((12.0 + n.normal()) * 8.0) / 8.0);
    add("host.memory_used", &mut |_, n| whole(1_800_000.0 + 3000.0 * n.normal()) * 65536.0);
    add("host.received", &mut |_, n| whole(190_000.0 + 60_000.0 * n.normal()) * 1024.0);
    add("host.sent", &mut |_, n| whole(3000.0 + 800.0 * n.normal()) * 1024.0);
}

#[test]
fn an_hour_of_eight_accelerators_takes_less_than_a_megabyte() {
    let times = times(&mut Noise(1));
    let mut all = BTreeMap::new();
    (0..8).for_each(|index| card(index, &times, &mut all));
    host(&times, &mut all);

    let store = Store::open(Arc::new(Memory::new()), None);
    let writer = store.writer(&Silent);
    let ids: Vec<_> = all.values().map(|series| put(&writer, series).unwrap()).collect();
    let stored = writer.finish().unwrap().stored_bytes;
    let raw = all.len() * SECONDS as usize * 16;
    println!("{} series of {SECONDS} points: {raw} bytes raw, {stored} in packs", all.len());

    for (id, series) in ids.into_iter().zip(all.values()) {
        assert_eq!(&get::<Series>(&store, id).unwrap(), series);
    }
    assert!(stored <= 1_000_000, "{stored} bytes");
}
