//! How a command ends, as a number that scripts can rely on.

use std::process::ExitCode;

/// How a command ended. The numbers are documented and do not change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked.
    Success,
    /// There is a difference, where that was the question.
    Difference,
    /// The command line makes no sense.
    Usage,
    /// There is no such repository, revision, part or file.
    NotFound,
    /// It would have lost or overwritten something, or somebody else was faster.
    Conflict,
    /// Something that is recorded is damaged or missing.
    Corruption,
    /// The disk, the operating system or a permission was in the way.
    Io,
    /// It was written by a newer mdl.
    NeedsNewer,
    /// What was to be reproduced could not be run to its end.
    NotReproduced,
    /// A remote could not be reached, or broke off.
    Network,
    /// The command that was run took too long.
    TimedOut,
    /// It was interrupted.
    Interrupted,
    /// Whoever read its output stopped reading.
    ClosedPipe,
    /// What the command that was run ended with, or what a shell says of one that cannot be run.
    Command(u8),
}

impl Exit {
    /// Every way to end, in the order of the numbers.
    pub const ALL: [Exit; 13] = [
        Exit::Success,
        Exit::Difference,
        Exit::Usage,
        Exit::NotFound,
        Exit::Conflict,
        Exit::Corruption,
        Exit::Io,
        Exit::NeedsNewer,
        Exit::NotReproduced,
        Exit::Network,
        Exit::TimedOut,
        Exit::Interrupted,
        Exit::ClosedPipe,
    ];

    /// The number.
    pub const fn code(self) -> u8 {
        match self {
            Exit::Success => 0,
            Exit::Difference => 1,
            Exit::Usage => 2,
            Exit::NotFound => 3,
            Exit::Conflict => 4,
            Exit::Corruption => 5,
            Exit::Io => 6,
            Exit::NeedsNewer => 7,
            Exit::NotReproduced => 8,
            Exit::Network => 9,
            Exit::Interrupted => 130,
            Exit::ClosedPipe => 141,
            Exit::TimedOut => 124,
            Exit::Command(status) => status,
        }
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
            Exit::NotReproduced => {
                "the command that was to be reproduced failed, or was not approved (reproduce)"
            }
            Exit::Network => "a remote could not be reached, or broke off",
            Exit::TimedOut => "the command that was run took longer than it may (run --timeout)",
            Exit::Interrupted => "interrupted",
            Exit::ClosedPipe => "the reader of the output stopped reading",
            Exit::Command(_) => "as the command that was run ended",
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        exit.code().into()
    }
}
