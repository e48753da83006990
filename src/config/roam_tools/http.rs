//! The `http` section of remote access v1, which is ours.

use serde_json::{Map, Value};

use crate::secret::Secret;

/// The `http` section of remote access v1.
#[derive(Clone, Debug)]
pub struct HttpSection {
    /// Opens `/mcp` as a bearer token.
    pub token: Secret,
    /// Opens `/<secret>/mcp`; `None` switches that path off.
    pub path_secret: Option<Secret>,
    /// More names to answer to.
    pub allowed_hosts: Vec<String>,
}

impl HttpSection {
    /// Absent is a default; anything else must have its form.
    pub(super) fn parse(section: &Map<String, Value>) -> Option<Self> {
        let text = |value: &Value| value.as_str().filter(|text| !text.is_empty()).map(str::to_owned);
        let token = section.get("token").and_then(text)?;
        let path_secret = match section.get("pathSecret") {
            None => None,
            Some(value) => Some(Secret::from(text(value).filter(|secret| is_one_segment(secret))?)),
        };
        let allowed_hosts = match section.get("allowedHosts") {
            None => Vec::new(),
            Some(list) => list.as_array()?.iter().map(text).collect::<Option<_>>()?,
        };
        Some(Self { token: Secret::from(token), path_secret, allowed_hosts })
    }
}

/// A path secret must survive in a URL as it is.
pub fn is_one_segment(secret: &str) -> bool {
    secret.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.' | b'~'))
}
