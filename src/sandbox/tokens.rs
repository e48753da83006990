//! The tokens that the sandbox takes.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::problem::Problem;
use crate::access::Level;
use crate::config::{Kind, TOKEN_PREFIX};
use crate::secret::Secret;

/// A token, good for one graph.
#[derive(Clone, Debug)]
pub struct Token {
    /// What is shown.
    pub secret: Secret,
    /// The graph it opens.
    pub graph: String,
    /// The type of that graph.
    pub kind: Kind,
    /// What it allows.
    pub level: Level,
    /// Who asked for it.
    pub description: String,
}

#[derive(Debug, Default)]
pub(super) struct Tokens(Mutex<Vec<Token>>);

impl Tokens {
    pub(super) fn add(&self, token: Token) {
        self.lock().push(token);
    }

    pub(super) fn remove(&self, secret: &Secret) -> bool {
        let mut tokens = self.lock();
        let before = tokens.len();
        tokens.retain(|token| !token.secret.matches(secret.expose()));
        tokens.len() < before
    }

    /// Checks what was shown for a graph: the four refusals of Roam, in its order.
    pub(super) fn check(&self, shown: Option<&str>, graph: &str, kind: Kind) -> Result<Token, Problem> {
        let shown = shown.ok_or(Problem::MissingToken)?;
        if !shown.starts_with(TOKEN_PREFIX) {
            return Err(Problem::InvalidTokenFormat);
        }
        let mut other_kind = false;
        for token in self.lock().iter().filter(|token| token.secret.matches(shown) && token.graph == graph) {
            if token.kind == kind {
                return Ok(token.clone());
            }
            other_kind = true;
        }
        Err(if other_kind { Problem::WrongGraphType } else { Problem::TokenNotFound })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Token>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_opens_its_graph_and_no_other() {
        let tokens = Tokens::default();
        let text = "roam-graph-local-token-a";
        tokens.add(Token {
            secret: Secret::from(text),
            graph: "garden".into(),
            kind: Kind::Hosted,
            level: Level::Full,
            description: String::new(),
        });
        let checked = |shown, graph, kind| tokens.check(shown, graph, kind).err();
        assert_eq!(checked(Some(text), "garden", Kind::Hosted), None);
        assert_eq!(checked(Some(text), "garden", Kind::Offline), Some(Problem::WrongGraphType));
        assert_eq!(checked(Some(text), "other", Kind::Hosted), Some(Problem::TokenNotFound));
        assert_eq!(checked(Some("roam-graph-local-token-b"), "garden", Kind::Hosted), Some(Problem::TokenNotFound));
        assert_eq!(checked(Some("roam-graph-token-a"), "garden", Kind::Hosted), Some(Problem::InvalidTokenFormat));
        assert_eq!(checked(None, "garden", Kind::Hosted), Some(Problem::MissingToken));
        assert!(tokens.remove(&Secret::from(text)) && !tokens.remove(&Secret::from(text)));
        assert_eq!(checked(Some(text), "garden", Kind::Hosted), Some(Problem::TokenNotFound));
    }
}
