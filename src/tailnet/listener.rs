//! Connections from the tailnet and from Funnel.

use std::sync::Arc;

use tokio::net::UnixStream;
use tokio::sync::mpsc;

use super::control::{Accepted, Control};
use super::message::{Connection, Kind};
use crate::access::Peer;
use crate::net::Listener;

/// An open port of the node. Dropping it stops the queue; [`super::Node::unlisten`] closes the port.
pub struct TailnetListener {
    pub(super) number: u64,
    pub(super) connections: mpsc::UnboundedReceiver<Accepted>,
    pub(super) control: Arc<Control>,
}

impl TailnetListener {
    /// The number by which the port is closed.
    pub fn number(&self) -> u64 {
        self.number
    }
}

impl Listener for TailnetListener {
    type Io = UnixStream;

    async fn accept(&mut self) -> Option<(UnixStream, Peer)> {
        loop {
            let (stream, connection) = self.connections.recv().await?;
            match peer(&connection) {
                Some(peer) => return Some((stream, peer)),
                // Its source cannot be told, so nothing can be decided about it.
                None => tracing::debug!(?connection, "connection without an address dropped"),
            }
        }
    }
}

impl Drop for TailnetListener {
    fn drop(&mut self) {
        self.control.forget_listener(self.number);
    }
}

/// The plane of a connection is what the listener says, and each plane believes one address only.
fn peer(connection: &Connection) -> Option<Peer> {
    match connection.via {
        Kind::Tailnet => connection.remote.map(|address| Peer::Tailnet { address }),
        Kind::Funnel => connection.source.map(|source| Peer::Funnel { source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_funnel_connection_is_known_by_its_source_and_never_by_the_ingress_node() {
        let connection = Connection {
            listener: 1,
            fd: -1,
            via: Kind::Funnel,
            remote: Some("100.64.0.9:1".parse().unwrap()),
            source: None,
        };
        assert_eq!(peer(&connection), None);
        let source = "203.0.113.5:4711".parse().unwrap();
        assert_eq!(peer(&Connection { source: Some(source), ..connection }), Some(Peer::Funnel { source }));
    }
}
