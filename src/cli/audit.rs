//! `roam-mcp audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};
use jiff::Timestamp;

use super::span::since;

pub(super) const EXAMPLES: &str = "\
Examples:
  roam-mcp audit tail
  roam-mcp audit search --caller alice@example.com --denied --since 2d
  roam-mcp audit verify              finds a changed, dropped or moved record

Exit codes: 0 found or whole, 1 failed, 2 wrong usage, 6 the log is not as it was written.";

const VERIFY_EXAMPLES: &str = "\
Examples:
  roam-mcp audit verify
  roam-mcp audit verify --head 9f2c…   the log still contains the line that was its last one then

A node that runs writes its head to its own log at the start, when a file is full, and at the end.";

const SEARCH_EXAMPLES: &str = "\
Examples:
  roam-mcp audit search --caller alice@example.com --since 2d
  roam-mcp audit search --caller claude --tool create_block --json
  roam-mcp audit search --denied --since 2026-11-01";

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
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        /// The hash of a line that the log must contain: a head that was kept elsewhere
        #[arg(long, value_name = "HASH", value_parser = hash)]
        head: Option<String>,
        /// The oldest files of the log were moved away
        #[arg(long)]
        older_removed: bool,
    },
    /// Print the last records, with their times in UTC
    Tail {
        /// How many
        #[arg(short = 'n', long, value_name = "N", default_value_t = 20)]
        lines: usize,
        /// Print JSON, a record a line
        #[arg(long)]
        json: bool,
    },
    /// Print the records that fit, with their times in UTC
    #[command(after_help = SEARCH_EXAMPLES)]
    Search(AuditSearchArgs),
}

/// `roam-mcp audit search`.
#[derive(Debug, Args)]
pub struct AuditSearchArgs {
    /// The caller: a login name, a device or a credential by its name, `operator`, or the words by which it is told
    #[arg(long, value_name = "WHO")]
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

fn hash(text: &str) -> Result<String, String> {
    let is_one = text.len() == 64 && text.bytes().all(|c| c.is_ascii_hexdigit());
    if is_one { Ok(text.to_lowercase()) } else { Err("write 64 hex digits, as `audit verify` prints them".into()) }
}
