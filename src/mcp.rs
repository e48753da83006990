//! The Model Context Protocol, both eras on one endpoint: 2026-07-28 and every earlier revision, without sessions.
//!
//! rmcp speaks the protocol. What is ours: which tools a caller sees, the decision before every call, and serving
//! clients that are careless with `Accept`.

mod body;
mod server;
pub mod stdio;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use rmcp::model::CallToolRequestParams;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde_json::{Map, Value, json};

use crate::access::{Caller, Peer, Policy};
use crate::audit::Audit;
use crate::graph::Graphs;
use crate::tools::{self, Outside};
pub use body::Unreadable;
use server::Server;

type Service = StreamableHttpService<Server, NeverSessionManager>;

/// The MCP service over HTTP. Clones are the same service.
#[derive(Clone)]
pub struct Mcp {
    /// Answers in an event stream, which a keep-alive comment keeps open during a long call.
    streaming: Service,
    /// Answers in one JSON document, for clients that do not name event streams in `Accept`.
    plain: Service,
}

const EVENT_STREAM: &str = "text/event-stream";

impl Mcp {
    /// Serves `graphs` to callers under `policy`, who reach no further than `outside` says.
    ///
    /// It is not told of the end of the program: a call in flight is answered, and a stream that stays open is cut with its
    /// connection.
    pub fn new(graphs: &Graphs, policy: &Arc<ArcSwap<Policy>>, audit: &Audit, outside: &Outside) -> Self {
        let service = |json: bool| {
            let server = Server::for_callers(graphs.clone(), Arc::clone(policy), audit.clone(), outside.clone());
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
        Self { streaming: service(false), plain: service(true) }
    }

    /// Answers one request. The caller must be in its extensions as an [`crate::access::Caller`].
    ///
    /// # Errors
    /// When its body is too large, too slow or not JSON.
    pub async fn answer(&self, request: Request) -> Result<Response, Unreadable> {
        let (mut parts, body) = request.into_parts();
        let bytes = body::read(&parts.headers, body).await?;
        let service = if accepts_event_stream(&parts.headers) { &self.streaming } else { &self.plain };
        // rmcp insists on both media types, which the specification asks clients for and several do not send.
        let both = const { HeaderValue::from_static("application/json, text/event-stream") };
        parts.headers.insert(header::ACCEPT, both);
        let response = service.handle(Request::from_parts(parts, Body::from(bytes))).await;
        Ok(response.map(Body::new))
    }

    /// The body of `GET /health`.
    pub fn health(&self) -> Value {
        json!({"status": "ok", "graph": "ok", "tools": tools::TOOLS.len()})
    }
}

/// Does one call of a tool for the operator, without a connection, and answers as a server would.
pub async fn call(graphs: Graphs, tool: &str, arguments: Map<String, Value>) -> Value {
    let request = CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments);
    match Server::for_operator(graphs).call(Peer::Admin, &Caller::Admin, request).await {
        Ok(result) => json!({ "result": result }),
        Err(error) => json!({ "error": error }),
    }
}

/// The list of all tools, in the words of the protocol.
pub fn list() -> Value {
    json!({ "tools": tools::TOOLS.iter().map(server::describe).collect::<Vec<_>>() })
}

fn accepts_event_stream(headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains(EVENT_STREAM));
    headers.get_all(header::ACCEPT).iter().any(named)
}
