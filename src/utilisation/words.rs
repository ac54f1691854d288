//! A judgement in one line of words. It has no text but ours: nothing in it needs escaping.

use std::fmt::{self, Display, Formatter};

use crate::utilisation::judge::{Judgement, Note, Peak, Verdict, Wait};

impl Display for Judgement {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.verdict {
            Verdict::TooShort => return f.write_str("too short to judge"),
            Verdict::Unknown => f.write_str("not enough was measured to say")?,
            Verdict::Saturated { busy, used } => {
                write!(f, "{} busy {busy:.0} %: saturated", Gpus(used, self.of))?
            }
            Verdict::Waiting { busy, used, on } => {
                write!(f, "{} busy {busy:.0} %", Gpus(used, self.of))?;
                waiting(f, on)?;
            }
            Verdict::Idle { host } => {
                f.write_str(if self.of > 1 { "GPUs idle throughout" } else { "GPU idle throughout" })?;
                if host != Wait::Unseen {
                    write!(f, "; {host}")?;
                }
            }
            Verdict::Processors(host) => host.fmt(f)?,
        }
        if let Some(peak) = self.peak {
            write!(f, "; peak {peak}")?;
        }
        self.notes.iter().try_for_each(|note| write!(f, "; {note}"))
    }
}

/// How many accelerators were used, of how many.
struct Gpus(usize, usize);

impl Display for Gpus {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match (self.0, self.1) {
            (_, 0 | 1) => f.write_str("GPU"),
            (used, of) if used == of => write!(f, "{of} GPUs"),
            (used, of) => write!(f, "{used} of {of} GPUs"),
        }
    }
}

fn waiting(f: &mut Formatter<'_>, on: Wait) -> fmt::Result {
    match on {
        Wait::OneCore { .. } | Wait::AllCores { .. } => write!(f, ", waiting on data: {on}"),
        Wait::Disk { .. } => write!(f, ", {on}"),
        Wait::SomeCores { .. } => write!(f, "; {on}"),
        Wait::Unseen => f.write_str("; what it waited for was not seen"),
    }
}

impl Display for Wait {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match *self {
            Wait::OneCore { cpu, cores: Some(cores) } => write!(f, "CPU {cpu:.0} % on 1 of {}", Cores(cores)),
            Wait::OneCore { cpu, cores: None } => write!(f, "CPU {cpu:.0} % on 1 core"),
            Wait::AllCores { cores, .. } => write!(f, "CPU busy on all {}", Cores(cores)),
            Wait::SomeCores { cpu, cores: Some(cores) } => {
                write!(f, "CPU {cpu:.0} % ({:.1} of {})", cpu / 100.0, Cores(cores))
            }
            Wait::SomeCores { cpu, cores: None } => write!(f, "CPU {cpu:.0} %"),
            Wait::Disk { cpu, read, written } => {
                let (word, rate) = if read >= written { ("reads", read) } else { ("writes", written) };
                write!(f, "waiting on the disk: {word} {:.0} MB/s, CPU {cpu:.0} %", rate / 1e6)
            }
            Wait::Unseen => f.write_str("the use of processors was not seen"),
        }
    }
}

/// A number of cores; containers may have a share of one.
struct Cores(f64);

impl Display for Cores {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let digits = usize::from(self.0.fract() != 0.0);
        write!(f, "{:.digits$} {}", self.0, if self.0 == 1.0 { "core" } else { "cores" })
    }
}

impl Display for Peak {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.of {
            Some(of) => write!(f, "{} of {} GB", gigabytes(self.used), gigabytes(of as f64)),
            None => write!(f, "{} GB", gigabytes(self.used)),
        }
    }
}

/// Two digits, as 9.1 and 80.
fn gigabytes(bytes: f64) -> String {
    let value = bytes / 1e9;
    let digits = usize::from(value < 9.95);
    format!("{value:.digits$}")
}

impl Display for Note {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut held =
            |by: &str, share: f64| write!(f, "clocks held by {by} {:.0} % of the time", share * 100.0);
        match *self {
            Note::HeldByPower(share) => held("the power limit", share),
            Note::HeldByHeat(share) => held("heat", share),
            Note::HeldByHardware(share) => held("the hardware", share),
            Note::DeviceMemoryFull { index } => write!(f, "memory of GPU {index} nearly full"),
            Note::MemoryFull => f.write_str("memory nearly full"),
        }
    }
}
