//! What the handlers behind `guard` see.

use std::net::IpAddr;
use std::pin::Pin;

use axum::body::{Body, to_bytes};
use axum::http::HeaderMap;
use tower::ServiceExt;

use super::*;
use crate::access::{Caller, Sources};
use crate::audit::AuditSettings;
use crate::config::LimitsSection;
use crate::graph::Graphs;
use crate::metrics::Gauges;

struct Nobody;

impl Directory for Nobody {
    fn who_is(&self, _: IpAddr) -> Pin<Box<dyn Future<Output = Option<Caller>> + Send + '_>> {
        Box::pin(std::future::ready(None))
    }
}

fn site(dir: &std::path::Path) -> Arc<Site> {
    let (graphs, policy) = (Graphs::new(Vec::new()).unwrap(), Arc::default());
    let audit = Audit::open(dir, AuditSettings::default()).unwrap();
    let metrics = Metrics::new(Gauges::default);
    let gate = Gate::new(Sources::unlisted(), false, Vec::new(), LimitsSection::default());
    Arc::new(Site {
        names: ArcSwap::from_pointee(Names::new("roam", &[], &[], &[443])),
        keys: Arc::default(),
        gate: Arc::new(ArcSwap::from_pointee(gate)),
        directory: Arc::new(Nobody),
        mcp: Mcp::new(&graphs, &policy, &audit, &metrics, &Arc::default()),
        policy,
        audit,
        metrics,
    })
}

#[tokio::test]
async fn no_handler_sees_an_identity_that_a_client_claims_on_any_plane() {
    let dir = tempfile::tempdir().unwrap();
    let site = site(dir.path());
    let names = async |headers: HeaderMap| headers.keys().map(|name| format!("{name} ")).collect::<String>();
    let behind = Router::new().route("/", any(names)).layer(middleware::from_fn_with_state(site, guard));
    let (private, public) = ("100.64.0.7:4711".parse().unwrap(), "203.0.113.7:4711".parse().unwrap());
    for peer in [Peer::Tailnet { address: private }, Peer::Funnel { source: public }, Peer::Admin] {
        let mut request = Request::builder().uri("/").header(header::HOST, "roam").extension(peer);
        for claim in ["Tailscale-User-Login", "Tailscale-App-Capabilities", "X-Forwarded-For", "X-Forwarded-User"] {
            request = request.header(claim, "operator@example.com");
        }
        let response = behind.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(response.status(), 200, "{peer:?}");
        let seen = to_bytes(response.into_body(), 1 << 10).await.unwrap();
        assert_eq!(seen, "host ", "{peer:?}");
    }
}
