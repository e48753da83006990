//! What `funnel off --revoke` has made worthless. Flags, environments and backups do not know of it and bring it back.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::config::{ConfigError, HttpSection, replace_file};
use crate::secret::Secret;

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

    /// Adds both credentials of the section.
    pub(in crate::app) fn add(&mut self, http: &HttpSection) {
        self.sha256.extend(std::iter::once(&http.token).chain(&http.path_secret).map(digest));
    }

    pub(super) fn has(&self, secret: &Secret) -> bool {
        self.sha256.contains(&digest(secret))
    }
}

fn digest(secret: &Secret) -> String {
    hex::encode(Sha256::digest(secret.expose()))
}
