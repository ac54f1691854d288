//! The fence of a collection: an entry that says again what the one before it said, with the collection's epoch.

use crate::refs::entry::{self, Entry};
use crate::refs::footing::random_nonce;
use crate::refs::log::Log;
use crate::refs::{Move, Ref, RefError};
use crate::storage::{Created, Storage};

/// A log that moves on between the look and the fence this often is given up.
const PATIENCE: usize = 100;
/// A storage that fails this often is out of reach.
const FAILURES: usize = 3;

/// Fences a ref for the collection of this epoch, and returns its value with its number. Whoever moves the ref from
/// then on knows of the collection. A value that is terminal, or whose writer knew of it, needs no fence.
pub fn fence(storage: &dyn Storage, name: &Ref, epoch: u64, by: &Move) -> Result<(u64, Entry), RefError> {
    let (log, mut failures) = (Log::of(storage, name), Vec::new());
    for _ in 0..PATIENCE {
        let (number, last) = log.read()?.ok_or_else(|| log.vanished())?;
        if last.target.is_terminal() {
            return Ok((number, last));
        }
        if last.epoch >= epoch {
            // By somebody else, who may have been stopped before it was durable.
            log.settle()?;
            return Ok((number, last));
        }
        let (at, fence) = (number + 1, last.fence(random_nonce()?, epoch, by));
        match storage.create(&log.key(at)?, &entry::bounded(&fence, log.prefix())?) {
            Ok(Created::Created) if log.highest()? == Some(at) => return Ok((at, fence)),
            Err(error) if error.is_refusal() => return Err(error.into()),
            // It may be there, or come to be: the next look tells.
            Err(error) => failures.push(error),
            Ok(_) => {}
        }
        if failures.len() == FAILURES {
            return Err(failures.swap_remove(0).into());
        }
    }
    Err(RefError::Contended { name: log.prefix().to_owned() })
}

impl Entry {
    fn fence(&self, nonce: entry::Nonce, epoch: u64, by: &Move) -> Self {
        Self {
            target: self.target,
            previous: Some(self.target),
            nonce,
            recent: self.recent_after(),
            stepped_back: self.stepped_back,
            epoch,
            who: by.who.clone(),
            when: by.when.clone(),
            why: by.why.clone(),
        }
    }

    /// Whether it is a fence, which is of no interest to people.
    pub fn is_fence(&self) -> bool {
        self.previous == Some(self.target)
    }
}
