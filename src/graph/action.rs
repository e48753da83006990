//! What can be asked of a graph, in the vocabulary of Roam's Local API.

use std::fmt;
use std::str::FromStr;

use super::{ErrorCode, GraphError};
use crate::access::Level;

/// One action of the Local API.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// `q`: a Datalog query, with its inputs after it.
    Query,
    /// `data.ai.search`: pages and blocks that contain some words.
    Search,
    /// `data.ai.getPage`: a page as annotated markdown.
    GetPage,
    /// `data.ai.getBlock`: a block and what is below it, as annotated markdown.
    GetBlock,
    /// `data.block.fromMarkdown`: new blocks out of markdown.
    BlockFromMarkdown,
}

impl Action {
    const ALL: [Self; 5] = [Self::Query, Self::Search, Self::GetPage, Self::GetBlock, Self::BlockFromMarkdown];

    /// The dotted path on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Query => "q",
            Self::Search => "data.ai.search",
            Self::GetPage => "data.ai.getPage",
            Self::GetBlock => "data.ai.getBlock",
            Self::BlockFromMarkdown => "data.block.fromMarkdown",
        }
    }

    /// The least level at which Roam allows it.
    pub fn needs(self) -> Level {
        match self {
            Self::Query | Self::Search | Self::GetPage | Self::GetBlock => Level::ReadOnly,
            Self::BlockFromMarkdown => Level::ReadAppend,
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = GraphError;

    fn from_str(path: &str) -> Result<Self, GraphError> {
        Self::ALL.into_iter().find(|action| action.as_str() == path).ok_or_else(|| {
            let shown: String = path.chars().take(80).collect();
            GraphError::new(ErrorCode::UNKNOWN_ACTION, format!("This server does not know the action {shown:?}."))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_the_path_it_is_written_with() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(action));
        }
    }

    #[test]
    fn an_unknown_path_is_refused_with_the_code_for_it() {
        let error = "data.block.explode".parse::<Action>().unwrap_err();
        assert_eq!(error.code, Some(ErrorCode::UNKNOWN_ACTION));
    }
}
