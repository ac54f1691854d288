//! Packs of which all is wanted: the new pack shares their bytes on the disk, where the file system can do that.
//!
//! What is shared is checked like what is copied. Somebody else's pack is read in the new file, which nobody else can
//! change. One of ours is read where it lies, since that is what the system has in memory; or not at all, if its file
//! is as it was when it was written. It is looked at again afterwards: had somebody written to it meanwhile, its times
//! would be others.

use std::cell::LazyCell;
use std::sync::Arc;

use crate::disk::Version;
use crate::storage::{Body, Draft, Sharing};
use crate::store::StoreError;
use crate::store::catalog::IndexCache;
use crate::store::draft::frames_end;
use crate::store::layout::Frame;
use crate::store::packs::{Pack, Section};
use crate::store::transfer::carry::{Carried, Job, Room};
use crate::store::transfer::plan::Span;
use crate::store::transfer::{Transfer, Trust, Want, has_vanished};

impl Transfer<'_> {
    /// Makes a job of each span, or of all of a pack that can be shared.
    pub(super) fn jobs(&self, mut spans: Vec<Span>) -> Result<Vec<Job>, StoreError> {
        let (mut jobs, mut can_share) = (Vec::new(), None);
        let cache = self.from.catalog.cache.as_ref();
        let intact = LazyCell::new(|| cache.map(IndexCache::intact).unwrap_or_default());
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
                true => jobs.push(Job::Shared(of_pack, intact.0.get(&name).copied())),
                false => jobs.extend(of_pack.into_iter().map(Job::Span)),
            }
        }
        Ok(jobs)
    }

    fn begin_sharing(&self, pack: &Pack, frames: &[Frame]) -> Result<Option<Twins>, StoreError> {
        let original = match self.from.catalog.reader.body(pack) {
            Err(error) if has_vanished(&error) => return Ok(None),
            body => body?,
        };
        let version = original.version();
        let sharing = self.to.storage.draft_sharing(&*original, frames_end(frames))?;
        Ok(sharing.map(|Sharing { draft, begun }| Twins { original, version, begun, draft }))
    }

    /// Carries a pack by sharing it; or by its spans, if it cannot be shared after all.
    pub(super) fn carry_shared(
        &self,
        (spans, intact): (&[Span], Option<Version>),
        wants: &[Want],
        section: Section,
        room: &mut Room,
        carried: &Carried,
    ) -> Result<(), StoreError> {
        let pack = &spans[0].pack;
        let Some((frames, entries)) = pack.known() else { return Ok(()) };
        let Some(Twins { original, version: before, begun, draft }) = self.begin_sharing(pack, frames)?
        else {
            return spans.iter().try_for_each(|span| self.carry_span(span, wants, section, room, carried));
        };
        let is_ours = self.trust == Trust::Own && before.is_some();
        if is_ours && intact != before {
            self.check_body(&*original, spans, wants, room)?;
        }
        if !is_ours || original.version() != before {
            self.check_body(&*begun, spans, wants, room)?;
        }
        for piece in spans.iter().flat_map(|span| &span.pieces) {
            self.count(&piece.frame, &piece.entries(wants), carried);
        }
        self.frames.adopt(section, draft, frames, entries)
    }

    /// Checks all frames of a pack in a body that has its bytes, and delivers them.
    fn check_body(
        &self,
        body: &dyn Body,
        spans: &[Span],
        wants: &[Want],
        room: &mut Room,
    ) -> Result<(), StoreError> {
        for span in spans {
            let stored = room.stored(span.len());
            body.read_at(span.bytes.start, &mut stored[..])?;
            for piece in &span.pieces {
                let entries = piece.entries(wants);
                self.check(&span.pack, piece, span.stored(piece, &room.stored), &entries, &mut room.raw)?;
                self.deliver(&entries, &mut room.raw)?;
            }
        }
        Ok(())
    }
}

/// A pack, and the new one that shares its bytes.
struct Twins {
    original: Arc<dyn Body>,
    /// Of the original, from before its bytes were shared.
    version: Option<Version>,
    begun: Box<dyn Body>,
    draft: Box<dyn Draft>,
}

/// The frames of the pack that spans are of, if they are all it has.
fn is_all(spans: &[Span]) -> Option<&[Frame]> {
    let (frames, _) = spans[0].pack.known()?;
    let mut pieces = spans.iter().flat_map(|span| &span.pieces);
    let count = spans.iter().map(|span| span.pieces.len()).sum::<usize>();
    (count == frames.len() && pieces.all(|piece| piece.is_all)).then_some(frames)
}
