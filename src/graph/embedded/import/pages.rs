//! The array of pages, read on a thread of its own and handed over one page after the other.
//!
//! The text of a page is cut out before it is parsed: a parser is several times as fast on a text that it has whole.

use std::fmt;
use std::io::{self, BufRead};
use std::sync::mpsc::SyncSender;

use memchr::{memchr_iter, memchr2, memrchr};
use serde::de::{Deserialize as _, Deserializer as _, IgnoredAny, MapAccess, Visitor};
use serde_json::Deserializer;

use super::export::{LEVELS, Node};
use crate::lenient_json;

/// A page of the export.
pub(super) struct Page {
    pub(super) node: Node,
    /// Where it ends.
    pub(super) end: Place,
}

/// A place in the export.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    /// Counted from 1.
    pub(super) line: usize,
    /// Counted from 1; 0 is before the first.
    pub(super) column: usize,
    /// Bytes up to here.
    pub(super) bytes: u64,
}

/// Why there is no next page.
#[derive(Debug)]
pub(super) enum Trouble {
    Unreadable(io::Error),
    Malformed { line: usize, column: usize, page: Option<String>, problem: String },
}

/// How many places there are for pages that are read and not yet stored, which bounds the memory: a page takes one, and
/// another for each MiB of its text.
pub(super) const WAITING: usize = 16;
/// Brackets within each other: two for each level of an outline, and some for what hangs on its last blocks.
const BRACKETS: usize = 2 * LEVELS + 12;

/// Reads an array to its end, or until nobody takes the pages any more.
pub(super) fn read(text: impl BufRead, to: &SyncSender<Option<Page>>) -> Result<(), Trouble> {
    let mut array = Array { text, at: Place { line: 1, column: 0, bytes: 0 } };
    if array.peek()? != Some(b'[') {
        return Err(array.trouble("expected an array of pages"));
    }
    array.skip(1);
    let mut page = Vec::new();
    let mut last = array.peek()? == Some(b']');
    while !last {
        if matches!(array.peek()?, Some(b',' | b']')) {
            return Err(array.trouble("a page is missing here"));
        }
        let start = array.at;
        page.clear();
        array.element(&mut page)?;
        let next = array.peek()?;
        let node = node(&page).map_err(|error| start.malformed(&error, next.is_none(), &page))?;
        last = match next {
            Some(b',') => false,
            Some(_) => true,
            None => return Err(array.trouble(CUT)),
        };
        let more = (page.len() >> 20).min(WAITING - 1);
        let places = std::iter::repeat_with(|| None).take(more).chain([Some(Page { node, end: array.at })]);
        for place in places {
            if to.send(place).is_err() {
                return Ok(());
            }
        }
        if !last {
            array.skip(1);
        }
    }
    array.skip(1);
    match array.peek()? {
        None => Ok(()),
        Some(_) => Err(array.trouble("trailing characters")),
    }
}

/// Reads a page. Half an emoji, as JavaScript writes it for a text that was cut, becomes U+FFFD.
fn node(page: &[u8]) -> serde_json::Result<Node> {
    let parse = |page: &[u8]| {
        let mut parser = Deserializer::from_slice(page);
        // The depth was counted already.
        parser.disable_recursion_limit();
        let node = Node::deserialize(&mut parser)?;
        parser.end().map(|()| node)
    };
    parse(page).or_else(|error| match std::str::from_utf8(page) {
        Ok(_) => parse(lenient_json::mended(page).as_bytes()).map_err(|_| error),
        Err(_) => Err(error),
    })
}

/// The title of a page that cannot be read whole.
fn title(page: &[u8]) -> Option<String> {
    struct Start<'a>(&'a mut Option<String>);
    impl<'de> Visitor<'de> for Start<'_> {
        type Value = ();

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a page")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key::<String>()? {
                if matches!(key.as_str(), "title" | ":node/title") {
                    *self.0 = map.next_value()?;
                } else {
                    map.next_value::<IgnoredAny>()?;
                }
            }
            Ok(())
        }
    }
    let mut found = None;
    // It cannot be read to its end, and need not.
    let _ = Deserializer::from_slice(page).deserialize_map(Start(&mut found));
    found
}

const CUT: &str = "the file ends in the middle; was it copied whole?";

/// The text of an array. It is looked at only as far as is needed to tell its elements apart.
struct Array<R> {
    text: R,
    /// The end of what was taken.
    at: Place,
}

impl<R: BufRead> Array<R> {
    /// Takes an element, up to the comma or bracket behind it, which is left.
    fn element(&mut self, into: &mut Vec<u8>) -> Result<(), Trouble> {
        let (mut depth, mut text, mut escaped) = (0_usize, false, false);
        loop {
            let ready = self.text.fill_buf().map_err(Trouble::Unreadable)?;
            let mut at = 0;
            let mut ended = ready.is_empty();
            let mut too_deep = false;
            while at < ready.len() && !ended && !too_deep {
                if escaped {
                    escaped = false;
                } else if text {
                    match memchr2(b'"', b'\\', &ready[at..]) {
                        None => at = ready.len() - 1,
                        Some(skipped) => {
                            at += skipped;
                            escaped = ready[at] == b'\\';
                            text = escaped;
                        }
                    }
                } else {
                    match ready[at] {
                        b'"' => text = true,
                        b'{' | b'[' if depth == BRACKETS => too_deep = true,
                        b'{' | b'[' => depth += 1,
                        b',' | b']' if depth == 0 => ended = true,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                }
                at += usize::from(!ended && !too_deep);
            }
            into.extend_from_slice(&ready[..at]);
            self.skip(at);
            if too_deep {
                let (Place { line, column, .. }, page) = (self.at, title(into));
                let problem = format!("blocks nest deeper than {LEVELS} levels");
                return Err(Trouble::Malformed { line, column: column + 1, page, problem });
            }
            if ended {
                return Ok(());
            }
        }
    }

    /// The next byte that is no space. `None` at the end of the file.
    fn peek(&mut self) -> Result<Option<u8>, Trouble> {
        loop {
            let ready = self.text.fill_buf().map_err(Trouble::Unreadable)?;
            let next = ready.iter().position(|byte| !byte.is_ascii_whitespace());
            match next {
                _ if ready.is_empty() => return Ok(None),
                Some(at) => {
                    let found = ready[at];
                    self.skip(at);
                    return Ok(Some(found));
                }
                None => {
                    let all = ready.len();
                    self.skip(all);
                }
            }
        }
    }

    /// Takes bytes that are ready.
    fn skip(&mut self, count: usize) {
        let Ok(ready) = self.text.fill_buf() else { return };
        let taken = &ready[..count];
        self.at.column += count;
        if let Some(last) = memrchr(b'\n', taken) {
            self.at.line += memchr_iter(b'\n', taken).count();
            self.at.column = count - last - 1;
        }
        self.at.bytes += count as u64;
        self.text.consume(count);
    }

    /// Trouble with the next byte.
    fn trouble(&self, problem: &str) -> Trouble {
        Trouble::Malformed { line: self.at.line, column: self.at.column + 1, page: None, problem: problem.into() }
    }
}

impl Place {
    /// Trouble within what begins here.
    fn malformed(self, error: &serde_json::Error, at_the_end: bool, page: &[u8]) -> Trouble {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        // The place is told apart from the problem.
        let problem = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
        let problem = if error.is_eof() && at_the_end { CUT } else { problem };
        let column = if line == 1 { self.column + column } else { column };
        Trouble::Malformed { line: self.line + line - 1, column, page: title(page), problem: problem.into() }
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;
    use std::sync::mpsc::sync_channel;

    use super::*;

    fn titles(text: &str, buffer: usize) -> Result<Vec<String>, (usize, usize, String)> {
        let (to, pages) = sync_channel(100);
        let read = read(BufReader::with_capacity(buffer, text.as_bytes()), &to);
        drop(to);
        let titles = pages.iter().flatten().map(|page| page.node.title.unwrap_or_default()).collect();
        match read {
            Ok(()) => Ok(titles),
            Err(Trouble::Malformed { line, column, problem, .. }) => Err((line, column, problem)),
            Err(Trouble::Unreadable(error)) => panic!("{error}"),
        }
    }

    #[test]
    fn pages_are_told_apart_wherever_the_buffer_ends() {
        let text = r#" [ {"title": "a,]}\\"},{"title":"\"{[","children":[{"string":"}],"}]} , {"title":"日本"} ] "#;
        for buffer in 1..40 {
            assert_eq!(titles(text, buffer).unwrap(), ["a,]}\\", "\"{[", "日本"], "{buffer}");
            assert_eq!(titles("[]", buffer).unwrap(), [""; 0]);
        }
    }

    #[test]
    fn trouble_is_told_with_its_place() {
        let table = [
            ("\n {}", 2, 2, "expected an array of pages"),
            ("[{}] x", 1, 6, "trailing characters"),
            ("[{},\n{},\n {\"title\":5}]", 3, 11, "invalid type: integer `5`, expected a string"),
            ("[{}, {}", 1, 8, CUT),
            ("[{\"title\": \"", 1, 12, CUT),
            ("[{}, tru]", 1, 8, "EOF while parsing a value"),
            ("[{},]", 1, 5, "a page is missing here"),
            ("[,{}]", 1, 2, "a page is missing here"),
            ("[{} {}]", 1, 5, "trailing characters"),
        ];
        for (text, line, column, problem) in table {
            let (found_line, found_column, found) = titles(text, 8).unwrap_err();
            assert_eq!((found_line, found_column), (line, column), "{text:?}: {found}");
            assert!(found.contains(problem), "{text:?}: {found}");
        }
    }
}
