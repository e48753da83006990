//! Who holds how many connections.

mod counts;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

use super::Limits;
use crate::access::{Peer, Plane};
use counts::{Counts, Stranger};

/// The count of open connections, in all and by source.
///
/// Where a limit is reached, the oldest stranger makes room: a connection that has not brought a request of anybody who was
/// let in. So nobody who merely holds connections keeps out who has a right to come in.
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
    /// Refused, or cut to make room, since the start, by the limit that was reached.
    pub turned_away: HashMap<&'static str, u64>,
}

/// One open connection; dropping it gives the place back.
#[derive(Debug)]
pub(super) struct Slot {
    peer: Peer,
    standing: Standing,
}

/// What is known of a connection, in the extensions of each of its requests.
#[derive(Clone, Debug)]
pub struct Standing(Arc<Known>);

#[derive(Debug)]
struct Known {
    counts: Arc<Mutex<Counts>>,
    number: u64,
    welcome: AtomicBool,
}

impl Slots {
    pub(super) fn new(limits: Limits) -> Self {
        Self { limits, counts: Arc::default() }
    }

    pub(super) fn connections(&self) -> Connections {
        lock(&self.counts).told.clone()
    }

    /// A place for a connection of `peer`, which `cut` ends when another one needs it more; none if a limit is reached.
    pub(super) fn take(&self, peer: Peer, cut: &CancellationToken) -> Option<Slot> {
        let mut counts = lock(&self.counts);
        while let Some(limit) = counts.reached(&self.limits, &peer) {
            let made_room = counts.cut_oldest(limit, &peer);
            counts.turn_away(&peer, limit);
            if !made_room {
                return None;
            }
        }
        let number = counts.next;
        counts.next += 1;
        counts.add(&peer);
        // Devices of the tailnet have shown who they are before their first byte.
        let welcome = !peer.plane().is_public();
        if !welcome {
            counts.strangers.insert(number, Stranger { peer, cut: cut.clone() });
        }
        let known = Known { counts: Arc::clone(&self.counts), number, welcome: AtomicBool::new(welcome) };
        Some(Slot { peer, standing: Standing(Arc::new(known)) })
    }
}

impl Slot {
    pub(super) fn peer(&self) -> Peer {
        self.peer
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }
}

impl Standing {
    /// To be called when a request of the connection comes from somebody who may come in.
    pub fn welcome(&self) {
        if !self.is_welcome() {
            let mut counts = lock(&self.0.counts);
            // One that was cut meanwhile has lost its place.
            if counts.strangers.remove(&self.0.number).is_some() {
                self.0.welcome.store(true, Relaxed);
            }
        }
    }

    pub(super) fn is_welcome(&self) -> bool {
        self.0.welcome.load(Relaxed)
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

    fn public(&self) -> usize {
        self.open.iter().filter(|(plane, _)| plane.is_public()).map(|(_, connections)| connections).sum()
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Known { counts, number, .. } = &*self.standing.0;
        let mut counts = lock(counts);
        // Whoever was cut to make room gave the place back then.
        if counts.strangers.remove(number).is_some() || self.standing.is_welcome() {
            counts.remove(&self.peer);
        }
    }
}

fn lock(counts: &Mutex<Counts>) -> MutexGuard<'_, Counts> {
    // No code panics while it holds the lock, so the counts are right even if a thread died with it.
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}
