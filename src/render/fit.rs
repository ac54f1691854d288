//! Where a run would fit: a screen of devices, or a few in detail with the source of each figure.

mod detail;
mod json;
#[cfg(test)]
mod tests;
mod words;

use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::fit::{Finding, Fit, Report, Verdict};
use crate::id::CommitId;
use crate::render::number::short_id;
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, plain};
use words::{advice_text, brief, caveat_text, gib, recorded_text, share, speed_brief, verdict_text};

pub use json::fit_json;

/// A report, and what of it is shown.
#[derive(Clone, Copy)]
pub struct ShownFit<'a> {
    /// The revision as it was asked for.
    pub revision: &'a str,
    /// Its commit.
    pub commit: CommitId,
    /// The report.
    pub report: &'a Report,
    /// Whether each device is shown with all that is known of it.
    pub detail: bool,
    /// Whether devices are shown on which the run does not fit.
    pub all: bool,
}

/// Writes a report.
pub fn fit(out: &mut dyn Write, style: &Style, shown: &ShownFit<'_>) -> io::Result<()> {
    let report = shown.report;
    // An id that is written out needs no name beside it.
    let is_id = shown.commit.to_string().starts_with(shown.revision);
    let name = if is_id { String::new() } else { format!("{} ", crate::render::escape(shown.revision)) };
    let head = style.paint(Role::Heading, &name);
    writeln!(out, "{head}{}", style.paint(Role::Id, &short_id(shown.commit)))?;
    paragraph(out, style, "", &recorded_text(style, report))?;
    for line in words::software_text(report) {
        paragraph(out, style, "", &line)?;
    }
    writeln!(out)?;
    if shown.detail {
        report.fits.iter().try_for_each(|fit| detail::write(out, style, report, fit))?;
    } else {
        overview(out, style, shown)?;
    }
    report.advice.iter().try_for_each(|it| paragraph(out, style, "", &advice_text(style, it)))?;
    let caveats: Vec<String> = report.caveats.iter().map(caveat_text).collect();
    match caveats.is_empty() {
        true => Ok(()),
        false => paragraph(out, style, "Bear in mind: ", &caveats.join("; ")),
    }
}

/// Devices, best first: those that fit from the smallest up.
fn sorted(report: &Report) -> Vec<&Fit> {
    let mut fits: Vec<&Fit> = report.fits.iter().collect();
    fits.sort_by_key(|fit| {
        let bandwidth = fit.device.bandwidth.unwrap_or(0.0) as u64;
        (fit.verdict, fit.device.memory.capacity(), bandwidth)
    });
    fits
}

fn overview(out: &mut dyn Write, style: &Style, shown: &ShownFit<'_>) -> io::Result<()> {
    let report = shown.report;
    if report.processor_alone && !shown.all {
        let text = words::finding_text(&Finding::ProcessorAlone).replacen("it", "It", 1);
        return paragraph(out, style, "", &format!("{text}."));
    }
    let fits = sorted(report);
    // Where nothing was measured, a row would say nothing that its name does not.
    let is_measured = report.peak.is_some();
    let is_listed = |fit: &&&Fit| shown.all || (is_measured && fit.verdict != Verdict::DoesNotFit);
    let listed: Vec<&Fit> = fits.iter().filter(is_listed).copied().collect();
    if !listed.is_empty() {
        table(style, &listed).write(out, style, 0)?;
        writeln!(out)?;
    }
    let ids = |wanted: Verdict| {
        let named = fits.iter().filter(|fit| fit.verdict == wanted);
        named.map(|fit| crate::render::escape(&fit.device.id).into_owned()).collect::<Vec<_>>()
    };
    let mut rest = |title: &str, ids: Vec<String>| match ids.is_empty() {
        true => Ok(()),
        false => paragraph(out, style, &format!("{title}: "), &ids.join(", ")),
    };
    if shown.all {
        return Ok(());
    }
    if !is_measured {
        rest("Unknown", ids(Verdict::Unknown))?;
    }
    rest("Does not fit (--all says why)", ids(Verdict::DoesNotFit))
}

fn table(style: &Style, fits: &[&Fit]) -> Table {
    let rows: Vec<[String; 5]> = fits.iter().map(|fit| row(style, fit)).collect();
    let heads = ["device", "verdict", "memory", "speed, est.", "why"];
    // Why takes what the other columns leave.
    let widest =
        |at: usize| rows.iter().map(|row| row[at].width()).chain([heads[at].width()]).max().unwrap_or(0);
    let room = style.width.saturating_sub((0..4).map(|at| widest(at) + 3).sum()).max(LEAST_WHY);
    let mut table = Table::default();
    table.row(heads.map(|head| Cell::new(Role::Dim, head)));
    for (fit, [name, verdict, memory, speed, why]) in fits.iter().zip(rows) {
        let verdict = Cell::new(role(fit.verdict), verdict);
        table.row([plain(name), verdict, plain(memory), plain(speed), plain(style.clip(&why, room))]);
    }
    table
}

/// So many columns are left for a reason, however narrow the terminal is.
const LEAST_WHY: usize = 12;

/// What a row says of a device.
fn row(style: &Style, fit: &Fit) -> [String; 5] {
    let capacity = gib(fit.device.memory.capacity());
    let memory = match share(fit) {
        Some(share) => format!("{share:>3.0} % of {capacity} GiB"),
        None => format!("         {capacity} GiB"),
    };
    let name = crate::render::escape(&fit.device.id);
    let name = if fit.cards > 1 { format!("{name} x{}", fit.cards) } else { name.into_owned() };
    [name, verdict_text(fit.verdict).to_owned(), memory, speed_brief(style, fit), brief(fit)]
}

fn role(verdict: Verdict) -> Role {
    match verdict {
        Verdict::Fits => Role::Better,
        Verdict::Tight => Role::Id,
        Verdict::Unknown => Role::Dim,
        Verdict::DoesNotFit => Role::Worse,
    }
}

/// Words in lines as wide as the terminal, after a title; further lines are indented by two columns more.
fn paragraph(out: &mut dyn Write, style: &Style, title: &str, text: &str) -> io::Result<()> {
    let indent = title.len() - title.trim_start().len();
    let mut line = title.trim_end().to_owned();
    let mut is_empty = line.trim().is_empty();
    for word in text.split_whitespace() {
        if !is_empty && line.width() + 1 + word.width() > style.width {
            writeln!(out, "{line}")?;
            line = " ".repeat(indent + 2);
            is_empty = true;
        }
        if !is_empty {
            line.push(' ');
        }
        line += word;
        is_empty = false;
    }
    writeln!(out, "{line}")
}
