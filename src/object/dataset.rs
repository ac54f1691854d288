//! A dataset: the data, where it came from and what it looks like. Its name and place are the definition's.

use crate::encoding::record;
use crate::id::ProfileId;
use crate::object::{Link, Node, link, object};

record! {
    /// A file or directory of data.
    pub struct Dataset {
        /// The data.
        pub root: Node,
        /// Whether its contents are stored; otherwise they are only referred to.
        pub stored: bool,
        /// The format of its files (`csv`, `parquet`, …), if it is known.
        pub format: Option<String>,
        /// Where it was had from: a path or URL.
        pub source: Option<String>,
        /// The licence it is under.
        pub licence: Option<String>,
        /// What its format tells of it.
        pub profile: Option<ProfileId>,
    }
}

object!(Dataset, DatasetId, |dataset, see| {
    see(if dataset.stored { dataset.root.link() } else { Link::Unstored(dataset.root) });
    dataset.profile.into_iter().for_each(|id| see(link(id)));
});
