//! Literals of Python, as the headers of NPY files have them: parsed, never evaluated.

/// A literal.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Literal {
    Bool(bool),
    Int(u64),
    Text(String),
    /// A list or a tuple.
    List(Vec<Literal>),
    Dict(Vec<(String, Literal)>),
}

/// Lists, tuples and dictionaries within each other. A structured type may have structured fields.
const MAX_DEPTH: usize = 16;

/// Reads one literal that spans all of the text, apart from space around it.
pub(super) fn parse(text: &str) -> Option<Literal> {
    let mut parser = Parser { rest: text.trim() };
    let literal = parser.value(0)?;
    parser.rest.is_empty().then_some(literal)
}

struct Parser<'a> {
    rest: &'a str,
}

impl<'a> Parser<'a> {
    /// Whether this comes next; if so, it is skipped with the space that follows.
    fn eat(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest.trim_start();
                true
            }
            None => false,
        }
    }

    /// What comes before the first character that ends it.
    fn until(&mut self, ends: impl Fn(char) -> bool) -> &'a str {
        let (token, rest) = self.rest.split_at(self.rest.find(ends).unwrap_or(self.rest.len()));
        self.rest = rest;
        token
    }

    fn value(&mut self, depth: usize) -> Option<Literal> {
        if depth > MAX_DEPTH {
            return None;
        }
        match self.rest.chars().next()? {
            '{' => self.dict(depth),
            '[' => self.list("[", "]", depth),
            '(' => self.list("(", ")", depth),
            '\'' | '"' => self.text().map(Literal::Text),
            '0'..='9' => {
                let number = self.until(|c| !c.is_ascii_digit()).parse().ok()?;
                // Python 2 wrote long integers with an L.
                self.eat("L");
                self.eat("");
                Some(Literal::Int(number))
            }
            _ if self.eat("True") => Some(Literal::Bool(true)),
            _ if self.eat("False") => Some(Literal::Bool(false)),
            _ => None,
        }
    }

    /// A text without escapes: names of types and fields have none.
    fn text(&mut self) -> Option<String> {
        let quote = if self.rest.starts_with('\'') { "'" } else { "\"" };
        self.rest = &self.rest[1..];
        let text = self.until(|c| c == '\'' || c == '"' || c == '\\').to_owned();
        self.eat(quote).then_some(text)
    }

    fn list(&mut self, open: &str, close: &str, depth: usize) -> Option<Literal> {
        self.eat(open);
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.value(depth + 1)?);
            if !self.eat(",") && !self.rest.starts_with(close) {
                return None;
            }
        }
        Some(Literal::List(items))
    }

    fn dict(&mut self, depth: usize) -> Option<Literal> {
        self.eat("{");
        let mut entries = Vec::new();
        while !self.eat("}") {
            let Literal::Text(key) = self.value(depth + 1)? else { return None };
            if !self.eat(":") {
                return None;
            }
            entries.push((key, self.value(depth + 1)?));
            if !self.eat(",") && !self.rest.starts_with('}') {
                return None;
            }
        }
        Some(Literal::Dict(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read() {
        let read = parse(
            "{'descr': [('a', '<f8', (2,)), ('b', '|S3')], 'fortran_order': False, 'shape': (3, 4L), } \n",
        );
        let text = |text: &str| Literal::Text(text.into());
        let list = Literal::List;
        let fields = list(vec![
            list(vec![text("a"), text("<f8"), list(vec![Literal::Int(2)])]),
            list(vec![text("b"), text("|S3")]),
        ]);
        let expected = Literal::Dict(vec![
            ("descr".into(), fields),
            ("fortran_order".into(), Literal::Bool(false)),
            ("shape".into(), list(vec![Literal::Int(3), Literal::Int(4)])),
        ]);
        assert_eq!(read, Some(expected));
    }

    #[test]
    fn what_is_no_literal_is_refused() {
        for text in [
            "",
            "{",
            "{'a'}",
            "[1 2]",
            "'a",
            "'\\x41'",
            "__import__('os')",
            "1 + 1",
            "-1",
            "[,]",
            "None",
            "'é\"",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(parse(&"[".repeat(100_000)), None);
        assert_eq!(parse("99999999999999999999999"), None);
    }
}
