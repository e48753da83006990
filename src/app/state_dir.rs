//! The state directory: private, and one process at a time.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::UnixListener;

use crate::{admin, audit};

/// A state directory that this process holds. Dropping it gives it free.
#[derive(Debug)]
pub struct StateDir {
    path: PathBuf,
    _lock: File,
}

/// Why a state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateDirError {
    /// Another process holds it.
    #[error(
        "{} is in use by another roam-mcp. `roam-mcp status` shows it; stop it first, or give this one its own --state-dir",
        path.display()
    )]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// Other users may change what is in it, or read what is in one of its directories.
    #[error(
        "other users of this machine can get at {} (mode {mode:o}). If it is for roam-mcp alone, `chmod 700` it; if not, \
         choose another with --state-dir",
        path.display()
    )]
    Exposed {
        /// The directory.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// It cannot be written.
    #[error("cannot use {} as state directory: {source}. Choose another with --state-dir", path.display())]
    Unusable {
        /// What could not be used.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl StateDir {
    /// Makes the directory if needed, private to its owner, and locks it.
    ///
    /// # Errors
    /// When another process holds it, others may write there, or this one cannot.
    pub fn open(path: &Path) -> Result<Self, StateDirError> {
        make_private(path, OTHERS_WRITE)?;
        let unusable = |source| StateDirError::Unusable { path: path.to_owned(), source };
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(unusable)?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StateDirError::InUse { path: path.to_owned() }),
            Err(TryLockError::Error(error)) => Err(unusable(error)),
        }
    }

    /// The directory itself.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where tsnet keeps the node.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn node(&self) -> Result<PathBuf, StateDirError> {
        self.inner("node")
    }

    /// Where loaded graphs are.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn graphs(&self) -> Result<PathBuf, StateDirError> {
        self.inner("graphs")
    }

    /// Where the record of who did what is.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn audit(&self) -> Result<PathBuf, StateDirError> {
        self.inner(audit::DIRECTORY)
    }

    /// How the operator left the public door.
    pub(super) fn door(&self) -> PathBuf {
        self.path.join("door.json")
    }

    /// Where a fault of the embedded node is written to.
    pub fn crash_log(&self) -> PathBuf {
        self.path.join("crash.log")
    }

    /// Listens on the admin socket. What a dead process left there is replaced: the lock says that it is dead.
    pub(super) fn admin_socket(&self) -> Result<UnixListener, StateDirError> {
        let path = self.path.join(admin::SOCKET);
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => UnixListener::bind(&path),
        }
        .and_then(|listener| std::fs::set_permissions(&path, Permissions::from_mode(0o600)).map(|()| listener))
        .map_err(|source| StateDirError::Unusable { path, source })
    }

    fn inner(&self, name: &str) -> Result<PathBuf, StateDirError> {
        let path = self.path.join(name);
        make_private(&path, OTHERS)?;
        Ok(path)
    }
}

/// Permissions of others than the owner.
const OTHERS: u32 = 0o077;
/// Of these, the ones by which they could take over what is in the directory itself. That they see names in there harms
/// nobody, and is how service managers and container volumes make directories.
const OTHERS_WRITE: u32 = 0o022;

/// Makes a directory that is private before anything is in it. One that exists is somebody's and stays as it is; if it has
/// any of the permissions `too_open`, it is refused.
fn make_private(path: &Path, too_open: u32) -> Result<(), StateDirError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path).and_then(|()| path.metadata());
    let mode = match made {
        Ok(facts) => facts.permissions().mode() & 0o7777,
        Err(source) => return Err(StateDirError::Unusable { path: path.to_owned(), source }),
    };
    if mode & too_open == 0 { Ok(()) } else { Err(StateDirError::Exposed { path: path.to_owned(), mode }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_holder_is_refused_until_the_first_has_gone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b");
        let first = StateDir::open(&path).unwrap();
        assert!(matches!(StateDir::open(&path), Err(StateDirError::InUse { .. })));
        drop(first);
        StateDir::open(&path).unwrap();
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn a_directory_that_is_there_keeps_its_permissions_and_is_refused_if_others_can_take_it_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("shared");
        std::fs::create_dir(&path).unwrap();
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
        for (open, refused) in [(0o1777, true), (0o775, true), (0o755, false), (0o700, false)] {
            std::fs::set_permissions(&path, Permissions::from_mode(open)).unwrap();
            match StateDir::open(&path) {
                Ok(_) => assert!(!refused, "{open:o}"),
                Err(error) => {
                    let told = error.to_string();
                    assert!(refused && told.contains("chmod 700") && told.contains("--state-dir"), "{open:o}: {told}");
                    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0, "nothing is left in there");
                }
            }
            assert_eq!(mode(&path), open);
        }

        let state = StateDir::open(&path).unwrap();
        assert_eq!(mode(&state.node().unwrap()), 0o700);
        std::fs::set_permissions(path.join("node"), Permissions::from_mode(0o755)).unwrap();
        assert!(matches!(state.node(), Err(StateDirError::Exposed { mode: 0o755, .. })));
    }

    #[test]
    fn a_file_in_the_way_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        std::fs::write(&path, "").unwrap();
        let error = StateDir::open(&path.join("state")).unwrap_err().to_string();
        assert!(error.contains("--state-dir"), "{error}");
    }

    #[tokio::test]
    async fn the_admin_socket_is_private_and_replaces_a_stale_one() {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::open(dir.path()).unwrap();
        drop(state.admin_socket().unwrap());
        let _socket = state.admin_socket().unwrap();
        let mode = dir.path().join(admin::SOCKET).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
