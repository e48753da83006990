//! Every refusal of the Local API, with the status and the code that Roam gives it.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Value, json};

use crate::graph::{API_VERSION, ErrorCode, GraphError};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Problem {
    Invalid(String),
    VersionMismatch { expected: String },
    MissingToken,
    InvalidTokenFormat,
    WrongGraphType,
    TokenNotFound,
    InsufficientScope(String),
    ScopeExceedsPermission(String),
    UserRejected,
    GraphBlocked,
    Timeout,
    RequestInProgress,
    ForeignHost,
    TooLarge,
    NoSuchRoute,
    Graph(GraphError),
}

impl Problem {
    fn status(&self) -> StatusCode {
        match self {
            Self::Invalid(_) | Self::VersionMismatch { .. } => StatusCode::BAD_REQUEST,
            Self::MissingToken | Self::InvalidTokenFormat | Self::WrongGraphType | Self::TokenNotFound => {
                StatusCode::UNAUTHORIZED
            }
            Self::InsufficientScope(_)
            | Self::ScopeExceedsPermission(_)
            | Self::UserRejected
            | Self::GraphBlocked
            | Self::ForeignHost => StatusCode::FORBIDDEN,
            Self::Timeout => StatusCode::REQUEST_TIMEOUT,
            Self::RequestInProgress => StatusCode::CONFLICT,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NoSuchRoute => StatusCode::NOT_FOUND,
            Self::Graph(error) if error.code == Some(ErrorCode::UNKNOWN_ACTION) => StatusCode::NOT_FOUND,
            // What an action rejects is a failure of the action, as Roam sees it, even if the arguments are wrong.
            Self::Graph(_) => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) | Self::TooLarge => "VALIDATION_ERROR",
            Self::VersionMismatch { .. } => "VERSION_MISMATCH",
            Self::MissingToken => "MISSING_TOKEN",
            Self::InvalidTokenFormat => "INVALID_TOKEN_FORMAT",
            Self::WrongGraphType => "WRONG_GRAPH_TYPE",
            Self::TokenNotFound => "TOKEN_NOT_FOUND",
            Self::InsufficientScope(_) => "INSUFFICIENT_SCOPE",
            Self::ScopeExceedsPermission(_) => "SCOPE_EXCEEDS_PERMISSION",
            Self::UserRejected => "USER_REJECTED",
            Self::GraphBlocked => "GRAPH_BLOCKED",
            Self::Timeout => "TIMEOUT",
            Self::RequestInProgress => "REQUEST_IN_PROGRESS",
            Self::ForeignHost => "FORBIDDEN",
            Self::NoSuchRoute => "NOT_FOUND",
            Self::Graph(error) if error.code == Some(ErrorCode::UNKNOWN_ACTION) => "UNKNOWN_ACTION",
            Self::Graph(_) => "INTERNAL_ERROR",
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Invalid(problem) => problem.clone(),
            Self::VersionMismatch { expected } => {
                format!("The caller expects version {expected}, and this is version {API_VERSION}.")
            }
            Self::MissingToken => "Send the token as `Authorization: Bearer <token>`.".into(),
            Self::InvalidTokenFormat => "A token of the Local API begins with roam-graph-local-token-.".into(),
            Self::WrongGraphType => {
                "The token is for the graph of the other type; with an offline graph, add ?type=offline.".into()
            }
            Self::TokenNotFound => "This token is not known for this graph.".into(),
            Self::InsufficientScope(action) => format!("The token does not allow {action}."),
            Self::ScopeExceedsPermission(action) => format!("The person's role does not allow {action}."),
            Self::UserRejected => "The request was denied.".into(),
            Self::GraphBlocked => "Requests for this graph are blocked.".into(),
            Self::Timeout => "Nobody answered the request.".into(),
            Self::RequestInProgress => "Another request for this graph waits for an answer.".into(),
            Self::ForeignHost => "This server answers to 127.0.0.1 and localhost.".into(),
            Self::TooLarge => "The body is too large.".into(),
            Self::NoSuchRoute => "The Local API has no such address.".into(),
            Self::Graph(error) => error.message.clone(),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut envelope: Value = json!({
            "success": false,
            "error": { "code": self.code(), "message": self.message() },
            "apiVersion": API_VERSION,
        });
        if let Self::VersionMismatch { expected } = &self {
            envelope["expectedApiVersion"] = expected.as_str().into();
        }
        (self.status(), Json(envelope)).into_response()
    }
}

impl From<GraphError> for Problem {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}
