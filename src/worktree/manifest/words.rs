//! Words: a command line as a shell would split it.

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
}
