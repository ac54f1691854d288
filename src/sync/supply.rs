//! What a ref is going to point to, made sure of at the place where it is going to point to it.

use crate::graph;
use crate::id::CommitId;
use crate::object::{Find, Link, Memory, ObjectError};
use crate::progress::Progress;
use crate::refs::Doomed;
use crate::store::{PackName, Store, Transfer, Trust, Wanted};
use crate::sync::SyncError;

/// What becomes of data: the contents of files.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DataPolicy {
    /// That of what is new.
    #[default]
    New,
    /// None.
    Nothing,
    /// All that the tips and what they come after have: somebody may have left it out before.
    All,
}

/// One place that is supplied from another.
pub(super) struct Supply<'a> {
    pub from: &'a Store,
    pub to: &'a Store,
    /// Where the objects are read that lead from one to the next, those of `own` among them.
    pub find: &'a dyn Find,
    /// Objects that `from` does not have.
    pub own: &'a Memory,
    pub data: DataPolicy,
    /// Whether nothing of `from` may be believed.
    pub is_foreign: bool,
    pub progress: &'a dyn Progress,
}

/// What was sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Supplied {
    pub objects: u64,
    pub bytes: u64,
}

impl Supplied {
    pub fn add(&mut self, more: Self) {
        self.objects += more.objects;
        self.bytes += more.bytes;
    }
}

impl Supply<'_> {
    /// Makes everything durable that the tips refer to, and `known` and what these come after do not. Packs that
    /// are doomed are not relied on; and as long as there are any, nor is what only other refs vouch for: `others`.
    pub fn supply(
        &self,
        tips: &[Link],
        known: &[CommitId],
        others: &dyn Fn() -> Result<Vec<CommitId>, SyncError>,
        doomed: &Doomed,
    ) -> Result<Supplied, SyncError> {
        let doomed = PackName::of_keys(doomed.keys());
        let trust = if self.is_foreign { Trust::Foreign } else { Trust::Own };
        let mut transfer = Transfer::new(self.from, self.to, &doomed, trust, self.progress)?;
        let trusted = match self.data {
            DataPolicy::All => Vec::new(),
            _ if transfer.lists_doomed() => known.to_vec(),
            _ => known.iter().copied().chain(others()?).collect(),
        };
        for (kind, bytes) in self.own.objects() {
            transfer.insert(kind, bytes)?;
        }
        let (mut failure, mut nowhere) = (None, 0);
        graph::new_since(self.find, tips, &trusted, &mut |link| match self.want(&mut transfer, link) {
            Ok(Wanted::Nowhere) => nowhere += 1,
            Ok(_) => {}
            Err(error) => drop(failure.get_or_insert(error)),
        })?;
        failure.map_or(Ok(()), Err)?;
        if nowhere > 0 {
            return Err(SyncError::NotHere { count: nowhere });
        }
        let amount = transfer.amount()?;
        if amount.items > 0 {
            let phase = if self.is_foreign { "Receiving" } else { "Sending" };
            self.progress.begin(phase, Some(amount));
        }
        let sent = transfer.send()?;
        Ok(Supplied { objects: sent.objects, bytes: sent.bytes })
    }

    fn want(&self, transfer: &mut Transfer<'_>, link: Link) -> Result<Wanted, SyncError> {
        match link {
            Link::Object(kind, id) => match transfer.object(kind, id)? {
                Wanted::Nowhere => Err(ObjectError::Missing { kind, id }.into()),
                wanted => Ok(wanted),
            },
            Link::Content(id, _) if self.data != DataPolicy::Nothing => Ok(transfer.content(id)?),
            Link::Content(..) | Link::Unstored(_) => Ok(Wanted::Here),
        }
    }
}
