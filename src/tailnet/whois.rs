//! WhoIs behind a short cache: asking Go costs some 350 µs, as much as the rest of a request.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::message::{ErrorKind, WhoIs};
use super::node::Node;
use crate::access::{CAPABILITY, Caller, Directory, MalformedGrant, Rule, TailnetNode, TailnetUser};

/// How long an answer is believed. The cache is dropped at every change the tailnet tells of; this bounds what it does not.
const TIME_TO_LIVE: Duration = Duration::from_secs(10);
/// How long an address without a caller stays so. Short, because a new device calls as soon as it is let in.
const NOBODY_FOR: Duration = Duration::from_secs(1);
/// How often it is told that there are such addresses.
const TELL_EVERY: Duration = Duration::from_secs(60);
/// More callers than this at once start over, so that a scan through the tailnet cannot grow the map.
const CAPACITY: usize = 1024;

/// The tailnet as a [`Directory`].
pub struct WhoIsCache {
    node: Node,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    callers: HashMap<IpAddr, (Caller, Instant)>,
    /// Addresses that the tailnet had no caller for, and when it said so.
    nobody: HashMap<IpAddr, Instant>,
    /// When it was last told in the log that there was none.
    told: Option<Instant>,
    /// Grants that are not understood, by the address they are for, as of the last look-up.
    malformed: HashMap<IpAddr, Vec<MalformedGrant>>,
    /// Counts the times the cache was dropped, so that an answer from before does not come back in.
    generation: u64,
}

impl WhoIsCache {
    /// An empty cache in front of `node`.
    pub fn new(node: Node) -> Self {
        Self { node, known: Mutex::default() }
    }

    /// Forgets everything: the tailnet has changed.
    pub fn clear(&self) {
        let mut known = self.known();
        known.callers.clear();
        known.nobody.clear();
        // Who calls again with such a grant brings it back; one that was mended is not told any longer.
        known.malformed.clear();
        known.generation += 1;
    }

    /// The callers that are known at the moment.
    pub fn seen(&self) -> Vec<Caller> {
        self.known().callers.values().map(|(caller, _)| caller.clone()).collect()
    }

    /// The grants that are not understood, each once, in words.
    pub fn malformed(&self) -> Vec<String> {
        let known = self.known();
        let told: BTreeSet<_> = known.malformed.values().flatten().map(ToString::to_string).collect();
        told.into_iter().collect()
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn look_up(&self, address: IpAddr) -> Option<Caller> {
        let generation = {
            let known = self.known();
            match (known.callers.get(&address), known.nobody.get(&address)) {
                (Some((caller, asked)), _) if asked.elapsed() < TIME_TO_LIVE => return Some(caller.clone()),
                (_, Some(asked)) if asked.elapsed() < NOBODY_FOR => return None,
                _ => known.generation,
            }
        };
        let caller = match self.node.whois(address).await {
            Ok(answer) => {
                let (caller, malformed) = caller(answer);
                self.note_malformed(address, malformed);
                caller
            }
            Err(error) => {
                if self.known().tells(Instant::now()) {
                    let unknown = error.kind == ErrorKind::NotFound;
                    tracing::warn!(%address, %error, unknown, "no identity for a tailnet address");
                }
                None
            }
        };
        let mut known = self.known();
        let Some(caller) = caller else {
            if known.generation == generation {
                known.is_nobody(address, Instant::now());
            }
            return None;
        };
        if known.generation == generation {
            if known.callers.len() >= CAPACITY {
                known.callers.clear();
            }
            known.callers.insert(address, (caller.clone(), Instant::now()));
        }
        Some(caller)
    }
}

impl Known {
    fn is_nobody(&mut self, address: IpAddr, now: Instant) {
        if self.nobody.len() >= CAPACITY {
            self.nobody.clear();
        }
        self.nobody.insert(address, now);
    }

    /// Whether it is told now that an address is nobody's: of many requests from there, once a minute.
    fn tells(&mut self, now: Instant) -> bool {
        let tells = self.told.is_none_or(|told| now.duration_since(told) >= TELL_EVERY);
        if tells {
            self.told = Some(now);
        }
        tells
    }
}

impl WhoIsCache {
    fn note_malformed(&self, address: IpAddr, malformed: Vec<MalformedGrant>) {
        for malformed in &malformed {
            tracing::warn!(%address, "{malformed}");
        }
        let mut known = self.known();
        known.malformed.remove(&address);
        if !malformed.is_empty() && known.malformed.len() < CAPACITY {
            known.malformed.insert(address, malformed);
        }
    }
}

impl Directory for WhoIsCache {
    fn who_is(&self, address: IpAddr) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + '_>> {
        Box::pin(self.look_up(address))
    }
}

/// Tags first: a tagged node acts for its tags, even where tailscale names a user beside them.
fn caller(answer: WhoIs) -> (Option<Caller>, Vec<MalformedGrant>) {
    let WhoIs { node, user, capabilities } = answer;
    let (grants, malformed) = Rule::from_grants(capabilities.get(CAPABILITY).map_or(&[], Vec::as_slice));
    let caller = if node.tags.is_empty() {
        user.map(|user| Caller::User(TailnetUser { id: user.id, login: user.login, node: node.name, grants }))
    } else {
        Some(Caller::Tagged(TailnetNode { node: node.name, tags: node.tags, grants }))
    };
    (caller, malformed)
}

#[cfg(test)]
mod tests {
    use super::super::message::{WhoIsNode, WhoIsUser};
    use super::*;

    fn answer(tags: &[&str], user: Option<i64>) -> WhoIs {
        WhoIs {
            node: WhoIsNode { name: "laptop".into(), tags: tags.iter().map(|&tag| tag.into()).collect() },
            user: user.map(|id| WhoIsUser { id, login: "alice@example.com".into() }),
            capabilities: HashMap::new(),
        }
    }

    #[test]
    fn tags_win_over_a_user_and_nothing_is_nobody() {
        assert!(matches!(caller(answer(&[], Some(1))).0, Some(Caller::User(TailnetUser { id: 1, .. }))));
        assert!(matches!(caller(answer(&["tag:ci"], Some(1))).0, Some(Caller::Tagged(_))));
        assert!(matches!(caller(answer(&["tag:ci"], None)).0, Some(Caller::Tagged(_))));
        assert_eq!(caller(answer(&[], None)).0, None);
    }

    #[test]
    fn addresses_that_are_nobodys_are_told_once_a_minute_and_fill_no_memory() {
        let (mut known, start) = (Known::default(), Instant::now());
        let told = (0..180).filter(|second| known.tells(start + Duration::from_secs(*second))).count();
        assert_eq!(told, 3);
        for number in 0..5000_u32 {
            known.is_nobody(std::net::Ipv4Addr::from(number).into(), start);
        }
        assert!(known.nobody.len() <= CAPACITY);
    }
}
