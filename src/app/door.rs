//! Keeps the public door open while the tailnet allows it.
//!
//! tsnet checks the `funnel` attribute when the port is opened and never again, so a node whose right is withdrawn would
//! go on serving the public. The keeper watches the node's record: it shuts the door when the right goes and opens it
//! when the right comes, also for the first time.

use std::time::Duration;

use axum::Router;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::net::Server;
use crate::report::Door;
use crate::tailnet::{ErrorKind, Kind, Node, NodeError, Status, TailnetListener};

/// Between tries when opening fails for another reason than the tailnet's policy.
const RETRY: Duration = Duration::from_secs(15);

pub(super) struct Keeper {
    pub(super) node: Node,
    pub(super) port: u16,
    pub(super) server: Server,
    pub(super) tls: TlsAcceptor,
    pub(super) router: Router,
    pub(super) stop: CancellationToken,
}

impl Keeper {
    /// Runs until the program stops.
    pub(super) async fn keep(self, mut status: watch::Receiver<Status>, state: watch::Sender<Door>) {
        while !self.stop.is_cancelled() {
            let name = status.borrow_and_update().name.clone();
            match self.node.listen(Kind::Funnel, self.port).await {
                Ok(listener) => {
                    state.send_replace(Door::Open { port: self.port });
                    self.serve(listener, &name, &mut status).await;
                    state.send_replace(Door::Opening);
                }
                Err(error) => {
                    let shut = self.explain(error).await;
                    tracing::warn!("{shut}");
                    state.send_replace(shut);
                    self.wait_for_change(&mut status).await;
                }
            }
        }
    }

    /// Serves until the right is withdrawn, the node is renamed, the listener ends or the program stops.
    ///
    /// The ingress is open for one name: under another, the port has to be opened anew.
    async fn serve(&self, listener: TailnetListener, name: &str, status: &mut watch::Receiver<Status>) {
        let number = listener.number();
        let shut = self.stop.child_token();
        let serving = self.server.serve(listener, Some(self.tls.clone()), self.router.clone(), shut.clone());
        tokio::pin!(serving);
        let ended = tokio::select! {
            () = &mut serving => true,
            _ = status.wait_for(|status| status.name != name || !self.allowed(status)) => false,
        };
        // From here on the ingress is refused; then the open connections are told to end.
        if let Err(error) = self.node.unlisten(number).await {
            tracing::debug!(%error, "closing the Funnel port");
        }
        shut.cancel();
        if !ended {
            serving.await;
        }
    }

    fn allowed(&self, status: &Status) -> bool {
        status.https && status.funnel && status.funnel_ports.contains(&self.port)
    }

    /// Turns a failure to open into what the operator reads.
    async fn explain(&self, error: NodeError) -> Door {
        let enable_url = match error.kind {
            ErrorKind::FunnelUnavailable => self.node.enable_url("funnel").await,
            ErrorKind::HttpsUnavailable => self.node.enable_url("serve").await,
            _ => None,
        };
        Door::Unavailable { reason: error.message, enable_url }
    }

    /// A change of the node's record may have brought the right. Anything else is tried again after a while.
    async fn wait_for_change(&self, status: &mut watch::Receiver<Status>) {
        tokio::select! {
            _ = status.changed() => {}
            () = tokio::time::sleep(RETRY) => {}
            () = self.stop.cancelled() => {}
        }
    }
}
