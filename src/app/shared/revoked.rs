//! What `funnel off --revoke` has made worthless. Flags, environments and backups do not know of it and bring it back.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::config::{ConfigError, replace_file};
use crate::credentials::Key;

/// The name of the file in the state directory.
const FILE: &str = "revoked.json";

/// SHA-256 of each, in hex.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::app) struct Revoked {
    sha256: BTreeSet<String>,
}

impl Revoked {
    /// Reads the file in `dir`; without it nothing was revoked.
    ///
    /// # Errors
    /// When it is not understood: what it says must not be forgotten.
    pub(in crate::app) fn load(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join(FILE);
        match std::fs::read(&path) {
            Ok(text) => serde_json::from_slice(&text).map_err(|error| {
                let problem = format!("{error}; move it away if no secret in it is typed for this node any more");
                ConfigError::File { path, problem }
            }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Self::default()),
            Err(source) => Err(ConfigError::Io { path, source }),
        }
    }

    /// Writes the file in `dir`.
    pub(in crate::app) fn save(&self, dir: &Path) -> io::Result<()> {
        replace_file(&dir.join(FILE), format!("{}\n", serde_json::to_string(self)?).as_bytes())
    }

    /// Adds what these open with.
    pub(in crate::app) fn add<'a>(&mut self, keys: impl Iterator<Item = &'a Key>) {
        self.sha256.extend(keys.map(Key::sha256));
    }

    /// Whether it was made worthless.
    pub(in crate::app) fn has(&self, key: &Key) -> bool {
        self.sha256.contains(&key.sha256())
    }
}
