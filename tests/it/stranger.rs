//! What a stranger can learn or break, with no network in between.

use std::hint::black_box;
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::http::Request;
use roam_mcp::access::{Caller, Credential, CredentialKind, Directory, Level, Peer, Rule, Sources};
use roam_mcp::audit::{Audit, AuditSettings};
use roam_mcp::config::LimitsSection;
use roam_mcp::credentials::{Key, Keyring, Keys};
use roam_mcp::graph::Graphs;
use roam_mcp::http::{Gate, Names, Site, router};
use roam_mcp::mcp::Mcp;
use roam_mcp::metrics::{Gauges, Metrics};
use roam_mcp::secret::Secret;
use tower::ServiceExt;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
/// Requests whose time is taken together.
const BATCH: u32 = 50;
const BATCHES: u32 = 60;

struct Nobody;

impl Directory for Nobody {
    fn who_is(&self, _: IpAddr) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + '_>> {
        Box::pin(std::future::ready(None))
    }
}

/// The server's routes, with twenty path secrets that open them.
fn site(dir: &Path) -> Router {
    let keys = (0..20).map(|n| {
        let secret = if n == 10 { SECRET.to_owned() } else { format!("{n:032x}") };
        let rule = Rule::everything(Level::Full);
        Key::plain(&Secret::from(secret), Credential { name: format!("c{n}"), kind: CredentialKind::Path, rule })
    });
    let (graphs, policy) = (Graphs::new(Vec::new()).unwrap(), Arc::default());
    let audit = Audit::open(dir, AuditSettings::default()).unwrap();
    let metrics = Metrics::new(Gauges::default);
    let all = Keys::default();
    all.replace(keys.collect::<Keyring>());
    let many = NonZeroU32::MAX;
    let limits = LimitsSection { per_minute: many, burst: many, concurrent: many, strangers_per_minute: many };
    router(Arc::new(Site {
        names: arc_swap::ArcSwap::from_pointee(Names::new("roam", &[], &[], &[443])),
        keys: Arc::new(all),
        gate: Arc::new(arc_swap::ArcSwap::from_pointee(Gate::new(Sources::unlisted(), false, Vec::new(), limits))),
        directory: Arc::new(Nobody),
        mcp: Mcp::new(&graphs, &policy, &audit, &metrics, &Arc::default()),
        policy,
        audit,
        metrics,
    }))
}

/// The quickest batch of requests for a path: whatever else the machine does can only add to it.
async fn quickest(site: &Router, paths: &[String]) -> Vec<Duration> {
    let peer = Peer::Funnel { source: "192.0.2.1:1".parse().unwrap() };
    let mut best = vec![Duration::MAX; paths.len()];
    for _ in 0..BATCHES {
        // One after the other, so that a busy time of the machine is everybody's.
        for (best, path) in best.iter_mut().zip(paths) {
            let start = Instant::now();
            for _ in 0..BATCH {
                let mut request = Request::post(path).header("host", "roam").body(Body::empty()).unwrap();
                request.extensions_mut().insert(peer);
                let reply = site.clone().oneshot(request).await.unwrap();
                assert_eq!(black_box(reply).status(), 404, "{path}");
            }
            *best = start.elapsed().min(*best);
        }
    }
    best
}

#[tokio::test]
async fn a_secret_that_is_nearly_right_takes_as_long_as_any_unknown_path() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path());
    let nearly = format!("{}0", &SECRET[..31]);
    let wrong = "f".repeat(32);
    let paths = [
        format!("/{wrong}/mcp"),
        format!("/{nearly}/mcp"),
        format!("/mcp/{nearly}"),
        format!("/{wrong}/{wrong}"),
        format!("/{wrong}"),
    ];
    let close = |times: &[Duration]| {
        let (least, most) = (times.iter().min().unwrap(), times.iter().max().unwrap());
        most.as_secs_f64() / least.as_secs_f64() < 1.15
    };
    // A machine that is busy all the time may need another look; a difference that is there shows in each.
    let mut seen = Vec::new();
    for _ in 0..5 {
        let times = quickest(&site, &paths).await;
        if close(&times) {
            return;
        }
        seen.push(times);
    }
    panic!("they can be told apart: {seen:?}");
}

/// Sends one request as a stranger; the status of the answer.
fn status(
    site: &Router,
    runtime: &tokio::runtime::Runtime,
    method: &str,
    path: &str,
    headers: &[(String, Vec<u8>)],
) -> Option<u16> {
    let mut request = Request::builder().method(method).uri(path).header("host", "roam");
    for (name, value) in headers {
        request = request.header(name.as_str(), value.as_slice());
    }
    // What is no request at all never gets as far as this.
    let mut request = request.body(Body::from(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)).ok()?;
    request.extensions_mut().insert(Peer::Funnel { source: "192.0.2.1:1".parse().unwrap() });
    Some(runtime.block_on(site.clone().oneshot(request)).unwrap().status().as_u16())
}

#[tokio::test]
async fn an_address_that_the_tailnet_does_not_know_is_nobody_whatever_it_shows() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path());
    for address in ["192.168.1.5:1", "100.64.0.9:1", "[fd7a:115c:a1e0::9]:1"] {
        for path in ["/mcp".to_owned(), format!("/{SECRET}/mcp"), "/metrics".to_owned()] {
            let mut request = Request::post(&path).header("host", "roam").body(Body::empty()).unwrap();
            request.extensions_mut().insert(Peer::Tailnet { address: address.parse().unwrap() });
            let status = site.clone().oneshot(request).await.unwrap().status();
            assert_eq!(status, if path == "/metrics" { 404 } else { 403 }, "{address} {path}");
        }
    }
}

proptest::proptest! {
    #[test]
    fn whatever_a_stranger_sends_is_refused_and_harms_nothing(
        method in "GET|POST|PUT|DELETE|OPTIONS|X[A-Z]{0,5}",
        path in "/(mcp|metrics|status|[!-~]{0,40})(/(mcp|[!-~]{0,40}))?(\\?[!-~]{0,20})?",
        headers in proptest::collection::vec(("(authorization|origin|host|accept|mcp-[a-z]{1,9}|x-forwarded-for|[a-z-]{1,12})", "[ -~\u{80}-\u{ff}]{0,60}"), 0..6),
    ) {
        use proptest::prelude::prop_assert;
        static SITE: std::sync::OnceLock<(tempfile::TempDir, Router, tokio::runtime::Runtime)> = std::sync::OnceLock::new();
        let (_, site, runtime) = SITE.get_or_init(|| {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
            let dir = tempfile::tempdir().unwrap();
            let site = { let _in = runtime.enter(); site(dir.path()) };
            (dir, site, runtime)
        });
        let headers: Vec<_> = headers.into_iter().map(|(name, value)| (name, value.into_bytes())).collect();
        if let Some(status) = status(site, runtime, &method, &path, &headers) {
            prop_assert!(matches!(status, 400 | 401 | 403 | 404), "{status} to {method} {path} {headers:?}");
        }
        // It goes on working for everybody else.
        prop_assert!(status(site, runtime, "GET", "/health", &[]) == Some(200));
    }
}
