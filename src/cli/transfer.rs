//! `roam-mcp import` and `roam-mcp export`.

use std::path::PathBuf;

use clap::{Args, ValueHint};

pub(super) const IMPORT_EXAMPLES: &str = "\
Examples:
  roam-mcp import garden.json
  roam-mcp import Roam-Export.zip --name garden --update
  roam-mcp import garden.json --dry-run      reads everything, changes nothing

A node that serves the graph goes on: it answers from the old graph until the new one is complete.
A graph that was worked on here stays as it is, unless --update or --replace says what is to become of that work.
Changes made here to blocks that came with the export are replaced by what the export says.";

pub(super) const EXPORT_EXAMPLES: &str = "\
Examples:
  roam-mcp export --graph garden --out garden.json
  roam-mcp export --graph garden | jq length";

/// `roam-mcp import`.
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// What Roam exported: JSON, EDN, or the zip of either
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub export: PathBuf,

    /// Name of the graph; without it, that of the file
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,

    /// Where the node keeps its graphs
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,

    /// Keep the pages and blocks that were added here and that the export lacks
    #[arg(long)]
    pub update: bool,

    /// Drop all that was added, changed and deleted here
    #[arg(long, conflicts_with = "update")]
    pub replace: bool,

    /// Read the export, say what is in it and, with --update, what would be kept and overwritten; change nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `roam-mcp export`.
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Name of the graph
    #[arg(long, value_name = "NAME")]
    pub graph: String,

    /// File to write, instead of standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub out: Option<PathBuf>,

    /// Where the node keeps its graphs
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
}
