//! Packs of which all is wanted: the new pack shares their bytes on the disk, where the file system can do that.
//!
//! What is shared is checked like what is copied, after it can no longer change.

use crate::storage::Sharing;
use crate::store::StoreError;
use crate::store::draft::frames_end;
use crate::store::layout::Frame;
use crate::store::packs::{Pack, Section};
use crate::store::transfer::carry::{Carried, Job, Room};
use crate::store::transfer::plan::Span;
use crate::store::transfer::{Transfer, Want, has_vanished};

impl Transfer<'_> {
    /// Makes a job of each span, or of all of a pack that can be shared.
    pub(super) fn jobs(&self, mut spans: Vec<Span>) -> Result<Vec<Job>, StoreError> {
        let (mut jobs, mut can_share) = (Vec::new(), None);
        while let Some(first) = spans.first() {
            let name = first.pack.name;
            let rest = spans.iter().position(|span| span.pack.name != name).unwrap_or(spans.len());
            let rest = spans.split_off(rest);
            let of_pack = std::mem::replace(&mut spans, rest);
            let is_shared = match (can_share, is_all(&of_pack)) {
                (_, None) | (Some(false), _) => false,
                (Some(true), _) => true,
                // What holds for the first pack holds for all: they lie in the same folders.
                (None, Some(frames)) => {
                    *can_share.insert(self.begin_sharing(&of_pack[0].pack, frames)?.is_some())
                }
            };
            match is_shared {
                true => jobs.push(Job::Shared(of_pack)),
                false => jobs.extend(of_pack.into_iter().map(Job::Span)),
            }
        }
        Ok(jobs)
    }

    fn begin_sharing(&self, pack: &Pack, frames: &[Frame]) -> Result<Option<Sharing>, StoreError> {
        match self.from.catalog.reader.body(pack) {
            Err(error) if has_vanished(&error) => Ok(None),
            body => Ok(self.to.storage.draft_sharing(&*body?, frames_end(frames))?),
        }
    }

    /// Carries a pack by sharing it; or by its spans, if it cannot be shared after all.
    pub(super) fn carry_shared(
        &self,
        spans: &[Span],
        wants: &[Want],
        section: Section,
        room: &mut Room,
        carried: &Carried,
    ) -> Result<(), StoreError> {
        let pack = &spans[0].pack;
        let Some((frames, entries)) = pack.known() else { return Ok(()) };
        let Some(Sharing { draft, begun }) = self.begin_sharing(pack, frames)? else {
            return spans.iter().try_for_each(|span| self.carry_span(span, wants, section, room, carried));
        };
        for span in spans {
            let stored = room.stored(span.len());
            begun.read_at(span.bytes.start, &mut stored[..])?;
            for piece in &span.pieces {
                let entries = piece.entries(wants);
                self.check(pack, piece, span.stored(piece, &room.stored), &entries, &mut room.raw)?;
                self.deliver(&entries, &room.raw)?;
                self.count(&piece.frame, &entries, carried);
            }
        }
        self.frames.adopt(section, draft, frames, entries)
    }
}

/// The frames of the pack that spans are of, if they are all it has.
fn is_all(spans: &[Span]) -> Option<&[Frame]> {
    let (frames, _) = spans[0].pack.known()?;
    let mut pieces = spans.iter().flat_map(|span| &span.pieces);
    let count = spans.iter().map(|span| span.pieces.len()).sum::<usize>();
    (count == frames.len() && pieces.all(|piece| piece.is_all)).then_some(frames)
}
