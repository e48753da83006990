//! Who is behind a request.

use std::fmt;

use super::Rule;

/// An identified caller. Anyone who could not be identified never becomes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A person's own device in the tailnet.
    User(TailnetUser),
    /// A tagged node of the tailnet: it acts for its tags, not for a person.
    Tagged(TailnetNode),
    /// A holder of a credential, coming through Funnel.
    Public(Credential),
    /// The operator, on the admin socket.
    Admin,
}

/// A user of the tailnet and the device in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailnetUser {
    /// The user's number in the tailnet: what ownership is compared by.
    pub id: i64,
    /// The login name, for messages and records.
    pub login: String,
    /// Name of the device.
    pub node: String,
    /// What the tailnet's grants allow them here.
    pub grants: Vec<Rule>,
}

/// A tagged node of the tailnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailnetNode {
    /// Name of the node.
    pub node: String,
    /// Its tags, such as `tag:ci`.
    pub tags: Vec<String>,
    /// What the tailnet's grants allow it here.
    pub grants: Vec<Rule>,
}

/// What a public caller showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Credential {
    /// The bearer token of the configuration.
    BearerToken,
    /// The path secret of the configuration.
    PathSecret,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{} on {}", user.login, user.node),
            Self::Tagged(node) => write!(f, "{} ({})", node.node, node.tags.join(", ")),
            Self::Public(Credential::BearerToken) => f.write_str("holder of the bearer token"),
            Self::Public(Credential::PathSecret) => f.write_str("holder of the path secret"),
            Self::Admin => f.write_str("operator on the admin socket"),
        }
    }
}
