//! What `mdl init` writes: a commented manifest that fits what lies at the root of the project.
//!
//! Looks at names at the root and at few more, never into files and never deep.

use std::io;
use std::path::Path;

/// What lies at a project's root.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Names of regular files at the root and, as `folder/name`, in a few well-known folders.
    pub files: Vec<String>,
    /// Names of directories at the root.
    pub directories: Vec<String>,
}

/// A first manifest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Detected {
    /// The text of `mdl.toml`, with comments. Always a valid manifest.
    pub text: String,
    /// What was recognised, a line each: `params: params.yaml`.
    pub found: Vec<String>,
    /// What was seen and is not used by itself, such as DVC's files: a line each.
    pub hints: Vec<String>,
}

/// Lists the names that [`detect`] wants to see, a bounded number of them.
pub fn list(root: &Path) -> io::Result<Listing> {
    let _ = root;
    todo!()
}

/// Makes a manifest for what is there.
pub fn detect(listing: &Listing) -> Detected {
    let _ = listing;
    todo!()
}
