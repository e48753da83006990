//! What the two sides say to each other. `vendor/libtailscale/README.md` has the same table for the Go side.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A request to the node. `id` is added on the way out.
#[derive(Debug, Serialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub(super) enum Request<'a> {
    Up,
    Status,
    Whois { address: IpAddr },
    Certificate { domain: &'a str, min_validity: u32 },
    Listen { listener: u64, kind: Kind, port: u16 },
    Unlisten { listener: u64 },
    QueryFeature { feature: &'a str },
    Close,
}

/// Which door a listener opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Devices of the tailnet.
    Tailnet,
    /// The public internet.
    Funnel,
}

/// One line from the node: a reply (it has an `id`) or an event.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Line {
    Reply(Reply),
    Event(Event),
}

#[derive(Debug, Deserialize)]
pub(super) struct Reply {
    pub(super) id: u64,
    #[serde(default)]
    pub(super) result: Value,
    pub(super) error: Option<NodeError>,
}

/// Something that happened without being asked for.
#[derive(Debug, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The node's state changed, for example to `Running` or `NeedsLogin`.
    State {
        /// The new state, in tailscale's words.
        state: String,
    },
    /// Someone has to open this URL to let the node in.
    LoginUrl {
        /// The URL.
        url: String,
    },
    /// The set of health warnings changed.
    Health {
        /// All warnings that are in force now.
        #[serde(default)]
        warnings: Vec<Health>,
    },
    /// The control server or the node reports a failure.
    Error {
        /// In tailscale's words.
        message: String,
    },
    /// The node's own record, a peer, or a grant changed: what was learnt from WhoIs may be stale.
    #[serde(rename = "self")]
    Changed(Box<Status>),
    /// A line for the log.
    Log {
        /// `debug`, `info` or `error`.
        level: String,
        /// The line.
        message: String,
        /// How many before it were lost.
        #[serde(default)]
        dropped: u64,
    },
    /// A connection was accepted; handled by the listener it names.
    Connection(Connection),
    /// A listener ended by itself.
    ListenerClosed {
        /// The number given in `listen`.
        listener: u64,
        /// Why.
        #[serde(default)]
        message: String,
    },
}

/// The facts of an accepted connection.
#[derive(Debug, Deserialize)]
pub struct Connection {
    pub(super) listener: u64,
    pub(super) fd: RawFd,
    pub(super) via: Kind,
    /// Tailnet: the device. Funnel: the ingress node.
    pub(super) remote: Option<SocketAddr>,
    /// Funnel: the true client.
    pub(super) source: Option<SocketAddr>,
}

/// What the node knows about itself.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct Status {
    /// tailscale's state: `Running`, `NeedsLogin`, `NeedsMachineAuth`, `Starting`, `Stopped`.
    pub state: String,
    /// The full name in the tailnet, without a trailing dot. The control server may have changed the one asked for.
    pub name: String,
    /// Addresses in the tailnet, IPv4 first.
    pub addresses: Vec<IpAddr>,
    /// The tags of the node; a tagged node has no owner.
    pub tags: Vec<String>,
    /// The user who owns the node.
    pub owner: Option<Owner>,
    /// Name of the tailnet.
    pub tailnet: String,
    /// Names for which a certificate can be had.
    pub cert_domains: Vec<String>,
    /// Whether the tailnet allows certificates for this node.
    pub https: bool,
    /// Whether the tailnet allows Funnel for this node.
    pub funnel: bool,
    /// The ports on which Funnel is allowed.
    pub funnel_ports: Vec<u16>,
    /// When the node's key ends (RFC 3339); `None` if it does not.
    pub key_expiry: Option<String>,
    /// Whether the control server is being heard.
    pub online: bool,
    /// Warnings in force.
    pub health: Vec<Health>,
    /// Where to let the node in, while it waits for that.
    pub login_url: String,
}

/// A user who owns a node.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Owner {
    /// The user's number in the tailnet.
    pub id: i64,
    /// The login name.
    pub login: String,
}

/// One of tailscale's health warnings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default)]
pub struct Health {
    /// tailscale's code of the warning, such as `not-in-map-poll`.
    pub code: String,
    /// `high`, `medium` or `low`.
    pub severity: String,
    /// A short name.
    pub title: String,
    /// What is wrong, in tailscale's words.
    pub text: String,
}

/// Who is behind a tailnet address.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct WhoIs {
    /// The device.
    pub node: WhoIsNode,
    /// The person; `None` for a tagged node.
    pub user: Option<WhoIsUser>,
    /// What the tailnet's grants give this caller towards this node, by capability name.
    #[serde(default)]
    pub capabilities: HashMap<String, Vec<Value>>,
}

/// A device of the tailnet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WhoIsNode {
    /// The full name, without a trailing dot.
    pub name: String,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

/// A user of the tailnet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct WhoIsUser {
    /// The user's number in the tailnet.
    pub id: i64,
    /// The login name.
    pub login: String,
}

/// The answer about a feature that the tailnet's policy does not allow yet.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Feature {
    pub(super) url: String,
    pub(super) text: String,
}

/// A request that the node could not fulfil.
#[derive(Clone, Debug, PartialEq, Deserialize, thiserror::Error)]
#[error("{message}")]
pub struct NodeError {
    /// What the caller can do about it.
    pub kind: ErrorKind,
    /// In the words of tailscale, the control server or the certificate authority.
    pub message: String,
    /// Seconds to wait, if the other side said so.
    #[serde(default)]
    pub retry_after: Option<f64>,
}

/// Kinds of [`NodeError`]: those that make a difference here. `vendor/libtailscale/README.md` has all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorKind {
    /// The control server refused the credential: get a new one.
    Auth,
    /// No such address in the tailnet.
    NotFound,
    /// The tailnet's policy does not allow Funnel for this node.
    FunnelUnavailable,
    /// It does, but not at this port.
    PortUnavailable,
    /// The tailnet does not hand out certificates.
    HttpsUnavailable,
    /// The certificate authority asks to wait.
    RateLimited,
    /// The certificate authority failed otherwise.
    Certificate,
    /// The node was closed meanwhile.
    Cancelled,
    /// We asked for nonsense.
    BadRequest,
    /// Anything else.
    #[serde(other)]
    Internal,
}

impl NodeError {
    pub(super) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The control socket has ended: the Go side is gone.
    pub(super) fn gone() -> Self {
        Self::new(ErrorKind::Cancelled, "the embedded tailnet node has ended")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_with_an_id_is_a_reply_and_any_other_an_event() {
        let reply: Line =
            serde_json::from_str(r#"{"id":3,"error":{"kind":"rate_limited","message":"slow down","retry_after":9}}"#)
                .unwrap();
        let Line::Reply(Reply { id: 3, error: Some(error), .. }) = reply else { panic!("{reply:?}") };
        assert_eq!((error.kind, error.retry_after), (ErrorKind::RateLimited, Some(9.0)));
        let event: Line = serde_json::from_str(r#"{"event":"state","state":"Running"}"#).unwrap();
        assert!(matches!(event, Line::Event(Event::State { state }) if state == "Running"));
    }

    #[test]
    fn an_error_kind_from_the_future_is_internal() {
        let error: NodeError = serde_json::from_str(r#"{"kind":"brand_new","message":"?"}"#).unwrap();
        assert_eq!(error.kind, ErrorKind::Internal);
    }

    #[test]
    fn requests_carry_their_name_in_op() {
        let request = Request::Listen { listener: 4, kind: Kind::Funnel, port: 443 };
        let expected = serde_json::json!({"op": "listen", "listener": 4, "kind": "funnel", "port": 443});
        assert_eq!(serde_json::to_value(request).unwrap(), expected);
    }
}
