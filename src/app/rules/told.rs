//! What of a change of the rules is recorded.

use std::collections::BTreeMap;

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::audit::Event;
use crate::credentials::{FILE, Store};

/// What was recorded last.
#[derive(Debug, Default)]
pub(super) struct Told {
    rules: Option<Option<String>>,
    credentials: Option<BTreeMap<String, Timestamp>>,
}

impl Told {
    /// Of the text of `config.toml`, if there is one. Its hash is enough: whoever keeps the file, keeps what it said.
    pub(super) fn rules(&mut self, text: Option<&str>) -> Option<Event> {
        let sha256 = text.map(|text| sha256(text.as_bytes()));
        if self.rules.as_ref() == Some(&sha256) {
            return None;
        }
        self.rules = Some(sha256.clone());
        Some(Event::Changed { file: "config.toml".into(), sha256, actions: Vec::new() })
    }

    /// Of the file with the credentials. A secret is known by when it was made.
    pub(super) fn credentials(&mut self, store: &Store) -> Option<Event> {
        let now: BTreeMap<_, _> = store.entries().iter().map(|entry| (entry.name.to_string(), entry.created)).collect();
        let actions: Vec<_> = match &self.credentials {
            None => now.keys().map(|name| format!("has {name}")).collect(),
            Some(before) => {
                let made = now.iter().filter_map(|(name, created)| match before.get(name) {
                    None => Some(format!("add {name}")),
                    Some(known) => (known != created).then(|| format!("rotate {name}")),
                });
                let gone = before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("revoke {name}"));
                made.chain(gone).collect()
            }
        };
        self.credentials = Some(now);
        (!actions.is_empty()).then(|| Event::Changed { file: FILE.into(), sha256: store.text().map(sha256), actions })
    }
}

fn sha256(text: &[u8]) -> String {
    hex::encode(Sha256::digest(text))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{CredentialKind, Level, Rule};
    use crate::credentials::Wanted;

    #[test]
    fn what_becomes_of_credentials_is_told_by_name_and_what_stays_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let (dir, mut told) = (dir.path(), Told::default());
        let mut actions = || match told.credentials(&Store::load(dir).unwrap()) {
            Some(Event::Changed { actions, .. }) => actions,
            _ => Vec::new(),
        };
        let add = |name: &str| {
            let (kind, rule) = (CredentialKind::Bearer, Rule::everything(Level::Full));
            let name = name.parse().unwrap();
            Store::add(dir, Wanted { name, kind, rule, sources: Vec::new(), expires: None }).unwrap();
        };
        add("claude");
        assert_eq!(actions(), ["has claude"]);
        add("phone");
        Store::rotate(dir, "claude").unwrap();
        assert_eq!(actions(), ["rotate claude", "add phone"]);
        assert!(actions().is_empty());
        Store::revoke(dir, "phone").unwrap();
        assert_eq!(actions(), ["revoke phone"]);
    }

    #[test]
    fn rules_are_told_by_the_hash_that_sha256sum_prints() {
        let mut told = Told::default();
        let mut sha256 = |text: Option<&str>| match told.rules(text) {
            Some(Event::Changed { sha256, .. }) => Some(sha256),
            _ => None,
        };
        assert_eq!(sha256(None), Some(None));
        assert_eq!(sha256(None), None);
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(sha256(Some("abc")), Some(Some(abc.into())));
        assert_eq!(sha256(Some("abc")), None);
    }
}
