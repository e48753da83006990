//! The two credentials that the node shares with the official tools' file.

use super::Settings;
use crate::access::{Credential, CredentialKind, Level, Rule};
use crate::config::{HttpSection, RoamTools};
use crate::credentials::Key;

/// The credentials of the official tools' file, or those that were typed for this run.
pub(super) fn load(settings: &mut Settings) -> anyhow::Result<HttpSection> {
    let mut file = RoamTools::load(&settings.roam_tools)?;
    if settings.access.regenerate_path_secret {
        file.regenerate_path_secret()?;
    }
    let mut http = file.http()?;
    http.token = settings.token.take().unwrap_or(http.token);
    http.path_secret = settings.path_secret.take().or(http.path_secret);
    Ok(http)
}

/// What they are looked up by. They have no name but what they are, and allow whatever public access may.
pub(super) fn keys(http: &HttpSection) -> Vec<Key> {
    let credential = |name: &str, kind| Credential { name: name.into(), kind, rule: Rule::everything(Level::Full) };
    let token = Key::plain(&http.token, credential("token", CredentialKind::Bearer));
    let path = http.path_secret.as_ref();
    let path = path.map(|secret| Key::plain(secret, credential("path-secret", CredentialKind::Path)));
    std::iter::once(token).chain(path).collect()
}
