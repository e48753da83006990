//! What can be typed about Roam Desktop, and about what stands in for it.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::access::Level;

pub(super) const SANDBOX_EXAMPLES: &str = "\
Examples:
  Beside a running Roam, with a token that is printed at the start
      roam-mcp sandbox --graph notes.json --port 3334

  In place of Roam, for tools that look for it: every request for a token is allowed
      roam-mcp sandbox --graph notes.json --write-port-file --approve always

  A token that a test knows, and a person who may only read
      roam-mcp sandbox --graph notes.json --port 0 --token roam-graph-local-token-test --role read-only

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage.";

/// `roam-mcp sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Roam JSON export to offer, forgotten at the end; or a `.sqlite` graph of this program, used as it is
    #[arg(long, value_name = "FILE", required = true, value_hint = ValueHint::FilePath)]
    pub graph: Vec<PathBuf>,

    /// Port on 127.0.0.1; 0 for any
    #[arg(long, value_name = "PORT", default_value_t = 3333)]
    pub port: u16,

    /// Offer the graphs as offline graphs
    #[arg(long)]
    pub offline: bool,

    /// Role of the person in the graphs: the most that any token can do
    #[arg(long, value_name = "LEVEL", default_value = "full")]
    pub role: LevelArg,

    /// Tell other Roam tools where this is, in Roam's own file or in FILE; it is removed at the end
    #[arg(long, value_name = "FILE", num_args = 0..=1, value_hint = ValueHint::FilePath)]
    pub write_port_file: Option<Option<PathBuf>>,

    /// Token to take, again for more; without one, a new one is printed
    #[arg(long, value_name = "TOKEN", env = "ROAM_MCP_SANDBOX_TOKEN", hide_env_values = true, help_heading = "Tokens")]
    pub token: Vec<String>,

    /// What these tokens allow, and the most that others get
    #[arg(long, value_name = "LEVEL", default_value = "full", help_heading = "Tokens")]
    pub access_level: LevelArg,

    /// What happens to requests for tokens; without a terminal, asking is refusing
    #[arg(long, value_name = "HOW", default_value = "ask", help_heading = "Tokens")]
    pub approve: Approve,
}

/// An access level as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LevelArg {
    /// Read pages and blocks, search, query
    ReadOnly,
    /// Also add pages and blocks
    ReadAppend,
    /// Also change and delete what exists
    Full,
}

impl From<LevelArg> for Level {
    fn from(typed: LevelArg) -> Self {
        match typed {
            LevelArg::ReadOnly => Self::ReadOnly,
            LevelArg::ReadAppend => Self::ReadAppend,
            LevelArg::Full => Self::Full,
        }
    }
}

/// What happens to requests for tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Approve {
    /// Ask on the terminal
    Ask,
    /// Allow all
    Always,
    /// Deny all
    Never,
}
