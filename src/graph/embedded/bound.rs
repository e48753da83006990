//! How long a read may take, and for whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::failure::Failure;
use crate::graph::datalog::Abandoned;

/// As long as Roam works on a query.
pub(super) const LONGEST: Duration = Duration::from_secs(20);
/// SQLite looks at the clock after about so many of its steps, which take some ten microseconds.
const STEPS: i32 = 1000;

/// Ends a read that takes too long, or that nobody waits for any more. Clones are for the same read.
#[derive(Clone, Debug)]
pub(super) struct Bound {
    deadline: Option<Instant>,
    abandoned: Abandoned,
    over: Arc<AtomicBool>,
}

impl Bound {
    /// Without a time it ends when it is abandoned.
    pub(super) fn new(time: Option<Duration>, abandoned: Abandoned) -> Self {
        Self { deadline: time.map(|time| Instant::now() + time), abandoned, over: Arc::default() }
    }

    pub(super) fn abandoned(&self) -> &Abandoned {
        &self.abandoned
    }

    /// For work between the steps of SQLite, which looks for itself.
    pub(super) fn check(&self) -> Result<(), Failure> {
        if self.is_reached() { Err(Failure::Late) } else { Ok(()) }
    }

    /// Makes SQLite stop in time, until the read is over.
    pub(super) fn watch(&self, db: &mut Connection) -> rusqlite::Result<()> {
        let bound = self.clone();
        db.progress_handler(STEPS, Some(move || !bound.over.load(Ordering::Relaxed) && bound.is_reached()))
    }

    /// From now on SQLite may go on: what closes a transaction must not be stopped.
    pub(super) fn lift(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    fn is_reached(&self) -> bool {
        self.abandoned.is_set() || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}
