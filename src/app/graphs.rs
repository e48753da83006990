//! Opens the graph to serve, loading its export when it is new.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

use super::progress::Progress;
use super::state_dir::StateDir;
use crate::access::Level;
use crate::graph::{Embedded, Existing, Graph, Graphs, Source};

/// Opens the graph of `export`. It is loaded once; from then on the database is the graph, and holds what was added.
pub(super) fn open(export: &Path, state: &StateDir, progress: &Progress) -> anyhow::Result<Graphs> {
    let name = name_of(export)?;
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

/// The graph is called after the file, in the characters that Roam allows.
fn name_of(export: &Path) -> anyhow::Result<String> {
    let stem = export.file_stem().with_context(|| format!("{} is not a file", export.display()))?.to_string_lossy();
    let name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    match name.trim_matches('-') {
        "" => bail!(
            "{}: cannot make a graph name of this; use a file name with letters in it",
            PathBuf::from(export).display()
        ),
        name => Ok(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_graph_is_called_after_its_file() {
        for (file, name) in
            [("garden.json", "garden"), ("/a/My Notes (2).json", "My-Notes--2"), ("x.tar.json", "x-tar")]
        {
            assert_eq!(name_of(Path::new(file)).unwrap(), name);
        }
        for bad in ["/", "日本.json", "..."] {
            assert!(name_of(Path::new(bad)).is_err(), "{bad}");
        }
    }
}
