//! The names this server answers to: its own, and no other.
//!
//! A page of a foreign site can make a browser send requests here (DNS rebinding). Such a request betrays itself by its
//! `Host` or its `Origin`, so both are checked on every route.

use std::net::IpAddr;

use axum::extract::Request;
use axum::http::header::{HOST, HeaderMap, ORIGIN};
use axum::http::uri::Authority;
use axum::http::{HeaderValue, Uri};

use super::refusal::Refusal;

/// The set of host names, and the ports at which browsers may find them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    hosts: Vec<String>,
    ports: Vec<u16>,
}

const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "[::1]"];

impl Names {
    /// The names of a node: its full name, the first label of it (MagicDNS finds it by that), its addresses, loopback,
    /// and whatever the configuration adds. `ports` are those of its HTTPS listeners.
    pub fn new(node: &str, addresses: &[IpAddr], extra: &[String], ports: &[u16]) -> Self {
        let label = node.split('.').next().unwrap_or_default();
        let addresses = addresses.iter().map(|address| match address {
            IpAddr::V4(v4) => v4.to_string(),
            IpAddr::V6(v6) => format!("[{v6}]"),
        });
        let hosts = [node, label]
            .into_iter()
            .chain(LOOPBACK)
            .map(str::to_owned)
            .chain(addresses)
            .chain(extra.iter().cloned())
            .filter(|name| !name.is_empty())
            .map(|name| name.to_ascii_lowercase())
            .collect();
        Self { hosts, ports: ports.to_vec() }
    }

    /// Refuses a request that was meant for somebody else, or that a foreign page made.
    pub(super) fn check(&self, request: &Request) -> Result<(), Refusal> {
        self.check_host(request.uri(), request.headers())?;
        let mut origins = request.headers().get_all(ORIGIN).iter();
        match (origins.next(), origins.next()) {
            (None, _) => Ok(()),
            (Some(origin), None) if self.is_own_origin(origin) => Ok(()),
            _ => Err(Refusal::ForeignOrigin),
        }
    }

    /// HTTP/2 names the host in `:authority`, HTTP/1.1 in `Host` or in an absolute request target: whichever are there
    /// must be ours, and one must be there.
    fn check_host(&self, uri: &Uri, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut hosts = headers.get_all(HOST).iter();
        let header = hosts.next();
        if hosts.next().is_some() || (header.is_none() && uri.authority().is_none()) {
            return Err(Refusal::BadHost);
        }
        let header_is_own = header.is_none_or(|host| parse(host).is_some_and(|host| self.is_own(&host)));
        let target_is_own = uri.authority().is_none_or(|authority| self.is_own(authority));
        if header_is_own && target_is_own { Ok(()) } else { Err(Refusal::ForeignHost) }
    }

    /// Whether the host is ours; the port does not matter, the connection has found us. User information never does.
    fn is_own(&self, authority: &Authority) -> bool {
        !authority.as_str().contains('@') && self.has(authority.host())
    }

    fn has(&self, host: &str) -> bool {
        self.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// Whether a page of our own made the request: our name by HTTPS at one of our ports, or loopback.
    fn is_own_origin(&self, origin: &HeaderValue) -> bool {
        let Some((scheme, authority)) = origin.to_str().ok().and_then(|origin| origin.split_once("://")) else {
            return false;
        };
        let Ok(authority) = authority.parse::<Authority>() else { return false };
        if !self.is_own(&authority) {
            return false;
        }
        match scheme {
            "http" | "https" if LOOPBACK.contains(&authority.host()) => true,
            "https" => self.ports.contains(&authority.port_u16().unwrap_or(443)),
            _ => false,
        }
    }
}

fn parse(host: &HeaderValue) -> Option<Authority> {
    host.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let addresses = ["100.64.0.1".parse().unwrap(), "fd7a:115c:a1e0::1".parse().unwrap()];
        Names::new("roam.tail1234.ts.net", &addresses, &["notes.example".into()], &[443, 8443])
    }

    fn request(target: &str, headers: &[(&str, &str)]) -> Request {
        let mut request = Request::builder().uri(target);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(axum::body::Body::empty()).unwrap()
    }

    #[test]
    fn only_our_own_names_are_answered() {
        let table = [
            ("roam.tail1234.ts.net", true),
            ("ROAM.tail1234.TS.net", true),
            ("roam.tail1234.ts.net:443", true),
            ("roam", true),
            ("100.64.0.1", true),
            ("[fd7a:115c:a1e0::1]:443", true),
            ("localhost:3939", true),
            ("127.0.0.1", true),
            ("[::1]", true),
            ("notes.example", true),
            ("evil.example", false),
            ("roam.tail1234.ts.net.evil.example", false),
            ("evil-roam.tail1234.ts.net", false),
            ("roam.tail1234.ts.net.", false),
            ("user@roam.tail1234.ts.net", false),
            ("roam.tail1234.ts.net@evil.example", false),
            ("100.64.0.2", false),
            ("tail1234.ts.net", false),
            ("", false),
        ];
        for (host, ours) in table {
            assert_eq!(names().check(&request("/mcp", &[("host", host)])).is_ok(), ours, "{host}");
        }
    }

    #[test]
    fn a_host_must_be_there_once_and_agree_with_an_absolute_target() {
        let own = ("host", "roam.tail1234.ts.net");
        let refused = [
            request("/mcp", &[]),
            request("/mcp", &[own, own]),
            request("/mcp", &[own, ("host", "evil.example")]),
            request("https://evil.example/mcp", &[own]),
            request("https://roam.tail1234.ts.net/mcp", &[("host", "evil.example")]),
        ];
        for request in refused {
            assert!(names().check(&request).is_err(), "{request:?}");
        }
        assert!(names().check(&request("https://roam.tail1234.ts.net/mcp", &[])).is_ok());
    }

    #[test]
    fn only_our_own_pages_may_call_from_a_browser() {
        let table = [
            ("https://roam.tail1234.ts.net", true),
            ("https://roam.tail1234.ts.net:443", true),
            ("https://roam.tail1234.ts.net:8443", true),
            ("http://localhost:6274", true),
            ("http://127.0.0.1", true),
            ("https://roam.tail1234.ts.net:8444", false),
            ("http://roam.tail1234.ts.net", false),
            ("https://roam.tail1234.ts.net.evil.example", false),
            ("https://evil.example", false),
            ("null", false),
            ("", false),
            ("https://", false),
            ("file://roam.tail1234.ts.net", false),
            ("https://user@roam.tail1234.ts.net", false),
        ];
        for (origin, ours) in table {
            let request = request("/mcp", &[("host", "roam.tail1234.ts.net"), ("origin", origin)]);
            assert_eq!(names().check(&request).is_ok(), ours, "{origin}");
        }
        let twice = [("host", "roam"), ("origin", "https://roam"), ("origin", "https://roam")];
        assert!(names().check(&request("/mcp", &twice)).is_err());
    }

    #[test]
    fn a_server_without_a_name_answers_loopback_only() {
        let nameless = Names::new("", &[], &[], &[]);
        assert!(nameless.check(&request("/mcp", &[("host", "")])).is_err());
        assert!(nameless.check(&request("/mcp", &[("host", "localhost")])).is_ok());
    }
}
