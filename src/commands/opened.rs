//! The graphs of a command that needs no node.

use std::fs::DirBuilder;
use std::io::{Write as _, stderr};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Failure, state_dir};
use crate::access::Level;
use crate::cli::{DesktopFlags, GraphArgs};
use crate::config::{self, ConfigError};
use crate::graph::{Connected, Desktop, DesktopSettings, Embedded, Existing, Graph, Graphs};
use crate::transfer::{self, Meant};

/// Opens what was named: an export, or the graphs of Roam Desktop as `dealt_with`, which may be connected later.
pub(super) fn open(
    args: &GraphArgs,
    dealt_with: impl FnOnce(DesktopSettings) -> DesktopSettings,
) -> Result<Graphs, Failure> {
    let Some(file) = &args.graph else {
        let DesktopFlags { no_launch, roam_timeout } = args.desktop;
        let deadline = Duration::from_secs(roam_timeout);
        let settings = DesktopSettings { deadline, ..DesktopSettings::of_user(!no_launch)? };
        let desktop = Desktop::new(dealt_with(settings));
        return Ok(Connected::new(config::roam_tools_path()?, desktop).into());
    };
    let state_dir = state_dir(args.state_dir.clone())?;
    let Meant { name, database, export } =
        transfer::meant(file, &state_dir.join("graphs")).ok_or_else(|| nameless(file))?;
    if let Some(export) = export {
        load_once(&export, &database, &state_dir)?;
    }
    let graph = Graph::embedded(&name, name.to_lowercase(), Level::Full, Embedded::open(&database)?);
    Ok(Graphs::new(vec![graph])?)
}

/// Roam takes its time to come up: a person who waits is told what for.
pub(super) fn announced(mut settings: DesktopSettings) -> DesktopSettings {
    if let Some(open) = settings.launch.opener.take() {
        let opener = move |link: &str| {
            writeln!(stderr(), "Roam Desktop does not answer. Starting it, which may take a minute …")?;
            open(link)
        };
        settings.launch.opener = Some(Arc::new(opener));
    }
    settings
}

/// The name of the graph in a file.
pub(super) fn name_of(file: &Path) -> Result<String, ConfigError> {
    transfer::name_of(file).ok_or_else(|| nameless(file))
}

fn nameless(file: &Path) -> ConfigError {
    ConfigError::Invalid {
        setting: "--graph",
        problem: format!("{}: cannot make a graph name of this; use a file name with letters in it", file.display()),
    }
}

/// Loads an export into its database, the same that `roam-mcp up` uses, when that is not there yet.
fn load_once(export: &Path, database: &Path, state_dir: &Path) -> Result<(), Failure> {
    if database.exists() {
        Embedded::expect_source(database, export)?;
        if let Some(changed) = transfer::changed(export, database) {
            // Standard output is for results. Nobody is left to tell that standard error is closed.
            let _ = writeln!(stderr(), "roam-mcp: {changed}");
        }
        return Ok(());
    }
    let dir = state_dir.join("graphs");
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|error| {
        let (dir, advice) = (state_dir.display(), "choose another with --state-dir");
        Failure::with_code(format!("cannot use {dir} as state directory: {error}; {advice}"), Failure::FAILED)
    })?;
    Embedded::import(export, database, Existing::Keep, |_| {})?;
    Ok(())
}
