//! What can be typed about Roam Desktop, and about what stands in for it.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum, ValueHint, value_parser};

use crate::access::Level;
use crate::config::{Kind, TokenLevel, is_graph_name};

pub(super) const SANDBOX_EXAMPLES: &str = "\
Examples:
  Beside a running Roam, with a token that is printed at the start
      roam-mcp sandbox --graph notes.json --port 3334

  In place of Roam, for tools that look for it; every token is allowed
      roam-mcp sandbox --graph notes.json --write-port-file --approve always

  A token that a test knows, and a person who may only read
      export ROAM_MCP_SANDBOX_TOKEN=roam-graph-local-token-test
      roam-mcp sandbox --graph notes.json --port 0 --role read-only

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage.";

/// How Roam Desktop is dealt with.
#[derive(Clone, Copy, Debug, Args)]
pub struct DesktopFlags {
    /// Never start Roam Desktop when a call finds it closed
    #[arg(long, env = "ROAM_MCP_NO_LAUNCH", value_parser = FalseyValueParser::new())]
    pub no_launch: bool,

    /// Seconds that Roam Desktop has for a call; it may need long to load a graph
    #[arg(long, value_name = "SECONDS", default_value_t = 180, env = "ROAM_MCP_ROAM_TIMEOUT", value_parser = value_parser!(u64).range(1..=1800))]
    pub roam_timeout: u64,
}

/// `roam-mcp sandbox`.
#[derive(Debug, Args)]
pub struct SandboxArgs {
    /// Roam export (JSON, EDN, or the zip of either) to offer, forgotten at the end; or a `.sqlite` graph of this program, used as it is
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

impl From<LevelArg> for TokenLevel {
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

pub(super) const CONNECT_EXAMPLES: &str = "\
Examples:
  Choose a graph, and allow it in Roam Desktop
      roam-mcp connect

  The same without questions; Roam still asks the person in front of it
      roam-mcp connect --graph my-notes --nickname notes --access-level read-append

  With a token made by hand, in Roam under Settings > Graph > Local API Tokens
      roam-mcp connect --graph my-notes --nickname notes --token-stdin < token.txt

  Forget it again
      roam-mcp connect --remove --nickname notes

Full access is asked for unless you say less, so that every tool works. Nothing is allowed before you confirm it in Roam, \
where you can lower it, then or later. `--access-level read-only` is enough to search and to read.

Exit codes: 0 connected or removed, 1 failed or denied, 2 wrong usage, 130 cancelled.";

pub(super) const GRAPHS_EXAMPLES: &str = "\
Examples:
  roam-mcp graphs
  roam-mcp graphs --json | jq -r '.[] | select(.tokenStatus == \"revoked\") | .nickname'

Exit codes: 0 listed, 1 failed, 2 wrong usage.";

/// `roam-mcp connect`.
#[derive(Debug, Args)]
pub struct ConnectArgs {
    /// Name of the graph; without it, the graph is chosen from a list, and what other flags leave open is asked
    #[arg(long, value_name = "NAME", value_parser = graph_name)]
    pub graph: Option<String>,

    /// Short name to call it by
    #[arg(long, value_name = "NAME")]
    pub nickname: Option<String>,

    /// How much to ask for; the person may allow less, and can change it in Roam later [default: full]
    #[arg(long, value_name = "LEVEL")]
    pub access_level: Option<LevelArg>,

    /// A public graph of somebody else's, to read
    #[arg(long, conflicts_with_all = ["remove", "token_stdin"])]
    pub public: bool,

    /// Where Roam keeps it, when two graphs have the name
    #[arg(long = "type", value_name = "TYPE", value_enum)]
    pub kind: Option<KindArg>,

    /// Take a token from standard input, and ask nobody
    #[arg(long, requires = "graph", conflicts_with_all = ["remove", "access_level"])]
    pub token_stdin: bool,

    /// Forget the graph with this --nickname or --graph; its token stays good until it is revoked in Roam
    #[arg(long)]
    pub remove: bool,

    /// Do not start Roam Desktop
    #[arg(long, env = "ROAM_MCP_NO_LAUNCH", value_parser = FalseyValueParser::new())]
    pub no_launch: bool,
}

/// `roam-mcp graphs`.
#[derive(Debug, Args)]
pub struct GraphsArgs {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// A type of graph as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum KindArg {
    /// On Roam's servers
    Hosted,
    /// On this machine alone
    Offline,
}

impl From<KindArg> for Kind {
    fn from(typed: KindArg) -> Self {
        match typed {
            KindArg::Hosted => Self::Hosted,
            KindArg::Offline => Self::Offline,
        }
    }
}

fn graph_name(name: &str) -> Result<String, String> {
    if is_graph_name(name) {
        Ok(name.to_owned())
    } else {
        Err("use the letters, digits, `-` and `_` of its name in Roam".into())
    }
}
