//! What a graph answers when it cannot do what it was asked.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value, json};

/// A refusal or a failure, in the words of Roam's Local API. The message is for the caller and says what to do next.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct GraphError {
    /// What kind of trouble it is; absent if whoever answered did not say.
    pub code: Option<ErrorCode>,
    /// What happened, and what can be done about it.
    pub message: String,
    /// Facts beside the message, such as the graphs there are to choose from.
    pub context: Map<String, Value>,
}

impl GraphError {
    /// An error of a known kind.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code: Some(code), message: message.into(), context: Map::new() }
    }

    /// Adds a fact.
    pub fn with(mut self, key: &str, fact: impl Into<Value>) -> Self {
        self.context.insert(key.to_owned(), fact.into());
        self
    }

    /// `{"error": {"code", "message", …}}`, as the tools report it.
    pub fn to_json(&self) -> Value {
        let mut error = Map::new();
        if let Some(code) = &self.code {
            error.insert("code".into(), code.as_str().into());
        }
        error.insert("message".into(), self.message.clone().into());
        for (key, fact) in &self.context {
            error.entry(key.clone()).or_insert_with(|| fact.clone());
        }
        json!({ "error": error })
    }
}

/// A code of the Local API. Codes that this program has never heard of pass through unchanged.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ErrorCode(Cow<'static, str>);

impl ErrorCode {
    /// Every item of a batch failed, for different reasons.
    pub const BATCH_FAILED: Self = Self::known("BATCH_FAILED");
    /// No graph of that name is served here.
    pub const GRAPH_NOT_CONFIGURED: Self = Self::known("GRAPH_NOT_CONFIGURED");
    /// There are several graphs and the call names none.
    pub const GRAPH_NOT_SELECTED: Self = Self::known("GRAPH_NOT_SELECTED");
    /// The caller or the graph is limited to a lower access level.
    pub const INSUFFICIENT_SCOPE: Self = Self::known("INSUFFICIENT_SCOPE");
    /// Something broke behind the graph.
    pub const INTERNAL_ERROR: Self = Self::known("INTERNAL_ERROR");
    /// There is no such page or block.
    pub const NOT_FOUND: Self = Self::known("NOT_FOUND");
    /// The graph does not offer this action.
    pub const UNKNOWN_ACTION: Self = Self::known("UNKNOWN_ACTION");
    /// The arguments contradict each other or lack something.
    pub const VALIDATION_ERROR: Self = Self::known("VALIDATION_ERROR");

    const fn known(code: &'static str) -> Self {
        Self(Cow::Borrowed(code))
    }

    /// The code as it is written on the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<String> for ErrorCode {
    fn from(code: String) -> Self {
        Self(Cow::Owned(code))
    }
}

impl fmt::Display for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_written_with_its_facts_beside_the_message() {
        let error = GraphError::new(ErrorCode::NOT_FOUND, "no such block").with("uid", "abc").with("message", "forged");
        assert_eq!(error.to_json(), json!({"error": {"code": "NOT_FOUND", "message": "no such block", "uid": "abc"}}));
    }

    #[test]
    fn an_unknown_code_is_left_out_and_a_foreign_one_passes_through() {
        let error = GraphError { code: None, message: "odd".into(), context: Map::new() };
        assert_eq!(error.to_json(), json!({"error": {"message": "odd"}}));
        assert_eq!(ErrorCode::from("PEER_NOT_READY".to_owned()).as_str(), "PEER_NOT_READY");
    }
}
