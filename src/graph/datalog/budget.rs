//! What one query may use: time and memory.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::QueryError;

/// Set when nobody waits for the answer any more. Clones are set together.
#[derive(Clone, Debug, Default)]
pub(crate) struct Abandoned(Arc<AtomicBool>);

impl Abandoned {
    pub(crate) fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The bounds of one query.
#[derive(Clone, Debug)]
pub(crate) struct Limits {
    /// How long it may take if it says nothing itself.
    pub(crate) time: Duration,
    /// The most that it can allow itself with `:timeout`.
    pub(crate) longest: Duration,
    /// The most rows of a result.
    pub(crate) rows: usize,
    /// About how many bytes it may hold on the way.
    pub(crate) memory: usize,
    /// It ends when this is set, whatever it has left.
    pub(crate) abandoned: Abandoned,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // As in Roam.
            time: Duration::from_secs(20),
            longest: Duration::from_secs(120),
            // Nobody reads more than this, and a client could not hold it.
            rows: 100_000,
            // Enough for the references of a million blocks.
            memory: 128 << 20,
            abandoned: Abandoned::default(),
        }
    }
}

/// The account of a query under way.
pub(super) struct Budget {
    time: Duration,
    deadline: Instant,
    memory: usize,
    used: Cell<usize>,
    ticks: Cell<u32>,
    abandoned: Abandoned,
}

impl Budget {
    pub(super) fn new(limits: &Limits, timeout: Option<Duration>) -> Self {
        let time = timeout.unwrap_or(limits.time).min(limits.longest);
        let deadline = Instant::now() + time;
        Self {
            time,
            deadline,
            memory: limits.memory,
            used: Cell::new(0),
            ticks: Cell::new(0),
            abandoned: limits.abandoned.clone(),
        }
    }

    /// Counts one step of work. The clock is read now and then.
    pub(super) fn tick(&self) -> Result<(), QueryError> {
        const OFTEN: u32 = 256;
        let ticks = self.ticks.get().wrapping_add(1);
        self.ticks.set(ticks);
        if ticks.is_multiple_of(OFTEN) && (self.abandoned.is_set() || Instant::now() >= self.deadline) {
            return Err(QueryError::TimeLimit(self.time));
        }
        Ok(())
    }

    /// Takes some memory.
    pub(super) fn take(&self, bytes: usize) -> Result<(), QueryError> {
        let used = self.used.get().saturating_add(bytes);
        self.used.set(used);
        if used > self.memory { Err(QueryError::MemoryLimit(self.memory)) } else { Ok(()) }
    }

    /// Gives it back.
    pub(super) fn give(&self, bytes: usize) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }

    /// Makes SQLite stop, too, when the time is over; until the guard is dropped. Where nobody waits any more it stops by
    /// itself (`embedded::bound`).
    pub(super) fn watch(&self, db: &Connection) -> Watch {
        let (interrupt, deadline) = (db.get_interrupt_handle(), self.deadline);
        let (done, over) = mpsc::channel::<()>();
        let wait = move || {
            let left = deadline.saturating_duration_since(Instant::now());
            if over.recv_timeout(left) == Err(RecvTimeoutError::Timeout) {
                interrupt.interrupt();
            }
        };
        // Without the thread, the time is still looked at between SQLite's rows.
        Watch { done: Some(done), watcher: thread::Builder::new().spawn(wait).ok() }
    }

    /// An error of SQLite's, or the end of the time that caused it.
    pub(super) fn explain(&self, error: QueryError) -> QueryError {
        match error {
            QueryError::Database(error)
                if error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted) =>
            {
                QueryError::TimeLimit(self.time)
            }
            other => other,
        }
    }
}

/// A thread that waits for the end of the time.
pub(super) struct Watch {
    done: Option<Sender<()>>,
    watcher: Option<JoinHandle<()>>,
}

impl Drop for Watch {
    /// Waits for the thread, so that it cannot interrupt whoever uses the connection next.
    fn drop(&mut self) {
        drop(self.done.take());
        // It has nothing to panic about, and nothing depends on how it ended.
        let _ = self.watcher.take().map(JoinHandle::join);
    }
}
