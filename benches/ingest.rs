//! Ingests folders into a repository's packs and restores them: what `mdl commit` and `checkout` rest on.
//!
//! `cargo bench --bench ingest -- add REPO PATH…`, `restore REPO PATH… TO` (PATHs are walked again to know what
//! is wanted, outside of the measured time), `verify REPO`. Prints wall and processor time.

use std::error::Error;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use mdl::disk::OsDisk;
use mdl::id::ContentId;
use mdl::object::{ContentSink, InsertContent, ObjectError};
use mdl::progress::Silent;
use mdl::storage::{Folder, Storage};
use mdl::store::{Depth, IndexCache, Store};
use rayon::prelude::*;

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &arguments[..] {
        ["add", repo, paths @ ..] => measured("add", || add(&open(repo)?, &walk_all(paths)?)),
        ["restore", repo, paths @ .., to] => restore(&open(repo)?, &walk_all(paths)?, Path::new(to)),
        ["verify", repo] => measured("verify", || verify(&open(repo)?)),
        _ => {
            println!("usage: add REPO PATH… | restore REPO PATH… TO | verify REPO");
            Ok(())
        }
    }
}

fn open(repo: &str) -> Outcome<Store> {
    let root = Path::new(repo);
    std::fs::create_dir_all(root.join("cache"))?;
    let storage: Arc<dyn Storage> = Arc::new(Folder::new(root, Arc::new(OsDisk)));
    let index = IndexCache {
        disk: Arc::new(OsDisk),
        file: root.join("cache/index"),
        tmp_dir: root.join("cache"),
        intact: None,
    };
    Ok(Store::open(storage, Some(index)))
}

fn measured(what: &str, work: impl FnOnce() -> Outcome<()>) -> Outcome<()> {
    let (start, before) = (Instant::now(), cpu_seconds()?);
    work()?;
    println!("{what}: {:.3} s wall, {:.2} s cpu", start.elapsed().as_secs_f64(), cpu_seconds()? - before);
    Ok(())
}

fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}

fn walk_all(paths: &[&str]) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        walk(Path::new(path), &mut files)?;
    }
    Ok(files)
}

fn walk(path: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
    if path.is_file() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries: Vec<_> = std::fs::read_dir(path)?.collect::<Result<_, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::file_name);
    for entry in entries {
        if entry.file_type()?.is_dir() { walk(&entry.path(), files)? } else { files.push(entry.path()) }
    }
    Ok(())
}

fn add(store: &Store, files: &[PathBuf]) -> Outcome<()> {
    let writer = store.writer(&Silent);
    files.par_iter().try_for_each(|path| -> Outcome<()> {
        let mut file = File::open(path)?;
        let size = file.metadata()?.len();
        writer.insert_content(&mut file, size)?;
        Ok(())
    })?;
    println!("{} files, {:?}", files.len(), writer.finish()?);
    Ok(())
}

/// Writes each content to a numbered file.
struct Files<'a>(&'a Path);

impl ContentSink for Files<'_> {
    fn write(&self, index: usize, offset: u64, bytes: &[u8]) -> Result<(), ObjectError> {
        let path = self.0.join(index.to_string());
        let file = File::options().write(true).create(true).truncate(false).open(path);
        let written = file.and_then(|file| file.write_all_at(bytes, offset));
        written.map_err(|error| ObjectError::Storage(Box::new(error)))
    }

    fn read_back(&self, index: usize, offset: u64, buffer: &mut [u8]) -> Result<(), ObjectError> {
        let file = File::open(self.0.join(index.to_string()));
        let read = file.and_then(|file| mdl::disk::read_exact_at(&file, offset, buffer));
        read.map_err(|error| ObjectError::Storage(Box::new(error)))
    }

    fn verified(&self, _: usize) -> Result<(), ObjectError> {
        Ok(())
    }
}

fn restore(store: &Store, files: &[PathBuf], to: &Path) -> Outcome<()> {
    std::fs::create_dir_all(to)?;
    let wanted = files.par_iter().map(|path| -> Outcome<(ContentId, u64)> {
        let mut hasher = blake3::Hasher::new();
        let size = std::io::copy(&mut File::open(path)?, &mut hasher)?;
        Ok((mdl::id::Digest::new(*hasher.finalize().as_bytes()).into(), size))
    });
    let wanted: Vec<_> = wanted.collect::<Outcome<_>>()?;
    measured("restore", || Ok(mdl::object::ReadContents::read_contents(store, &wanted, &Files(to))?))
}

fn verify(store: &Store) -> Outcome<()> {
    let mut count = 0;
    store.verify(&|_| Depth::Everything, &Silent, &mut |damage| {
        println!("{damage:?}");
        count += 1;
    })?;
    println!("{count} problems");
    Ok(())
}
