//! Files that are written whole or not at all.

use std::fs::{File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// Replaces `path` by `contents`, readable by its owner alone. A reader, or a crash, sees the old file or the new one.
///
/// A symbolic link stays one: the file it leads to is replaced, or made.
pub fn replace(path: &Path, contents: &[u8]) -> io::Result<()> {
    let target = target_of(path)?;
    let dir = directory(&target);
    let mut file = beside(dir)?;
    file.as_file().set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(contents)?;
    file.as_file().sync_all()?;
    file.persist(&target).map_err(|error| error.error)?;
    // Makes the new name last through a power cut.
    File::open(dir)?.sync_all()
}

/// Whether [`replace`] could write `path`. Nothing is left behind.
pub(super) fn probe(path: &Path) -> io::Result<()> {
    beside(&directory_of(path)?).map(drop)
}

/// The directory of the file that `path` leads to.
pub(super) fn directory_of(path: &Path) -> io::Result<PathBuf> {
    target_of(path).map(|target| directory(&target).to_owned())
}

/// The file that `path` leads to by symbolic links, whether or not it is there.
pub fn target_of(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        // Links in a circle are another error, so this comes to an end.
        Err(error) if error.kind() == io::ErrorKind::NotFound => match path.read_link() {
            Ok(next) => target_of(&directory(path).join(next)),
            Err(_) => Ok(path.to_owned()),
        },
        other => other,
    }
}

fn directory(target: &Path) -> &Path {
    target.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(dir: &Path) -> io::Result<NamedTempFile> {
    NamedTempFile::with_prefix_in(".roam-mcp-", dir)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_replaced_behind_a_link_and_private() {
        let dir = tempfile::tempdir().unwrap();
        let (real, link) = (dir.path().join("real"), dir.path().join("link"));
        std::fs::write(&real, "old").unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        replace(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        assert_eq!(real.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left behind");
    }

    #[test]
    fn a_file_that_a_link_leads_to_is_made() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dot")).unwrap();
        let (real, link) = (dir.path().join("dot/real"), dir.path().join("link"));
        std::os::unix::fs::symlink("dot/next", &link).unwrap();
        std::os::unix::fs::symlink("real", dir.path().join("dot/next")).unwrap();
        assert_eq!(
            directory_of(&link).unwrap().canonicalize().unwrap(),
            dir.path().join("dot").canonicalize().unwrap()
        );
        replace(&link, b"new").unwrap();
        assert!(link.is_symlink());
        assert_eq!(std::fs::read_to_string(&real).unwrap(), "new");
        let circle = dir.path().join("circle");
        std::os::unix::fs::symlink("circle", &circle).unwrap();
        assert!(replace(&circle, b"new").is_err());
    }

    #[test]
    fn a_failure_leaves_the_old_file() {
        let dir = tempfile::tempdir().unwrap();
        assert!(replace(&dir.path().join("missing/file"), b"new").is_err());
    }
}
