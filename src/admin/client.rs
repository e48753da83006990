//! The operator's end of the socket.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

use super::{DoorOrder, SOCKET, Turned};
use crate::explain::{Explanation, Question};
use crate::report::Report;

/// A node that does not answer its operator in this time hangs.
const PATIENCE: Duration = Duration::from_secs(10);

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
    /// It does not do that, and says why.
    #[error("{0}")]
    Refused(String),
}

/// Asks the node that runs with `state_dir` for its report.
///
/// # Errors
/// When none runs there, or it cannot be asked.
pub async fn fetch_report(state_dir: &Path, secrets: bool) -> Result<Report, AdminError> {
    ask(state_dir, Method::GET, &format!("/status?secrets={secrets}")).await
}

/// Has the node that runs with `state_dir` open or shut its public door.
///
/// # Errors
/// When none runs there, it cannot be asked, or it does not do that.
pub async fn turn_door(state_dir: &Path, order: DoorOrder) -> Result<Turned, AdminError> {
    let target = match order {
        DoorOrder::Open { seconds: None } => "/funnel/on".to_owned(),
        DoorOrder::Open { seconds: Some(seconds) } => format!("/funnel/on?seconds={seconds}"),
        DoorOrder::Shut { revoke } => format!("/funnel/off?revoke={revoke}"),
    };
    ask(state_dir, Method::POST, &target).await
}

/// Asks the node that runs with `state_dir` what a caller may do.
///
/// # Errors
/// When none runs there, it cannot be asked, or nobody has that name.
pub async fn fetch_explanation(state_dir: &Path, question: &Question) -> Result<Explanation, AdminError> {
    let query = serde_urlencoded::to_string(question).unwrap_or_default();
    ask(state_dir, Method::GET, &format!("/explain?{query}")).await
}

/// Has the node that runs with `state_dir` answer an MCP request, in the name of the operator. It takes as long as the
/// node takes.
///
/// # Errors
/// When none runs there, or it cannot be asked.
pub async fn ask_mcp(state_dir: &Path, request: &Value) -> Result<Value, AdminError> {
    send(state_dir, Method::POST, "/mcp", request.to_string()).await
}

/// Asks what the node answers at once, or not at all.
pub(super) async fn ask<T: DeserializeOwned>(state_dir: &Path, method: Method, target: &str) -> Result<T, AdminError> {
    let late = || AdminError::Failed { path: state_dir.join(SOCKET), problem: "it took too long".into() };
    tokio::time::timeout(PATIENCE, send(state_dir, method, target, String::new())).await.map_err(|_| late())?
}

async fn send<T: DeserializeOwned>(
    state_dir: &Path,
    method: Method,
    target: &str,
    body: String,
) -> Result<T, AdminError> {
    let path = state_dir.join(SOCKET);
    let failed = |problem: String| AdminError::Failed { path: path.clone(), problem };
    let stream = UnixStream::connect(&path).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => AdminError::Forbidden { path: path.clone() },
        // A node that died leaves its socket.
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::ConnectionRefused => {
            AdminError::NotRunning { dir: state_dir.to_owned() }
        }
        _ => failed(error.to_string()),
    })?;
    let (status, body) = exchange(stream, method, target, body).await.map_err(|error| failed(error.to_string()))?;
    match status {
        StatusCode::OK => serde_json::from_slice(&body).map_err(|error| failed(error.to_string())),
        StatusCode::CONFLICT => Err(AdminError::Refused(String::from_utf8_lossy(&body).into_owned())),
        // A node of another version than this program's.
        status => Err(failed(format!("it answers {status} to {target}; restart it after an upgrade"))),
    }
}

async fn exchange(
    stream: UnixStream,
    method: Method,
    target: &str,
    body: String,
) -> Result<(StatusCode, Bytes), hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::new(Full::<Bytes>::from(body));
    *request.method_mut() = method;
    *request.uri_mut() = target.parse().unwrap_or_default();
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().extend([
        (header::HOST, HeaderValue::from_static("localhost")),
        (header::CONTENT_TYPE, json.clone()),
        (header::ACCEPT, json),
    ]);
    let answer = sender.send_request(request).await?;
    Ok((answer.status(), answer.into_body().collect().await?.to_bytes()))
}
