//! Secrets as a type: hidden when printed, compared in constant time.

use std::fmt;

use secrecy::{ExposeSecret, SecretString};
use subtle::ConstantTimeEq;

/// A credential. `Debug` and `Display` never show it, and it is wiped from memory when dropped.
#[derive(Clone)]
pub struct Secret(SecretString);

impl Secret {
    /// The least number of characters of a secret that opens the public door.
    pub const LEAST: usize = 16;

    /// Draws `bytes` random bytes from the system and writes them as lower-case hex digits.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub fn random(bytes: usize) -> Result<Self, getrandom::Error> {
        let mut raw = vec![0; bytes];
        getrandom::fill(&mut raw)?;
        Ok(Self::from(hex::encode(raw)))
    }

    /// The plain text, for the one place that must send or store it.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// Compares in a time that depends on the length of `candidate` alone.
    pub fn matches(&self, candidate: &str) -> bool {
        self.expose().as_bytes().ct_eq(candidate.as_bytes()).into()
    }

    /// Whether it has as many characters as one that nobody guesses: 64 bits, if they are random hex digits.
    pub fn is_long(&self) -> bool {
        self.expose().chars().count() >= Self::LEAST
    }

    /// The first four characters and an ellipsis: enough to tell two secrets apart. Of a short one it would be too much.
    pub fn masked(&self) -> String {
        let shown = if self.is_long() { 4 } else { 0 };
        self.expose().chars().take(shown).chain(['…']).collect()
    }
}

impl From<String> for Secret {
    fn from(plain: String) -> Self {
        Self(SecretString::from(plain))
    }
}

impl From<&str> for Secret {
    fn from(plain: &str) -> Self {
        Self(SecretString::from(plain))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::Secret;

    #[test]
    fn printing_a_secret_shows_nothing_of_it() {
        assert_eq!(format!("{:?}", Secret::from("tskey-auth-abc")), "Secret(hidden)");
    }

    #[test]
    fn only_the_exact_text_matches() {
        let secret = Secret::from("abcdef");
        assert!(secret.matches("abcdef"));
        for wrong in ["", "abcde", "abcdefg", "abcdeF", "ABCDEF"] {
            assert!(!secret.matches(wrong), "{wrong}");
        }
    }

    #[test]
    fn random_secrets_are_hex_of_the_asked_length_and_differ() {
        let (a, b) = (Secret::random(32).unwrap(), Secret::random(32).unwrap());
        assert!(a.expose().len() == 64 && a.expose().bytes().all(|c| c.is_ascii_hexdigit()));
        assert!(!a.matches(b.expose()));
    }

    #[test]
    fn the_mask_keeps_four_characters_of_a_long_secret_and_none_of_a_short_one() {
        assert_eq!(Secret::from("0123456789abcdef").masked(), "0123…");
        for short in ["", "a", "0123456789abcde"] {
            assert_eq!(Secret::from(short).masked(), "…");
        }
    }
}
