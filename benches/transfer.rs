//! Copies a repository's packs to an empty folder: what `mdl push` and `clone` rest on.
//!
//! `cargo bench --bench transfer -- REPO TO [own|foreign]`: everything in REPO, which `--bench ingest -- add` makes,
//! goes to TO, entry by entry. Prints wall and processor time.

use std::collections::HashSet;
use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use mdl::disk::OsDisk;
use mdl::progress::Silent;
use mdl::storage::Folder;
use mdl::store::layout::EntryKind;
use mdl::store::{IndexCache, Store, Transfer, Trust};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match &arguments[..] {
        [from, to] | [from, to, "own"] => send(from, to, Trust::Own),
        [from, to, "foreign"] => send(from, to, Trust::Foreign),
        _ => {
            println!("usage: REPO TO [own|foreign]");
            Ok(())
        }
    }
}

fn open(repo: &str) -> Store {
    let (root, disk) = (Path::new(repo), Arc::new(OsDisk));
    let (file, tmp_dir) = (root.join("cache/index"), root.join("cache"));
    let index = IndexCache { disk: disk.clone(), file, tmp_dir, intact: None };
    Store::open(Arc::new(Folder::new(root, disk)), Some(index))
}

fn send(from: &str, to: &str, trust: Trust) -> Outcome<()> {
    let (from, to) = (open(from), open(to));
    let mut wanted = Vec::new();
    from.each_entry(&mut |_, entry| match entry.kind {
        EntryKind::Object(kind) => wanted.push((Some(kind), entry.id)),
        EntryKind::Chunk | EntryKind::Recipe => wanted.push((None, entry.id)),
        EntryKind::Node => {}
    })?;
    let (start, before, none) = (Instant::now(), cpu_seconds()?, HashSet::new());
    let mut transfer = Transfer::new(&from, &to, &none, trust, &Silent)?;
    for (kind, id) in wanted {
        match kind {
            Some(kind) => transfer.object(kind, id)?,
            None => transfer.content(id.into())?,
        };
    }
    let told = start.elapsed();
    let sent = transfer.send()?;
    let (wall, cpu) = (start.elapsed().as_secs_f64(), cpu_seconds()? - before);
    println!("{} chunks, {} packs, {} bytes", sent.chunks, sent.packs.len(), sent.bytes);
    println!("told in {:.3} s; {wall:.3} s wall, {cpu:.2} s cpu in all", told.as_secs_f64());
    Ok(())
}

fn cpu_seconds() -> Outcome<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    Ok((fields[11].parse::<f64>()? + fields[12].parse::<f64>()?) / 100.0)
}
