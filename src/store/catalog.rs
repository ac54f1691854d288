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
use crate::storage::Storage;
use crate::store::StoreError;
use crate::store::index::{Damaged, Index, write_merged};
use crate::store::layout::{Entry, EntryKind, PackProblem, Place};
use crate::store::packs::{Pack, PackName, PackReader, Section};

/// The index is written anew when more packs than this are not in it.
const MOST_UNCOVERED: usize = 16;
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

/// Finds entries.
pub(super) struct Catalog {
    storage: Arc<dyn Storage>,
    pub(super) reader: PackReader,
    cache: Option<IndexCache>,
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
    pub(super) fn list(&self, section: Section) -> Result<Vec<PackName>, StoreError> {
        let listed = self.storage.list(section.prefix())?;
        let names: Vec<PackName> =
            listed.iter().filter_map(|listed| PackName::from_key(section, &listed.key)).collect();
        let view = self.view();
        let known = |name: &PackName| view.index.packs().binary_search(name).is_ok();
        let old = view.younger[section as usize].clone().unwrap_or_default();
        let old: HashMap<PackName, &Arc<Pack>> = old.iter().map(|pack| (pack.name, pack)).collect();
        let younger = names.iter().filter(|name| !known(name));
        let younger =
            younger.map(|name| old.get(name).map_or_else(|| Pack::new(*name), |pack| (*pack).clone()));
        let younger = Arc::new(younger.collect::<Vec<_>>());
        let here: HashSet<&PackName> = names.iter().collect();
        let missing =
            view.index.packs().iter().filter(|name| name.section == section && !here.contains(name));
        let others = view.gone.iter().filter(|name| name.section != section);
        let gone = Arc::new(missing.chain(others).copied().collect());
        self.change(|view| {
            view.gone = gone;
            view.younger[section as usize] = Some(younger);
        });
        Ok(names)
    }

    /// Lists all packs again.
    pub(super) fn refresh(&self) -> Result<(), StoreError> {
        Section::ALL.iter().try_for_each(|section| self.list(*section).map(drop))
    }

    /// Takes up packs that were just published.
    pub(super) fn add(&self, names: &[PackName]) {
        self.change(|view| {
            for name in names {
                let younger = view.younger[name.section as usize].get_or_insert_default();
                Arc::make_mut(younger).push(Pack::new(*name));
            }
        });
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
                Err(StoreError::Pack { problem: PackProblem::Missing, .. }) => self.refresh()?,
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
                if self.reader.exists(&pack)? {
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
                if let Some(place) = self.reader.entries(pack)?.find(kind, id) {
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
        self.refresh()
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
            let entries = self.reader.entries(pack)?.from(low);
            entries.take_while(|entry| entry.id <= *high).for_each(|entry| see(pack.name, entry));
        }
        Ok(())
    }

    /// Writes the merged index anew if many packs are not in it. A cache that cannot be written is no error.
    pub(super) fn save(&self) -> Result<(), StoreError> {
        let (Some(cache), view) = (&self.cache, self.view()) else { return Ok(()) };
        let younger: Vec<&Arc<Pack>> = view.younger.iter().flatten().flat_map(|packs| packs.iter()).collect();
        if younger.is_empty() || (younger.len() <= MOST_UNCOVERED && view.index.len() > SMALL_INDEX) {
            return Ok(());
        }
        let entries = younger.iter().map(|pack| Ok((pack.name, self.reader.entries(pack)?)));
        let entries: Vec<_> = entries.collect::<Result<_, StoreError>>()?;
        let is_here = |name: &PackName| !view.gone.contains(name);
        let _ = cache.write(&|file| write_merged(file, &view.index, &is_here, &entries));
        Ok(())
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
