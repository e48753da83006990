//! The graphs of a command that needs no node.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use super::{Failure, state_dir};
use crate::access::Level;
use crate::cli::GraphArgs;
use crate::config::{self, ConfigError};
use crate::graph::{Connected, Desktop, DesktopSettings, Embedded, Existing, Graph, Graphs};

/// Opens what was named: an export, or the graphs of Roam Desktop, which may be connected later.
pub(super) fn open(args: &GraphArgs) -> Result<Graphs, Failure> {
    let Some(file) = &args.graph else {
        let desktop = Desktop::new(DesktopSettings::of_user(!args.no_launch)?);
        return Ok(Connected::new(config::roam_tools_path()?, desktop).into());
    };
    let name = config::graph_name(file).ok_or_else(|| ConfigError::Invalid {
        setting: "--graph",
        problem: format!("{}: cannot make a graph name of this; use a file name with letters in it", file.display()),
    })?;
    let database = match file.extension() {
        Some(extension) if extension == "sqlite" => file.clone(),
        _ => loaded(file, &state_dir(args.state_dir.clone())?, &name)?,
    };
    let graph = Graph::embedded(&name, name.to_lowercase(), Level::Full, Embedded::open(&database)?);
    Ok(Graphs::new(vec![graph])?)
}

/// The database of an export: the same that `roam-mcp up` uses, made when it is not there.
fn loaded(export: &Path, state_dir: &Path, name: &str) -> Result<PathBuf, Failure> {
    let dir = state_dir.join("graphs");
    let database = dir.join(format!("{name}.sqlite"));
    if !database.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(&dir)?;
        Embedded::import(export, &database, Existing::Keep, |_| {})?;
    }
    Ok(database)
}
