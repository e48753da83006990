//! Putting a new database in the place of one that may be in use.
//!
//! The file is not renamed over: a process that has the old one open would go on writing to a file without a name, and
//! the log it leaves beside the new one would be played into it. Instead the pages of the new database are copied into
//! the old file in one transaction of SQLite. Whoever has it open sees the old graph or the new one, and a crash in the
//! middle leaves the old one.

use std::time::Duration;

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::merge;
use crate::graph::embedded::failure::Failure;

/// A node that keeps writing is given up on after so many attempts.
const ATTEMPTS: usize = 20;
/// Beyond this the write lock of another process is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Copies `draft` over `live`. With `keep`, what is made in `live` until that very moment is in the copy; returns how
/// much that is.
pub(super) fn replace(draft: &mut Connection, live: &mut Connection, keep: bool) -> Result<u64, Failure> {
    let watch = Connection::open(live.path().unwrap_or_default())?;
    let version = || watch.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0));
    let mut kept = 0;
    for _ in 0..ATTEMPTS {
        let before = version()?;
        if keep {
            let transaction = draft.transaction()?;
            kept += merge::additions(&transaction, &watch)?;
            transaction.commit()?;
        }
        let copy = Backup::new(draft, live)?;
        // The first page takes the write lock; from then on nobody else can add anything.
        lock(&copy)?;
        if !keep || version()? == before {
            while copy.step(10_000)? == StepResult::More {}
            return Ok(kept);
        }
    }
    Err(Failure::Database(rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None)))
}

fn lock(copy: &Backup<'_, '_>) -> Result<(), Failure> {
    let start = std::time::Instant::now();
    loop {
        match copy.step(1)? {
            StepResult::More | StepResult::Done => return Ok(()),
            _ if start.elapsed() > PATIENCE => {
                let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
                return Err(Failure::Database(rusqlite::Error::SqliteFailure(busy, None)));
            }
            _ => std::thread::yield_now(),
        }
    }
}
