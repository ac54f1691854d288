//! Versions of toolkits and of compute capabilities: two numbers.

use std::fmt;
use std::str::FromStr;

/// A version, of which two numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Version {
    /// The first number.
    pub major: u32,
    /// The second.
    pub minor: u32,
}

impl Version {
    /// A version of these two numbers.
    pub const fn new(major: u32, minor: u32) -> Self {
        Self { major, minor }
    }

    /// The first two numbers of a longer version, such as `12.4.127`; a missing second one is 0.
    pub fn leading(text: &str) -> Option<Self> {
        let mut numbers = text.trim().split('.').map(|part| {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            part[..digits].parse::<u32>().ok()
        });
        let major = numbers.next()??;
        Some(Self { major, minor: numbers.next().flatten().unwrap_or(0) })
    }
}

impl FromStr for Version {
    type Err = ();

    /// Exactly `major.minor`.
    fn from_str(text: &str) -> Result<Self, ()> {
        let number = |part: &str| match part.len() {
            1..=4 if part.bytes().all(|b| b.is_ascii_digit()) => part.parse().map_err(|_| ()),
            _ => Err(()),
        };
        let (major, minor) = text.split_once('.').ok_or(())?;
        Ok(Self { major: number(major)?, minor: number(minor)? })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
