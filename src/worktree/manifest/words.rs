//! Words: a command line as a shell would split it, and the known key that somebody may have meant.

/// Splits a command line at spaces that are not quoted. Nothing is expanded. `None` if a quotation is not closed.
pub(super) fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => single(&mut chars, word.get_or_insert_default())?,
            '"' => double(&mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

fn single(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '\'' => return Some(()),
            c => word.push(c),
        }
    }
}

fn double(chars: &mut std::str::Chars<'_>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => match chars.next()? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

/// The known name that a text is at most two edits away from.
pub(super) fn nearest(text: &str, known: &[&'static str]) -> Option<&'static str> {
    let near = known.iter().map(|name| (distance(text, name), *name)).min()?;
    (near.0 <= 2 && near.0 < near.1.len()).then_some(near.1)
}

/// The number of letters to insert, remove or replace to come from one text to the other; large for long texts.
fn distance(a: &str, b: &str) -> usize {
    const LONG: usize = 64;
    if a.len() > LONG || b.len() > LONG {
        return LONG;
    }
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, a) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, b) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_would() {
        let split = |line: &str| split(line).map(|words| words.join("|"));
        assert_eq!(split("python3  train.py --lr 0.1").unwrap(), "python3|train.py|--lr|0.1");
        assert_eq!(split(r#"a 'b c' "d \"e\" \n" f\ g '' $HOME"#).unwrap(), r#"a|b c|d "e" \n|f g||$HOME"#);
        assert_eq!(split("").unwrap(), "");
        for open in ["'a", "\"a", "a\\", "\"\\"] {
            assert_eq!(split(open), None, "{open}");
        }
    }

    #[test]
    fn near_words_are_found() {
        assert_eq!(nearest("dataset", &["datasets", "params"]), Some("datasets"));
        assert_eq!(nearest("license", &["licence", "path"]), Some("licence"));
        assert_eq!(nearest("x", &["run"]), None);
        assert_eq!(nearest(&"x".repeat(1000), &["run"]), None);
    }
}
