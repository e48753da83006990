//! How much of a graph a caller may touch.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Roam's own access levels, least first: each one includes those before it.
///
/// The names are the ones Roam shows when it hands out a Local API token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Read pages and blocks, search, query.
    ReadOnly,
    /// Read, and add new pages and blocks; nothing that exists is changed.
    ReadAppend,
    /// Read, add, change, move and delete.
    Full,
}

impl Level {
    /// The name used in configuration, grants and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::ReadAppend => "read-append",
            Self::Full => "full",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn each_level_includes_those_before_it() {
        assert!(Level::ReadOnly < Level::ReadAppend && Level::ReadAppend < Level::Full);
    }

    #[test]
    fn the_written_name_is_the_serialized_name() {
        for level in [Level::ReadOnly, Level::ReadAppend, Level::Full] {
            assert_eq!(serde_json::to_value(level).unwrap(), level.as_str());
        }
    }
}
