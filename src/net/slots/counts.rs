//! The numbers behind the limits, and who makes room.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, warn};

use super::Connections;
use crate::access::{Peer, Plane, subscriber};
use crate::net::Limits;

/// Refusals are news once, then once in this time.
const WARN_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) told: Connections,
    by_source: HashMap<IpAddr, usize>,
    /// By age. Connections of the tailnet and of the operator are never among them.
    pub(super) strangers: BTreeMap<u64, Stranger>,
    pub(super) next: u64,
    refused: u64,
    warned: Option<Instant>,
}

#[derive(Debug)]
pub(super) struct Stranger {
    pub(super) peer: Peer,
    pub(super) cut: CancellationToken,
}

/// All connections but the operator's.
const ALL: &str = "connections";
/// Those of planes that anybody may reach.
const PUBLIC: &str = "public connections";
/// Those of one source.
const SOURCE: &str = "connections of one source";

impl Counts {
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.by_source.is_empty() && self.strangers.is_empty()
    }

    /// The limit that keeps `peer` out. The owner of the machine always gets in by the admin socket.
    pub(super) fn reached(&self, limits: &Limits, peer: &Peer) -> Option<&'static str> {
        if peer.plane() == Plane::Admin {
            None
        } else if self.told.all_but_the_operators() >= limits.connections {
            Some(ALL)
        } else if peer.plane().is_public() && self.told.public() >= limits.public {
            Some(PUBLIC)
        } else if source(peer).is_some_and(|key| self.by_source.get(&key).is_some_and(|n| *n >= limits.per_source)) {
            Some(SOURCE)
        } else {
            None
        }
    }

    /// Ends the oldest of the strangers that count against `limit` as `peer` does; false if there is none.
    pub(super) fn cut_oldest(&mut self, limit: &str, peer: &Peer) -> bool {
        let counts = |stranger: &Stranger| limit != SOURCE || source(&stranger.peer) == source(peer);
        let Some(number) = self.strangers.iter().find_map(|(number, it)| counts(it).then_some(*number)) else {
            return false;
        };
        if let Some(stranger) = self.strangers.remove(&number) {
            stranger.cut.cancel();
            self.remove(&stranger.peer);
        }
        true
    }

    pub(super) fn add(&mut self, peer: &Peer) {
        *self.told.open.entry(peer.plane()).or_default() += 1;
        if let Some(key) = source(peer) {
            *self.by_source.entry(key).or_default() += 1;
        }
    }

    pub(super) fn remove(&mut self, peer: &Peer) {
        *self.told.open.entry(peer.plane()).or_default() -= 1;
        if let Some(key) = source(peer)
            && let Some(n) = self.by_source.get_mut(&key)
        {
            *n -= 1;
            if *n == 0 {
                self.by_source.remove(&key);
            }
        }
    }

    pub(super) fn turn_away(&mut self, peer: &Peer, limit: &'static str) {
        debug!(plane = %peer.plane(), limit, "a connection turned away");
        self.refused += 1;
        *self.told.turned_away.entry(limit).or_default() += 1;
        if self.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            warn!(plane = %peer.plane(), limit, refused = self.refused, "too many connections; turning some away");
            self.refused = 0;
            self.warned = Some(Instant::now());
        }
    }
}

/// What to count `peer` by.
///
/// A public IPv6 client has a whole /64 to choose addresses from, while tailnet devices share one /64 and cannot choose.
/// Loopback is a proxy on this machine, which brings everyone's connections, or the machine's owner.
pub(super) fn source(peer: &Peer) -> Option<IpAddr> {
    let address = peer.source()?.to_canonical();
    match peer.plane() {
        _ if address.is_loopback() => None,
        Plane::Tailnet => Some(address),
        _ => Some(subscriber(address)),
    }
}
