//! Where a value stands in a YAML text that was read before: by the marks of the parser's events.

use saphyr_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput};

use super::{Indirection, Lost, Spot};

pub(super) fn find(text: &str, keys: &[String]) -> Result<Spot, Lost> {
    let mut finder = Finder { text, parser: Parser::new_from_str(text) };
    while !matches!(finder.next()?.0, Event::DocumentStart(_)) {}
    let mut at = At { node: finder.next()?, key: None };
    for key in keys {
        at = match at.node.0 {
            Event::MappingStart(..) => finder.in_map(key)?,
            Event::SequenceStart(..) => finder.in_list(key.parse().map_err(|_| Lost::Unknown)?)?,
            Event::Alias(_) => return Err(Lost::Indirect(Indirection::Alias)),
            _ => return Err(Lost::Unknown),
        };
    }
    finder.spot(at)
}

type Node<'a> = (Event<'a>, Span);

/// A node, and where its key is, if it has one.
struct At<'a> {
    node: Node<'a>,
    key: Option<Span>,
}

struct Finder<'a> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
}

impl<'a> Finder<'a> {
    fn next(&mut self) -> Result<Node<'a>, Lost> {
        self.parser.next_event().and_then(Result::ok).ok_or(Lost::Unknown)
    }

    fn in_map(&mut self, wanted: &str) -> Result<At<'a>, Lost> {
        loop {
            let key = self.next()?;
            let is_it = match &key.0 {
                // It is in the tree and not written here.
                Event::MappingEnd => return Err(Lost::Indirect(Indirection::Merge)),
                Event::Scalar(text, style, ..) => {
                    text == wanted && !(text == "<<" && *style == ScalarStyle::Plain)
                }
                _ => false,
            };
            let span = key.1;
            self.skip(key)?;
            let node = self.next()?;
            if is_it {
                return Ok(At { node, key: Some(span) });
            }
            self.skip(node)?;
        }
    }

    fn in_list(&mut self, index: usize) -> Result<At<'a>, Lost> {
        for _ in 0..index {
            let node = self.next()?;
            self.skip(node)?;
        }
        Ok(At { node: self.next()?, key: None })
    }

    /// Moves past a node and says where the last thing that is written of it ends.
    fn skip(&mut self, (event, span): Node<'a>) -> Result<Marker, Lost> {
        let is_start =
            |event: &Event<'_>| matches!(event, Event::MappingStart(..) | Event::SequenceStart(..));
        let (mut open, mut end) = (usize::from(is_start(&event)), span.end);
        while open > 0 {
            let (event, span) = self.next()?;
            open += usize::from(is_start(&event));
            // The end of what is written in blocks is where the next thing begins: only brackets have one.
            let is_end = matches!(event, Event::MappingEnd | Event::SequenceEnd);
            open -= usize::from(is_end);
            if !is_end || !span.is_empty() {
                end = span.end;
            }
        }
        Ok(end)
    }

    fn spot(&mut self, at: At<'a>) -> Result<Spot, Lost> {
        let (start, key) = (at.node.1.start, at.key);
        let is_list = matches!(at.node.0, Event::SequenceStart(..));
        match &at.node.0 {
            Event::Alias(_) => return Err(Lost::Indirect(Indirection::Alias)),
            Event::Scalar(text, ScalarStyle::Plain, ..) if text.is_empty() => return self.after(key),
            Event::Scalar(..) | Event::SequenceStart(..) => {}
            _ => return Err(Lost::Unknown),
        }
        let is_block = is_list && at.node.1.is_empty();
        // The mark of a node with a tag or an anchor is theirs, that of lines of text is the first line's.
        let (has_properties, is_lines) = match &at.node.0 {
            Event::Scalar(_, style, anchor, tag) => {
                let is_lines = matches!(style, ScalarStyle::Literal | ScalarStyle::Folded);
                (*anchor > 0 || tag.is_some(), is_lines)
            }
            Event::SequenceStart(anchor, tag) => (*anchor > 0 || tag.is_some(), false),
            _ => (false, false),
        };
        let end = self.skip(at.node)?;
        let end = self.byte(end);
        let flush = key.filter(|_| is_block).and_then(|key| self.flush(start, key));
        let from = match flush {
            Some(dash) => dash,
            None if has_properties => self.after_properties(self.byte(start)),
            None if is_lines => self.header(self.byte(start)).ok_or(Lost::Unknown)?,
            None => self.byte(start),
        };
        let written = self.text.get(from..end).ok_or(Lost::Unknown)?.trim_end();
        // Nothing but a list of blocks may stand as far left as its key.
        let before = if flush.is_some() { "  " } else { "" };
        Ok(Spot { range: from..from + written.len(), before })
    }

    /// The first dash of a list that stands as far left as its key, if it does: its mark is behind the dash.
    fn flush(&self, start: Marker, key: Span) -> Option<usize> {
        let line = self.byte(start)
            - self.text[..self.byte(start)]
                .chars()
                .rev()
                .take(start.col())
                .map(char::len_utf8)
                .sum::<usize>();
        let dash = line + key.start.col();
        let is_dash = self.text.get(line..dash)?.trim().is_empty() && self.text[dash..].starts_with('-');
        (start.line() > key.start.line() && is_dash).then_some(dash)
    }

    /// Where a node begins behind its tag and anchor.
    fn after_properties(&self, mut at: usize) -> usize {
        while self.text[at..].starts_with(['&', '!']) {
            let rest = &self.text[at..];
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            at += rest.len() - rest[end..].trim_start().len();
        }
        at
    }

    /// The `|` or `>` before lines of text, whose mark is at the first of them.
    fn header(&self, lines: usize) -> Option<usize> {
        let before = self.text[..lines].trim_end();
        let line = before.rfind('\n').map_or(0, |end| end + 1);
        let is_header = |at: &usize| {
            let after =
                before[at + 1..].trim_start_matches(|c: char| c.is_ascii_digit() || matches!(c, '+' | '-'));
            before[..*at].ends_with([' ', '\t']) && (after.is_empty() || after.starts_with([' ', '\t']))
        };
        before[line..].match_indices(['|', '>']).map(|(at, _)| line + at).find(is_header)
    }

    /// The place of a value that is left out: after the colon of its key.
    fn after(&self, key: Option<Span>) -> Result<Spot, Lost> {
        let from = self.byte(key.ok_or(Lost::Unknown)?.end);
        let colon = self.text[from..].find(':').ok_or(Lost::Unknown)?;
        let at = from + colon + 1;
        Ok(Spot { range: at..at, before: " " })
    }

    /// Markers count characters.
    fn byte(&self, marker: Marker) -> usize {
        self.text.char_indices().nth(marker.index()).map_or(self.text.len(), |(at, _)| at)
    }
}
