//! Who is behind a request: decided by the plane it arrived on.

use std::sync::Arc;

use axum::http::HeaderMap;

use super::refusal::Refusal;
use super::{Gate, Site, bearer};
use crate::access::{Caller, Credential, CredentialKind, Peer};

/// Turns a peer into a caller, or refuses. `by_secret` is the credential of the URL, which has been checked.
///
/// A tailnet device is who WireGuard says it is, whatever credential it shows; everybody else needs one.
pub(super) async fn identify(
    site: &Site,
    gate: &Gate,
    peer: Peer,
    headers: &HeaderMap,
    by_secret: Option<Arc<Credential>>,
) -> Result<Caller, Refusal> {
    match peer {
        Peer::Tailnet { address } => site.directory.who_is(address.ip()).await.ok_or(Refusal::Unidentified),
        Peer::Admin => Ok(Caller::Admin),
        Peer::Funnel { .. } | Peer::Direct { .. } => {
            let credential = match by_secret {
                // The token says who calls; the secret in the URL is one more lock on the door.
                Some(_) if gate.require_both => by_token(site, peer, headers)?,
                None if gate.require_both => return Err(Refusal::NoCredential),
                Some(credential) => credential,
                None => by_token(site, peer, headers)?,
            };
            site.keys.used(&credential.name);
            Ok(Caller::Public(credential))
        }
    }
}

fn by_token(site: &Site, peer: Peer, headers: &HeaderMap) -> Result<Arc<Credential>, Refusal> {
    let token = bearer::token(headers).ok_or(Refusal::NoCredential)?;
    site.keys.find(CredentialKind::Bearer, token, peer.source()).ok_or(Refusal::WrongCredential)
}
