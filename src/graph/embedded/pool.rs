//! The connections of one database: one that writes, a few that read.
//!
//! In WAL mode readers see the last committed state and never wait for the writer. Within this process writers queue
//! here, in order; against other processes SQLite's own lock decides, and `BEGIN IMMEDIATE` takes it before reading.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{Mutex as Queue, Semaphore};

use super::failure::Failure;
use super::schema::connect;
use crate::graph::datalog::Abandoned;

/// Reads are short and bound by the processor; more readers than this would only wait for each other.
const READERS: usize = 4;
/// Queries can take two minutes, and as many of them come as somebody likes; one reader is left to all others.
const LONG_READERS: usize = READERS - 1;

/// Who waits for a read; dropped with the read's future.
struct Caller(Abandoned);

impl Drop for Caller {
    fn drop(&mut self) {
        self.0.set();
    }
}

pub(super) struct Pool {
    path: PathBuf,
    writer: Arc<Queue<Connection>>,
    idle: Mutex<Vec<Connection>>,
    readers: Arc<Semaphore>,
    long_readers: Arc<Semaphore>,
}

impl Pool {
    pub(super) fn new(path: PathBuf, writer: Connection) -> Self {
        let readers = Arc::new(Semaphore::new(READERS));
        let long_readers = Arc::new(Semaphore::new(LONG_READERS));
        Self { path, writer: Arc::new(Queue::new(writer)), idle: Mutex::default(), readers, long_readers }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on one state of the database, away from the async threads. Work that can take long looks whether its
    /// caller has gone: there are few readers.
    pub(super) async fn read<T, F>(self: &Arc<Self>, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Abandoned) -> Result<T, Failure> + Send + 'static,
    {
        let turn = Arc::clone(&self.readers).acquire_owned().await.map_err(|_| Failure::Stopped)?;
        let pool = Arc::clone(self);
        let abandoned = Abandoned::default();
        let _caller = Caller(abandoned.clone());
        let run = move || {
            let _turn = turn;
            let mut db = match pool.idle().pop() {
                Some(db) => db,
                None => connect(&pool.path, false)?,
            };
            let snapshot = db.transaction()?;
            let result = work(&snapshot, &abandoned);
            drop(snapshot);
            pool.idle().push(db);
            result
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| Failure::Stopped)?
    }

    /// The same for work that its caller can make last as long as it likes.
    pub(super) async fn long_read<T, F>(self: &Arc<Self>, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Abandoned) -> Result<T, Failure> + Send + 'static,
    {
        let turn = Arc::clone(&self.long_readers).acquire_owned().await.map_err(|_| Failure::Stopped)?;
        // The turn ends with the work, which may go on for a moment after its caller has gone.
        let run = move |db: &Connection, abandoned: &Abandoned| {
            let _turn = turn;
            work(db, abandoned)
        };
        self.read(run).await
    }

    /// Runs `work` in one transaction: all of it is kept, durably, or nothing is.
    ///
    /// It runs to its end even when the caller goes away, so a lost answer never means half a write.
    pub(super) async fn write<T, F>(self: &Arc<Self>, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Transaction<'_>) -> Result<T, Failure> + Send + 'static,
    {
        let mut db = Arc::clone(&self.writer).lock_owned().await;
        let run = move || {
            let transaction = db.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let result = work(&transaction)?;
            transaction.commit()?;
            Ok(result)
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| Failure::Stopped)?
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Connection>> {
        // A list of idle connections is whole at every moment, whatever happened to the thread that held it.
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
