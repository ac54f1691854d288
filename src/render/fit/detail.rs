//! One device with all that is known: the verdict, its reasons, and the figures with their sources.

use std::io::{self, Write};

use crate::fit::{Device, Fit, Origin, Report};
use crate::render::escape::escape;
use crate::render::fit::words::{aspect, finding_text, gib, speed_range, unestimated_text, verdict_text};
use crate::render::fit::{paragraph, role};
use crate::render::number::short;
use crate::render::style::{Role, Style};

pub(super) fn write(out: &mut dyn Write, style: &Style, report: &Report, fit: &Fit) -> io::Result<()> {
    let Device { id, name, .. } = &fit.device;
    let count = if fit.cards > 1 { format!(" x{}", fit.cards) } else { String::new() };
    let verdict = style.paint(role(fit.verdict), verdict_text(fit.verdict));
    let title = style.paint(Role::Heading, &format!("{}{count}", escape(id)));
    let of = if id == name { String::new() } else { format!(" ({})", escape(name)) };
    writeln!(out, "{title}{of}: {verdict}")?;
    for reason in &fit.reasons {
        let head = format!("  {}, {}: ", aspect(&reason.finding), verdict_text(reason.verdict));
        paragraph(out, style, &head, &finding_text(&reason.finding))?;
    }
    paragraph(out, style, "  speed: ", &speed(style, report, fit))?;
    writeln!(out)?;
    figures(out, style, &fit.device)?;
    if let Some(note) = &fit.device.note {
        paragraph(out, style, "  note: ", &escape(note))?;
    }
    match &fit.device.origin {
        Origin::BuiltIn => {}
        Origin::File(path) => paragraph(out, style, "  from: ", &escape(path))?,
        Origin::Run(run) => paragraph(out, style, "  from: ", &format!("the machine of {}", escape(run)))?,
    }
    writeln!(out)
}

fn speed(style: &Style, report: &Report, fit: &Fit) -> String {
    let speed = match &fit.speed {
        Ok(speed) => speed,
        Err(reason) => return unestimated_text(*reason),
    };
    let formats: Vec<&str> = speed.formats.iter().map(|format| format.as_str()).collect();
    let busy = match speed.busy {
        Some(busy) => {
            format!(", bounded by the {:.0} % of the time in which the card was busy", busy * 100.0)
        }
        None => String::new(),
    };
    let cards = match fit.cards == report.used {
        true => "",
        false => "; for another number of cards, from no gain to all of it",
    };
    let range = speed_range(style, speed);
    format!("{range}, an estimate from memory bandwidth and peaks of {}{busy}{cards}", formats.join(", "))
}

/// The figures, each with the number of its source, and the sources.
fn figures(out: &mut dyn Write, style: &Style, device: &Device) -> io::Result<()> {
    let mut sources: Vec<&str> = Vec::new();
    for (name, text) in rows(style, device) {
        let of = device.sources.get(name).map(|source| {
            let at = sources.iter().position(|known| known == source).unwrap_or(sources.len());
            if at == sources.len() {
                sources.push(source);
            }
            format!(" [{}]", at + 1)
        });
        paragraph(out, style, &format!("  {name}: "), &format!("{text}{}", of.unwrap_or_default()))?;
    }
    for (at, source) in sources.iter().enumerate() {
        paragraph(out, style, &format!("  [{}] ", at + 1), &escape(source))?;
    }
    Ok(())
}

/// The figures that are known, by the names of their groups.
fn rows(style: &Style, device: &Device) -> Vec<(&'static str, String)> {
    let memory = match device.memory.inline_ecc {
        true => format!("{} GiB, less a sixteenth for ECC", gib(device.memory.size)),
        false => format!("{} GiB", gib(device.memory.size)),
    };
    let peaks =
        device.peaks.iter().map(|(format, peak)| format!("{} {}", format.as_str(), short(peak / 1e12)));
    let peaks: Vec<String> = peaks.collect();
    let toolkit = device.toolkit.map(|it| {
        let until = it.newest.map(|newest| format!(" to {newest}")).unwrap_or_else(|| " on".to_owned());
        format!("from {}{until}", it.oldest)
    });
    let driver = match device.driver {
        (Some(oldest), Some(newest)) => Some(format!("branches {oldest} to {newest}")),
        (Some(oldest), None) => Some(format!("from branch {oldest} on")),
        (None, newest) => newest.map(|newest| format!("up to branch {newest}")),
    };
    let link = device.link.as_ref();
    let rows = [
        ("memory", Some(memory)),
        ("bandwidth", device.bandwidth.map(|bytes| format!("{} GB/s", short(bytes / 1e9)))),
        ("capability", device.architecture.as_ref().map(ToString::to_string)),
        ("arithmetic", (!peaks.is_empty()).then(|| format!("{} T/s, dense", peaks.join(", ")))),
        (
            "link",
            link.map(|it| format!("{}, {} GB/s both ways", escape(&it.name), short(it.bandwidth / 1e9))),
        ),
        ("pcie", device.pcie.as_ref().map(|it| format!("{} {} {}", it.generation, style.times(), it.width))),
        ("power", device.watts.map(|watts| format!("{} W", short(watts)))),
        ("toolkit", toolkit),
        ("driver", driver),
    ];
    rows.into_iter().filter_map(|(name, text)| Some((name, text?))).collect()
}
