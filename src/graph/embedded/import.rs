//! Loading a Roam JSON export.

mod error;
mod export;
mod load;
mod merge;
mod pages;
mod replace;

use std::cell::Cell;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};

use rusqlite::Connection;
use serde::de::DeserializeSeed as _;
use tempfile::NamedTempFile;

use super::failure::Failure;
use super::source::Source;
use super::{OpenError, checked, schema};
use load::Loader;
use pages::{Counting, Pages};

pub use error::ImportError;

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of the export read so far.
    pub bytes: u64,
    /// Bytes of the whole export.
    pub total: u64,
    /// Pages loaded so far.
    pub pages: u64,
    /// Blocks loaded so far.
    pub blocks: u64,
}

/// What an import brought in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Pages of the export.
    pub pages: u64,
    /// Blocks of the export.
    pub blocks: u64,
    /// Pages that the export mentions and does not contain; they were made, empty.
    pub mentioned: u64,
    /// Pages and blocks without a uid; they were given new ones.
    pub repaired: u64,
    /// Pages and blocks that were made here and are kept although the export lacks them.
    pub kept: u64,
}

/// What becomes of a graph that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is loaded.
    Keep,
    /// It is replaced, unless something was added to it here.
    ReplaceUnchanged,
    /// It is replaced, with all that was added to it.
    Replace,
    /// It is replaced, and what was added to it goes into the new one.
    Update,
    /// It stays; the export is read to the end and given up.
    Rehearse,
}

pub(super) fn import(
    export: &Path,
    database: &Path,
    existing: Existing,
    progress: impl FnMut(Progress),
) -> Result<Imported, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: export.to_owned(), source };
    let unwritable = |source| ImportError::Unwritable { path: database.to_owned(), source };
    let file = File::open(export).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(ImportError::NotAFile { path: export.to_owned() });
    }
    let mut live = None;
    if existing == Existing::Rehearse {
        // Nothing is in its way.
    } else if existing == Existing::Keep || !database.exists() {
        refuse_to_replace(database)?;
    } else {
        live = Some(open_to_replace(database, existing)?);
    }
    let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // It is readable by its owner alone, and removed again unless everything below succeeds.
    let draft = NamedTempFile::with_prefix_in(".importing-", directory).map_err(unwritable)?;
    let reading = Reading { export, database, source: Source::new(export, &metadata) };
    let mut imported = reading.fill(draft.path(), &file, progress)?;
    if existing == Existing::Rehearse {
        return Ok(imported);
    }
    if let Some(live) = &mut live {
        let stored = schema::connect(draft.path(), true)
            .map_err(Failure::from)
            .and_then(|mut draft| replace::replace(&mut draft, live, existing == Existing::Update));
        imported.kept = stored.map_err(|failure| reading.failed(failure))?;
        return Ok(imported);
    }
    draft.as_file().sync_all().map_err(unwritable)?;
    draft.persist_noclobber(database).map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => ImportError::Exists { path: database.to_owned() },
        _ => unwritable(error.error),
    })?;
    // The name is on the disk only when its directory is.
    File::open(directory).and_then(|directory| directory.sync_all()).map_err(unwritable)?;
    Ok(imported)
}

/// Refuses a database that is there, and also what SQLite left beside one: a stale log would be played into the new
/// file.
fn refuse_to_replace(database: &Path) -> Result<(), ImportError> {
    for suffix in ["", "-wal", "-journal"] {
        let mut path = database.as_os_str().to_owned();
        path.push(suffix);
        let path = PathBuf::from(path);
        if path.symlink_metadata().is_ok() {
            return Err(ImportError::Exists { path });
        }
    }
    Ok(())
}

/// Opens a graph that is to be replaced, if it may be.
fn open_to_replace(database: &Path, existing: Existing) -> Result<Connection, ImportError> {
    let failed = |source| ImportError::Database { path: database.to_owned(), source };
    let db = match checked(database, true) {
        Ok(db) => db,
        // What was added to it cannot be told, and is not asked for.
        Err(OpenError::OtherVersion { .. }) if existing == Existing::Replace => {
            return schema::connect(database, true).map_err(failed);
        }
        Err(error) => return Err(ImportError::NotReplaced(error)),
    };
    let added = merge::count(&db).map_err(failed)?;
    if existing == Existing::ReplaceUnchanged && added > 0 {
        return Err(ImportError::Additions { path: database.to_owned(), added });
    }
    Ok(db)
}

/// One import under way.
struct Reading<'a> {
    export: &'a Path,
    database: &'a Path,
    source: Source,
}

impl Reading<'_> {
    /// Makes a complete database at `draft`.
    fn fill(&self, draft: &Path, file: &File, progress: impl FnMut(Progress)) -> Result<Imported, ImportError> {
        let database = |source| ImportError::Database { path: self.database.to_owned(), source };
        let mut db = Connection::open(draft).map_err(database)?;
        // A draft that is lost costs nothing, so it is written without a journal and synced once, when it is complete.
        db.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF; PRAGMA cache_size = -65536;")
            .and_then(|()| db.execute_batch(schema::TABLES))
            .map_err(database)?;
        let transaction = db.transaction().map_err(database)?;
        let imported = self.read(&transaction, file, progress)?;
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

    /// Reads the array of pages, one page at a time.
    fn read(&self, db: &Connection, file: &File, progress: impl FnMut(Progress)) -> Result<Imported, ImportError> {
        let database = |source| ImportError::Database { path: self.database.to_owned(), source };
        let count = Cell::new(0);
        let mut text = BufReader::with_capacity(1 << 16, Counting { file, count: &count });
        let start =
            text.fill_buf().map_err(|source| ImportError::Unreadable { path: self.export.to_owned(), source })?;
        if start.is_empty() {
            return Err(ImportError::Empty { path: self.export.to_owned() });
        }
        // Editors on Windows put a mark in front of UTF-8, which JSON does not have.
        let mark = if start.starts_with("\u{feff}".as_bytes()) { 3 } else { 0 };
        text.consume(mark);

        let loader = Loader::new(db).map_err(database)?;
        let mut pages = Pages { loader, progress, count: &count, total: self.source.bytes, last: None, failure: None };
        let mut json = serde_json::Deserializer::from_reader(text);
        let outcome = (&mut pages).deserialize(&mut json).and_then(|()| json.end());
        let Pages { loader, last, failure, .. } = pages;
        if let Some(failure) = failure {
            return Err(self.failed(failure));
        }
        outcome.map_err(|error| self.malformed(&error, last))?;
        if loader.pages == 0 {
            return Err(ImportError::Empty { path: self.export.to_owned() });
        }
        let Loader { pages, blocks, repaired, .. } = loader;
        let mentioned = loader.finish().map_err(|failure| self.failed(failure))?;
        Ok(Imported { pages, blocks, mentioned, repaired, kept: 0 })
    }

    fn failed(&self, failure: Failure) -> ImportError {
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
