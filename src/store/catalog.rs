//! Which packs there are, and where an entry lies: the merged index, and the footers of younger packs.
//!
//! Packs are listed when something is not found, and when a writer starts; never to find what the
//! merged index knows. An index that turns out damaged is dropped, and footers are read instead.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use crate::disk::{Disk, NewFile, create_dirs, temporary_name};
use crate::id::Digest;
use crate::storage::{Listed, Storage};
use crate::store::StoreError;
use crate::store::draft::Published;
use crate::store::index::{Damaged, Index, write_merged};
use crate::store::intact;
use crate::store::layout::{Entry, EntryKind, PackProblem, Place};
use crate::store::packs::{Pack, PackInfo, PackName, PackReader, Section};
use crate::store::parallel::in_parallel;

/// The index is written anew when more packs than this are not in it, and one for so many entries that it has: that
/// takes as long as it is large, while the footers of more packs take no time to speak of.
const MOST_UNCOVERED: usize = 16;
const ENTRIES_PER_UNCOVERED: usize = 8192;
/// But never more than this.
const MOST_UNCOVERED_EVER: usize = 128;
/// Footers of a remote are read again by each command until they are in the index.
const MOST_UNCOVERED_OF_REMOTE: usize = 4;
/// Footers of a remote that are read at once.
const FOOTERS_AT_ONCE: usize = 16;
/// How often packs may vanish while something is looked for.
const PATIENCE: usize = 10;
/// An index of fewer entries than this is written anew with every new pack.
const SMALL_INDEX: usize = 4096;

/// Where the merged index is kept: a file that may be lost.
#[derive(Clone)]
pub struct IndexCache {
    /// What writes it.
    pub disk: Arc<dyn Disk>,
    /// The file. Its folder is made when it is missing.
    pub file: PathBuf,
    /// Where it is written before it gets its name, on the same file system.
    pub tmp_dir: PathBuf,
    /// Another such file, for what says which packs are as they were written; of use where packs are shared.
    pub intact: Option<PathBuf>,
}

/// An entry that was found.
pub(super) struct Location {
    pub(super) pack: Arc<Pack>,
    pub(super) place: Place,
}

/// What is known of the packs at one moment.
#[derive(Clone)]
struct View {
    index: Arc<Index>,
    /// Packs that the index covers and the last listing did not have.
    gone: Arc<HashSet<PackName>>,
    /// Packs that the index does not cover; `None` where they were not listed yet.
    younger: [Option<Arc<Vec<Arc<Pack>>>>; 2],
}

impl View {
    /// Whether a pack is listed, or its section is not.
    fn may_have(&self, name: &PackName) -> bool {
        let is_covered = self.index.packs().binary_search(name).is_ok() && !self.gone.contains(name);
        let younger = &self.younger[name.section as usize];
        is_covered || younger.as_ref().is_none_or(|packs| packs.iter().any(|pack| pack.name == *name))
    }
}

/// Finds entries.
pub(super) struct Catalog {
    storage: Arc<dyn Storage>,
    pub(super) reader: PackReader,
    pub(super) cache: Option<IndexCache>,
    view: RwLock<View>,
    /// The packs of the index that were used.
    covered: Mutex<HashMap<PackName, Arc<Pack>>>,
}

impl Catalog {
    pub(super) fn open(storage: Arc<dyn Storage>, cache: Option<IndexCache>) -> Self {
        let index = cache.as_ref().map_or_else(Index::empty, |cache| Index::open(&cache.file));
        let view = View { index: Arc::new(index), gone: Arc::default(), younger: [None, None] };
        Self {
            reader: PackReader::new(storage.clone()),
            storage,
            cache,
            view: RwLock::new(view),
            covered: Mutex::default(),
        }
    }

    fn view(&self) -> View {
        self.view.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn change(&self, change: impl FnOnce(&mut View)) {
        change(&mut self.view.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// Lists the packs of a section again.
    pub(super) fn list(&self, section: Section) -> Result<Vec<PackInfo>, StoreError> {
        Ok(self.take_up(section, &self.storage.list(section.prefix())?))
    }

    /// Lists all packs again.
    pub(super) fn refresh(&self) -> Result<Vec<PackInfo>, StoreError> {
        let listed = self.storage.list("packs")?;
        Ok(Section::ALL.iter().flat_map(|section| self.take_up(*section, &listed)).collect())
    }

    /// Takes up what a listing says of a section.
    fn take_up(&self, section: Section, listed: &[Listed]) -> Vec<PackInfo> {
        let packs = listed.iter().filter_map(|listed| {
            let name = PackName::from_key(section, &listed.key)?;
            Some(PackInfo { name, bytes: listed.size })
        });
        let packs: Vec<PackInfo> = packs.collect();
        let view = self.view();
        let known = |name: &PackName| view.index.packs().binary_search(name).is_ok();
        let old = view.younger[section as usize].clone().unwrap_or_default();
        let old: HashMap<PackName, &Arc<Pack>> = old.iter().map(|pack| (pack.name, pack)).collect();
        let younger = packs.iter().map(|pack| pack.name).filter(|name| !known(name));
        let younger =
            younger.map(|name| old.get(&name).map_or_else(|| Pack::new(name), |pack| (*pack).clone()));
        let younger = Arc::new(younger.collect::<Vec<_>>());
        let here: HashSet<PackName> = packs.iter().map(|pack| pack.name).collect();
        let missing =
            view.index.packs().iter().filter(|name| name.section == section && !here.contains(name));
        let others = view.gone.iter().filter(|name| name.section != section);
        let gone = Arc::new(missing.chain(others).copied().collect());
        self.change(|view| {
            view.gone = gone;
            view.younger[section as usize] = Some(younger);
        });
        packs
    }

    /// How many packs the last listing had; 0 if there was none.
    pub(super) fn seen(&self) -> usize {
        let view = self.view();
        let younger = view.younger.iter().flatten().map(|packs| packs.len()).sum::<usize>();
        match view.younger.iter().any(Option::is_some) {
            true => younger + view.index.packs().len().saturating_sub(view.gone.len()),
            false => 0,
        }
    }

    /// Takes up packs that were just published, every byte of which was checked before.
    pub(super) fn add(&self, packs: &[Published]) {
        self.change(|view| {
            for Published { pack, .. } in packs {
                // A section that was never listed has more packs than this one.
                if let Some(younger) = &mut view.younger[pack.name.section as usize] {
                    Arc::make_mut(younger).push(pack.clone());
                }
            }
        });
        if let Some(cache) = self.cache.as_ref().filter(|cache| cache.intact.is_some()) {
            let large = packs.iter().filter(|published| published.bytes >= intact::SMALLEST);
            let version = |pack: &Pack| self.reader.body(pack).ok()?.version();
            let new = large.filter_map(|Published { pack, .. }| Some((pack.name, version(pack)?)));
            let view = self.view();
            cache.keep_intact(new.collect(), &|name| view.may_have(name));
        }
    }

    /// Where an entry lies. What is not known of is looked for in a fresh listing.
    pub(super) fn find(&self, kind: EntryKind, id: &Digest) -> Result<Option<Location>, StoreError> {
        if let Some(location) = self.find_known(kind, id)? {
            return Ok(Some(location));
        }
        self.refresh()?;
        self.find_known(kind, id)
    }

    /// Where an entry lies, among the packs that are known.
    pub(super) fn find_known(&self, kind: EntryKind, id: &Digest) -> Result<Option<Location>, StoreError> {
        self.find_outside(kind, id, &HashSet::new())
    }

    /// Where an entry lies outside of some packs, among those that are known.
    pub(super) fn find_outside(
        &self,
        kind: EntryKind,
        id: &Digest,
        doomed: &HashSet<PackName>,
    ) -> Result<Option<Location>, StoreError> {
        for _ in 0..PATIENCE {
            match self.find_now(kind, id, doomed) {
                // A pack vanished since it was listed: what is needed of it is elsewhere by now.
                Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => drop(self.refresh()?),
                found => return found,
            }
        }
        self.find_now(kind, id, doomed)
    }

    fn find_now(
        &self,
        kind: EntryKind,
        id: &Digest,
        doomed: &HashSet<PackName>,
    ) -> Result<Option<Location>, StoreError> {
        let view = self.view();
        for found in view.index.from(id) {
            let Ok((name, entry)) = found else {
                self.drop_index()?;
                return self.find_now(kind, id, doomed);
            };
            if entry.id != *id {
                break;
            }
            if entry.kind == kind && !view.gone.contains(&name) && !doomed.contains(&name) {
                let pack = self.covered(name);
                // A listing has said so already; to ask again may be a round trip a pack.
                let is_listed = self.is_remote() && view.younger[name.section as usize].is_some();
                if is_listed || self.reader.exists(&pack)? {
                    return Ok(Some(Location { pack, place: entry.place }));
                }
            }
        }
        self.find_younger(&view, kind, id, doomed)
    }

    fn find_younger(
        &self,
        view: &View,
        kind: EntryKind,
        id: &Digest,
        doomed: &HashSet<PackName>,
    ) -> Result<Option<Location>, StoreError> {
        let sections: &[Section] = match kind {
            EntryKind::Chunk => &[Section::Data],
            EntryKind::Recipe | EntryKind::Node => &[Section::Meta],
            EntryKind::Object(_) => &Section::ALL,
        };
        for section in sections {
            let packs = view.younger[*section as usize].iter().flat_map(|packs| packs.iter());
            for pack in packs.filter(|pack| !doomed.contains(&pack.name)) {
                let entries = self.reader.entries_if_sound(pack)?;
                if let Some(place) = entries.and_then(|entries| entries.find(kind, id)) {
                    return Ok(Some(Location { pack: pack.clone(), place }));
                }
            }
        }
        Ok(None)
    }

    fn covered(&self, name: PackName) -> Arc<Pack> {
        let mut covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        covered.entry(name).or_insert_with(|| Pack::new(name)).clone()
    }

    fn drop_index(&self) -> Result<(), StoreError> {
        self.change(|view| {
            *view = View { index: Arc::new(Index::empty()), gone: Arc::default(), younger: [None, None] }
        });
        self.refresh().map(drop)
    }

    /// Whether its storage is far away.
    pub(super) fn is_remote(&self) -> bool {
        self.storage.is_remote()
    }

    /// The pack of this name.
    pub(super) fn pack(&self, name: PackName) -> Arc<Pack> {
        let view = self.view();
        let mut younger = view.younger[name.section as usize].iter().flat_map(|packs| packs.iter());
        younger.find(|pack| pack.name == name).cloned().unwrap_or_else(|| self.covered(name))
    }

    /// Reads the footers of packs, many at a time where each is a round trip. Packs that vanished or are damaged stay
    /// unread.
    pub(super) fn load(&self, packs: &[Arc<Pack>]) -> Result<(), StoreError> {
        let unread: Vec<&Arc<Pack>> = packs.iter().filter(|pack| pack.known().is_none()).collect();
        let threads = if self.is_remote() { FOOTERS_AT_ONCE.min(unread.len()) } else { 1 };
        in_parallel(threads, &unread, &|pack| match self.reader.entries_if_sound(pack) {
            Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => Ok(()),
            read => read.map(drop),
        })
    }

    /// Packs whose footers were found to be damaged, and how. What they had is not known.
    pub(super) fn damaged(&self) -> Vec<(PackName, PackProblem)> {
        let view = self.view();
        let younger = view.younger.iter().flatten().flat_map(|packs| packs.iter());
        younger.filter_map(|pack| Some((pack.name, pack.damage()?.clone()))).collect()
    }

    /// Reads the footers of all packs that are listed and not in the index.
    pub(super) fn load_younger(&self) -> Result<(), StoreError> {
        let view = self.view();
        let younger: Vec<Arc<Pack>> = view.younger.iter().flatten().flat_map(|p| p.iter().cloned()).collect();
        self.load(&younger)
    }

    /// Lists all packs again and learns all that they have, so that nothing has to be read to find it.
    pub(super) fn take_stock(&self) -> Result<Vec<PackInfo>, StoreError> {
        let listed = self.refresh()?;
        self.load_younger()?;
        // Each is looked into for each entry, so many cost more than a new index.
        if self.view().younger.iter().flatten().map(|packs| packs.len()).sum::<usize>() > MOST_UNCOVERED {
            self.save()?;
        }
        Ok(listed)
    }

    /// Calls `see` with every entry of a section that is known without reading, and says in which packs
    /// there may be more.
    pub(super) fn each_known(
        &self,
        section: Section,
        see: &mut dyn FnMut(PackName, Entry),
    ) -> Result<Vec<Arc<Pack>>, StoreError> {
        let view = self.view();
        for entry in view.index.from(&Digest::new([0; 32])) {
            let Ok((pack, entry)) = entry else {
                self.drop_index()?;
                return self.each_known(section, see);
            };
            if pack.section == section && !view.gone.contains(&pack) {
                see(pack, entry);
            }
        }
        let mut unread = Vec::new();
        for pack in view.younger[section as usize].iter().flat_map(|packs| packs.iter()) {
            match pack.known() {
                Some((_, entries)) => entries.all().for_each(|entry| see(pack.name, entry)),
                None => unread.push(pack.clone()),
            }
        }
        Ok(unread)
    }

    /// Everything from `low` up to `high`, sorted within a pack; at least once for each pack that has it.
    pub(super) fn range(
        &self,
        low: &Digest,
        high: &Digest,
        see: &mut dyn FnMut(PackName, Entry),
    ) -> Result<(), StoreError> {
        let view = self.view();
        for entry in view.index.from(low) {
            match entry {
                Ok((_, entry)) if entry.id > *high => break,
                Ok((pack, _)) if view.gone.contains(&pack) => {}
                Ok((pack, entry)) => see(pack, entry),
                Err(Damaged) => {
                    self.drop_index()?;
                    return self.range(low, high, see);
                }
            }
        }
        for pack in view.younger.iter().flatten().flat_map(|packs| packs.iter()) {
            let Some(entries) = self.reader.entries_if_sound(pack)? else { continue };
            let entries = entries.from(low).take_while(|entry| entry.id <= *high);
            entries.for_each(|entry| see(pack.name, entry));
        }
        Ok(())
    }

    /// Writes the merged index anew if many packs are not in it, and looks into it from then on. A cache that cannot
    /// be written is no error.
    pub(super) fn save(&self) -> Result<(), StoreError> {
        let (Some(cache), view) = (&self.cache, self.view()) else { return Ok(()) };
        let younger = view.younger.iter().flatten().flat_map(|packs| packs.iter());
        // What is damaged stays out of it, and is no reason to write it.
        let younger: Vec<&Arc<Pack>> = younger.filter(|pack| pack.damage().is_none()).collect();
        let most = match self.is_remote() {
            true => MOST_UNCOVERED_OF_REMOTE,
            false => (MOST_UNCOVERED + view.index.len() / ENTRIES_PER_UNCOVERED).min(MOST_UNCOVERED_EVER),
        };
        if younger.is_empty() || (younger.len() <= most && view.index.len() > SMALL_INDEX) {
            return Ok(());
        }
        self.load_younger()?;
        let known = younger.into_iter().filter_map(|pack| Some((pack, pack.known()?.1)));
        let known: Vec<_> = known.collect();
        let entries: Vec<_> = known.iter().map(|(pack, entries)| (pack.name, *entries)).collect();
        let is_here = |name: &PackName| !view.gone.contains(name);
        if cache.write(&|file| write_merged(file, &view.index, &is_here, &entries)).is_ok() {
            self.adopt(Index::open(&cache.file), known.into_iter().map(|(pack, _)| pack.clone()).collect());
        }
        Ok(())
    }

    /// Looks into a new index, if it is the one that covers these packs besides those that the old one does.
    fn adopt(&self, index: Index, added: Vec<Arc<Pack>>) {
        let mut covered = self.covered.lock().unwrap_or_else(PoisonError::into_inner);
        self.change(|view| {
            let kept = view.index.packs().iter().filter(|name| !view.gone.contains(name));
            let mut both = kept.copied().chain(added.iter().map(|pack| pack.name)).collect::<Vec<_>>();
            both.sort_unstable();
            // Somebody else may have written another one since.
            if both != index.packs() {
                return;
            }
            for younger in view.younger.iter_mut().flatten() {
                Arc::make_mut(younger).retain(|pack| both.binary_search(&pack.name).is_err());
            }
            covered.extend(added.into_iter().map(|pack| (pack.name, pack)));
            (view.index, view.gone) = (Arc::new(index), Arc::default());
        });
    }
}

impl IndexCache {
    fn write(&self, write: &dyn Fn(&dyn NewFile) -> io::Result<()>) -> io::Result<()> {
        let (disk, new) = (&*self.disk, self.tmp_dir.join(temporary_name()?));
        let create = || disk.create(&new, false);
        let file = create().or_else(|_| create_dirs(disk, &self.tmp_dir).and_then(|()| create()))?;
        let rename = || disk.rename(&new, &self.file);
        let folder = self.file.parent().unwrap_or(&self.tmp_dir);
        write(&*file)
            .and_then(|()| rename().or_else(|_| create_dirs(disk, folder).and_then(|()| rename())))
            .or_else(|error| disk.remove_file(&new).and(Err(error)))
    }
}
