//! Looking a secret up, in a time that says nothing about those there are.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arc_swap::ArcSwap;
use ipnet::IpNet;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::access::{self, Barrier, Credential, CredentialKind};
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

/// What came of looking a secret up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// It is the credential's, and good.
    Good(Arc<Credential>),
    /// It is the credential's, and not good now or from there.
    Spent(Arc<Credential>, Barrier),
    /// It is no credential's.
    Nothing,
}

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

    /// The same, good from these networks alone.
    #[must_use]
    pub fn only_from(self, sources: Vec<IpNet>) -> Self {
        Self { sources, ..self }
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

    /// What it is looked up by, in hex.
    pub fn sha256(&self) -> String {
        hex::encode(self.digest)
    }

    /// Why it is not good now and there. None of this is secret.
    fn barrier(&self, source: Option<IpAddr>, now: Timestamp) -> Option<Barrier> {
        if self.expires.is_some_and(|expires| now >= expires) {
            Some(Barrier::Expired)
        } else if self.sources.is_empty() || source.is_some_and(|source| access::lists(&self.sources, source)) {
            None
        } else {
            Some(Barrier::WrongSource)
        }
    }
}

impl FromIterator<Key> for Keyring {
    fn from_iter<I: IntoIterator<Item = Key>>(keys: I) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl Keyring {
    /// The credential whose secret was shown. All keys are compared, so the time depends on their number and on the length
    /// of `shown`, and not on which one is like it. Where several have the same secret, one that is good counts.
    pub fn look(&self, kind: CredentialKind, shown: &str, source: Option<IpAddr>, now: Timestamp) -> Found {
        let digest = Key::digest(shown);
        self.0.iter().fold(Found::Nothing, |found, key| {
            let is_shown = bool::from(key.digest.ct_eq(&digest)) && key.credential.kind == kind;
            if !is_shown || matches!(found, Found::Good(_)) {
                return found;
            }
            match key.barrier(source, now) {
                None => Found::Good(Arc::clone(&key.credential)),
                Some(barrier) => Found::Spent(Arc::clone(&key.credential), barrier),
            }
        })
    }

    /// All keys.
    pub fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.iter()
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

    /// As [`Keyring::look`], now.
    pub fn look(&self, kind: CredentialKind, shown: &str, source: Option<IpAddr>) -> Found {
        self.ring.load().look(kind, shown, source, Timestamp::now())
    }

    /// The credential whose secret was shown, if it is good.
    #[cfg(test)]
    pub(crate) fn find(&self, kind: CredentialKind, shown: &str, source: Option<IpAddr>) -> Option<Arc<Credential>> {
        match self.look(kind, shown, source) {
            Found::Good(credential) => Some(credential),
            Found::Spent(..) | Found::Nothing => None,
        }
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
            let looked = ring.look(kind, shown, Some(source.parse().unwrap()), now);
            assert_eq!(matches!(looked, Found::Good(_)), found, "{shown} as {kind} from {source}");
            assert!(!matches!(looked, Found::Good(credential) if credential.name != shown));
        }
        let spent = |shown, source: Option<&str>| match ring.look(
            Bearer,
            shown,
            source.map(|source| source.parse().unwrap()),
            now,
        ) {
            Found::Spent(credential, barrier) if credential.name == shown => Some(barrier),
            _ => None,
        };
        assert_eq!(spent("old", None), Some(Barrier::Expired));
        assert_eq!(spent("home", Some("192.0.2.1")), Some(Barrier::WrongSource));
        assert_eq!(spent("home", None), Some(Barrier::WrongSource), "a source that is not known is not a right one");
    }

    #[test]
    fn one_text_can_be_a_token_and_a_path_secret_and_a_good_one_comes_before_one_that_is_not() {
        let now = Timestamp::now();
        let named = |name: &str, key: Key| Key {
            digest: Key::digest("same"),
            credential: Arc::new(Credential { name: name.into(), ..Credential::clone(&key.credential) }),
            ..key
        };
        let ring: Keyring = [
            named("old", key("", Bearer, &[], Some(now - 1.second()))),
            named("token", key("", Bearer, &[], None)),
            named("path", key("", Path, &[], None)),
            named("older", key("", Bearer, &[], Some(now - 1.hour()))),
        ]
        .into_iter()
        .collect();
        for (kind, name) in [(Bearer, "token"), (Path, "path")] {
            let looked = ring.look(kind, "same", None, now);
            assert!(matches!(&looked, Found::Good(credential) if credential.name == name), "{looked:?}");
        }
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
