//! Which addresses belong to the public internet, and not to this machine's own part of it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use if_addrs::{IfAddr, Interface};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// What IANA's registry of special-purpose IPv4 addresses keeps from the public internet, and multicast.
const SPECIAL_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    // Shared address space, and every tailnet in it.
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    // Link-local, and the metadata services of clouds.
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    // Multicast, reserved, broadcast.
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// What is special within 2000::/3. All the rest of IPv6 is loopback, private (a tailnet's fd7a:115c:a1e0::/48 too),
/// link-local, multicast, not assigned, or an IPv4 address in disguise (::ffff:0:0/96, 64:ff9b::/96).
const SPECIAL_V6: &[(Ipv6Addr, u8)] = &[
    // Protocol assignments, Teredo among them.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4, which leads to the IPv4 address in it.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Whether anybody on the internet could reach that address as well, and through the same firewalls. From here there are none
/// before this machine, nor before its neighbours, whose IPv6 addresses are public ones, too.
pub(super) fn is_elsewhere(address: IpAddr) -> bool {
    is_public(address)
        && match if_addrs::get_if_addrs() {
            Ok(interfaces) => !is_near(address, &interfaces),
            Err(error) => {
                tracing::error!(%error, "cannot list the network interfaces, so nothing is fetched");
                false
            }
        }
}

/// Whether the address is one of these interfaces', or on their networks.
fn is_near(address: IpAddr, interfaces: &[Interface]) -> bool {
    let address = address.to_canonical();
    interfaces.iter().any(|interface| {
        let length = match &interface.addr {
            IfAddr::V4(v4) => v4.prefixlen,
            IfAddr::V6(v6) => v6.prefixlen,
        };
        IpNet::new(interface.ip(), length).is_ok_and(|net| net.contains(&address)) || interface.ip() == address
    })
}

fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !SPECIAL_V4.iter().any(|(net, length)| Ipv4Net::new_assert(*net, *length).contains(&v4)),
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_public(v4.into()),
            None => {
                v6.segments()[0] >> 13 == 1
                    && !SPECIAL_V6.iter().any(|(net, length)| Ipv6Net::new_assert(*net, *length).contains(&v6))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use if_addrs::{Ifv4Addr, Ifv6Addr};

    use super::*;

    #[test]
    fn a_public_address_of_this_machine_or_its_neighbours_is_near() {
        let interfaces = [
            IfAddr::V4(Ifv4Addr {
                ip: Ipv4Addr::new(93, 184, 216, 34),
                netmask: Ipv4Addr::new(255, 255, 255, 240),
                prefixlen: 28,
                broadcast: None,
            }),
            IfAddr::V6(Ifv6Addr {
                ip: "2a00:1450:4009:820::99".parse().unwrap(),
                netmask: "ffff:ffff:ffff:ffff::".parse().unwrap(),
                prefixlen: 64,
                broadcast: None,
            }),
        ]
        .map(|addr| Interface { addr, ..if_addrs::get_if_addrs().unwrap().swap_remove(0) });
        for near in [
            "93.184.216.34",
            "93.184.216.40",
            "::ffff:93.184.216.34",
            "2a00:1450:4009:820::99",
            "2a00:1450:4009:820::1",
        ] {
            assert!(is_public(near.parse().unwrap()) && is_near(near.parse().unwrap(), &interfaces), "{near}");
        }
        for far in ["93.184.216.48", "1.1.1.1", "2a00:1450:4009:821::99"] {
            assert!(!is_near(far.parse().unwrap(), &interfaces), "{far}");
        }
    }

    #[test]
    fn only_the_public_internet_is_public() {
        for public in [
            "1.1.1.1",
            "8.8.8.8",
            "100.63.255.255",
            "100.128.0.0",
            "172.32.0.1",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450::1",
            "::ffff:1.1.1.1",
        ] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for private in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.127.255.255",
            "127.0.0.1",
            "127.9.9.9",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "192.0.0.8",
            "198.19.0.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:100.64.0.1",
            "::ffff:192.168.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b:1::1",
            "fc00::1",
            "fd7a:115c:a1e0::1",
            "fe80::1",
            "fec0::1",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "4000::1",
        ] {
            assert!(!is_public(private.parse().unwrap()), "{private}");
        }
    }
}
