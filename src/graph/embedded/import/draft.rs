//! The file that a database is made in before it gets its name.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::NamedTempFile;

const PREFIX: &str = ".importing-";

/// Makes a draft that its owner alone can read, and that is removed again unless it gets a name. What imports left that
/// were killed is removed now: a draft is locked as long as its import runs.
pub(super) fn create(directory: &Path) -> io::Result<NamedTempFile> {
    sweep(directory)?;
    let draft = NamedTempFile::with_prefix_in(PREFIX, directory)?;
    // Where files cannot be locked, none is taken for one that was left.
    let _ = draft.as_file().try_lock();
    Ok(draft)
}

fn sweep(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        // One that cannot be opened or removed is in nobody's way.
        if is_draft(&path) && File::open(&path).is_ok_and(|draft| draft.try_lock().is_ok()) {
            for suffix in ["-wal", "-shm", ""] {
                let mut name = path.clone().into_os_string();
                name.push(suffix);
                let _ = fs::remove_file(name);
            }
        }
    }
    Ok(())
}

/// Whether it is a draft itself, not what SQLite keeps beside one.
fn is_draft(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let is_own = name.strip_prefix(PREFIX).is_some_and(|rest| rest.chars().all(|c| c.is_ascii_alphanumeric()));
    is_own && path.symlink_metadata().is_ok_and(|file| file.is_file())
}
