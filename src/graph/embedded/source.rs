//! Which export a database was made from.

use std::fs::Metadata;
use std::io;
use std::path::Path;
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, params};

/// A file, recognized by its name, size and time of change: enough to see that an export was replaced, without
/// reading it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// Name of the file, without its directory.
    pub file_name: String,
    /// Its size in bytes.
    pub bytes: u64,
    /// When it was last changed, in nanoseconds since 1970.
    pub modified: i64,
}

impl Source {
    /// Looks at a file.
    ///
    /// # Errors
    /// When there is no such file, or it may not be looked at.
    pub fn of(path: &Path) -> io::Result<Self> {
        Ok(Self::new(path, &path.metadata()?))
    }

    pub(super) fn new(path: &Path, metadata: &Metadata) -> Self {
        let file_name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or_default();
        Self { file_name, bytes: metadata.len(), modified }
    }

    pub(super) fn save(&self, db: &Connection) -> rusqlite::Result<()> {
        let mut insert = db.prepare("INSERT INTO meta(key, value) VALUES (?1, ?2)")?;
        insert.execute(params!["source.file_name", self.file_name])?;
        insert.execute(params!["source.bytes", self.bytes.cast_signed()])?;
        insert.execute(params!["source.modified", self.modified])?;
        Ok(())
    }

    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut find = db.prepare("SELECT value FROM meta WHERE key = ?1")?;
        Ok(Self {
            file_name: find.query_row(["source.file_name"], |row| row.get(0))?,
            bytes: find.query_row(["source.bytes"], |row| row.get::<_, i64>(0))?.cast_unsigned(),
            modified: find.query_row(["source.modified"], |row| row.get(0))?,
        })
    }
}
