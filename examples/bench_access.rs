//! What the access layer costs: `bench_access [DOCUMENT]` prints the figures, and writes them into the document.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a program for the terminal that may stop at any trouble"
)]

#[path = "support/figures.rs"]
mod figures;

use std::hint::black_box;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use figures::Figures;
use roam_mcp::access::{
    self, Caller, Credential, CredentialKind, Directory, Level, Operation, Origin, Peer, Policy, Rule, Sources,
    TailnetUser,
};
use roam_mcp::audit::{Audit, AuditSettings, Subject};
use roam_mcp::config::LimitsSection;
use roam_mcp::credentials::{Key, Keyring, Keys};
use roam_mcp::graph::Graphs;
use roam_mcp::http::{Gate, Names, Site, router};
use roam_mcp::mcp::Mcp;
use roam_mcp::metrics::{Gauges, Metrics};
use roam_mcp::secret::Secret;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

const ROUNDS: u32 = 2_000;
const REQUESTS: usize = 20_000;
const RECORDS: u32 = 200_000;
/// The credential that requests show is the last of so many.
const KEYS: usize = 20;

#[tokio::main(worker_threads = 2)]
async fn main() {
    let mut figures = Figures::of("figures of access");
    decisions(&mut figures);
    requests(&mut figures).await;
    records(&mut figures).await;
    figures.write(std::env::args().nth(1).as_deref()).unwrap();
}

fn decisions(figures: &mut Figures) {
    let grants: Vec<_> = (0..100)
        .map(|n| json!({"access": "read-append", "graphs": [format!("graph-{n}")], "tools": ["search*", "get_*", "create_*"]}))
        .collect();
    let grants = Rule::from_grants(&grants).0;
    let user = TailnetUser { id: 8, login: "alice@example.com".into(), node: "laptop".into(), grants };
    let (policy, caller) = (Policy::default(), Caller::User(user));
    for (what, graph) in [("the last of 100 rules allows", "graph-99"), ("none of 100 rules allows", "diary")] {
        let operation = Operation { tool: "create_block", needs: Level::ReadAppend, graph: Some(graph) };
        let took = quickest(|| drop(black_box(access::decide(&policy, black_box(&caller), &operation))));
        figures.row(&format!("`decide`, {what}"), &micros(took), "≤ 1 µs", took <= Duration::from_micros(1));
    }
}

/// The time of one round, in the quickest of fifty batches: whatever else the machine does can only add to it.
fn quickest(mut round: impl FnMut()) -> Duration {
    let mut batch = || {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            round();
        }
        start.elapsed() / ROUNDS
    };
    (0..50).map(|_| batch()).min().unwrap_or_default()
}

/// What a call pays for being allowed, in this process: all checks before MCP, by a request that ends behind them, and
/// then the decision with its records.
async fn requests(figures: &mut Figures) {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let site = site(dir.path());
    let peer = Peer::Funnel { source: "192.0.2.1:1".parse().unwrap() };
    let token = format!("Bearer {:064}", KEYS - 1);
    let checks = median(async || {
        let request = Request::get("/mcp").header("host", "roam").header("authorization", &token);
        let mut request = request.body(Body::empty()).unwrap();
        request.extensions_mut().insert(peer);
        // Whom it lets in, it tells to use POST.
        assert_eq!(site.clone().oneshot(request).await.unwrap().status(), 405);
    })
    .await;

    let audit = Audit::open(other.path(), AuditSettings::default()).unwrap();
    let rule = Rule::everything(Level::Full);
    let caller = Caller::Public(Arc::new(Credential { name: "claude".into(), kind: CredentialKind::Bearer, rule }));
    let (policy, arguments) = (Policy::default(), arguments());
    let decision = median(async || {
        let operation = Operation { tool: "search", needs: Level::ReadOnly, graph: Some("garden") };
        let permit = access::decide(&policy, &caller, &operation).unwrap();
        let subject = Subject::new(peer, &caller, operation.tool, operation.graph, operation.needs);
        audit
            .allowed(&subject, permit.origin(), access::grant(&caller, permit.origin()), false, &arguments)
            .await
            .unwrap();
        audit.ended(subject, false, Duration::ZERO).await;
    })
    .await;
    let layer = checks + decision;
    figures.row(
        "the access layer of a call, p50: names, proxy, credential, limits; decision and two records",
        &format!("{} ({} + {})", micros(layer), micros(checks), micros(decision)),
        "≤ 60 µs",
        layer <= Duration::from_micros(60),
    );
}

fn arguments() -> Map<String, Value> {
    [("query".to_owned(), json!("eclipse tree")), ("limit".to_owned(), json!(20))].into_iter().collect()
}

async fn median(mut round: impl AsyncFnMut()) -> Duration {
    let mut times = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let start = Instant::now();
        round().await;
        times.push(start.elapsed());
    }
    times.sort_unstable();
    times[REQUESTS / 2]
}

struct Nobody;

impl Directory for Nobody {
    fn who_is(&self, _: IpAddr) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + '_>> {
        Box::pin(std::future::ready(None))
    }
}

fn site(dir: &Path) -> Router {
    let keys = (0..KEYS).map(|n| {
        let credential =
            Credential { name: format!("c{n}"), kind: CredentialKind::Bearer, rule: Rule::everything(Level::Full) };
        Key::plain(&Secret::from(format!("{n:064}")), credential)
    });
    let all = Keys::default();
    all.replace(keys.collect::<Keyring>());
    let many = NonZeroU32::MAX;
    let limits = LimitsSection { per_minute: many, burst: many, concurrent: many, strangers_per_minute: many };
    let (graphs, policy) = (Graphs::new(Vec::new()).unwrap(), Arc::default());
    let (audit, metrics) = (Audit::open(dir, AuditSettings::default()).unwrap(), Metrics::new(Gauges::default));
    router(Arc::new(Site {
        names: ArcSwap::from_pointee(Names::new("roam", &[], &[], &[443])),
        keys: Arc::new(all),
        gate: Arc::new(ArcSwap::from_pointee(Gate::new(Sources::unlisted(), false, Vec::new(), limits))),
        directory: Arc::new(Nobody),
        mcp: Mcp::new(&graphs, &policy, &audit, &metrics, &Arc::default()),
        policy,
        audit,
        metrics,
    }))
}

async fn records(figures: &mut Figures) {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(dir.path(), AuditSettings::default()).unwrap();
    let subject = Subject::new(Peer::Admin, &Caller::Admin, "create_block", Some("garden"), Level::ReadAppend);
    let arguments = &arguments();
    let start = Instant::now();
    for _ in 0..RECORDS {
        audit.allowed(&subject, Origin::Operator, None, false, arguments).await.unwrap();
    }
    // This one is on disk, and so are all before it.
    audit.allowed(&subject, Origin::Operator, None, true, arguments).await.unwrap();
    let rate = f64::from(RECORDS) / start.elapsed().as_secs_f64();
    figures.row("audit records, to the disk", &format!("{rate:.0} /s"), "≥ 20,000 /s", rate >= 20_000.0);
}

fn micros(time: Duration) -> String {
    format!("{:.2} µs", time.as_secs_f64() * 1e6)
}
