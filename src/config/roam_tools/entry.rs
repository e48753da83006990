//! One graph of the file: its keys, and the words that stand in them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::secret::Secret;

/// What every token of the Local API begins with; those of Roam's hosted API begin differently and are refused by it.
pub const TOKEN_PREFIX: &str = "roam-graph-local-token-";

/// A graph that was connected, and the token that opens it.
#[derive(Clone, Debug)]
pub struct GraphEntry {
    /// Its canonical name.
    pub name: String,
    /// Where Roam keeps it.
    pub kind: Kind,
    /// What Roam gave for it.
    pub token: Secret,
    /// The short name.
    pub nickname: String,
    /// What the token allowed when that was last heard of.
    pub access_level: Option<TokenLevel>,
    /// Whether the token was good when that was last heard of.
    pub token_status: Option<TokenStatus>,
}

/// Where Roam keeps a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// On Roam's servers.
    #[default]
    Hosted,
    /// On this machine alone.
    Offline,
}

/// What a token allows, in Roam's words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TokenLevel {
    /// Read.
    ReadOnly,
    /// Read and add.
    ReadAppend,
    /// Read, add, and change what one has written oneself.
    ReadEditOwn,
    /// Everything.
    Full,
}

/// Whether a token was good when that was last heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TokenStatus {
    /// Roam knew it.
    Active,
    /// Roam knew it no longer.
    Revoked,
}

impl Kind {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Hosted => "hosted",
            Self::Offline => "offline",
        }
    }
}

impl TokenLevel {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ReadOnly => "read-only",
            Self::ReadAppend => "read-append",
            Self::ReadEditOwn => "read-edit-own",
            Self::Full => "full",
        }
    }
}

impl TokenStatus {
    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for TokenLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for TokenLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        [Self::ReadOnly, Self::ReadAppend, Self::ReadEditOwn, Self::Full]
            .into_iter()
            .find(|level| level.as_str() == text)
            .ok_or(())
    }
}

/// Whether Roam would take it as the name of a graph. Such a name stands in a URL as it is.
pub fn is_graph_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_'))
}

/// Makes a nickname out of free text: lower case, and one hyphen for everything between letters and digits.
///
/// `None` if no letter or digit of ASCII is left.
pub fn slug(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    let parts = lower.split(|c: char| !c.is_ascii_lowercase() && !c.is_ascii_digit());
    let slug = parts.filter(|part| !part.is_empty()).collect::<Vec<_>>().join("-");
    Some(slug).filter(|slug| !slug.is_empty())
}

impl GraphEntry {
    /// Reads an entry, or says what is wrong with each of its keys.
    pub(super) fn parse(value: &Value) -> Result<Self, Vec<String>> {
        let Some(keys) = value.as_object() else { return Err(vec!["it is not an object".into()]) };
        let mut problems = Vec::new();
        let name = required(keys, "name", is_graph_name, "letters, digits, `-` and `_`", &mut problems);
        let nickname = required(
            keys,
            "nickname",
            |text| slug(text).as_deref() == Some(text),
            "lower-case letters, digits and inner hyphens",
            &mut problems,
        );
        let token = required(
            keys,
            "token",
            |text| text.starts_with(TOKEN_PREFIX),
            "a token that begins with roam-graph-local-token-",
            &mut problems,
        );
        let kind: Option<Kind> = optional(keys, "type", "hosted or offline", &mut problems);
        let access_level =
            optional(keys, "accessLevel", "read-only, read-append, read-edit-own or full", &mut problems);
        let token_status = optional(keys, "lastKnownTokenStatus", "active or revoked", &mut problems);
        match (name, nickname, token) {
            (Some(name), Some(nickname), Some(token)) if problems.is_empty() => Ok(Self {
                name: name.to_owned(),
                kind: kind.unwrap_or_default(),
                token: Secret::from(token),
                nickname: nickname.to_owned(),
                access_level,
                token_status,
            }),
            _ => Err(problems),
        }
    }

    /// Puts the keys into an object that may hold others.
    pub(super) fn write(&self, keys: &mut Map<String, Value>) {
        keys.insert("name".into(), self.name.clone().into());
        keys.insert("type".into(), self.kind.as_str().into());
        keys.insert("token".into(), self.token.expose().into());
        keys.insert("nickname".into(), self.nickname.clone().into());
        set(keys, "accessLevel", self.access_level.map(TokenLevel::as_str));
        set(keys, "lastKnownTokenStatus", self.token_status.map(TokenStatus::as_str));
    }
}

fn set(keys: &mut Map<String, Value>, key: &str, value: Option<&str>) {
    match value {
        Some(value) => keys.insert(key.into(), value.into()),
        None => keys.shift_remove(key),
    };
}

fn required<'a>(
    keys: &'a Map<String, Value>,
    key: &str,
    fits: impl Fn(&str) -> bool,
    form: &str,
    problems: &mut Vec<String>,
) -> Option<&'a str> {
    let text = keys.get(key).and_then(Value::as_str).filter(|text| fits(text));
    if text.is_none() {
        problems.push(format!("`{key}` must be {form}"));
    }
    text
}

fn optional<T: serde::de::DeserializeOwned>(
    keys: &Map<String, Value>,
    key: &str,
    form: &str,
    problems: &mut Vec<String>,
) -> Option<T> {
    let value = keys.get(key)?;
    let parsed = serde_json::from_value(value.clone()).ok();
    if parsed.is_none() {
        problems.push(format!("`{key}` must be {form}, or absent"));
    }
    parsed
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_nickname_is_made_of_what_is_left_of_a_name() {
        for (text, made) in [
            ("My Notes", Some("my-notes")),
            ("--a__b--", Some("a-b")),
            ("Zürich 2", Some("z-rich-2")),
            ("日本", None),
            ("", None),
            ("-", None),
        ] {
            assert_eq!(slug(text).as_deref(), made, "{text}");
        }
    }

    #[test]
    fn every_key_that_does_not_fit_is_named() {
        let good = json!({"name": "A_b-1", "nickname": "a-b", "token": "roam-graph-local-token-x"});
        let entry = GraphEntry::parse(&good).unwrap();
        assert_eq!((entry.kind, entry.access_level, entry.token_status), (Kind::Hosted, None, None));
        for (key, value) in [
            ("name", json!("a/b")),
            ("name", json!(null)),
            ("nickname", json!("A")),
            ("nickname", json!("a--b")),
            ("token", json!("roam-graph-token-x")),
            ("type", json!("local")),
            ("type", json!(null)),
            ("accessLevel", json!("root")),
            ("lastKnownTokenStatus", json!(1)),
        ] {
            let mut bad = good.clone();
            bad[key] = value;
            let problems = GraphEntry::parse(&bad).unwrap_err();
            assert!(problems.len() == 1 && problems[0].contains(key), "{key}: {problems:?}");
        }
        assert_eq!(GraphEntry::parse(&json!({})).unwrap_err().len(), 3);
        assert_eq!(GraphEntry::parse(&json!([])).unwrap_err().len(), 1);
    }
}
