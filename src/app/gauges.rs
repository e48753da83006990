//! What the metrics show of the parts of a running node.

use jiff::Timestamp;
use tokio::sync::watch;

use crate::audit::Audit;
use crate::metrics::Gauges;
use crate::net::Server;
use crate::report::Door;
use crate::tls::CertificateSlot;

/// Where to look.
pub(super) struct Watched {
    pub(super) started: Timestamp,
    pub(super) server: Server,
    pub(super) slot: CertificateSlot,
    pub(super) door: watch::Receiver<Door>,
    pub(super) audit: Audit,
}

impl Watched {
    pub(super) fn look(&self) -> Gauges {
        let connections = self.server.connections();
        let door = self.door.borrow();
        Gauges {
            open: connections.open.into_iter().collect(),
            turned_away: connections.turned_away.into_iter().collect(),
            funnel: door.state(),
            funnel_until: match *door {
                Door::Open { until, .. } => until,
                _ => None,
            },
            certificate_expiry: self.slot.not_after(),
            audit_failing: self.audit.is_failing(),
            started: self.started,
        }
    }
}
