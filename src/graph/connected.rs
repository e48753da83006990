//! The graphs of Roam Desktop that were connected, as `~/.roam-tools.json` lists them at this moment.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::local_api::{Desktop, DesktopGraph, TokenState};
use super::{Backend, ErrorCode, Graph, GraphError};
use crate::access::Level;
use crate::config::{ConfigError, GraphEntry, RoamTools, Stamp, TokenLevel, TokenStatus, called};

/// The graphs of the file, read again when it has changed: one that is connected later is served without a restart.
#[derive(Debug)]
pub struct Connected {
    path: Arc<Path>,
    desktop: Desktop,
    seen: Mutex<Option<Seen>>,
}

/// What the file held when it last changed.
#[derive(Clone, Debug)]
struct Seen {
    stamp: Stamp,
    graphs: Result<Arc<[Graph]>, GraphError>,
}

/// A graph of the file, with what is needed to note in it how its token fares.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    graph: DesktopGraph,
    file: Arc<Path>,
}

impl Connected {
    /// The graphs that `file` lists, in `desktop`. The file need not exist yet.
    pub fn new(file: PathBuf, desktop: Desktop) -> Self {
        Self { path: file.into(), desktop, seen: Mutex::default() }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The Roam Desktop that the graphs are in.
    pub fn desktop(&self) -> &Desktop {
        &self.desktop
    }

    /// The graphs there are now.
    ///
    /// # Errors
    /// When there is no file, or it cannot be used as it is.
    pub fn graphs(&self) -> Result<Arc<[Graph]>, GraphError> {
        // Taken before reading: a change in between shows in the next stamp.
        let stamp = Stamp::of(&self.path);
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(seen) = seen.as_ref().filter(|seen| seen.stamp == stamp) {
            return seen.graphs.clone();
        }
        let graphs = match stamp.exists().then(|| self.read()) {
            None => Err(not_connected()),
            Some(Ok(graphs)) => Ok(graphs),
            // The next call may get what this one did not, without a change of the file.
            Some(Err(error @ ConfigError::Io { .. })) => {
                *seen = None;
                return Err(error.into());
            }
            Some(Err(error)) => Err(error.into()),
        };
        *seen = Some(Seen { stamp, graphs: graphs.clone() });
        graphs
    }

    fn read(&self) -> Result<Arc<[Graph]>, ConfigError> {
        let entries = RoamTools::load(&self.path)?.graphs()?;
        Ok(entries.iter().map(|entry| self.graph(entry, &entries)).collect())
    }

    fn graph(&self, entry: &GraphEntry, all: &[GraphEntry]) -> Graph {
        let (name, kind, entry) = (entry.name.clone(), entry.kind, entry.clone());
        let nickname = called(&entry, all).to_owned();
        let backend = Backend::Desktop(Entry { graph: self.desktop.graph(entry), file: Arc::clone(&self.path) });
        // Roam holds every call against the token and the person's role. The level in the file is what was last heard of
        // them, and a stale one must not refuse what Roam allows by now.
        Graph { name, nickname, kind, level: Level::Full, backend }
    }
}

impl Entry {
    pub(super) fn graph(&self) -> &DesktopGraph {
        &self.graph
    }

    pub(super) fn entry(&self) -> &GraphEntry {
        &self.graph.entry
    }

    /// Notes how the token fares. Whoever asked for it asked for something else, so a failure is logged and no more.
    pub(super) async fn record(&self, level: Option<TokenLevel>, status: TokenStatus) {
        let (entry, file) = (Arc::clone(&self.graph.entry), Arc::clone(&self.file));
        if entry.token_status == Some(status) && (level.is_none() || level == entry.access_level) {
            return;
        }
        // The file is locked, written and synced, which may take a moment.
        let written = tokio::task::spawn_blocking(move || RoamTools::record_token(&file, &entry, level, status)).await;
        match written {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "cannot note the state of a token"),
            Err(error) => tracing::warn!(%error, "cannot note the state of a token"),
        }
    }

    pub(super) async fn token_state(&self) -> TokenState {
        self.graph.token_state().await
    }
}

/// What to do when nothing was connected yet.
pub(super) const CONNECT: &str = "Connect one: run `roam-mcp connect` on the computer that runs Roam Desktop.";

fn not_connected() -> GraphError {
    GraphError::new(ErrorCode::CONFIG_NOT_FOUND, format!("No graph was connected yet. {CONNECT}"))
}
