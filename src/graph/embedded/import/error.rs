//! Why an export was not loaded.

use std::io;
use std::path::PathBuf;

use super::Changes;
use crate::graph::embedded::OpenError;

/// Nothing was loaded. The text says where it went wrong and what to do. It has the words of the system in it, so these are
/// not its source as well: whoever tells the whole story would tell them twice.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The export cannot be read.
    #[error("cannot read the export {path}: {reason}", path = path.display())]
    Unreadable {
        /// The export.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
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
    #[error("{path}, line {line}, column {column}{place}: {problem}; {HOW_TO_EXPORT}", path = path.display(), place = near(page.as_ref()))]
    Malformed {
        /// The export.
        path: PathBuf,
        /// Where the trouble was seen, counted from 1.
        line: usize,
        /// Where in the line.
        column: usize,
        /// The page it is in, or comes after.
        page: Option<Near>,
        /// What is wrong there.
        problem: String,
    },
    /// The database is there already.
    #[error("{path} exists already and may hold edits that the export does not have; `roam-mcp import FILE --update` loads the export again and keeps them, `--replace` drops them", path = path.display())]
    Exists {
        /// The database, or what SQLite left beside it.
        path: PathBuf,
    },
    /// The graph was worked on here, and nobody said what is to become of that.
    #[error("the graph in {path} was worked on here since its export was loaded ({changes}, in pages and blocks); --update keeps what was added and takes the rest from the export, --replace drops it all", path = path.display())]
    Changed {
        /// The database.
        path: PathBuf,
        /// What was done to it.
        changes: Changes,
    },
    /// Another process holds the write lock of the database.
    #[error("another program is writing to {path}, and nothing was changed; try again, or stop `roam-mcp` where it serves this graph", path = path.display())]
    Busy {
        /// The database.
        path: PathBuf,
    },
    /// There is something else under the name of the database.
    #[error(transparent)]
    NotReplaced(OpenError),
    /// The database cannot be written.
    #[error("cannot write the database {path}: {reason}", path = path.display())]
    Unwritable {
        /// The database.
        path: PathBuf,
        /// What the system said.
        reason: io::Error,
    },
    /// SQLite could not store the export.
    #[error("cannot store the export in {path}: {reason}", path = path.display())]
    Database {
        /// The database.
        path: PathBuf,
        /// What SQLite said.
        reason: rusqlite::Error,
    },
}

const HOW_TO_EXPORT: &str = "in Roam choose Export All, format JSON or EDN, and name the file that it gives you";

/// Where trouble is, as far as pages have been read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Near {
    /// In the page of this title.
    In(String),
    /// After the page of this title, the last one that was read whole.
    After(String),
}

fn near(page: Option<&Near>) -> String {
    match page {
        None => String::new(),
        Some(Near::In(title)) => format!(", in the page {title:?}"),
        Some(Near::After(title)) => format!(", after the page {title:?}"),
    }
}
