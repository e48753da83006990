//! Why an export was not loaded.

use std::io;
use std::path::PathBuf;

use crate::graph::embedded::OpenError;

/// Nothing was loaded. The text says where it went wrong and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The export cannot be read.
    #[error("cannot read the export {path}: {source}", path = path.display())]
    Unreadable {
        /// The export.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The export is not a file.
    #[error("{path} is not a file; name the JSON file of the export itself", path = path.display())]
    NotAFile {
        /// What was named.
        path: PathBuf,
    },
    /// The export has no pages in it.
    #[error("{path} has no pages in it; {HOW_TO_EXPORT}", path = path.display())]
    Empty {
        /// The export.
        path: PathBuf,
    },
    /// It is a zip without an export, or one that is not sound.
    #[error("{path}: {problem}", path = path.display())]
    Zip {
        /// The zip.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The export is not what Roam writes.
    #[error("{path}, line {line}, column {column}{place}: {problem}; {HOW_TO_EXPORT}", path = path.display(), place = after(page.as_ref()))]
    Malformed {
        /// The export.
        path: PathBuf,
        /// Where the trouble was seen, counted from 1.
        line: usize,
        /// Where in the line.
        column: usize,
        /// Title of the last page that was read whole.
        page: Option<String>,
        /// What is wrong there.
        problem: String,
    },
    /// The database is there already.
    #[error("{path} exists already and may hold edits that the export does not have; move it away to load the export again", path = path.display())]
    Exists {
        /// The database, or what SQLite left beside it.
        path: PathBuf,
    },
    /// Something was added to the graph here, and nobody said what is to become of it.
    #[error("{added} pages and blocks were added here to the graph in {path} since its export was loaded; --update keeps them, --replace drops them", path = path.display())]
    Additions {
        /// The database.
        path: PathBuf,
        /// How much was added.
        added: u64,
    },
    /// There is something else under the name of the database.
    #[error("{0}")]
    NotReplaced(#[source] OpenError),
    /// The database cannot be written.
    #[error("cannot write the database {path}: {source}", path = path.display())]
    Unwritable {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// SQLite could not store the export.
    #[error("cannot store the export in {path}: {source}", path = path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        source: rusqlite::Error,
    },
}

const HOW_TO_EXPORT: &str = "in Roam choose Export All, format JSON or EDN, and name the file that it gives you";

fn after(page: Option<&String>) -> String {
    page.map(|title| format!(", after the page {title:?}")).unwrap_or_default()
}
