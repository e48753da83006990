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
use axum::http::{HeaderValue, Method, Request, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokio::net::UnixStream;

pub use explain::{Explainer, explainer, fetch_explanation};

use crate::report::{Door, Report};

/// Name of the socket in the state directory.
pub const SOCKET: &str = "admin.sock";
/// A node that does not answer its operator in this time hangs.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a running node does for its operator.
pub trait Operated: Send + Sync + 'static {
    /// Tells how it is; the argument says whether with secrets.
    fn report(&self, secrets: bool) -> Answer<'_, Report>;

    /// Opens or shuts the public door, and tells where it stands then. An error is a sentence for the operator.
    fn turn(&self, order: DoorOrder) -> Answer<'_, Result<Door, String>>;
}

/// What comes of it.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What to do with the public door.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DoorOrder {
    /// Open it.
    Open {
        /// For so long; `None` for as long as nobody shuts it.
        seconds: Option<u64>,
    },
    /// Shut it, and end the connections through it.
    Shut,
}

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

#[derive(Deserialize)]
struct OpenQuery {
    seconds: Option<u64>,
}

#[derive(Deserialize)]
struct StatusQuery {
    #[serde(default)]
    secrets: bool,
}

/// The routes of the socket: what only the operator can ask, and the `site` that everybody sees.
pub fn router(node: Arc<dyn Operated>, site: Router) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/funnel/on", post(open))
        .route("/funnel/off", post(shut))
        .with_state(node)
        .merge(site)
}

async fn status(State(node): State<Arc<dyn Operated>>, Query(query): Query<StatusQuery>) -> Json<Report> {
    Json(node.report(query.secrets).await)
}

async fn open(State(node): State<Arc<dyn Operated>>, Query(OpenQuery { seconds }): Query<OpenQuery>) -> Response {
    turned(node.turn(DoorOrder::Open { seconds }).await)
}

async fn shut(State(node): State<Arc<dyn Operated>>) -> Response {
    turned(node.turn(DoorOrder::Shut).await)
}

fn turned(result: Result<Door, String>) -> Response {
    match result {
        Ok(door) => Json(door).into_response(),
        Err(problem) => (StatusCode::CONFLICT, problem).into_response(),
    }
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
pub async fn turn_door(state_dir: &Path, order: DoorOrder) -> Result<Door, AdminError> {
    let target = match order {
        DoorOrder::Open { seconds: None } => "/funnel/on".to_owned(),
        DoorOrder::Open { seconds: Some(seconds) } => format!("/funnel/on?seconds={seconds}"),
        DoorOrder::Shut => "/funnel/off".to_owned(),
    };
    ask(state_dir, Method::POST, &target).await
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
async fn ask<T: DeserializeOwned>(state_dir: &Path, method: Method, target: &str) -> Result<T, AdminError> {
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
    let stream = UnixStream::connect(&path).await.map_err(|error| match error.kind() {
        io::ErrorKind::PermissionDenied => AdminError::Forbidden { path: path.clone() },
        _ => AdminError::NotRunning { dir: state_dir.to_owned() },
    })?;
    let failed = |problem: String| AdminError::Failed { path: path.clone(), problem };
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

#[cfg(test)]
mod tests {
    use axum::extract::Json as Body;
    use serde_json::json;
    use tokio::net::UnixListener;

    use super::*;
    use crate::report::ShutBy;

    /// A node that knows its door and nothing else.
    struct Doorkeeper;

    impl Operated for Doorkeeper {
        fn report(&self, _: bool) -> Answer<'_, Report> {
            Box::pin(std::future::pending())
        }

        fn turn(&self, order: DoorOrder) -> Answer<'_, Result<Door, String>> {
            Box::pin(async move {
                match order {
                    DoorOrder::Open { seconds: Some(7200) } => Ok(Door::Open { port: 443, until: None }),
                    DoorOrder::Open { .. } => Err("it is jammed".into()),
                    DoorOrder::Shut => Ok(Door::Off { by: ShutBy::Operator }),
                }
            })
        }
    }

    fn serve(dir: &Path, site: Router) {
        let listener = UnixListener::bind(dir.join(SOCKET)).unwrap();
        tokio::spawn(axum::serve(listener, router(Arc::new(Doorkeeper), site)).into_future());
    }

    #[tokio::test]
    async fn orders_arrive_and_answers_come_back() {
        let dir = tempfile::tempdir().unwrap();
        let open = |seconds| DoorOrder::Open { seconds };
        assert!(matches!(turn_door(dir.path(), open(None)).await, Err(AdminError::NotRunning { .. })));

        serve(dir.path(), Router::new());
        assert_eq!(turn_door(dir.path(), open(Some(7200))).await.unwrap(), Door::Open { port: 443, until: None });
        assert_eq!(turn_door(dir.path(), open(None)).await.unwrap_err().to_string(), "it is jammed");
        assert_eq!(turn_door(dir.path(), DoorOrder::Shut).await.unwrap(), Door::Off { by: ShutBy::Operator });

        for (method, target) in
            [(Method::GET, "/funnel/off"), (Method::POST, "/funnel/ajar"), (Method::POST, "/funnel/on?seconds=x")]
        {
            let error = ask::<Door>(dir.path(), method, target).await.unwrap_err();
            assert!(matches!(error, AdminError::Failed { .. }), "{target}: {error}");
        }
    }

    #[tokio::test]
    async fn the_operator_is_served_what_everybody_is_served() {
        let dir = tempfile::tempdir().unwrap();
        let missing = ask_mcp(dir.path(), &json!({})).await.unwrap_err();
        assert!(matches!(missing, AdminError::NotRunning { .. }), "{missing}");

        serve(dir.path(), Router::new().route("/mcp", post(async |Body(request): Body<Value>| Body(json!([request])))));
        assert_eq!(ask_mcp(dir.path(), &json!({ "id": 1 })).await.unwrap(), json!([{ "id": 1 }]));
    }
}
