//! What web servers show of what they have: a list of keys, a page of S3's listing, an index of files in HTML.
//!
//! All of it is hostile until it is parsed: only names come out, and `Gather` or `Key` judge those.

use crate::storage::Key;
use crate::storage::bucket::refused::element;

/// The lines of a file `listing`: a size, a space, a key; sorted by key, each once.
pub(super) fn lines(text: &str) -> Result<Vec<(Key, u64)>, String> {
    let mut keys: Vec<(Key, u64)> = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        let pair = line.split_once(' ').and_then(|(size, key)| Some((Key::new(key)?, size.parse().ok()?)));
        let pair = pair.ok_or_else(|| format!("line {number} of its listing is no size and key"))?;
        if keys.last().is_some_and(|(last, _)| *last >= pair.0) {
            return Err(format!("line {number} of its listing is not sorted"));
        }
        keys.push(pair);
    }
    Ok(keys)
}

/// A page of the listing of a bucket.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) names: Vec<(String, u64)>,
    pub(super) next: Option<String>,
}

/// Reads the answer to `ListObjectsV2`; `None` if it is something else.
pub(super) fn page(xml: &str) -> Option<Page> {
    let (_, body) = xml.split_once("<ListBucketResult")?;
    let contents =
        body.split("<Contents>").skip(1).map(|rest| rest.split("</Contents>").next().unwrap_or(""));
    let names = contents.filter_map(|object| {
        Some((unescaped(element(object, "Key")?), element(object, "Size")?.parse().ok()?))
    });
    let next = element(body, "NextContinuationToken").map(unescaped);
    Some(Page { names: names.collect(), next })
}

/// The files and folders that an index in HTML links to; folders end in a slash. Names of one component only.
pub(super) fn links(html: &str) -> Vec<String> {
    let lower = html.to_ascii_lowercase();
    let mut names = Vec::new();
    let mut at = 0;
    while let Some(found) = lower[at..].find("href=") {
        at += found + "href=".len();
        let rest = &html[at..];
        let Some(quote @ ('"' | '\'')) = rest.chars().next() else { continue };
        let Some(link) = rest[1..].split(quote).next() else { continue };
        names.extend(name(&unescaped(link)));
    }
    names.sort();
    names.dedup();
    names
}

fn name(link: &str) -> Option<String> {
    let decoded = crate::storage::location::decoded_bytes(link.strip_prefix("./").unwrap_or(link))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let component = decoded.strip_suffix('/').unwrap_or(&decoded);
    (!component.contains('/') && Key::new(component).is_some()).then_some(decoded)
}

/// Text of XML or HTML with what `&amp;` and the like stand for.
fn unescaped(text: &str) -> String {
    let mut pieces = text.split('&');
    let mut out = pieces.next().unwrap_or("").to_owned();
    for piece in pieces {
        let (name, rest) = piece.split_once(';').unwrap_or(("", piece));
        let number = |name: &str| match name.strip_prefix("#x").or(name.strip_prefix("#X")) {
            Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok(),
            None => name.strip_prefix('#')?.parse().ok(),
        };
        let c = match name {
            "amp" => Some('&'),
            "lt" => Some('<'),
            "gt" => Some('>'),
            "quot" => Some('"'),
            "apos" => Some('\''),
            name => number(name).and_then(char::from_u32),
        };
        match c {
            Some(c) => out.extend([c.to_string().as_str(), rest]),
            None => out.extend(["&", piece]),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_keys() {
        let keys = lines("3 format\n70000 packs/data/00\n0 packs/data/01\n").unwrap();
        let keys: Vec<_> = keys.iter().map(|(key, size)| (key.as_str(), *size)).collect();
        assert_eq!(keys, [("format", 3), ("packs/data/00", 70000), ("packs/data/01", 0)]);
        assert_eq!(lines(""), Ok(vec![]));
        for hostile in [
            "3 ../../x",
            "3 /x",
            "x",
            "-1 a",
            "3 a\n3 a",
            "3 b\n3 a",
            "3  a",
            "<html>",
            "99999999999999999999 a",
        ] {
            assert!(lines(hostile).is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_page_of_a_bucket() {
        let xml = "<?xml version='1.0'?><ListBucketResult xmlns='x'><Prefix>p/</Prefix><IsTruncated>true</IsTruncated>\
            <Contents><Key>p/a&amp;b</Key><Size>3</Size></Contents><Contents><Key>p/&#x63;</Key><LastModified>x</LastModified>\
            <Size>4</Size></Contents><Contents><Key>no size</Key></Contents>\
            <NextContinuationToken>a&lt;b</NextContinuationToken></ListBucketResult>";
        let names = vec![("p/a&b".to_owned(), 3), ("p/c".to_owned(), 4)];
        assert_eq!(page(xml), Some(Page { names, next: Some("a<b".to_owned()) }));
        assert_eq!(page("<html>"), None);
    }

    #[test]
    fn an_index_of_python_nginx_or_apache() {
        let python =
            "<li><a href=\"a%25b\">a%b</a></li>\n<li><a href=\"packs/\">packs/</a></li><a href=\".hidden\">";
        assert_eq!(links(python), [".hidden", "a%b", "packs/"]);
        let nginx = "<a href=\"../\">../</a>\r\n<a href=\"format\">format</a>   26-Nov-2026 10:00    3";
        assert_eq!(links(nginx), ["format"]);
        let apache = "<A HREF='?C=N;O=D'>Name</A><a href=\"/parent/\">Parent Directory</a><a href='refs/'>";
        assert_eq!(links(apache), ["refs/"]);
        let hostile = "<a href=\"../../x\"><a href=\"/etc/passwd\"><a href=\"http://h/x\"><a href=\"a/b\"><a href=\"%2e%2e/\">\
            <a href=\"..%2f..%2fx\"><a href=\"javascript:x\"><a href=\"a\"><a href=\"./a\"><a href=x><a href=\"";
        assert_eq!(links(hostile), ["a"]);
    }
}
