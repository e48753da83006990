//! What can go wrong inside the embedded graph, and what the caller gets to know of it.

use rusqlite::ErrorCode as Sqlite;

use crate::graph::{ErrorCode, GraphError};

#[derive(Debug)]
pub(super) enum Failure {
    /// The call asks for something that cannot be; the text is for the caller.
    Refused(GraphError),
    /// SQLite could not do its work.
    Database(rusqlite::Error),
    /// The system gave no random bytes for a uid.
    Random(getrandom::Error),
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
            Self::Database(error) => {
                tracing::error!(%error, "the graph's database failed");
                match error.sqlite_error_code() {
                    Some(Sqlite::DatabaseBusy | Sqlite::DatabaseLocked) => {
                        "Another program is writing to this graph. Nothing was changed; try again in a moment."
                    }
                    Some(Sqlite::DiskFull) => "The disk that holds this graph is full. Nothing was changed.",
                    Some(Sqlite::ReadOnly) => "The file that holds this graph cannot be written. Nothing was changed.",
                    _ => "The graph's database failed. The server's log has the reason.",
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
