//! Checking packs: what `fsck` knows about where everything is kept.

use crate::id::ContentId;
use crate::progress::{Amount, Progress};
use crate::store::layout::{Entry, EntryKind, Footer, MAGIC, PackProblem};
use crate::store::packs::{Pack, PackName, Section};
use crate::store::recipe::{Root, node_id};
use crate::store::{Store, StoreError};

/// How deep a check goes; each level does what is above it too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    /// Trailers and footers: every pack is whole by its length, and what it claims is consistent.
    Footers,
    /// Every stored byte, against the hash of its frame.
    Frames,
    /// Every entry, against its id.
    Everything,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Damage {
    /// The pack.
    pub pack: PackName,
    /// What is wrong with it.
    pub problem: PackProblem,
    /// What is lost by it, as far as that is known.
    pub lost: Vec<Entry>,
}

impl Store {
    /// Checks every pack as deep as `depth` says, reports what is wrong, and says how many there are. An error means that the check
    /// itself could not go on.
    pub fn verify(
        &self,
        depth: &dyn Fn(&PackName) -> Depth,
        progress: &dyn Progress,
        report: &mut dyn FnMut(Damage),
    ) -> Result<u64, StoreError> {
        progress.begin("Checking packs", None);
        let mut packs = 0;
        for section in Section::ALL {
            for pack in self.catalog.list(section)? {
                self.verify_pack(pack.name, depth(&pack.name), progress, report)?;
                packs += 1;
            }
        }
        Ok(packs)
    }

    fn verify_pack(
        &self,
        name: PackName,
        depth: Depth,
        progress: &dyn Progress,
        report: &mut dyn FnMut(Damage),
    ) -> Result<(), StoreError> {
        let pack = Pack::new(name);
        let footer = match self.catalog.reader.footer(&pack) {
            // Collected since it was listed.
            Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => return Ok(()),
            Err(StoreError::Pack { problem, .. }) => {
                report(Damage { pack: name, problem, lost: Vec::new() });
                return Ok(());
            }
            footer => footer?,
        };
        if self.storage.open(&name.key())?.is_some_and(|body| {
            let mut magic = [0; MAGIC.len()];
            body.read_at(0, &mut magic).is_err() || magic != MAGIC
        }) {
            report(Damage { pack: name, problem: PackProblem::Magic, lost: Vec::new() });
        }
        let mut entries: Vec<Entry> =
            (0..footer.entries.len()).map(|number| footer.entries.get(number)).collect();
        entries.sort_unstable_by_key(|entry| entry.place);
        let overlap = entries.windows(2).any(|pair| {
            let (a, b) = (pair[0].place, pair[1].place);
            a.frame == b.frame && a.offset + a.length > b.offset
        });
        if overlap {
            let problem = PackProblem::Footer("entries overlap");
            report(Damage { pack: name, problem, lost: Vec::new() });
        }
        if depth == Depth::Footers {
            progress.advance(Amount { items: 1, bytes: 0 });
            return Ok(());
        }
        self.verify_frames(&pack, &footer, &entries, depth, progress, report)?;
        progress.advance(Amount { items: 1, bytes: 0 });
        Ok(())
    }

    fn verify_frames(
        &self,
        pack: &Pack,
        footer: &Footer,
        entries: &[Entry],
        depth: Depth,
        progress: &dyn Progress,
        report: &mut dyn FnMut(Damage),
    ) -> Result<(), StoreError> {
        let (mut stored, mut raw) = (Vec::new(), Vec::new());
        let mut rest = entries;
        for number in 0..footer.frames.len() as u32 {
            let (inside, after) = rest.split_at(rest.partition_point(|entry| entry.place.frame <= number));
            rest = after;
            let read = if depth == Depth::Frames {
                self.catalog.reader.stored(pack, number, true, &mut stored).map(drop)
            } else {
                self.frame_into(pack, number, true, &mut stored, &mut raw)
            };
            match read {
                Err(StoreError::Pack { problem, .. }) => {
                    report(Damage { pack: pack.name, problem, lost: inside.to_vec() });
                    continue;
                }
                read => read?,
            }
            if depth == Depth::Everything {
                for entry in inside.iter().filter(|entry| !has_its_id(entry, &raw)) {
                    let problem = PackProblem::Entry(entry.id);
                    report(Damage { pack: pack.name, problem, lost: vec![*entry] });
                }
            }
            progress.advance(Amount { items: 0, bytes: stored.len() as u64 });
        }
        Ok(())
    }
}

/// Whether the bytes of an entry, in its decoded frame, are those of its id.
pub(super) fn has_its_id(entry: &Entry, raw: &[u8]) -> bool {
    let (offset, length) = (entry.place.offset as usize, entry.place.length as usize);
    let Some(bytes) = raw.get(offset..offset + length) else { return false };
    match entry.kind {
        EntryKind::Chunk => ContentId::of(bytes).digest() == entry.id,
        EntryKind::Recipe => Root::parse(bytes, entry.id.into()).is_some(),
        EntryKind::Node => node_id(bytes) == entry.id,
        EntryKind::Object(kind) => kind.digest(bytes) == entry.id,
    }
}
