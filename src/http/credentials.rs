//! What opens the public door.

use axum::http::{HeaderMap, header};

use super::refusal::Refusal;
use crate::access::Credential;
use crate::secret::Secret;

/// The credentials of the configuration.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// For clients that can send a header.
    pub token: Secret,
    /// For clients that cannot; `None` switches the secret paths off.
    pub path_secret: Option<Secret>,
}

impl Credentials {
    /// Compares in constant time. Without a path secret, nothing matches.
    pub(super) fn path_secret_matches(&self, shown: &str) -> bool {
        let matches = self.path_secret.as_ref().unwrap_or(&self.token).matches(shown);
        matches && self.path_secret.is_some()
    }

    /// Reads the `Authorization` header.
    pub(super) fn bearer(&self, headers: &HeaderMap) -> Result<Credential, Refusal> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let (Some(value), None) = (values.next(), values.next()) else { return Err(Refusal::NoCredential) };
        // RFC 6750 section 2.1; RFC 9110 section 11.1: the scheme is not case-sensitive.
        let token = value
            .to_str()
            .ok()
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim())
            .ok_or(Refusal::NoCredential)?;
        if self.token.matches(token) { Ok(Credential::BearerToken) } else { Err(Refusal::WrongCredential) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials() -> Credentials {
        Credentials { token: "token".into(), path_secret: Some("path".into()) }
    }

    fn with(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn the_bearer_token_and_nothing_else_is_accepted() {
        for good in ["Bearer token", "bearer token", "BEARER  token "] {
            assert!(credentials().bearer(&with(&[good])).is_ok(), "{good}");
        }
        for wrong in ["Bearer path", "Bearer ", "Bearer tokens", "Bearer toke", "Bearer Token"] {
            assert!(matches!(credentials().bearer(&with(&[wrong])), Err(Refusal::WrongCredential)), "{wrong}");
        }
        for none in [&[][..], &["token"], &["Basic token"], &["Bearer token", "Bearer token"]] {
            assert!(matches!(credentials().bearer(&with(none)), Err(Refusal::NoCredential)), "{none:?}");
        }
    }

    #[test]
    fn without_a_path_secret_no_path_opens() {
        let closed = Credentials { path_secret: None, ..credentials() };
        for shown in ["", "path", "token"] {
            assert!(!closed.path_secret_matches(shown), "{shown}");
        }
        assert!(credentials().path_secret_matches("path"));
        assert!(!credentials().path_secret_matches(""));
    }
}
