//! The texts of referenced blocks, as they stand behind each `((uid))` that is shown.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension as _};

use crate::graph::markup::{block_references, code_spans};

/// A preview says which block is meant; whoever wants to read it asks for it.
const PREVIEW_CHARS: usize = 200;
/// References within previews are spelled out this deep. Blocks may refer to each other in circles.
const PREVIEW_DEPTH: usize = 2;

/// The previews of one answer. Each is made once, however often its block is named.
pub(super) struct Previews<'db> {
    db: &'db Connection,
    made: HashMap<(String, usize), Option<String>>,
}

impl<'db> Previews<'db> {
    pub(super) fn new(db: &'db Connection) -> Self {
        Self { db, made: HashMap::new() }
    }

    /// Puts the text of each referenced block behind its `((uid))`.
    pub(super) fn add_to(&mut self, text: &str) -> rusqlite::Result<String> {
        let code = code_spans(text);
        let mut shown = String::with_capacity(text.len());
        let mut done = 0;
        for uid in block_references(text, &code) {
            let whole = uid.start - 2..uid.end + 2;
            let aliased = text[..whole.start].ends_with("](");
            if !aliased && let Some(preview) = self.preview(&text[uid], PREVIEW_DEPTH)? {
                shown.push_str(&text[done..whole.end]);
                shown.push_str(&format!("<ref>{}</ref>", sanitized(&preview)));
                done = whole.end;
            }
        }
        shown.push_str(&text[done..]);
        Ok(shown)
    }

    /// The text of a block on one line, references spelled out; `None` if there is no such block to be seen.
    fn preview(&mut self, uid: &str, depth: usize) -> rusqlite::Result<Option<String>> {
        let key = (uid.to_owned(), depth);
        if let Some(made) = self.made.get(&key) {
            return Ok(made.clone());
        }
        let found = self
            .db
            .prepare_cached("SELECT text FROM node WHERE uid = ?1 AND NOT hidden")?
            .query_row([uid], |row| row.get::<_, String>(0))
            .optional()?;
        let preview = found.map(|text| self.spelled_out(&text, depth)).transpose()?;
        self.made.insert(key, preview.clone());
        Ok(preview)
    }

    fn spelled_out(&mut self, text: &str, depth: usize) -> rusqlite::Result<String> {
        let code = code_spans(text);
        let mut line = OneLine::default();
        let mut done = 0;
        for uid in block_references(text, &code) {
            if line.is_full() {
                break;
            }
            line.push(&text[done..uid.start - 2]);
            done = uid.end + 2;
            let inner = if depth > 0 { self.preview(&text[uid], depth - 1)? } else { None };
            line.push(inner.as_deref().unwrap_or("…"));
        }
        line.push(&text[done..]);
        Ok(line.finish())
    }
}

/// A text that is put on one line, as far as a preview goes.
#[derive(Default)]
struct OneLine {
    text: String,
    chars: usize,
    space: bool,
}

impl OneLine {
    fn is_full(&self) -> bool {
        self.chars > PREVIEW_CHARS
    }

    fn push(&mut self, text: &str) {
        for c in text.chars() {
            if self.is_full() {
                return;
            }
            if c.is_whitespace() {
                self.space = !self.text.is_empty();
                continue;
            }
            if std::mem::take(&mut self.space) {
                self.text.push(' ');
                self.chars += 1;
            }
            self.text.push(c);
            self.chars += 1;
        }
    }

    fn finish(self) -> String {
        match self.text.char_indices().nth(PREVIEW_CHARS) {
            Some((end, _)) => format!("{}…", &self.text[..end]),
            None => self.text,
        }
    }
}

/// A preview must not end its own tag, nor open code in the line around it, nor look like a reference.
fn sanitized(preview: &str) -> String {
    preview.replace("</ref>", "&lt;/ref>").replace('`', "&#96;")
}
