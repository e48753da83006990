//! The admin socket: a running node answers its operator over a Unix socket that only they can open.

mod explain;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::{Request, header};
use axum::response::Json;
use axum::routing::get;
use http_body_util::{BodyExt, Empty};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::UnixStream;

pub use explain::{Explainer, explainer, fetch_explanation};

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

/// The routes of the socket.
pub fn router(reporter: Reporter) -> Router {
    Router::new().route("/status", get(status)).with_state(reporter)
}

async fn status(State(reporter): State<Reporter>, Query(query): Query<StatusQuery>) -> Json<Report> {
    Json(reporter(query.secrets).await)
}

/// Asks the node that runs with `state_dir` for its report.
///
/// # Errors
/// When none runs there, or it cannot be asked.
pub async fn fetch_report(state_dir: &Path, secrets: bool) -> Result<Report, AdminError> {
    get_json(state_dir, &format!("/status?secrets={secrets}")).await
}

async fn get_json<T: DeserializeOwned>(state_dir: &Path, target: &str) -> Result<T, AdminError> {
    let path = state_dir.join(SOCKET);
    let stream = UnixStream::connect(&path).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => AdminError::Forbidden { path: path.clone() },
        _ => AdminError::NotRunning { dir: state_dir.to_owned() },
    })?;
    let failed = |problem: String| AdminError::Failed { path: path.clone(), problem };
    match tokio::time::timeout(PATIENCE, ask(stream, target)).await {
        Ok(Ok(body)) => serde_json::from_slice(&body).map_err(|error| failed(error.to_string())),
        Ok(Err(error)) => Err(failed(error.to_string())),
        Err(_) => Err(failed("it took too long".into())),
    }
}

async fn ask(stream: UnixStream, target: &str) -> Result<bytes::Bytes, hyper::Error> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    let mut request = Request::new(Empty::<bytes::Bytes>::new());
    *request.uri_mut() = target.parse().unwrap_or_default();
    request.headers_mut().insert(header::HOST, header::HeaderValue::from_static("localhost"));
    Ok(sender.send_request(request).await?.into_body().collect().await?.to_bytes())
}
