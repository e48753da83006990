//! From where public callers may come.

use std::net::IpAddr;

use ipnet::IpNet;

use super::Peer;

/// A list of networks for the planes on which an address says anything. The tailnet has better: identities.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources(Option<Vec<IpNet>>);

/// Anthropic's addresses for outgoing calls, IPv4 only (docs.claude.com, "IP addresses").
const ANTHROPIC: &[&str] = &["160.79.104.0/21"];
/// Tailscale's addresses (tailscale.com/kb/1015, and RFC 6598 for the first).
const TAILSCALE: &[&str] = &["100.64.0.0/10", "fd7a:115c:a1e0::/48"];
/// This machine, and networks that are not routed on the internet: RFC 1122, 1918, 3927, 4193 and 4291.
const LOCAL: &[&str] = &[
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

impl Sources {
    /// No list: Funnel is open to every address, a TCP socket to this machine alone.
    pub fn unlisted() -> Self {
        Self(None)
    }

    /// The networks given, and no others. An empty list lets nobody in.
    pub fn only(networks: impl IntoIterator<Item = IpNet>) -> Self {
        Self(Some(networks.into_iter().collect()))
    }

    /// Anthropic's networks.
    pub fn anthropic() -> impl Iterator<Item = IpNet> {
        parse(ANTHROPIC)
    }

    /// Tailscale's networks, of both address families.
    pub fn tailscale() -> impl Iterator<Item = IpNet> {
        parse(TAILSCALE)
    }

    /// This machine and private networks.
    pub fn local() -> impl Iterator<Item = IpNet> {
        parse(LOCAL)
    }

    /// The networks that are listed; `None` without a list.
    pub fn networks(&self) -> Option<&[IpNet]> {
        self.0.as_deref()
    }

    /// Whether a list is in force.
    pub fn is_listed(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the MCP endpoints are open to `peer`.
    pub fn allow(&self, peer: &Peer) -> bool {
        match (peer, &self.0) {
            (Peer::Tailnet { .. } | Peer::Admin, _) | (Peer::Funnel { .. }, None) => true,
            (Peer::Direct { address }, None) => address.ip().to_canonical().is_loopback(),
            (Peer::Funnel { source: address } | Peer::Direct { address }, Some(list)) => lists(list, address.ip()),
        }
    }
}

/// Whether `address` is in one of `networks`. An IPv4 address that is written as an IPv6 one is the IPv4 one.
pub fn lists(networks: &[IpNet], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}

fn parse(networks: &'static [&'static str]) -> impl Iterator<Item = IpNet> {
    networks.iter().filter_map(|network| network.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn funnel(address: &str) -> Peer {
        Peer::Funnel { source: (address.parse::<IpAddr>().unwrap(), 4242).into() }
    }

    fn direct(address: &str) -> Peer {
        Peer::Direct { address: (address.parse::<IpAddr>().unwrap(), 4242).into() }
    }

    #[test]
    fn every_network_that_is_built_in_is_one() {
        assert_eq!(Sources::anthropic().count(), ANTHROPIC.len());
        assert_eq!(Sources::tailscale().count(), TAILSCALE.len());
        assert_eq!(Sources::local().count(), LOCAL.len());
    }

    #[test]
    fn without_a_list_funnel_is_open_and_a_socket_is_for_this_machine() {
        let unlisted = Sources::unlisted();
        for address in ["192.0.2.1", "2001:db8::1", "127.0.0.1"] {
            assert!(unlisted.allow(&funnel(address)), "{address}");
        }
        for (address, open) in [
            ("127.0.0.1", true),
            ("127.8.8.8", true),
            ("::1", true),
            ("::ffff:127.0.0.1", true),
            ("192.168.1.2", false),
            ("100.64.0.1", false),
            ("::ffff:192.0.2.1", false),
        ] {
            assert_eq!(unlisted.allow(&direct(address)), open, "{address}");
        }
    }

    #[test]
    fn a_list_is_for_all_and_an_address_counts_in_every_spelling() {
        let list = Sources::only(Sources::anthropic().chain(Sources::tailscale()).chain(Sources::local()));
        for (address, open) in [
            ("160.79.104.0", true),
            ("160.79.111.255", true),
            ("160.79.112.0", false),
            ("160.79.103.255", false),
            ("::ffff:160.79.104.10", true),
            ("::160.79.104.10", false),
            ("100.64.0.0", true),
            ("100.127.255.255", true),
            ("100.128.0.0", false),
            ("fd7a:115c:a1e0::1", true),
            ("10.1.2.3", true),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
            ("fe80::1", true),
            ("2001:db8::1", false),
            ("8.8.8.8", false),
        ] {
            assert_eq!(list.allow(&funnel(address)), open, "{address} by Funnel");
            assert_eq!(list.allow(&direct(address)), open, "{address} directly");
        }
    }

    #[test]
    fn an_empty_list_lets_nobody_in_and_the_tailnet_is_not_asked() {
        let nobody = Sources::only([]);
        assert!(!nobody.allow(&funnel("127.0.0.1")) && !nobody.allow(&direct("127.0.0.1")));
        let device = Peer::Tailnet { address: "100.64.0.9:1".parse().unwrap() };
        assert!(nobody.allow(&device) && nobody.allow(&Peer::Admin));
    }
}
