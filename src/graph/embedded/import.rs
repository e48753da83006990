//! Loading what Roam exports: JSON, EDN, or the zip of either.

mod datoms;
mod draft;
mod edn;
mod error;
mod export;
mod indexer;
pub(super) mod input;
mod load;
mod merge;
mod pages;
mod reading;
mod replace;

use std::fmt;
use std::fs::File;
use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::failure::Failure;
use super::source::Source;
use super::{OpenError, checked, schema};
use reading::Reading;

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
    /// Pages and blocks that were changed or deleted here, and are again what the export says.
    pub overwritten: u64,
    /// Blocks that the export has below no page. They were left out.
    pub astray: u64,
}

/// What was done to a graph since its export was loaded, in pages and blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    /// Made here.
    pub added: u64,
    /// From the export, with another text, look or place.
    pub changed: u64,
    /// From the export, and no longer there.
    pub deleted: u64,
}

impl Changes {
    /// Whether there are any.
    fn any(self) -> bool {
        self != Self::default()
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { added, changed, deleted } = self;
        write!(f, "{added} added, {changed} changed, {deleted} deleted")
    }
}

/// What becomes of a graph that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// It stays, and nothing is loaded.
    Keep,
    /// It is replaced, unless something was added, changed or deleted here.
    ReplaceUnchanged,
    /// It is replaced, with all that was done to it.
    Replace,
    /// It is replaced, and what was added to it goes into the new one. What was changed or deleted is as in the export.
    Update,
    /// It stays; the export is read to the end and given up.
    Rehearse,
    /// It stays, and what [`Existing::Update`] would keep and overwrite is counted.
    RehearseUpdate,
}

impl Existing {
    fn is_rehearsed(self) -> bool {
        matches!(self, Self::Rehearse | Self::RehearseUpdate)
    }
}

pub(super) fn import(
    export: &Path,
    database: &Path,
    existing: Existing,
    mut progress: impl FnMut(Progress),
) -> Result<Imported, ImportError> {
    let unreadable = |reason| ImportError::Unreadable { path: export.to_owned(), reason };
    let unwritable = |reason| ImportError::Unwritable { path: database.to_owned(), reason };
    let file = File::open(export).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    if !metadata.is_file() {
        return Err(ImportError::NotAFile { path: export.to_owned() });
    }
    let mut live = None;
    if existing == Existing::RehearseUpdate && database.exists() {
        live = Some(checked(database, false).map_err(ImportError::NotReplaced)?);
    } else if existing.is_rehearsed() {
        // Nothing is in its way.
    } else if existing == Existing::Keep || !database.exists() {
        refuse_to_replace(database)?;
    } else {
        live = Some(open_to_replace(database, existing)?);
    }
    let directory = database.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let draft = draft::create(directory).map_err(unwritable)?;
    let before = live.as_ref().filter(|_| existing != Existing::Replace);
    let reading = Reading { export, database, source: Source::new(&metadata), before };
    let mut imported = input::open(export, file, |input| reading.fill(draft.path(), input, &mut progress))?;
    if existing.is_rehearsed() && live.is_none() {
        return Ok(imported);
    }
    if let Some(live) = &mut live {
        let stored = schema::connect(draft.path(), true).map_err(Failure::from).and_then(|draft| match existing {
            Existing::RehearseUpdate => merge::merge(&draft, live),
            _ => replace::replace(&draft, live, existing),
        });
        let merged = stored.map_err(|failure| reading::failed(database, failure))?;
        (imported.kept, imported.overwritten) = (merged.kept, merged.overwritten);
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
    let failed = |reason| ImportError::Database { path: database.to_owned(), reason };
    let db = match checked(database, true) {
        Ok(db) => db,
        // What was added to it cannot be told, and is not asked for.
        Err(OpenError::OtherVersion { .. }) if existing == Existing::Replace => {
            return schema::connect(database, true).map_err(failed);
        }
        Err(error) => return Err(ImportError::NotReplaced(error)),
    };
    let changes = merge::changes(&db).map_err(failed)?;
    if existing == Existing::ReplaceUnchanged && changes.any() {
        return Err(ImportError::Changed { path: database.to_owned(), changes });
    }
    Ok(db)
}
