//! A tag: a named, described pointer to a commit.

use crate::encoding::record;
use crate::id::CommitId;
use crate::object::{Time, link, object};

record! {
    /// A name for a commit.
    pub struct Tag {
        /// The name.
        pub name: String,
        /// The commit.
        pub commit: CommitId,
        /// Who tagged it: `Name <address>`.
        pub author: String,
        /// When.
        pub time: Time,
        /// Why, in words.
        pub message: String,
    }
}

object!(Tag, TagId, |tag, see| see(link(tag.commit)));
