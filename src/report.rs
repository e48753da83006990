//! What a running node tells its operator: shown when it has started, and by `roam-mcp status`.

mod allowed;
mod card;

use std::fmt;
use std::net::IpAddr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use allowed::Allowed;
pub use card::{start_card, status_card};

/// tailscale's word for a node that is in its tailnet.
pub const RUNNING: &str = "Running";

/// Where an administrator enables certificates, and what it is called there.
const HTTPS_PAGE: &str = "https://login.tailscale.com/admin/dns (HTTPS Certificates)";

/// The state of a node, for people and for scripts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Version of the program that runs.
    pub version: String,
    /// Its process.
    pub pid: u32,
    /// When it was started.
    pub started: Timestamp,
    /// Whether the start is over: the node is in its tailnet, and its ports are open.
    pub serving: bool,
    /// The node in the tailnet.
    pub node: NodeReport,
    /// Its certificate.
    pub certificate: CertificateState,
    /// The public door.
    pub funnel: Door,
    /// Where to find it.
    pub urls: Urls,
    /// Who may call.
    #[serde(default)]
    pub allowed: Allowed,
    /// The graphs it serves.
    pub graphs: Vec<String>,
    /// Connections that are open now.
    pub connections: usize,
    /// What is wrong with files and grants; what they said before, or nothing, is in force.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<String>,
}

/// The node in the tailnet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct NodeReport {
    /// The full name.
    pub name: String,
    /// The tailnet.
    pub tailnet: String,
    /// tailscale's word for the state, such as `Running`.
    pub state: String,
    /// Whether the control server is being heard. Without it the node goes on with what it knows.
    pub online: bool,
    /// The addresses.
    pub addresses: Vec<IpAddr>,
    /// Login name of the owner; `None` for a tagged node.
    pub owner: Option<String>,
    /// The tags.
    pub tags: Vec<String>,
    /// When the node has to be let in again (RFC 3339); `None` for never.
    pub key_expiry: Option<String>,
    /// Where to let it in, while it waits for that.
    pub login_url: Option<String>,
    /// What tailscale finds wrong.
    pub health: Vec<String>,
}

/// Where to find the server. Secrets are masked unless asked for. Until the node is in its tailnet it has no name, and so
/// no URL but that of this machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Urls {
    /// For devices of the tailnet.
    pub tailnet: Option<String>,
    /// The same without TLS, which WireGuard makes up for.
    pub tailnet_plain: Option<String>,
    /// For clients that can send a bearer token.
    pub public: Option<String>,
    /// For clients that cannot. `None` also if the path secret is switched off.
    pub public_secret: Option<String>,
    /// For clients on this machine; `None` without `--listen`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub direct: Option<String>,
    /// The bearer token.
    pub token: String,
    /// Whether the secrets above are masked.
    pub masked: bool,
}

/// Where the certificate stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum CertificateState {
    /// Being issued for the first time.
    Pending,
    /// In use.
    Valid {
        /// When it ends.
        not_after: Timestamp,
    },
    /// In use, and to be renewed by now, which fails.
    Unrenewed {
        /// When it ends.
        not_after: Timestamp,
        /// In the words of the certificate authority.
        reason: String,
        /// When the next try is.
        retry_at: Timestamp,
    },
    /// The tailnet does not hand out certificates.
    Unavailable,
    /// Could not be had; an older one may still be in use.
    Failed {
        /// In the words of the certificate authority.
        reason: String,
        /// When the next try is.
        retry_at: Timestamp,
    },
}

/// Where the public door stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum Door {
    /// Not wanted.
    Off {
        /// Who said so.
        by: ShutBy,
    },
    /// On its way.
    Opening,
    /// The public internet reaches this node.
    Open {
        /// At this port.
        port: u16,
        /// Until then; `None` for as long as nobody shuts it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Timestamp>,
    },
    /// It cannot be opened. It opens by itself once that changes.
    Unavailable {
        /// What is in the way.
        #[serde(default)]
        obstacle: Obstacle,
        /// In tailscale's words.
        reason: String,
        /// The page on which an administrator can allow it, if the control server names one.
        enable_url: Option<String>,
    },
}

impl Report {
    /// Whether the node is in its tailnet, or has been: one whose key has expired keeps its name.
    pub fn joined(&self) -> bool {
        self.serving || self.node.state == RUNNING
    }
}

impl Door {
    /// The state in one word, as it is serialized.
    pub fn state(&self) -> &'static str {
        match self {
            Self::Off { .. } => "off",
            Self::Opening => "opening",
            Self::Open { .. } => "open",
            Self::Unavailable { .. } => "unavailable",
        }
    }
}

/// What keeps the public door from being opened, and so what to do about it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Obstacle {
    /// The tailnet's policy does not let this node use Funnel.
    Policy,
    /// It does, but not at this port.
    Port,
    /// The tailnet hands out no certificates.
    Https,
    /// It failed; it is tried again.
    #[default]
    Failure,
}

/// Who shut the public door.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ShutBy {
    /// `--no-funnel`, for this run.
    Flag,
    /// `roam-mcp funnel off`, until it is opened again.
    Operator,
    /// The end of the time it was opened for.
    Time,
    /// A state directory that does not say how it was left.
    Unreadable,
}

impl fmt::Display for CertificateState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pending => f.write_str("certificate is being issued"),
            Self::Valid { not_after } => write!(f, "certificate valid until {}", not_after.strftime("%Y-%m-%d")),
            Self::Unrenewed { not_after, reason, retry_at } => write!(
                f,
                "certificate valid until {}, but it cannot be renewed: {reason}. Next try at {}",
                not_after.strftime("%Y-%m-%d"),
                retry_at.strftime("%H:%M:%S UTC"),
            ),
            Self::Unavailable => write!(
                f,
                "no certificate: HTTPS is not enabled for this tailnet. An administrator can enable it at {HTTPS_PAGE}",
            ),
            Self::Failed { reason, retry_at } => {
                write!(f, "no new certificate: {reason}. Next try at {}", retry_at.strftime("%H:%M:%S UTC"))
            }
        }
    }
}

impl fmt::Display for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off { by } => write!(f, "Funnel is off ({by})"),
            Self::Opening => f.write_str("Funnel is opening"),
            Self::Open { port, until: None } => write!(f, "Funnel is open on port {port}"),
            Self::Open { port, until: Some(until) } => {
                write!(f, "Funnel is open on port {port} for another {}", remaining(*until, Timestamp::now()))
            }
            Self::Unavailable { obstacle, reason, enable_url } => {
                let reason = reason.trim();
                let stop = if reason.ends_with(['.', '!', '?']) { "" } else { "." };
                write!(f, "Funnel is shut: {reason}{stop} ")?;
                match (obstacle, enable_url) {
                    (Obstacle::Policy | Obstacle::Https, Some(url)) => {
                        write!(f, "An administrator can allow it at {url}.")?;
                    }
                    (Obstacle::Policy, None) => f.write_str(
                        "An administrator can allow it in the tailnet's policy: \
                         \"nodeAttrs\": [{\"target\": [\"autogroup:member\"], \"attr\": [\"funnel\"]}].",
                    )?,
                    (Obstacle::Https, None) => write!(f, "An administrator can enable HTTPS at {HTTPS_PAGE}.")?,
                    (Obstacle::Port, _) => f.write_str("Start the node with --funnel-port and one that is allowed.")?,
                    (Obstacle::Failure, _) => {
                        return f.write_str("It is tried again; the tailnet side works meanwhile.");
                    }
                }
                f.write_str(" It opens by itself once it may; the tailnet side works meanwhile.")
            }
        }
    }
}

impl fmt::Display for ShutBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "--no-funnel",
            Self::Operator => "shut by the operator; `roam-mcp funnel on` opens it",
            Self::Time => "its time was up; `roam-mcp funnel on` opens it",
            Self::Unreadable => "door.json in the state directory cannot be read; `roam-mcp funnel on` opens it",
        })
    }
}

/// The time left, for people, and its end.
fn remaining(until: Timestamp, now: Timestamp) -> String {
    let minutes = (until.as_second().saturating_sub(now.as_second()).max(0) + 59) / 60;
    let left = match (minutes / 60, minutes % 60) {
        (0, minutes) => format!("{minutes} min"),
        (hours, 0) => format!("{hours} h"),
        (hours, minutes) => format!("{hours} h {minutes} min"),
    };
    format!("{left}, until {}", until.strftime("%F %H:%M UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_called_as_it_is_serialized() {
        let unavailable = unavailable(Obstacle::Policy, "no", None);
        for door in [Door::Off { by: ShutBy::Flag }, Door::Opening, Door::Open { port: 443, until: None }, unavailable]
        {
            assert_eq!(serde_json::json!(door)["state"], door.state());
        }
    }

    fn unavailable(obstacle: Obstacle, reason: &str, url: Option<&str>) -> Door {
        Door::Unavailable { obstacle, reason: reason.into(), enable_url: url.map(Into::into) }
    }

    #[test]
    fn a_door_that_stays_shut_tells_what_helps_against_that_and_nothing_else() {
        let url = Some("https://login.example.com/f/funnel");
        for (obstacle, url, helps) in [
            (Obstacle::Policy, url, "An administrator can allow it at https://login.example.com/f/funnel. It opens"),
            (Obstacle::Policy, None, "\"attr\": [\"funnel\"]}]. It opens"),
            (Obstacle::Https, url, "An administrator can allow it at https://login.example.com/f/funnel. It opens"),
            (Obstacle::Https, None, "admin/dns (HTTPS Certificates). It opens"),
            (Obstacle::Port, None, "--funnel-port"),
            (Obstacle::Failure, None, "Funnel is shut: it did not work. It is tried again"),
        ] {
            for reason in ["it did not work", "it did not work."] {
                let told = unavailable(obstacle, reason, url).to_string();
                assert!(told.starts_with("Funnel is shut: it did not work. ") && told.contains(helps), "{told}");
                let policy = obstacle == Obstacle::Policy && url.is_none();
                assert_eq!(told.contains("nodeAttrs"), policy, "{told}");
            }
        }
    }

    #[test]
    fn the_time_left_is_in_whole_minutes_of_which_the_last_one_counts() {
        let now: Timestamp = "2026-01-01T12:00:00Z".parse().unwrap();
        for (seconds, left) in
            [(-5, "0 min"), (1, "1 min"), (60, "1 min"), (61, "2 min"), (7200, "2 h"), (7201, "2 h 1 min")]
        {
            let until = now + jiff::SignedDuration::from_secs(seconds);
            assert!(remaining(until, now).starts_with(&format!("{left}, until 2026-01-01 1")), "{seconds}");
        }
    }
}
