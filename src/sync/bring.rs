//! Getting the data that a command needs, and no more.

use crate::id::ContentId;
use crate::progress::Progress;
use crate::refs;
use crate::store::{PackName, Transfer, Trust, Wanted};
use crate::sync::{Local, Remote, SyncError};

/// What was brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Brought {
    /// Contents that the remote does not have either.
    pub nowhere: Vec<ContentId>,
    /// Bytes that came.
    pub bytes: u64,
}

/// Brings contents that are not here, in ranges and many at a time. They are verified before they are kept.
pub fn bring(
    local: Local<'_>,
    remote: &Remote,
    contents: &[ContentId],
    progress: &dyn Progress,
) -> Result<Brought, SyncError> {
    let (_, doomed) = refs::doomed(local.storage)?;
    let doomed = PackName::of_keys(doomed.keys());
    let mut transfer = Transfer::new(&remote.store, local.store, &doomed, Trust::Foreign, progress)?;
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
