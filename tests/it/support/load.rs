//! Clients that call without a pause.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};

use tokio::task::JoinSet;

use super::client::{Client, Scheme, Torn};
use super::eventually;
use super::mcp::search;
use super::node::Node;

/// Calls in progress on both planes, over either version of HTTP.
pub(crate) struct Load {
    done: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    clients: JoinSet<Result<(), Failed>>,
}

/// How a client failed.
enum Failed {
    /// Nothing came back.
    Unanswered(String),
    /// Something came back that is no whole and right answer.
    Wrong(String),
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
                let reply = connection.try_send(request).await.map_err(|error| {
                    let told = format!("{client:?}: {error}");
                    if error.is::<Torn>() { Failed::Wrong(told) } else { Failed::Unanswered(told) }
                })?;
                if reply.status != 200 || !reply.text().contains("walnut003") {
                    return Err(Failed::Wrong(format!("{client:?}: {reply:?}")));
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
            if let Err(Failed::Unanswered(told) | Failed::Wrong(told)) = client.unwrap() {
                panic!("{told}");
            }
        }
    }

    /// Ends the clients of a server that has been told to stop. Each may have had a call that was not taken any more; none
    /// may have got half an answer. Returns how many were not taken.
    pub(crate) async fn gone(mut self) -> usize {
        let mut unanswered = 0;
        while let Some(client) = self.clients.join_next().await {
            match client.unwrap() {
                Ok(()) => unreachable!("nobody told it to stop"),
                Err(Failed::Unanswered(_)) => unanswered += 1,
                Err(Failed::Wrong(told)) => panic!("{told}"),
            }
        }
        unanswered
    }
}
