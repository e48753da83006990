//! Who is behind a request.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::Rule;

/// An identified caller. Anyone who could not be identified never becomes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Caller {
    /// A person's own device in the tailnet.
    User(TailnetUser),
    /// A tagged node of the tailnet: it acts for its tags, not for a person.
    Tagged(TailnetNode),
    /// A holder of a credential, coming through Funnel.
    Public(Arc<Credential>),
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

/// What a public caller showed, and what it allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The name that its owner gave it.
    pub name: String,
    /// How it is shown.
    pub kind: CredentialKind,
    /// What it allows, under the ceiling of public access.
    pub rule: Rule,
}

/// How a credential is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialKind {
    /// In the header `Authorization: Bearer <token>`
    Bearer,
    /// In the URL, for clients that cannot send a header
    Path,
}

impl fmt::Display for CredentialKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bearer => "bearer",
            Self::Path => "path",
        })
    }
}

impl Caller {
    /// What the tailnet grants; nothing to those who are not of it.
    pub fn grants(&self) -> &[Rule] {
        match self {
            Self::User(user) => &user.grants,
            Self::Tagged(node) => &node.grants,
            Self::Public(_) | Self::Admin => &[],
        }
    }

    /// Who counts as one: a person with all their devices, a tagged node, whoever holds a credential.
    pub fn identity(&self) -> String {
        match self {
            Self::User(user) => format!("user {}", user.id),
            Self::Tagged(node) => format!("node {}", node.node),
            Self::Public(credential) => format!("credential {}", credential.name),
            Self::Admin => "operator".into(),
        }
    }
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(user) => write!(f, "{} on {}", user.login, user.node),
            Self::Tagged(node) => write!(f, "{} ({})", node.node, node.tags.join(", ")),
            Self::Public(credential) => write!(f, "holder of the credential `{}`", credential.name),
            Self::Admin => f.write_str("operator on the admin socket"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_one_caller_with_all_their_devices_and_nobody_else_is() {
        let user = |id, node: &str| {
            Caller::User(TailnetUser { id, login: "ann@example.com".into(), node: node.into(), grants: Vec::new() })
        };
        assert_eq!(user(1, "laptop").identity(), user(1, "phone").identity());
        let node = Caller::Tagged(TailnetNode { node: "user 1".into(), tags: Vec::new(), grants: Vec::new() });
        let all = [user(1, "laptop"), user(2, "laptop"), node, Caller::Admin].map(|caller| caller.identity());
        assert_eq!(all.iter().collect::<std::collections::HashSet<_>>().len(), all.len(), "{all:?}");
    }
}
