//! The node and the server of roam-mcp with handlers that do next to nothing: what `make bench` measures where the program
//! itself has no such answer. `tests/tailnet/baseline` is the same in plain Go, with the same arguments and routes.
//!
//! Prints one line of JSON when it is up, and ends with its standard input.

use std::io::{Read, Write, stdin, stdout};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Router};
use roam_mcp::access::Peer;
use roam_mcp::net::{Limits, Server};
use roam_mcp::tailnet::{Kind, Node, NodeConfig, run_handler_on_alternate_stack};
use roam_mcp::tls::CertificateSlot;
use serde::Deserialize;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// As many as `roam-mcp up` has.
const WORKERS: usize = 2;
const CLOSE: Duration = Duration::from_secs(7);

/// About as long as the answer to a small tool call; the baseline gives the same.
const MCP_ANSWER: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"content":[{"type":"text","text":"The service is up. Nothing has failed since it was last asked, and the queue is empty."}],"structuredContent":{"status":"up","queue":0,"failures":0,"since":"2026-01-01T00:00:00Z","version":"1.0.0"},"isError":false}}"#;
const JSON: [(header::HeaderName, &str); 1] = [(header::CONTENT_TYPE, "application/json")];

fn main() -> anyhow::Result<()> {
    let started = Instant::now();
    let (config, workers) = config(std::env::args().skip(1))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(workers).enable_all().build()?;
    runtime.block_on(run(config, started))
}

fn config(mut arguments: impl Iterator<Item = String>) -> anyhow::Result<(NodeConfig, usize)> {
    let (mut config, mut workers) = (NodeConfig::default(), WORKERS);
    while let Some(flag) = arguments.next() {
        let value = arguments.next().with_context(|| format!("{flag} needs a value"))?;
        match flag.as_str() {
            "-control" => config.control_url = Some(value),
            "-auth-key" => config.auth_key = Some(value.as_str().into()),
            "-dir" => config.dir = value.into(),
            "-hostname" => config.hostname = value,
            "-workers" => workers = value.parse().context("-workers")?,
            "-resolver" => config.resolver = Some(value.parse().context("-resolver")?),
            _ => bail!("unknown flag {flag}"),
        }
    }
    Ok((config, workers))
}

async fn run(config: NodeConfig, started: Instant) -> anyhow::Result<()> {
    let stop = stop_token()?;
    let (node, _events) = Node::start(&config).await?;
    let name = node.up().await?.name;
    let slot = CertificateSlot::new();
    let (chain, key) = node.certificate(&name, Duration::ZERO).await?;
    slot.install(chain.as_bytes(), key.expose().as_bytes())?;

    let server = Server::new(Limits::default());
    for kind in [Kind::Tailnet, Kind::Funnel] {
        let listener = node.listen(kind, 443).await?;
        let (server, tls, router, stop) = (server.clone(), slot.acceptor(), router(node.clone()), stop.clone());
        tokio::spawn(async move { server.serve(listener, Some(tls), router, stop).await });
    }
    let line = json!({"name": name, "pid": std::process::id(), "ready_ms": started.elapsed().as_millis()});
    writeln!(stdout(), "{line}")?;

    stop.cancelled().await;
    server.drain(Duration::from_secs(1)).await;
    tokio::time::timeout(CLOSE, node.close()).await.context("the node did not close in time")
}

/// A token that is cancelled by SIGTERM and by the end of standard input.
fn stop_token() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let kind = SignalKind::terminate();
    let mut terminate = signal(kind)?;
    run_handler_on_alternate_stack(kind.as_raw_value())?;
    let token = stop.clone();
    tokio::spawn(async move {
        terminate.recv().await;
        token.cancel();
    });
    let token = stop.clone();
    std::thread::spawn(move || {
        // Whatever ends it, there is nobody left to work for.
        let _ = stdin().read_to_end(&mut Vec::new());
        token.cancel();
    });
    Ok(stop)
}

fn router(node: Node) -> Router {
    Router::new()
        .route("/health", get(async || (JSON, r#"{"status":"ok"}"#)))
        .route("/mcp", post(async |_: Bytes| (JSON, MCP_ANSWER)))
        .route("/echo", post(async |body: Bytes| body))
        .route("/bulk", get(bulk))
        .route("/whois", get(whois))
        .layer(DefaultBodyLimit::disable())
        .with_state(node)
}

#[derive(Deserialize)]
struct Bulk {
    bytes: usize,
}

/// The whole body is made at once, as the reply of a tool is.
async fn bulk(Query(Bulk { bytes }): Query<Bulk>) -> Vec<u8> {
    vec![0; bytes]
}

/// Asks Go who is calling, past the cache that the product has.
async fn whois(State(node): State<Node>, Extension(peer): Extension<Peer>) -> impl IntoResponse {
    match peer {
        Peer::Tailnet { address } if node.whois(address.ip()).await.is_ok() => StatusCode::OK,
        _ => StatusCode::NOT_FOUND,
    }
}
