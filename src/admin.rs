//! The admin socket: a running node answers its operator over a Unix socket that only they can open.

mod client;

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::{Deserialize, Serialize};

pub use client::{AdminError, ask_mcp, fetch_explanation, fetch_report, turn_door};

use crate::explain::{Explanation, Question, Unknown};
use crate::report::{Door, Report};

/// Name of the socket in the state directory.
pub const SOCKET: &str = "admin.sock";

/// What a running node does for its operator.
pub trait Operated: Send + Sync + 'static {
    /// Tells how it is; the argument says whether with secrets.
    fn report(&self, secrets: bool) -> Answer<'_, Report>;

    /// Opens or shuts the public door, and tells where it stands then. An error is a sentence for the operator.
    fn turn(&self, order: DoorOrder) -> Answer<'_, Result<Turned, String>>;

    /// Tells what a caller may do.
    ///
    /// # Errors
    /// When nobody has that name.
    fn explain(&self, question: &Question) -> Result<Explanation, Unknown>;
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
    Shut {
        /// And make every public credential worthless.
        revoke: bool,
    },
}

/// What came of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Turned {
    /// Where the door stands.
    #[serde(flatten)]
    pub door: Door,
    /// How many named credentials were revoked, if that was ordered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<usize>,
    /// Where calls are still taken with a credential, after an order to shut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<String>,
}

impl fmt::Display for DoorOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { seconds: None } => f.write_str("on"),
            Self::Open { seconds: Some(seconds) } => write!(f, "on --for {seconds}s"),
            Self::Shut { revoke: false } => f.write_str("off"),
            Self::Shut { revoke: true } => f.write_str("off --revoke"),
        }
    }
}

#[derive(Deserialize)]
struct OpenQuery {
    seconds: Option<u64>,
}

#[derive(Deserialize)]
struct ShutQuery {
    #[serde(default)]
    revoke: bool,
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
        .route("/explain", get(explain))
        .with_state(node)
        .merge(site)
}

async fn status(State(node): State<Arc<dyn Operated>>, Query(query): Query<StatusQuery>) -> Json<Report> {
    Json(node.report(query.secrets).await)
}

async fn open(State(node): State<Arc<dyn Operated>>, Query(OpenQuery { seconds }): Query<OpenQuery>) -> Response {
    answer(node.turn(DoorOrder::Open { seconds }).await)
}

async fn shut(State(node): State<Arc<dyn Operated>>, Query(ShutQuery { revoke }): Query<ShutQuery>) -> Response {
    answer(node.turn(DoorOrder::Shut { revoke }).await)
}

async fn explain(State(node): State<Arc<dyn Operated>>, Query(question): Query<Question>) -> Response {
    answer(node.explain(&question))
}

fn answer<T: Serialize, E: fmt::Display>(result: Result<T, E>) -> Response {
    match result {
        Ok(result) => Json(result).into_response(),
        Err(problem) => (StatusCode::CONFLICT, problem.to_string()).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use axum::extract::Json as Body;
    use axum::http::Method;
    use serde_json::{Value, json};
    use tokio::net::UnixListener;

    use super::*;
    use crate::report::ShutBy;

    /// A node that knows its door and nothing else.
    struct Doorkeeper;

    impl Operated for Doorkeeper {
        fn report(&self, _: bool) -> Answer<'_, Report> {
            Box::pin(std::future::pending())
        }

        fn turn(&self, order: DoorOrder) -> Answer<'_, Result<Turned, String>> {
            Box::pin(async move {
                match order {
                    DoorOrder::Open { seconds: Some(7200) } => Ok(opened()),
                    DoorOrder::Open { .. } => Err("it is jammed".into()),
                    DoorOrder::Shut { revoke } => Ok(shut(revoke.then_some(3))),
                }
            })
        }

        fn explain(&self, _: &Question) -> Result<Explanation, Unknown> {
            unreachable!("nobody asks")
        }
    }

    fn opened() -> Turned {
        Turned { door: Door::Open { port: 443, until: None }, revoked: None, direct: None }
    }

    fn shut(revoked: Option<usize>) -> Turned {
        Turned { door: Door::Off { by: ShutBy::Operator }, revoked, direct: None }
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
        assert_eq!(turn_door(dir.path(), open(Some(7200))).await.unwrap(), opened());
        assert_eq!(turn_door(dir.path(), open(None)).await.unwrap_err().to_string(), "it is jammed");
        for (revoke, revoked) in [(false, None), (true, Some(3))] {
            assert_eq!(turn_door(dir.path(), DoorOrder::Shut { revoke }).await.unwrap(), shut(revoked));
        }

        for (method, target) in
            [(Method::GET, "/funnel/off"), (Method::POST, "/funnel/ajar"), (Method::POST, "/funnel/on?seconds=x")]
        {
            let error = client::ask::<Door>(dir.path(), method, target).await.unwrap_err();
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
