//! What a graph answers when it cannot do what it was asked.

use std::borrow::Cow;
use std::fmt;

use serde_json::{Map, Value, json};

use crate::config::ConfigError;

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
    /// There is no configuration file yet.
    pub const CONFIG_NOT_FOUND: Self = Self::known("CONFIG_NOT_FOUND");
    /// The configuration file was written by a newer program.
    pub const CONFIG_TOO_NEW: Self = Self::known("CONFIG_TOO_NEW");
    /// Roam Desktop cannot be reached.
    pub const CONNECTION_FAILED: Self = Self::known("CONNECTION_FAILED");
    /// The user has told Roam never to allow this graph.
    pub const GRAPH_BLOCKED: Self = Self::known("GRAPH_BLOCKED");
    /// No graph of that name is served here.
    pub const GRAPH_NOT_CONFIGURED: Self = Self::known("GRAPH_NOT_CONFIGURED");
    /// There are several graphs and the call names none.
    pub const GRAPH_NOT_SELECTED: Self = Self::known("GRAPH_NOT_SELECTED");
    /// The caller or the graph is limited to a lower access level.
    pub const INSUFFICIENT_SCOPE: Self = Self::known("INSUFFICIENT_SCOPE");
    /// Something broke behind the graph.
    pub const INTERNAL_ERROR: Self = Self::known("INTERNAL_ERROR");
    /// The token is of another kind.
    pub const INVALID_TOKEN_FORMAT: Self = Self::known("INVALID_TOKEN_FORMAT");
    /// No token was sent.
    pub const MISSING_TOKEN: Self = Self::known("MISSING_TOKEN");
    /// There is no such page or block.
    pub const NOT_FOUND: Self = Self::known("NOT_FOUND");
    /// One of several was left alone, because of what became of the one before it.
    pub const NOT_TRIED: Self = Self::known("NOT_TRIED");
    /// Something was sent that does more than look, and its answer was lost: it may have happened.
    pub const OUTCOME_UNKNOWN: Self = Self::known("OUTCOME_UNKNOWN");
    /// Another request for a token waits for the user.
    pub const REQUEST_IN_PROGRESS: Self = Self::known("REQUEST_IN_PROGRESS");
    /// The person signed in to Roam may not do it.
    pub const SCOPE_EXCEEDS_PERMISSION: Self = Self::known("SCOPE_EXCEEDS_PERMISSION");
    /// Nobody answered in time.
    pub const TIMEOUT: Self = Self::known("TIMEOUT");
    /// Roam's own list of tokens is damaged.
    pub const TOKEN_FILE_CORRUPTED: Self = Self::known("TOKEN_FILE_CORRUPTED");
    /// Roam does not know the token: it was revoked, or is for another graph or computer.
    pub const TOKEN_NOT_FOUND: Self = Self::known("TOKEN_NOT_FOUND");
    /// The graph does not offer this action.
    pub const UNKNOWN_ACTION: Self = Self::known("UNKNOWN_ACTION");
    /// The user said no.
    pub const USER_REJECTED: Self = Self::known("USER_REJECTED");
    /// The arguments contradict each other or lack something.
    pub const VALIDATION_ERROR: Self = Self::known("VALIDATION_ERROR");
    /// Roam speaks another version of the Local API.
    pub const VERSION_MISMATCH: Self = Self::known("VERSION_MISMATCH");
    /// The token is for a graph of the other type.
    pub const WRONG_GRAPH_TYPE: Self = Self::known("WRONG_GRAPH_TYPE");

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

/// A configuration that cannot be used: the caller learns which file it is and how to mend it.
impl From<ConfigError> for GraphError {
    fn from(error: ConfigError) -> Self {
        let text = error.to_string();
        match error {
            ConfigError::TooNew { found, known, .. } => {
                Self::new(ErrorCode::CONFIG_TOO_NEW, text).with("configVersion", found).with("supportedVersion", known)
            }
            ConfigError::NoHome | ConfigError::Invalid { .. } | ConfigError::File { .. } | ConfigError::Io { .. } => {
                Self::new(ErrorCode::VALIDATION_ERROR, text)
            }
        }
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
