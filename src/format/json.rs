//! JSON. Stricter than most readers in keys, which may not be there twice, and in integers, which are
//! exact or refused; as lenient as Python's in `NaN`, `Infinity` and `-Infinity`.

use jiter::{Jiter, JiterError, NumberAny, NumberInt, Peek};

use super::FormatError;
use super::item::{Budget, Entries, Item, check_depth, int};
use crate::value::Value;

/// Reads one JSON value; nothing where there is only space.
pub(super) fn item(text: &str) -> Result<Option<Item>, FormatError> {
    if text.bytes().all(|byte| byte.is_ascii_whitespace()) {
        return Ok(None);
    }
    let jiter = Jiter::new(text.as_bytes()).with_allow_inf_nan();
    let mut json = Json { jiter, budget: Budget::new() };
    let first = json.jiter.peek().map_err(|error| json.error(&error))?;
    let item = json.value(first, 0)?;
    json.jiter.finish().map_err(|error| json.error(&error))?;
    Ok(Some(item))
}

struct Json<'a> {
    jiter: Jiter<'a>,
    budget: Budget,
}

impl Json<'_> {
    fn error(&self, error: &JiterError) -> FormatError {
        let line = self.jiter.error_position(error.index).line as u64;
        FormatError::new(line, format!("not JSON: {}", error.error_type))
    }

    /// Where the reader is. Costs what was read so far, so it is for errors only.
    fn line(&self) -> u64 {
        self.jiter.current_position().line as u64
    }

    /// Adds the line, which costs too much to find before it is needed.
    fn here<T>(&self, result: Result<T, FormatError>) -> Result<T, FormatError> {
        result.map_err(|error| FormatError { line: Some(self.line()), ..error })
    }

    fn value(&mut self, peek: Peek, depth: usize) -> Result<Item, FormatError> {
        let taken = self.budget.take(1, None);
        self.here(taken)?;
        let scalar = match peek {
            Peek::Array => return self.list(depth),
            Peek::Object => return self.map(depth),
            Peek::Null => self.jiter.known_null().map(|()| Value::Null),
            Peek::True | Peek::False => self.jiter.known_bool(peek).map(Value::Bool),
            Peek::String => self.jiter.known_str().map(|text| Value::Text(text.to_owned())),
            _ => match self.jiter.known_number(peek) {
                Ok(number) => return self.number(number).map(Item::Scalar),
                Err(error) => Err(error),
            },
        };
        scalar.map(Item::Scalar).map_err(|error| self.error(&error))
    }

    fn number(&self, number: NumberAny) -> Result<Value, FormatError> {
        self.here(match number {
            NumberAny::Float(float) => Ok(Value::Float(float)),
            NumberAny::Int(NumberInt::Int(small)) => Ok(Value::Int(small.into())),
            NumberAny::Int(NumberInt::BigInt(big)) => int(big.try_into().ok(), None),
        })
    }

    fn list(&mut self, depth: usize) -> Result<Item, FormatError> {
        self.here(check_depth(depth, None))?;
        let mut items = Vec::new();
        let mut next = self.jiter.known_array();
        while let Some(peek) = next.map_err(|error| self.error(&error))? {
            items.push(self.value(peek, depth + 1)?);
            next = self.jiter.array_step();
        }
        Ok(Item::List(items))
    }

    fn map(&mut self, depth: usize) -> Result<Item, FormatError> {
        self.here(check_depth(depth, None))?;
        let mut entries = Entries::default();
        let mut next = self.jiter.known_object().map(|key| key.map(str::to_owned));
        while let Some(key) = next.map_err(|error| self.error(&error))? {
            let claimed = entries.claim(&key, None);
            self.here(claimed)?;
            let peek = self.jiter.peek().map_err(|error| self.error(&error))?;
            let item = self.value(peek, depth + 1)?;
            entries.push(key, item);
            next = self.jiter.next_key().map(|key| key.map(str::to_owned));
        }
        Ok(entries.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Value, String> {
        item(text).map(|item| item.unwrap().into_value()).map_err(|error| error.to_string())
    }

    #[test]
    fn numbers_keep_their_kind_and_value() {
        assert_eq!(read("1"), Ok(Value::Int(1i64.into())));
        assert_eq!(read("1.0"), Ok(Value::Float(1.0)));
        assert_eq!(read("1e-3"), Ok(Value::Float(0.001)));
        assert_eq!(read("18446744073709551615"), Ok(Value::Int(u64::MAX.into())));
        assert_eq!(read("-18446744073709551616").unwrap().to_string(), "-18446744073709551616");
        assert!(read("18446744073709551616").unwrap_err().contains("2^64"));
        assert_eq!(read("[NaN, -Infinity]").unwrap().to_string(), "[nan, -inf]");
    }

    #[test]
    fn malformed_files_are_refused_with_their_line() {
        assert_eq!(read("{\"a\": 1,\n \"a\": 2}").unwrap_err(), "line 2: the key \"a\" is there twice");
        assert!(read("{\n\n\"a\": }").unwrap_err().starts_with("line 3: not JSON"));
        for bad in ["{", "[1,]", "{\"a\":1} 2", "\"\\ud800\"", "01", "nul", "{a: 1}", "'a'"] {
            assert!(read(bad).is_err(), "{bad} was accepted");
        }
        assert!(read(&"[".repeat(100_000)).unwrap_err().contains("nested deeper"));
        let many = format!("[{}0]", "0,".repeat(super::super::MAX_VALUES));
        assert!(read(&many).unwrap_err().contains("more than"));
    }
}
