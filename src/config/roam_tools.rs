//! `~/.roam-tools.json`: the file of the official Roam tools. The graphs in it are shared with them, the `http` section is
//! ours, and every key that others put there is kept.

mod entry;
mod graphs;
mod http;
mod path_secret;
#[cfg(test)]
mod tests;

use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Once;

use rustix::fs::{FlockOperation, flock};
use serde_json::{Map, Value, json};

use super::{ConfigError, file};
use crate::secret::Secret;

pub use entry::{GraphEntry, Kind, TOKEN_PREFIX, TokenLevel, TokenStatus, is_graph_name, slug};
pub use graphs::{called, has_nickname};
pub use http::{HttpSection, is_one_segment};

/// Bytes of randomness in a bearer token; 64 hex digits.
const TOKEN_BYTES: usize = 32;
/// Bytes of randomness in a path secret; 32 hex digits.
const PATH_SECRET_BYTES: usize = 16;
/// The version of the file that this program knows.
const VERSION: u64 = 1;

/// The file, with every key that others put there.
#[derive(Debug)]
pub struct RoamTools {
    path: PathBuf,
    root: Map<String, Value>,
}

/// What the file on disk looked like. Equal stamps mean that neither it nor its rights have changed in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(Option<(u64, u64, u64, [i64; 4])>);

impl Stamp {
    /// Looks at the file without reading it. A file that cannot be seen is like none.
    pub fn of(path: &Path) -> Self {
        // The change of a file's rights shows in the second time alone.
        let times = |at: &Metadata| [at.mtime(), at.mtime_nsec(), at.ctime(), at.ctime_nsec()];
        let facts = |at: Metadata| (at.dev(), at.ino(), at.len(), times(&at));
        Self(path.metadata().ok().map(facts))
    }

    /// Whether there was a file.
    pub fn exists(self) -> bool {
        self.0.is_some()
    }
}

impl RoamTools {
    /// Reads the file; one that does not exist is empty.
    ///
    /// # Errors
    /// When it cannot be read, is not a JSON object, or was written by a newer program.
    pub fn load(path: &Path) -> Result<Self, ConfigError> {
        let problem = |problem: String| ConfigError::File { path: path.to_owned(), problem };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                json!({"version": VERSION, "graphs": []}).to_string()
            }
            Err(error) => return Err(ConfigError::io(path)(error)),
        };
        warn_if_open_to_others(path);
        let root: Map<String, Value> = serde_json::from_str(&text).map_err(|error| {
            problem(format!("not a JSON object ({error}); mend it, or move it away to start afresh"))
        })?;
        match root.get("version").map(Value::as_u64) {
            None | Some(Some(1..=VERSION)) => Ok(Self { path: path.to_owned(), root }),
            Some(Some(found)) if found > VERSION => {
                Err(ConfigError::TooNew { path: path.to_owned(), found, known: VERSION })
            }
            _ => Err(problem(format!("`version` must be {VERSION}"))),
        }
    }

    /// The `http` section. A first run makes it: token and path secret are drawn and saved, unknown keys are kept.
    ///
    /// A section that is there is left as it is. Without `pathSecret` in it, the secret path is off.
    ///
    /// # Errors
    /// When the section does not have the expected form, or the file cannot be written.
    pub fn http(&mut self) -> Result<HttpSection, ConfigError> {
        if !self.root.contains_key("http") {
            let root = Self::edit(&self.path, |file| {
                // Another process may have made it since.
                if !file.root.contains_key("http") {
                    let (token, path_secret) = (file.draw(TOKEN_BYTES)?, file.draw(PATH_SECRET_BYTES)?);
                    file.root
                        .insert("http".into(), json!({"token": token.expose(), "pathSecret": path_secret.expose()}));
                    tracing::info!(path = %file.path.display(), "new credentials for public clients");
                }
                Ok(file.root.clone())
            })?;
            self.root = root;
        }
        let section = self.root.get("http").and_then(Value::as_object);
        section.and_then(HttpSection::parse).ok_or_else(|| {
            self.problem(
                "`http` needs `token` (text), and may have `pathSecret` (text) and `allowedHosts` (list of text); \
                 mend it, or delete the section to get a new one"
                    .into(),
            )
        })
    }

    /// Changes the file as it is on disk, one process at a time, and writes it if something did change.
    fn edit<T>(path: &Path, change: impl FnOnce(&mut Self) -> Result<T, ConfigError>) -> Result<T, ConfigError> {
        let io = || ConfigError::io(path);
        // The lock is on the directory, which stays the same while the file is replaced; it ends with the handle.
        let dir = File::open(file::directory_of(path).map_err(io())?).map_err(io())?;
        flock(&dir, FlockOperation::LockExclusive).map_err(|error| io()(error.into()))?;
        let mut file = Self::load(path)?;
        let before = file.root.clone();
        let result = change(&mut file)?;
        if file.root != before {
            // Writers always state the version, and the official tools expect it first.
            if !file.root.contains_key("version") {
                file.root.shift_insert(0, "version".into(), VERSION.into());
            }
            let mut text = serde_json::to_vec_pretty(&file.root).map_err(io::Error::from).map_err(io())?;
            text.push(b'\n');
            file::replace(path, &text).map_err(io())?;
        }
        Ok(result)
    }

    fn draw(&self, bytes: usize) -> Result<Secret, ConfigError> {
        Secret::random(bytes).map_err(|error| ConfigError::io(&self.path)(io::Error::other(error)))
    }

    fn problem(&self, problem: String) -> ConfigError {
        ConfigError::File { path: self.path.clone(), problem }
    }
}

/// Tokens are in it, so it should be its owner's alone. Said once.
fn warn_if_open_to_others(path: &Path) {
    static SAID: Once = Once::new();
    let mode = path.metadata().map_or(0, |facts| facts.permissions().mode() & 0o777);
    if mode & 0o077 != 0 {
        SAID.call_once(|| {
            let path = path.display();
            tracing::warn!("{path} holds tokens and others can open it (mode {mode:o}); run `chmod 600 {path}`");
        });
    }
}
