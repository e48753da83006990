//! The search index of an import, made on a thread of its own: it takes about as long as everything else together.
//!
//! SQLite has one writer for a file, so the index is made in a file of its own and its tables are copied at the end.

use std::path::Path;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, params};
use tempfile::{NamedTempFile, TempPath};

use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::fold::fold;
use crate::graph::embedded::schema;
use crate::graph::embedded::store::Id;

/// Texts are handed over in batches of so many.
const BATCH: usize = 512;
/// So many batches may wait, which bounds the memory.
const WAITING: usize = 8;
/// How much of the index is put together in memory before it is written, in bytes. Larger parts are merged less often.
const IN_MEMORY: i64 = 32 << 20;
/// The tables in which FTS5 keeps an index, each with its columns (sqlite.org/fts5.html, "FTS5 Data Structures").
const TABLES: [(&str, usize); 3] = [("words_data", 2), ("words_idx", 3), ("words_docsize", 3)];

type Batch = Vec<(Id, String)>;

pub(super) struct Indexer {
    batch: Batch,
    texts: SyncSender<Batch>,
    thread: JoinHandle<rusqlite::Result<()>>,
    file: TempPath,
}

impl Indexer {
    /// Begins an index beside a draft.
    pub(super) fn start(draft: &Path) -> Result<Self, Failure> {
        let directory = draft.parent().unwrap_or(Path::new("."));
        let unwritable = |error: std::io::Error| {
            rusqlite::Error::SqliteFailure(
                rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CANTOPEN),
                Some(error.to_string()),
            )
        };
        let file = NamedTempFile::with_prefix_in(".importing-", directory).map_err(unwritable)?.into_temp_path();
        let db = Connection::open(&file)?;
        db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -16384; BEGIN")?;
        db.execute_batch(schema::TABLES)?;
        db.execute("INSERT INTO words(words, rank) VALUES ('hashsize', ?1)", [IN_MEMORY])?;
        let (texts, received) = sync_channel(WAITING);
        let thread =
            thread::Builder::new().name("indexer".into()).spawn(move || index(&db, &received)).map_err(unwritable)?;
        Ok(Self { batch: Vec::with_capacity(BATCH), texts, thread, file })
    }

    pub(super) fn add(&mut self, id: Id, text: &str) {
        self.batch.push((id, fold(text)));
        if self.batch.len() == BATCH {
            self.send();
        }
    }

    /// Puts the index into a database whose own has not been used yet.
    pub(super) fn finish(mut self, db: &Connection) -> Result<(), Failure> {
        self.send();
        let Self { texts, thread, file, .. } = self;
        drop(texts);
        thread.join().map_err(|_| Failure::Stopped)??;
        let made = Connection::open(&file)?;
        for (table, columns) in TABLES {
            db.execute(&format!("DELETE FROM {table}"), [])?;
            let mut read = made.prepare(&format!("SELECT * FROM {table}"))?;
            let marks = ["?"].repeat(columns).join(", ");
            let mut write = db.prepare(&format!("INSERT INTO {table} VALUES ({marks})"))?;
            let mut rows = read.query([])?;
            while let Some(row) = rows.next()? {
                for column in 0..columns {
                    write.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(row.get_ref(column)?))?;
                }
                write.raw_execute()?;
            }
        }
        Ok(())
    }

    fn send(&mut self) {
        let batch = std::mem::replace(&mut self.batch, Vec::with_capacity(BATCH));
        // When the thread has failed, its error is found at the end.
        let _ = self.texts.send(batch);
    }
}

fn index(db: &Connection, texts: &Receiver<Batch>) -> rusqlite::Result<()> {
    let mut insert = db.prepare("INSERT INTO words(rowid, text) VALUES (?1, ?2)")?;
    for batch in texts {
        for (id, text) in batch {
            insert.execute(params![id, text])?;
        }
    }
    // In one piece it is searched fastest. In several large ones, a later write would one day have to merge them.
    db.execute_batch("INSERT INTO words(words) VALUES ('optimize'); COMMIT")
}
