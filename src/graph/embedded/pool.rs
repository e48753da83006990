//! The connections of one database: one that writes, a few that read.
//!
//! In WAL mode readers see the last committed state and never wait for the writer. Within this process writers queue
//! here, in order; against other processes SQLite's own lock decides, and `BEGIN IMMEDIATE` takes it before reading.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use tokio::sync::{Mutex as Queue, OwnedSemaphorePermit, Semaphore};

use super::bound::Bound;
use super::failure::Failure;
use super::schema::connect;
use crate::graph::datalog::Abandoned;

/// Reads are short and bound by the processor; more readers than this would only wait for each other.
const READERS: usize = 4;
/// Queries can take minutes, and as many of them come as somebody likes; one reader is left to what is short.
const LONG_READERS: usize = READERS - 1;
/// One caller has no more of them at a time, so that another one's queries do not wait for theirs.
const LONG_READERS_EACH: usize = LONG_READERS - 1;

/// Who waits for a read; dropped with the read's future.
struct Waiting(Abandoned);

impl Drop for Waiting {
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
    /// The long readers that each caller may have, of those who have or want one.
    shares: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Pool {
    pub(super) fn new(path: PathBuf, writer: Connection) -> Self {
        Self {
            path,
            writer: Arc::new(Queue::new(writer)),
            idle: Mutex::default(),
            readers: Arc::new(Semaphore::new(READERS)),
            long_readers: Arc::new(Semaphore::new(LONG_READERS)),
            shares: Mutex::default(),
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on one state of the database, away from the async threads. It ends when its time is over or its caller
    /// has gone: there are few readers.
    pub(super) async fn read<T, F>(self: &Arc<Self>, time: Option<Duration>, work: F) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Bound) -> Result<T, Failure> + Send + 'static,
    {
        let turn = turn(&self.readers).await?;
        let pool = Arc::clone(self);
        let bound = Bound::new(time, Abandoned::default());
        let _waiting = Waiting(bound.abandoned().clone());
        let run = move || {
            let _turn = turn;
            let mut db = match lock(&pool.idle).pop() {
                Some(db) => db,
                None => connect(&pool.path, false)?,
            };
            bound.watch(&mut db)?;
            let snapshot = db.transaction()?;
            let result = work(&snapshot, &bound);
            bound.lift();
            drop(snapshot);
            lock(&pool.idle).push(db);
            match result {
                Err(Failure::Database(error)) if is_interrupted(&error) => Err(Failure::Late),
                result => result,
            }
        };
        tokio::task::spawn_blocking(run).await.map_err(|_| Failure::Stopped)?
    }

    /// The same for work that its caller can make last.
    pub(super) async fn long_read<T, F>(
        self: &Arc<Self>,
        caller: &str,
        time: Option<Duration>,
        work: F,
    ) -> Result<T, Failure>
    where
        T: Send + 'static,
        F: FnOnce(&Connection, &Bound) -> Result<T, Failure> + Send + 'static,
    {
        // Whoever has waited for a share is in the queue for a reader with no more than that.
        let share = turn(&self.share(caller)).await?;
        let turn = turn(&self.long_readers).await?;
        // The turn ends with the work, which may go on for a moment after its caller has gone.
        let run = move |db: &Connection, bound: &Bound| {
            let _turns = (share, turn);
            work(db, bound)
        };
        self.read(time, run).await
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

    fn share(&self, caller: &str) -> Arc<Semaphore> {
        let mut shares = lock(&self.shares);
        shares.retain(|_, share| Arc::strong_count(share) > 1);
        let fresh = || Arc::new(Semaphore::new(LONG_READERS_EACH));
        Arc::clone(shares.entry(caller.to_owned()).or_insert_with(fresh))
    }
}

async fn turn(of: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, Failure> {
    Arc::clone(of).acquire_owned().await.map_err(|_| Failure::Stopped)
}

fn is_interrupted(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(rusqlite::ErrorCode::OperationInterrupted)
}

/// What is locked here is whole at every moment, whatever happened to the thread that held it.
fn lock<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::graph::embedded::testing::{Workshop, new_garden};

    const ENDLESS: &str =
        "WITH RECURSIVE n(x) AS (VALUES (1) UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n WHERE x < 0";

    fn pool() -> (Workshop, Arc<Pool>) {
        let workshop = Workshop::with(new_garden().to_string().as_bytes());
        workshop.import().unwrap();
        let writer = connect(&workshop.database(), true).unwrap();
        let pool = Arc::new(Pool::new(workshop.database(), writer));
        (workshop, pool)
    }

    async fn count(pool: &Arc<Pool>, time: Option<Duration>, sql: &'static str) -> Result<i64, Failure> {
        pool.read(time, move |db, _| Ok(db.query_row(sql, [], |row| row.get(0))?)).await
    }

    #[tokio::test]
    async fn a_read_ends_in_time_and_leaves_its_reader_to_others() {
        let (_workshop, pool) = pool();
        for _ in 0..2 * READERS {
            let late = count(&pool, Some(Duration::from_millis(20)), ENDLESS).await;
            assert!(matches!(late, Err(Failure::Late)), "{late:?}");
            assert_eq!(count(&pool, None, "SELECT count(*) FROM shortcut").await.unwrap(), 0);
        }
    }

    #[tokio::test]
    async fn work_between_the_steps_of_sqlite_ends_in_time_too() {
        let (_workshop, pool) = pool();
        let work = |_: &Connection, bound: &Bound| -> Result<(), Failure> {
            loop {
                bound.check()?;
            }
        };
        let late = pool.read(Some(Duration::from_millis(20)), work).await;
        assert!(matches!(late, Err(Failure::Late)), "{late:?}");
    }

    #[tokio::test]
    async fn a_client_that_goes_takes_its_read_with_it() {
        let (_workshop, pool) = pool();
        for _ in 0..READERS {
            let gone = tokio::time::timeout(Duration::from_millis(20), count(&pool, None, ENDLESS)).await;
            assert!(gone.is_err());
        }
        let start = Instant::now();
        assert_eq!(count(&pool, None, "SELECT count(*) FROM shortcut").await.unwrap(), 0);
        assert!(start.elapsed() < Duration::from_secs(10));
    }

    #[tokio::test]
    async fn the_queries_of_one_caller_do_not_keep_another_waiting() {
        let (_workshop, pool) = pool();
        let long = |caller: &'static str, sql: &'static str| {
            let pool = Arc::clone(&pool);
            async move {
                let work = move |db: &Connection, _: &Bound| Ok(db.query_row(sql, [], |row| row.get::<_, i64>(0))?);
                pool.long_read(caller, None, work).await
            }
        };
        let mut many = tokio::task::JoinSet::new();
        for _ in 0..20 {
            many.spawn(long("one", ENDLESS));
        }
        tokio::select! {
            biased;
            ended = many.join_next() => panic!("{ended:?}"),
            answer = long("other", "SELECT count(*) FROM shortcut") => assert_eq!(answer.unwrap(), 0),
        }
        many.shutdown().await;
        drop(pool.share("third"));
        assert!(lock(&pool.shares).len() <= 2, "who waits for nothing is forgotten");
    }
}
