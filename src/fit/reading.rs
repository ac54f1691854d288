//! The strict reader of a table of devices: TOML, of which every key and every figure is checked.
//!
//! A figure without a source, a key that is not known and a value that no device can have are refused with their
//! line. A table is data: nothing in it is evaluated, and no file is opened.

use std::collections::BTreeMap;
use std::ops::Range;

use toml_edit::{Document, Item, TableLike};

use crate::fit::device::{Architecture, Device, Format, LONGEST_TEXT, Link, Memory, Origin, Support};
use crate::fit::version::Version;
use crate::object::Pcie;

/// Why a table is refused: where, and what is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TableError {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong, in words.
    pub problem: String,
}

/// No table has more devices.
const MOST_DEVICES: usize = 1_000;
/// An id has at most so many characters.
const LONGEST_ID: usize = 40;

/// Groups of figures, and the keys that each has beside its source.
const GROUPS: &[(&str, &[&str])] = &[
    ("memory", &["gib", "inline_ecc"]),
    ("bandwidth", &["gb_per_s"]),
    ("capability", &["cuda", "gfx"]),
    ("arithmetic", &["fp64", "fp32", "tf32", "fp16", "bf16", "fp8", "fp4", "int8"]),
    ("link", &["name", "gb_per_s"]),
    ("pcie", &["generation", "width"]),
    ("power", &["watts"]),
    ("toolkit", &["oldest", "compatible", "newest"]),
    ("driver", &["oldest", "newest"]),
];

/// Reads a table of devices in the order of the file.
pub fn read(text: &str, origin: &Origin) -> Result<Vec<Device>, TableError> {
    let place = Place { text };
    let document = Document::parse(text).map_err(|error| {
        place.error(error.span(), format!("not TOML: {}", error.message().trim().replace('\n', " ")))
    })?;
    let root = document.as_table();
    place.only(root, &["sources", "device"])?;
    let sources = match root.get("sources") {
        Some(item) => place.sources(place.table(item, "sources")?)?,
        None => BTreeMap::new(),
    };
    let Some(devices) = root.get("device") else { return Ok(Vec::new()) };
    let devices = place.table(devices, "device")?;
    if devices.len() > MOST_DEVICES {
        return Err(place.error(None, format!("more than {MOST_DEVICES} devices")));
    }
    let device = |(id, item): (&str, &Item)| {
        let at = devices.get_key_value(id).and_then(|(key, _)| key.span());
        place.device(id, at, place.table(item, id)?, &sources, origin)
    };
    devices.iter().map(device).collect()
}

/// The file, to say where something is in it.
struct Place<'a> {
    text: &'a str,
}

/// A group of figures of a device.
struct Group<'a> {
    name: &'static str,
    table: &'a dyn TableLike,
    at: Option<Range<usize>>,
}

impl Place<'_> {
    fn error(&self, at: Option<Range<usize>>, problem: impl Into<String>) -> TableError {
        let end = at.map_or(0, |at| at.start.min(self.text.len()));
        let line = 1 + self.text.as_bytes()[..end].iter().filter(|byte| **byte == b'\n').count();
        TableError { line, problem: problem.into() }
    }

    fn table<'i>(&self, item: &'i Item, name: &str) -> Result<&'i dyn TableLike, TableError> {
        item.as_table_like().ok_or_else(|| self.error(item.span(), format!("{name} is not a table")))
    }

    /// Refuses keys that are not among these.
    fn only(&self, table: &dyn TableLike, keys: &[&str]) -> Result<(), TableError> {
        let Some((key, _)) = table.iter().find(|(key, _)| !keys.contains(key)) else { return Ok(()) };
        let at = table.get_key_value(key).and_then(|(key, _)| key.span());
        Err(self.error(at, format!("{key:?} is not a key here; there are {}", keys.join(", "))))
    }

    fn text(&self, item: &Item, name: &str) -> Result<String, TableError> {
        let is_plain = |text: &&str| {
            !text.trim().is_empty() && text.len() <= LONGEST_TEXT && !text.contains(char::is_control)
        };
        item.as_str().filter(is_plain).map(str::to_owned).ok_or_else(|| {
            self.error(item.span(), format!("{name} is not a text of one line, of 1 to {LONGEST_TEXT} bytes"))
        })
    }

    fn sources(&self, table: &dyn TableLike) -> Result<BTreeMap<String, String>, TableError> {
        table.iter().map(|(key, item)| Ok((key.to_owned(), self.text(item, key)?))).collect()
    }

    fn device(
        &self,
        id: &str,
        at: Option<Range<usize>>,
        table: &dyn TableLike,
        sources: &BTreeMap<String, String>,
        origin: &Origin,
    ) -> Result<Device, TableError> {
        let is_id = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        if id.is_empty() || id.len() > LONGEST_ID || !id.chars().all(is_id) {
            return Err(self.error(at, format!("{id:?} is not an id: small letters, digits and hyphens")));
        }
        let mut keys = vec!["name", "vendor", "models", "note"];
        keys.extend(GROUPS.iter().map(|(name, _)| *name));
        self.only(table, &keys)?;
        let required =
            |key: &str| table.get(key).ok_or_else(|| self.error(at.clone(), format!("{id} has no {key}")));
        let groups = self.groups(table, sources)?;
        let group = |name: &str| groups.iter().map(|(group, _)| group).find(|group| group.name == name);
        required("memory")?;
        let memory = group("memory").map(|group| self.memory(group)).transpose()?;
        Ok(Device {
            id: id.to_owned(),
            name: self.text(required("name")?, "name")?,
            vendor: self.text(required("vendor")?, "vendor")?,
            models: table.get("models").map(|item| self.models(item)).transpose()?.unwrap_or_default(),
            memory: memory.unwrap_or(Memory { size: 0, inline_ecc: false }),
            bandwidth: group("bandwidth").map(|group| self.bandwidth(group)).transpose()?,
            architecture: group("capability").map(|group| self.capability(group)).transpose()?,
            peaks: group("arithmetic").map(|group| self.peaks(group)).transpose()?.unwrap_or_default(),
            link: group("link").map(|group| self.link(group)).transpose()?,
            pcie: group("pcie").map(|group| self.pcie(group)).transpose()?,
            watts: group("power").map(|group| self.number(group, "watts", 100_000.0)).transpose()?,
            toolkit: group("toolkit").map(|group| self.toolkit(group)).transpose()?,
            driver: group("driver").map(|group| self.driver(group)).transpose()?.unwrap_or_default(),
            note: table.get("note").map(|item| self.text(item, "note")).transpose()?,
            sources: groups.iter().map(|(group, source)| (group.name.to_owned(), source.clone())).collect(),
            origin: origin.clone(),
        })
    }

    /// The groups of figures that a device has, each with its source.
    fn groups<'t>(
        &self,
        table: &'t dyn TableLike,
        sources: &BTreeMap<String, String>,
    ) -> Result<Vec<(Group<'t>, String)>, TableError> {
        let mut groups = Vec::new();
        for (name, keys) in GROUPS {
            let Some((key, item)) = table.get_key_value(name) else { continue };
            let inner = self.table(item, name)?;
            let mut keys = keys.to_vec();
            keys.push("source");
            self.only(inner, &keys)?;
            let at = key.span().or_else(|| item.span());
            let source = inner
                .get("source")
                .ok_or_else(|| self.error(at.clone(), format!("{name} names no source")))?;
            let written = self.text(source, "source")?;
            let source = sources.get(&written).ok_or_else(|| {
                self.error(source.span(), format!("{written:?} is not among the sources of this file"))
            })?;
            groups.push((Group { name, table: inner, at }, source.clone()));
        }
        Ok(groups)
    }

    /// A figure that is above 0 and not absurd.
    fn figure(&self, item: &Item, name: &str, most: f64) -> Result<f64, TableError> {
        let value = item.as_float().or_else(|| item.as_integer().map(|value| value as f64));
        value.filter(|value| *value > 0.0 && *value <= most).ok_or_else(|| {
            self.error(item.span(), format!("{name} is not a number above 0 and up to {most}"))
        })
    }

    fn number(&self, group: &Group<'_>, key: &str, most: f64) -> Result<f64, TableError> {
        let missing = || self.error(group.at.clone(), format!("{} has no {key}", group.name));
        self.figure(group.table.get(key).ok_or_else(missing)?, key, most)
    }

    fn whole(&self, item: &Item, name: &str, most: u32) -> Result<u32, TableError> {
        let value = item.as_integer().and_then(|value| u32::try_from(value).ok());
        value
            .filter(|value| (1..=most).contains(value))
            .ok_or_else(|| self.error(item.span(), format!("{name} is not a whole number from 1 to {most}")))
    }

    fn version(&self, item: &Item, name: &str) -> Result<Version, TableError> {
        let version = item.as_str().and_then(|text| text.parse().ok());
        version.ok_or_else(|| self.error(item.span(), format!("{name} is not a version such as \"12.8\"")))
    }

    fn models(&self, item: &Item) -> Result<Vec<String>, TableError> {
        let not_texts = || self.error(item.span(), "models is not a list of texts");
        let list = item.as_array().ok_or_else(not_texts)?;
        list.iter().map(|value| value.as_str().map(str::to_owned).ok_or_else(not_texts)).collect()
    }

    fn memory(&self, group: &Group<'_>) -> Result<Memory, TableError> {
        let gib = self.number(group, "gib", 100_000.0)?;
        let inline_ecc = match group.table.get("inline_ecc") {
            None => false,
            Some(item) => item
                .as_bool()
                .ok_or_else(|| self.error(item.span(), "inline_ecc is neither true nor false"))?,
        };
        Ok(Memory { size: (gib * (1u64 << 30) as f64) as u64, inline_ecc })
    }

    fn bandwidth(&self, group: &Group<'_>) -> Result<f64, TableError> {
        Ok(self.number(group, "gb_per_s", 1_000_000.0)? * 1e9)
    }

    fn capability(&self, group: &Group<'_>) -> Result<Architecture, TableError> {
        let unclear = || self.error(group.at.clone(), "capability has either cuda or gfx");
        let (key, item) = match (group.table.get("cuda"), group.table.get("gfx")) {
            (Some(item), None) => ("cuda", item),
            (None, Some(item)) => ("gfx", item),
            _ => return Err(unclear()),
        };
        let found = item.as_str().and_then(Architecture::of);
        let fits = |found: &Architecture| matches!(found, Architecture::Cuda(_)) == (key == "cuda");
        found.filter(fits).ok_or_else(|| {
            self.error(item.span(), format!("{key} is not as in cuda = \"9.0\" or gfx = \"gfx942\""))
        })
    }

    fn peaks(&self, group: &Group<'_>) -> Result<BTreeMap<Format, f64>, TableError> {
        let mut peaks = BTreeMap::new();
        for format in Format::ALL {
            if let Some(item) = group.table.get(format.as_str()) {
                peaks.insert(format, self.figure(item, format.as_str(), 1_000_000.0)? * 1e12);
            }
        }
        Ok(peaks)
    }

    fn link(&self, group: &Group<'_>) -> Result<Link, TableError> {
        let missing = || self.error(group.at.clone(), "link has no name");
        let name = self.text(group.table.get("name").ok_or_else(missing)?, "name")?;
        Ok(Link { name, bandwidth: self.bandwidth(group)? })
    }

    fn pcie(&self, group: &Group<'_>) -> Result<Pcie, TableError> {
        let part = |key: &str, most: u32| {
            let missing = || self.error(group.at.clone(), format!("pcie has no {key}"));
            self.whole(group.table.get(key).ok_or_else(missing)?, key, most)
        };
        Ok(Pcie { generation: part("generation", 20)?.into(), width: part("width", 64)?.into() })
    }

    fn toolkit(&self, group: &Group<'_>) -> Result<Support, TableError> {
        let version = |key: &str| group.table.get(key).map(|item| self.version(item, key)).transpose();
        let missing = || self.error(group.at.clone(), "toolkit has no oldest");
        let support = Support {
            oldest: version("oldest")?.ok_or_else(missing)?,
            compatible: version("compatible")?,
            newest: version("newest")?,
        };
        let in_order = support.compatible.is_none_or(|first| first <= support.oldest)
            && support.newest.is_none_or(|last| last >= support.oldest);
        in_order
            .then_some(support)
            .ok_or_else(|| self.error(group.at.clone(), "the versions of toolkit are not in order"))
    }

    fn driver(&self, group: &Group<'_>) -> Result<(Option<u32>, Option<u32>), TableError> {
        let branch = |key: &str| group.table.get(key).map(|item| self.whole(item, key, 100_000)).transpose();
        let (oldest, newest) = (branch("oldest")?, branch("newest")?);
        match oldest.zip(newest) {
            Some((oldest, newest)) if oldest > newest => {
                Err(self.error(group.at.clone(), "the branches of driver are not in order"))
            }
            _ => Ok((oldest, newest)),
        }
    }
}
