//! How a ref moves: `advance_ref` of the protocol.

use crate::id::CommitId;
use crate::refs::entry::{self, Entry, Nonce, Target};
use crate::refs::footing::{self, Footing, random_nonce};
use crate::refs::log::Log;
use crate::refs::{Advanced, Move, Ref, RefError};
use crate::storage::{Created, Key, Storage, StorageError};

/// How often a create whose reply was lost is tried again before its end is called unknown.
const TRIES: usize = 3;

/// Collections that may fence a ref in the course of one move.
const FENCES: usize = 100;

/// Makes durable what a ref is going to point to.
pub type Upload<'a> = &'a mut dyn FnMut(&Footing) -> Result<(), RefError>;

/// Whether a commit is another or comes before it.
pub type IsAncestor<'a> = &'a dyn Fn(CommitId, CommitId) -> Result<bool, RefError>;

/// Moves a ref from `base` (`None`: it does not exist or was deleted) to `target`.
///
/// `upload` makes everything that the target refers to durable; it is called once an attempt, with the
/// footing of that attempt, and so again where a collection fenced the ref. It relies on no pack that is
/// doomed, nor on what it did for another footing: that is [`RefError::Collected`]. `is_ancestor(a, b)` says
/// whether commit `a` is `b` or comes before it. A move may step back: to a commit that does not come after
/// the base, or to [`Target::Deleted`].
pub fn advance(
    storage: &dyn Storage,
    name: &Ref,
    base: Option<Target>,
    target: Target,
    by: &Move,
    upload: Upload<'_>,
    is_ancestor: IsAncestor<'_>,
) -> Result<Advanced, RefError> {
    let log = Log::of(storage, name);
    let base = base.filter(Target::exists);
    let mut advance = Advance { storage, log, base, target, by, is_ancestor, nonce: &mut random_nonce };
    let (number, last) = footing::born(storage, &advance.log, by, advance.nonce)?;
    advance.run(number, last, None, upload)
}

/// Moves a ref as [`advance`] does. The first attempt is on this footing, and so counts with what was made for it.
#[allow(clippy::too_many_arguments)]
pub fn advance_from(
    storage: &dyn Storage,
    name: &Ref,
    footing: &Footing,
    base: Option<Target>,
    target: Target,
    by: &Move,
    upload: Upload<'_>,
    is_ancestor: IsAncestor<'_>,
) -> Result<Advanced, RefError> {
    let log = Log::of(storage, name);
    let base = base.filter(Target::exists);
    let mut advance = Advance { storage, log, base, target, by, is_ancestor, nonce: &mut random_nonce };
    advance.run(footing.number, footing.entry.clone(), Some(footing.clone()), upload)
}

/// A move under way.
pub(super) struct Advance<'a> {
    pub(super) storage: &'a dyn Storage,
    pub(super) log: Log<'a>,
    pub(super) base: Option<Target>,
    pub(super) target: Target,
    pub(super) by: &'a Move,
    pub(super) is_ancestor: IsAncestor<'a>,
    pub(super) nonce: &'a mut dyn FnMut() -> Result<Nonce, RefError>,
}

/// An entry that is about to be created.
pub(super) struct Offer {
    number: u64,
    nonce: Nonce,
    pub(super) key: Key,
    pub(super) bytes: Vec<u8>,
}

/// What a later look at the log says of an attempt.
pub(super) enum Verdict {
    Done,
    Lost(Entry),
    /// The same value as before, with a new number: a collection's fence.
    Fenced(u64, Entry),
}

/// One attempt: the number that it is after, and what tells it from others.
struct Attempt {
    number: u64,
    nonce: Nonce,
    /// Why the create was never answered; `None` if the key exists, durably, whoever made it.
    unanswered: Option<StorageError>,
}

impl Advance<'_> {
    /// Tries until it is decided, from the entry that was read last; with a footing, if that was taken then.
    pub(super) fn run(
        &mut self,
        mut number: u64,
        mut last: Entry,
        mut footing: Option<Footing>,
        upload: Upload<'_>,
    ) -> Result<Advanced, RefError> {
        let steps_back = self.steps_back()?;
        if self.is_reached(&last, steps_back)? {
            // By somebody else, or by us before we were stopped: who may not have made it durable.
            self.log.settle()?;
            return Ok(Advanced::Done);
        }
        if !self.is_base(&last) {
            return Ok(Advanced::Lost(last));
        }
        for _ in 0..FENCES {
            let footing = match footing.take() {
                Some(footing) => footing,
                None => footing::after(self.storage, number, last)?,
            };
            upload(&footing)?;
            self.storage.settle("packs")?;
            match self.attempt(&footing, steps_back)? {
                Verdict::Done => return Ok(Advanced::Done),
                Verdict::Lost(entry) => return Ok(Advanced::Lost(entry)),
                Verdict::Fenced(at, entry) => (number, last) = (at, entry),
            }
        }
        Err(RefError::Contended { name: self.log.prefix().to_owned() })
    }

    /// Whether the target does not come after the base.
    pub(super) fn steps_back(&self) -> Result<bool, RefError> {
        match (self.base, self.target) {
            (Some(Target::Commit(base)), Target::Commit(target)) => Ok(!(self.is_ancestor)(base, target)?),
            (None, Target::Commit(_)) => Ok(false),
            _ => Ok(true),
        }
    }

    /// Whether the ref has the target, or a commit that comes after it. The latter means nothing where
    /// this move steps back: what is to be undone comes after the target.
    pub(super) fn is_reached(&self, entry: &Entry, steps_back: bool) -> Result<bool, RefError> {
        match (self.target, entry.target) {
            (target, current) if target == current => Ok(true),
            // The target comes after the base, so that the base does not come after the target. To ask would be to
            // read the whole history.
            (_, current) if !steps_back && Some(current) == self.base => Ok(false),
            (Target::Commit(target), Target::Commit(current)) if !steps_back => {
                (self.is_ancestor)(target, current)
            }
            _ => Ok(false),
        }
    }

    pub(super) fn is_base(&self, entry: &Entry) -> bool {
        !entry.target.is_terminal() && Some(entry.target).filter(Target::exists) == self.base
    }

    fn attempt(&mut self, footing: &Footing, steps_back: bool) -> Result<Verdict, RefError> {
        let offer = self.offer(footing, steps_back)?;
        let created = self.storage.create(&offer.key, &offer.bytes);
        self.conclude(offer, created, None, steps_back)
    }

    /// The entry that an attempt is going to create.
    pub(super) fn offer(&mut self, footing: &Footing, steps_back: bool) -> Result<Offer, RefError> {
        let (number, last, nonce) = (footing.number + 1, &footing.entry, (self.nonce)()?);
        let entry = Entry {
            target: self.target,
            previous: Some(last.target),
            nonce,
            recent: last.recent_after(),
            stepped_back: if steps_back { Some(number) } else { last.stepped_back },
            epoch: footing.epoch,
            who: self.by.who.clone(),
            when: self.by.when.clone(),
            why: self.by.why.clone(),
        };
        let bytes = entry::bounded(&entry, self.log.prefix())?;
        Ok(Offer { number, nonce, key: self.log.key(number)?, bytes })
    }

    /// What became of an attempt, of which the first create was answered like this. `highest` is the last number of the
    /// log in a listing since, where there was one.
    pub(super) fn conclude(
        &self,
        offer: Offer,
        created: Result<Created, StorageError>,
        highest: Option<u64>,
        steps_back: bool,
    ) -> Result<Verdict, RefError> {
        let (number, nonce) = (offer.number, offer.nonce);
        let created = self.insist(offer, created)?;
        let judged = (|| {
            if matches!(created, Ok(Created::Created))
                && highest.map_or_else(|| self.log.highest(), |highest| Ok(Some(highest)))? == Some(number)
            {
                return Ok(Verdict::Done);
            }
            let Some((at, value)) = self.log.read()? else { return self.gone(created) };
            self.judge(Attempt { number, nonce, unanswered: created.err() }, at, value, steps_back)
        })();
        // From here on a storage that fails leaves the question open.
        judged.map_err(|error| match error {
            RefError::Storage(source) => self.unknown(source),
            error => error,
        })
    }

    fn unknown(&self, source: StorageError) -> RefError {
        RefError::Unknown { name: self.log.prefix().to_owned(), source }
    }

    /// Creates the entry again, after a first answer: the same key and body until the answer is definite, or the storage
    /// seems out of reach.
    fn insist(
        &self,
        offer: Offer,
        first: Result<Created, StorageError>,
    ) -> Result<Result<Created, StorageError>, RefError> {
        let error = match first {
            // Only of the first try is it known that nothing happened before it.
            Err(refusal) if refusal.is_refusal() => return Err(refusal.into()),
            Err(error) => error,
            created => return Ok(created),
        };
        let again = (1..TRIES).find_map(|_| self.storage.create(&offer.key, &offer.bytes).ok());
        // The first error tells why: a folder that could not be synced says no more than that from then on.
        Ok(again.ok_or(error))
    }

    /// What it means that the log has no entry any more. Only where its last one is terminal is a log removed, after
    /// a batch has it; whether that batch says what we do is for those to look who can read it.
    fn gone(&self, created: Result<Created, StorageError>) -> Result<Verdict, RefError> {
        match created {
            Ok(_) => Err(self.log.vanished()),
            Err(source) => Err(self.unknown(source)),
        }
    }

    /// What the log's last entry says of an attempt whose key was there, or may have come to be.
    fn judge(&self, attempt: Attempt, at: u64, last: Entry, steps_back: bool) -> Result<Verdict, RefError> {
        let landed = match at.checked_sub(attempt.number) {
            // No answer to the create, and nobody is there: it may still come to be.
            None => match attempt.unanswered {
                Some(source) => return Err(self.unknown(source)),
                None => return Err(self.log.vanished()),
            },
            Some(0) => Some(last.nonce == attempt.nonce),
            Some(distance) => last.recent.get(distance as usize - 1).map(|nonce| *nonce == attempt.nonce),
        };
        match landed {
            // Seen, but the storage never said that it is durable.
            Some(true) => match attempt.unanswered {
                Some(source) => return Err(self.unknown(source)),
                None => return Ok(Verdict::Done),
            },
            // Too long ago for the nonces, and somebody stepped back since: nothing tells any more.
            None if last.stepped_back.is_some_and(|back| back >= attempt.number) => {
                let source = attempt.unanswered.unwrap_or_else(|| overtaken(self.log.prefix()));
                return Err(self.unknown(source));
            }
            _ => {}
        }
        if self.is_reached(&last, steps_back)? {
            self.log.settle()?;
            Ok(Verdict::Done)
        } else if self.is_base(&last) {
            Ok(Verdict::Fenced(at, last))
        } else {
            Ok(Verdict::Lost(last))
        }
    }
}

fn overtaken(log: &str) -> StorageError {
    let source = std::io::Error::other("others moved it many times meanwhile");
    StorageError { action: "follow", place: log.to_owned(), source }
}
