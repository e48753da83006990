//! Who is behind a request: decided by the plane it arrived on.

use std::sync::Arc;

use axum::http::HeaderMap;

use super::refusal::Refusal;
use super::{Gate, Site, bearer};
use crate::access::{Barrier, Caller, Credential, CredentialKind, Peer};
use crate::credentials::Found;

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
                Some(_) if gate.require_both => by_token(site, gate, peer, headers)?,
                None if gate.require_both => return Err(Refusal::NoCredential),
                Some(credential) => credential,
                None => by_token(site, gate, peer, headers)?,
            };
            site.keys.used(&credential.name);
            Ok(Caller::Public(credential))
        }
    }
}

fn by_token(site: &Site, gate: &Gate, peer: Peer, headers: &HeaderMap) -> Result<Arc<Credential>, Refusal> {
    let token = bearer::token(headers).ok_or(Refusal::NoCredential)?;
    let found = site.keys.look(CredentialKind::Bearer, token, peer.source());
    in_force(site, gate, peer, found).ok_or(Refusal::WrongCredential)
}

/// The credential, if it is good now and from there. One that is not, for whatever reason, is like a wrong one to whoever
/// shows it, and is on record by its name.
pub(super) fn in_force(site: &Site, gate: &Gate, peer: Peer, found: Found) -> Option<Arc<Credential>> {
    let known = match found {
        Found::Good(credential) if gate.is_open_to(&peer) => return Some(credential),
        Found::Good(credential) => Some((Caller::Public(credential), Barrier::Sources)),
        Found::Spent(credential, barrier) => Some((Caller::Public(credential), barrier)),
        Found::Nothing => None,
    };
    site.audit.turned_away(peer, known);
    None
}

/// Notes whose credential is shown from where nobody may come from.
pub(super) fn note_holder(site: &Site, gate: &Gate, peer: Peer, headers: &HeaderMap) {
    // The refusal is told by the caller, whatever the token is.
    let _ = by_token(site, gate, peer, headers);
}
