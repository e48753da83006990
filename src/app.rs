//! `roam-mcp up`: puts the parts together, in the order in which they come to life.

mod door;
mod gauges;
mod graphs;
mod joining;
mod parts;
mod progress;
mod published;
mod reporter;
mod rules;
mod settings;
mod shared;
mod signals;
mod state_dir;
#[cfg(test)]
mod tests;
mod view;

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::Context;
use arc_swap::ArcSwap;
use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, watch};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

pub use door::DoorFlag;
pub use settings::Settings;
pub use state_dir::{StateDir, StateDirError};

use crate::access::Directory;
use crate::admin;
use crate::audit::Audit;
use crate::graph::Graphs;
use crate::http::{Names, Site};
use crate::mcp::Mcp;
use crate::metrics::Metrics;
use crate::net::{Limits, Listener, Server};
use crate::report::{CertificateState, Door, start_card};
use crate::tailnet::{Event, Kind, Node, NodeConfig, Status, WhoIsCache, keep_certificate};
use crate::tls::CertificateSlot;
use door::Latch;
use gauges::Watched;
use joining::{Credential, join};
use parts::Parts;
use progress::Progress;
use reporter::Reporter;
use rules::Rules;
use view::View;

/// Requests in flight when the program is told to stop have this long.
const DRAIN: Duration = Duration::from_secs(10);
/// Then the writes of callers who have left have this long, so that their outcome is on record.
const LAST_WRITES: Duration = Duration::from_secs(5);
/// Closing a node takes milliseconds; one that takes this long hangs and is left to the end of the process.
const CLOSE: Duration = Duration::from_secs(7);
/// The start card waits this long for the certificate and for the public door, and then says how they stand.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why `up` ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The credential, or without one the node itself, is not let in.
    #[error("the control server refused {0}: {1}\n{remedy}", remedy = .0.remedy())]
    Refused(Credential, String),
    /// The state directory cannot be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// Anything else, with its story.
    #[error("{}", crate::story::tell(.0.as_ref()))]
    Other(#[from] anyhow::Error),
}

/// Runs a node until SIGINT or SIGTERM, which is a good end.
///
/// # Errors
/// When it cannot start, the control server refuses it, or a part of it ends before it is asked to.
pub async fn up(settings: Settings, state: StateDir) -> Result<(), UpError> {
    let (stop, reload) = signals::listen_to().map_err(anyhow::Error::from)?;
    up_until(stop, reload, settings, state, Node::start).await
}

/// The same with the signals as arguments, and with what starts the node.
async fn up_until(
    stop: CancellationToken,
    reload: Arc<Notify>,
    mut settings: Settings,
    state: StateDir,
    start: impl AsyncFnOnce(&NodeConfig) -> io::Result<(Node, mpsc::UnboundedReceiver<Event>)>,
) -> Result<(), UpError> {
    let progress = Progress::new();
    let Some(graphs) = graphs::open(&settings, state.graphs()?, &progress, &stop).await? else { return Ok(()) };
    let http = shared::load(&mut settings, state.path())?;
    let audit = Audit::open(&state.audit()?, settings.audit).map_err(anyhow::Error::from)?;
    let (access, roam_tools) = (settings.access.clone(), settings.roam_tools.clone());
    let rules = Rules::open(access, http, roam_tools, state.path(), audit.clone())?;

    settings.node.dir = state.node()?;
    let (node, events) = start(&settings.node).await.map_err(anyhow::Error::from)?;
    let latch = Latch::new(state.door(), settings.funnel);
    let running = Running {
        started: jiff::Timestamp::now(),
        serving: Arc::default(),
        server: Server::new(Limits::of_this_process()),
        slot: CertificateSlot::new(),
        certificate: watch::Sender::new(CertificateState::Pending),
        door: watch::Sender::new(Door::Opening),
        whois: Arc::new(WhoIsCache::new(node.clone())),
        node: node.clone(),
        settings,
        state,
        view: Arc::default(),
        graphs,
        rules,
        reload,
        audit,
        latch,
        stop,
    };
    // The state directory is in `running`, and stays locked until the node has let go of what is in there.
    let result = running.run(events, &progress).await;
    close(&node).await;
    result
}

async fn close(node: &Node) {
    if tokio::time::timeout(CLOSE, node.close()).await.is_err() {
        tracing::error!("the tailnet node did not close in time");
    }
}

async fn bind(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let listener = TcpListener::bind(address).await;
    listener.with_context(|| format!("cannot listen on {address}; name another address with --listen"))
}

/// The parts of a node that runs.
struct Running {
    started: jiff::Timestamp,
    /// Set when the start is over.
    serving: Arc<AtomicBool>,
    server: Server,
    slot: CertificateSlot,
    certificate: watch::Sender<CertificateState>,
    door: watch::Sender<Door>,
    whois: Arc<WhoIsCache>,
    node: Node,
    settings: Settings,
    state: StateDir,
    view: Arc<View>,
    graphs: Graphs,
    rules: Arc<Rules>,
    reload: Arc<Notify>,
    audit: Audit,
    latch: Latch,
    stop: CancellationToken,
}

impl Running {
    async fn run(&self, events: mpsc::UnboundedReceiver<Event>, progress: &Progress) -> Result<(), UpError> {
        let parts = Parts::default();
        parts.spawn("the embedded tailnet node", view::follow(Arc::clone(&self.view), events, progress.clone()));
        let (router, mcp) = self.site(&parts);
        let mut listen = None;
        if let Some(address) = self.settings.listen {
            let listener = bind(address).await?;
            listen = listener.local_addr().ok();
            self.serve(&parts, &format!("the listener on {address}"), listener, None, &router);
        }
        let reporter = Arc::new(self.reporter(listen));
        // First of all the operator, who may have to know why the node is not in its tailnet yet.
        let operated = Arc::clone(&reporter) as Arc<dyn admin::Operated>;
        let admin = admin::router(operated, router.clone());
        self.serve(&parts, "the admin socket", self.state.admin_socket()?, None, &admin);
        parts.spawn("the public door", self.keeper(router.clone()).keep());
        parts.spawn("the record of refusals", self.audit.clone().keep(self.stop.clone()));
        parts.spawn("the copy of OpenAI's addresses", published::keep(Arc::clone(&self.rules), self.stop.clone()));
        // The node may wait long for a person, and `--listen` takes calls meanwhile.
        let watching = tokio::spawn(Arc::clone(&self.rules).watch(Arc::clone(&self.reload), self.stop.clone()));

        let ended = tokio::select! {
            // First, because all parts end with it.
            biased;
            () = self.stop.cancelled() => Ok(()),
            error = parts.broken() => Err(error.into()),
            Err(error) = self.run_in_tailnet(&parts, &router, &reporter, progress) => Err(error),
        };
        self.stop.cancel();
        self.finish(&mcp).await;
        // It writes down the last uses.
        drop(watching.await);
        ended
    }

    /// Gets into the tailnet and serves there; ends with an error alone.
    async fn run_in_tailnet(
        &self,
        parts: &Parts,
        router: &Router,
        reporter: &Reporter,
        progress: &Progress,
    ) -> Result<Infallible, UpError> {
        self.view.update(join(&self.node, &self.settings.node, &self.view, progress).await?);
        let name = self.view.certificate_name();
        let certificate = keep_certificate(self.node.clone(), name, self.slot.clone(), self.certificate.clone());
        parts.spawn("the keeper of the certificate", certificate);
        // HTTPS for all, and HTTP for when the tailnet has no certificates: inside it WireGuard encrypts either.
        for (port, tls) in [(443, Some(self.slot.acceptor())), (80, None)] {
            let listener = self.node.listen(Kind::Tailnet, port).await.map_err(anyhow::Error::from)?;
            self.serve(parts, &format!("the listener on port {port} of the tailnet"), listener, tls, router);
        }
        let (certificate, door) = (self.certificate.subscribe(), self.door.subscribe());
        settle("Getting a certificate", progress, certificate, |state| *state != CertificateState::Pending).await;
        settle("Opening Funnel", progress, door, |door| *door != Door::Opening).await;
        self.serving.store(true, Ordering::Relaxed);
        progress.print(&start_card(&reporter.report(self.settings.show_secrets).await));
        pending().await
    }

    fn serve<L: Listener>(&self, parts: &Parts, name: &str, listener: L, tls: Option<TlsAcceptor>, router: &Router) {
        let (server, router, stop) = (self.server.clone(), router.clone(), self.stop.clone());
        parts.spawn(name, async move { server.serve(listener, tls, router, stop).await });
    }

    /// Waits for what was begun, as long as is fair, and for the record of it.
    async fn finish(&self, mcp: &Mcp) {
        tracing::info!("stopping");
        match self.server.drain(DRAIN).await {
            0 => {}
            cut => tracing::warn!(connections = cut, "cut at the end of their time"),
        }
        if tokio::time::timeout(LAST_WRITES, mcp.finish()).await.is_err() {
            tracing::warn!("a write was cut; its outcome is not on record");
        }
        if tokio::time::timeout(LAST_WRITES, self.audit.flush()).await.is_err() {
            tracing::error!("the audit log's disk hangs; its last records are lost");
        }
    }

    /// The router and the service behind it, and the task that keeps what follows from the node's own record in step with it.
    fn site(&self, parts: &Parts) -> (Router, Mcp) {
        let (rules, whois) = (Arc::clone(&self.rules), Arc::clone(&self.whois));
        let watched = Watched {
            started: self.started,
            server: self.server.clone(),
            slot: self.slot.clone(),
            door: self.door.subscribe(),
            audit: self.audit.clone(),
        };
        let metrics = Metrics::new(move || watched.look());
        let mcp = Mcp::new(&self.graphs, &rules.policy, &self.audit, &metrics, &rules.outside);
        let site = Arc::new(Site {
            policy: Arc::clone(&rules.policy),
            names: ArcSwap::from_pointee(Names::default()),
            keys: Arc::clone(&rules.keys),
            gate: Arc::clone(&rules.gate),
            directory: Arc::clone(&whois) as Arc<dyn Directory>,
            audit: self.audit.clone(),
            mcp: mcp.clone(),
            metrics,
        });
        let router = crate::http::router(Arc::clone(&site));
        let (extra, ports) = (self.rules.http().allowed_hosts, [443, self.settings.funnel_port]);
        let apply = move |status: &Status| {
            whois.clear();
            rules.set_owner(status.owner.as_ref());
            site.names.store(Arc::new(Names::new(&status.name, &status.addresses, &extra, &ports)));
        };
        let mut changes = self.view.subscribe();
        apply(&changes.borrow_and_update());
        parts.spawn("what follows the node's record", async move {
            while changes.changed().await.is_ok() {
                apply(&changes.borrow_and_update());
            }
        });
        (router, mcp)
    }

    /// `listen` is where calls are taken on this machine.
    fn reporter(&self, listen: Option<SocketAddr>) -> Reporter {
        Reporter {
            started: self.started,
            serving: Arc::clone(&self.serving),
            node: self.node.clone(),
            view: Arc::clone(&self.view),
            graphs: self.graphs.clone(),
            rules: Arc::clone(&self.rules),
            whois: Arc::clone(&self.whois),
            listen,
            funnel_port: self.settings.funnel_port,
            certificate: self.certificate.subscribe(),
            door: self.door.subscribe(),
            latch: self.latch.clone(),
            server: self.server.clone(),
            audit: self.audit.clone(),
        }
    }

    fn keeper(&self, router: Router) -> door::Keeper<Node> {
        door::Keeper {
            ingress: self.node.clone(),
            port: self.settings.funnel_port,
            server: self.server.clone(),
            tls: Some(self.slot.acceptor()),
            router,
            latch: self.latch.clone(),
            status: self.view.subscribe(),
            door: self.door.clone(),
            stop: self.stop.clone(),
        }
    }
}

/// Shows a step until `state` has settled, one way or the other.
async fn settle<T: ToString + Send + Sync>(
    name: &str,
    progress: &Progress,
    mut state: watch::Receiver<T>,
    settled: impl FnMut(&T) -> bool,
) {
    let step = progress.step(name);
    match tokio::time::timeout(PATIENCE, state.wait_for(settled)).await {
        Ok(Ok(state)) => step.done(&state.to_string()),
        _ => step.done("This takes long; the node goes on trying"),
    }
}
