//! Opens the graph to serve, loading its export when it is new.

use std::path::Path;

use anyhow::Context;

use super::progress::Progress;
use super::state_dir::StateDir;
use crate::access::Level;
use crate::config;
use crate::graph::{Embedded, Graph, Graphs, Source};

/// Opens the graph of `export`. It is loaded once; from then on the database is the graph, and holds what was added.
pub(super) fn open(export: &Path, state: &StateDir, progress: &Progress) -> anyhow::Result<Graphs> {
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
    let imported = Embedded::import(export, database, |at| {
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
