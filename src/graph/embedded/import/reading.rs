//! Making a database out of the text of an export.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread;

use rusqlite::Connection;

use super::datoms::Datoms;
use super::edn::Edn;
use super::error::Near;
use super::input::{Counting, Input};
use super::load::{Loader, Problem};
use super::pages::{self, Page, Trouble};
use super::{ImportError, Imported, Progress};
use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::schema;
use crate::graph::embedded::source::Source;

/// The parser calls itself for each level of an outline, of which there may be many (`export::LEVELS`).
const READER_STACK: usize = 16 << 20;

/// One import under way.
pub(super) struct Reading<'a> {
    pub(super) export: &'a Path,
    pub(super) database: &'a Path,
    pub(super) source: Source,
    /// The graph that is to be replaced, if it has to do with the new one.
    pub(super) before: Option<&'a Connection>,
}

impl Reading<'_> {
    /// Makes a complete database at `draft`.
    pub(super) fn fill(
        &self,
        draft: &Path,
        input: Input<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Imported, ImportError> {
        let database = |reason| ImportError::Database { path: self.database.to_owned(), reason };
        let mut db = Connection::open(draft).map_err(database)?;
        // A draft that is lost costs nothing, so it is written without a journal and synced once, when it is complete.
        db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -65536;")
            .and_then(|()| db.execute_batch(schema::TABLES))
            .map_err(database)?;
        let transaction = db.transaction().map_err(database)?;
        let imported = self.read(&transaction, input, progress)?;
        let seal = || {
            self.source.save(&transaction, self.export)?;
            transaction.execute_batch(schema::INDEXES)?;
            transaction.execute_batch(schema::TRIGGERS)?;
            transaction.execute_batch(schema::STATISTICS)?;
            transaction.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", schema::VERSION)?;
            transaction.commit()
        };
        seal().map_err(database)?;
        db.execute_batch("PRAGMA journal_mode = WAL;").map_err(database)?;
        db.close().map_err(|(_, source)| database(source))?;
        Ok(imported)
    }

    /// Reads an export one page at a time.
    fn read(
        &self,
        db: &Connection,
        input: Input<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Imported, ImportError> {
        let count = AtomicU64::new(0);
        let total = input.total;
        let mut text = BufReader::with_capacity(1 << 16, Counting { reader: input.reader, count: &count });
        let start =
            text.fill_buf().map_err(|reason| ImportError::Unreadable { path: self.export.to_owned(), reason })?;
        if start.is_empty() {
            return Err(ImportError::Empty { path: self.export.to_owned() });
        }
        // Editors on Windows put a mark in front of UTF-8, which neither format has.
        let mark = if start.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        text.consume(mark);
        let is_edn = text.buffer().trim_ascii_start().starts_with(b"#");

        let loader = Loader::new(db).map_err(|failure| self.failed(failure))?;
        let loader = if is_edn {
            // To read the facts is half of the work, to build the pages the other half.
            let read = || count.load(Ordering::Relaxed) / 2;
            self.edn(text, loader, &mut |built, pages, blocks| {
                progress(Progress { bytes: read() + (total as f64 / 2.0 * built) as u64, total, pages, blocks });
            })?
        } else {
            self.json(text, loader, &mut |bytes, pages, blocks| progress(Progress { bytes, total, pages, blocks }))?
        };
        if loader.pages == 0 {
            return Err(ImportError::Empty { path: self.export.to_owned() });
        }
        let Loader { pages, blocks, repaired, astray, .. } = loader;
        let mentioned = loader.finish(self.before).map_err(|failure| self.failed(failure))?;
        progress(Progress { bytes: total, total, pages, blocks });
        Ok(Imported { pages, blocks, mentioned, repaired, astray, ..Imported::default() })
    }

    /// Reads pages on one thread and stores them on this one.
    fn json<'db>(
        &self,
        text: impl BufRead + Send,
        mut loader: Loader<'db>,
        progress: &mut dyn FnMut(u64, u64, u64),
    ) -> Result<Loader<'db>, ImportError> {
        thread::scope(|scope| {
            let (to, pages) = sync_channel(pages::WAITING);
            let reader = thread::Builder::new()
                .stack_size(READER_STACK)
                .spawn_scoped(scope, move || pages::read(text, &to))
                .map_err(|_| self.failed(Failure::Stopped))?;
            let mut last = None;
            for Page { node, end } in pages.into_iter().flatten() {
                let title = node.title.clone();
                match loader.page(node) {
                    Ok(()) => last = title,
                    Err(Problem::Store(failure)) => return Err(self.failed(failure)),
                    Err(Problem::Export(problem)) => {
                        let (path, line, column) = (self.export.to_owned(), end.line, end.column);
                        let page = title.map(Near::In).or(last.map(Near::After));
                        return Err(ImportError::Malformed { path, line, column, page, problem });
                    }
                }
                progress(end.bytes, loader.pages, loader.blocks);
            }
            let outcome = reader.join().map_err(|_| self.failed(Failure::Stopped))?;
            let path = self.export.to_owned();
            match outcome {
                Ok(()) => Ok(loader),
                Err(Trouble::Unreadable(source)) => Err(ImportError::Unreadable { path, reason: source }),
                Err(Trouble::Malformed { line, column, page, problem }) => {
                    let page = page.map(Near::In).or(last.map(Near::After));
                    Err(ImportError::Malformed { path, line, column, page, problem })
                }
            }
        })
    }

    fn edn<'db>(
        &self,
        text: impl BufRead,
        mut loader: Loader<'db>,
        progress: &mut dyn FnMut(f64, u64, u64),
    ) -> Result<Loader<'db>, ImportError> {
        let mut edn = Edn::new(text);
        let mut last = None;
        let outcome = Datoms::read(loader.db, &mut edn, &mut |blocks| progress(0.0, 0, blocks))
            .and_then(|datoms| datoms.pages(&mut loader, &mut last, progress));
        match outcome {
            Ok(()) => Ok(loader),
            Err(Problem::Store(failure)) => Err(self.failed(failure)),
            Err(Problem::Export(problem)) => {
                let ((line, column), path) = (edn.place(), self.export.to_owned());
                Err(ImportError::Malformed { path, line, column, page: last.map(Near::After), problem })
            }
        }
    }

    fn failed(&self, failure: Failure) -> ImportError {
        failed(self.database, failure)
    }
}

/// What a failure means for the import.
pub(super) fn failed(database: &Path, failure: Failure) -> ImportError {
    let path = database.to_owned();
    match failure {
        Failure::Database(source) if is_busy(&source) => ImportError::Busy { path },
        Failure::Database(source) => ImportError::Database { path, reason: source },
        other => ImportError::Unwritable { path, reason: std::io::Error::other(other.report()) },
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    matches!(error.sqlite_error_code(), Some(rusqlite::ErrorCode::DatabaseBusy | rusqlite::ErrorCode::DatabaseLocked))
}
