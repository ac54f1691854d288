//! YAML 1.2 with the core schema, from the events of a parser.
//!
//! Only what has one meaning is read: tags of the core schema, one document, no key twice. Aliases are
//! expanded within the bounds on values and depth, so that a small file cannot grow without end.
//! Merge keys are of YAML 1.1, but configurations use them: explicit keys win, then earlier merges.

use std::collections::HashMap;

use saphyr_parser::{Event, Parser, ScalarStyle, StrInput, Tag};

use super::item::{Budget, Entries, Item, check_depth, too_deep};
use super::{FormatError, MAX_DEPTH, scalar};
use crate::value::Value;

/// Reads the one document that is there; nothing where there is none.
pub(super) fn item(text: &str) -> Result<Option<Item>, FormatError> {
    let parser = Parser::new_from_str(text);
    let mut yaml = Yaml { parser, anchors: HashMap::new(), budget: Budget::new() };
    loop {
        match yaml.next()? {
            (Event::StreamEnd, _) => return Ok(None),
            (Event::DocumentStart(_), _) => break,
            _ => {}
        }
    }
    let (event, line) = yaml.next()?;
    let empty = matches!(&event, Event::Scalar(text, ScalarStyle::Plain, 0, None) if text.is_empty());
    let item = yaml.node(event, line, 0)?;
    loop {
        match yaml.next()? {
            (Event::StreamEnd, _) => return Ok((!empty).then_some(item)),
            (Event::DocumentStart(_), line) => {
                return Err(FormatError::new(line, "a second document starts here"));
            }
            _ => {}
        }
    }
}

struct Yaml<'a> {
    parser: Parser<'a, StrInput<'a>>,
    anchors: HashMap<usize, Anchored>,
    budget: Budget,
}

/// A node that aliases can stand for.
struct Anchored {
    item: Item,
    cost: usize,
    height: usize,
}

impl<'a> Yaml<'a> {
    fn next(&mut self) -> Result<(Event<'a>, u64), FormatError> {
        match self.parser.next_event() {
            Some(Ok((event, span))) => Ok((event, span.start.line() as u64)),
            Some(Err(error)) => {
                Err(FormatError::new(error.marker().line() as u64, format!("not YAML: {}", error.info())))
            }
            None => Err(FormatError::new(None, "not YAML: the document does not end")),
        }
    }

    fn node(&mut self, event: Event<'a>, line: u64, depth: usize) -> Result<Item, FormatError> {
        self.budget.take(1, line)?;
        let (item, anchor) = match event {
            Event::Alias(id) => return self.alias(id, line, depth),
            Event::Scalar(text, style, anchor, tag) => {
                (Item::Scalar(tagged(&text, style, tag.as_deref(), line)?), anchor)
            }
            Event::SequenceStart(anchor, tag) => {
                check_collection_tag(tag.as_deref(), "seq", line)?;
                (self.list(line, depth)?, anchor)
            }
            Event::MappingStart(anchor, tag) => {
                check_collection_tag(tag.as_deref(), "map", line)?;
                (self.map(line, depth)?, anchor)
            }
            _ => return Err(FormatError::new(line, "not YAML: a value is missing")),
        };
        if anchor > 0 {
            let (cost, height) = measure(&item);
            self.budget.take(cost, line)?;
            self.anchors.insert(anchor, Anchored { item: item.clone(), cost, height });
        }
        Ok(item)
    }

    fn alias(&mut self, id: usize, line: u64, depth: usize) -> Result<Item, FormatError> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(FormatError::new(line, "an alias stands within what it stands for"));
        };
        if depth + anchored.height > MAX_DEPTH {
            return Err(too_deep(line));
        }
        self.budget.take(anchored.cost, line)?;
        Ok(anchored.item.clone())
    }

    fn list(&mut self, line: u64, depth: usize) -> Result<Item, FormatError> {
        check_depth(depth, line)?;
        let mut items = Vec::new();
        loop {
            match self.next()? {
                (Event::SequenceEnd, _) => return Ok(Item::List(items)),
                (event, line) => items.push(self.node(event, line, depth + 1)?),
            }
        }
    }

    fn map(&mut self, line: u64, depth: usize) -> Result<Item, FormatError> {
        check_depth(depth, line)?;
        let (mut entries, mut merges) = (Entries::default(), None);
        loop {
            let (event, line) = self.next()?;
            if event == Event::MappingEnd {
                merges.into_iter().flatten().for_each(|merge| entries.merge(merge));
                return Ok(entries.finish());
            }
            if is_merge(&event) {
                if merges.is_some() {
                    return Err(FormatError::new(line, "the merge key '<<' is there twice"));
                }
                let (event, line) = self.next()?;
                merges = Some(sources(self.node(event, line, depth + 1)?, line)?);
                continue;
            }
            let key = self.key(event, line)?;
            entries.claim(&key, line)?;
            let (event, line) = self.next()?;
            let item = self.node(event, line, depth + 1)?;
            entries.push(key, item);
        }
    }

    /// A key as text: scalars as they are written.
    fn key(&mut self, event: Event<'a>, line: u64) -> Result<String, FormatError> {
        match event {
            Event::Scalar(text, _, 0, None) => Ok(text.into_owned()),
            Event::Scalar(text, style, anchor, tag) => {
                let value = tagged(&text, style, tag.as_deref(), line)?;
                if anchor > 0 {
                    let (cost, height) = (1 + text.len() / TEXT_UNIT, 0);
                    self.budget.take(cost, line)?;
                    self.anchors.insert(anchor, Anchored { item: Item::Scalar(value), cost, height });
                }
                Ok(text.into_owned())
            }
            Event::Alias(id) => match self.alias(id, line, 0)? {
                Item::Scalar(Value::Text(text)) => Ok(text),
                other => Err(FormatError::new(line, format!("a key is an alias of a {}", other.type_name()))),
            },
            _ => Err(FormatError::new(line, "a key is a list or a map")),
        }
    }
}

/// This many bytes of text in what an alias stands for count as one value.
const TEXT_UNIT: usize = 64;

fn is_merge(event: &Event<'_>) -> bool {
    matches!(event, Event::Scalar(text, ScalarStyle::Plain, _, None) if text == "<<")
}

/// The maps that a merge key's value names.
fn sources(item: Item, line: u64) -> Result<Vec<Vec<(String, Item)>>, FormatError> {
    let items = match item {
        Item::List(items) => items,
        other => vec![other],
    };
    let maps = items.into_iter().map(|item| match item {
        Item::Map(entries) => Ok(entries),
        other => Err(FormatError::new(line, format!("'<<' merges a {}, not a map", other.type_name()))),
    });
    maps.collect()
}

/// Values in an item, its text counted by its length, and how deep it nests. Items are never too deep.
fn measure(item: &Item) -> (usize, usize) {
    let sum = |parts: &mut dyn Iterator<Item = (usize, usize)>| {
        let (cost, height) = parts.fold((1, 0), |(cost, height), part| (cost + part.0, height.max(part.1)));
        (cost, height + 1)
    };
    match item {
        Item::Scalar(Value::Text(text)) => (1 + text.len() / TEXT_UNIT, 0),
        Item::Scalar(_) => (1, 0),
        Item::List(items) => sum(&mut items.iter().map(measure)),
        Item::Map(entries) => sum(&mut entries.iter().map(|(key, item)| {
            let (cost, height) = measure(item);
            (cost + key.len() / TEXT_UNIT, height)
        })),
    }
}

const CORE: &str = "tag:yaml.org,2002:";

/// The part of a tag that names a type of the core schema.
fn core_tag(tag: &Tag) -> Option<String> {
    format!("{}{}", tag.handle, tag.suffix).strip_prefix(CORE).map(str::to_owned)
}

fn is_non_specific(tag: &Tag) -> bool {
    tag.handle.is_empty() && tag.suffix == "!" || tag.handle == "!" && tag.suffix.is_empty()
}

fn unknown_tag(tag: &Tag, line: u64) -> FormatError {
    let name =
        core_tag(tag).map_or_else(|| format!("{}{}", tag.handle, tag.suffix), |core| format!("!!{core}"));
    FormatError::new(line, format!("the tag {name:?} has no meaning here"))
}

fn check_collection_tag(tag: Option<&Tag>, expected: &str, line: u64) -> Result<(), FormatError> {
    match tag {
        Some(tag) if !is_non_specific(tag) && core_tag(tag).as_deref() != Some(expected) => {
            Err(unknown_tag(tag, line))
        }
        _ => Ok(()),
    }
}

/// The value of a scalar: by its tag, else by its text if it is plain, else text.
fn tagged(text: &str, style: ScalarStyle, tag: Option<&Tag>, line: u64) -> Result<Value, FormatError> {
    let Some(tag) = tag else {
        return match style {
            ScalarStyle::Plain => scalar::core(text, line),
            _ => Ok(Value::Text(text.to_owned())),
        };
    };
    let name = if is_non_specific(tag) { Some("str".to_owned()) } else { core_tag(tag) };
    let value = match name.as_deref() {
        Some("str") => Some(Value::Text(text.to_owned())),
        Some("int") => scalar::integer(text, line)?,
        Some("float") => scalar::float(text).map(Value::Float),
        Some("bool") => scalar::bool(text).map(Value::Bool),
        Some("null") => scalar::is_null(text).then_some(Value::Null),
        _ => return Err(unknown_tag(tag, line)),
    };
    value.ok_or_else(|| {
        let name = name.unwrap_or_default();
        FormatError::new(line, format!("{text:?} is not what its tag !!{name} says"))
    })
}

#[cfg(test)]
#[path = "yaml_tests.rs"]
mod tests;
