//! The array of pages, read on a thread of its own and handed over one page after the other.
//!
//! The text of a page is cut out before it is parsed: a parser is several times as fast on a text that it has whole.

use std::io::{self, BufRead};
use std::sync::mpsc::SyncSender;

use memchr::{memchr_iter, memchr2, memrchr};

use super::export::Node;

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
    Malformed { line: usize, column: usize, problem: String },
}

/// Reads an array to its end, or until nobody takes the pages any more.
pub(super) fn read(text: impl BufRead, to: &SyncSender<Page>) -> Result<(), Trouble> {
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
        let node = serde_json::from_slice(&page).map_err(|error| start.malformed(&error, next.is_none()))?;
        last = match next {
            Some(b',') => false,
            Some(_) => true,
            None => return Err(array.trouble(CUT)),
        };
        if to.send(Page { node, end: array.at }).is_err() {
            return Ok(());
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
            while at < ready.len() && !ended {
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
                        b'{' | b'[' => depth += 1,
                        b',' | b']' if depth == 0 => ended = true,
                        b'}' | b']' => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                }
                at += usize::from(!ended);
            }
            into.extend_from_slice(&ready[..at]);
            self.skip(at);
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
        Trouble::Malformed { line: self.at.line, column: self.at.column + 1, problem: problem.into() }
    }
}

impl Place {
    /// Trouble within what begins here.
    fn malformed(self, error: &serde_json::Error, at_the_end: bool) -> Trouble {
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        // The place is told apart from the problem.
        let problem = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text);
        let problem = if error.is_eof() && at_the_end { CUT } else { problem };
        let column = if line == 1 { self.column + column } else { column };
        Trouble::Malformed { line: self.line + line - 1, column, problem: problem.into() }
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
        let titles = pages.iter().map(|page| page.node.title.unwrap_or_default()).collect();
        match read {
            Ok(()) => Ok(titles),
            Err(Trouble::Malformed { line, column, problem }) => Err((line, column, problem)),
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
