//! Markdown as an outline: which blocks a text becomes.

mod lines;
#[cfg(test)]
mod tests;

use super::annotations::without_annotations;
use super::emphasis::with_roam_italics;
use lines::{Kind, Line, Lines};

/// A block to be made. The tree is flat, as a list with depths, so that no nesting of a text can exhaust the stack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Draft {
    /// Levels below the place where the text goes; at most one more than that of the draft before.
    pub(super) depth: usize,
    pub(super) text: String,
    /// 1 to 3.
    pub(super) heading: Option<u8>,
}

/// Reads a text as Roam does when it creates blocks from markdown.
///
/// Nested lists nest. What follows a heading nests below it, unless the heading is itself an item of a list. A
/// paragraph, a fenced code, an item of a numbered list is a block, and a table becomes Roam's `{{[[table]]}}`.
pub(super) fn outline(markdown: &str) -> Vec<Draft> {
    let text = without_annotations(&markdown.replace("\r\n", "\n").replace('\r', "\n"));
    let mut builder = Builder::default();
    for line in Lines::new(&text) {
        builder.add(line);
    }
    for draft in &mut builder.drafts {
        draft.text = with_roam_italics(&draft.text);
    }
    builder.drafts
}

/// What has been read so far.
#[derive(Default)]
struct Builder {
    drafts: Vec<Draft>,
    /// Levels of the headings that what follows nests below.
    headings: Vec<u8>,
    /// The items of lists that what follows may belong to.
    items: Vec<Item>,
    last: Last,
    /// Whether a blank line came just before.
    gap: bool,
}

struct Item {
    indent: usize,
    /// Column of its text.
    content: usize,
}

/// What the last draft was, which decides whether a line of text continues it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Last {
    Item,
    Paragraph,
    #[default]
    Closed,
}

impl Builder {
    fn add(&mut self, line: Line<'_>) {
        let Line { indent, kind } = line;
        match kind {
            Kind::Blank => {
                self.gap = true;
                return;
            }
            Kind::Item { marker, text } => {
                while self.items.last().is_some_and(|item| item.indent >= indent) {
                    self.items.pop();
                }
                let depth = self.depth();
                self.items.push(Item { indent, content: indent + marker });
                let (heading, text) = heading(&text).map_or((None, &*text), |(level, title)| (Some(level), title));
                self.draft(depth, text.to_owned(), heading, Last::Item);
            }
            Kind::Heading { level, title } => {
                self.items.clear();
                while self.headings.last().is_some_and(|open| *open >= level) {
                    self.headings.pop();
                }
                self.draft(self.headings.len(), title.to_owned(), Some(level), Last::Closed);
                self.headings.push(level);
            }
            Kind::Table(rows) => {
                self.leave_items(indent);
                let depth = self.depth();
                self.draft(depth, "{{[[table]]}}".to_owned(), None, Last::Closed);
                for row in rows {
                    // Each cell is the child of the one before it.
                    for (column, cell) in row.into_iter().enumerate() {
                        self.draft(depth + 1 + column, cell, None, Last::Closed);
                    }
                }
            }
            Kind::Rule(text) => {
                self.leave_items(indent);
                self.draft(self.depth(), text.to_owned(), None, Last::Closed);
            }
            Kind::Fence(text) => self.text(indent, &text, true),
            Kind::Text(text) => self.text(indent, text, false),
        }
        self.gap = false;
    }

    /// A line of text, or fenced code: part of what came before it, or a block of its own.
    fn text(&mut self, indent: usize, text: &str, code: bool) {
        let left = self.leave_items(indent);
        let continues = match self.last {
            Last::Item => !left && !self.items.is_empty(),
            Last::Paragraph => !left && !self.gap && !code,
            Last::Closed => false,
        };
        match self.drafts.last_mut().filter(|_| continues) {
            Some(draft) => {
                if !draft.text.is_empty() {
                    draft.text.push_str(if self.gap { "\n\n" } else { "\n" });
                }
                if self.last == Last::Item {
                    let content = self.items.last().map_or(0, |item| item.content);
                    draft.text.push_str(&" ".repeat(indent.saturating_sub(content)));
                }
                draft.text.push_str(text);
            }
            None => {
                let last = if code { Last::Closed } else { Last::Paragraph };
                self.draft(self.depth(), text.to_owned(), None, last);
            }
        }
    }

    /// Leaves the items that a line at this column does not belong to, and tells whether there were any.
    fn leave_items(&mut self, indent: usize) -> bool {
        let before = self.items.len();
        while self.items.last().is_some_and(|item| item.content > indent) {
            self.items.pop();
        }
        self.items.len() < before
    }

    fn depth(&self) -> usize {
        self.headings.len() + self.items.len()
    }

    fn draft(&mut self, depth: usize, text: String, heading: Option<u8>, last: Last) {
        self.drafts.push(Draft { depth, text, heading });
        self.last = last;
    }
}

/// `## Title` as its level and its text. Roam has three levels; deeper ones are shown like the third.
fn heading(line: &str) -> Option<(u8, &str)> {
    let title = line.trim_start_matches('#');
    let level = match line.len() - title.len() {
        1 => 1,
        2 => 2,
        3..=6 => 3,
        _ => return None,
    };
    // The signs may stand behind the title once more.
    let open = title.trim_end().trim_end_matches('#');
    let title = if open.is_empty() || open.ends_with(' ') { open } else { title };
    (title.is_empty() || title.starts_with(' ')).then(|| (level, title.trim()))
}
