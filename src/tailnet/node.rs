//! The node: start it, ask it, open ports on it, close it.

use std::ffi::CString;
use std::io::{self, BufRead, BufReader};
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::sync::{mpsc, oneshot};

use super::control::Control;
use super::ffi;
use super::listener::TailnetListener;
use super::message::{Event, Feature, Kind, NodeError, Request, Status, WhoIs};
use crate::secret::Secret;

/// How to join a tailnet.
#[derive(Clone, Debug, Default)]
pub struct NodeConfig {
    /// Where the node keeps its key, its name and its certificates. One process at a time.
    pub dir: PathBuf,
    /// The name to ask for; the control server may give another.
    pub hostname: String,
    /// Another control server than Tailscale's.
    pub control_url: Option<String>,
    /// Joins without a person, if the node is not enrolled yet.
    pub auth_key: Option<Secret>,
    /// The same, by an OAuth client of the tailnet; needs `tags`.
    pub client_secret: Option<Secret>,
    /// Tags to ask for, such as `tag:roam`.
    pub tags: Vec<String>,
    /// Whether the tailnet forgets the node when it goes offline.
    pub ephemeral: bool,
    /// Whether tailscale's own log lines are wanted.
    pub verbose: bool,
    /// For tests: the DNS server that the node uses instead of the system's, for all look-ups but that of the ACME client.
    pub resolver: Option<SocketAddr>,
}

/// A handle on the node of this process. Clones are the same node.
#[derive(Clone)]
pub struct Node {
    control: Arc<Control>,
}

impl Node {
    /// Starts the Go side; the node joins with [`Node::up`].
    ///
    /// # Errors
    /// When a node was started in this process before, or the system is out of descriptors or threads.
    pub async fn start(config: &NodeConfig) -> io::Result<(Self, mpsc::UnboundedReceiver<Event>)> {
        let (ours, theirs) = UnixStream::pair()?;
        if let Err(error) = enter_go(CString::new(config.to_json().to_string())?, theirs.into()).await {
            return Err(refusal(&ours).map_or(error, io::Error::other));
        }
        let (control, events) = Control::new(ours)?;
        Ok((Self { control: Arc::new(control) }, events))
    }

    /// A node whose Go side a test plays at the other end of `control`.
    #[cfg(test)]
    pub(crate) fn played(control: UnixStream) -> io::Result<(Self, mpsc::UnboundedReceiver<Event>)> {
        let (control, events) = Control::new(control)?;
        Ok((Self { control: Arc::new(control) }, events))
    }

    /// Joins the tailnet and waits until the node is in it: for as long as it takes someone to let it in.
    ///
    /// # Errors
    /// [`super::ErrorKind::Auth`] when the credential is refused, [`super::ErrorKind::Cancelled`] after [`Node::close`].
    pub async fn up(&self) -> Result<Status, NodeError> {
        self.control.ask(&Request::Up).await
    }

    /// What the node knows about itself now.
    ///
    /// # Errors
    /// Before [`Node::up`] and after [`Node::close`].
    pub async fn status(&self) -> Result<Status, NodeError> {
        self.control.ask(&Request::Status).await
    }

    /// Who is behind a tailnet address. Ask about tailnet peers only, never about a Funnel connection.
    ///
    /// # Errors
    /// [`super::ErrorKind::NotFound`] for an address that no node of the tailnet has.
    pub async fn whois(&self, address: IpAddr) -> Result<WhoIs, NodeError> {
        self.control.ask(&Request::Whois { address }).await
    }

    /// The certificate chain and key of `domain`, both PEM: from the state directory or newly issued. One with less than
    /// `min_validity` left is renewed first, and what that fails of is told; with zero a renewal goes on by itself.
    ///
    /// # Errors
    /// [`super::ErrorKind::RateLimited`] with the seconds to wait, [`super::ErrorKind::Certificate`] otherwise.
    pub async fn certificate(&self, domain: &str, min_validity: Duration) -> Result<(String, Secret), NodeError> {
        #[derive(serde::Deserialize)]
        struct Pair {
            chain: String,
            key: String,
        }
        let min_validity = u32::try_from(min_validity.as_secs()).unwrap_or(u32::MAX);
        let Pair { chain, key } = self.control.ask(&Request::Certificate { domain, min_validity }).await?;
        Ok((chain, Secret::from(key)))
    }

    /// Opens `port` to the tailnet or to Funnel.
    ///
    /// # Errors
    /// [`super::ErrorKind::FunnelUnavailable`], [`super::ErrorKind::PortUnavailable`] or
    /// [`super::ErrorKind::HttpsUnavailable`] when the tailnet does not allow it.
    pub async fn listen(&self, kind: Kind, port: u16) -> Result<TailnetListener, NodeError> {
        let (number, connections) = self.control.register_listener();
        // Made first: it forgets the number again if the request fails.
        let listener = TailnetListener { number, connections, control: Arc::clone(&self.control) };
        self.control.ask::<Value>(&Request::Listen { listener: number, kind, port }).await?;
        Ok(listener)
    }

    /// Closes a port by its listener's number.
    ///
    /// # Errors
    /// When there is no such listener.
    pub async fn unlisten(&self, number: u64) -> Result<(), NodeError> {
        self.control.ask::<Value>(&Request::Unlisten { listener: number }).await.map(drop)
    }

    /// Where an administrator can allow `feature` (`funnel` or `serve`) for this tailnet; `None` if control names no page.
    pub async fn enable_url(&self, feature: &str) -> Option<String> {
        let answer: Feature = self.control.ask(&Request::QueryFeature { feature }).await.ok()?;
        tracing::debug!(feature, answer.text, answer.url, "control server about a feature");
        (!answer.url.is_empty()).then_some(answer.url)
    }

    /// Leaves the tailnet (an ephemeral node) or goes offline (any other) and ends the Go side.
    pub async fn close(&self) {
        if let Err(error) = self.control.ask::<Value>(&Request::Close).await {
            tracing::debug!(%error, "closing the node");
        }
    }
}

impl NodeConfig {
    fn to_json(&self) -> Value {
        let plain =
            |secret: &Option<Secret>| secret.as_ref().map_or(String::new(), |secret| secret.expose().to_owned());
        json!({
            "dir": self.dir,
            "hostname": self.hostname,
            "control_url": self.control_url.as_deref().unwrap_or_default(),
            "auth_key": plain(&self.auth_key),
            "client_secret": plain(&self.client_secret),
            "tags": self.tags,
            "ephemeral": self.ephemeral,
            "verbose": self.verbose,
            "resolver": self.resolver.map_or(String::new(), |resolver| resolver.to_string()),
        })
    }
}

/// Enters Go from a thread of its own, which then stays for the life of the process (see [`ffi::start`]).
async fn enter_go(config: CString, control: OwnedFd) -> io::Result<()> {
    let (sender, started) = oneshot::channel();
    std::thread::Builder::new().name("tailnet".into()).spawn(move || {
        // The asker waits for the answer below and cannot be gone.
        drop(sender.send(ffi::start(&config, control)));
        loop {
            std::thread::park();
        }
    })?;
    started.await.map_err(io::Error::other)?
}

/// Why Go refused to start, in its words: the last that it says on the control socket.
fn refusal(control: &UnixStream) -> Option<String> {
    // It is said already; but what is wrong with the start must not hang it.
    control.set_read_timeout(Some(Duration::from_secs(1))).ok()?;
    let mut line = String::new();
    BufReader::new(control).read_line(&mut line).ok()?;
    match serde_json::from_str(&line).ok()? {
        Event::Error { message } => Some(format!("the embedded node refused to start: {message}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_go_says_before_it_refuses_to_start_is_told() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        writeln!(theirs, r#"{{"event":"error","message":"config: dir is missing"}}"#).unwrap();
        drop(theirs);
        assert_eq!(refusal(&ours).unwrap(), "the embedded node refused to start: config: dir is missing");
        assert_eq!(refusal(&UnixStream::pair().unwrap().0), None);
    }

    #[test]
    fn debug_output_of_a_configuration_hides_its_credentials() {
        let config = NodeConfig { auth_key: Some("tskey-auth-abc".into()), ..NodeConfig::default() };
        assert!(!format!("{config:?}").contains("abc"));
    }
}
