//! The addresses from which ChatGPT calls, as OpenAI publishes them.

use ipnet::IpNet;
use serde::Deserialize;

use crate::access::Sources;

/// Where OpenAI publishes them (developers.openai.com, "IP egress ranges"), to be fetched regularly.
pub const URL: &str = "https://openai.com/chatgpt-connectors.json";

/// A time and a list of prefixes, each of one address family. Unknown keys
/// are OpenAI's business.
#[derive(Deserialize)]
struct Published {
    prefixes: Vec<Prefix>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Prefix {
    ipv4_prefix: Option<IpNet>,
    ipv6_prefix: Option<IpNet>,
}

/// The widest networks that are believed: no cloud has more in one piece.
const WIDEST: (u8, u8) = (12, 29);

/// Reads a copy of the file.
///
/// # Errors
/// When it is something else, lists no prefix, or one that would let in half the internet or a private network.
pub fn parse(text: &str) -> Result<Vec<IpNet>, String> {
    let published: Published = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let networks: Vec<_> =
        published.prefixes.into_iter().flat_map(|prefix| [prefix.ipv4_prefix, prefix.ipv6_prefix]).flatten().collect();
    match networks.iter().find(|network| !is_believable(network)) {
        Some(odd) => Err(format!("it lists {odd}, which is no network of a cloud")),
        None if networks.is_empty() => Err("it lists no prefixes".into()),
        None => Ok(networks),
    }
}

fn is_believable(network: &IpNet) -> bool {
    let least = if matches!(network, IpNet::V4(_)) { WIDEST.0 } else { WIDEST.1 };
    let mut private = Sources::local().chain(Sources::tailscale());
    network.prefix_len() >= least && !private.any(|net| net.contains(network) || network.contains(&net))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn prefixes_of_both_families_are_read() {
        let text = r#"{"creationTime": "2026-09-22T00:00:00", "prefixes": [
            {"ipv4Prefix": "192.0.2.0/28"}, {"ipv6Prefix": "2001:db8::/48", "note": "new"}]}"#;
        assert_eq!(parse(text).unwrap().len(), 2);
        for bad in ["", "[]", "{}", r#"{"prefixes": []}"#, r#"{"prefixes": [{"ipv4Prefix": "x"}]}"#] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_list_that_would_let_in_anybody_is_no_list() {
        let list = |prefix: &str| {
            let key = if prefix.contains(':') { "ipv6Prefix" } else { "ipv4Prefix" };
            parse(&format!(r#"{{"prefixes": [{{"ipv4Prefix": "192.0.2.0/28"}}, {{"{key}": "{prefix}"}}]}}"#))
        };
        for good in ["20.32.0.0/12", "2001:db8::/29"] {
            list(good).unwrap();
        }
        for odd in [
            "0.0.0.0/0",
            "20.0.0.0/11",
            "::/0",
            "2001:db8::/28",
            "10.1.0.0/16",
            "127.0.0.1/32",
            "100.100.0.0/16",
            "fd7a:115c:a1e0::/64",
            "::1/128",
        ] {
            assert!(list(odd).unwrap_err().contains(odd), "{odd}");
        }
    }
}
