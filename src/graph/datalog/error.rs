//! What a query can be refused for.

use std::fmt;
use std::time::Duration;

/// Why a query has no answer. The message is for whoever wrote the query.
#[derive(Debug, thiserror::Error)]
pub(crate) enum QueryError {
    /// The query, or the rules that came with it, cannot be understood.
    #[error("{problem} ({at})")]
    Wrong {
        /// What is wrong, and what would be right.
        problem: String,
        /// Where.
        at: Position,
    },
    /// An input does not fit what `:in` says about it.
    #[error("Input {number}: {problem}")]
    Input {
        /// Which one, counted from 1 without `$`.
        number: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// It took too long.
    #[error(
        "The query took longer than {} ms. Begin from a page, a uid or a reference, or allow more with `:timeout`.",
        .0.as_millis()
    )]
    TimeLimit(Duration),
    /// The result has too many rows.
    #[error("The result has more than {0} rows. Ask for less, or count with `(count ?x)`.")]
    RowLimit(usize),
    /// What had to be remembered on the way was too much.
    #[error(
        "The query needs more than {} MiB on the way to its result. Join its parts by a common variable, or begin from \
         a page, a uid or a reference.",
        .0 >> 20
    )]
    MemoryLimit(usize),
    /// Values that cannot be added up.
    #[error("An aggregate {0}")]
    Aggregate(String),
    /// A recursive pull went too deep.
    #[error("The pull goes deeper than {0} levels. Give it a depth instead of `...`.")]
    DepthLimit(usize),
    /// SQLite failed.
    #[error("the graph's database failed: {0}")]
    Database(rusqlite::Error),
}

/// A place in a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// Counted from 1.
    pub(crate) line: u32,
    /// Counted from 1, in characters.
    pub(crate) column: u32,
    /// In which text.
    pub(crate) text: Text,
}

/// The texts that a query is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Text {
    /// The query itself.
    Query,
    /// The rules for `%`.
    Rules,
    /// The rules that are always there.
    BuiltIn,
}

impl Position {
    /// Where a text begins.
    pub(super) fn start(text: Text) -> Self {
        Self { line: 1, column: 1, text }
    }

    /// An error about this place.
    pub(super) fn wrong(self, problem: impl Into<String>) -> QueryError {
        QueryError::Wrong { problem: problem.into(), at: self }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self.text {
            Text::Query => "query",
            Text::Rules => "rules",
            Text::BuiltIn => "built-in rules",
        };
        write!(f, "line {}, column {} of the {text}", self.line, self.column)
    }
}

impl From<rusqlite::Error> for QueryError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(error)
    }
}
