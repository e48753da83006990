//! What to serve: an export, loaded when it is new, or the graphs of Roam Desktop.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use super::Settings;
use super::progress::Progress;
use crate::access::Level;
use crate::graph::{Connected, Desktop, DesktopSettings, Embedded, Existing, Graph, Graphs};
use crate::transfer::{self, Meant};

/// How long a remote caller waits for Roam Desktop to come up. Hosted clients give a call up after half a minute or so.
const PATIENCE: Duration = Duration::from_secs(22);

/// The graphs that the settings name, loaded ones from `directory`. Those of Roam Desktop may be connected later.
///
/// `None` when told to stop while an export is loading: the program's end cuts the loading short, which leaves nothing.
pub(super) async fn open(
    settings: &Settings,
    directory: PathBuf,
    progress: &Progress,
    stop: &CancellationToken,
) -> anyhow::Result<Option<Graphs>> {
    let Some(named) = settings.graph.clone() else { return connected(settings, progress).map(Some) };
    let progress = progress.clone();
    let opened = tokio::task::spawn_blocking(move || open_named(&named, &directory, &progress));
    stop.run_until_cancelled(opened).await.transpose()?.transpose()
}

fn connected(settings: &Settings, progress: &Progress) -> anyhow::Result<Graphs> {
    let mut desktop = DesktopSettings::of_user(!settings.desktop.no_launch)?;
    desktop.deadline = Duration::from_secs(settings.desktop.roam_timeout);
    desktop.launch = desktop.launch.within(PATIENCE);
    let connected = Connected::new(settings.roam_tools.clone(), Desktop::new(desktop));
    match connected.graphs() {
        Ok(graphs) if !graphs.is_empty() => {
            let names: Vec<&str> = graphs.iter().map(Graph::nickname).collect();
            progress.print(&format!("Serving {} from Roam Desktop", names.join(", ")));
        }
        Ok(_) => progress.print("No graph is connected yet; run `roam-mcp connect`, and it is served from then on"),
        Err(error) => progress.print(&format!("No graph to serve yet. {error}")),
    }
    Ok(connected.into())
}

/// Opens the graph that `named` means. An export is loaded once; from then on the database is the graph, and holds what was
/// added.
fn open_named(named: &Path, directory: &Path, progress: &Progress) -> anyhow::Result<Graphs> {
    let Meant { name, database, export } = transfer::meant(named, directory).with_context(|| {
        format!("{}: cannot make a graph name of this; use a file name with letters in it", named.display())
    })?;
    match export {
        None => {}
        Some(export) if database.exists() => {
            Embedded::expect_source(&database, &export)?;
            if let Some(changed) = transfer::changed(&export, &database) {
                tracing::warn!("{changed}");
            }
        }
        Some(export) => load(&export, &database, progress)?,
    }
    let store = Embedded::open(&database)?;
    Ok(Graphs::new(vec![Graph::embedded(&name, name.to_lowercase(), Level::Full, store)])?)
}

fn load(export: &Path, database: &Path, progress: &Progress) -> anyhow::Result<()> {
    let step = progress.step(&format!("Loading {}", export.display()));
    let imported = Embedded::import(export, database, Existing::Keep, |at| {
        step.update(&format!("{} pages, {} blocks", at.pages, at.blocks));
    })?;
    step.done(&format!("Loaded {}: {} pages, {} blocks", export.display(), imported.pages, imported.blocks));
    Ok(())
}
