//! What came out of a command, as an outcome. What cannot be read is a warning: the rest is not lost with it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::capture::{self, Secrets};
use crate::disk::open_regular;
use crate::format::{self, Reports};
use crate::launch::{self, Gap};
use crate::name::TreePath;
use crate::object::{self, InsertContent, Log, Metrics, Outcome, Series, Utilisation};
use crate::progress::Progress;
use crate::repo::run::execute::Executed;
use crate::repo::run::fresh::Stamp;
use crate::repo::run::place::Place;
use crate::repo::snapshot::files::Files;
use crate::repo::snapshot::results::{Wanted, results, usual_directions};
use crate::repo::snapshot::secrets::without;
use crate::repo::{RepoError, Repository, Warning};
use crate::store::Writer;
use crate::utilisation::{self, Mark, Measured};
use crate::value::{Int, Value};
use crate::worktree::cache::StatCache;
use crate::worktree::manifest::Manifest;

/// Where results are.
#[derive(Clone, Copy)]
pub(in crate::repo) struct Harvest<'a> {
    /// The work tree that the command ran in.
    pub root: &'a Path,
    pub manifest: &'a Manifest,
    /// Whether it is the work tree that the stat cache knows.
    pub cached: bool,
    pub place: &'a Place,
    /// When the run began: what is older is no result of it. Where nothing is old, absent.
    pub since: Option<Stamp>,
    pub progress: &'a dyn Progress,
}

impl Repository {
    /// Everything that is known of how a command came out.
    pub(in crate::repo) fn harvest(
        &self,
        harvest: &Harvest<'_>,
        cache: &StatCache<'_>,
        executed: &Executed,
        secrets: &Secrets,
        writer: &Writer<'_>,
        warnings: &mut Vec<Warning>,
    ) -> Result<Outcome, RepoError> {
        let mut old = Vec::new();
        let mut outcome = written(harvest, cache, writer, &mut old, warnings)?.unwrap_or_default();
        // Of a run that broke off nobody expects that it wrote everything.
        warnings.extend(old.into_iter().filter(|_| executed.ended.exit.is_success()));
        let reports = reported(harvest.place, Extent::Whole, warnings);
        add_reports(&mut outcome, &reports, harvest.manifest, secrets, writer)?;
        outcome.utilisation = Some(utilisation(executed, &reports, writer)?);
        outcome.log = log(&executed.ended.log, secrets, writer)?;
        outcome.exit = Some(executed.ended.exit.number());
        outcome.started = Some(executed.started.clone());
        outcome.finished = Some(executed.finished.clone());
        outcome.observations.append(&mut observations(executed));
        executed.ended.gaps.iter().for_each(|gap| outcome.note(gap_text(gap)));
        unkept(&reports).into_iter().for_each(|gap| outcome.note(gap));
        Ok(outcome)
    }
}

/// The results that the run wrote, and those that it did not write and that are there all the same.
fn written(
    harvest: &Harvest<'_>,
    cache: &StatCache<'_>,
    writer: &Writer<'_>,
    old: &mut Vec<Warning>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Outcome>, RepoError> {
    let Harvest { root, manifest, since, progress, .. } = *harvest;
    let files = Files { root, cache, sink: writer, progress };
    let old = RefCell::new(old);
    let counts = |path: &TreePath| {
        let full = root.join(path.as_str());
        let is_old = since.is_some_and(|since| full.symlink_metadata().is_ok() && !since.is_before(&full));
        if is_old {
            old.borrow_mut().push(Warning::NotWritten { path: path.to_string() });
        }
        !is_old
    };
    results(manifest, &files, Wanted { counts: &counts, lenient: true }, warnings)
}

/// What of the reports is not in the curves and values that are recorded of them.
fn unkept(reports: &Reports) -> Vec<String> {
    let thinned = (reports.thinned > 0)
        .then(|| format!("{} points that were reported are left out of the curves", reports.thinned));
    let first = reports.first_bad.iter();
    let bad = first.map(|(line, problem)| {
        format!(
            "{} lines of MDL_METRICS could not be read, the first of them line {line}: {problem}",
            reports.bad
        )
    });
    thinned.into_iter().chain(bad).collect()
}

/// How much of the reports is read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Extent {
    /// All of it, for the record.
    Whole,
    /// Of a long file the beginning and the end, for a look at a run that has not ended.
    Ends,
}

/// So much of the beginning and of the end is read where a look is to be quick.
const BEGINNING: u64 = 1 << 20;
const END: u64 = 3 << 20;

/// The beginning and the end of a file, whole lines both; and how many bytes lie between.
fn ends(mut file: File) -> io::Result<(Vec<u8>, u64)> {
    let size = file.metadata()?.len();
    let (mut bytes, mut end) = (Vec::new(), Vec::new());
    if size <= BEGINNING + END {
        file.take(BEGINNING + END).read_to_end(&mut bytes)?;
        return Ok((bytes, 0));
    }
    (&mut file).take(BEGINNING).read_to_end(&mut bytes)?;
    bytes.truncate(bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1));
    file.seek(SeekFrom::Start(size - END))?;
    file.take(END).read_to_end(&mut end)?;
    let from = end.iter().position(|byte| *byte == b'\n').map_or(end.len(), |at| at + 1);
    bytes.extend_from_slice(&end[from..]);
    let between = size.saturating_sub(bytes.len() as u64);
    Ok((bytes, between))
}

/// What the program reported while it ran.
pub(super) fn reported(place: &Place, extent: Extent, warnings: &mut Vec<Warning>) -> Reports {
    let (path, mut middle) = (place.metrics(), None);
    let reports = match open_regular(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Reports::default(),
        opened => opened.and_then(|file| match extent {
            Extent::Whole => format::reports(file),
            Extent::Ends => {
                let (bytes, between) = ends(file)?;
                if between > 0 {
                    let reason =
                        format!("{between} bytes between its beginning and its end are not looked at yet");
                    middle = Some(Warning::Gap { what: "all of MDL_METRICS".to_owned(), reason });
                }
                format::reports(&bytes[..])
            }
        }),
    };
    warnings.extend(middle);
    let mut gap = |reason| warnings.push(Warning::Gap { what: "a line of MDL_METRICS".to_owned(), reason });
    match reports {
        Err(error) => {
            gap(error.to_string());
            Reports::default()
        }
        Ok(reports) => {
            if let Some((line, problem)) = &reports.first_bad {
                let more = match reports.bad {
                    1 => String::new(),
                    2 => ", and another one".to_owned(),
                    bad => format!(", and {} more lines", bad - 1),
                };
                gap(format!("line {line}: {problem}{more}"));
            }
            reports
        }
    }
}

/// Adds curves and final values. Where a file of metrics says a final value too, that one counts.
fn add_reports(
    outcome: &mut Outcome,
    reports: &Reports,
    manifest: &Manifest,
    secrets: &Secrets,
    writer: &Writer<'_>,
) -> Result<(), RepoError> {
    for (name, series) in &reports.series {
        outcome.series.insert(name.clone(), object::put(writer, series)?);
    }
    let mut values = reports.values.clone();
    without(&mut values, secrets);
    if !values.is_empty() {
        let none = || Metrics { values: BTreeMap::new(), files: Vec::new(), better: BTreeMap::new() };
        let metrics = outcome.metrics.get_or_insert_with(none);
        complete(&mut metrics.values, &values);
    }
    if let Some(metrics) = &mut outcome.metrics {
        metrics.better = usual_directions(manifest, &metrics.values);
    }
    Ok(())
}

/// Adds the values that are missing.
fn complete(values: &mut BTreeMap<String, Value>, others: &BTreeMap<String, Value>) {
    for (key, other) in others {
        match (values.get_mut(key), other) {
            (Some(Value::Map(ours)), Value::Map(theirs)) => complete(ours, theirs),
            (Some(_), _) => {}
            (None, other) => drop(values.insert(key.clone(), other.clone())),
        }
    }
}

fn utilisation(
    executed: &Executed,
    reports: &Reports,
    writer: &Writer<'_>,
) -> Result<Utilisation, RepoError> {
    let samples = &executed.samples;
    let marks: Vec<Mark> = reports
        .phases
        .iter()
        .filter_map(|phase| {
            let time = phase.time.or_else(|| executed.reported(phase.at))?;
            Some(Mark { name: phase.name.clone(), time })
        })
        .collect();
    let measured = Measured {
        series: &samples.series,
        energy: &samples.energy,
        interval: samples.interval,
        samples: samples.ticks,
        span: samples.span,
        gaps: &samples.gaps,
    };
    let summary = utilisation::summarise(&measured, &marks).to_values();
    let put = |(name, series): (&String, &Series)| Ok((name.clone(), object::put(writer, series)?));
    let series = samples.series.iter().map(put).collect::<Result<_, RepoError>>()?;
    Ok(Utilisation { series, summary })
}

/// What the command printed, without secrets that are known and without what looks like one.
fn log(printed: &launch::Log, secrets: &Secrets, writer: &Writer<'_>) -> Result<Option<Log>, RepoError> {
    if printed.size == 0 {
        return Ok(None);
    }
    let text = secrets.redact(&printed.text());
    let (content, size) = writer.insert_content(&mut &text[..], text.len() as u64)?;
    Ok(Some(Log { content, size }))
}

/// What varies without meaning.
fn observations(executed: &Executed) -> BTreeMap<String, Value> {
    let (ended, host) = (&executed.ended, capture::host());
    let text = |text: &str| Value::Text(text.to_owned());
    let mut observations = BTreeMap::new();
    let mut observe = |name: &str, value: Value| drop(observations.insert(name.to_owned(), value));
    host.name.iter().for_each(|name| observe("host", text(name)));
    host.boot.iter().for_each(|boot| observe("boot", text(boot)));
    if !executed.samples.accelerators.is_empty() {
        observe("accelerators", Value::List(executed.samples.accelerators.clone()));
    }
    if ended.timed_out {
        observe("timed_out", Value::Bool(true));
    }
    if let Some(signal) = ended.interrupted {
        let name = launch::signal_name(signal).map_or_else(|| format!("signal {signal}"), str::to_owned);
        observe("interrupted", Value::Text(name));
    }
    if ended.log.left_out() > 0
        && let Some(printed) = Int::new(ended.log.size.into())
    {
        observe("printed", Value::Int(printed));
    }
    observations
}

fn gap_text(gap: &Gap) -> String {
    match gap {
        Gap::Unheard(error) => format!("the output could not be passed on: {error}"),
        Gap::Spool(error) => format!("the log could not be kept while the command ran: {error}"),
        Gap::Unread => "nobody read the output any more from some moment on".to_owned(),
        Gap::StillOpen => {
            "a process that the command left behind still holds its output: what it prints later is not in the log"
                .to_owned()
        }
        Gap::CutOff(error) => format!("what it prints later cannot be passed on: {error}"),
        Gap::NoTerminal(error) => format!("the command got no terminal: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_a_long_file_the_ends_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        let read = |lines: u32| {
            let text: String = (0..lines).map(|i| format!("{{\"step\": {i}, \"loss\": {i}}}\n")).collect();
            std::fs::write(&path, &text).unwrap();
            let (bytes, between) = ends(File::open(&path).unwrap()).unwrap();
            assert_eq!(bytes.len() as u64 + between, text.len() as u64);
            (format::reports(&bytes[..]).unwrap(), between)
        };
        let (reports, between) = read(1000);
        assert_eq!((reports.series["loss"].values.len(), between), (1000, 0));
        let (reports, between) = read(300_000);
        let loss = &reports.series["loss"].values;
        assert_eq!((reports.bad, loss.first(), loss.last()), (0, Some(&0.0), Some(&299_999.0)));
        assert!(between > 1 << 20 && loss.len() < 200_000);
        // A line that is longer than what is read of the beginning is not read in part.
        std::fs::write(&path, vec![b'x'; 6 << 20]).unwrap();
        assert_eq!(ends(File::open(&path).unwrap()).unwrap(), (Vec::new(), 6 << 20));
    }
}
