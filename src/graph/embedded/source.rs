//! Which export a database was made from.

use std::fs::Metadata;
use std::io;
use std::path::{Path, absolute};
use std::time::UNIX_EPOCH;

use rusqlite::{Connection, params};

/// An export, recognized by its size and time of change: enough to see that it was replaced, without reading it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
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
        Ok(Self::new(&path.metadata()?))
    }

    pub(super) fn new(metadata: &Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
        let modified = modified.and_then(|since| i64::try_from(since.as_nanos()).ok()).unwrap_or_default();
        Self { bytes: metadata.len(), modified }
    }

    pub(super) fn save(&self, db: &Connection, export: &Path) -> rusqlite::Result<()> {
        let mut insert = db.prepare("INSERT INTO meta(key, value) VALUES (?1, ?2)")?;
        insert.execute(params!["source.bytes", self.bytes.cast_signed()])?;
        insert.execute(params!["source.modified", self.modified])?;
        db.execute("INSERT INTO source(path) VALUES (?1)", [canonical(export)])?;
        Ok(())
    }

    pub(super) fn load(db: &Connection) -> rusqlite::Result<Self> {
        let mut find = db.prepare("SELECT value FROM meta WHERE key = ?1")?;
        Ok(Self {
            bytes: find.query_row(["source.bytes"], |row| row.get::<_, i64>(0))?.cast_unsigned(),
            modified: find.query_row(["source.modified"], |row| row.get(0))?,
        })
    }
}

/// The file that a database was made from, if that is another one than `export`: a graph has the name of its file, and
/// two files in two directories may have the same.
pub(super) fn other(db: &Connection, export: &Path) -> rusqlite::Result<Option<String>> {
    let asked = canonical(export);
    let known: Vec<String> =
        db.prepare("SELECT path FROM source")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
    if known.contains(&asked) {
        return Ok(None);
    }
    // A file that was moved is no longer where it was, and still what it was.
    let is_gone = !known.iter().any(|path| Path::new(path).exists());
    let is_moved = is_gone && Source::of(export).ok() == Some(Source::load(db)?);
    Ok(if is_moved { None } else { known.into_iter().next() })
}

/// Lets a new database be opened by the exports that the old one was made from, too.
pub(super) fn inherit(new: &Connection, old: &Connection) -> rusqlite::Result<()> {
    let mut known = old.prepare("SELECT path FROM source")?;
    let paths = known.query_map([], |row| row.get::<_, String>(0))?;
    for path in paths {
        new.execute("INSERT OR IGNORE INTO source(path) VALUES (?1)", [path?])?;
    }
    Ok(())
}

/// A path that is the same wherever the program was started. The file itself may be gone by now.
fn canonical(path: &Path) -> String {
    let beside = || Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?));
    let found = path.canonicalize().ok().or_else(beside).or_else(|| absolute(path).ok());
    found.unwrap_or_else(|| path.to_owned()).to_string_lossy().into_owned()
}
