//! The admin socket: a running node answers its operator over a Unix socket that only they can open.

use std::fmt::Display;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{HeaderValue, Method, Request, header};
use axum::response::Json;
use axum::routing::get;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use crate::report::Report;

/// Name of the socket in the state directory.
pub const SOCKET: &str = "admin.sock";
/// A node that does not answer its operator in this time hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// Makes a report; the argument says whether with secrets.
pub type Reporter = Arc<dyn Fn(bool) -> Pin<Box<dyn Future<Output = Report> + Send>> + Send + Sync>;

/// Why a node could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// There is none.
    #[error("no node is running with the state directory {}; start one with `roam-mcp up`, or name its --state-dir", dir.display())]
    NotRunning {
        /// The state directory that was looked in.
        dir: PathBuf,
    },
    /// The socket belongs to somebody else.
    #[error("{}: you may not open this socket; ask as the user who runs the node", path.display())]
    Forbidden {
        /// The socket.
        path: PathBuf,
    },
    /// There is one, and it does not answer as it should.
    #[error("the node does not answer on {}: {problem}", path.display())]
    Failed {
        /// The socket.
        path: PathBuf,
        /// What went wrong.
        problem: String,
    },
}

#[derive(Deserialize)]
struct StatusQuery {
    #[serde(default)]
    secrets: bool,
}

/// The routes of the socket: what only the operator can ask, and the `site` that everybody sees.
pub fn router(reporter: Reporter, site: Router) -> Router {
    Router::new().route("/status", get(status)).with_state(reporter).merge(site)
}

async fn status(State(reporter): State<Reporter>, Query(query): Query<StatusQuery>) -> Json<Report> {
    Json(reporter(query.secrets).await)
}

/// Asks the node that runs with `state_dir` for its report.
///
/// # Errors
/// When none runs there, or it cannot be asked.
pub async fn fetch_report(state_dir: &Path, secrets: bool) -> Result<Report, AdminError> {
    let body = async { ask(state_dir, &format!("/status?secrets={secrets}"), None).await };
    match tokio::time::timeout(PATIENCE, body).await {
        Ok(body) => body,
        Err(_) => Err(failed(state_dir, "it took too long")),
    }
}

/// Has the node that runs with `state_dir` answer an MCP request, in the name of the operator. It takes as long as the
/// node takes.
///
/// # Errors
/// When none runs there, or it cannot be asked.
pub async fn ask_mcp(state_dir: &Path, request: &Value) -> Result<Value, AdminError> {
    ask(state_dir, "/mcp", Some(request.to_string())).await
}

/// Asks the node for a JSON document, or sends it one.
async fn ask<T: DeserializeOwned>(state_dir: &Path, target: &str, body: Option<String>) -> Result<T, AdminError> {
    let path = state_dir.join(SOCKET);
    let stream = UnixStream::connect(&path).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => AdminError::Forbidden { path },
        _ => AdminError::NotRunning { dir: state_dir.to_owned() },
    })?;
    let bytes = exchange(stream, target, body).await.map_err(|error| failed(state_dir, error))?;
    serde_json::from_slice(&bytes).map_err(|error| failed(state_dir, error))
}

fn failed(state_dir: &Path, problem: impl Display) -> AdminError {
    AdminError::Failed { path: state_dir.join(SOCKET), problem: problem.to_string() }
}

async fn exchange(stream: UnixStream, target: &str, body: Option<String>) -> Result<Bytes, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let method = if body.is_some() { Method::POST } else { Method::GET };
    let mut request = Request::new(Full::<Bytes>::from(body.unwrap_or_default()));
    *request.method_mut() = method;
    *request.uri_mut() = target.parse().unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().extend([
        (header::HOST, HeaderValue::from_static("localhost")),
        (header::CONTENT_TYPE, json.clone()),
        (header::ACCEPT, json),
    ]);
    Ok(sender.send_request(request).await?.into_body().collect().await?.to_bytes())
}

#[cfg(test)]
mod tests {
    use axum::extract::Json as Body;
    use axum::routing::post;
    use serde_json::json;

    use super::*;

    #[tokio::test]
    async fn the_operator_is_served_what_everybody_is_served() {
        let dir = tempfile::tempdir().unwrap();
        let missing = ask_mcp(dir.path(), &json!({})).await.unwrap_err();
        assert!(matches!(missing, AdminError::NotRunning { .. }), "{missing}");

        let listener = tokio::net::UnixListener::bind(dir.path().join(SOCKET)).unwrap();
        let site = Router::new().route("/mcp", post(async |Body(request): Body<Value>| Body(json!([request]))));
        let reporter: Reporter = Arc::new(|_| Box::pin(std::future::pending()));
        tokio::spawn(async move { axum::serve(listener, router(reporter, site)).await });
        assert_eq!(ask_mcp(dir.path(), &json!({ "id": 1 })).await.unwrap(), json!([{ "id": 1 }]));
    }
}
