//! `credentials.json` in the state directory: written by the operator's commands, read by the running node.
//!
//! When each was last used stands in a file beside it, written by the node alone, so that the two never undo each other.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{Entry, Key, Wanted};
use crate::config::replace_file;
use crate::secret::Secret;

/// The name of the file in the state directory.
pub const FILE: &str = "credentials.json";
/// The name of the file beside it.
const USED: &str = "credentials.used.json";
/// The version of the file that this program knows.
const VERSION: u32 = 1;
/// Names of the two credentials in `~/.roam-tools.json`, and those by which `access explain` and `audit search` call others.
const TAKEN: [&str; 8] = ["token", "path-secret", "owner", "public", "user", "tagged", "credential", "operator"];

/// The credentials of one state directory.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    /// The file as it was read, if there is one.
    text: Option<Vec<u8>>,
    document: Document,
}

/// Why the credentials cannot be used or changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not understood.
    #[error("{}: {problem}; mend it, or move it away, which revokes every credential in it", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A new credential needs a new name.
    #[error("there is a credential `{0}` already; `roam-mcp credentials rotate {0}` gives it a new secret")]
    Exists(String),
    /// There is none of that name.
    #[error("there is no credential `{0}`; `roam-mcp credentials list` shows them")]
    Unknown(String),
    /// A new secret would be worthless.
    #[error(
        "the time of `{0}` is up, and a new secret would not change that; `roam-mcp credentials revoke {0}`, and add it again"
    )]
    Expired(String),
    /// The name means somebody else.
    #[error("`{0}` means somebody else: one of ~/.roam-tools.json, or a kind of caller; choose another name")]
    Taken(String),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    version: u32,
    credentials: Vec<Entry>,
}

impl Store {
    /// Reads the credentials in `dir`; without the file there are none.
    ///
    /// # Errors
    /// When the file cannot be read or is not understood.
    pub fn load(dir: &Path) -> Result<Self, StoreError> {
        let path = dir.join(FILE);
        let (text, document) = match std::fs::read(&path) {
            Ok(text) => {
                let document = parse(&text).map_err(|problem| StoreError::Broken { path, problem })?;
                (Some(text), document)
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                (None, Document { version: VERSION, credentials: Vec::new() })
            }
            Err(source) => return Err(StoreError::Io { path, source }),
        };
        Ok(Self { dir: dir.to_owned(), text, document })
    }

    /// The file as it was read; `None` if there is none.
    pub fn text(&self) -> Option<&[u8]> {
        self.text.as_deref()
    }

    /// All credentials, in the order in which they were made.
    pub fn entries(&self) -> &[Entry] {
        &self.document.credentials
    }

    /// What a server looks them up by.
    pub fn keys(&self) -> impl Iterator<Item = Key> {
        self.entries().iter().filter_map(Entry::key)
    }

    /// Adds a credential and gives its secret, for the only time.
    ///
    /// # Errors
    /// When there is one of that name, or the file cannot be changed.
    pub fn add(dir: &Path, wanted: Wanted) -> Result<Secret, StoreError> {
        let name = wanted.name.to_string();
        if TAKEN.contains(&name.as_str()) {
            return Err(StoreError::Taken(name));
        }
        Self::edit(dir, |store| {
            if store.position(&name).is_ok() {
                return Err(StoreError::Exists(name));
            }
            let (entry, secret) = Entry::draw(wanted).map_err(|error| store.no_randomness(error))?;
            store.document.credentials.push(entry);
            Ok(secret)
        })
    }

    /// Gives a credential a new secret; the old one is worthless from then on.
    ///
    /// # Errors
    /// When there is none of that name, or the file cannot be changed.
    pub fn rotate(dir: &Path, name: &str) -> Result<(Secret, Entry), StoreError> {
        Self::edit(dir, |store| {
            let at = store.position(name)?;
            if store.entries()[at].expires.is_some_and(|expires| expires <= Timestamp::now()) {
                return Err(StoreError::Expired(name.to_owned()));
            }
            let secret = store.document.credentials[at].rotate().map_err(|error| store.no_randomness(error))?;
            Ok((secret, store.document.credentials[at].clone()))
        })
    }

    /// Removes a credential.
    ///
    /// # Errors
    /// When there is none of that name, or the file cannot be changed.
    pub fn revoke(dir: &Path, name: &str) -> Result<(), StoreError> {
        Self::edit(dir, |store| {
            let at = store.position(name)?;
            store.document.credentials.remove(at);
            Ok(())
        })
    }

    /// Removes all credentials, and gives those there were.
    ///
    /// # Errors
    /// When the file cannot be changed.
    pub fn revoke_all(dir: &Path) -> Result<Vec<Entry>, StoreError> {
        Self::edit(dir, |store| Ok(std::mem::take(&mut store.document.credentials)))
    }

    /// When each credential was last used. A record of use that cannot be read is no reason to fail.
    pub fn last_used(dir: &Path) -> BTreeMap<String, Timestamp> {
        std::fs::read(dir.join(USED)).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
    }

    /// Writes down when credentials were used, beside what is known of the others.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn note_used(dir: &Path, used: BTreeMap<String, Timestamp>) -> Result<(), StoreError> {
        let mut all = Self::last_used(dir);
        all.extend(used);
        write(&dir.join(USED), &all)
    }

    /// Changes the file as it is on disk, one process at a time.
    fn edit<T>(dir: &Path, change: impl FnOnce(&mut Self) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let failed = |source| StoreError::Io { path: dir.to_owned(), source };
        // The lock is on the directory, because the file is replaced; it ends with the handle.
        let lock = match File::open(dir) {
            Ok(lock) => Some(lock),
            // There is no credential either, which `change` will say.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        lock.as_ref().map_or(Ok(()), File::lock).map_err(failed)?;
        let mut store = Self::load(dir)?;
        let result = change(&mut store)?;
        write(&dir.join(FILE), &store.document)?;
        Ok(result)
    }

    fn position(&self, name: &str) -> Result<usize, StoreError> {
        let at = self.entries().iter().position(|entry| entry.name.as_str() == name);
        at.ok_or_else(|| StoreError::Unknown(name.to_owned()))
    }

    fn no_randomness(&self, error: getrandom::Error) -> StoreError {
        StoreError::Io { path: self.dir.join(FILE), source: io::Error::other(error) }
    }
}

fn parse(text: &[u8]) -> Result<Document, String> {
    let document: Document = serde_json::from_slice(text).map_err(|error| error.to_string())?;
    if document.version != VERSION {
        return Err(format!("its version is {}, and this roam-mcp knows {VERSION}", document.version));
    }
    match document.credentials.iter().find(|entry| entry.key().is_none()) {
        Some(entry) => Err(format!("`sha256` of `{}` is not a hash", entry.name)),
        None => Ok(document),
    }
}

fn write(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    let text = serde_json::to_vec_pretty(value).map_err(io::Error::from);
    text.and_then(|text| replace_file(path, &text)).map_err(|source| StoreError::Io { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::access::{CredentialKind, Level, Rule};
    use crate::credentials::{Found, Keyring};

    fn wanted(name: &str, kind: CredentialKind) -> Wanted {
        let rule = Rule::everything(Level::ReadAppend);
        Wanted { name: name.parse().unwrap(), kind, rule, sources: Vec::new(), expires: None }
    }

    fn opens(dir: &Path, kind: CredentialKind, secret: &Secret) -> bool {
        let ring: Keyring = Store::load(dir).unwrap().keys().collect();
        matches!(ring.look(kind, secret.expose(), None, Timestamp::now()), Found::Good(_))
    }

    #[test]
    fn a_credential_lives_from_add_to_revoke_and_its_secret_is_nowhere() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let token = Store::add(dir, wanted("claude", CredentialKind::Bearer)).unwrap();
        let path = Store::add(dir, wanted("phone", CredentialKind::Path)).unwrap();
        assert_eq!((token.expose().len(), path.expose().len()), (64, 32));
        assert!(opens(dir, CredentialKind::Bearer, &token) && opens(dir, CredentialKind::Path, &path));

        let file = dir.join(FILE);
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(!text.contains(token.expose()) && !text.contains(path.expose()), "{text}");

        let (renewed, entry) = Store::rotate(dir, "claude").unwrap();
        assert_eq!(entry.rule.access, Level::ReadAppend);
        assert!(!opens(dir, CredentialKind::Bearer, &token) && opens(dir, CredentialKind::Bearer, &renewed));
        Store::revoke(dir, "claude").unwrap();
        assert!(!opens(dir, CredentialKind::Bearer, &renewed) && opens(dir, CredentialKind::Path, &path));
        assert_eq!(Store::revoke_all(dir).unwrap().len(), 1);
        assert!(!opens(dir, CredentialKind::Path, &path));
    }

    #[test]
    fn names_are_taken_once_and_must_be_known() {
        let dir = tempfile::tempdir().unwrap();
        let add = |name| Store::add(dir.path(), wanted(name, CredentialKind::Bearer));
        add("claude").unwrap();
        assert!(matches!(add("claude"), Err(StoreError::Exists(_))));
        for taken in TAKEN {
            assert!(matches!(add(taken), Err(StoreError::Taken(_))), "{taken}");
        }
        assert!(matches!(Store::rotate(dir.path(), "other"), Err(StoreError::Unknown(_))));
        assert!(matches!(Store::revoke(dir.path(), "other"), Err(StoreError::Unknown(_))));
        let nowhere = dir.path().join("not made yet");
        assert!(matches!(Store::revoke(&nowhere, "other"), Err(StoreError::Unknown(_))));
    }

    #[test]
    fn a_file_that_is_not_understood_is_left_alone() {
        for broken in ["", "{}", r#"{"version": 2, "credentials": []}"#, r#"{"version": 1, "credentials": [{}]}"#] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::write(dir.path().join(FILE), broken).unwrap();
            assert!(Store::add(dir.path(), wanted("claude", CredentialKind::Bearer)).is_err(), "{broken}");
            assert_eq!(std::fs::read_to_string(dir.path().join(FILE)).unwrap(), broken);
        }
    }

    #[test]
    fn use_is_recorded_beside_the_file() {
        let dir = tempfile::tempdir().unwrap();
        let at: Timestamp = "2026-11-21T12:00:00Z".parse().unwrap();
        Store::note_used(dir.path(), [("claude".to_owned(), at)].into()).unwrap();
        Store::note_used(dir.path(), [("phone".to_owned(), at)].into()).unwrap();
        assert_eq!(Store::last_used(dir.path()).len(), 2);
    }

    #[test]
    fn one_whose_time_is_up_gets_no_new_secret() {
        let dir = tempfile::tempdir().unwrap();
        let expires = Some(Timestamp::now());
        Store::add(dir.path(), Wanted { expires, ..wanted("claude", CredentialKind::Bearer) }).unwrap();
        assert!(matches!(Store::rotate(dir.path(), "claude"), Err(StoreError::Expired(_))));
    }
}
