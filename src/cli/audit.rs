//! `roam-mcp audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use jiff::Timestamp;

use super::span::since;

pub(super) const EXAMPLES: &str = "\
Examples:
  roam-mcp audit tail
  roam-mcp audit search --caller alice@ --denied --since 2d
  roam-mcp audit verify              finds a changed, dropped or moved record

Exit codes: 0 found or whole, 1 failed, 2 wrong usage, 6 the log is not as it was written.";

/// `roam-mcp audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub command: AuditCommand,

    /// State directory of the node
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath, global = true)]
    pub state_dir: Option<PathBuf>,
}

/// What can be done with the audit log.
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Check that no record was changed, dropped or moved
    Verify,
    /// Print the last records
    Tail {
        /// How many
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
        lines: usize,
        /// Print JSON, a record a line
        #[arg(long)]
        json: bool,
    },
    /// Print the records that fit
    Search(AuditSearchArgs),
}

/// `roam-mcp audit search`.
#[derive(Debug, Args)]
pub struct AuditSearchArgs {
    /// A part of the caller's name
    #[arg(long, value_name = "TEXT")]
    pub caller: Option<String>,
    /// The tool
    #[arg(long, value_name = "NAME")]
    pub tool: Option<String>,
    /// The graph
    #[arg(long, value_name = "NAME")]
    pub graph: Option<String>,
    /// Not before this time: so long ago, such as 2h or 7d; a day or a local time, such as 2026-11-01 or 2026-11-01T14:30; or
    /// RFC 3339
    #[arg(long, value_name = "TIME", value_parser = since)]
    pub since: Option<Timestamp>,
    /// Only what was denied or refused
    #[arg(long)]
    pub denied: bool,
    /// Print JSON, a record a line
    #[arg(long)]
    pub json: bool,
}
