//! The Model Context Protocol, both eras on one endpoint: 2026-07-28 and every earlier revision, without sessions.
//!
//! rmcp speaks the protocol. What is ours: which tools a caller sees, the decision before every call, what is said of a
//! request that cannot be read, and serving clients that are careless with `Accept`.

mod answer;
mod body;
mod outline;
mod server;
pub mod stdio;
mod unknown;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use http_body_util::BodyExt;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Map, Value, json};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::access::{Caller, Peer, Policy};
use crate::audit::Audit;
use crate::graph::Graphs;
use crate::metrics::Metrics;
use crate::tools::{self, Outside};
pub use body::{Unreadable, discard};
use server::{Books, Server};

type Service = StreamableHttpService<Server, NeverSessionManager>;

/// The MCP service over HTTP. Clones are the same service.
#[derive(Clone)]
pub struct Mcp {
    /// Answers in an event stream, which a keep-alive comment keeps open during a long call.
    streaming: Service,
    /// Answers in one JSON document, for clients that do not name event streams in `Accept`.
    plain: Service,
    writes: TaskTracker,
    graphs: Graphs,
}

/// A place among the running calls of a caller, put into the extensions of a request. A write keeps it to its end, also when
/// the caller has left.
#[derive(Clone, Debug)]
pub struct Place {
    _permit: Arc<OwnedSemaphorePermit>,
    large: Arc<Semaphore>,
}

impl Place {
    /// `large` has the places of the caller's large requests, which each of them waits for.
    pub fn new(permit: OwnedSemaphorePermit, large: Arc<Semaphore>) -> Self {
        Self { _permit: Arc::new(permit), large }
    }
}

/// Cancelled when nobody waits for the answer any more. rmcp goes on with a call whose client has left.
#[derive(Clone)]
struct Gone(CancellationToken);

const EVENT_STREAM: &str = "text/event-stream";

impl Mcp {
    /// Serves `graphs` to callers under `policy`, who reach no further than `outside` says.
    ///
    /// It is not told of the end of the program: a call in flight is answered, a stream that stays open is cut with its
    /// connection, and [`finish`](Self::finish) waits for what goes on after that.
    pub fn new(
        graphs: &Graphs,
        policy: &Arc<ArcSwap<Policy>>,
        audit: &Audit,
        metrics: &Metrics,
        outside: &Arc<ArcSwap<Outside>>,
    ) -> Self {
        let writes = TaskTracker::new();
        let service = |json: bool| {
            let books = Books { audit: audit.clone(), metrics: metrics.clone(), writes: writes.clone() };
            let server = Server::for_callers(graphs.clone(), Arc::clone(policy), books, Arc::clone(outside));
            let config = StreamableHttpServerConfig::default()
                // Without sessions there is nothing to lose at a restart, to steal, or to bind to a caller.
                .with_legacy_session_mode(false)
                .with_json_response(json)
                .with_max_request_body_bytes(body::LIMIT)
                // Host and Origin are checked on every route by `http::names`, which knows the node's name.
                .disable_allowed_hosts()
                .disable_allowed_origins();
            Service::new(move || Ok(server.clone()), Arc::new(NeverSessionManager::default()), config)
        };
        Self { streaming: service(false), plain: service(true), writes, graphs: graphs.clone() }
    }

    /// Waits for the writes that go on without their caller.
    pub async fn finish(&self) {
        self.writes.close();
        self.writes.wait().await;
    }

    /// Answers one request. The caller must be in its extensions as an [`crate::access::Caller`].
    ///
    /// # Errors
    /// When its body is too large, too slow or not JSON.
    pub async fn answer(&self, request: Request) -> Result<Response, Unreadable> {
        let (mut parts, body) = request.into_parts();
        let large = parts.extensions.get().map(|place: &Place| &place.large);
        let whole = body::read(&parts.headers, body, large).await?;
        // Dropped with the last of the answer, or earlier with the client.
        let waiting = CancellationToken::new();
        parts.extensions.insert(Gone(waiting.clone()));
        let waiting = waiting.drop_guard();
        let service = if accepts_event_stream(&parts.headers) { &self.streaming } else { &self.plain };
        // rmcp insists on both media types, which the specification asks clients for and several do not send.
        let both = const { HeaderValue::from_static("application/json, text/event-stream") };
        parts.headers.insert(header::ACCEPT, both);
        let response = service.handle(Request::from_parts(parts, Body::from(whole.json))).await;
        Ok(response.map(|body| {
            Body::new(body.map_frame(move |frame| {
                let _waiting = &waiting;
                frame
            }))
        }))
    }

    /// The body of `GET /health`: whether a graph can be had at all, not whether Roam answers.
    pub fn health(&self) -> Value {
        let graph = if self.graphs.list().is_empty() { "none" } else { "ok" };
        json!({"status": "ok", "graph": graph, "tools": tools::TOOLS.len()})
    }
}

/// Does one call of a tool for the operator, without a connection, and answers as a server would.
pub async fn call(graphs: Graphs, tool: &str, arguments: Map<String, Value>) -> Value {
    let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    match Server::for_operator(graphs).call(Peer::Admin, &Caller::Admin, request, None).await {
        Ok(result) => json!({ "result": result }),
        Err(error) => json!({ "error": error }),
    }
}

/// The list of all tools, in the words of the protocol.
pub fn list() -> Value {
    json!({ "tools": tools::TOOLS.iter().map(answer::describe).collect::<Vec<_>>() })
}

fn accepts_event_stream(headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains(EVENT_STREAM));
    headers.get_all(header::ACCEPT).iter().any(named)
}
