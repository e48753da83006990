//! The way of a request, from the accepted connection to the MCP service: every route and every check on this page.

mod bearer;
mod forwarded;
mod gate;
mod headers;
mod identify;
mod leftover;
mod limits;
mod metrics;
mod names;
mod refusal;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, Method, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{any, get};

pub use gate::Gate;
pub use names::Names;

use crate::access::{self, Credential, CredentialKind, Directory, Peer, Policy};
use crate::audit::Audit;
use crate::credentials::Keys;
use crate::mcp::Mcp;
use crate::metrics::Metrics;
use crate::net::Standing;
use refusal::Refusal;

/// Everything that answers depend on. The parts that change while the server runs are swapped whole.
pub struct Site {
    /// Who may do what.
    pub policy: Arc<ArcSwap<Policy>>,
    /// The names this server answers to.
    pub names: ArcSwap<Names>,
    /// What opens the public door.
    pub keys: Arc<Keys>,
    /// Who gets as far as that, and how often.
    pub gate: Arc<ArcSwap<Gate>>,
    /// Who is behind a tailnet address.
    pub directory: Arc<dyn Directory>,
    /// Where refusals are recorded.
    pub audit: Audit,
    /// What is counted.
    pub metrics: Metrics,
    /// The MCP service.
    pub mcp: Mcp,
}

/// All routes. Layers run from the bottom up: `guard` is the first to see a request and the last to see its response.
pub fn router(site: Arc<Site>) -> Router {
    Router::new()
        .route("/health", get(health))
        .route("/metrics", any(metrics::show))
        .route("/mcp", any(mcp))
        // `/<secret>/mcp` and `/mcp/<secret>`: for clients that cannot send a header.
        .route("/{first}/{second}", any(mcp_by_secret))
        .fallback(unknown)
        .layer(middleware::from_fn_with_state(Arc::clone(&site), guard))
        .with_state(site)
}

/// What holds on every route of every plane.
async fn guard(State(site): State<Arc<Site>>, request: Request, next: Next) -> Response {
    let mut request = leftover::read_on(request);
    let accepted = request.extensions().get::<Peer>().copied();
    let gate = site.gate.load_full();
    let seen = |peer| forwarded::client(&gate.proxies, peer, request.headers());
    let client = accepted.map(seen).transpose();
    let peer = client.as_ref().ok().copied().flatten().or(accepted);
    if let Some(peer) = peer {
        request.extensions_mut().insert(peer);
    }
    let mut response = match client.and_then(|_| site.names.load().check(&request)) {
        Ok(()) => {
            // Identity comes from the connection: whatever claims to carry one goes before anything can read it.
            headers::strip(request.headers_mut());
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    };
    // Whoever is turned down too often is told to wait, in the same way whatever they tried, and waits for that. A right
    // credential is not turned down, so nobody can make its holder wait.
    if let (Some(peer), 401 | 403 | 404) = (peer, response.status().as_u16())
        && let Err(wait) = gate.limits.turned_down(&peer)
    {
        gate.limits.hold_up().await;
        response = Refusal::TooMuch(wait).into_response();
    }
    if let Some(peer) = peer {
        site.metrics.responded(peer.plane(), response.status().as_u16());
    }
    if let (Some(peer), 401 | 403 | 404 | 429) = (peer, response.status().as_u16()) {
        site.audit.refused(peer, response.status().as_u16());
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
    respond(&site, request, None).await
}

async fn mcp_by_secret(State(site): State<Arc<Site>>, request: Request) -> Response {
    // The path as it was sent: a secret needs no escapes, and whatever has some is unknown here.
    let shown = match request.uri().path().strip_prefix('/').and_then(|path| path.split_once('/')) {
        Some((secret, "mcp") | ("mcp", secret)) => secret,
        _ => "",
    };
    match by_secret(&site, &request, shown) {
        Some(credential) => respond(&site, request, Some(credential)).await,
        None => Refusal::UnknownPath.into_response(),
    }
}

/// Looks a secret up although there is none, so that every unknown path takes as long as a wrong secret.
async fn unknown(State(site): State<Arc<Site>>, request: Request) -> Refusal {
    by_secret(&site, &request, "");
    Refusal::UnknownPath
}

/// The credential of a secret path. For those whom the list of sources keeps out, a right secret is like a wrong one.
fn by_secret(site: &Site, request: &Request, shown: &str) -> Option<Arc<Credential>> {
    let peer = request.extensions().get::<Peer>()?;
    let found = site.keys.look(CredentialKind::Path, shown, peer.source());
    identify::in_force(site, &site.gate.load(), *peer, found)
}

/// May they come from there, who is it, may they come in, not too often, and is it a call at all: in this order, so that a
/// stranger learns nothing.
async fn respond(site: &Site, mut request: Request, by_secret: Option<Arc<Credential>>) -> Response {
    let Some(peer) = request.extensions().get::<Peer>().copied() else {
        tracing::error!("a connection without a peer");
        return Refusal::Internal.into_response();
    };
    let gate = site.gate.load_full();
    if !gate.is_open_to(&peer) {
        identify::note_holder(site, &gate, peer, request.headers());
        return Refusal::ForeignSource.into_response();
    }
    let caller = match identify::identify(site, &gate, peer, request.headers(), by_secret).await {
        Ok(caller) => caller,
        Err(refusal) => return refusal.into_response(),
    };
    if let Err(denied) = access::admit(&site.policy.load(), &caller) {
        tracing::info!(plane = %peer.plane(), %denied, barrier = %denied.barrier(), "refused");
        site.audit.turned_away(peer, Some((caller, denied.barrier().clone())));
        return Refusal::Denied(denied).into_response();
    }
    if let Some(standing) = request.extensions().get::<Standing>() {
        standing.welcome();
    }
    let place = match gate.limits.enter(&caller) {
        Ok(place) => place,
        Err(wait) => {
            tracing::info!(plane = %peer.plane(), %caller, "at the limit");
            return Refusal::TooMuch(wait).into_response();
        }
    };
    if request.method() != Method::POST {
        return Refusal::MethodNotAllowed.into_response();
    }
    request.extensions_mut().insert(caller);
    request.extensions_mut().insert(place.clone());
    let response = site.mcp.answer(request).await;
    limits::until_sent(place, response.unwrap_or_else(|unreadable| Refusal::Unreadable(unreadable).into_response()))
}
