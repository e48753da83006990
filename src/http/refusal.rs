//! Every way in which a request is turned down before it reaches the MCP service.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use serde_json::json;

use super::limits::TooMuch;
use crate::access::Denied;
use crate::mcp::Unreadable;

/// JSON-RPC's first code for errors of a server's own making; remote access v1 uses it for all of these.
const SERVER_ERROR: i32 = -32000;
/// The request is not JSON-RPC.
const PARSE_ERROR: i32 = -32700;

/// A refusal, with a message for its reader that says what to do and nothing that helps an attacker.
#[derive(Debug)]
pub(super) enum Refusal {
    BadHost,
    ForeignHost,
    ForeignOrigin,
    UnknownPath,
    NoCredential,
    WrongCredential,
    Unidentified,
    ForeignSource,
    UntrustedProxy,
    TooMuch(TooMuch),
    Denied(Denied),
    MethodNotAllowed,
    Unreadable(Unreadable),
    Internal,
}

impl Refusal {
    fn status(&self) -> StatusCode {
        match self {
            Self::BadHost | Self::Unreadable(Unreadable::NotJson | Unreadable::TooDeep | Unreadable::TooMany) => {
                StatusCode::BAD_REQUEST
            }
            Self::ForeignHost
            | Self::ForeignOrigin
            | Self::ForeignSource
            | Self::UntrustedProxy
            | Self::Unidentified
            | Self::Denied(_) => StatusCode::FORBIDDEN,
            Self::TooMuch(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::UnknownPath => StatusCode::NOT_FOUND,
            Self::NoCredential | Self::WrongCredential => StatusCode::UNAUTHORIZED,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::Unreadable(Unreadable::TooLarge) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Unreadable(Unreadable::TooSlow) => StatusCode::REQUEST_TIMEOUT,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::BadHost => "Send exactly one Host.".into(),
            Self::ForeignHost => {
                "This server does not answer to that Host. Its operator can add a name to `allowedHosts`.".into()
            }
            Self::ForeignOrigin => "Pages of other sites may not call this server.".into(),
            Self::UnknownPath => "Not found.".into(),
            Self::NoCredential => "Send `Authorization: Bearer <token>`, or use the URL with the path secret.".into(),
            Self::WrongCredential => "That bearer token is not valid here. Copy it again from the server.".into(),
            Self::Unidentified => "The tailnet does not know who you are. Try again in a moment.".into(),
            Self::ForeignSource => {
                "This server does not take calls from your address. Its operator can add it to `[sources]`.".into()
            }
            Self::UntrustedProxy => {
                "A proxy or tunnel stands in front of this server, which would make everybody local. Its operator can \
                 trust it with --trust-proxy; it must send X-Forwarded-For."
                    .into()
            }
            Self::TooMuch(wait) => format!("Too many requests. Try again in {} s.", wait.seconds()),
            Self::Denied(denied) => denied.to_string(),
            Self::MethodNotAllowed => "Use POST: this server keeps no sessions and opens no streams of its own.".into(),
            Self::Unreadable(unreadable) => unreadable.to_string(),
            Self::Internal => "Something went wrong in this server; its log has more.".into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let code = if matches!(self, Self::Unreadable(Unreadable::NotJson)) { PARSE_ERROR } else { SERVER_ERROR };
        let body = json!({"jsonrpc": "2.0", "error": {"code": code, "message": self.message()}, "id": null});
        let mut response = (self.status(), Json(body)).into_response();
        let headers = response.headers_mut();
        match self {
            Self::NoCredential => {
                headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"roam-mcp\""));
            }
            Self::WrongCredential => {
                let challenge = HeaderValue::from_static("Bearer realm=\"roam-mcp\", error=\"invalid_token\"");
                headers.insert(header::WWW_AUTHENTICATE, challenge);
            }
            Self::TooMuch(wait) => {
                headers.insert(header::RETRY_AFTER, HeaderValue::from(wait.seconds()));
            }
            Self::MethodNotAllowed => {
                headers.insert(header::ALLOW, HeaderValue::from_static("POST"));
            }
            // Whatever is left of the body is not worth reading.
            Self::Unreadable(Unreadable::TooLarge | Unreadable::TooSlow) => {
                headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            }
            _ => {}
        }
        response
    }
}
