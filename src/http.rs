//! The way of a request, from the accepted connection to the MCP service: every route and every check on this page.

mod credentials;
mod headers;
mod identify;
mod names;
mod refusal;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get};

pub use credentials::Credentials;
pub use names::Names;

use crate::access::{self, Directory, Peer, Policy};
use crate::audit::Audit;
use crate::mcp::Mcp;
use refusal::Refusal;

/// Everything that answers depend on. The parts that change while the server runs are swapped whole.
pub struct Site {
    /// Who may do what.
    pub policy: Arc<ArcSwap<Policy>>,
    /// The names this server answers to.
    pub names: ArcSwap<Names>,
    /// What opens the public door.
    pub credentials: Credentials,
    /// Who is behind a tailnet address.
    pub directory: Arc<dyn Directory>,
    /// Where refusals are recorded.
    pub audit: Audit,
    /// The MCP service.
    pub mcp: Mcp,
}

/// All routes. Layers run from the bottom up: `guard` is the first to see a request and the last to see its response.
pub fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/mcp", any(mcp))
        // `/<secret>/mcp` and `/mcp/<secret>`: for clients that cannot send a header.
        .route("/{first}/{second}", any(mcp_by_secret))
        .fallback(async || Refusal::UnknownPath)
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guard))
        .with_state(site)
}

/// What holds on every route of every plane.
async fn guard(State(site): State<Arc<Site>>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<Peer>().copied();
    let mut response = match site.names.load().check(&request) {
        Ok(()) => {
            // Identity comes from the connection: whatever claims to carry one goes before anything can read it.
            headers::strip(request.headers_mut());
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    if let (Some(peer), 401 | 403 | 404 | 429) = (peer, response.status().as_u16()) {
        site.audit.refused(peer, response.status().as_u16()).await;
    }
    let headers = response.headers_mut();
    // A path secret must not travel to another site in a Referer.
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    // Every answer is for one caller; `no-cache` of an event stream is as good and stays.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}

/// For monitoring: open to all, so it says nothing but that the server works.
async fn health(State(site): State<Arc<Site>>) -> Response {
    Json(site.mcp.health()).into_response()
}

async fn mcp(State(site): State<Arc<Site>>, request: Request) -> Response {
    respond(&site, request, false).await
}

async fn mcp_by_secret(State(site): State<Arc<Site>>, request: Request) -> Response {
    // The path as it was sent: a secret needs no escapes, and whatever has some is unknown here.
    let shown = match request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/')) {
        Some((secret, "mcp") | ("mcp", secret)) => secret,
        _ => "",
    };
    // Compared even when there is nothing to compare, so that a wrong secret takes as long as any unknown path.
    match site.credentials.path_secret_matches(shown) {
        true => respond(&site, request, true).await,
        false => Refusal::UnknownPath.into_response(),
    }
}

/// Who is it, may they come in, and is it a call at all: in this order, so that a stranger learns nothing.
async fn respond(site: &Site, mut request: Request, by_secret: bool) -> Response {
    let Some(peer) = request.extensions().get::<Peer>().copied() else {
        tracing::error!("a connection without a peer");
        return Refusal::Internal.into_response();
    };
    let caller = match identify::identify(site, peer, request.headers(), by_secret).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    if let Err(denied) = access::admit(&site.policy.load(), &caller) {
        tracing::info!(plane = %peer.plane(), %denied, "refused");
        return Refusal::Denied(denied).into_response();
    }
    if request.method() != Method::POST {
        return Refusal::MethodNotAllowed.into_response();
    }
    request.extensions_mut().insert(caller);
    site.mcp.answer(request).await.unwrap_or_else(|unreadable| Refusal::Unreadable(unreadable).into_response())
}
