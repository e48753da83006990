//! A text cut into what its lines are, each for itself.

use super::heading;

/// A line, or lines that belong together, with the column they begin at.
pub(super) struct Line<'a> {
    pub(super) indent: usize,
    pub(super) kind: Kind<'a>,
}

pub(super) enum Kind<'a> {
    Blank,
    /// An item of a list. A number stays in the text; `marker` is the width of what stands before the text.
    Item {
        marker: usize,
        text: String,
    },
    Heading {
        level: u8,
        title: &'a str,
    },
    /// Code between fences, in one piece, as Roam stores it.
    Fence(String),
    /// The cells of each row.
    Table(Vec<Vec<String>>),
    /// `---`
    Rule(&'a str),
    Text(&'a str),
}

pub(super) struct Lines<'a> {
    lines: Vec<&'a str>,
    next: usize,
    /// Length of the shortest fence of each sign known to have no end, so that a text full of them is not searched again and
    /// again.
    endless: [usize; 2],
}

impl<'a> Lines<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { lines: text.split('\n').collect(), next: 0, endless: [usize::MAX; 2] }
    }

    /// Takes fenced code that begins with `first`, whose text stands at `column`.
    fn fence(&mut self, first: &str, column: usize) -> Option<String> {
        let sign = if first.starts_with('~') { '~' } else { '`' };
        let info = first.trim_start_matches(sign);
        let length = first.len() - info.len();
        let endless = &mut self.endless[usize::from(sign == '~')];
        if length < 3 || length >= *endless || info.contains('`') {
            return None;
        }
        let signs = &first[..length];
        let ends = |line: &&str| match sign {
            '~' => line.trim().starts_with(signs) && line.trim().chars().all(|c| c == sign),
            _ => line.trim_end().ends_with(signs),
        };
        let Some(count) = self.lines[self.next..].iter().position(ends) else {
            *endless = length;
            return None;
        };
        let lines = &self.lines[self.next..=self.next + count];
        self.next += count + 1;
        let lines = lines.iter().map(|line| dedented(line, column));
        Some(match sign {
            '~' => code(info, &lines.take(count).collect::<Vec<_>>().join("\n")),
            _ => fenced(first, lines, count),
        })
    }

    /// Takes a table that begins with `first`.
    fn table(&mut self, first: &str) -> Option<Vec<Vec<String>>> {
        let separator = self.lines.get(self.next)?.trim();
        let is_rule = |cell: &String| cell.contains('-') && cell.chars().all(|c| matches!(c, '-' | ':'));
        let is_separator = separator.contains(['|', ':']) || separator.contains("--");
        let is_separator = is_separator && cells(separator).iter().all(is_rule);
        if !first.starts_with('|') || !is_separator {
            return None;
        }
        self.next += 1;
        let mut rows = vec![cells(first)];
        while let Some(line) = self.lines.get(self.next).map(|line| line.trim()).filter(|line| line.starts_with('|')) {
            rows.push(cells(line));
            self.next += 1;
        }
        Some(rows)
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let line = *self.lines.get(self.next)?;
        self.next += 1;
        let text = line.trim();
        let indent = indent(line);
        let kind = if text.is_empty() {
            Kind::Blank
        } else if matches!(text, "---" | "***" | "___") {
            Kind::Rule(text)
        } else if let Some((marker, content)) = item(text) {
            let before = line.len() - line.trim_start().len() + text.len() - content.len();
            let code = self.fence(content, width(&line[..before]));
            Kind::Item { marker, text: code.unwrap_or_else(|| content.to_owned()) }
        } else if let Some((level, title)) = heading(text) {
            Kind::Heading { level, title }
        } else if let Some(code) = self.fence(text, indent) {
            Kind::Fence(code)
        } else if let Some(rows) = self.table(text) {
            Kind::Table(rows)
        } else {
            Kind::Text(text)
        };
        Some(Line { indent, kind })
    }
}

/// Code between fences as Roam stores it: with the closing fence right behind the last line of code. `closing` is the number
/// of the line with that fence.
fn fenced<'a>(first: &str, lines: impl Iterator<Item = &'a str>, closing: usize) -> String {
    let mut text = format!("{}\n", first.trim_end());
    for (number, line) in lines.enumerate() {
        let line = if number == closing { line.trim_end() } else { line };
        let closing = number == closing && line.trim_start().starts_with('`');
        // Behind a backtick the fence would be a longer run.
        if number > 0 && (!closing || text.ends_with('`')) {
            text.push('\n');
        }
        text.push_str(if closing { line.trim_start() } else { line });
    }
    text
}

/// Code that stood between `~~~`, which Roam does not know, between backticks that are in no line of it.
fn code(info: &str, code: &str) -> String {
    let longest = code.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let ticks = "`".repeat(3.max(longest + 1));
    let gap = if code.ends_with('`') { "\n" } else { "" };
    format!("{ticks}{}\n{code}{gap}{ticks}", info.trim())
}

/// An item's marker, as its width, and its text.
fn item(line: &str) -> Option<(usize, &str)> {
    if let Some(text) = line.strip_prefix(['-', '*', '+']) {
        return (text.is_empty() || text.starts_with([' ', '\t'])).then(|| (2, text.trim_start()));
    }
    // `1. ` and `1) ` stay in the text: Roam numbers the children of a block, not a block.
    let rest = line.trim_start_matches(|c: char| c.is_ascii_digit());
    let digits = line.len() - rest.len();
    let numbered = (1..=9).contains(&digits) && (rest.starts_with(". ") || rest.starts_with(") "));
    numbered.then_some((digits + 2, line))
}

/// The column of the first letter.
fn indent(line: &str) -> usize {
    width(&line[..line.len() - line.trim_start().len()])
}

/// The column behind a text. A tab goes to the next multiple of four.
fn width(text: &str) -> usize {
    text.chars().fold(0, |column, c| if c == '\t' { column / 4 * 4 + 4 } else { column + 1 })
}

/// A line without the whitespace before a column.
fn dedented(line: &str, column: usize) -> &str {
    let mut at = 0;
    for (start, c) in line.char_indices() {
        if at >= column || !c.is_whitespace() {
            return &line[start..];
        }
        at = if c == '\t' { at / 4 * 4 + 4 } else { at + 1 };
    }
    ""
}

/// The cells of a row. `\|` is a bar within a cell.
fn cells(row: &str) -> Vec<String> {
    let row = row.strip_prefix('|').unwrap_or(row);
    let mut cells = vec![String::new()];
    let mut chars = row.chars().peekable();
    while let Some(c) = chars.next() {
        match (c, cells.last_mut()) {
            ('\\', Some(cell)) if chars.next_if_eq(&'|').is_some() => cell.push('|'),
            ('|', _) => cells.push(String::new()),
            (c, Some(cell)) => cell.push(c),
            (_, None) => {}
        }
    }
    if cells.len() > 1 && cells.last().is_some_and(|cell| cell.trim().is_empty()) {
        cells.pop();
    }
    cells.iter().map(|cell| cell.trim().to_owned()).collect()
}
