//! Loading a Roam JSON export.

mod error;

use std::path::Path;

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
}

pub(super) fn import(export: &Path, database: &Path, progress: impl FnMut(Progress)) -> Result<Imported, ImportError> {
    let _ = (export, database, progress);
    Ok(Imported::default())
}
