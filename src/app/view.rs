//! What is known about the node, kept up to date by its events.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::{mpsc, watch};

use super::progress::Progress;
use crate::tailnet::{Event, Status};

/// The latest status, and who waits for the next.
#[derive(Default)]
pub(super) struct View {
    status: watch::Sender<Status>,
    certificate_name: watch::Sender<String>,
    waits_for_person: AtomicBool,
}

impl View {
    pub(super) fn status(&self) -> Status {
        self.status.borrow().clone()
    }

    /// Whether somebody has to log the node in or approve it.
    pub(super) fn waits_for_person(&self) -> bool {
        self.waits_for_person.load(Ordering::Relaxed)
    }

    pub(super) fn subscribe(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// The name to get a certificate for; empty while the tailnet hands out none for this node.
    pub(super) fn certificate_name(&self) -> watch::Receiver<String> {
        self.certificate_name.subscribe()
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
                view.waits_for_person.store(true, Ordering::Relaxed);
                progress.login_url(&url);
            }
            Event::State { state } => {
                tracing::info!(state, "tailnet node");
                if state == "NeedsMachineAuth" {
                    view.waits_for_person.store(true, Ordering::Relaxed);
                    progress.approval();
                }
            }
            Event::Health { warnings } => {
                // Of low severity are the passing states of every start.
                for warning in warnings.iter().filter(|warning| warning.severity != "low") {
                    tracing::warn!(code = warning.code, "{}: {}", warning.title, warning.text);
                }
            }
            Event::Error { message } => tracing::error!(message, "tailnet node"),
            // The control socket keeps these to itself.
            Event::Log { .. } | Event::Connection(_) | Event::ListenerClosed { .. } => {}
        }
    }
}
