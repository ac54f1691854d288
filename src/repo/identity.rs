//! Who commits.
