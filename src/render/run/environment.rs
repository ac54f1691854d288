//! What a run ran in, in a few lines.

use std::io::{self, Write};

use crate::diff::SnapshotEnvironment;
use crate::object::{Accelerators, System};
use crate::render::layout::{Facts, clipped, heading};
use crate::render::number::{count, short, size};
use crate::render::run::ShownRun;
use crate::render::style::Style;

pub(super) fn write(out: &mut dyn Write, style: &Style, shown: &ShownRun) -> io::Result<()> {
    let Some(environment) = &shown.snapshot.environment else { return Ok(()) };
    heading(out, style, "environment", "")?;
    let mut facts = Facts::default();
    let mut fact = |label, text: String| facts.push(label, clipped(style, &text, style.width));
    let (label, text) = packages(environment);
    fact(label, text);
    fact("accelerator", accelerators(style, &environment.accelerators));
    fact("system", system(&environment.system));
    fact("cpu", cpu(&environment.system));
    facts.write(out, style)
}

fn packages(environment: &SnapshotEnvironment) -> (&'static str, String) {
    let number = count(environment.packages.packages.len() as u64, "package");
    match &environment.packages.interpreter {
        None => ("packages", number),
        Some(it) => {
            let label = if it.implementation.contains("py") { "python" } else { "interpreter" };
            (label, format!("{} {}, {number}", it.implementation, it.version))
        }
    }
}

/// `2× NVIDIA H100 80GB HBM3, driver 570.86, CUDA 12.8`.
fn accelerators(style: &Style, accelerators: &Accelerators) -> String {
    let mut models: Vec<(&str, usize)> = Vec::new();
    for device in &accelerators.devices {
        match models.iter_mut().find(|(model, _)| *model == device.model) {
            Some((_, number)) => *number += 1,
            None => models.push((&device.model, 1)),
        }
    }
    let model = |(model, number): &(&str, usize)| match number {
        1 => (*model).to_owned(),
        number => format!("{number}{} {model}", style.times()),
    };
    let mut words: Vec<String> = models.iter().map(model).collect();
    if words.is_empty() {
        words.push(if accelerators.gap.is_some() { "none seen" } else { "none" }.to_owned());
    }
    words.extend(accelerators.driver.as_ref().map(|driver| format!("driver {driver}")));
    words.extend(accelerators.runtime.as_ref().map(|runtime| format!("runtime {runtime}")));
    words.join(", ")
}

fn system(system: &System) -> String {
    let mut words = vec![system.release.clone().unwrap_or_else(|| system.os.clone())];
    words.extend(system.kernel.as_ref().map(|kernel| format!("kernel {kernel}")));
    words.extend([system.arch.clone()]);
    words.extend(system.container.clone());
    words.join(", ")
}

fn cpu(system: &System) -> String {
    let threads = match system.limits.cpus {
        Some(cpus) => format!("{} of {}", short(cpus), count(system.cpu.threads, "thread")),
        None => count(system.cpu.threads, "thread"),
    };
    let memory = match system.limits.memory {
        Some(limit) => format!("{} of {} of memory", size(limit), size(system.memory)),
        None => format!("{} of memory", size(system.memory)),
    };
    format!("{}, {threads}, {memory}", system.cpu.model)
}
