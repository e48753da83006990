//! One action on one graph.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::answer::{self, Reading};
use super::connection::{Answer, LARGEST, LARGEST_FILE, Loss, request};
use super::{API_VERSION, DesktopGraph, refusal};
use crate::access::Level;
use crate::config::Kind;
use crate::graph::{Action, ErrorCode, GraphError};

/// A connection that Roam closes at the wrong moment is replaced; one that it always closes is not Roam's.
const TRIES: usize = 3;

impl DesktopGraph {
    /// Does one action.
    pub(in crate::graph) async fn invoke(&self, action: Action, args: Vec<Value>) -> Result<Value, GraphError> {
        let body = json!({ "action": action.as_str(), "args": args, "expectedApiVersion": API_VERSION });
        let answer = self.send(action, Bytes::from(body.to_string())).await?;
        let result = self.read(action, &answer);
        result.map_err(|mut error| {
            // Roam has no reason to repeat the token, and nobody has a reason to see it.
            error.message = error.message.replace(self.entry.token.expose(), "(token)");
            error
        })
    }

    async fn send(&self, action: Action, body: Bytes) -> Result<Answer, GraphError> {
        let link = format!("roam://#/app/{}", self.entry.name);
        let deadline = self.desktop.0.settings.deadline;
        let largest = if action == Action::GetFile { LARGEST_FILE } else { LARGEST };
        for _ in 0..TRIES {
            let (mut connection, used) = self.desktop.reach(&link).await?;
            match timeout(deadline, connection.exchange_within(largest, self.request(body.clone())?)).await {
                Ok(Ok(answer)) => {
                    self.desktop.0.idle.give(connection);
                    return Ok(answer);
                }
                Ok(Err(Loss::Unsent)) => {}
                // Looking twice does no harm, and a connection that was idle may have ended as it was taken.
                Ok(Err(Loss::Broken)) if used && action.only_looks() => {}
                Ok(Err(Loss::Broken)) => {
                    let text = "The connection to Roam Desktop broke before the answer came.";
                    return Err(lost(action, ErrorCode::CONNECTION_FAILED, text));
                }
                Ok(Err(Loss::TooLarge)) => {
                    let text = if action == Action::GetFile {
                        "The file has more than 100 MiB, which is too much to be handed on. Open it in Roam.".to_owned()
                    } else {
                        format!(
                            "Roam's answer has more than {} MiB, which is too much. Ask for less: a smaller page, a lower \
                             `maxDepth` or `limit`.",
                            largest >> 20
                        )
                    };
                    return Err(lost(action, ErrorCode::INTERNAL_ERROR, &text));
                }
                Err(_) => {
                    let text = format!("Roam Desktop did not answer within {} s.", deadline.as_secs());
                    return Err(lost(action, ErrorCode::TIMEOUT, &text));
                }
            }
        }
        let text = "Roam Desktop closes every connection before a call is sent. Nothing was changed; restart Roam.";
        Err(GraphError::new(ErrorCode::CONNECTION_FAILED, text))
    }

    fn request(&self, body: Bytes) -> Result<Request<Full<Bytes>>, GraphError> {
        let name = &self.entry.name;
        let path = match self.entry.kind {
            Kind::Hosted => format!("/api/{name}"),
            Kind::Offline => format!("/api/{name}?type=offline"),
        };
        let bearer = format!("Bearer {}", self.entry.token.expose());
        let mut bearer = HeaderValue::try_from(bearer).map_err(|_| {
            let text = format!("The token of the graph {name:?} has characters that no token has; connect it again.");
            GraphError::new(ErrorCode::INVALID_TOKEN_FORMAT, text)
        })?;
        bearer.set_sensitive(true);
        let mut request = request(Method::POST, &path, body);
        request.headers_mut().insert(AUTHORIZATION, bearer);
        Ok(request)
    }

    fn read(&self, action: Action, answer: &Answer) -> Result<Value, GraphError> {
        match answer::read(answer) {
            Reading::Result(mut envelope) => Ok(envelope.remove("result").unwrap_or_default()),
            // Builds without tokens give up waiting for themselves, and the change is made all the same.
            Reading::Refusal(refusal)
                if refusal.message.as_deref().is_some_and(|text| text.contains("Response timeout")) =>
            {
                Err(lost(action, ErrorCode::TIMEOUT, "Roam gave up waiting for its own answer."))
            }
            Reading::Refusal(refusal) => Err(refusal::of_action(&refusal, &self.entry.name, self.entry.kind)),
            Reading::Garbled { status, .. } if status.is_redirection() => {
                let text = format!("Roam Desktop answered {status}; a redirect is not followed. Nothing was changed.");
                Err(GraphError::new(ErrorCode::INTERNAL_ERROR, text))
            }
            Reading::Garbled { status: StatusCode::NOT_FOUND, .. } => Err(refusal::unknown_action(None)),
            Reading::Garbled { status, excerpt } if status.is_client_error() => {
                let text = format!("Roam Desktop refused the call with {status}: {excerpt:?}. Nothing was changed.");
                Err(GraphError::new(ErrorCode::INTERNAL_ERROR, text))
            }
            Reading::Garbled { status, excerpt } => {
                let text =
                    format!("Roam Desktop answered {status} with something that is not its Local API: {excerpt:?}.");
                Err(lost(action, ErrorCode::INTERNAL_ERROR, &text))
            }
        }
    }
}

/// The answer is lost. Where something was looked at that is a nuisance; anything else may have happened.
fn lost(action: Action, code: ErrorCode, what: &str) -> GraphError {
    if action.only_looks() {
        return GraphError::new(code, format!("{what} Nothing was changed."));
    }
    let advice = if action.needs() > Level::ReadOnly {
        "The change may or may not have been made, and it was not sent again. Read what it was to change before you try \
         again."
    } else {
        "Roam may or may not have done it, and it was not sent again. See what Roam shows before you try again."
    };
    GraphError::new(ErrorCode::OUTCOME_UNKNOWN, format!("{what} {advice}")).with("action", action.as_str())
}
