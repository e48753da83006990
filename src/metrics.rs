//! What the program counts, for Prometheus: how much is asked, by whom, how it ends and how long it takes.
//!
//! Every label has a fixed set of values, so nothing that a client sends becomes one. `docs/METRICS.md` has the list.

mod gauges;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Instant;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;

use crate::access::{Caller, Plane};
pub use gauges::Gauges;

/// The media type of [`Metrics::render`] (OpenMetrics 1.0, which Prometheus has read since 2.5).
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Seconds. A read of the embedded graph takes a fraction of a millisecond, one of Roam Desktop up to minutes.
const BUCKETS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.25, 1.0, 5.0, 30.0, 180.0];

/// The label of calls for tools that do not exist, or not for the caller.
const NO_TOOL: &str = "unknown";

/// How a call of a tool ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The tool did it.
    Ok,
    /// The tool, or what it needs, reported an error.
    Failed,
    /// The caller may not do it.
    Denied,
    /// There is no such tool, or not for this caller.
    Unknown,
    /// Something went wrong in the server.
    Error,
    /// The caller did not wait for the answer. A write is done all the same.
    GivenUp,
}

/// Counts. Clones count together.
#[derive(Clone, Debug)]
pub struct Metrics {
    calls: Family<CallLabels, Counter>,
    durations: Family<ToolLabel, Histogram>,
    responses: Family<ResponseLabels, Counter>,
    registry: Arc<Registry>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CallLabels {
    plane: &'static str,
    caller: &'static str,
    tool: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ToolLabel {
    tool: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ResponseLabels {
    plane: &'static str,
    status: u16,
}

/// A call that is being done. Dropping it counts it.
#[derive(Debug)]
pub struct Measured {
    metrics: Metrics,
    plane: Plane,
    caller: &'static str,
    tool: &'static str,
    began: Instant,
    outcome: Outcome,
}

impl Metrics {
    /// Nothing counted yet. What is not counted is looked up with `look` each time that somebody asks.
    pub fn new(look: impl Fn() -> Gauges + Send + Sync + 'static) -> Self {
        let (calls, responses) = (Family::default(), Family::default());
        let durations = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        let mut registry = Registry::with_prefix("roam_mcp");
        registry.register("tool_calls", "Calls of tools", Family::clone(&calls));
        registry.register(
            "tool_call_duration_seconds",
            "Time from a call to its answer, of the calls that got one from a tool or on its behalf",
            Family::clone(&durations),
        );
        registry.register("http_responses", "Answers to HTTP requests", Family::clone(&responses));
        registry.register_collector(Box::new(gauges::Watched::new(look)));
        Self { calls, durations, responses, registry: Arc::new(registry) }
    }

    /// Begins to measure a call. `tool` is the tool that was asked for; `None` for one that does not exist.
    pub fn begin(&self, plane: Plane, caller: &Caller, tool: Option<&'static str>) -> Measured {
        Measured {
            metrics: self.clone(),
            plane,
            caller: kind(caller),
            tool: tool.unwrap_or(NO_TOOL),
            began: Instant::now(),
            outcome: Outcome::GivenUp,
        }
    }

    /// Counts an answer to a request.
    pub fn responded(&self, plane: Plane, status: u16) {
        self.responses.get_or_create(&ResponseLabels { plane: plane.as_str(), status }).inc();
    }

    /// Everything as text.
    pub fn render(&self) -> String {
        let mut shown = String::new();
        // A string takes everything.
        let _ = text::encode(&mut shown, &self.registry);
        shown
    }
}

impl Measured {
    /// Says how it ended.
    pub fn ended(mut self, outcome: Outcome) {
        self.outcome = outcome;
    }
}

impl Drop for Measured {
    fn drop(&mut self) {
        let (tool, outcome) = (self.tool, self.outcome.as_str());
        let labels = CallLabels { plane: self.plane.as_str(), caller: self.caller, tool, outcome };
        self.metrics.calls.get_or_create(&labels).inc();
        if matches!(self.outcome, Outcome::Ok | Outcome::Failed) {
            let took = self.began.elapsed().as_secs_f64();
            self.metrics.durations.get_or_create(&ToolLabel { tool }).observe(took);
        }
    }
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Failed => "failed",
            Self::Denied => "denied",
            Self::Unknown => "unknown",
            Self::Error => "error",
            Self::GivenUp => "given-up",
        }
    }
}

fn kind(caller: &Caller) -> &'static str {
    match caller {
        Caller::User(_) => "user",
        Caller::Tagged(_) => "tagged",
        Caller::Public(_) => "credential",
        Caller::Admin => "admin",
    }
}
