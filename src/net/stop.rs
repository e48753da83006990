//! How a listener and its connections are told to end.

use tokio_util::sync::CancellationToken;

/// The two steps of an end. A clone is the same end.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// Nobody new gets in. Idle connections close, the others when the requests in flight are answered.
    pub finish: CancellationToken,
    /// Whatever is still open closes at once. What a request has begun to write to a graph is done all the same.
    pub cut: CancellationToken,
}

impl Stop {
    /// The end of one connection, which other connections do not share a lock with.
    pub(super) fn child(&self) -> Self {
        Self { finish: self.finish.child_token(), cut: self.cut.child_token() }
    }
}

/// An end without a second step; [`Server::drain`](super::Server::drain) sets the deadline.
impl From<CancellationToken> for Stop {
    fn from(finish: CancellationToken) -> Self {
        Self { finish, cut: CancellationToken::new() }
    }
}
