//! What a running node does for its operator: reports from its parts, and orders to its door.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::Timestamp;
use tokio::sync::watch;

use super::door::{self, Latch};
use super::rules::Rules;
use super::view::View;
use crate::access::Rule;
use crate::admin::{Answer, DoorOrder, Operated, Turned};
use crate::audit::{Audit, Event};
use crate::explain::{Explanation, Question, Unknown};
use crate::graph::{Graph, Graphs};
use crate::net::Server;
use crate::report::{Allowed, CertificateState, Door, NodeReport, RUNNING, Report, Urls};
use crate::secret::Secret;
use crate::story;
use crate::tailnet::{Node, Status, WhoIsCache};

/// What `status` says after a start that found the log other than it was written.
const AUDIT_DAMAGED: &str = "the audit log was not as it was written when the node was started; `roam-mcp audit verify` says \
what is wrong";

/// What `status` says while records are lost.
const AUDIT_FAILS: &str = "the audit log cannot be written; the node's own log says why. Until it can be, what writes is \
refused, unless the node was started with --audit-failure log";

pub(super) struct Reporter {
    pub(super) started: Timestamp,
    pub(super) serving: Arc<AtomicBool>,
    pub(super) node: Node,
    pub(super) view: Arc<View>,
    pub(super) graphs: Graphs,
    pub(super) rules: Arc<Rules>,
    pub(super) whois: Arc<WhoIsCache>,
    pub(super) listen: Option<SocketAddr>,
    pub(super) funnel_port: u16,
    pub(super) certificate: watch::Receiver<CertificateState>,
    pub(super) door: watch::Receiver<Door>,
    pub(super) latch: Latch,
    pub(super) server: Server,
    pub(super) audit: Audit,
}

impl Operated for Reporter {
    fn report(&self, secrets: bool) -> Answer<'_, Report> {
        if secrets {
            self.audit.note(Event::Ordered { order: "status --show-secrets".into() });
        }
        Box::pin(self.report(secrets))
    }

    fn turn(&self, order: DoorOrder) -> Answer<'_, Result<Turned, String>> {
        Box::pin(async move {
            let joined = self.view.status().state == RUNNING;
            let revoke = async {
                match order {
                    DoorOrder::Shut { revoke: true } => self.revoke().await.map(Some),
                    _ => Ok(None),
                }
            };
            // At the same time, whatever becomes of either: closing what is open takes longer than making keys worthless.
            let (revoked, door) = tokio::join!(revoke, door::obey(&self.latch, self.door.clone(), order, joined));
            self.audit.ordered(format!("funnel {order}")).await;
            let direct = match order {
                DoorOrder::Shut { .. } => self.listen.map(|address| address.to_string()),
                DoorOrder::Open { .. } => None,
            };
            Ok(Turned { revoked: revoked?, door: door?, direct })
        })
    }

    fn explain(&self, question: &Question) -> Result<Explanation, Unknown> {
        self.rules.explain(question, &self.whois.seen(), &self.graphs)
    }
}

impl Reporter {
    async fn revoke(&self) -> Result<usize, String> {
        let rules = Arc::clone(&self.rules);
        let revoked = tokio::task::spawn_blocking(move || rules.revoke_public()).await;
        revoked.map_err(|error| error.to_string())?.map_err(|error| story::tell(error.as_ref()))
    }

    pub(super) async fn report(&self, show_secrets: bool) -> Report {
        let status = match self.node.status().await {
            Ok(status) => status,
            Err(error) => {
                // As it is before the node has joined.
                tracing::debug!(%error, "the node does not tell its status");
                self.view.status()
            }
        };
        let mut report = Report {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            started: self.started,
            serving: self.serving.load(Ordering::Relaxed),
            urls: Urls::default(),
            allowed: self.allowed(),
            node: node_report(status),
            certificate: self.certificate.borrow().clone(),
            funnel: self.door.borrow().clone(),
            graphs: self.graphs.list().iter().map(Graph::name).map(str::to_owned).collect(),
            connections: self.server.open(),
            problems: self.problems(),
        };
        let name = report.joined().then_some(report.node.name.as_str()).filter(|name| !name.is_empty());
        report.urls = self.urls(name, show_secrets);
        report
    }

    fn problems(&self) -> Vec<String> {
        let graphs = self.graphs.list();
        let named = |graph: &Graph| (graph.name().to_owned(), graph.given_nickname().to_owned());
        let idle = self.rules.idle(&self.whois.seen(), &graphs.iter().map(named).collect::<Vec<_>>());
        let files = self.rules.problems().into_iter().chain(idle).chain(self.graphs.problems());
        let audit = self.audit.is_failing().then(|| AUDIT_FAILS.to_owned());
        let damaged = self.audit.was_damaged().then(|| AUDIT_DAMAGED.to_owned());
        files.chain(self.whois.malformed()).chain(damaged).chain(audit).collect()
    }

    fn allowed(&self) -> Allowed {
        let (policy, gate) = (self.rules.policy.load(), self.rules.gate.load());
        let level = |rule: &Option<Rule>| rule.as_ref().map(|rule| rule.access);
        Allowed {
            owner: level(&policy.for_owner),
            others: level(&policy.for_others),
            public: level(&policy.for_public),
            require_both: gate.require_both,
            listed_sources: gate.sources.is_listed(),
        }
    }

    /// Without a `name` the node is not in its tailnet yet.
    fn urls(&self, name: Option<&str>, show_secrets: bool) -> Urls {
        let shown = |secret: &Secret| if show_secrets { secret.expose().to_owned() } else { secret.masked() };
        let public = name.map(|name| match self.funnel_port {
            443 => format!("https://{name}"),
            port => format!("https://{name}:{port}"),
        });
        let http = self.rules.http();
        let secret = http.path_secret.as_ref();
        Urls {
            tailnet: name.map(|name| format!("https://{name}/mcp")),
            tailnet_plain: name.map(|name| format!("http://{name}/mcp")),
            public_secret: public.as_ref().zip(secret).map(|(url, secret)| format!("{url}/{}/mcp", shown(secret))),
            public: public.map(|url| format!("{url}/mcp")),
            direct: self.listen.map(|address| format!("http://{address}/mcp")),
            token: shown(&http.token),
            masked: !show_secrets,
        }
    }
}

fn node_report(status: Status) -> NodeReport {
    NodeReport {
        name: status.name,
        tailnet: status.tailnet,
        state: status.state,
        online: status.online,
        addresses: status.addresses,
        owner: status.owner.map(|owner| owner.login),
        tags: status.tags,
        key_expiry: status.key_expiry,
        login_url: Some(status.login_url).filter(|url| !url.is_empty()),
        health: status.health.into_iter().map(|warning| format!("{}: {}", warning.title, warning.text)).collect(),
    }
}
