//! Headers that claim an identity or an origin, and are believed by nobody here.

use axum::http::{HeaderMap, HeaderName};

/// Header names that proxies set, and that a client can set as well.
const CLAIMS: [&str; 4] = ["forwarded", "x-real-ip", "true-client-ip", "cf-connecting-ip"];
/// The same, whole families of them.
const CLAIM_FAMILIES: [&str; 2] = ["tailscale-", "x-forwarded-"];

/// Whether there is any of them.
pub(super) fn has_claims(headers: &HeaderMap) -> bool {
    headers.keys().any(is_claim)
}

/// Removes them all.
pub(super) fn strip(headers: &mut HeaderMap) {
    let claims: Vec<_> = headers.keys().filter(|name| is_claim(name)).cloned().collect();
    for name in claims {
        headers.remove(name);
    }
}

/// Header names are lower-case in a [`HeaderMap`].
fn is_claim(name: &HeaderName) -> bool {
    let name = name.as_str();
    CLAIMS.contains(&name) || CLAIM_FAMILIES.iter().any(|family| name.starts_with(family))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn claims_go_and_everything_else_stays() {
        let mut headers = HeaderMap::new();
        for name in ["Tailscale-User-Login", "X-Forwarded-For", "Forwarded", "X-Real-IP", "Authorization", "Accept"] {
            headers.append(name.parse::<HeaderName>().unwrap(), "a".parse().unwrap());
            headers.append(name.parse::<HeaderName>().unwrap(), "b".parse().unwrap());
        }
        strip(&mut headers);
        let mut left: Vec<_> = headers.keys().map(|name| name.as_str()).collect();
        left.sort_unstable();
        assert_eq!(left, ["accept", "authorization"]);
        assert_eq!(headers.len(), 4);
    }
}
