//! Who is behind a request: decided by the plane it arrived on.

use axum::http::HeaderMap;

use super::Site;
use super::refusal::Refusal;
use crate::access::{Caller, Credential, Peer};

/// Turns a peer into a caller, or refuses.
///
/// A tailnet device is who WireGuard says it is, whatever credential it shows; everybody else needs one.
pub(super) async fn identify(site: &Site, peer: Peer, headers: &HeaderMap, by_secret: bool) -> Result<Caller, Refusal> {
    match peer {
        Peer::Tailnet { address } => site.directory.who_is(address.ip()).await.ok_or(Refusal::Unidentified),
        Peer::Admin => Ok(Caller::Admin),
        Peer::Funnel { .. } | Peer::Direct { .. } if by_secret => Ok(Caller::Public(Credential::PathSecret)),
        Peer::Funnel { .. } | Peer::Direct { .. } => site.credentials.bearer(headers).map(Caller::Public),
    }
}
