//! `roam-mcp sandbox`: Roam Desktop's Local API in front of embedded graphs, for tools that want to be tried without Roam.
//!
//! It listens on loopback alone and checks what Roam checks, in Roam's order and with Roam's codes: the version, the
//! token, its scope, the person's role. Windows and extensions it has none.

mod approval;
mod body;
mod problem;
mod routes;
mod tokens;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;

use crate::config::Kind;
use crate::graph::Graph;
use crate::secret::Secret;
use approval::Pending;
use tokens::Tokens;

pub use approval::{Answer, Approver, Asked, no_one};
pub use tokens::Token;

/// How long a person has to answer a request for a token, in Roam as here.
pub const DIALOG: Duration = Duration::from_secs(300);

/// A stand-in for Roam Desktop. A clone is the same one.
#[derive(Clone)]
pub struct Sandbox(Arc<Inner>);

struct Inner {
    graphs: Vec<Offered>,
    tokens: Tokens,
    pending: Pending,
    approver: Approver,
    dialog: Duration,
}

/// A graph of the sandbox.
#[derive(Clone, Debug)]
pub struct Offered {
    /// The graph. Its level stands for the role that the person has in it.
    pub graph: Graph,
    /// Where Roam would keep it.
    pub kind: Kind,
}

impl Sandbox {
    /// Offers `graphs`. `approver` stands for the person who is asked for tokens, and has `dialog` to answer.
    pub fn new(graphs: Vec<Offered>, approver: Approver, dialog: Duration) -> Self {
        let (tokens, pending) = (Tokens::default(), Pending::default());
        Self(Arc::new(Inner { graphs, tokens, pending, approver, dialog }))
    }

    /// Takes `token` from now on.
    pub fn admit(&self, token: Token) {
        self.0.tokens.add(token);
    }

    /// Takes `token` no longer. Whether it was one.
    pub fn revoke(&self, token: &Secret) -> bool {
        self.0.tokens.remove(token)
    }

    /// The Local API, with every route and check.
    pub fn router(&self) -> Router {
        routes::router(self.clone())
    }

    fn find(&self, name: &str, kind: Kind) -> Option<&Offered> {
        self.0.graphs.iter().find(|offered| offered.graph.name() == name && offered.kind == kind)
    }
}
