//! Where else a recorded run would fit: from what its commit holds, against the devices that are known.

use std::collections::BTreeMap;

use crate::fit::{
    CardUsage, Devices, Machine, Origin, QueryError, Recorded, Report, TableError, Target, Usage, judge, read,
};
use crate::id::CommitId;
use crate::object::{
    self, Accelerators, Commit, Definition, Environment, Find, ObjectError, Outcome, Packages, Params, System,
};
use crate::repo::{RepoError, Repository, config, plain};
use crate::value::Value;

/// A project's own devices, at the root of the work tree.
const PROJECT_DEVICES: &str = "mdl-devices.toml";
/// A person's own devices, beside their configuration.
const OWN_DEVICES: &str = "devices.toml";
/// No table of devices is longer.
const MAX_BYTES: u64 = 1 << 20;
/// Before the revision of a run whose machine is meant.
const RUN: &str = "run:";
/// An index beyond this is not one of an accelerator.
const MOST_CARDS: usize = 1024;

impl Repository {
    /// The devices that are known: mdl's own table, then the project's `mdl-devices.toml`, then the person's
    /// `$XDG_CONFIG_HOME/mdl/devices.toml`. A later one takes the place of an earlier one with the same id.
    pub fn devices(&self) -> Result<Devices, RepoError> {
        let invalid = |what: &str, error: TableError| RepoError::DeviceTable { what: what.to_owned(), error };
        let mut devices = Devices::built_in().map_err(|error| invalid("the table of devices", error))?;
        let own = config::global_path().map(|path| path.with_file_name(OWN_DEVICES));
        for path in [Some(self.root.join(PROJECT_DEVICES)), own].into_iter().flatten() {
            let Some(text) = plain::read_to_string(&path, MAX_BYTES)? else { continue };
            let what = path.display().to_string();
            devices.add(read(&text, &Origin::File(what.clone())).map_err(|error| invalid(&what, error))?);
        }
        Ok(devices)
    }

    /// Judges where the run of a commit would fit: on what `on` names (`h100`, `a100-80x4`, or with `run:REV` the
    /// machine of another commit), or on every known device, as many cards as it used.
    pub fn fit(&self, commit: CommitId, on: Option<&str>) -> Result<Report, RepoError> {
        let recorded = recorded(&self.store, commit)?;
        let devices = self.devices()?;
        let targets = match on {
            None => devices.all().iter().map(|device| Target::any(device.clone(), None)).collect(),
            Some(on) => self.targets(&devices, on)?,
        };
        Ok(judge(&recorded, &devices, targets))
    }

    fn targets(&self, devices: &Devices, on: &str) -> Result<Vec<Target>, RepoError> {
        if let Some(revision) = on.strip_prefix(RUN) {
            let commit = self.resolve(revision)?.commit;
            let machine = recorded(&self.store, commit)?.machine;
            let target = Target::machine(&machine, devices, revision);
            return target.map(|target| vec![target]).ok_or(RepoError::NoAccelerator(revision.to_owned()));
        }
        let query = devices.query(on).map_err(|error| match error {
            QueryError::Unknown { name } => {
                let known = devices.all().iter().map(|device| device.id.clone()).collect();
                RepoError::NoSuchDevice { name, known }
            }
            QueryError::Count { count } => RepoError::Cards(count),
        })?;
        Ok(query.devices.into_iter().map(|device| Target::any(device, query.count)).collect())
    }
}

/// What a commit recorded of its run.
fn recorded(find: &dyn Find, commit: CommitId) -> Result<Recorded, ObjectError> {
    let commit: Commit = object::get(find, commit)?;
    let definition: Definition = object::get(find, commit.definition)?;
    let environment: Environment = object::get(find, definition.environment)?;
    let packages: Packages = object::get(find, environment.packages)?;
    let system: System = object::get(find, environment.system)?;
    let accelerators: Accelerators = object::get(find, environment.accelerators)?;
    let params: Option<Params> =
        definition.params.as_ref().map(|placed| object::get(find, placed.params)).transpose()?;
    let outcome: Option<Outcome> = commit.outcome.map(|id| object::get(find, id)).transpose()?;
    let threads = system.cpu.threads as f64;
    let machine = Machine {
        accelerators: Some(accelerators),
        processors: Some(system.limits.cpus.map_or(threads, |limit| limit.min(threads))),
        memory: Some(system.limits.memory.map_or(system.memory, |limit| limit.min(system.memory))),
    };
    Ok(Recorded {
        machine,
        has_outcome: commit.run.is_some() && outcome.is_some(),
        exit: outcome.as_ref().and_then(|outcome| outcome.exit),
        usage: outcome.and_then(|outcome| outcome.utilisation).map(|it| usage(&it.summary)),
        packages: packages.packages,
        variables: environment.variables,
        params: params.map(|params| params.values).unwrap_or_default(),
    })
}

/// What a summary of utilisation says. What has another form than expected is as good as absent.
fn usage(summary: &BTreeMap<String, Value>) -> Usage {
    let mut cards: BTreeMap<usize, CardUsage> = BTreeMap::new();
    for (name, values) in summary {
        let Some((card, what)) = name.strip_prefix("gpu").and_then(|rest| rest.split_once('.')) else {
            continue;
        };
        let Some(index) = card.parse::<usize>().ok().filter(|index| *index < MOST_CARDS) else { continue };
        let usage = cards.entry(index).or_default();
        match what {
            "busy" => {
                usage.busy = number(values, "mean").map(|percent| (percent / 100.0).min(1.0));
                usage.was_busy = number(values, "peak").map(|percent| percent > 0.0);
            }
            "memory_used" => usage.memory_peak = number(values, "peak").map(|bytes| bytes as u64),
            _ => {}
        }
    }
    let plain = |name: &str| summary.get(name).and_then(finite);
    let of = |name: &str, what: &str| number(summary.get(name)?, what);
    Usage {
        interval: plain("interval"),
        samples: plain("samples").map(|samples| samples as u64),
        cards,
        processors: of("process.cpu", "mean").map(|percent| percent / 100.0),
        memory_peak: of("process.memory", "peak").map(|bytes| bytes as u64),
    }
}

/// A number of a series' summary.
fn number(values: &Value, what: &str) -> Option<f64> {
    let Value::Map(values) = values else { return None };
    finite(values.get(what)?)
}

fn finite(value: &Value) -> Option<f64> {
    value.as_f64().filter(|value| value.is_finite() && *value >= 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, f64)]) -> Value {
        Value::Map(entries.iter().map(|(key, value)| ((*key).to_owned(), Value::Float(*value))).collect())
    }

    #[test]
    fn a_summary_is_read() {
        let summary = [
            ("interval", Value::Float(1.0)),
            ("samples", Value::Int(600u64.into())),
            ("gpu0.busy", map(&[("mean", 31.0), ("peak", 99.0)])),
            ("gpu0.memory_used", map(&[("mean", 1e9), ("peak", 9e9)])),
            ("gpu1.busy", map(&[("mean", 0.0), ("peak", 0.0)])),
            ("gpu0.energy", Value::Float(1e6)),
            ("process.cpu", map(&[("mean", 103.0)])),
            ("process.memory", map(&[("peak", 4e9)])),
        ];
        let usage = usage(&summary.map(|(key, value)| (key.to_owned(), value)).into());
        assert_eq!((usage.interval, usage.samples), (Some(1.0), Some(600)));
        assert_eq!((usage.processors, usage.memory_peak), (Some(1.03), Some(4_000_000_000)));
        let card = CardUsage { busy: Some(0.31), was_busy: Some(true), memory_peak: Some(9_000_000_000) };
        assert_eq!(usage.used(), [(0, card)]);
    }

    #[test]
    fn what_no_sampler_writes_is_absent() {
        let summary = [
            ("interval", Value::Float(f64::NAN)),
            ("samples", Value::Text("many".into())),
            ("gpu0.memory_used", map(&[("peak", f64::INFINITY)])),
            ("gpu0.busy", map(&[("mean", -1.0), ("peak", 1e300)])),
            ("gpu99999.busy", map(&[("mean", 1.0)])),
            ("gpux.busy", Value::Null),
            ("process.cpu", Value::List(Vec::new())),
        ];
        let usage = usage(&summary.map(|(key, value)| (key.to_owned(), value)).into());
        let card = CardUsage { busy: None, was_busy: Some(true), memory_peak: None };
        assert_eq!(usage, Usage { cards: [(0, card)].into(), ..Usage::default() });
    }
}
