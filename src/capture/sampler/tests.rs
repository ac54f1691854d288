//! Tests of the sampler as a whole: with real processes, recorded texts of `/proc`, and a driver's library of our own.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::capture::sampler::tree::Tree;
use crate::capture::sampler::worker::Worker;
use crate::capture::sampler::{Event, Sampler, Samples, Setup};

/// Samples often, asks no real driver.
fn setup(pid: u32) -> Setup {
    Setup {
        interval: Duration::from_millis(100),
        root: PathBuf::from("/"),
        pid,
        #[cfg(feature = "nvml")]
        library: crate::capture::nvml::Library::At("/nowhere/libnvidia-ml.so.1".into()),
        limit: Duration::from_secs(20),
        patience: Duration::from_secs(5),
    }
}

fn sample(setup: Setup, time: Duration) -> Samples {
    let sampler = Sampler::with(setup, Box::new(|_| {}));
    std::thread::sleep(time);
    sampler.finish()
}

fn values<'a>(samples: &'a Samples, name: &str) -> &'a [f64] {
    samples.series.get(name).map_or(&[], |series| &series.values)
}

/// A program that is killed when the test is done with it.
struct Running(Child);

impl Running {
    fn shell(script: &str) -> Self {
        let child = Command::new("sh").args(["-c", script]).stdout(Stdio::null()).spawn();
        Self(child.expect("there is a shell"))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_short_run_has_a_sample_at_its_start_and_its_end() {
    let seen = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let of_ticks = seen.clone();
    let setup = Setup { interval: Duration::from_secs(60), ..setup(std::process::id()) };
    let sampler = Sampler::with(setup, Box::new(move |tick| of_ticks.lock().unwrap().push(tick.number)));
    std::thread::sleep(Duration::from_millis(50));
    let samples = sampler.finish();
    assert_eq!((samples.ticks, seen.lock().unwrap().as_slice()), (2, [1, 2].as_slice()));
    assert!(samples.span.1 - samples.span.0 >= 40_000, "{:?}", samples.span);
    assert_eq!(samples.interval, 60.0);
    if cfg!(target_os = "linux") {
        assert_eq!(values(&samples, "process.memory").len(), 2);
        assert_eq!(values(&samples, "process.cpu").len(), 1, "a rate needs two looks");
        // A loader of libraries may be slower than so short a run.
        assert!(samples.gaps.iter().all(|gap| gap.starts_with("accelerators: ")), "{:?}", samples.gaps);
    }
}

#[test]
fn a_run_that_ends_before_the_first_look_is_not_waited_for() {
    let (events, incoming) = std::sync::mpsc::channel();
    events.send(Event::Stop).unwrap();
    let (done, result) = std::sync::mpsc::channel();
    let setup = setup(1);
    std::thread::spawn(move || done.send(Worker::new(&setup, Box::new(|_| {})).run(&incoming)));
    let samples = result.recv_timeout(Duration::from_secs(20)).expect("it ends at once");
    assert_eq!(samples.ticks, 1);
}

#[test]
fn dropping_it_ends_its_thread() {
    let (alive, gone) = std::sync::mpsc::channel::<()>();
    let sampler = Sampler::with(setup(1), Box::new(move |_| _ = alive.send(())));
    drop(sampler);
    let until = Instant::now() + Duration::from_secs(20);
    while !matches!(
        gone.recv_timeout(Duration::from_secs(1)),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected)
    ) {
        assert!(Instant::now() < until, "it goes on");
    }
}

#[cfg(target_os = "linux")]
mod processes {
    use super::*;

    #[test]
    fn one_busy_process_is_one_busy_core() {
        let busy = Running::shell("while :; do :; done");
        let samples = sample(setup(busy.0.id()), Duration::from_millis(900));
        let cpu = values(&samples, "process.cpu");
        let mean = cpu.iter().sum::<f64>() / cpu.len() as f64;
        // Other tests want the cores as well.
        assert!((10.0..=130.0).contains(&mean), "{cpu:?}");
        let memory = values(&samples, "process.memory");
        assert!(memory.iter().all(|bytes| (65_536.0..1e9).contains(bytes)), "{memory:?}");
        assert!(values(&samples, "process.threads").iter().all(|count| *count == 1.0));
        for name in ["host.cpu", "host.memory_used", "process.read", "host.sent"] {
            assert!(!values(&samples, name).is_empty(), "{name}");
        }
        assert!(values(&samples, "host.cpu").iter().all(|cpu| (0.0..=100.0).contains(cpu)));
    }

    #[test]
    fn children_that_lost_their_parent_still_belong() {
        // In a session of their own; who started them ends and leaves two behind.
        let root = Running::shell("setsid sh -c 'sleep 5 & sleep 5 & sleep 0.7' & exec sleep 5");
        let samples = sample(setup(root.0.id()), Duration::from_millis(1500));
        let threads = values(&samples, "process.threads");
        assert_eq!(threads.last(), Some(&3.0), "{threads:?}");
    }

    #[test]
    fn processes_between_two_samples_are_counted() {
        // Each lives for less than a tick; what they used is with the shell that waited for them.
        let script = "i=0; while [ $i -lt 400 ]; do sh -c 'j=0; while [ $j -lt 3000 ]; do j=$((j+1)); done'; i=$((i+1)); done";
        let root = Running::shell(script);
        let setup = Setup { interval: Duration::from_millis(400), ..setup(root.0.id()) };
        let samples = sample(setup, Duration::from_millis(1300));
        let cpu = values(&samples, "process.cpu");
        assert!(cpu.iter().sum::<f64>() / cpu.len() as f64 > 10.0, "{cpu:?}");
    }

    #[test]
    fn a_process_that_is_gone_leaves_no_zeros() {
        let mut root = Running::shell("sleep 0.2");
        let sampler = Sampler::with(setup(root.0.id()), Box::new(|_| {}));
        root.0.wait().unwrap();
        std::thread::sleep(Duration::from_millis(400));
        let samples = sampler.finish();
        let (memory, host) = (values(&samples, "process.memory"), values(&samples, "host.memory_used"));
        assert!(!memory.is_empty() && memory.len() < host.len(), "{} {}", memory.len(), host.len());
        assert!(memory.iter().all(|bytes| *bytes > 0.0));
    }

    #[test]
    fn a_host_without_proc_is_a_gap() {
        let dir = tempfile::tempdir().unwrap();
        let setup = Setup { root: dir.path().into(), ..setup(1) };
        let samples = sample(setup, Duration::from_millis(1));
        assert!(samples.series.is_empty());
        assert_eq!(samples.gaps[..1], ["processes and host are not sampled on this system"]);
    }

    /// What a tick costs beside a tree of some twenty processes: `cargo test --release --lib sampler -- --ignored --nocapture`.
    #[test]
    #[ignore = "prints times, which other work on the machine disturbs"]
    fn the_cost_of_a_tick() {
        let root = Running::shell(
            "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19; do sleep 8 & done; wait",
        );
        let spent = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let of_ticks = spent.clone();
        let setup = Setup { interval: Duration::from_millis(20), ..setup(root.0.id()) };
        let on_tick = move |_: &crate::capture::sampler::Tick<'_>| {
            let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
            of_ticks.lock().unwrap().push(Duration::new(now.tv_sec as u64, now.tv_nsec as u32));
        };
        let sampler = Sampler::with(setup, Box::new(on_tick));
        std::thread::sleep(Duration::from_secs(6));
        let samples = sampler.finish();
        let spent = spent.lock().unwrap();
        let each = (spent[spent.len() - 1] - spent[0]) / (spent.len() - 1) as u32;
        println!(
            "{} ticks with {:?} threads: {each:?} of processor time each",
            spent.len(),
            values(&samples, "process.threads").last()
        );
    }
}

/// Recorded texts of `/proc`.
mod recorded {
    use super::*;

    fn write(root: &Path, path: &str, text: &str) {
        let path = root.join("proc").join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// A process with these ids and processor times, all in 10 ms, and bytes read.
    fn process(root: &Path, pid: u32, ids: (u32, u32, u32), start: u64, ticks: [u64; 2], read: u64) {
        let ((parent, group, session), [own, reaped]) = (ids, ticks);
        let faults = reaped * 10;
        let stat = format!(
            "{pid} (a (b) c) S {parent} {group} {session} 0 -1 0 5 {faults} 0 0 {own} 0 {reaped} 0 20 0 2 0 {start} 1000 7 0\n"
        );
        write(root, &format!("{pid}/stat"), &stat);
        write(root, &format!("{pid}/io"), &format!("read_bytes: {read}\nwrite_bytes: 0\n"));
    }

    /// An open file of a process that is gone cannot be read.
    fn gone(root: &Path, pid: u32) {
        write(root, &format!("{pid}/stat"), "");
        write(root, &format!("{pid}/io"), "");
        std::fs::remove_dir_all(root.join("proc").join(pid.to_string())).unwrap();
    }

    /// Processor ticks, bytes read, threads.
    fn look(tree: &mut Tree) -> Option<(u64, u64, u64)> {
        let usage = tree.sample()?;
        Some((usage.cpu.unwrap_or(0), usage.disk.map_or(0, |disk| disk.read), usage.threads))
    }

    #[test]
    fn numbers_wrap_and_are_given_again() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        process(root, 32_000, (1, 32_000, 32_000), 10, [100, 0], 0);
        // Lower numbers than their parents'.
        process(root, 400, (500, 32_000, 32_000), 30, [7, 0], 0);
        process(root, 500, (32_000, 32_000, 32_000), 20, [5, 0], 0);
        process(root, 600, (1, 600, 600), 5, [1_000_000, 0], 0);
        let mut tree = Tree::new(root, 32_000);
        assert_eq!(look(&mut tree), Some((0, 0, 6)), "the stranger does not belong");
        // Another process has the number 500 now, and 400 lost its parent.
        gone(root, 500);
        process(root, 500, (1, 500, 500), 99, [999, 0], 0);
        process(root, 400, (1, 32_000, 32_000), 30, [17, 0], 0);
        assert_eq!(look(&mut tree), Some((10, 0, 4)));
    }

    #[test]
    fn what_ended_is_counted_once() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        process(root, 10, (1, 10, 10), 1, [100, 0], 1000);
        process(root, 11, (10, 10, 10), 2, [40, 0], 5000);
        let mut tree = Tree::new(root, 10);
        assert_eq!(look(&mut tree), Some((0, 0, 4)));
        process(root, 11, (10, 10, 10), 2, [50, 0], 6000);
        assert_eq!(look(&mut tree), Some((10, 1000, 4)));
        // It used 3 more and read 500 more, was waited for, and another came and went meanwhile with 8.
        gone(root, 11);
        process(root, 10, (1, 10, 10), 1, [101, 61], 1000 + 6500);
        assert_eq!(look(&mut tree), Some((1 + 3 + 8, 500, 2)));
        assert_eq!(look(&mut tree), Some((0, 0, 2)));
    }

    #[test]
    fn a_session_that_a_member_founded_belongs() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        // The root itself is in the session of a shell that does not belong.
        process(root, 10, (9, 10, 9), 1, [0, 0], 0);
        process(root, 20, (10, 20, 20), 2, [0, 0], 0);
        let mut tree = Tree::new(root, 10);
        assert_eq!(look(&mut tree), Some((0, 0, 4)));
        // The founder starts a child and ends before anybody looks; a child of the shell is in the shell's session.
        gone(root, 20);
        process(root, 21, (1, 20, 20), 3, [4, 0], 0);
        process(root, 30, (9, 30, 9), 3, [500, 0], 0);
        assert_eq!(look(&mut tree), Some((4, 0, 4)));
        process(root, 22, (1, 22, 20), 4, [5, 0], 0);
        assert_eq!(look(&mut tree), Some((5, 0, 6)), "it is in the session, which lasts");
        gone(root, 10);
        gone(root, 21);
        gone(root, 22);
        assert_eq!(look(&mut tree), None);
    }

    #[test]
    fn texts_that_are_not_whole() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        process(root, 10, (1, 10, 10), 1, [0, 0], 0);
        write(root, "11/stat", "");
        write(root, "12/stat", "12 (x");
        write(root, "13/status", "it has no stat");
        write(root, "loadavg", "0.0 0.0 0.0 0/0 0\n");
        let mut tree = Tree::new(root, 10);
        assert_eq!(look(&mut tree), Some((0, 0, 2)));
        assert_eq!(look(&mut Tree::new(root, 77)), None);
    }

    #[test]
    fn nothing_new_is_not_looked_for() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path();
        process(root, 10, (1, 10, 10), 1, [0, 0], 0);
        write(root, "loadavg", "0.1 0.2 0.3 1/77 10\n");
        let mut tree = Tree::new(root, 10);
        assert_eq!(look(&mut tree), Some((0, 0, 2)));
        process(root, 12, (10, 10, 10), 2, [0, 0], 0);
        assert_eq!(look(&mut tree), Some((0, 0, 2)), "the kernel says that none was started");
        write(root, "loadavg", "0.1 0.2 0.3 1/77 12\n");
        assert_eq!(look(&mut tree), Some((0, 0, 4)));
    }
}

/// Recorded files of `/sys`.
mod shown_by_the_kernel {
    use super::*;
    use crate::value::Value;

    const AT: &str = "sys/bus/pci/devices";

    /// A card of another maker, then one of AMD's, then one of AMD's that tells nothing.
    fn host(changed: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let write = |card: &str, path: &str, text: &str| {
            let path = dir.path().join(AT).join(card).join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        for (card, vendor) in
            [("0000:01:00.0", "0x1da3"), ("0000:02:00.0", "0x1002"), ("0000:03:00.0", "0x1002")]
        {
            for (file, text) in [("class", "0x120000"), ("vendor", vendor), ("device", "0x74a1")] {
                write(card, file, text);
            }
        }
        for (file, text) in [
            ("gpu_busy_percent", "87\n"),
            ("mem_busy_percent", "12\n"),
            ("mem_info_vram_used", "4294967296\n"),
            ("mem_info_vram_total", "206141652992\n"),
            ("unique_id", "a1b2c3\n"),
            ("hwmon/hwmon5/power1_average", "312000000\n"),
            ("hwmon/hwmon5/temp1_input", "54000\n"),
            ("hwmon/hwmon5/freq1_input", "2100000000\n"),
            ("hwmon/hwmon5/freq2_input", "1300000000\n"),
        ] {
            write("0000:02:00.0", file, text);
        }
        changed.iter().for_each(|(file, text)| write("0000:02:00.0", file, text));
        dir
    }

    fn seen(dir: &tempfile::TempDir) -> Samples {
        sample(Setup { root: dir.path().into(), ..setup(1) }, Duration::from_millis(400))
    }

    fn names(samples: &Samples) -> Vec<&str> {
        samples.series.keys().map(String::as_str).collect()
    }

    #[test]
    fn a_card_of_amd() {
        let samples = seen(&host(&[]));
        for (name, expected) in [
            ("gpu1.busy", 87.0),
            ("gpu1.memory_busy", 12.0),
            ("gpu1.memory_used", (4u64 << 30) as f64),
            ("gpu1.power", 312.0),
            ("gpu1.temperature", 54.0),
            ("gpu1.sm_clock", 2100.0),
        ] {
            let values = values(&samples, name);
            assert!(values.len() >= 2 && values.iter().all(|value| *value == expected), "{name}: {values:?}");
        }
        assert_eq!(samples.series.len(), 6, "the others tell nothing: {:?}", names(&samples));
        let Value::Map(card) = &samples.accelerators[1] else { panic!("{:?}", samples.accelerators) };
        let shown: Vec<String> = card.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(shown, ["index=1", "memory_clock=1300", "sm_clock=2100", "uuid=a1b2c3"]);
        assert_eq!((samples.accelerators.len(), samples.gaps.len()), (3, 1), "{:?}", samples.gaps);
    }

    #[test]
    fn what_cannot_be_true_is_a_gap() {
        let samples = seen(&host(&[
            ("gpu_busy_percent", "101"),
            ("mem_busy_percent", "-1"),
            ("mem_info_vram_used", "206141652993"),
            ("hwmon/hwmon5/power1_average", "99999999999999999999"),
            ("hwmon/hwmon5/power1_input", "9999999999999"),
            ("hwmon/hwmon5/temp1_input", "rubbish"),
        ]));
        assert_eq!(names(&samples), ["gpu1.sm_clock"]);
        let told = |what: &str| format!("AMD device 1: what it told of {what} cannot be true");
        assert_eq!(samples.gaps[1..], ["busy", "memory_used", "power"].map(told));
    }
}

#[cfg(feature = "nvml")]
mod accelerators {
    use super::*;
    use crate::capture::nvml::tests::fake;
    use crate::value::Value;

    fn with_driver(defines: &[&str], change: impl FnOnce(&mut Setup), time: Duration) -> Option<Samples> {
        let dir = tempfile::tempdir().unwrap();
        let mut setup = Setup { library: fake(dir.path(), defines)?, ..setup(std::process::id()) };
        change(&mut setup);
        Some(sample(setup, time))
    }

    #[test]
    fn two_cards() {
        let Some(samples) = with_driver(&[], |_| {}, Duration::from_millis(500)) else { return };
        for (name, expected) in [
            ("gpu0.busy", 90.0),
            ("gpu1.busy", 91.0),
            ("gpu0.memory_busy", 40.0),
            ("gpu1.memory_used", (3u64 << 30) as f64),
            ("gpu0.power", 512.0),
            ("gpu0.temperature", 61.0),
            ("gpu0.sm_clock", 1965.0),
            ("gpu0.throttle", 4.0),
            ("gpu1.pcie_rx", 1953.0 * 1024.0),
            ("gpu1.pcie_tx", 977.0 * 1024.0),
        ] {
            let values = values(&samples, name);
            assert!(values.len() >= 2 && values.iter().all(|value| *value == expected), "{name}: {values:?}");
        }
        let joules = samples.energy["gpu0"];
        assert!(joules >= 1.5 && joules.rem_euclid(1.5) == 0.0, "{joules}");
        let Value::Map(second) = &samples.accelerators[1] else { panic!("{:?}", samples.accelerators) };
        let shown: Vec<String> = second.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(
            shown,
            [
                "index=1",
                "memory_clock=2619",
                "sm_clock=1965",
                "uuid=GPU-01112233-4455-6677-8899-aabbccddeeff"
            ]
        );
        assert_eq!(samples.gaps, Vec::<String>::new());
    }

    #[test]
    fn instances_tell_their_memory_and_nothing_else() {
        let Some(samples) = with_driver(&["MIG"], |_| {}, Duration::from_millis(300)) else { return };
        let names = samples.series.keys().filter(|name| name.starts_with("gpu")).collect::<Vec<_>>();
        assert_eq!(names, ["gpu0.memory_used", "gpu1.memory_used", "gpu2.memory_used", "gpu3.memory_used"]);
        assert_eq!((samples.energy.len(), samples.accelerators.len(), samples.gaps.len()), (0, 4, 0));
    }

    #[test]
    fn what_cannot_be_true_is_a_gap() {
        let Some(samples) = with_driver(&["LIES"], |_| {}, Duration::from_millis(500)) else { return };
        let names = samples.series.keys().filter(|name| name.starts_with("gpu0")).collect::<Vec<_>>();
        assert_eq!(names, ["gpu0.memory_busy", "gpu0.pcie_rx", "gpu0.pcie_tx", "gpu0.throttle"]);
        let told = |what: &str| format!("NVIDIA device 0: what it told of {what} cannot be true");
        let expected = ["busy", "energy", "memory_used", "power", "sm_clock", "temperature"].map(told);
        assert_eq!(samples.gaps[..6], expected);
        assert_eq!((samples.energy.len(), samples.gaps.len()), (0, 12));
    }

    #[test]
    fn a_card_that_hangs_is_given_up_and_holds_up_nothing() {
        let limit = |setup: &mut Setup| setup.limit = Duration::from_millis(250);
        let Some(samples) = with_driver(&["HANG_SAMPLE"], limit, Duration::from_millis(1500)) else { return };
        assert_eq!(samples.gaps, ["NVIDIA device 1: no answer within 0.25 s, given up"]);
        assert_eq!(values(&samples, "gpu1.busy").len(), 1);
        let (other, host) = (values(&samples, "gpu0.busy").len(), values(&samples, "host.memory_used").len());
        assert!(other >= 4, "the other card goes on: {other}");
        assert!(!cfg!(target_os = "linux") || host >= 4, "so does the host: {host}");
    }

    #[test]
    fn a_hang_at_the_end_costs_a_moment() {
        let patience = |setup: &mut Setup| setup.patience = Duration::from_millis(200);
        let start = Instant::now();
        let Some(samples) = with_driver(&["HANG_SAMPLE"], patience, Duration::from_millis(500)) else {
            return;
        };
        assert!(start.elapsed() < Duration::from_secs(20));
        assert_eq!(samples.gaps, ["NVIDIA device 1: no answer at the end of the run"]);
    }

    #[test]
    fn a_driver_that_never_starts_is_a_gap() {
        let Some(samples) = with_driver(&["HANG_INIT"], |_| {}, Duration::from_millis(300)) else { return };
        assert_eq!(samples.gaps, ["accelerators: a driver did not answer before the end of the run"]);
        assert!(
            samples.accelerators.is_empty() && !samples.series.keys().any(|name| name.starts_with("gpu"))
        );
    }

    #[test]
    fn a_driver_that_starts_late_is_sampled_from_then_on() {
        let Some(samples) = with_driver(&["SLOW_LOAD"], |_| {}, Duration::from_millis(1900)) else { return };
        let (cards, host) = (values(&samples, "gpu0.busy").len(), samples.ticks as usize);
        assert!((2..host).contains(&cards), "{cards} of {host}");
        assert_eq!(samples.gaps, Vec::<String>::new());
    }

    #[test]
    fn errors_of_the_driver() {
        let Some(samples) = with_driver(&["LOST_CARD"], |_| {}, Duration::from_millis(300)) else { return };
        assert!(
            samples.gaps[0].starts_with("NVIDIA device 1: ") && samples.gaps.len() == 1,
            "{:?}",
            samples.gaps
        );
        assert!(!values(&samples, "gpu0.busy").is_empty());
        let Some(samples) = with_driver(&["NOT_SUPPORTED"], |_| {}, Duration::from_millis(300)) else {
            return;
        };
        assert!(!samples.series.keys().any(|name| name.starts_with("gpu")) && samples.gaps.is_empty());
        let Some(samples) = with_driver(&["NOT_LOADED"], |_| {}, Duration::from_millis(300)) else { return };
        assert_eq!((samples.gaps.len(), samples.accelerators.len()), (1, 0));
    }
}
