//! Putting a new database in the place of one that may be in use.
//!
//! The file is not renamed over: a process that has the old one open would go on writing to a file without a name, and
//! the log it leaves beside the new one would be played into it. Instead the pages of the new database are copied into
//! the old file in one transaction of SQLite. Whoever has it open sees the old graph or the new one, and a crash in the
//! middle leaves the old one.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::Existing;
use super::merge::{self, Merged};
use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::source;

/// Beyond this the write lock of another process is not waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// Copies `draft` over `live`. With [`Existing::Update`], what is made in `live` until that very moment is in the copy.
pub(super) fn replace(draft: &Connection, live: &mut Connection, existing: Existing) -> Result<Merged, Failure> {
    let old = Connection::open(live.path().unwrap_or_default())?;
    let version = || old.pragma_query_value(None, "data_version", |row| row.get::<_, i64>(0));
    let before = version()?;
    let mut merged = Merged::default();
    let merge = |merged: &mut Merged| -> Result<(), Failure> {
        let transaction = draft.unchecked_transaction()?;
        if existing != Existing::Replace {
            source::inherit(draft, &old)?;
        }
        if existing == Existing::Update {
            let Merged { kept, overwritten } = merge::merge(draft, &old)?;
            *merged = Merged { kept: merged.kept + kept, overwritten };
        }
        Ok(transaction.commit()?)
    };
    // Most of the work is done while others may write.
    merge(&mut merged)?;
    let copy = Backup::new(draft, live)?;
    // The first page takes the write lock; from then on nobody else can add anything.
    lock(&copy)?;
    if existing == Existing::ReplaceUnchanged && merge::changes(&old)?.any() {
        // Somebody has begun to write since it was looked at; the next attempt tells what.
        return Err(busy());
    }
    if version()? != before {
        // SQLite copies what changes in the draft from now on, too, as it is the same connection that changes it.
        merge(&mut merged)?;
    }
    while copy.step(10_000)? == StepResult::More {}
    Ok(merged)
}

fn lock(copy: &Backup<'_, '_>) -> Result<(), Failure> {
    let start = Instant::now();
    loop {
        match copy.step(1)? {
            StepResult::More | StepResult::Done => return Ok(()),
            _ if start.elapsed() > PATIENCE => return Err(busy()),
            _ => std::thread::yield_now(),
        }
    }
}

fn busy() -> Failure {
    let busy = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY);
    Failure::Database(rusqlite::Error::SqliteFailure(busy, None))
}
