//! Looking a secret up, in a time that says nothing about those there are.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::{Credential, CredentialKind};
use crate::secret::Secret;

/// A credential by the hash of its secret.
#[derive(Clone, Debug)]
pub struct Key {
    digest: [u8; 32],
    credential: Arc<Credential>,
    sources: Vec<IpNet>,
    expires: Option<Timestamp>,
}

/// All that opens the public door at one time.
#[derive(Clone, Debug, Default)]
pub struct Keyring(Vec<Key>);

/// The keyring of a running server, which can be replaced, and when each key was last used.
#[derive(Debug, Default)]
pub struct Keys {
    ring: ArcSwap<Keyring>,
    used: Mutex<BTreeMap<String, Timestamp>>,
}

impl Key {
    pub(super) fn new(
        digest: [u8; 32],
        credential: Credential,
        sources: Vec<IpNet>,
        expires: Option<Timestamp>,
    ) -> Self {
        Self { digest, credential: Arc::new(credential), sources, expires }
    }

    /// A key that is good from everywhere and for ever.
    pub fn plain(secret: &Secret, credential: Credential) -> Self {
        Self::new(Self::digest(secret.expose()), credential, Vec::new(), None)
    }

    /// What a secret is compared by.
    pub(super) fn digest(shown: &str) -> [u8; 32] {
        Sha256::digest(shown).into()
    }

    /// What it is the key of.
    pub fn credential(&self) -> &Arc<Credential> {
        &self.credential
    }

    /// The networks it is good from; everywhere if there are none.
    pub fn sources(&self) -> &[IpNet] {
        &self.sources
    }

    /// When it ends.
    pub fn expires(&self) -> Option<Timestamp> {
        self.expires
    }

    /// Whether it is good now and there. None of this is secret.
    fn is_good(&self, kind: CredentialKind, source: Option<IpAddr>, now: Timestamp) -> bool {
        let from = |source: IpAddr| self.sources.iter().any(|net| net.contains(&source.to_canonical()));
        self.credential.kind == kind
            && self.expires.is_none_or(|expires| now < expires)
            && (self.sources.is_empty() || source.is_some_and(from))
    }
}

impl FromIterator<Key> for Keyring {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl Keyring {
    /// The credential whose secret was shown. All keys are compared, so the time depends on their number and on the length
    /// of `shown`, and not on which one is like it.
    pub fn find(
        &self,
        kind: CredentialKind,
        shown: &str,
        source: Option<IpAddr>,
        now: Timestamp,
    ) -> Option<Arc<Credential>> {
        let digest = Key::digest(shown);
        let matching = self.0.iter().fold(
            None,
            |found, key| {
                if bool::from(key.digest.ct_eq(&digest)) { Some(key) } else { found }
            },
        );
        matching.filter(|key| key.is_good(kind, source, now)).map(|key| Arc::clone(&key.credential))
    }

    /// The key of that name.
    pub fn named(&self, name: &str) -> Option<&Key> {
        self.0.iter().find(|key| key.credential.name == name)
    }
}

impl Keys {
    /// Takes the place of all keys there were.
    pub fn replace(&self, ring: Keyring) {
        self.ring.store(Arc::new(ring));
    }

    /// The keyring in force.
    pub fn ring(&self) -> Arc<Keyring> {
        self.ring.load_full()
    }

    /// As [`Keyring::find`], now.
    pub fn find(&self, kind: CredentialKind, shown: &str, source: Option<IpAddr>) -> Option<Arc<Credential>> {
        self.ring.load().find(kind, shown, source, Timestamp::now())
    }

    /// Notes that a credential was used.
    pub fn used(&self, name: &str) {
        let now = Timestamp::now();
        let mut used = self.lock();
        match used.get_mut(name) {
            Some(last) => *last = now,
            None => drop(used.insert(name.to_owned(), now)),
        }
    }

    /// When each was last used since this was last asked.
    pub fn take_used(&self) -> BTreeMap<String, Timestamp> {
        std::mem::take(&mut *self.lock())
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Timestamp>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use jiff::ToSpan;

    use super::*;
    use crate::access::{Level, Rule};
    use CredentialKind::{Bearer, Path};

    fn key(name: &str, kind: CredentialKind, sources: &[&str], expires: Option<Timestamp>) -> Key {
        let credential = Credential { name: name.into(), kind, rule: Rule::everything(Level::Full) };
        let sources = sources.iter().map(|source| source.parse().unwrap()).collect();
        Key { sources, expires, ..Key::plain(&Secret::from(name), credential) }
    }

    #[test]
    fn a_secret_opens_as_what_it_is_from_where_it_may_until_it_ends() {
        let now = Timestamp::now();
        let (past, future) = (now - 1.second(), now + 1.hour());
        let ring: Keyring = [
            key("token", Bearer, &[], None),
            key("path", Path, &[], None),
            key("old", Bearer, &[], Some(past)),
            key("new", Bearer, &[], Some(future)),
            key("home", Bearer, &["203.0.113.0/24", "2001:db8::/32"], None),
        ]
        .into_iter()
        .collect();
        for (kind, shown, source, found) in [
            (Bearer, "token", "192.0.2.1", true),
            (Path, "token", "192.0.2.1", false),
            (Path, "path", "192.0.2.1", true),
            (Bearer, "path", "192.0.2.1", false),
            (Bearer, "", "192.0.2.1", false),
            (Bearer, "toke", "192.0.2.1", false),
            (Bearer, "tokens", "192.0.2.1", false),
            (Bearer, "old", "192.0.2.1", false),
            (Bearer, "new", "192.0.2.1", true),
            (Bearer, "home", "192.0.2.1", false),
            (Bearer, "home", "203.0.113.7", true),
            (Bearer, "home", "::ffff:203.0.113.7", true),
            (Bearer, "home", "2001:db8::7", true),
        ] {
            let credential = ring.find(kind, shown, Some(source.parse().unwrap()), now);
            assert_eq!(credential.is_some(), found, "{shown} as {kind} from {source}");
            assert!(credential.is_none_or(|credential| credential.name == shown));
        }
        assert!(ring.find(Bearer, "home", None, now).is_none(), "a source that is not known is not a right one");
    }

    #[test]
    fn the_hash_of_a_secret_is_not_the_secret() {
        let keys = Keys::default();
        keys.replace([key("token", Bearer, &[], None)].into_iter().collect());
        assert!(keys.find(Bearer, &hex::encode(Key::digest("token")), None).is_none());
        assert!(keys.find(Bearer, "token", None).is_some());
        keys.replace(Keyring::default());
        assert!(keys.find(Bearer, "token", None).is_none());
    }
}
