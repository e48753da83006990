//! What stands between a public connection and the MCP service: the list of sources, credentials and limits. It is swapped
//! whole when the configuration changes.

use std::sync::Arc;

use ipnet::IpNet;

use super::limits::Limits;
use crate::access::{Peer, Sources};
use crate::config::LimitsSection;

/// The checks of the HTTP side that the configuration can change.
#[derive(Clone, Debug)]
pub struct Gate {
    /// From where public callers may come.
    pub sources: Sources,
    /// Whether they must show a bearer token and a path secret.
    pub require_both: bool,
    /// The proxies whose word about a client counts, on this machine's own socket.
    pub proxies: Vec<IpNet>,
    pub(super) limits: Arc<Limits>,
}

impl Gate {
    /// A gate whose limits start afresh.
    pub fn new(sources: Sources, require_both: bool, proxies: Vec<IpNet>, limits: LimitsSection) -> Self {
        Self { sources, require_both, proxies, limits: Arc::new(Limits::new(limits)) }
    }

    /// The gate that takes the place of this one: what callers have used up of unchanged limits stays used up.
    #[must_use]
    pub fn followed_by(
        &self,
        sources: Sources,
        require_both: bool,
        proxies: Vec<IpNet>,
        limits: LimitsSection,
    ) -> Self {
        if self.limits.are(limits) {
            Self { sources, require_both, proxies, limits: Arc::clone(&self.limits) }
        } else {
            Self::new(sources, require_both, proxies, limits)
        }
    }

    pub(super) fn is_open_to(&self, peer: &Peer) -> bool {
        self.sources.allow(peer)
    }
}

impl Default for Gate {
    /// What an empty configuration makes.
    fn default() -> Self {
        Self::new(Sources::unlisted(), false, Vec::new(), LimitsSection::default())
    }
}
