//! Many refs at once: what [`stand`](super::stand) and [`advance_from`] do for one, with listings and creations shared.
//!
//! The order stays: first every ref is read, then the last mark of a collection; all that the refs are going to name is
//! made durable; then the entries are created, and one listing proves those that nobody has followed. Whatever else
//! becomes of one is decided for it alone.

use std::collections::{BTreeMap, BTreeSet};

use crate::refs::advance::{Advance, IsAncestor, Offer, Verdict, advance_from};
use crate::refs::footing::{birth, doomed, random_nonce, stand};
use crate::refs::log::Log;
use crate::refs::survey::{note, read_all};
use crate::refs::{Advanced, Family, Footing, Move, Ref, RefError, Target, entry, settle};
use crate::storage::{Created, Key, Storage, StorageError};

/// So few refs are moved each for itself.
const FEW: usize = 8;

/// A ref that is going to be moved, from where it stands.
pub struct Moving {
    /// The ref.
    pub name: Ref,
    /// What it points to, as far as its mover knows; `None`: it does not exist or was deleted.
    pub base: Option<Target>,
    /// What it is going to point to.
    pub target: Target,
}

/// Where refs stand now, in their order, for who is going to move them. New ones are born.
pub fn stand_all(storage: &dyn Storage, names: &[Ref], by: &Move) -> Result<Vec<Footing>, RefError> {
    if names.len() <= FEW {
        return names.iter().map(|name| stand(storage, name, by)).collect();
    }
    let mut numbers = highest_of(storage, names)?;
    let unborn = names.iter().filter(|name| !numbers.contains_key(*name)).collect::<BTreeSet<_>>();
    if !unborn.is_empty() {
        let births: Vec<(Key, Vec<u8>)> = unborn
            .into_iter()
            .map(|name| {
                let (log, birth) = (Log::of(storage, name), birth(by, random_nonce()?));
                Ok((log.key(0)?, entry::bounded(&birth, log.prefix())?))
            })
            .collect::<Result<_, RefError>>()?;
        storage.create_many(&births).into_iter().try_for_each(|born| born.map(drop))?;
        numbers = highest_of(storage, names)?;
    }
    let wanted: Vec<(&Ref, u64)> = numbers.iter().map(|(name, number)| (name, *number)).collect();
    let mut read = read_all(storage, &wanted)?;
    let after = highest_of(storage, names)?;
    for name in names {
        let log = Log::of(storage, name);
        if read.get(name).map(|(number, _)| number) != after.get(name) {
            read.insert(name.clone(), log.read()?.ok_or_else(|| log.vanished())?);
        }
    }
    // After all of them.
    let (epoch, doomed) = doomed(storage)?;
    let footing = |name: &Ref| {
        let (number, entry) = read.get(name).cloned().ok_or_else(|| Log::of(storage, name).vanished())?;
        Ok(Footing { number, entry, epoch, doomed: doomed.clone() })
    };
    names.iter().map(footing).collect()
}

/// The highest number of each of these logs, at the cost of a listing of their families.
fn highest_of(storage: &dyn Storage, names: &[Ref]) -> Result<BTreeMap<Ref, u64>, RefError> {
    let wanted: BTreeSet<&Ref> = names.iter().collect();
    let families: BTreeSet<Family> = names.iter().map(|name| name.family).collect();
    let mut numbers = BTreeMap::new();
    for family in families {
        for listed in storage.list(family.prefix())? {
            note(storage, &listed.key, &mut numbers)?;
        }
    }
    numbers.retain(|name, _| wanted.contains(name));
    Ok(numbers)
}

/// How each of many refs ended.
pub type Ends = Vec<Result<Advanced, RefError>>;

/// Moves refs, each of which is another one, as [`advance_from`] moves one. `upload` gets the place of a ref in `moves`.
/// How each of them ended is told apart: what became of one does not hold up the others.
pub fn advance_all(
    storage: &dyn Storage,
    moves: &[(Moving, Footing)],
    by: &Move,
    upload: &mut dyn FnMut(usize, &Footing) -> Result<(), RefError>,
    is_ancestor: IsAncestor<'_>,
) -> Result<Ends, RefError> {
    if moves.len() <= FEW {
        let each = moves.iter().enumerate().map(|(at, (moving, footing))| {
            let Moving { name, base, target } = moving;
            let mut upload = |now: &Footing| upload(at, now);
            advance_from(storage, name, footing, *base, *target, by, &mut upload, is_ancestor)
        });
        return Ok(each.collect());
    }
    let mut many = Many { storage, moves, by, is_ancestor, ends: BTreeMap::new() };
    let tries = many.begin(upload)?;
    many.decide(tries, upload)?;
    Ok(std::mem::take(&mut many.ends).into_values().collect())
}

/// Many moves under way, with how those ended that did, by their places.
struct Many<'a> {
    storage: &'a dyn Storage,
    moves: &'a [(Moving, Footing)],
    by: &'a Move,
    is_ancestor: IsAncestor<'a>,
    ends: BTreeMap<usize, Result<Advanced, RefError>>,
}

/// The first attempt for one of them.
struct Try {
    at: usize,
    steps_back: bool,
    offer: Offer,
}

impl<'a> Many<'a> {
    fn advance<'b>(
        &self,
        at: usize,
        nonce: &'b mut dyn FnMut() -> Result<entry::Nonce, RefError>,
    ) -> Advance<'b>
    where
        'a: 'b,
    {
        let Moving { name, base, target } = &self.moves[at].0;
        let (log, base) = (Log::of(self.storage, name), base.filter(Target::exists));
        Advance {
            storage: self.storage,
            log,
            base,
            target: *target,
            by: self.by,
            is_ancestor: self.is_ancestor,
            nonce,
        }
    }

    /// Makes durable what they are going to name. Those are left out that need no move, or cannot be moved.
    fn begin(
        &mut self,
        upload: &mut dyn FnMut(usize, &Footing) -> Result<(), RefError>,
    ) -> Result<Vec<Try>, RefError> {
        let (mut tries, mut reached) = (Vec::new(), Vec::new());
        for (at, (moving, footing)) in self.moves.iter().enumerate() {
            let nonce = &mut random_nonce;
            let mut advance = self.advance(at, nonce);
            let steps_back = advance.steps_back()?;
            if advance.is_reached(&footing.entry, steps_back)? {
                reached.push(moving.name.clone());
                self.ends.insert(at, Ok(Advanced::Done));
            } else if !advance.is_base(&footing.entry) {
                self.ends.insert(at, Ok(Advanced::Lost(footing.entry.clone())));
            } else {
                upload(at, footing)?;
                let offer = advance.offer(footing, steps_back)?;
                tries.push(Try { at, steps_back, offer });
            }
        }
        settle(self.storage, &reached)?;
        self.storage.settle("packs")?;
        Ok(tries)
    }

    /// Creates the entries, and finds out what became of each.
    fn decide(
        &mut self,
        mut tries: Vec<Try>,
        upload: &mut dyn FnMut(usize, &Footing) -> Result<(), RefError>,
    ) -> Result<(), RefError> {
        let take = |it: &mut Try| (it.offer.key.clone(), std::mem::take(&mut it.offer.bytes));
        let keys: Vec<(Key, Vec<u8>)> = tries.iter_mut().map(take).collect();
        let created = self.storage.create_many(&keys);
        let names: Vec<Ref> = tries.iter().map(|it| self.moves[it.at].0.name.clone()).collect();
        // From here on a storage that fails leaves the question open; each asks it once more for itself.
        let highest = highest_of(self.storage, &names).unwrap_or_default();
        for ((mut it, created), (_, bytes)) in tries.into_iter().zip(created).zip(keys) {
            it.offer.bytes = bytes;
            let (at, known) = (it.at, highest.get(&self.moves[it.at].0.name).copied());
            let end = self.end(it, created, known, upload);
            self.ends.insert(at, end);
        }
        Ok(())
    }

    fn end(
        &self,
        Try { at, steps_back, offer }: Try,
        created: Result<Created, StorageError>,
        highest: Option<u64>,
        upload: &mut dyn FnMut(usize, &Footing) -> Result<(), RefError>,
    ) -> Result<Advanced, RefError> {
        let nonce = &mut random_nonce;
        let mut advance = self.advance(at, nonce);
        match advance.conclude(offer, created, highest, steps_back)? {
            Verdict::Done => Ok(Advanced::Done),
            Verdict::Lost(entry) => Ok(Advanced::Lost(entry)),
            Verdict::Fenced(number, last) => advance.run(number, last, None, &mut |now| upload(at, now)),
        }
    }
}
