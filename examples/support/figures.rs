//! A table of figures, printed and written where a document has a place for it.

use std::fmt::Write as _;
use std::{fs, io};

/// The figures of one benchmark.
pub(crate) struct Figures {
    section: &'static str,
    rows: String,
}

impl Figures {
    /// None yet. The document has a line `<!-- <section>: begin … -->` and a line `<!-- <section>: end -->`.
    pub(crate) fn of(section: &'static str) -> Self {
        Self { section, rows: "| what | measured | bar | |\n|---|---|---|---|\n".into() }
    }

    /// Adds a row, and prints it at once.
    pub(crate) fn row(&mut self, what: &str, measured: &str, bar: &str, met: bool) {
        let verdict = if met { "met" } else { "missed" };
        println!("{what}: {measured} (bar: {bar}, {verdict})");
        // A string takes everything.
        let _ = writeln!(self.rows, "| {what} | {measured} | {bar} | {verdict} |");
    }

    /// Puts the table in the place of the one in `document`, if there is one to write to.
    pub(crate) fn write(self, document: Option<&str>) -> io::Result<()> {
        let Some(document) = document else { return Ok(()) };
        let text = fs::read_to_string(document)?;
        let missing = || io::Error::other(format!("{document} has no place for {}", self.section));
        let (begin, end) = (format!("<!-- {}: begin", self.section), format!("<!-- {}: end -->", self.section));
        let at = text.find(&begin).ok_or_else(missing)?;
        let from = at + text[at..].find('\n').ok_or_else(missing)? + 1;
        let to = from + text[from..].find(&end).ok_or_else(missing)?;
        let date = jiff::Zoned::now().date();
        fs::write(document, format!("{}\n{date}\n\n{}\n{}", &text[..from], self.rows, &text[to..]))
    }
}
