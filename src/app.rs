//! `roam-mcp up`: puts the parts together, in the order in which they come to life.

mod door;
mod graphs;
mod progress;
mod reporter;
mod rules;
mod settings;
mod shared;
mod signals;
mod state_dir;
mod view;

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use door::DoorFlag;
pub use settings::Settings;
pub use state_dir::{StateDir, StateDirError};

use crate::access::Directory;
use crate::admin;
use crate::audit::Audit;
use crate::config::HttpSection;
use crate::graph::Graphs;
use crate::http::{Names, Site};
use crate::mcp::Mcp;
use crate::net::{Limits, Server};
use crate::report::{CertificateState, Door, start_card};
use crate::tailnet::{ErrorKind, Kind, Node, NodeError, Status, WhoIsCache, keep_certificate};
use crate::tls::CertificateSlot;
use crate::tools::Outside;
use door::Latch;
use progress::Progress;
use reporter::Reporter;
use rules::Rules;
use view::View;

/// Requests in flight when the program is told to stop have this long.
const DRAIN: Duration = Duration::from_secs(10);
/// Closing a node takes milliseconds; one that takes this long hangs and is left to the end of the process.
const CLOSE: Duration = Duration::from_secs(7);
/// A control server that answers does so in a second or two, with a yes, a no, or a request for a person.
const SILENCE: Duration = Duration::from_secs(5);
/// The start card waits this long for the certificate and for the public door, and then says how they stand.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why `up` ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum UpError {
    /// The credential does not let the node in.
    #[error(
        "the control server refused the credential: {0}\n\
         Make a new auth key in the admin console (Settings, Keys), or run without one to log in by a URL."
    )]
    Refused(String),
    /// The state directory cannot be used.
    #[error(transparent)]
    StateDir(#[from] StateDirError),
    /// Anything else, with its story.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// Runs a node until SIGINT or SIGTERM, which is a good end.
///
/// # Errors
/// When it cannot start, or the control server refuses it.
pub async fn up(mut settings: Settings, state: StateDir) -> Result<(), UpError> {
    let (stop, reload) = signals::listen_to().map_err(anyhow::Error::from)?;
    let progress = Progress::new();
    let graphs = graphs::open(&settings, &state, &progress)?;
    let http = shared::load(&mut settings)?;
    let rules = Rules::open(settings.access.clone(), shared::keys(&http), state.path())?;
    let audit = Audit::open(&state.audit()?, settings.audit).map_err(anyhow::Error::from)?;

    let (node, events) = Node::start(&settings.node).await.map_err(anyhow::Error::from)?;
    let view = Arc::new(View::default());
    let follow = tokio::spawn(view::follow(Arc::clone(&view), events, progress.clone()));
    let result = match join(&node, &view, &progress, &stop).await {
        Ok(Some(status)) => {
            view.update(status);
            let running =
                Running { settings, state, node: node.clone(), view, graphs, http, rules, reload, audit, stop };
            running.serve(&progress).await
        }
        Ok(None) => Ok(()),
        Err(error) => Err(error),
    };
    if tokio::time::timeout(CLOSE, node.close()).await.is_err() {
        tracing::error!("the tailnet node did not close in time");
    }
    follow.abort();
    result
}

/// Joins the tailnet; `None` when told to stop while waiting to be let in.
async fn join(
    node: &Node,
    view: &View,
    progress: &Progress,
    stop: &CancellationToken,
) -> Result<Option<Status>, UpError> {
    let step = progress.step("Joining the tailnet");
    let mut joined = pin!(stop.run_until_cancelled(node.up()));
    let joined = match tokio::time::timeout(SILENCE, &mut joined).await {
        Ok(joined) => joined,
        Err(_) => {
            if !view.waits_for_person() {
                progress.waiting("The control server does not answer; trying until it does");
            }
            joined.await
        }
    };
    match joined {
        None => Ok(None),
        Some(Ok(status)) => {
            step.done(&format!("Joined {} as {}", status.tailnet, status.name));
            Ok(Some(status))
        }
        Some(Err(NodeError { kind: ErrorKind::Auth, message, .. })) => Err(UpError::Refused(message)),
        Some(Err(error)) => Err(anyhow::Error::from(error).context("cannot join the tailnet").into()),
    }
}

/// A node that is in its tailnet, and what it serves there.
struct Running {
    settings: Settings,
    state: StateDir,
    node: Node,
    view: Arc<View>,
    graphs: Graphs,
    http: HttpSection,
    rules: Arc<Rules>,
    reload: Arc<Notify>,
    audit: Audit,
    stop: CancellationToken,
}

impl Running {
    async fn serve(self, progress: &Progress) -> Result<(), UpError> {
        let mut tasks = JoinSet::new();
        let whois = Arc::new(WhoIsCache::new(self.node.clone()));
        let router = self.site(&mut tasks, &whois);
        let watching = tokio::spawn(Arc::clone(&self.rules).watch(Arc::clone(&self.reload), self.stop.clone()));
        let server = Server::new(Limits::default());

        let slot = CertificateSlot::new();
        let (state, certificate) = watch::channel(CertificateState::Pending);
        tasks.spawn(keep_certificate(self.node.clone(), self.view.certificate_name(), slot.clone(), state));
        // HTTPS for all, and HTTP for when the tailnet has no certificates: inside it WireGuard encrypts either.
        for (port, tls) in [(443, Some(slot.acceptor())), (80, None)] {
            let listener = self.node.listen(Kind::Tailnet, port).await.map_err(anyhow::Error::from)?;
            let (server, router, stop) = (server.clone(), router.clone(), self.stop.clone());
            tasks.spawn(async move { server.serve(listener, tls, router, stop).await });
        }
        let latch = Latch::new(self.state.door(), self.settings.funnel);
        let door = self.door(&mut tasks, &server, &slot, router.clone(), &latch);
        self.settle("Getting a certificate", progress, certificate.clone(), |state| {
            *state != CertificateState::Pending
        })
        .await;
        self.settle("Opening Funnel", progress, door.clone(), |door| *door != Door::Opening).await;

        let reporter = Reporter {
            started: jiff::Timestamp::now(),
            node: self.node.clone(),
            view: Arc::clone(&self.view),
            graphs: self.graphs.clone(),
            http: self.http.clone(),
            rules: Arc::clone(&self.rules),
            whois: Arc::clone(&whois),
            funnel_port: self.settings.funnel_port,
            certificate,
            door,
            latch,
            server: server.clone(),
        };
        if !self.stop.is_cancelled() {
            progress.print(&start_card(&reporter.report(self.settings.show_secrets).await));
        }
        let socket = self.state.admin_socket()?;
        let (admin, stop) = (server.clone(), self.stop.clone());
        let routes = admin::explainer(self.explainer(whois)).merge(admin::router(Arc::new(reporter), router));
        tasks.spawn(async move { admin.serve(socket, None, routes, stop).await });
        self.stop.cancelled().await;

        tracing::info!("stopping");
        match server.drain(DRAIN).await {
            0 => {}
            cut => tracing::warn!(connections = cut, "cut at the end of their time"),
        }
        // It writes down the last uses.
        drop(watching.await);
        Ok(())
    }

    /// The router, and the task that keeps what follows from the node's own record in step with it.
    fn site(&self, tasks: &mut JoinSet<()>, whois: &Arc<WhoIsCache>) -> Router {
        let (rules, whois) = (Arc::clone(&self.rules), Arc::clone(whois));
        let site = Arc::new(Site {
            policy: Arc::clone(&rules.policy),
            names: ArcSwap::from_pointee(Names::default()),
            keys: Arc::clone(&rules.keys),
            gate: Arc::clone(&rules.gate),
            directory: Arc::clone(&whois) as Arc<dyn Directory>,
            audit: self.audit.clone(),
            mcp: Mcp::new(&self.graphs, &rules.policy, &self.audit, &Outside::default()),
        });
        let router = crate::http::router(Arc::clone(&site));
        let (extra, ports) = (self.http.allowed_hosts.clone(), [443, self.settings.funnel_port]);
        let apply = move |status: &Status| {
            whois.clear();
            rules.set_owner(status.owner.as_ref());
            site.names.store(Arc::new(Names::new(&status.name, &status.addresses, &extra, &ports)));
        };
        let mut changes = self.view.subscribe();
        apply(&changes.borrow_and_update());
        tasks.spawn(async move {
            while changes.changed().await.is_ok() {
                apply(&changes.borrow_and_update());
            }
        });
        router
    }

    /// Answers who may do what.
    fn explainer(&self, whois: Arc<WhoIsCache>) -> admin::Explainer {
        let rules = Arc::clone(&self.rules);
        let graphs: Vec<_> = self.graphs.list().iter().map(|graph| graph.name().to_owned()).collect();
        Arc::new(move |question| rules.explain(question, &whois.seen(), &graphs))
    }

    fn door(
        &self,
        tasks: &mut JoinSet<()>,
        server: &Server,
        slot: &CertificateSlot,
        router: Router,
        latch: &Latch,
    ) -> watch::Receiver<Door> {
        let (state, door) = watch::channel(Door::Opening);
        let keeper = door::Keeper {
            ingress: self.node.clone(),
            port: self.settings.funnel_port,
            server: server.clone(),
            tls: Some(slot.acceptor()),
            router,
            latch: latch.clone(),
            status: self.view.subscribe(),
            door: state,
            stop: self.stop.clone(),
        };
        tasks.spawn(keeper.keep());
        door
    }

    /// Shows a step until `state` has settled, one way or the other.
    async fn settle<T: ToString + Send + Sync>(
        &self,
        name: &str,
        progress: &Progress,
        mut state: watch::Receiver<T>,
        settled: impl FnMut(&T) -> bool,
    ) {
        let step = progress.step(name);
        match self.stop.run_until_cancelled(tokio::time::timeout(PATIENCE, state.wait_for(settled))).await {
            Some(Ok(Ok(state))) => step.done(&state.to_string()),
            Some(_) => step.done("This takes long; the node goes on trying"),
            None => {}
        }
    }
}
