//! CSV and its relatives: the columns that the start of a file shows, and tables of metrics.
//!
//! A profile looks at no more than the start of a file, so neither a line without end nor a quote that
//! is never closed costs anything. Types are guesses from there.

use super::data::{MAX_COLUMNS, ReadSeek, sample};
use super::metrics::Measured;
use super::reports::{Curve, Point, STEPS};
use super::{FormatError, line_of, scalar};
use crate::object::{Column, Profile};
use crate::profile::empty;
use crate::value::{KeyPath, Value};

/// The columns of a table. The rows are counted only where the file is so small that all of it was seen.
pub(super) fn profile(delimiter: Option<u8>, file: &mut dyn ReadSeek, size: u64) -> Result<Profile, String> {
    let (bytes, whole) = sample(file, size)?;
    if bytes.is_empty() {
        return Ok(Profile { rows: Some(0), ..empty() });
    }
    let mut records = records(&bytes, delimiter);
    if !whole {
        // The last record may go on beyond what was read.
        records.pop();
    }
    let Some(first) = records.first() else { return Err("the first line has no end nearby".into()) };
    if first.len() > MAX_COLUMNS {
        return Err(format!("more than {MAX_COLUMNS} columns"));
    }
    let headless = first.iter().all(|cell| matches!(cell_type(cell), Some("integer" | "float")));
    let names: Vec<String> = match headless {
        true => (0..first.len()).map(|i| i.to_string()).collect(),
        false => first.iter().map(|cell| String::from_utf8_lossy(cell).trim().to_owned()).collect(),
    };
    let rows = &records[usize::from(!headless)..];
    let columns = names.into_iter().enumerate().map(|(i, name)| column(name, guess(rows, i))).collect();
    Ok(Profile { rows: whole.then_some(rows.len() as u64), columns, ..empty() })
}

fn records(bytes: &[u8], delimiter: Option<u8>) -> Vec<::csv::ByteRecord> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    ::csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter.unwrap_or_else(|| guess_delimiter(bytes)))
        .from_reader(bytes)
        .into_byte_records()
        // A slice gives no errors, and records of any length and bytes are accepted.
        .filter_map(Result::ok)
        .collect()
}

/// The separator that the first line has most of, outside of quotes.
fn guess_delimiter(bytes: &[u8]) -> u8 {
    let (mut counts, mut quoted) = ([(b',', 0), (b';', 0), (b'\t', 0), (b'|', 0)], false);
    for byte in bytes {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if quoted => {}
            _ => counts.iter_mut().filter(|(delimiter, _)| delimiter == byte).for_each(|(_, n)| *n += 1),
        }
    }
    // The first of those that are equally frequent: `max_by_key` would take the last.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(delimiter, _)| delimiter)
}

/// A column of which only name and type are known.
pub(super) fn column(name: String, dtype: &str) -> Column {
    Column {
        name,
        dtype: dtype.to_owned(),
        count: None,
        missing: None,
        distinct: None,
        min: None,
        max: None,
        moments: None,
        quantiles: None,
        top: None,
    }
}

/// The type that all cells of a column have; `null` if all are missing.
fn guess(rows: &[::csv::ByteRecord], column: usize) -> &'static str {
    let types = rows.iter().filter_map(|row| cell_type(row.get(column)?));
    types.reduce(widen).unwrap_or("null")
}

/// The type that holds values of both.
pub(super) fn widen(a: &'static str, b: &'static str) -> &'static str {
    match (a, b) {
        _ if a == b => a,
        ("integer", "float") | ("float", "integer") => "float",
        ("boolean" | "integer" | "float" | "text", "boolean" | "integer" | "float" | "text") => "text",
        _ => "mixed",
    }
}

/// The type of a cell, unless it is missing.
fn cell_type(cell: &[u8]) -> Option<&'static str> {
    match std::str::from_utf8(cell) {
        Ok(text) => scalar::cell(text).map(|value| value.type_name()),
        Err(_) => Some("text"),
    }
}

/// The metrics in a table with a header: of each column the last cell that is not empty, since some
/// loggers leave those cells empty that a step has no value for. Columns without a name are numberings. A
/// column of numbers is a curve over the column of steps if there is one, else over the rows, counted from 0.
pub(super) fn metrics(delimiter: u8, bytes: &[u8]) -> Result<Measured, FormatError> {
    let text = super::utf8(bytes)?;
    let mut reader = ::csv::ReaderBuilder::new().delimiter(delimiter).from_reader(text.as_bytes());
    let failed = |error: ::csv::Error| failed(text, &error);
    let headers = reader.headers().map_err(failed)?.clone();
    let names: Vec<&str> = headers.iter().map(str::trim).collect();
    if let Some(twice) = (1..names.len()).find(|i| !names[*i].is_empty() && names[..*i].contains(&names[*i]))
    {
        return Err(FormatError::new(1, format!("the column {:?} is there twice", names[twice])));
    }
    let steps = STEPS.iter().find_map(|step| names.iter().position(|name| name == step));
    let mut columns: Vec<TableColumn> = names.iter().map(|_| TableColumn::default()).collect();
    let mut record = ::csv::StringRecord::new();
    for row in 0.. {
        if !reader.read_record(&mut record).map_err(failed)? {
            break;
        }
        let cell = |column: usize| record.get(column).filter(|cell| !cell.trim().is_empty());
        let step = match steps {
            Some(column) => cell(column).and_then(|cell| cell.trim().parse().ok()),
            None => Some(row),
        };
        for (number, column) in columns.iter_mut().enumerate() {
            if let Some(text) = cell(number) {
                column.push(step, scalar::cell(text).unwrap_or(Value::Null));
            }
        }
    }
    let mut measured = Measured::default();
    for (number, (name, column)) in
        names.iter().zip(columns).enumerate().filter(|(_, (name, _))| !name.is_empty())
    {
        let Some(last) = column.last else { continue };
        measured.values.insert((*name).to_owned(), last);
        if Some(number) != steps && !column.is_text {
            let path = KeyPath::default().child(name).to_string();
            measured.series.insert(path, column.curve.finish());
        }
    }
    Ok(measured)
}

/// A column of a table of metrics.
#[derive(Default)]
struct TableColumn {
    last: Option<Value>,
    curve: Curve,
    /// Whether there is something in it that is neither a number nor missing.
    is_text: bool,
}

impl TableColumn {
    fn push(&mut self, step: Option<i64>, value: Value) {
        match value.as_f64() {
            Some(value) => _ = self.curve.push(Point { step, time: None, value }),
            None => self.is_text |= value != Value::Null,
        }
        self.last = Some(value);
    }
}

fn failed(text: &str, error: &::csv::Error) -> FormatError {
    let line = error.position().map(|position| {
        // The position is that of the empty lines before the record.
        let at = (position.byte() as usize).min(text.len());
        let empty = text.as_bytes()[at..].iter().take_while(|byte| matches!(byte, b'\n' | b'\r')).count();
        line_of(text.as_bytes(), at + empty)
    });
    FormatError::new(line, format!("not a table: {}", reason(error)))
}

fn reason(error: &::csv::Error) -> String {
    match error.kind() {
        ::csv::ErrorKind::UnequalLengths { expected_len, len, .. } => {
            format!("{len} cells where the header has {expected_len}")
        }
        _ => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read, Seek, SeekFrom};

    fn shown(text: &[u8]) -> String {
        let profile = profile(None, &mut Cursor::new(text), text.len() as u64).unwrap();
        let columns: Vec<String> =
            profile.columns.iter().map(|c| format!("{}:{}", c.name, c.dtype)).collect();
        format!("{:?} {}", profile.rows, columns.join(" "))
    }

    #[test]
    fn columns_are_named_and_typed() {
        assert_eq!(
            shown(b"a,b,c,d,e\n1,1,x,,true\n2,0.5,\"y,\nz\",,false\n"),
            "Some(2) a:integer b:float c:text d:null e:boolean"
        );
        assert_eq!(shown(b"\xef\xbb\xbfa;b\r\n1;2,5\r\n"), "Some(1) a:integer b:text");
        assert_eq!(shown(b"1.5\t2\n3\t4\n"), "Some(2) 0:float 1:integer");
        assert_eq!(shown(b"a,b\n1\n2,3,4\n"), "Some(2) a:integer b:integer");
        assert_eq!(shown(b"caf\xe9\nx\n"), "Some(1) caf\u{fffd}:text");
        assert_eq!(shown(b""), "Some(0) ");
    }

    /// A file that is larger than any sample, and says how much of it was read.
    struct Endless<'a> {
        start: &'a [u8],
        at: usize,
        fill: u8,
    }

    impl Read for Endless<'_> {
        fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
            for byte in out.iter_mut() {
                *byte = self.start.get(self.at).copied().unwrap_or(self.fill);
                self.at += 1;
            }
            assert!(self.at <= 1 << 20, "read far beyond the sample");
            Ok(out.len())
        }
    }

    impl Seek for Endless<'_> {
        fn seek(&mut self, to: SeekFrom) -> std::io::Result<u64> {
            let SeekFrom::Start(at) = to else { unimplemented!() };
            self.at = at as usize;
            Ok(at)
        }
    }

    #[test]
    fn only_the_start_is_looked_at() {
        let read = |start: &[u8], fill| profile(None, &mut Endless { start, at: 0, fill }, 2 << 30);
        let open_quote = read(b"a,b\n1,\"", b'x').unwrap();
        assert_eq!((open_quote.rows, open_quote.columns.len()), (None, 2));
        assert_eq!(read(b"a,\"", b'x').unwrap_err(), "the first line has no end nearby");
        assert!(read(b"", b',').is_err());
    }

    #[test]
    fn the_last_values_of_a_table_are_its_metrics() {
        let shown = |text: &str| match metrics(b',', text.as_bytes()) {
            Ok(measured) => Value::Map(measured.values).to_string(),
            Err(error) => error.to_string(),
        };
        assert_eq!(shown("step,loss\n0,1.5\n1,0.5\n"), "{loss: 0.5, step: 1}");
        assert_eq!(shown("epoch,train,val\n0,1.0,\n0,,2.0\n"), "{epoch: 0, train: 1.0, val: 2.0}");
        assert_eq!(shown(",acc\n0,nan\n"), "{acc: nan}");
        assert_eq!(shown("a,b\n1,2\n\n3\n"), "line 4: not a table: 1 cells where the header has 2");
        assert_eq!(shown("a,a\n1,2\n"), "line 1: the column \"a\" is there twice");
        assert_eq!(shown(""), "{}");
    }
    #[test]
    fn columns_of_numbers_are_curves() {
        let curves = |text: &str| {
            let series = metrics(b',', text.as_bytes()).unwrap().series;
            let shown =
                series.into_iter().map(|(name, s)| format!("{name} {:?} {:?}", s.steps.unwrap(), s.values));
            shown.collect::<Vec<_>>().join("; ")
        };
        assert_eq!(
            curves("epoch,step,loss,val.loss,lr\n0,5,1.5,,x\n0,10,nan,2,y\n1,15,0.5,na,\n"),
            "\"val.loss\" [10] [2.0]; epoch [5, 10, 15] [0.0, 0.0, 1.0]; loss [5, 10, 15] [1.5, NaN, 0.5]"
        );
        assert_eq!(curves("a,b\n1,\n2,3\n"), "a [0, 1] [1.0, 2.0]; b [1] [3.0]");
        assert_eq!(curves("iteration,a\n7,1\n,2\n"), "a [7, 7] [1.0, 2.0]");
    }
}
