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
/// The path secret that is good from another source than the stranger's.
const ELSEWHERE: &str = "fedcba9876543210fedcba9876543210";
/// Requests whose time is taken together.
const BATCH: u32 = 8;
/// Times that are compared, of either path.
const SAMPLES: usize = 400;
/// By chance, once in some five hundred million looks.
const FAR: f64 = 6.0;
/// The part of the time of a request that is not looked for. What a network adds varies by more than a whole request takes.
const MARGIN: f64 = 0.04;
/// The part that must be found.
const PLANTED: f64 = 0.15;

struct Nobody;

impl Directory for Nobody {
    fn who_is(&self, _: IpAddr) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + '_>> {
        Box::pin(std::future::ready(None))
    }
}

/// The server's routes, with twenty path secrets that open them.
fn site(dir: &Path) -> Router {
    let keys = (0..20).map(|n| {
        let secret = match n {
            9 => ELSEWHERE.to_owned(),
            10 => SECRET.to_owned(),
            _ => format!("{n:032x}"),
        };
        let rule = Rule::everything(Level::Full);
        let credential = Credential { name: format!("c{n}"), kind: CredentialKind::Path, rule };
        let key = Key::plain(&Secret::from(secret), credential);
        if n == 9 { key.only_from(vec!["198.51.100.0/24".parse().unwrap()]) } else { key }
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

/// The time of one request for a path, in the middle of a few.
async fn time(site: &Router, path: &str, delay: Duration) -> Duration {
    let start = Instant::now();
    for _ in 0..BATCH {
        let mut request = Request::post(path).header("host", "roam").body(Body::empty()).unwrap();
        request.extensions_mut().insert(Peer::Funnel { source: "192.0.2.1:1".parse().unwrap() });
        let reply = site.clone().oneshot(request).await.unwrap();
        assert_eq!(black_box(reply).status(), 404, "{path}");
        let began = Instant::now();
        while began.elapsed() < delay {
            std::hint::spin_loop();
        }
    }
    start.elapsed() / BATCH
}

/// How far two samples are apart, in standard deviations of what they would be by chance (Mann and Whitney, normal
/// approximation; ties are too few to count). It asks only which time of a pair is longer, so a pause of the machine weighs no
/// more than any other longer time.
fn apart(one: &[Duration], other: &[Duration]) -> f64 {
    let mut all: Vec<(Duration, bool)> =
        one.iter().map(|&time| (time, true)).chain(other.iter().map(|&time| (time, false))).collect();
    all.sort_unstable();
    let ranks = all.iter().enumerate().filter(|(_, (_, is_one))| *is_one).map(|(at, _)| at as f64 + 1.0);
    let (n, m) = (one.len() as f64, other.len() as f64);
    let u = ranks.sum::<f64>() - n * (n + 1.0) / 2.0;
    (u - n * m / 2.0) / (n * m * (n + m + 1.0) / 12.0).sqrt()
}

/// How far requests for two paths are apart, of which the second takes `delay` longer. Taken in turns, so that a busy time
/// of the machine is both's.
async fn compared(site: &Router, paths: [&str; 2], delay: Duration) -> f64 {
    let (mut one, mut other) = (Vec::new(), Vec::new());
    for round in 0..SAMPLES {
        // Whoever comes first finds other caches.
        if round % 2 == 0 {
            one.push(time(site, paths[0], Duration::ZERO).await);
            other.push(time(site, paths[1], delay).await);
        } else {
            other.push(time(site, paths[1], delay).await);
            one.push(time(site, paths[0], Duration::ZERO).await);
        }
    }
    beyond(&one, &other).max(beyond(&other, &one))
}

/// How far the second sample is above the first one with [`MARGIN`] added.
fn beyond(one: &[Duration], other: &[Duration]) -> f64 {
    let raised: Vec<_> = one.iter().map(|time| time.mul_f64(1.0 + MARGIN)).collect();
    -apart(&raised, other)
}

#[test]
fn samples_that_differ_are_apart_and_others_are_not() {
    let times =
        |offset: u64| (0..200).map(|n| Duration::from_nanos(1000 + offset + n * 7919 % 100)).collect::<Vec<_>>();
    assert!(apart(&times(0), &times(0)).abs() < 1.0);
    assert!(apart(&times(0), &times(50)) < -FAR && apart(&times(50), &times(0)) > FAR);
}

#[tokio::test]
async fn a_secret_that_is_nearly_right_or_right_elsewhere_takes_as_long_as_any_unknown_path() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path());
    let wrong = format!("/{}/mcp", "f".repeat(32));
    for (what, path) in [
        ("nearly right", format!("/{}0/mcp", &SECRET[..31])),
        ("nearly right, behind", format!("/mcp/{}0", &SECRET[..31])),
        ("right, from another source", format!("/{ELSEWHERE}/mcp")),
        ("no secret path", format!("/{}/xyz", "f".repeat(32))),
    ] {
        // A machine that is busy all the time may need another look; a difference that is there shows in each.
        let mut seen = Vec::new();
        while seen.last().is_none_or(|&apart| apart > FAR) {
            assert!(seen.len() < 4, "{what} can be told apart: {seen:?}");
            seen.push(compared(&site, [&wrong, &path], Duration::ZERO).await);
        }
    }
    let mut seen = Vec::new();
    while seen.last().is_none_or(|&apart| apart < FAR) {
        assert!(seen.len() < 4, "a difference that is there is not found: {seen:?}");
        let planted = time(&site, &wrong, Duration::ZERO).await.mul_f64(PLANTED);
        seen.push(compared(&site, [&wrong, &wrong], planted).await);
    }
}

/// Sends one request as a stranger; the status of the answer.
fn status(
    site: &Router,
    runtime: &tokio::runtime::Runtime,
    method: &str,
    path: &str,
    headers: &[(String, Vec<u8>)],
) -> Option<u16> {
    let mut request = Request::builder().method(method).uri(path);
    if !headers.iter().any(|(name, _)| name == "host") {
        request = request.header("host", "roam");
    }
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
