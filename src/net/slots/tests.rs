use tokio_util::sync::CancellationToken;

use super::counts::source;
use super::{Limits, Slot, Slots};
use crate::access::{Peer, Plane};

fn funnel(address: &str) -> Peer {
    Peer::Funnel { source: format!("{address}:1").parse().unwrap() }
}

fn tailnet(address: &str) -> Peer {
    Peer::Tailnet { address: format!("{address}:1").parse().unwrap() }
}

fn direct() -> Peer {
    Peer::Direct { address: "127.0.0.1:1".parse().unwrap() }
}

/// A connection, and what ends it.
struct Held(Slot, CancellationToken);

impl Held {
    fn was_cut(&self) -> bool {
        self.1.is_cancelled()
    }
}

fn take(slots: &Slots, peer: Peer) -> Option<Held> {
    let cut = CancellationToken::new();
    slots.take(peer, &cut).map(|slot| Held(slot, cut))
}

/// A connection of somebody who was let in.
fn welcome(slots: &Slots, peer: Peer) -> Option<Held> {
    let held = take(slots, peer)?;
    held.0.standing().welcome();
    Some(held)
}

#[test]
fn a_source_gets_its_limit_and_a_closed_connection_makes_room() {
    let slots = Slots::new(Limits { per_source: 2, ..Limits::default() });
    let first = welcome(&slots, funnel("192.0.2.1")).unwrap();
    let _second = welcome(&slots, funnel("192.0.2.1")).unwrap();
    assert!(take(&slots, funnel("192.0.2.1")).is_none());
    assert!(take(&slots, funnel("192.0.2.2")).is_some(), "another source is not affected");
    let told = slots.connections();
    assert_eq!((told.on(Plane::Funnel), told.turned_away["connections of one source"]), (2, 1));
    drop(first);
    assert!(take(&slots, funnel("192.0.2.1")).is_some());
}

#[test]
fn the_oldest_stranger_makes_room_and_whoever_was_let_in_stays() {
    let slots = Slots::new(Limits { public: 3, ..Limits::default() });
    let known = welcome(&slots, funnel("192.0.2.1")).unwrap();
    let old = take(&slots, funnel("192.0.2.2")).unwrap();
    let young = take(&slots, direct()).unwrap();
    let newcomer = take(&slots, funnel("192.0.2.3")).unwrap();
    assert!(old.was_cut() && !known.was_cut() && !young.was_cut());
    let told = slots.connections();
    assert_eq!((told.on(Plane::Funnel), told.on(Plane::Direct), told.turned_away["public connections"]), (2, 1, 1));
    // What was cut is counted once, and comes too late to be let in.
    old.0.standing().welcome();
    drop(old);
    assert_eq!(slots.connections().on(Plane::Funnel), 2);
    young.0.standing().welcome();
    newcomer.0.standing().welcome();
    assert!(take(&slots, funnel("192.0.2.4")).is_none(), "all places are of people who were let in");
}

#[test]
fn a_source_at_its_limit_cuts_its_own_oldest_stranger_and_nobody_elses() {
    let slots = Slots::new(Limits { per_source: 1, ..Limits::default() });
    let other = take(&slots, funnel("192.0.2.2")).unwrap();
    let old = take(&slots, funnel("192.0.2.1")).unwrap();
    let _new = take(&slots, funnel("192.0.2.1")).unwrap();
    assert!(old.was_cut() && !other.was_cut());
}

#[test]
fn the_public_cannot_take_the_places_of_the_tailnet() {
    let slots = Slots::new(Limits { connections: 3, public: 2, ..Limits::default() });
    let public = [funnel("192.0.2.1"), direct(), funnel("192.0.2.3")].map(|peer| welcome(&slots, peer));
    assert!(public[0].is_some() && public[1].is_some() && public[2].is_none());
    let _own = take(&slots, tailnet("100.64.0.1")).unwrap();
    assert!(take(&slots, tailnet("100.64.0.2")).is_none(), "the total holds for everyone");
    assert!(take(&slots, Peer::Admin).is_some(), "but the owner of the machine");
}

#[test]
fn a_device_of_the_tailnet_takes_the_place_of_a_stranger() {
    let slots = Slots::new(Limits { connections: 2, public: 2, ..Limits::default() });
    let strangers = [funnel("192.0.2.1"), funnel("192.0.2.2")].map(|peer| take(&slots, peer).unwrap());
    let _own = take(&slots, tailnet("100.64.0.1")).unwrap();
    assert!(strangers[0].was_cut() && !strangers[1].was_cut());
}

#[test]
fn nothing_is_remembered_of_a_source_that_left() {
    let slots = Slots::new(Limits::default());
    drop(take(&slots, funnel("192.0.2.1")));
    drop(welcome(&slots, funnel("192.0.2.2")));
    drop(take(&slots, Peer::Admin));
    assert_eq!(slots.connections().open.values().sum::<usize>(), 0);
    assert!(slots.counts.lock().unwrap().is_empty());
}

#[test]
fn addresses_that_one_client_can_have_count_together() {
    let same =
        [(funnel("[2001:db8::1]"), funnel("[2001:db8::ffff:2]")), (funnel("[::ffff:192.0.2.1]"), funnel("192.0.2.1"))];
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
    assert_eq!(source(&direct()), None);
}
