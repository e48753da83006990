//! A node that serves, and clients of it.

use std::net::IpAddr;

use tokio::sync::OnceCell;

use super::client::{Client, Scheme};
use super::home::Home;
use super::process::Process;
use super::tailnet::{OWNER, tailnet};

/// A process that serves.
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) hostname: String,
    /// The name that the control server gave.
    pub(crate) name: String,
    pub(crate) addresses: Vec<IpAddr>,
    pub(crate) token: String,
    pub(crate) path_secret: String,
}

impl Node {
    /// A node that many tests share, because they change nothing about it but its graph.
    pub(crate) async fn shared() -> &'static Self {
        static SHARED: OnceCell<(Home, Node)> = OnceCell::const_new();
        let start = async || {
            let home = Home::new("shared");
            let node = home.node().await;
            (home, node)
        };
        &SHARED.get_or_init(start).await.1
    }

    /// The owner, on a device of theirs.
    pub(crate) async fn owner(&self) -> Client {
        self.user(OWNER).await
    }

    /// A user of the tailnet, on a device of theirs.
    pub(crate) async fn user(&self, login: &str) -> Client {
        self.client(&tailnet().forward(login, &self.target(443)).await)
    }

    /// A node with a tag.
    pub(crate) async fn tagged(&self, tag: &str) -> Client {
        self.client(&tailnet().forward_tagged(tag, &self.target(443)).await)
    }

    /// The owner, by plain HTTP.
    pub(crate) async fn owner_plain(&self) -> Client {
        Client::new(&tailnet().forward(OWNER, &self.target(80)).await, &self.name, Scheme::Plain)
    }

    /// Somebody on the public internet.
    pub(crate) fn public(&self) -> Client {
        self.client(&tailnet().public)
    }

    /// Somebody on the public internet at that address.
    pub(crate) async fn public_from(&self, source: &str) -> Client {
        self.client(&tailnet().public_from(source, 443).await)
    }

    /// The path that opens the public door.
    pub(crate) fn secret_path(&self) -> String {
        format!("/{}/mcp", self.path_secret)
    }

    fn client(&self, address: &str) -> Client {
        Client::new(address, &self.name, Scheme::Http1)
    }

    /// By address, because that works without a control server too.
    fn target(&self, port: u16) -> String {
        format!("{}:{port}", self.addresses[0])
    }
}
