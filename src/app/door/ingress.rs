//! The tailnet's side of the public door.

use crate::net::Listener;
use crate::report::Door;
use crate::tailnet::{ErrorKind, Kind, Node, NodeError, TailnetListener};

/// Opens and closes a port to the public internet.
pub(in crate::app) trait Ingress: Send + Sync + 'static {
    /// Where the public's connections come from.
    type Listener: Listener;

    /// Opens `port`. A refusal comes as what the operator reads.
    fn open(&self, port: u16) -> impl Future<Output = Result<Self::Listener, Door>> + Send;

    /// What [`close`](Self::close) needs once the listener is in use.
    fn number(listener: &Self::Listener) -> u64;

    /// Closes the port again.
    fn close(&self, number: u64) -> impl Future<Output = ()> + Send;
}

impl Ingress for Node {
    type Listener = TailnetListener;

    async fn open(&self, port: u16) -> Result<TailnetListener, Door> {
        match self.listen(Kind::Funnel, port).await {
            Ok(listener) => Ok(listener),
            Err(error) => Err(explain(self, error).await),
        }
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

/// Turns a failure to open into what the operator reads.
async fn explain(node: &Node, error: NodeError) -> Door {
    let enable_url = match error.kind {
        ErrorKind::FunnelUnavailable => node.enable_url("funnel").await,
        ErrorKind::HttpsUnavailable => node.enable_url("serve").await,
        _ => None,
    };
    Door::Unavailable { reason: error.message, enable_url }
}
