//! What a search looks for.

use super::failure::{Failure, invalid};
use super::fold::fold;

/// Nobody looks for a text as long as this, and each letter is looked for in each text.
const MOST_BYTES: usize = 4096;
/// More words than this tell no more.
const MOST_WORDS: usize = 50;

/// A phrase and its words, folded, each word once.
pub(super) struct Wanted {
    pub(super) phrase: String,
    pub(super) words: Vec<String>,
}

impl Wanted {
    pub(super) fn new(text: &str) -> Result<Self, Failure> {
        if text.len() > MOST_BYTES {
            return Err(invalid(format!("A search has at most {MOST_BYTES} bytes. Look for a few words of the text.")));
        }
        let phrase = fold(text.trim());
        let separates = |c: char| c.is_whitespace() || c.is_control();
        let mut words: Vec<String> =
            phrase.split(separates).filter(|word| !word.is_empty()).map(str::to_owned).collect();
        // The longest first, which most texts lack.
        words.sort_unstable_by(|one, other| (other.len(), one).cmp(&(one.len(), other)));
        words.dedup();
        if words.len() > MOST_WORDS {
            return Err(invalid(format!(
                "A search has at most {MOST_WORDS} different words. Look for the rarest of them."
            )));
        }
        Ok(Self { phrase, words })
    }

    /// Whether a folded text has all the words.
    pub(super) fn is_in(&self, text: &str) -> bool {
        self.words.iter().all(|word| text.contains(word.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::Wanted;

    #[test]
    fn a_word_is_looked_for_once_and_too_many_are_refused() {
        let wanted = Wanted::new(&" A e\ti ".repeat(500)).unwrap();
        assert_eq!(wanted.words, ["a", "e", "i"]);
        assert!(wanted.is_in("aei") && !wanted.is_in("ae"));
        let many = |count: i32| Wanted::new(&(0..count).map(|n| format!("w{n} ")).collect::<String>());
        assert!(many(50).is_ok() && many(51).is_err() && Wanted::new(&"x".repeat(5000)).is_err());
    }
}
