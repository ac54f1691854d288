//! How a command ends, as a number that scripts can rely on.

use std::process::ExitCode;

/// How a command ended. The numbers are documented and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// It did what was asked.
    Success = 0,
    /// There is a difference, where that was the question.
    Difference = 1,
    /// The command line makes no sense.
    Usage = 2,
    /// There is no such repository, revision, part or file.
    NotFound = 3,
    /// It would have lost or overwritten something, or somebody else was faster.
    Conflict = 4,
    /// Something that is recorded is damaged or missing.
    Corruption = 5,
    /// The disk, the operating system or a permission was in the way.
    Io = 6,
    /// It was written by a newer mdl.
    NeedsNewer = 7,
    /// It was interrupted.
    Interrupted = 130,
    /// Whoever read its output stopped reading.
    ClosedPipe = 141,
}

impl Exit {
    /// Every way to end, in the order of the numbers.
    pub const ALL: [Exit; 10] = [
        Exit::Success,
        Exit::Difference,
        Exit::Usage,
        Exit::NotFound,
        Exit::Conflict,
        Exit::Corruption,
        Exit::Io,
        Exit::NeedsNewer,
        Exit::Interrupted,
        Exit::ClosedPipe,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// What the number means, for the help.
    pub const fn meaning(self) -> &'static str {
        match self {
            Exit::Success => "done",
            Exit::Difference => {
                "there is a difference, where that was the question (diff --exit-code, fit --on)"
            }
            Exit::Usage => "the command line, the manifest or a setting makes no sense",
            Exit::NotFound => "no such repository, revision, part or file",
            Exit::Conflict => "it would have overwritten or lost something, or somebody else was faster",
            Exit::Corruption => "something recorded is damaged or missing (fsck tells what)",
            Exit::Io => "the disk, the operating system or a permission was in the way",
            Exit::NeedsNewer => "written by a newer mdl",
            Exit::Interrupted => "interrupted",
            Exit::ClosedPipe => "the reader of the output stopped reading",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
