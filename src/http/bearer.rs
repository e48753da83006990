//! The `Authorization` header.

use axum::http::{HeaderMap, header};

/// The bearer token, if exactly one is sent.
pub(super) fn token(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    // RFC 6750 section 2.1; RFC 9110 section 11.1: the scheme is not case-sensitive.
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (header::AUTHORIZATION, value.parse().unwrap())).collect()
    }

    #[test]
    fn one_bearer_token_is_read_and_nothing_else() {
        for (sent, token) in [("Bearer abc", "abc"), ("bearer abc", "abc"), ("BEARER  abc ", "abc"), ("Bearer ", "")] {
            assert_eq!(super::token(&with(&[sent])), Some(token), "{sent}");
        }
        for none in [&[][..], &["abc"], &["Basic abc"], &["Bearer abc", "Bearer abc"], &["Bearer"]] {
            assert_eq!(token(&with(none)), None, "{none:?}");
        }
    }
}
