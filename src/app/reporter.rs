//! What a running node does for its operator: reports from its parts, and orders to its door.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::watch;

use super::door::{self, Latch};
use super::rules::Rules;
use super::view::View;
use crate::admin::{Answer, DoorOrder, Operated};
use crate::config::HttpSection;
use crate::graph::{Graph, Graphs};
use crate::net::Server;
use crate::report::{CertificateState, Door, NodeReport, Report, Urls};
use crate::secret::Secret;
use crate::tailnet::{Node, Status, WhoIsCache};

pub(super) struct Reporter {
    pub(super) started: Timestamp,
    pub(super) node: Node,
    pub(super) view: Arc<View>,
    pub(super) graphs: Graphs,
    pub(super) http: HttpSection,
    pub(super) rules: Arc<Rules>,
    pub(super) whois: Arc<WhoIsCache>,
    pub(super) funnel_port: u16,
    pub(super) certificate: watch::Receiver<CertificateState>,
    pub(super) door: watch::Receiver<Door>,
    pub(super) latch: Latch,
    pub(super) server: Server,
}

impl Operated for Reporter {
    fn report(&self, secrets: bool) -> Answer<'_, Report> {
        Box::pin(self.report(secrets))
    }

    fn turn(&self, order: DoorOrder) -> Answer<'_, Result<Door, String>> {
        Box::pin(door::obey(&self.latch, self.door.clone(), order))
    }
}

impl Reporter {
    pub(super) async fn report(&self, show_secrets: bool) -> Report {
        let status = match self.node.status().await {
            Ok(status) => status,
            Err(error) => {
                tracing::warn!(%error, "the node does not tell its status");
                self.view.status()
            }
        };
        Report {
            version: env!("CARGO_PKG_VERSION").into(),
            pid: std::process::id(),
            started: self.started,
            urls: self.urls(&status.name, show_secrets),
            node: node_report(status),
            certificate: self.certificate.borrow().clone(),
            funnel: self.door.borrow().clone(),
            graphs: self.graphs.list().iter().map(Graph::name).map(str::to_owned).collect(),
            connections: self.server.open(),
            problems: self.rules.problems().into_iter().chain(self.whois.malformed()).collect(),
        }
    }

    fn urls(&self, name: &str, show_secrets: bool) -> Urls {
        let shown = |secret: &Secret| if show_secrets { secret.expose().to_owned() } else { secret.masked() };
        let public = match self.funnel_port {
            443 => format!("https://{name}"),
            port => format!("https://{name}:{port}"),
        };
        let secret = self.http.path_secret.as_ref();
        Urls {
            tailnet: format!("https://{name}/mcp"),
            tailnet_plain: format!("http://{name}/mcp"),
            public_secret: secret.map(|secret| format!("{public}/{}/mcp", shown(secret))),
            public: format!("{public}/mcp"),
            token: shown(&self.http.token),
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
