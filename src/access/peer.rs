//! How a connection arrived.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Where a connection was accepted, with the one address that may be believed there.
///
/// Made by the listener and by nothing else. What a client writes into its headers cannot change it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Peer {
    /// A device in the tailnet. Its address identifies it: WireGuard has authenticated the node behind it.
    Tailnet {
        /// The device's tailnet address and port.
        address: SocketAddr,
    },
    /// The public internet, through Funnel.
    ///
    /// Never looked up with WhoIs: the tailnet address behind it is the ingress node's, not the client's.
    Funnel {
        /// The true address of the client, as told by the ingress node.
        source: SocketAddr,
    },
    /// A plain TCP connection to a socket of this machine.
    Direct {
        /// The address at the other end of the socket.
        address: SocketAddr,
    },
    /// The admin socket: whoever can open a 0600 Unix socket in the state directory.
    Admin,
}

impl Peer {
    /// The plane this peer arrived on.
    pub fn plane(&self) -> Plane {
        match self {
            Self::Tailnet { .. } => Plane::Tailnet,
            Self::Funnel { .. } => Plane::Funnel,
            Self::Direct { .. } => Plane::Direct,
            Self::Admin => Plane::Admin,
        }
    }

    /// The address to count connections and failures by; `None` on the admin socket.
    pub fn source(&self) -> Option<IpAddr> {
        match self {
            Self::Tailnet { address } | Self::Direct { address } => Some(address.ip()),
            Self::Funnel { source } => Some(source.ip()),
            Self::Admin => None,
        }
    }
}

/// Who counts as one on the public internet: an IPv4 address, or the /64 of an IPv6 address, which one subscriber has.
pub fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX)).into(),
        v4 => v4,
    }
}

/// The four ways in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Plane {
    /// Tailnet devices.
    Tailnet,
    /// The public internet through Funnel.
    Funnel,
    /// A TCP socket of this machine.
    Direct,
    /// The admin socket.
    Admin,
}

impl Plane {
    /// Whether anybody may come this way: what a proxy brings comes over the machine's own socket.
    pub fn is_public(self) -> bool {
        match self {
            Self::Funnel | Self::Direct => true,
            Self::Tailnet | Self::Admin => false,
        }
    }

    /// The name in records and metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tailnet => "tailnet",
            Self::Funnel => "funnel",
            Self::Direct => "direct",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
