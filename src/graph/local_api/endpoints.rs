//! What the Local API offers beside actions: the graphs there are, and tokens for them.

use std::time::Duration;

use bytes::Bytes;
use hyper::Method;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::answer::{self, Reading, Refusal};
use super::connection::{Connection, GREETING, Loss, request};
use super::{Desktop, DesktopGraph, refusal};
use crate::config::{Kind, TOKEN_PREFIX, TokenLevel};
use crate::graph::{ErrorCode, GraphError};
use crate::secret::Secret;

/// Roam looks these up in its memory.
const QUICK: Duration = Duration::from_secs(20);
/// Roam asks its user for five minutes and then says so; a client that gave up earlier would not hear it.
const DIALOG: Duration = Duration::from_secs(6 * 60);
/// Brings Roam up without a graph.
const OPEN: &str = "roam://open";

/// A graph that Roam Desktop knows.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Listed {
    /// Its canonical name.
    pub name: String,
    /// Where Roam keeps it.
    #[serde(rename = "type", default)]
    pub kind: Kind,
}

/// What the user is asked to allow.
#[derive(Clone, Copy, Debug)]
pub struct TokenRequest<'a> {
    /// The canonical name of the graph.
    pub graph: &'a str,
    /// Where Roam keeps it.
    pub kind: Kind,
    /// How much to ask for. The user may give less.
    pub level: TokenLevel,
    /// Who asks, as the dialog shows it.
    pub description: &'a str,
}

/// What the user allowed.
#[derive(Clone, Debug)]
pub struct Granted {
    /// The token. Roam shows it this once.
    pub token: Secret,
    /// What it allows; `None` if Roam did not say.
    pub level: Option<TokenLevel>,
}

/// What Roam says of a token.
#[derive(Clone, Debug, PartialEq)]
pub enum TokenState {
    /// It is good.
    Active {
        /// What it allows; `None` if Roam names a level that this program does not know.
        level: Option<TokenLevel>,
        /// The scopes it has, as Roam writes them.
        scopes: Value,
    },
    /// Roam knows it no longer.
    Revoked,
    /// Roam cannot be asked, or is too old for the question.
    Unknown,
}

/// Why an exchange came to nothing.
enum Setback {
    /// Roam would not.
    Refused(Refusal),
    /// There was no answer, or none that could be read.
    Lost(GraphError),
}

impl From<Setback> for GraphError {
    fn from(setback: Setback) -> Self {
        match setback {
            Setback::Refused(refusal) => explain(&refusal),
            Setback::Lost(error) => error,
        }
    }
}

impl TokenRequest<'_> {
    /// This program, as the dialog shows it.
    pub const ASKER: &'static str = "roam-mcp";
}

impl Desktop {
    /// The graphs that are open in a window. If Roam cannot be asked, none are.
    pub async fn open_graphs(&self) -> Vec<Listed> {
        let Ok((connection, _)) = self.connection(GREETING).await else { return Vec::new() };
        self.fetch(connection, Method::GET, "/api/graphs/open", None, QUICK).await.map(listed).unwrap_or_default()
    }

    /// All graphs of the user who is signed in to Roam, which is started if it does not run.
    ///
    /// # Errors
    /// When Roam cannot be reached, or does not say.
    pub async fn available_graphs(&self) -> Result<Vec<Listed>, GraphError> {
        let (connection, _) = self.reach(OPEN).await?;
        Ok(self.fetch(connection, Method::GET, "/api/graphs/available", None, QUICK).await.map(listed)?)
    }

    /// Asks the user, in a dialog of Roam's, for a token. To stop waiting is to take the question back.
    ///
    /// # Errors
    /// When the user declines or does not answer, or Roam cannot be reached.
    pub async fn request_token(&self, asked: TokenRequest<'_>) -> Result<Granted, GraphError> {
        let body = json!({
            "graph": asked.graph,
            "graphType": asked.kind.as_str(),
            "accessLevel": asked.level.as_str(),
            "description": asked.description,
            "ai": true,
        });
        let (connection, _) = self.reach(OPEN).await?;
        let envelope = self.fetch(connection, Method::POST, "/api/graphs/tokens/request", Some(&body), DIALOG).await;
        let envelope = envelope.map_err(|setback| advise(setback, asked.graph))?;
        let text = |key| envelope.get(key).and_then(Value::as_str);
        match text("token") {
            // One that could not be used is not to be saved, and not to be shown.
            Some(token) if !token.starts_with(TOKEN_PREFIX) => {
                let text =
                    "Roam agreed and sent a token of another kind, which its Local API would refuse. Update Roam.";
                Err(GraphError::new(ErrorCode::INTERNAL_ERROR, text))
            }
            Some(token) => {
                let level = text("grantedAccessLevel").and_then(|level| level.parse().ok());
                Ok(Granted { token: Secret::from(token), level })
            }
            None => Err(GraphError::new(ErrorCode::INTERNAL_ERROR, "Roam agreed and sent no token. Update Roam.")),
        }
    }

    /// Asks what a token is worth. Starts nothing, and fails to [`TokenState::Unknown`].
    pub async fn token_state(&self, graph: &str, kind: Kind, token: &Secret) -> TokenState {
        let body = json!({ "token": token.expose(), "graph": graph, "type": kind.as_str() });
        let Ok((connection, _)) = self.connection(GREETING).await else { return TokenState::Unknown };
        match self.fetch(connection, Method::POST, "/api/graphs/tokens/info", Some(&body), QUICK).await {
            Ok(envelope) => TokenState::Active {
                level: envelope.get("grantedAccessLevel").and_then(Value::as_str).and_then(|level| level.parse().ok()),
                scopes: envelope.get("grantedScopes").cloned().unwrap_or_default(),
            },
            // The one answer that means it. A token of another kind or an odd build must not be taken for a revocation.
            Err(Setback::Refused(Refusal { status: 401, code: Some(code), .. })) if code == "TOKEN_NOT_FOUND" => {
                TokenState::Revoked
            }
            Err(_) => TokenState::Unknown,
        }
    }

    /// One exchange that is not about an action.
    async fn fetch(
        &self,
        mut connection: Connection,
        method: Method,
        path: &str,
        body: Option<&Value>,
        limit: Duration,
    ) -> Result<Map<String, Value>, Setback> {
        let lost = |code, text: String| Err(Setback::Lost(GraphError::new(code, text)));
        let body = body.map(|body| Bytes::from(body.to_string())).unwrap_or_default();
        let answer = match timeout(limit, connection.exchange(request(method, path, body))).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(Loss::Unsent | Loss::Broken)) => {
                return lost(ErrorCode::CONNECTION_FAILED, "Roam Desktop closed the connection. Try again.".into());
            }
            Ok(Err(Loss::TooLarge)) => {
                return lost(ErrorCode::INTERNAL_ERROR, "Roam's answer is too large to be read.".into());
            }
            Err(_) => {
                let text = format!("Roam Desktop did not answer within {} s. Try again.", limit.as_secs());
                return lost(ErrorCode::TIMEOUT, text);
            }
        };
        self.0.idle.give(connection);
        match answer::read(&answer) {
            Reading::Result(envelope) => Ok(envelope),
            Reading::Refusal(refusal) => Err(Setback::Refused(refusal)),
            Reading::Garbled { status, excerpt } => {
                let text =
                    format!("Roam Desktop answered {status} with something unexpected: {excerpt:?}. Update Roam.");
                lost(ErrorCode::INTERNAL_ERROR, text)
            }
        }
    }
}

impl DesktopGraph {
    /// What Roam says of this graph's token.
    pub(in crate::graph) async fn token_state(&self) -> TokenState {
        self.desktop.token_state(&self.entry.name, self.entry.kind, &self.entry.token).await
    }
}

fn listed(mut envelope: Map<String, Value>) -> Vec<Listed> {
    let Some(Value::Array(graphs)) = envelope.remove("result") else { return Vec::new() };
    // A graph of a kind that this program does not know cannot be connected, and is no reason to hide the others.
    graphs.into_iter().filter_map(|graph| serde_json::from_value(graph).ok()).collect()
}

fn explain(refusal: &Refusal) -> GraphError {
    let message = refusal.message.as_deref().unwrap_or("Roam gave no reason.");
    if refusal.status == 403 && refusal.bare {
        let text = format!("Roam's Local API is switched off. Turn it on in Roam's settings. ({message})");
        return refusal::as_it_came(None, &text);
    }
    refusal::as_it_came(refusal.code.as_deref(), message)
}

/// Says what the person at the desktop can do, and keeps Roam's own words where there is nothing to add.
///
/// The codes are those that a caller can act on; all others are one.
fn advise(setback: Setback, graph: &str) -> GraphError {
    let refusal = match setback {
        Setback::Refused(refusal) => refusal,
        Setback::Lost(error) => return error,
    };
    let (code, text) = match refusal.code.as_deref() {
        Some("USER_REJECTED") => (
            ErrorCode::USER_REJECTED,
            format!("The request for {graph:?} was denied in Roam. Ask again, and allow it there."),
        ),
        Some("GRAPH_BLOCKED") => (
            ErrorCode::GRAPH_BLOCKED,
            format!(
                "Requests for {graph:?} are blocked in Roam. Unblock the graph there, under Settings > Graph > Local \
                 API Tokens, and ask again."
            ),
        ),
        Some("TIMEOUT") => (
            ErrorCode::TIMEOUT,
            format!("Nobody answered the dialog for {graph:?} in Roam. Ask again when you are at that computer."),
        ),
        Some("REQUEST_IN_PROGRESS") => (
            ErrorCode::REQUEST_IN_PROGRESS,
            format!("A dialog for {graph:?} is open in Roam already. Answer it first, then ask again."),
        ),
        Some("CANCELLED") => {
            (ErrorCode::INTERNAL_ERROR, format!("The request for {graph:?} was taken back. Ask again."))
        }
        _ => (ErrorCode::INTERNAL_ERROR, explain(&refusal).message),
    };
    GraphError::new(code, text)
}
