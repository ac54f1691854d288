//! The work tree: the manifest, what is there now, and how to make it what a commit says.
