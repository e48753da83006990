//! MCP over standard input and output, for programs that start this one as their own.
//!
//! Who starts it is the operator, so nothing is asked of them, and nothing is kept from them.

mod lines;

use std::collections::HashSet;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::RoleServer;
use rmcp::model::{ClientJsonRpcMessage, ClientNotification, ClientRequest, RequestId, ServerJsonRpcMessage};
use rmcp::service::serve_directly;
use rmcp::transport::Transport;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Notify;

use super::server::Server;
use crate::graph::Graphs;
use crate::tools::{self, Tool};
use lines::Lines;

/// The longest a write in flight is waited for after the input has ended: longer than `--roam-timeout` can give it.
const PATIENCE: Duration = Duration::from_secs(2000);

/// Serves `graphs` over the standard streams of this process.
///
/// # Errors
/// As [`serve`].
pub async fn serve_process(graphs: Graphs) -> io::Result<()> {
    let (input, output) = rmcp::transport::stdio_pipes();
    serve(graphs, input, output).await
}

/// Serves `graphs` until the input ends and every write that was read from it is answered. What else was asked has a few
/// seconds from rmcp, and is given up then: whoever closes the input waits for the end.
///
/// No handshake is waited for: what comes before `initialize` is served, as over HTTP and by Roam's own server.
///
/// # Errors
/// When a part of the service breaks down.
pub async fn serve(
    graphs: Graphs,
    input: impl AsyncRead + Send + Unpin + 'static,
    output: impl AsyncWrite + Send + Unpin + 'static,
) -> io::Result<()> {
    let transport = Patient::new(Lines::new(input, output));
    serve_directly(Server::for_operator(graphs), transport, None).waiting().await.map(drop).map_err(io::Error::other)
}

/// A transport whose end is not seen before every write it brought is answered.
struct Patient<T> {
    inner: T,
    pending: Arc<Pending>,
}

/// The writes without an answer.
#[derive(Default)]
struct Pending {
    ids: Mutex<HashSet<RequestId>>,
    answered: Notify,
}

impl<T> Patient<T> {
    fn new(inner: T) -> Self {
        Self { inner, pending: Arc::default() }
    }
}

impl Pending {
    fn add(&self, id: RequestId) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    fn remove(&self, id: &RequestId) {
        self.ids.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
        self.answered.notify_one();
    }

    async fn none(&self) {
        while !self.ids.lock().unwrap_or_else(PoisonError::into_inner).is_empty() {
            self.answered.notified().await;
        }
    }
}

impl<T: Transport<RoleServer>> Transport<RoleServer> for Patient<T> {
    type Error = T::Error;

    fn send(&mut self, item: ServerJsonRpcMessage) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let id = match &item {
            ServerJsonRpcMessage::Response(response) => Some(response.id.clone()),
            ServerJsonRpcMessage::Error(error) => error.id.clone(),
            _ => None,
        };
        let (pending, sent) = (Arc::clone(&self.pending), self.inner.send(item));
        async move {
            let result = sent.await;
            if let Some(id) = id {
                pending.remove(&id);
            }
            result
        }
    }

    async fn receive(&mut self) -> Option<ClientJsonRpcMessage> {
        let message = self.inner.receive().await;
        match &message {
            Some(ClientJsonRpcMessage::Request(request)) if is_write(&request.request) => {
                self.pending.add(request.id.clone());
            }
            // What is cancelled is never answered.
            Some(ClientJsonRpcMessage::Notification(notification)) => {
                if let ClientNotification::CancelledNotification(cancelled) = &notification.notification
                    && let Some(id) = &cancelled.params.request_id
                {
                    self.pending.remove(id);
                }
            }
            Some(_) => {}
            None => {
                if tokio::time::timeout(PATIENCE, self.pending.none()).await.is_err() {
                    tracing::warn!("the input has ended, and a write is still without an answer");
                }
            }
        }
        message
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}

fn is_write(request: &ClientRequest) -> bool {
    match request {
        ClientRequest::CallToolRequest(call) => tools::find(&call.params.name).is_some_and(Tool::is_write),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
