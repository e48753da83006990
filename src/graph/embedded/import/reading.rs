//! Making a database out of the text of an export.

use std::cell::Cell;
use std::io::{BufRead, BufReader};
use std::path::Path;

use rusqlite::Connection;
use serde::de::DeserializeSeed as _;

use super::datoms::Datoms;
use super::edn::Edn;
use super::input::{Counting, Input};
use super::load::{Loader, Problem};
use super::pages::Pages;
use super::{ImportError, Imported, Progress};
use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::schema;
use crate::graph::embedded::source::Source;

/// One import under way.
pub(super) struct Reading<'a> {
    pub(super) export: &'a Path,
    pub(super) database: &'a Path,
    pub(super) source: Source,
}

impl Reading<'_> {
    /// Makes a complete database at `draft`.
    pub(super) fn fill(
        &self,
        draft: &Path,
        input: Input<'_>,
        progress: &mut dyn FnMut(Progress),
    ) -> Result<Imported, ImportError> {
        let database = |source| ImportError::Database { path: self.database.to_owned(), source };
        let mut db = Connection::open(draft).map_err(database)?;
        // A draft that is lost costs nothing, so it is written without a journal and synced once, when it is complete.
        db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -65536;")
            .and_then(|()| db.execute_batch(schema::TABLES))
            .map_err(database)?;
        let transaction = db.transaction().map_err(database)?;
        let imported = self.read(&transaction, input, progress)?;
        let seal = || {
            self.source.save(&transaction)?;
            transaction.execute_batch(schema::INDEXES)?;
            transaction.pragma_update(None, "application_id", schema::APPLICATION_ID)?;
            transaction.pragma_update(None, "user_version", schema::VERSION)?;
            transaction.commit()
        };
        seal().map_err(database)?;
        db.execute_batch("ANALYZE; PRAGMA journal_mode = WAL;").map_err(database)?;
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
        let count = Cell::new(0);
        let total = input.total;
        let mut text = BufReader::with_capacity(1 << 16, Counting { reader: input.reader, count: &count });
        let start =
            text.fill_buf().map_err(|source| ImportError::Unreadable { path: self.export.to_owned(), source })?;
        if start.is_empty() {
            return Err(ImportError::Empty { path: self.export.to_owned() });
        }
        // Editors on Windows put a mark in front of UTF-8, which neither format has.
        let mark = if start.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        text.consume(mark);
        let is_edn = text.buffer().trim_ascii_start().starts_with(b"#");

        let loader = Loader::new(db).map_err(|failure| self.failed(failure))?;
        let loader = if is_edn {
            self.edn(text, loader, &mut |blocks| progress(Progress { bytes: count.get(), total, pages: 0, blocks }))?
        } else {
            self.json(text, Pages { loader, progress, count: &count, total, last: None, failure: None })?
        };
        if loader.pages == 0 {
            return Err(ImportError::Empty { path: self.export.to_owned() });
        }
        let Loader { pages, blocks, repaired, .. } = loader;
        let mentioned = loader.finish().map_err(|failure| self.failed(failure))?;
        progress(Progress { bytes: total, total, pages, blocks });
        Ok(Imported { pages, blocks, mentioned, repaired, kept: 0 })
    }

    fn json<'db>(&self, text: impl BufRead, mut pages: Pages<'_, 'db>) -> Result<Loader<'db>, ImportError> {
        let mut json = serde_json::Deserializer::from_reader(text);
        let outcome = (&mut pages).deserialize(&mut json).and_then(|()| json.end());
        let Pages { loader, last, failure, .. } = pages;
        if let Some(failure) = failure {
            return Err(self.failed(failure));
        }
        outcome.map_err(|error| self.malformed(&error, last))?;
        Ok(loader)
    }

    fn edn<'db>(
        &self,
        text: impl BufRead,
        mut loader: Loader<'db>,
        progress: &mut dyn FnMut(u64),
    ) -> Result<Loader<'db>, ImportError> {
        let mut edn = Edn::new(text);
        let mut last = None;
        let outcome =
            Datoms::read(loader.db, &mut edn, progress).and_then(|datoms| datoms.pages(&mut loader, &mut last));
        match outcome {
            Ok(()) => Ok(loader),
            Err(Problem::Store(failure)) => Err(self.failed(failure)),
            Err(Problem::Export(problem)) => {
                let ((line, column), path) = (edn.place(), self.export.to_owned());
                Err(ImportError::Malformed { path, line, column, page: last, problem })
            }
        }
    }

    pub(super) fn failed(&self, failure: Failure) -> ImportError {
        let path = self.database.to_owned();
        match failure {
            Failure::Database(source) => ImportError::Database { path, source },
            other => ImportError::Unwritable { path, source: std::io::Error::other(other.report()) },
        }
    }

    fn malformed(&self, error: &serde_json::Error, page: Option<String>) -> ImportError {
        let path = self.export.to_owned();
        if error.is_io() {
            return ImportError::Unreadable { path, source: std::io::Error::other(error.to_string()) };
        }
        let (line, column) = (error.line(), error.column());
        let text = error.to_string();
        // The place is told apart from the problem.
        let problem = text.strip_suffix(&format!(" at line {line} column {column}")).unwrap_or(&text).to_owned();
        let problem = if error.is_eof() { "the file ends in the middle; was it copied whole?".into() } else { problem };
        ImportError::Malformed { path, line, column, page, problem }
    }
}
