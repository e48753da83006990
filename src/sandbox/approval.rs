//! The person who is asked for tokens, and the questions that wait for them.

use std::collections::HashSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::access::Level;
use crate::config::Kind;

/// A request for a token, as the dialog shows it.
#[derive(Clone, Debug)]
pub struct Asked {
    /// The graph it is for.
    pub graph: String,
    /// The type of the graph.
    pub kind: Kind,
    /// How much is asked for.
    pub level: Level,
    /// Who asks.
    pub description: String,
}

/// What a person can answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Allow, at this level.
    Allow(Level),
    /// Not now.
    Deny,
    /// Never again for this graph.
    Block,
}

/// Puts a request to a person. Dropped when the client goes away.
pub type Approver = Arc<dyn Fn(Asked) -> Pin<Box<dyn Future<Output = Answer> + Send>> + Send + Sync>;

/// Nobody is there to allow anything.
pub fn no_one() -> Approver {
    Arc::new(|_| Box::pin(async { Answer::Deny }))
}

type Key = (String, Kind);

/// Requests that wait, and graphs that nobody is to ask for again.
#[derive(Clone, Debug, Default)]
pub(super) struct Pending(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    waiting: HashSet<Key>,
    blocked: HashSet<Key>,
}

/// The place of a request; given up when it is answered or taken back.
#[derive(Debug)]
pub(super) struct Place {
    pending: Pending,
    key: Key,
}

impl Pending {
    /// A place for a request; `None` while another one for the graph waits.
    pub(super) fn enter(&self, graph: &str, kind: Kind) -> Option<Place> {
        let key = (graph.to_owned(), kind);
        let entered = self.lock().waiting.insert(key.clone());
        entered.then(|| Place { pending: self.clone(), key })
    }

    pub(super) fn is_blocked(&self, graph: &str, kind: Kind) -> bool {
        self.lock().blocked.contains(&(graph.to_owned(), kind))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Refuses this and all further requests for the graph.
    pub(super) fn block(self) {
        let key = self.key.clone();
        self.pending.lock().blocked.insert(key);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.pending.lock().waiting.remove(&self.key);
    }
}
