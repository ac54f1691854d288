//! The work tree as objects.

/// Something worth saying that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A path that the manifest names and that is not there.
    Missing { part: String, path: String },
    /// A file of the code that cannot be recorded.
    Refused { path: String, reason: String },
    /// A file that could not be read as what the manifest says it is.
    Unreadable { path: String, problem: String },
    /// Something of the environment that could not be seen.
    Gap { what: String, reason: String },
}
