//! Who may call, as far as the node's own rules say.

use serde::{Deserialize, Serialize};

use super::Report;
use crate::access::{CAPABILITY, Level};

/// The most that the rules in force allow to each kind of caller, before ceilings of graphs and denied tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allowed {
    /// The devices of the node's owner; `None` for nothing without a grant.
    pub owner: Option<Level>,
    /// Everybody else in the tailnet; `None` for nothing without a grant.
    pub others: Option<Level>,
    /// Holders of a credential; `None` for nothing.
    pub public: Option<Level>,
    /// Whether they have to show a bearer token and a path secret.
    pub require_both: bool,
    /// Whether they may come from listed networks alone.
    pub listed_sources: bool,
}

impl Default for Allowed {
    /// What no configuration at all allows.
    fn default() -> Self {
        let (owner, public) = (Some(Level::Full), Some(Level::Full));
        Self { owner, others: None, public, require_both: false, listed_sources: false }
    }
}

impl Allowed {
    /// Why the URL with the path secret is not enough for a client that can send nothing else.
    pub(super) fn url_is_not_enough(self) -> Option<&'static str> {
        match self {
            Self { public: None, .. } => Some("no public client may call: `access` in [funnel] is \"none\""),
            Self { require_both: true, .. } => {
                Some("Claude.ai and ChatGPT cannot call: `require_both` asks for a bearer token beside the URL")
            }
            _ => None,
        }
    }

    /// What a list of sources means for hosted clients.
    pub(super) fn about_sources(self) -> Option<&'static str> {
        self.listed_sources
            .then_some("from the networks in [sources] alone; Claude.ai needs `anthropic` there, and ChatGPT `openai`")
    }
}

/// Who may call from within the tailnet.
pub(super) fn in_the_tailnet(report: &Report) -> String {
    let Allowed { owner, others, .. } = report.allowed;
    match (&report.node.owner, owner, others) {
        (Some(login), Some(level), None) => {
            format!("{login} may call from their own devices{}; everybody else needs a grant", up_to(level))
        }
        (Some(login), Some(level), Some(rest)) => format!(
            "{login} may call from their own devices{}, everybody else in the tailnet with {rest} access",
            up_to(level)
        ),
        (Some(login), None, Some(rest)) => {
            format!("everybody in the tailnet may call with {rest} access, but for {login}, who needs a grant")
        }
        (Some(_), None, None) => "nobody may call without a grant: `owner` in [tailnet] is \"none\"".to_owned(),
        (None, _, Some(rest)) => format!("everybody in the tailnet may call with {rest} access"),
        (None, _, None) => format!(
            "nobody may call without a grant: a tagged node belongs to no user. Add to the tailnet's policy:\n\n{}\n",
            grant(&report.node.tags),
        ),
    }
}

/// Full access is what everybody expects.
pub(super) fn up_to(level: Level) -> String {
    if level == Level::Full { String::new() } else { format!(" with {level} access") }
}

/// A grant that lets every member of the tailnet read. The administrator will know how to narrow it.
fn grant(tags: &[String]) -> String {
    let grant = serde_json::json!({
        "src": ["autogroup:member"],
        "dst": tags,
        "ip": ["tcp:443", "tcp:80"],
        "app": {CAPABILITY: [{"access": "read-only"}]},
    });
    format!("    \"grants\": [{grant}]")
}
