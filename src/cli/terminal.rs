//! The one place that prints: results on standard output, everything else on standard error.
//!
//! Colours are used as the person wants them, long output goes through their pager, and when a reader
//! stops reading, nothing is said about it. Text from elsewhere arrives here escaped.

use std::env;
use std::io::{self, BufWriter, IsTerminal, StderrLock, StdoutLock, Write};
use std::os::fd::{AsFd, BorrowedFd};

use anstream::adapter::StripBytes;
use anstream::{AutoStream, ColorChoice};
use anstyle::{AnsiColor, Style};

use crate::cli::options::{Color, Options};
use crate::cli::pager::{self, Pager};
use crate::launch::{self, Outlet, Outlets};

/// The argument with which mdl calls itself to pass on what is printed after the end of a run's command.
pub const FORWARD: &str = "forward-output";

/// What mdl does when it is called so, and nothing else. See [`launch::forward`].
#[cfg(unix)]
pub fn forward() {
    let own = |stream: BorrowedFd<'_>| stream.try_clone_to_owned().map(std::fs::File::from);
    // Nobody is there to be told that it failed: who prints gets the error.
    let _ = launch::forward(|| Ok((own(io::stdin().as_fd())?, own(io::stdout().as_fd())?)));
}

/// Where a command's words go.
#[derive(Clone, Debug)]
pub struct Terminal {
    color: Color,
    quiet: bool,
    json: bool,
    pages: bool,
}

const YELLOW: Style = AnsiColor::Yellow.on_default().bold();
const RED: Style = AnsiColor::Red.on_default().bold();
const CYAN: Style = AnsiColor::Cyan.on_default().bold();

impl Terminal {
    /// A terminal as these options want it.
    pub fn new(options: &Options) -> Self {
        Self {
            color: options.color.unwrap_or_default(),
            quiet: options.quiet,
            json: options.json,
            pages: !options.no_pager && !options.json,
        }
    }

    /// Uses colours as the configuration says, where no option does.
    pub fn prefer(&mut self, color: Color) {
        self.color = color;
    }

    /// Whether results are JSON.
    pub fn is_json(&self) -> bool {
        self.json
    }

    /// Whether a person sees progress.
    pub fn is_watched(&self) -> bool {
        !self.quiet && !self.json && io::stderr().is_terminal()
    }

    /// Whether a person can be asked something.
    pub fn is_interactive(&self) -> bool {
        !self.json && io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Asks something that is answered by yes or no. Where nobody can be asked, the answer is no.
    pub fn ask(&self, question: &str) -> bool {
        if self.json || !io::stdin().is_terminal() || !io::stderr().is_terminal() {
            return false;
        }
        self.complain(question);
        let mut answer = String::new();
        let read = io::BufRead::read_line(
            &mut io::BufReader::new(io::Read::take(io::stdin().lock(), 64)),
            &mut answer,
        );
        read.is_ok() && matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes")
    }

    /// Whether results are coloured.
    pub fn is_colored(&self) -> bool {
        !self.json && self.choice(AutoStream::choice(&io::stdout())) != ColorChoice::Never
    }

    /// Whether characters beyond ASCII are shown as what they are.
    pub fn is_unicode(&self) -> bool {
        let set = |variable: &&str| env::var(variable).ok().filter(|value| !value.is_empty());
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"].iter().find_map(set).unwrap_or_default().to_lowercase();
        cfg!(windows) || !io::stdout().is_terminal() || locale.contains("utf-8") || locale.contains("utf8")
    }

    /// How many columns there are to fill.
    pub fn width(&self) -> usize {
        let of_screen =
            || terminal_size::terminal_size_of(io::stdout()).map(|(width, _)| usize::from(width.0));
        from_environment("COLUMNS").or_else(of_screen).unwrap_or(DEFAULT_WIDTH)
    }

    fn choice(&self, automatic: ColorChoice) -> ColorChoice {
        match self.color {
            Color::Auto => automatic,
            Color::Always => ColorChoice::Always,
            Color::Never => ColorChoice::Never,
        }
    }

    /// Where a result is written; it is paged if it is long.
    pub fn output(&self) -> Output {
        let pager = if self.pages && io::stdout().is_terminal() { pager::chosen() } else { None };
        match pager {
            Some(pager) => Output(Sink::Held {
                text: Vec::new(),
                room: screen_lines(),
                pager,
                choice: self.stdout_choice(),
            }),
            None => Output(Sink::stdout(self.stdout_choice())),
        }
    }

    fn stdout_choice(&self) -> ColorChoice {
        self.choice(AutoStream::choice(&io::stdout()))
    }

    /// Where the bytes of a file are written, as they are; made harmless where a terminal would obey them.
    pub fn bytes(&self) -> Box<dyn Write> {
        let stdout = BufWriter::with_capacity(1 << 16, io::stdout().lock());
        if io::stdout().is_terminal() { Box::new(Harmless::new(stdout)) } else { Box::new(stdout) }
    }

    /// What another program says to ours and hears from it: bytes, as they are.
    pub fn streams(&self) -> io::Result<(io::StdinLock<'static>, Box<dyn Write + Send>)> {
        if io::stdin().is_terminal() || io::stdout().is_terminal() {
            return Err(io::Error::other("a program is to be at the other end, and no terminal"));
        }
        let output = io::stdout().as_fd().try_clone_to_owned()?;
        Ok((io::stdin().lock(), Box::new(std::fs::File::from(output))))
    }

    /// Where the output of a command that is run goes: to where ours goes, unchanged. Where our own result is
    /// for a program, all of it goes to standard error.
    pub fn outlets(&self, apart: bool) -> Outlets {
        let output = if apart { open(io::stderr().as_fd()) } else { open(io::stdout().as_fd()) };
        Outlets { output, errors: open(io::stderr().as_fd()) }
    }

    /// Whether results are shown on a screen.
    pub fn is_screen(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Shows a result in place of the one before.
    pub fn repaint(&self, text: &str) -> io::Result<()> {
        const HOME_AND_CLEAR: &str = "\x1b[H\x1b[2J";
        let mut output = Output(Sink::stdout(self.stdout_choice()));
        output.write_all(format!("{HOME_AND_CLEAR}{text}").as_bytes())?;
        output.finish()
    }

    /// Prints a result.
    pub fn print(&self, text: &str) -> io::Result<()> {
        let mut output = self.output();
        output.write_all(text.as_bytes())?;
        output.finish()
    }

    /// Says something that is neither result nor error, unless it is to be quiet.
    pub fn note(&self, text: &str) {
        if !self.quiet && !self.json {
            self.complain(&format!("{text}\n"));
        }
    }

    /// Says what to do next, unless it is to be quiet.
    pub fn hint(&self, text: &str) {
        self.note(&format!("{CYAN}hint:{CYAN:#} {text}"));
    }

    /// Says that something is not as one would expect, and stops nothing.
    pub fn warn(&self, text: &str) {
        if !self.json {
            self.complain(&format!("{YELLOW}warning:{YELLOW:#} {text}\n"));
        }
    }

    /// Says what went wrong, what caused it, and what to do about it.
    pub fn error(&self, message: &str, causes: &[String], hint: Option<&str>) {
        let mut text = format!("{RED}error:{RED:#} {message}\n");
        for cause in causes {
            text += &format!("  because: {cause}\n");
        }
        if let Some(hint) = hint {
            text += &format!("{CYAN}hint:{CYAN:#} {hint}\n");
        }
        self.complain(&text);
    }

    /// Writes to standard error. That it cannot be written to is nothing that could be told anybody.
    pub fn complain(&self, text: &str) {
        let choice = self.choice(AutoStream::choice(&io::stderr()));
        let mut stderr: AutoStream<StderrLock<'_>> = AutoStream::new(io::stderr().lock(), choice);
        let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
    }
}

/// A stream of ours, for somebody else to write to. One that is closed takes nothing.
#[cfg(unix)]
fn open(stream: BorrowedFd<'_>) -> Outlet {
    stream.try_clone_to_owned().map_or(Outlet::Nothing, |stream| Outlet::File(stream.into()))
}

const DEFAULT_WIDTH: usize = 100;
const DEFAULT_LINES: usize = 24;

fn from_environment(variable: &str) -> Option<usize> {
    env::var(variable).ok()?.parse().ok().filter(|number| *number > 0)
}

/// Lines of output that fit beside the next prompt.
fn screen_lines() -> usize {
    let of_screen = || terminal_size::terminal_size_of(io::stdout()).map(|(_, height)| usize::from(height.0));
    from_environment("LINES").or_else(of_screen).unwrap_or(DEFAULT_LINES).saturating_sub(1)
}

/// Standard output, perhaps through a pager.
pub struct Output(Sink);

enum Sink {
    Stdout(BufWriter<AutoStream<StdoutLock<'static>>>),
    /// What fits on the screen so far, in so many lines.
    Held {
        text: Vec<u8>,
        room: usize,
        pager: String,
        choice: ColorChoice,
    },
    Paged(Paged),
}

/// A person's pager, which gets colours only if they are wanted.
struct Paged {
    pager: Pager,
    strip: Option<StripBytes>,
}

impl Paged {
    fn start(pager: &str, choice: ColorChoice) -> io::Result<Self> {
        let strip = (choice == ColorChoice::Never).then(StripBytes::new);
        Ok(Self { pager: Pager::start(pager)?, strip })
    }
}

impl Write for Paged {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.strip {
            Some(strip) => strip.strip_next(bytes).try_for_each(|text| self.pager.write_all(text))?,
            None => self.pager.write_all(bytes)?,
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pager.flush()
    }
}

impl Sink {
    fn stdout(choice: ColorChoice) -> Self {
        Sink::Stdout(BufWriter::with_capacity(1 << 16, AutoStream::new(io::stdout().lock(), choice)))
    }
}

impl Output {
    /// Writes what is left, and waits until a person who pages has read.
    pub fn finish(mut self) -> io::Result<()> {
        if let Sink::Held { text, choice, .. } = &mut self.0 {
            let (text, choice) = (std::mem::take(text), *choice);
            self.0 = Sink::stdout(choice);
            self.write_all(&text)?;
        }
        match self.0 {
            Sink::Stdout(mut stdout) => stdout.flush(),
            Sink::Held { .. } => Ok(()),
            Sink::Paged(paged) => paged.pager.finish(),
        }
    }

    /// Whether a person has closed the pager and wants to see no more.
    fn quiet_if_closed(result: io::Result<usize>, len: usize) -> io::Result<usize> {
        match result {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(len),
            other => other,
        }
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Sink::Stdout(stdout) => stdout.write(bytes),
            Sink::Paged(paged) => Self::quiet_if_closed(paged.write(bytes), bytes.len()),
            Sink::Held { text, room, pager, choice } => {
                text.extend_from_slice(bytes);
                if text.iter().filter(|byte| **byte == b'\n').count() > *room {
                    let text = std::mem::take(text);
                    let started = Paged::start(pager, *choice);
                    // A pager that is not there is no reason to show nothing.
                    self.0 = started.map_or_else(|_| Sink::stdout(*choice), Sink::Paged);
                    self.write_all(&text)?;
                }
                Ok(bytes.len())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Sink::Stdout(stdout) => stdout.flush(),
            Sink::Held { .. } | Sink::Paged(_) => Ok(()),
        }
    }
}

/// Shows control characters instead of sending them to a terminal.
struct Harmless<W: Write> {
    to: W,
    /// Whether the last byte was 0xC2, which begins a control character of two bytes, or another one.
    pending: bool,
}

impl<W: Write> Harmless<W> {
    fn new(to: W) -> Self {
        Self { to, pending: false }
    }
}

impl<W: Write> Write for Harmless<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        for byte in bytes {
            if std::mem::take(&mut self.pending) {
                match byte {
                    0x80..=0x9f => {
                        write!(self.to, "\\u{{{byte:x}}}")?;
                        continue;
                    }
                    _ => self.to.write_all(&[0xc2])?,
                }
            }
            match byte {
                0xc2 => self.pending = true,
                b'\n' | b'\t' | 0x20..=0x7e | 0x80.. => self.to.write_all(&[*byte])?,
                _ => write!(self.to, "\\x{byte:02x}")?,
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if std::mem::take(&mut self.pending) {
            self.to.write_all(&[0xc2])?;
        }
        self.to.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(unix)]
    fn a_pager_gets_colours_only_if_they_are_wanted() {
        let folder = tempfile::tempdir().unwrap();
        for (choice, expected) in
            [(ColorChoice::Never, "red\n"), (ColorChoice::Always, "\u{1b}[31mred\u{1b}[0m\n")]
        {
            let file = folder.path().join("shown");
            let mut paged = Paged::start(&format!("cat > '{}'", file.display()), choice).unwrap();
            paged.write_all(b"\x1b[31").unwrap();
            paged.write_all(b"mred\x1b[0m\n").unwrap();
            paged.pager.finish().unwrap();
            assert_eq!(std::fs::read_to_string(file).unwrap(), expected);
        }
    }

    #[test]
    fn a_terminal_is_never_given_orders() {
        let mut shown = Vec::new();
        let mut harmless = Harmless::new(&mut shown);
        for piece in ["plain\ttext\n", "\u{1b}[31m", "\r", "\u{9b}1m", "é£\u{7f}"] {
            // Byte by byte, since pieces end anywhere.
            piece.bytes().for_each(|byte| harmless.write_all(&[byte]).unwrap());
        }
        harmless.flush().unwrap();
        assert_eq!(String::from_utf8(shown).unwrap(), "plain\ttext\n\\x1b[31m\\x0d\\u{9b}1mé£\\x7f");
    }
}
