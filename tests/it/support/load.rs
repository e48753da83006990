//! Clients that call without a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use tokio::task::JoinSet;

use super::client::{Client, Scheme};
use super::eventually;
use super::mcp::search;
use super::node::Node;

/// Calls in progress on both planes, over either version of HTTP.
pub(crate) struct Load {
    done: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<Result<(), String>>,
}

impl Load {
    /// Starts the clients and waits until they are at it.
    pub(crate) async fn on(node: &Node) -> Self {
        let (owner, public) = (node.owner().await, node.public());
        let mut load = Self { done: Arc::default(), stop: Arc::default(), clients: JoinSet::new() };
        load.add(owner.clone(), "/mcp");
        load.add(owner.with(Scheme::Http2), "/mcp");
        load.add(public.clone(), &node.secret_path());
        load.add(public.with(Scheme::Http2), &node.secret_path());
        load.progress(20).await;
        load
    }

    fn add(&mut self, client: Client, path: &str) {
        let (done, stop, path) = (Arc::clone(&self.done), Arc::clone(&self.stop), path.to_owned());
        self.clients.spawn(async move {
            let connection = client.connect().await;
            while !stop.load(SeqCst) {
                let request = client.post_request(&path, &search("squirrels"));
                let reply = connection.try_send(request).await.map_err(|error| format!("{client:?}: {error}"))?;
                if reply.status != 200 || !reply.text().contains("walnut003") {
                    return Err(format!("{client:?}: {reply:?}"));
                }
                done.fetch_add(1, SeqCst);
            }
            Ok(())
        });
    }

    /// Waits for that many answers more.
    pub(crate) async fn progress(&self, more: usize) {
        let target = self.done.load(SeqCst) + more;
        eventually("clients get answers", async || (self.done.load(SeqCst) >= target).then_some(())).await;
    }

    /// Ends the clients; none of their calls may have failed.
    pub(crate) async fn finish(mut self) {
        self.stop.store(true, SeqCst);
        while let Some(client) = self.clients.join_next().await {
            client.unwrap().unwrap();
        }
    }

    /// Ends the clients of a server that has gone.
    pub(crate) async fn abandon(mut self) {
        self.stop.store(true, SeqCst);
        while self.clients.join_next().await.is_some() {}
    }
}
