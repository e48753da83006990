//! Who is behind a proxy on this machine's own socket.
//!
//! A proxy or a tunnel in front of a loopback listener makes everybody look local. It gives itself away by the headers
//! it adds, and is refused unless the operator trusts it; then its word counts, read from the right, because whatever is
//! left of what trusted hops wrote can be made up.

use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;
use ipnet::IpNet;

use super::headers;
use super::refusal::Refusal;
use crate::access::{self, Peer};

/// The client as the trusted proxies tell it. On other planes nobody stands in front, and what claims so is not read.
pub(super) fn client(trusted: &[IpNet], peer: Peer, headers: &HeaderMap) -> Result<Peer, Refusal> {
    let Peer::Direct { address } = peer else { return Ok(peer) };
    if !headers::has_claims(headers) {
        return Ok(peer);
    }
    let trusts = |address| access::lists(trusted, address);
    if !trusts(address.ip()) {
        return Err(Refusal::UntrustedProxy);
    }
    // Each hop writes down whom it saw, behind what it was told.
    let hops = headers.get_all("x-forwarded-for").iter().rev().flat_map(|value| {
        let hops: Vec<_> = value.to_str().unwrap_or_default().rsplit(',').map(|hop| parse(hop.trim())).collect();
        hops
    });
    let mut client = None;
    for hop in hops {
        let hop = hop.ok_or(Refusal::UntrustedProxy)?;
        client = Some(hop);
        if !trusts(hop) {
            break;
        }
    }
    // A proxy that tells something, but not whom it saw, would make everybody local.
    client.map(|ip| Peer::Direct { address: SocketAddr::new(ip, 0) }).ok_or(Refusal::UntrustedProxy)
}

/// An address, which some proxies write with its port.
fn parse(hop: &str) -> Option<IpAddr> {
    let address = hop.parse().ok().or_else(|| hop.parse().ok().map(|socket: SocketAddr| socket.ip()));
    address.or_else(|| hop.strip_prefix('[')?.strip_suffix(']')?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn direct(address: &str) -> Peer {
        Peer::Direct { address: SocketAddr::new(address.parse().unwrap(), 0) }
    }

    fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, value.parse().unwrap());
        }
        headers
    }

    fn seen(trusted: &[&str], socket: &str, lines: &[(&'static str, &str)]) -> Option<Peer> {
        let trusted: Vec<IpNet> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        client(&trusted, direct(socket), &headers(lines)).ok()
    }

    #[test]
    fn a_proxy_that_nobody_trusts_is_refused_by_whatever_it_adds() {
        assert_eq!(seen(&[], "127.0.0.1", &[]), Some(direct("127.0.0.1")));
        for name in [
            "x-forwarded-for",
            "x-forwarded-host",
            "forwarded",
            "x-real-ip",
            "cf-connecting-ip",
            "tailscale-user-login",
        ] {
            assert_eq!(seen(&[], "127.0.0.1", &[(name, "192.0.2.1")]), None, "{name}");
            assert_eq!(seen(&["10.0.0.0/8"], "127.0.0.1", &[(name, "192.0.2.1")]), None, "{name}");
        }
    }

    #[test]
    fn of_what_trusted_hops_wrote_the_first_stranger_from_the_right_counts() {
        let trusted = ["127.0.0.1/32", "::1/128", "10.0.0.0/8"];
        for (lines, client) in [
            (&[("x-forwarded-for", "192.0.2.1")][..], Some("192.0.2.1")),
            (&[("x-forwarded-for", "127.0.0.1, 192.0.2.1")], Some("192.0.2.1")),
            (&[("x-forwarded-for", "6.6.6.6, 192.0.2.1, 10.0.0.7")], Some("192.0.2.1")),
            (
                &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "192.0.2.1"), ("x-forwarded-for", "10.0.0.7")],
                Some("192.0.2.1"),
            ),
            (&[("x-forwarded-for", "10.0.0.9, 10.0.0.7")], Some("10.0.0.9")),
            (&[("x-forwarded-for", "192.0.2.1:4711")], Some("192.0.2.1")),
            (&[("x-forwarded-for", "[2001:db8::1]:4711")], Some("2001:db8::1")),
            (&[("x-forwarded-for", "[2001:db8::1]")], Some("2001:db8::1")),
            (&[("x-forwarded-for", "rubbish, 192.0.2.1")], Some("192.0.2.1")),
            (&[("x-forwarded-for", "192.0.2.1, rubbish")], None),
            (&[("x-forwarded-for", "")], None),
            (&[("x-forwarded-for", "192.0.2.1,")], None),
            (&[("x-real-ip", "192.0.2.1")], None),
            (&[("forwarded", "for=192.0.2.1")], None),
        ] {
            assert_eq!(seen(&trusted, "127.0.0.1", lines), client.map(direct), "{lines:?}");
        }
        let mapped = seen(&trusted, "::ffff:127.0.0.1", &[("x-forwarded-for", "192.0.2.1")]);
        assert_eq!(mapped, Some(direct("192.0.2.1")));
    }

    #[test]
    fn on_other_planes_nobody_stands_in_front() {
        let claims = headers(&[("x-forwarded-for", "127.0.0.1")]);
        let funnel = Peer::Funnel { source: "192.0.2.1:1".parse().unwrap() };
        for peer in [funnel, Peer::Tailnet { address: "100.64.0.1:1".parse().unwrap() }, Peer::Admin] {
            assert_eq!(client(&["0.0.0.0/0".parse().unwrap()], peer, &claims).ok(), Some(peer));
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_a_stranger_local(text in "[ -~]{0,40}") {
            let peer = seen(&["127.0.0.1/32"], "127.0.0.1", &[("x-forwarded-for", &format!("{text}, 192.0.2.1"))]);
            proptest::prop_assert_eq!(peer, Some(direct("192.0.2.1")));
        }
    }
}
