//! The tailnet's side of the public door.

use crate::net::Listener;
use crate::report::{Door, Obstacle};
use crate::tailnet::{ErrorKind, Kind, Node, NodeError, TailnetListener};

/// Opens and closes a port to the public internet.
pub(in crate::app) trait Ingress: Send + Sync + 'static {
    /// Where the public's connections come from.
    type Listener: Listener;

    /// Opens `port`.
    fn open(&self, port: u16) -> impl Future<Output = Result<Self::Listener, NodeError>> + Send;

    /// Turns a refusal into what the operator reads. It may take a question to the control server.
    fn explain(&self, refusal: NodeError) -> impl Future<Output = Door> + Send;

    /// What [`close`](Self::close) needs once the listener is in use.
    fn number(listener: &Self::Listener) -> u64;

    /// Closes the port again.
    fn close(&self, number: u64) -> impl Future<Output = ()> + Send;
}

impl Ingress for Node {
    type Listener = TailnetListener;

    async fn open(&self, port: u16) -> Result<TailnetListener, NodeError> {
        self.listen(Kind::Funnel, port).await
    }

    async fn explain(&self, refusal: NodeError) -> Door {
        let (obstacle, feature) = match refusal.kind {
            ErrorKind::FunnelUnavailable => (Obstacle::Policy, Some("funnel")),
            ErrorKind::HttpsUnavailable => (Obstacle::Https, Some("serve")),
            ErrorKind::PortUnavailable => (Obstacle::Port, None),
            _ => (Obstacle::Failure, None),
        };
        let enable_url = match feature {
            Some(feature) => self.enable_url(feature).await,
            None => None,
        };
        Door::Unavailable { obstacle, reason: refusal.message, enable_url }
    }

    fn number(listener: &TailnetListener) -> u64 {
        listener.number()
    }

    async fn close(&self, number: u64) {
        if let Err(error) = self.unlisten(number).await {
            tracing::debug!(%error, "closing the Funnel port");
        }
    }
}
