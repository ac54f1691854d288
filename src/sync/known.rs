//! What was last fetched of a remote's refs, kept in a file that may be lost.

use crate::disk::{create_dirs, read_cache, replace_cache};
use crate::encoding::{self, record};
use crate::name::RefName;
use crate::refs::{Entry, Family, Ref, Survey};
use crate::sync::RemoteCache;

/// The file in the folder of the remote.
const FILE: &str = "refs";
/// No such file is longer: room for half a million refs.
const MAX_BYTES: u64 = 256 << 20;

record! {
    /// All refs that were fetched.
    pub struct Known {
        /// In the order of their names.
        pub refs: Vec<KnownRef>,
    }
}

record! {
    /// One ref.
    pub struct KnownRef {
        /// Its place in [`Family::ALL`].
        pub family: u64,
        /// Its name.
        pub name: String,
        /// The number of its last entry.
        pub number: u64,
        /// That entry.
        pub entry: Entry,
    }
}

impl RemoteCache {
    /// What was kept; nothing, if that is gone or damaged.
    pub(super) fn load(&self) -> Survey {
        self.read().unwrap_or_default()
    }

    fn read(&self) -> Option<Survey> {
        let known: Known = encoding::from_bytes(&read_cache(&self.folder.join(FILE), MAX_BYTES)?).ok()?;
        let value = |known: KnownRef| {
            let family = *Family::ALL.get(usize::try_from(known.family).ok()?)?;
            let name = Ref { family, name: RefName::new(&known.name).ok()? };
            Some((name, (known.number, known.entry)))
        };
        known.refs.into_iter().map(value).collect()
    }

    /// Keeps what was fetched. A cache that cannot be written is no failure.
    pub(super) fn save(&self, survey: &Survey) {
        let refs = survey.iter().map(|(name, (number, entry))| KnownRef {
            family: Family::ALL.iter().position(|family| *family == name.family).unwrap_or_default() as u64,
            name: name.name.to_string(),
            number: *number,
            entry: entry.clone(),
        });
        let bytes = encoding::to_bytes(&Known { refs: refs.collect() });
        let _ = create_dirs(&*self.disk, &self.folder)
            .and_then(|()| replace_cache(&*self.disk, &self.tmp_dir, &self.folder.join(FILE), bytes));
    }
}
