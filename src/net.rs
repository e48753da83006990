//! The accept loop: connections in, requests with their [`Peer`](crate::access::Peer) out.
//!
//! A [`Listener`] accepts and says how a connection arrived. [`Server`] counts it, ends its TLS, speaks HTTP/1.1 or HTTP/2
//! with it, and puts the peer into the extensions of each request before the router sees it. Nothing else puts one there,
//! so what a client sends cannot change it.

mod activity;
mod connection;
mod limits;
mod listener;
mod slots;
mod stop;
#[cfg(test)]
mod tests;
mod watch;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsAcceptor;
use tracing::debug;

pub use limits::Limits;
pub use listener::Listener;
pub use slots::{Connections, Standing};
pub use stop::Stop;

use connection::Protocol;
use slots::Slots;

/// Serves the connections of all listeners of the process, and counts them together. A clone is the same server.
#[derive(Clone, Debug)]
pub struct Server {
    slots: Slots,
    protocol: Arc<Protocol>,
    connections: Arc<Mutex<JoinSet<()>>>,
}

impl Server {
    /// A server that nobody is connected to.
    pub fn new(limits: Limits) -> Self {
        Self { slots: Slots::new(limits), protocol: Arc::new(Protocol::new(limits)), connections: Arc::default() }
    }

    /// Accepts from `listener` until it ends or is told to stop, and drops it.
    ///
    /// Connections live on until [`Stop`] tells them to end as well; see [`drain`](Self::drain).
    pub async fn serve<L: Listener>(
        &self,
        mut listener: L,
        tls: Option<TlsAcceptor>,
        app: Router,
        stop: impl Into<Stop>,
    ) {
        let stop = stop.into();
        // Done once here, it makes the router's clone for each request cheap.
        let app = app.with_state(());
        while let Some(Some((io, peer))) = stop.finish.run_until_cancelled(listener.accept()).await {
            // A child, because its lock is looked at with every request and is then no other connection's.
            let Stop { finish, cut } = stop.child();
            let Some(slot) = self.slots.take(peer, &cut) else { continue };
            let (protocol, tls, app) = (Arc::clone(&self.protocol), tls.clone(), app.clone());
            self.spawn(async move {
                if cut.run_until_cancelled(protocol.run(io, &slot, tls, app, finish)).await.is_none() {
                    debug!(plane = %slot.peer().plane(), "connection cut");
                }
            });
        }
    }

    /// Connections that are open now, on all planes.
    pub fn open(&self) -> usize {
        self.connections().open.values().sum()
    }

    /// The same by plane, and how many were not let in.
    pub fn connections(&self) -> Connections {
        self.slots.connections()
    }

    /// Waits for the open connections to end, and aborts those still open after `deadline`. Returns how many it cut.
    ///
    /// To be called when the listeners were told to stop: it is [`Stop::finish`] that asks connections to end. Who gives up waiting
    /// (drops the future) cuts them all.
    pub async fn drain(&self, deadline: Duration) -> usize {
        let deadline = Instant::now() + deadline;
        loop {
            let mut connections = std::mem::take(&mut *self.lock());
            if connections.is_empty() {
                return 0;
            }
            let ended = timeout_at(deadline, async { while connections.join_next().await.is_some() {} }).await;
            if ended.is_err() {
                let cut = connections.len();
                connections.abort_all();
                debug!(cut, "connections cut at the deadline");
                return cut;
            }
        }
    }

    fn spawn(&self, connection: impl Future<Output = ()> + Send + 'static) {
        let mut connections = self.lock();
        // Forget those that have ended. One that panicked has been reported by the panic hook.
        while connections.try_join_next().is_some() {}
        connections.spawn(connection);
    }

    fn lock(&self) -> MutexGuard<'_, JoinSet<()>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
