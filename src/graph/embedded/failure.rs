//! What can go wrong inside the embedded graph, and what the caller gets to know of it.

use rusqlite::ErrorCode as Sqlite;

use super::bound::LONGEST;
use crate::graph::{ErrorCode, GraphError};

#[derive(Debug)]
pub(super) enum Failure {
    /// The call asks for something that cannot be; the text is for the caller.
    Refused(GraphError),
    /// SQLite could not do its work.
    Database(rusqlite::Error),
    /// The system gave no random bytes for a uid.
    Random(getrandom::Error),
    /// The read took longer than it may.
    Late,
    /// The work was cut off, by a panic or because the program is shutting down.
    Stopped,
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        Self::Refused(error)
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}

impl From<getrandom::Error> for Failure {
    fn from(error: getrandom::Error) -> Self {
        Self::Random(error)
    }
}

impl Failure {
    /// Puts the whole story in the log and returns the part that is for the caller.
    pub(super) fn report(self) -> GraphError {
        let told = match self {
            Self::Refused(error) => return error,
            Self::Late => {
                let told = format!(
                    "This took longer than {} seconds and was given up. Ask for less: rarer words, a smaller `limit` or \
                     `maxDepth`, or conditions that fewer blocks meet.",
                    LONGEST.as_secs()
                );
                return GraphError::new(ErrorCode::TIMEOUT, told);
            }
            Self::Database(error) => {
                tracing::error!(%error, "the graph's database failed");
                match error.sqlite_error_code() {
                    Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => {
                        "Another program is writing to this graph. Nothing was changed; try again in a moment."
                    }
                    Some(Sqlite::DiskFull) => "The disk that holds this graph is full. Nothing was changed.",
                    Some(Sqlite::DatabaseCorrupt | Sqlite::NotADatabase) => {
                        "The file that holds this graph is damaged, as by a failing disk or a copy made while it was written. \
                         Load the export again with `roam-mcp import FILE --replace`, or put a copy of the file in its place; \
                         `roam-mcp export` may still read what was added here."
                    }
                    Some(Sqlite::ReadOnly) => "The file that holds this graph cannot be written. Nothing was changed.",
                    _ => {
                        // The words of SQLite for the kind of trouble, without names of files.
                        let why = match &error {
                            rusqlite::Error::SqliteFailure(kind, _) => format!(": {kind}"),
                            _ => String::new(),
                        };
                        return GraphError::new(
                            ErrorCode::INTERNAL_ERROR,
                            format!("The graph's database failed{why}."),
                        );
                    }
                }
            }
            Self::Random(error) => {
                tracing::error!(%error, "no random bytes for a uid");
                "The server has no randomness to make a uid with. Nothing was changed."
            }
            Self::Stopped => "The call was cut off. Read what it was to change before you try again.",
        };
        GraphError::new(ErrorCode::INTERNAL_ERROR, told)
    }
}

/// A refusal because the call makes no sense as it stands.
pub(super) fn invalid(message: impl Into<String>) -> Failure {
    GraphError::new(ErrorCode::VALIDATION_ERROR, message).into()
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    #[test]
    fn a_damaged_file_is_named_with_what_to_do_and_other_trouble_without_a_path() {
        let told = |code| {
            let words = Some("/home/ann/graph.sqlite".to_owned());
            Failure::Database(rusqlite::Error::SqliteFailure(ffi::Error::new(code), words)).report().message
        };
        assert!(told(ffi::SQLITE_CORRUPT).contains("is damaged") && told(ffi::SQLITE_NOTADB).contains("--replace"));
        assert!(told(ffi::SQLITE_IOERR).contains("I/O") && !told(ffi::SQLITE_IOERR).contains("/home"));
        assert_eq!(Failure::Late.report().code, Some(ErrorCode::TIMEOUT));
    }
}
