//! The addresses from which ChatGPT calls, as OpenAI publishes them.

use ipnet::IpNet;
use serde::Deserialize;

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

/// Reads a copy of the file.
///
/// # Errors
/// When it is something else, or lists no prefix.
pub fn parse(text: &str) -> Result<Vec<IpNet>, String> {
    let published: Published = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let networks: Vec<_> =
        published.prefixes.into_iter().flat_map(|prefix| [prefix.ipv4_prefix, prefix.ipv6_prefix]).flatten().collect();
    if networks.is_empty() { Err("it lists no prefixes".into()) } else { Ok(networks) }
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
}
