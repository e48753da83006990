//! One credential, as the file has it.

use std::fmt;
use std::str::FromStr;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Key;
use crate::access::{Credential, CredentialKind, Rule};
use crate::secret::Secret;

/// What an operator asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// What to call it.
    pub name: Name,
    /// How it will be shown.
    pub kind: CredentialKind,
    /// What it allows.
    pub rule: Rule,
    /// From where; nowhere in particular if empty.
    pub sources: Vec<IpNet>,
    /// Until when; `None` for ever.
    pub expires: Option<Timestamp>,
}

/// A credential in the file. The secret itself is not there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is called.
    pub name: Name,
    /// How it is shown.
    pub kind: CredentialKind,
    /// SHA-256 of it, in hex. A secret of 128 random bits or more needs no slow hash.
    sha256: String,
    /// What it allows.
    pub rule: Rule,
    /// From where; anywhere if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<IpNet>,
    /// When its secret was made.
    pub created: Timestamp,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
}

/// The name of a credential: 1 to 64 letters, digits, `.`, `_` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

impl Name {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Entry {
    /// Draws a secret and makes the entry for it.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(super) fn draw(wanted: Wanted) -> Result<(Self, Secret), getrandom::Error> {
        let Wanted { name, kind, rule, sources, expires } = wanted;
        let secret = draw(kind)?;
        let sha256 = hex::encode(Key::digest(secret.expose()));
        Ok((Self { name, kind, sha256, rule, sources, created: Timestamp::now(), expires }, secret))
    }

    /// Gives it another secret.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(super) fn rotate(&mut self) -> Result<Secret, getrandom::Error> {
        let secret = draw(self.kind)?;
        self.sha256 = hex::encode(Key::digest(secret.expose()));
        self.created = Timestamp::now();
        Ok(secret)
    }

    /// What a server looks it up by; `None` if the hash is none.
    pub fn key(&self) -> Option<Key> {
        let mut digest = [0; 32];
        hex::decode_to_slice(&self.sha256, &mut digest).ok()?;
        let credential = Credential { name: self.name.0.clone(), kind: self.kind, rule: self.rule.clone() };
        Some(Key::new(digest, credential, self.sources.clone(), self.expires))
    }
}

/// As long as those of the `http` section: 256 bits for a header, 128 for a URL that a person may have to paste.
fn draw(kind: CredentialKind) -> Result<Secret, getrandom::Error> {
    Secret::random(match kind {
        CredentialKind::Bearer => 32,
        CredentialKind::Path => 16,
    })
}

impl FromStr for Name {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let fits = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'.' | b'_' | b'-');
        if (1..=64).contains(&name.len()) && name.bytes().all(fits) {
            Ok(Self(name.to_owned()))
        } else {
            Err("use 1 to 64 letters, digits, `.`, `_` and `-`".into())
        }
    }
}

impl TryFrom<String> for Name {
    type Error = String;

    fn try_from(name: String) -> Result<Self, String> {
        name.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_fit_in_a_line_and_a_log() {
        for good in ["claude", "chat-gpt_2.0", "a", &"n".repeat(64)] {
            assert!(good.parse::<Name>().is_ok(), "{good}");
        }
        for bad in ["", "two words", "a/b", "a\nb", "é", &"n".repeat(65)] {
            assert!(bad.parse::<Name>().is_err(), "{bad}");
        }
    }
}
