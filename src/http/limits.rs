//! How much one caller may ask for, and one stranger.
//!
//! Whoever showed a right credential is counted by who they are and never by their address: hosted clients share addresses,
//! and a stranger behind the same one must not use up what others have.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};
use http_body_util::BodyExt;
use tokio::sync::Semaphore;

use crate::access::{Caller, Peer, subscriber};
use crate::config::LimitsSection;
use crate::mcp::Place;

/// The most callers and addresses that are remembered. A thousand at a time are far more than a graph has.
const CAPACITY: usize = 4096;

/// Refusals at once that are never too many, if there are so many in a minute.
const FEW: NonZeroU32 = NonZeroU32::new(10).unwrap();
/// How long those wait for their answer who were turned down too often: a client that asks one thing after the other asks
/// no more than that.
const PAUSE: Duration = Duration::from_secs(1);
/// So many answers are held up at a time; those beyond cost no memory, and come at once.
const HELD_UP: usize = 256;

/// Large requests that a caller may have in memory at a time; those beyond wait for a place.
const LARGE: usize = 2;

/// What has been used of the limits, by the identity of a caller and by the address of a stranger.
#[derive(Debug)]
pub(super) struct Limits {
    numbers: LimitsSection,
    callers: Buckets<String>,
    strangers: Buckets<IpAddr>,
    running: Mutex<HashMap<String, Room>>,
    held_up: Semaphore,
}

/// What a caller may have at a time. A clone is the same room.
#[derive(Clone, Debug)]
struct Room {
    calls: Arc<Semaphore>,
    large: Arc<Semaphore>,
}

/// Too much at once; try again after this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooMuch(pub(super) Duration);

impl Limits {
    pub(super) fn new(numbers: LimitsSection) -> Self {
        Self {
            numbers,
            callers: Buckets::new(numbers.per_minute, numbers.burst),
            strangers: Buckets::new(numbers.strangers_per_minute, at_once(numbers.strangers_per_minute)),
            running: Mutex::default(),
            held_up: Semaphore::new(HELD_UP),
        }
    }

    pub(super) fn are(&self, numbers: LimitsSection) -> bool {
        self.numbers == numbers
    }

    /// Counts a request of a caller.
    pub(super) fn enter(&self, caller: &Caller) -> Result<Place, TooMuch> {
        let key = caller.identity();
        self.callers.take(&key)?;
        let Room { calls, large } = {
            let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            if running.len() >= CAPACITY {
                running.retain(|_, room| Arc::strong_count(&room.calls) > 1);
            }
            running.entry(key).or_insert_with(|| Room::new(usize_of(self.numbers.concurrent))).clone()
        };
        let place = calls.try_acquire_owned().map(|permit| Place::new(permit, large));
        place.map_err(|_| TooMuch(Duration::from_secs(1)))
    }

    /// Counts a request that was turned down, by the address it came from. Devices of the tailnet are no strangers.
    pub(super) fn turned_down(&self, peer: &Peer) -> Result<(), TooMuch> {
        match peer {
            Peer::Funnel { source: address } | Peer::Direct { address } => {
                self.strangers.take(&subscriber(address.ip()))
            }
            Peer::Tailnet { .. } | Peer::Admin => Ok(()),
        }
    }

    /// Lets the time pass that whoever was turned down too often has to wait.
    pub(super) async fn hold_up(&self) {
        if let Ok(_one) = self.held_up.try_acquire() {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Keeps the place until the body of the answer has been sent, or nobody wants it any more.
pub(super) fn until_sent(place: Place, response: Response) -> Response {
    response.map(|body| {
        Body::new(body.map_frame(move |frame| {
            let _place = &place;
            frame
        }))
    })
}

impl Room {
    fn new(calls: usize) -> Self {
        Self { calls: Arc::new(Semaphore::new(calls)), large: Arc::new(Semaphore::new(LARGE)) }
    }
}

impl TooMuch {
    /// Whole seconds, at least one.
    pub(super) fn seconds(self) -> u64 {
        self.0.as_secs() + u64::from(self.0.subsec_nanos() > 0)
    }
}

/// A token bucket for each key, as many as fit.
#[derive(Debug)]
struct Buckets<K: Clone + Hash + Eq>(RateLimiter<K, HashMapStateStore<K>, DefaultClock>);

impl<K: Clone + Hash + Eq> Buckets<K> {
    fn new(per_minute: NonZeroU32, burst: NonZeroU32) -> Self {
        Self(RateLimiter::hashmap(Quota::per_minute(per_minute).allow_burst(burst)))
    }

    fn take(&self, key: &K) -> Result<(), TooMuch> {
        if self.0.len() >= CAPACITY {
            // Full buckets are as good as none.
            self.0.retain_recent();
        }
        if self.0.len() >= CAPACITY {
            return Err(TooMuch(Duration::from_secs(1)));
        }
        self.0.check_key(key).map_err(|until| TooMuch(until.wait_time_from(DefaultClock::default().now())))
    }
}

/// How many of the refusals of a minute a stranger may have at once: a tenth, which is more than any client's mistakes.
fn at_once(per_minute: NonZeroU32) -> NonZeroU32 {
    let few = per_minute.min(FEW);
    NonZeroU32::new(per_minute.get() / 10).map_or(few, |tenth| tenth.max(few))
}

fn usize_of(number: NonZeroU32) -> usize {
    usize::try_from(number.get()).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Credential, CredentialKind, Level, Rule};

    fn number(number: u32) -> NonZeroU32 {
        NonZeroU32::new(number).unwrap()
    }

    fn limits() -> Limits {
        let numbers = LimitsSection {
            per_minute: number(1),
            burst: number(3),
            concurrent: number(2),
            strangers_per_minute: number(2),
        };
        Limits::new(numbers)
    }

    fn holder(name: &str) -> Caller {
        let rule = Rule::everything(Level::Full);
        Caller::Public(Arc::new(Credential { name: name.into(), kind: CredentialKind::Bearer, rule }))
    }

    fn from(address: &str) -> Peer {
        Peer::Funnel { source: (address.parse::<IpAddr>().unwrap(), 4242).into() }
    }

    #[test]
    fn a_caller_that_asks_too_much_waits_and_no_other_does() {
        let limits = limits();
        for _ in 0..3 {
            drop(limits.enter(&holder("busy")).unwrap());
        }
        let refused = limits.enter(&holder("busy")).unwrap_err();
        assert!((1..=60).contains(&refused.seconds()), "{refused:?}");
        limits.enter(&holder("quiet")).unwrap();
        limits.enter(&Caller::Admin).unwrap();
    }

    #[test]
    fn requests_that_run_are_counted_until_they_end() {
        let limits = limits();
        let (first, _second) = (limits.enter(&holder("busy")).unwrap(), limits.enter(&holder("busy")).unwrap());
        assert_eq!(limits.enter(&holder("busy")).unwrap_err().seconds(), 1);
        limits.enter(&holder("quiet")).unwrap();
        drop(first);
        let key = holder("busy").identity();
        assert_eq!(limits.running.lock().unwrap()[&key].calls.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_place_is_free_again_when_the_answer_is_out() {
        let limits = Limits::new(LimitsSection { concurrent: number(1), ..LimitsSection::default() });
        let answer = until_sent(limits.enter(&holder("busy")).unwrap(), Response::new(Body::from("text")));
        assert!(limits.enter(&holder("busy")).is_err());
        assert_eq!(answer.into_body().collect().await.unwrap().to_bytes(), "text");
        limits.enter(&holder("busy")).unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_wait_and_those_beyond_are_answered_at_once() {
        let limits = Arc::new(limits());
        let wait = |limits: Arc<Limits>| async move { limits.hold_up().await };
        let waiting: Vec<_> = (0..HELD_UP).map(|_| tokio::spawn(wait(Arc::clone(&limits)))).collect();
        while limits.held_up.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        let began = tokio::time::Instant::now();
        limits.hold_up().await;
        assert_eq!(began.elapsed(), Duration::ZERO);
        for one in waiting {
            one.await.unwrap();
        }
        assert!(began.elapsed() >= PAUSE);
    }

    #[test]
    fn a_stranger_has_a_tenth_of_a_minutes_refusals_at_once() {
        for (per_minute, expected) in [(600, 60), (100, 10), (99, 10), (15, 10), (10, 10), (5, 5), (1, 1)] {
            assert_eq!(at_once(number(per_minute)).get(), expected, "{per_minute}");
        }
    }

    #[test]
    fn strangers_are_counted_by_address_and_a_whole_ipv6_network_as_one() {
        let limits = limits();
        for address in ["2001:db8::1", "2001:db8::2"] {
            limits.turned_down(&from(address)).unwrap();
        }
        assert!(limits.turned_down(&from("2001:db8::3")).is_err());
        limits.turned_down(&from("2001:db8:0:1::3")).unwrap();
        limits.turned_down(&from("192.0.2.1")).unwrap();
        limits.turned_down(&from("::ffff:192.0.2.1")).unwrap();
        assert!(limits.turned_down(&from("192.0.2.1")).is_err());
        let device = Peer::Tailnet { address: "100.64.0.9:1".parse().unwrap() };
        for _ in 0..9 {
            limits.turned_down(&device).unwrap();
        }
    }

    #[test]
    fn a_flood_of_addresses_does_not_grow_the_map_without_end() {
        let limits = limits();
        for n in 0..20_000_u32 {
            let _ = limits.turned_down(&from(&std::net::Ipv4Addr::from(n).to_string()));
        }
        assert!(limits.strangers.0.len() <= CAPACITY);
        limits.enter(&holder("good")).unwrap();
    }
}
