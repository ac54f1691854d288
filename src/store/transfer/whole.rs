//! Everything that a section of `from` has and the target lacks: small packs are read whole, with one request each.

use crate::storage::{Body, StorageError};
use crate::store::StoreError;
use crate::store::layout::Entry;
use crate::store::packs::{PackInfo, Section, read_footer};
use crate::store::transfer::carry::{Carried, Room};
use crate::store::transfer::plan::{FAR_SPAN, Filling, Piece};
use crate::store::transfer::{Transfer, section_of};

impl Transfer<'_> {
    /// Takes every entry of a section of `from` that the target lacks. Of packs that nothing is known of, small ones
    /// are read whole when they are sent; of others the footers are read now.
    pub fn everything_in(&mut self, section: Section) -> Result<(), StoreError> {
        let listed = self.from.catalog.list(section)?;
        self.take_all_known_but(section, &|pack: &PackInfo| pack.bytes <= FAR_SPAN, &listed)
    }

    /// The same, with footers read of all packs.
    pub(super) fn take_all_known(&mut self, section: Section) -> Result<(), StoreError> {
        self.take_all_known_but(section, &|_| false, &[])
    }

    fn take_all_known_but(
        &mut self,
        section: Section,
        is_read_whole: &dyn Fn(&PackInfo) -> bool,
        listed: &[PackInfo],
    ) -> Result<(), StoreError> {
        let catalog = &self.from.catalog;
        let unread = catalog.each_known(section, &mut |_, _| {})?;
        let whole = listed.iter().filter(|info| unread.iter().any(|pack| pack.name == info.name));
        let whole: Vec<PackInfo> = whole.copied().filter(|info| is_read_whole(info)).collect();
        let rest = unread.into_iter().filter(|pack| !whole.iter().any(|info| info.name == pack.name));
        catalog.load(&rest.collect::<Vec<_>>())?;
        let (mut failure, mut last) = (None, None);
        catalog.each_known(section, &mut |name, entry| {
            if failure.is_some() || section_of(entry.kind, section) != section {
                return;
            }
            match self.lacks(&entry) {
                Ok(false) => {}
                Err(error) => failure = Some(error),
                Ok(true) => {
                    // Entries of a pack come one after another, or from a mapped index.
                    let pack = match &last {
                        Some((known, pack)) if *known == name => std::sync::Arc::clone(pack),
                        _ => catalog.pack(name),
                    };
                    last = Some((name, pack.clone()));
                    let location = crate::store::catalog::Location { pack, place: entry.place };
                    self.want(entry.kind, entry.id, location);
                }
            }
        })?;
        self.whole.extend(whole);
        failure.map_or(Ok(()), Err)
    }

    fn lacks(&self, entry: &Entry) -> Result<bool, StoreError> {
        Ok(!self.seen.contains(entry.kind, &entry.id)
            && self.to.catalog.find_outside(entry.kind, &entry.id, self.doomed)?.is_none())
    }

    /// Reads a pack whole, and carries what the target lacks.
    pub(super) fn carry_whole(
        &self,
        info: &PackInfo,
        room: &mut Room,
        carried: &Carried,
    ) -> Result<(), StoreError> {
        let (section, pack) = (info.name.section, self.from.catalog.pack(info.name));
        let Some(body) = self.from.storage.read(&info.name.key(), FAR_SPAN)? else {
            carried.whole_moved();
            return Ok(());
        };
        let body = Bytes(body);
        // One that is damaged is passed over: whether something is missing then is for its taker to find out.
        let Ok(footer) = read_footer(&body, info.name.digest)? else { return Ok(()) };
        pack.keep(footer);
        let Some((frames, entries)) = pack.known() else { return Ok(()) };
        let fillings = Filling::of(&pack);
        let mut wanted: Vec<Entry> = Vec::new();
        for entry in entries.all().filter(|entry| section_of(entry.kind, section) == section) {
            if self.lacks(&entry)? && self.seen.insert(entry.kind, &entry.id) {
                wanted.push(entry);
            }
        }
        wanted.sort_unstable_by_key(|entry| entry.place);
        for entries in wanted.chunk_by(|a, b| a.place.frame == b.place.frame) {
            let number = entries[0].place.frame;
            let frame = frames[number as usize];
            let is_all = fillings[number as usize].is(entries.len(), &frame);
            let piece = Piece { number, frame, is_all, wants: 0..0 };
            let start = frame.offset as usize;
            let stored = body.0.get(start..start + frame.stored as usize).unwrap_or_default();
            self.carry_frame(&pack, &piece, stored, entries, section, room)?;
            self.count(&frame, entries, carried);
        }
        Ok(())
    }
}

/// A body that was read.
struct Bytes(Vec<u8>);

impl Body for Bytes {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<(), StorageError> {
        let start = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = start.checked_add(buffer.len()).and_then(|end| self.0.get(start..end));
        let short = || StorageError {
            action: "read",
            place: "a pack".into(),
            source: std::io::ErrorKind::UnexpectedEof.into(),
        };
        buffer.copy_from_slice(bytes.ok_or_else(short)?);
        Ok(())
    }
}
