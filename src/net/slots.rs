//! Who holds how many connections.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{debug, warn};

use super::Limits;
use crate::access::{Peer, Plane};

/// Refusals are news once, then once in this time.
const WARN_EVERY: Duration = Duration::from_secs(60);

/// The count of open connections, in all and by source.
#[derive(Clone, Debug)]
pub(super) struct Slots {
    limits: Limits,
    counts: Arc<Mutex<Counts>>,
}

/// How many connections there are, and were not let in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// Open now, by plane; a plane that never had any is missing.
    pub open: HashMap<Plane, usize>,
    /// Refused since the start, by the limit that was reached.
    pub turned_away: HashMap<&'static str, u64>,
}

#[derive(Debug, Default)]
struct Counts {
    told: Connections,
    by_source: HashMap<IpAddr, usize>,
    refused: u64,
    warned: Option<Instant>,
}

/// One open connection; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Slot {
    counts: Arc<Mutex<Counts>>,
    peer: Peer,
}

impl Slots {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    pub(super) fn connections(&self) -> Connections {
        lock(&self.counts).told.clone()
    }

    /// A place for a connection of `peer`, unless a limit is reached.
    pub(super) fn take(&self, peer: Peer) -> Option<Slot> {
        let mut counts = lock(&self.counts);
        if let Some(limit) = counts.reached(&self.limits, &peer) {
            counts.refuse(&peer, limit);
            return None;
        }
        counts.add(&peer);
        Some(Slot { counts: Arc::clone(&self.counts), peer })
    }
}

impl Connections {
    /// Open now on `plane`.
    pub fn on(&self, plane: Plane) -> usize {
        self.open.get(&plane).copied().unwrap_or_default()
    }

    fn all_but_the_operators(&self) -> usize {
        self.open.values().sum::<usize>() - self.on(Plane::Admin)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        lock(&self.counts).remove(&self.peer);
    }
}

impl Counts {
    /// The limit that keeps `peer` out. The owner of the machine always gets in by the admin socket.
    fn reached(&self, limits: &Limits, peer: &Peer) -> Option<&'static str> {
        if peer.plane() == Plane::Admin {
            None
        } else if self.told.all_but_the_operators() >= limits.connections {
            Some("connections")
        } else if peer.plane() == Plane::Funnel && self.told.on(Plane::Funnel) >= limits.public {
            Some("public connections")
        } else if source(peer).is_some_and(|key| self.by_source.get(&key).is_some_and(|n| *n >= limits.per_source)) {
            Some("connections of one source")
        } else {
            None
        }
    }

    fn add(&mut self, peer: &Peer) {
        *self.told.open.entry(peer.plane()).or_default() += 1;
        if let Some(key) = source(peer) {
            *self.by_source.entry(key).or_default() += 1;
        }
    }

    fn remove(&mut self, peer: &Peer) {
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

    fn refuse(&mut self, peer: &Peer, limit: &'static str) {
        debug!(plane = %peer.plane(), limit, "connection refused");
        self.refused += 1;
        *self.told.turned_away.entry(limit).or_default() += 1;
        if self.warned.is_none_or(|at| at.elapsed() >= WARN_EVERY) {
            warn!(plane = %peer.plane(), limit, refused = self.refused, "too many connections; refusing some");
            self.refused = 0;
            self.warned = Some(Instant::now());
        }
    }
}

/// What to count `peer` by.
///
/// A public IPv6 client has a whole /64 to choose addresses from, while tailnet devices share one /64 and cannot choose.
/// Loopback is a proxy on this machine, which brings everyone's connections, or the machine's owner.
fn source(peer: &Peer) -> Option<IpAddr> {
    let address = peer.source()?.to_canonical();
    match address {
        _ if address.is_loopback() => None,
        IpAddr::V6(v6) if peer.plane() != Plane::Tailnet => Some(Ipv6Addr::from(u128::from(v6) >> 64 << 64).into()),
        _ => Some(address),
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // No code panics while it holds the lock, so the counts are right even if a thread died with it.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::{Limits, Slots, source};
    use crate::access::{Peer, Plane};

    fn funnel(address: &str) -> Peer {
        Peer::Funnel { source: format!("{address}:1").parse().unwrap() }
    }

    fn tailnet(address: &str) -> Peer {
        Peer::Tailnet { address: format!("{address}:1").parse().unwrap() }
    }

    #[test]
    fn a_source_gets_its_limit_and_a_closed_connection_makes_room() {
        let slots = Slots::new(Limits { per_source: 2, ..Limits::default() });
        let first = slots.take(funnel("192.0.2.1")).unwrap();
        let _second = slots.take(funnel("192.0.2.1")).unwrap();
        assert!(slots.take(funnel("192.0.2.1")).is_none());
        assert!(slots.take(funnel("192.0.2.2")).is_some(), "another source is not affected");
        let told = slots.connections();
        assert_eq!((told.on(Plane::Funnel), told.turned_away["connections of one source"]), (2, 1));
        drop(first);
        assert!(slots.take(funnel("192.0.2.1")).is_some());
    }

    #[test]
    fn the_public_cannot_take_the_places_of_the_tailnet() {
        let slots = Slots::new(Limits { connections: 3, public: 2, ..Limits::default() });
        let public: Vec<_> = ["192.0.2.1", "192.0.2.2", "192.0.2.3"].map(|ip| slots.take(funnel(ip))).into();
        assert!(public[0].is_some() && public[1].is_some() && public[2].is_none());
        let _own = slots.take(tailnet("100.64.0.1")).unwrap();
        assert!(slots.take(tailnet("100.64.0.2")).is_none(), "the total holds for everyone");
        assert!(slots.take(Peer::Admin).is_some(), "but the owner of the machine");
    }

    #[test]
    fn nothing_is_remembered_of_a_source_that_left() {
        let slots = Slots::new(Limits::default());
        drop(slots.take(funnel("192.0.2.1")));
        drop(slots.take(Peer::Admin));
        assert_eq!(slots.connections().open.values().sum::<usize>(), 0);
        assert!(slots.counts.lock().unwrap().by_source.is_empty());
    }

    #[test]
    fn addresses_that_one_client_can_have_count_together() {
        let same = [
            (funnel("[2001:db8::1]"), funnel("[2001:db8::ffff:2]")),
            (funnel("[::ffff:192.0.2.1]"), funnel("192.0.2.1")),
        ];
        for (a, b) in same {
            assert_eq!(source(&a), source(&b), "{a:?} {b:?}");
        }
        let different = [
            (funnel("[2001:db8::1]"), funnel("[2001:db8:0:1::1]")),
            (tailnet("[fd7a:115c:a1e0::1]"), tailnet("[fd7a:115c:a1e0::2]")),
        ];
        for (a, b) in different {
            assert_ne!(source(&a), source(&b), "{a:?} {b:?}");
        }
        assert_eq!(source(&Peer::Direct { address: "127.0.0.1:1".parse().unwrap() }), None);
    }
}
