//! Roam Desktop, over the Local API that it offers on this machine.
//!
//! A request goes out once. What is tried again is only what was never sent: when nobody listens, Roam is started and
//! the connection is tried anew. A write whose answer was lost is reported as such, and left to the caller to look after.

mod answer;
mod call;
mod connection;
mod endpoints;
mod launch;
mod port;
mod refusal;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::{ErrorCode, GraphError};
use crate::config::{self, ConfigError, GraphEntry};
use connection::{CONNECT, Connection, GREETING, Idle, Obstacle};
use launch::Launcher;

pub use endpoints::{Granted, Listed, TokenRequest, TokenState};
pub use launch::{Launch, Opener};

/// The version of the Local API that this program was written for. Only its first two numbers must agree with Roam's.
pub const API_VERSION: &str = "1.1.5";

/// How to deal with Roam Desktop.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where Roam writes its port.
    pub port_file: PathBuf,
    /// How long Roam may work on a call. A graph that is not loaded yet, or waits for its password, takes long.
    pub deadline: Duration,
    /// How Roam is started.
    pub launch: Launch,
}

impl Settings {
    /// The user's own Roam, started when there is a screen to start it on.
    ///
    /// # Errors
    /// When there is no home directory.
    pub fn of_user(launch: bool) -> Result<Self, ConfigError> {
        let launch = if launch && config::desktop_session() { Launch::by_system() } else { Launch::never() };
        Ok(Self { port_file: config::roam_port_path()?, deadline: Duration::from_secs(180), launch })
    }
}

/// Roam Desktop on this machine, running or not. A clone is cheap and uses the same connections.
#[derive(Clone, Debug)]
pub struct Desktop(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    launcher: Launcher,
    idle: Idle,
}

/// A graph in Roam Desktop, and the token that opens it.
#[derive(Clone)]
pub(super) struct DesktopGraph {
    desktop: Desktop,
    pub(super) entry: Arc<GraphEntry>,
}

impl Desktop {
    /// Nothing is connected yet, and nothing is started.
    pub fn new(settings: Settings) -> Self {
        let launcher = Launcher::new(settings.launch.clone());
        Self(Arc::new(Inner { settings, launcher, idle: Idle::default() }))
    }

    /// The graph of `entry`.
    pub(super) fn graph(&self, entry: GraphEntry) -> DesktopGraph {
        DesktopGraph { desktop: self.clone(), entry: Arc::new(entry) }
    }

    /// A connection to Roam as it runs now, and whether it was used before.
    async fn connection(&self, patience: Duration) -> Result<(Connection, bool), Obstacle> {
        let port = port::read(&self.0.settings.port_file);
        match self.0.idle.take(port) {
            Some(connection) => Ok((connection, true)),
            None => Connection::open(port, patience).await.map(|connection| (connection, false)),
        }
    }

    /// Starts Roam, if it may be. Whoever else wants that meanwhile waits for the same start.
    async fn start(&self, link: &str) -> bool {
        let (desktop, link) = (self.clone(), link.to_owned());
        tokio::task::spawn_blocking(move || desktop.0.launcher.start(&link)).await.unwrap_or(false)
    }

    /// A connection to Roam, which is started by `link` if it does not run.
    async fn reach(&self, link: &str) -> Result<(Connection, bool), GraphError> {
        let mut obstacle = match self.connection(GREETING).await {
            Ok(connection) => return Ok(connection),
            // It runs; to start it again would not make it quicker.
            Err(obstacle @ Obstacle::Mute { .. }) => return Err(obstacle.report(false)),
            Err(obstacle) => obstacle,
        };
        if !self.start(link).await {
            return Err(obstacle.report(false));
        }
        let deadline = Instant::now() + self.0.launcher.launch.budget;
        for wait in self.0.launcher.launch.waits() {
            // A slow try shortens the waits that follow: the caller waits for the budget and no longer.
            let left = deadline.saturating_duration_since(Instant::now());
            sleep(wait.min(left)).await;
            match self.connection(left.clamp(CONNECT, GREETING)).await {
                Ok(connection) => return Ok(connection),
                Err(again) => obstacle = again,
            }
            if left.is_zero() {
                break;
            }
        }
        Err(obstacle.report(true))
    }
}

impl Obstacle {
    fn report(&self, started: bool) -> GraphError {
        let what = match self {
            Self::Silent { port, reason } => {
                tracing::warn!(port, reason, "Roam Desktop does not answer");
                format!("Roam Desktop does not answer on port {port} of the machine this server runs on.")
            }
            Self::Mute { port, reason } => {
                tracing::warn!(
                    port,
                    reason,
                    "something accepts connections where Roam Desktop should, and does not answer"
                );
                let text = format!(
                    "Something accepts connections on port {port}, where Roam Desktop should be, and does not answer \
                     ({reason}). If it is Roam, it is busy: try again in a moment, or restart Roam. Nothing was changed."
                );
                return GraphError::new(ErrorCode::CONNECTION_FAILED, text);
            }
            Self::Stranger { port } => {
                tracing::warn!(port, "another program answers where Roam Desktop should");
                format!(
                    "Port {port}, where Roam Desktop should be, belongs to another program. No token was sent to it."
                )
            }
        };
        let advice = if started {
            "Roam was asked to start and is not up yet. Try again in a moment; if it stays like this, restart Roam and \
             this server."
        } else {
            "Start Roam Desktop, and open the graph in it."
        };
        GraphError::new(ErrorCode::CONNECTION_FAILED, format!("{what} {advice} Nothing was changed."))
    }
}

impl fmt::Debug for DesktopGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DesktopGraph").field(&self.entry.name).finish()
    }
}
