//! Getting the data that a command needs, and no more.

use crate::id::ContentId;
use crate::object::{ContentSink, Link, Memory};
use crate::progress::Progress;
use crate::refs::{self, Survey};
use crate::store::{PackName, Transfer, Trust, Wanted};
use crate::sync::supply::{DataPolicy, Supply};
use crate::sync::{Local, Remote, SyncError};

/// What was brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Contents that the remote does not have either.
    pub nowhere: Vec<ContentId>,
    /// Bytes that came.
    pub bytes: u64,
}

/// Who waits for contents while they come.
#[derive(Clone, Copy)]
pub struct Outlet<'a> {
    /// The contents with their sizes.
    pub wanted: &'a [(ContentId, u64)],
    /// Gets those of `wanted` that come from the remote whole, and hears of no other.
    pub sink: &'a dyn ContentSink,
}

/// Brings contents that are not here, in ranges and many at a time. They are verified before they are kept.
pub fn bring(
    local: Local<'_>,
    remote: &Remote,
    contents: &[ContentId],
    outlet: Option<Outlet<'_>>,
    progress: &dyn Progress,
) -> Result<Brought, SyncError> {
    let (_, doomed) = refs::doomed(local.storage)?;
    let doomed = PackName::of_keys(doomed.keys());
    let mut transfer = Transfer::new(&remote.store, local.store, &doomed, Trust::Foreign, progress)?;
    if let Some(Outlet { wanted, sink }) = outlet {
        transfer = transfer.delivering(wanted, sink);
    }
    let mut brought = Brought::default();
    for content in contents {
        if transfer.content(*content)? == Wanted::Nowhere {
            brought.nowhere.push(*content);
        }
    }
    let amount = transfer.amount()?;
    if amount.items > 0 {
        progress.begin("Receiving", Some(amount));
    }
    brought.bytes = transfer.send()?.bytes;
    Ok(brought)
}

/// Brings the data of everything that the refs of this repository name, and says how many bytes came.
pub fn bring_all(local: Local<'_>, remote: &Remote, progress: &dyn Progress) -> Result<u64, SyncError> {
    let (_, doomed) = refs::doomed(local.storage)?;
    let named = refs::survey(local.storage, &Survey::default())?;
    let named = named.values().filter_map(|(_, entry)| entry.target.object());
    let tips: Vec<Link> = named.map(|(kind, id)| Link::Object(kind, id)).collect();
    let (from, to, own) = (&remote.store, local.store, &Memory::default());
    let supply = Supply { from, to, find: to, own, data: DataPolicy::All, progress, is_foreign: true };
    Ok(supply.supply(&tips, &[], &|| Ok(Vec::new()), &doomed)?.bytes)
}
