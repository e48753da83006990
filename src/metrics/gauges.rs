//! What is not counted but looked at, each time that somebody asks.

use std::fmt;

use jiff::Timestamp;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;

use crate::access::Plane;

const DOOR_STATES: [&str; 4] = ["off", "opening", "open", "unavailable"];

/// The state of the parts of the program.
#[derive(Clone, Debug, Default)]
pub struct Gauges {
    /// Open connections by plane.
    pub open: Vec<(Plane, usize)>,
    /// Connections that were refused or cut to make room, by the limit that was reached.
    pub turned_away: Vec<(&'static str, u64)>,
    /// The state of the public door, by the name that the report gives it.
    pub funnel: &'static str,
    /// When the public door shuts itself.
    pub funnel_until: Option<Timestamp>,
    /// When the certificate in use ends.
    pub certificate_expiry: Option<Timestamp>,
    /// Whether the audit log cannot be written.
    pub audit_failing: bool,
    /// When the program was started.
    pub started: Timestamp,
}

/// Looks and tells.
pub(super) struct Watched(Box<dyn Fn() -> Gauges + Send + Sync>);

impl Watched {
    pub(super) fn new(look: impl Fn() -> Gauges + Send + Sync + 'static) -> Self {
        Self(Box::new(look))
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watched")
    }
}

impl Collector for Watched {
    fn encode(&self, mut to: DescriptorEncoder<'_>) -> fmt::Result {
        let gauges = (self.0)();
        let open =
            gauges.open.iter().map(|(plane, count)| ([("plane", plane.as_str())], ConstGauge::new(number(*count))));
        family(&mut to, "connections_open", "Connections that are open now", open)?;
        let away = gauges.turned_away.iter().map(|(limit, count)| ([("limit", *limit)], ConstCounter::new(*count)));
        family(
            &mut to,
            "connections_refused",
            "Connections refused or cut to make room because a limit was reached",
            away,
        )?;
        let door = DOOR_STATES.map(|state| ([("state", state)], ConstGauge::new(i64::from(state == gauges.funnel))));
        family(&mut to, "funnel_state", "Where the public door stands: 1 for the state it is in", door)?;
        if let Some(until) = gauges.funnel_until {
            single(&mut to, "funnel_until_timestamp_seconds", "When the public door shuts itself", until.as_second())?;
        }
        if let Some(expiry) = gauges.certificate_expiry {
            let name = "certificate_expiry_timestamp_seconds";
            single(&mut to, name, "When the certificate in use ends", expiry.as_second())?;
        }
        let failing = i64::from(gauges.audit_failing);
        single(&mut to, "audit_failing", "Whether the audit log cannot be written at the moment", failing)?;
        let build = [([("version", env!("CARGO_PKG_VERSION"))], ConstGauge::new(1_i64))];
        family(&mut to, "build_info", "Always 1; the label is the version that runs", build)?;
        single(&mut to, "start_timestamp_seconds", "When the program was started", gauges.started.as_second())
    }
}

fn family<L: EncodeLabelSet, M: EncodeMetric>(
    to: &mut DescriptorEncoder<'_>,
    name: &str,
    help: &str,
    members: impl IntoIterator<Item = (L, M)>,
) -> fmt::Result {
    let mut members = members.into_iter().peekable();
    let Some((_, first)) = members.peek() else { return Ok(()) };
    let mut family = to.encode_descriptor(name, help, None, first.metric_type())?;
    members.try_for_each(|(labels, metric)| metric.encode(family.encode_family(&labels)?))
}

fn single(to: &mut DescriptorEncoder<'_>, name: &str, help: &str, value: i64) -> fmt::Result {
    let gauge = ConstGauge::new(value);
    gauge.encode(to.encode_descriptor(name, help, None, gauge.metric_type())?)
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
