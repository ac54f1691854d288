//! What commands cost beside many runs, without anybody calling `gc`.
//!
//! `cargo bench --bench runs -- FOLDER [COUNT…]`: makes a repository in FOLDER, which is not there yet, records runs of `true`
//! there as `mdl run` does, and at each COUNT (100, 1000, 10000) times the commands, a process each. Of files and bytes it
//! tells the most that there were while it recorded another hundred.
//! On a folder in memory, syncs cost nothing and processors are what is measured. Prints the median of several.

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use mdl::launch::{Outlets, Signals};
use mdl::progress::Silent;
use mdl::repo::{Begun, Repository, RunOptions, RunQuery, Warning, Witness};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Times of which the median counts.
const ROUNDS: usize = 15;
/// Runs that are timed one after another, so that the one that gathers is among them.
const RUNS: usize = 100;

struct Mute;

impl Witness for Mute {
    fn begun(&mut self, _: &Begun, _: &[String], _: &[Warning]) {}

    fn outlets(&mut self) -> Outlets {
        Outlets::nowhere()
    }
}

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some((folder, counts)) = arguments.split_first() else {
        println!("usage: FOLDER [COUNT…]");
        return Ok(());
    };
    let mut counts: Vec<usize> = counts.iter().map(|count| count.parse()).collect::<Result<_, _>>()?;
    if counts.is_empty() {
        counts = vec![100, 1000, 10_000];
    }
    let folder = Path::new(folder);
    std::fs::create_dir(folder)?;
    std::fs::write(folder.join("params.yaml"), "lr: 0.1\n")?;
    drop(Repository::init(folder)?);
    println!(
        "   runs  files  bytes    run -- true (median, mean)      runs      show    status      fsck  fsck anew"
    );
    let mut made = 0;
    for count in counts {
        record(folder, count.saturating_sub(made))?;
        made = count.max(made) + measure(folder, count)?;
    }
    Ok(())
}

/// Records runs, each in a repository that is opened for it, as each is a process of its own.
fn record(folder: &Path, count: usize) -> Outcome<()> {
    let signals = Signals::watch()?;
    for _ in 0..count {
        let options = RunOptions {
            command: vec!["true".into()],
            directory: folder.to_owned(),
            ..RunOptions::default()
        };
        Repository::open(folder)?.run(&options, &signals, &mut Mute, &Silent)?;
    }
    Ok(())
}

/// Times the commands, and says how many runs that made.
fn measure(folder: &Path, count: usize) -> Outcome<usize> {
    let newest = Repository::open(folder)?.runs(&RunQuery { limit: Some(1), sweep: None })?;
    let oldest = Repository::open(folder)?.runs(&RunQuery::default())?.runs.pop();
    let id = newest.runs.first().map(|run| run.id.short().to_owned()).unwrap_or_default();
    let old = oldest.map(|run| run.id.short().to_owned()).unwrap_or(id);
    let runs = median(folder, &["runs"])?;
    let show = median(folder, &["show", &old])?;
    let status = median(folder, &["status"])?;
    let fsck = timed(folder, &["fsck"])?;
    std::fs::remove_dir_all(folder.join(".mdl/cache"))?;
    let anew = timed(folder, &["fsck"])?;
    // How many files there are depends on how long ago one gathered them.
    let (mut each, mut files, mut bytes) = (Vec::new(), 0, 0);
    for _ in 0..RUNS {
        each.push(timed(folder, &["run", "-q", "--", "true"])?);
        let found = weigh(&folder.join(".mdl"))?;
        (files, bytes) = (found.0.max(files), found.1.max(bytes));
    }
    let mean = each.iter().sum::<Duration>() / RUNS as u32;
    each.sort_unstable();
    let ms = |time: Duration| time.as_secs_f64() * 1000.0;
    println!(
        "{count:7} {files:6} {bytes:9} {:9.1} ms {:9.1} ms {:9.1} {:9.1} {:9.1} {:9.1} {:9.1}",
        ms(each[RUNS / 2]),
        ms(mean),
        ms(runs),
        ms(show),
        ms(status),
        ms(fsck),
        ms(anew)
    );
    Ok(RUNS)
}

fn median(folder: &Path, arguments: &[&str]) -> Outcome<Duration> {
    let mut times = (0..ROUNDS).map(|_| timed(folder, arguments)).collect::<Outcome<Vec<_>>>()?;
    times.sort_unstable();
    Ok(times[ROUNDS / 2])
}

fn timed(folder: &Path, arguments: &[&str]) -> Outcome<Duration> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_mdl"));
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let started = Instant::now();
    let status = command.status()?;
    let took = started.elapsed();
    if status.success() { Ok(took) } else { Err(format!("mdl {arguments:?} ends with {status}").into()) }
}

/// How many files there are, and their bytes.
fn weigh(folder: &Path) -> Outcome<(u64, u64)> {
    let (mut files, mut bytes) = (0, 0);
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            let below = weigh(&entry.path())?;
            (files, bytes) = (files + below.0, bytes + below.1);
        } else {
            (files, bytes) = (files + 1, bytes + metadata.len());
        }
    }
    Ok((files, bytes))
}
