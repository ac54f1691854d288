//! The simple commands of a shell script, as well as they can be told without running it.
//!
//! Quotes, comments, assignments and plain variables are understood; functions, loops and substitutions are not, and
//! are passed over as words. Pure functions over text.

/// More of a script is not looked at.
const MOST_COMMANDS: usize = 1000;

/// Words that stand before a command and are none.
const KEYWORDS: &[&str] =
    &["if", "then", "else", "elif", "while", "until", "do", "!", "{", "(", "time", "exec", "command"];

/// The commands of a script in their order, each as its words without quotes. Variables are not yet put in.
pub(super) fn commands(script: &str) -> Vec<Vec<String>> {
    let mut splitter = Splitter::default();
    let mut chars = script.chars().peekable();
    while let Some(c) = chars.next() {
        if splitter.commands.len() >= MOST_COMMANDS {
            break;
        }
        match c {
            '\\' => match chars.next() {
                // A line that goes on.
                Some('\n') | None => {}
                Some(c) => splitter.push(c),
            },
            '\'' | '"' => {
                splitter.word.get_or_insert_default();
                while let Some(inner) = chars.next().filter(|inner| *inner != c) {
                    let escapes = c == '"' && inner == '\\';
                    splitter.push(if escapes { chars.next().unwrap_or(inner) } else { inner });
                }
            }
            '#' if splitter.word.is_none() => while chars.next_if(|c| *c != '\n').is_some() {},
            ';' | '|' | '&' | '\n' | '(' | ')' => splitter.end_command(),
            c if c.is_whitespace() => splitter.end_word(),
            c => splitter.push(c),
        }
    }
    splitter.end_command();
    splitter.commands
}

#[derive(Default)]
struct Splitter {
    commands: Vec<Vec<String>>,
    words: Vec<String>,
    word: Option<String>,
}

impl Splitter {
    fn push(&mut self, c: char) {
        self.word.get_or_insert_default().push(c);
    }

    fn end_word(&mut self) {
        self.words.extend(self.word.take());
    }

    fn end_command(&mut self) {
        self.end_word();
        let skipped = self.words.iter().take_while(|word| KEYWORDS.contains(&word.as_str())).count();
        let words = self.words.split_off(skipped);
        self.words.clear();
        if !words.is_empty() {
            self.commands.push(words);
        }
    }
}

/// Name and value of `NAME=value`.
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).then_some((name, value))
}

/// A word with its variables put in: `$NAME` and `${NAME}`. What is unknown is nothing, as in a shell.
pub(super) fn expand(word: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = word;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let braced = after.strip_prefix('{').and_then(|inner| inner.split_once('}'));
        let plain = after.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(after.len());
        let (name, behind) = braced.unwrap_or_else(|| after.split_at(plain));
        if name.is_empty() {
            out.push('$');
        } else {
            out.push_str(&value(name).unwrap_or_default());
        }
        rest = behind;
    }
    out + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_are_parted() {
        let script = "#!/bin/sh\nset -e # stop\ncd 'my dir' && A=1 \\\n  python -c \"print(\\\"x;y\\\")\" | tee log\nif true; then ./t.py; fi";
        let expected: &[&[&str]] = &[
            &["set", "-e"],
            &["cd", "my dir"],
            &["A=1", "python", "-c", "print(\"x;y\")"],
            &["tee", "log"],
            &["true"],
            &["./t.py"],
            &["fi"],
        ];
        assert_eq!(commands(script), expected);
        assert_eq!(commands("'open \"quote"), [["open \"quote"]]);
        assert_eq!(commands(";;&& ||\n"), Vec::<Vec<String>>::new());
        assert_eq!(commands(&"a;".repeat(5000)).len(), MOST_COMMANDS);
    }

    #[test]
    fn variables_are_put_in() {
        let value = |name: &str| (name == "A").then(|| "x".to_owned());
        for (word, expected) in
            [("$A/b", "x/b"), ("${A}b", "xb"), ("$B", ""), ("a$", "a$"), ("$(ls)", "$(ls)"), ("${A", "${A")]
        {
            assert_eq!(expand(word, value), expected, "{word}");
        }
        assert_eq!(assignment("A_1=b=c"), Some(("A_1", "b=c")));
        assert_eq!((assignment("--a=b"), assignment("a.b=c"), assignment("a")), (None, None, None));
    }
}
