//! What is known about the node, kept up to date by its events.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};

use super::progress::Progress;
use crate::report::RUNNING;
use crate::tailnet::{Event, Status};

/// The latest status, and who waits for the next.
#[derive(Default)]
pub(super) struct View {
    status: watch::Sender<Status>,
    certificate_name: watch::Sender<String>,
}

impl View {
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Whether somebody has to log the node in or approve it.
    pub(super) fn waits_for_person(&self) -> bool {
        let status = self.status.borrow();
        !status.login_url.is_empty() || status.state == "NeedsMachineAuth"
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The name to get a certificate for; empty while the tailnet hands out none for this node.
    pub(super) fn certificate_name(&self) -> watch::Receiver<String> {
        self.certificate_name.subscribe()
    }

    /// Takes over what is known while the node is not in its tailnet.
    fn waits(&self, tell: impl FnOnce(&mut Status)) {
        self.status.send_modify(tell);
    }

    /// Takes over a state that comes without a record. At the first start the node runs before anything is known of it;
    /// then the record, which follows, makes it known.
    fn enters(&self, state: String) {
        self.status.send_if_modified(|status| {
            let known = state != RUNNING || !status.name.is_empty();
            if known {
                status.state = state;
            }
            known
        });
    }

    /// Takes over a new status. It always counts as a change: it can mean that a grant has changed, which it does not show.
    pub(super) fn update(&self, status: Status) {
        let name = if status.https && status.cert_domains.contains(&status.name) {
            status.name.clone()
        } else {
            String::new()
        };
        self.certificate_name.send_if_modified(|known| {
            let changed = *known != name;
            *known = name;
            changed
        });
        self.status.send_replace(status);
    }
}

/// Follows the node's events until it ends.
pub(super) async fn follow(view: Arc<View>, mut events: mpsc::UnboundedReceiver<Event>, progress: Progress) {
    while let Some(event) = events.recv().await {
        match event {
            Event::Changed(status) => view.update(*status),
            Event::LoginUrl { url } => {
                progress.login_url(&url);
                view.waits(|status| status.login_url = url);
            }
            Event::State { state } => {
                tracing::info!(state, "tailnet node");
                if state == "NeedsMachineAuth" {
                    progress.approval();
                }
                view.enters(state);
            }
            Event::Health { warnings } => {
                // Of low severity are the passing states of every start.
                for warning in warnings.iter().filter(|warning| warning.severity != "low") {
                    tracing::warn!(code = warning.code, "{}: {}", warning.title, warning.text);
                }
                // The record of a node that runs has them too. Before, they say what keeps it from its tailnet.
                if view.status.borrow().state != RUNNING {
                    view.waits(|status| status.health = warnings);
                }
            }
            Event::Error { message } => tracing::error!(message, "tailnet node"),
            // The control socket keeps these to itself.
            Event::Log { .. } | Event::Connection(_) | Event::ListenerClosed { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_node_that_comes_back_runs_whether_or_not_a_new_record_follows() {
        let (events, incoming) = mpsc::unbounded_channel();
        let view = Arc::new(View::default());
        tokio::spawn(follow(Arc::clone(&view), incoming, Progress::new()));
        let mut status = view.subscribe();
        let state = |state: &str| events.send(Event::State { state: state.into() }).unwrap();

        state("Starting");
        status.wait_for(|status| status.state == "Starting").await.unwrap();
        state("Running");
        let record = Status { name: "roam".into(), state: "Running".into(), ..Status::default() };
        events.send(Event::Changed(Box::new(record.clone()))).unwrap();
        let first = status.wait_for(|status| status.state == "Running").await.unwrap().clone();
        assert_eq!(first.name, "roam", "without its name nobody can use it");

        // The order in which an extended key shows.
        state("NeedsLogin");
        status.wait_for(|status| status.state == "NeedsLogin").await.unwrap();
        events.send(Event::Changed(Box::new(record))).unwrap();
        state("Starting");
        status.wait_for(|status| status.state == "Starting").await.unwrap();
        state("Running");
        status.wait_for(|status| status.state == "Running").await.unwrap();
    }
}
