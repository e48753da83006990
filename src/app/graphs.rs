//! What to serve: an export, loaded when it is new, or the graphs of Roam Desktop.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use super::Settings;
use super::progress::Progress;
use super::state_dir::StateDir;
use crate::access::Level;
use crate::config;
use crate::graph::{Connected, Desktop, DesktopSettings, Embedded, Existing, Graph, Graphs, Source};

/// How long a remote caller waits for Roam Desktop to come up. Hosted clients give a call up after half a minute or so.
const PATIENCE: Duration = Duration::from_secs(22);

/// The graphs that the settings name. Those of Roam Desktop may be connected later.
pub(super) fn open(settings: &Settings, state: &StateDir, progress: &Progress) -> anyhow::Result<Graphs> {
    match &settings.graph {
        Some(export) => open_export(export, state, progress),
        None => connected(settings, progress),
    }
}

fn connected(settings: &Settings, progress: &Progress) -> anyhow::Result<Graphs> {
    let mut desktop = DesktopSettings::of_user(settings.launch)?;
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

/// Opens the graph of `export`. It is loaded once; from then on the database is the graph, and holds what was added.
fn open_export(export: &Path, state: &StateDir, progress: &Progress) -> anyhow::Result<Graphs> {
    let name = config::graph_name(export).with_context(|| {
        format!("{}: cannot make a graph name of this; use a file name with letters in it", export.display())
    })?;
    let database = state.graphs()?.join(format!("{name}.sqlite"));
    if database.exists() {
        warn_if_changed(export, &database);
    } else {
        load(export, &database, progress)?;
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

/// Loading again would throw away what was added since, so that is left to the operator.
fn warn_if_changed(export: &Path, database: &Path) {
    let (Ok(now), Some(then)) = (Source::of(export), Embedded::source(database)) else { return };
    if now != then {
        tracing::warn!(
            export = %export.display(),
            database = %database.display(),
            "the export has changed since it was loaded; to load it afresh and lose what was added here, move the database away"
        );
    }
}
