//! What can be typed about who may call.

use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Subcommand, ValueHint};
use ipnet::IpNet;
use jiff::Timestamp;

use super::span::span;
use crate::access::{CredentialKind, Level};
use crate::credentials::Name;

pub(super) const CREDENTIALS_EXAMPLES: &str = "\
Examples:
  For a client that can send a header: append but not edit, one graph, for a month
      roam-mcp credentials add claude --access read-append --graphs notes \\
          --expires 30d

  For a client that takes nothing but a URL, from Anthropic's addresses alone
      roam-mcp credentials add phone --kind path --access read-only \\
          --sources 160.79.104.0/21

  roam-mcp credentials list
  roam-mcp credentials revoke claude

A secret is shown once, when it is made. A running node takes a change over within a second.

Exit codes: 0 done, 1 failed, 2 wrong usage.";

const ADD_EXAMPLES: &str = "\
Examples:
  roam-mcp credentials add claude --access read-append --graphs notes --expires 30d
  roam-mcp credentials add phone --kind path --access read-only --tools 'search*,get_*'
  roam-mcp credentials add work --access full --sources 203.0.113.0/24,2001:db8::/48";

const EXPLAIN_EXAMPLES: &str = "\
Examples:
  roam-mcp access explain --as alice@example.com
  roam-mcp access explain --as claude --tool delete-page --graph notes
  roam-mcp access explain --as public --json";

pub(super) const ACCESS_EXAMPLES: &str = "\
Examples:
  roam-mcp access explain --as alice@example.com
  roam-mcp access explain --as claude --tool delete_page --graph notes
  roam-mcp access explain --as owner --json

Asks the running node; without one, tells what the configuration says.

Exit codes: 0 explained, 1 failed, 2 wrong usage.";

/// Who may call: for `up`.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Who may call")]
pub struct AccessFlags {
    /// Rules, sources and limits; see docs/config.example.toml [default: ~/.config/roam-mcp/config.toml, on macOS
    /// ~/Library/Application Support/roam-mcp/config.toml]
    #[arg(long, value_name = "FILE", env = "ROAM_MCP_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// Take public calls from these networks, comma-separated, and from those allowed below, and from no others
    #[arg(long, value_name = "CIDR", env = "ROAM_MCP_ALLOW_IP", value_delimiter = ',')]
    pub allow_ip: Vec<IpNet>,

    /// Take public calls from Anthropic's cloud (Claude.ai)
    #[arg(long, env = "ROAM_MCP_ALLOW_ANTHROPIC", value_parser = FalseyValueParser::new())]
    pub allow_anthropic: bool,

    /// Take public calls from OpenAI's cloud (ChatGPT): the addresses it publishes, fetched twice a day
    #[arg(long, env = "ROAM_MCP_ALLOW_OPENAI", value_parser = FalseyValueParser::new())]
    pub allow_openai: bool,

    /// A copy of https://openai.com/chatgpt-connectors.json to use instead, read again when it changes
    #[allow(rustdoc::bare_urls, reason = "help texts print it as it is")]
    #[arg(long, value_name = "FILE", env = "ROAM_MCP_OPENAI_FILE", value_hint = ValueHint::FilePath)]
    pub openai_file: Option<PathBuf>,

    /// Take calls from Tailscale's addresses
    #[arg(long, env = "ROAM_MCP_ALLOW_TAILSCALE", value_parser = FalseyValueParser::new())]
    pub allow_tailscale: bool,

    /// Take calls from this machine and from private networks
    #[arg(long, env = "ROAM_MCP_ALLOW_LOCAL", value_parser = FalseyValueParser::new())]
    pub allow_local: bool,

    /// Proxies and tunnels in front of --listen, comma-separated: what their X-Forwarded-For says counts, read from the right
    #[arg(long, value_name = "CIDR", env = "ROAM_MCP_TRUST_PROXY", value_delimiter = ',')]
    pub trust_proxy: Vec<IpNet>,

    /// Bearer token for this run, of 16 characters or more, in place of the one in ~/.roam-tools.json; prefer the variable to the
    /// flag
    #[arg(long, value_name = "TOKEN", env = "ROAM_MCP_TOKEN", hide_env_values = true)]
    pub token: Option<String>,

    /// Path secret for this run, of 16 characters or more, in place of the one in ~/.roam-tools.json; prefer the variable to the
    /// flag
    #[arg(long, value_name = "SECRET", env = "ROAM_MCP_SECRET", hide_env_values = true)]
    pub secret: Option<String>,

    /// Ask public callers for a bearer token and the URL with a path secret together
    #[arg(long, env = "ROAM_MCP_REQUIRE_BOTH", value_parser = FalseyValueParser::new())]
    pub require_both: bool,

    /// Let public callers use setup_new_graph, call_extension_tool and reload_dev_extensions, which act on this computer
    #[arg(long, env = "ROAM_MCP_FUNNEL_DESKTOP_TOOLS", value_parser = FalseyValueParser::new())]
    pub funnel_desktop_tools: bool,

    /// Directory from which callers may upload files by their path [default: none]
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_UPLOAD_ROOT", value_hint = ValueHint::DirPath)]
    pub upload_root: Option<PathBuf>,

    /// Draw a new path secret before the start; the old URL is worthless from then on
    #[arg(long, conflicts_with = "secret")]
    pub regenerate_path_secret: bool,
}

/// `roam-mcp credentials`.
#[derive(Args, Debug)]
pub struct CredentialsArgs {
    /// What to do with them.
    #[command(subcommand)]
    pub command: CredentialsCommand,

    /// State directory of the node
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath, global = true)]
    pub state_dir: Option<PathBuf>,
}

/// What can be done with credentials.
#[derive(Debug, Subcommand)]
pub enum CredentialsCommand {
    /// Make one and show its secret, once
    #[command(after_help = ADD_EXAMPLES)]
    Add(AddArgs),
    /// Show them, without their secrets
    List {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
    /// Give one a new secret and show it, once
    Rotate {
        /// Its name
        name: Name,
    },
    /// Remove one
    Revoke {
        /// Its name
        name: Name,
    },
}

/// `roam-mcp credentials add`.
#[derive(Args, Debug)]
pub struct AddArgs {
    /// What to call it, in lists and in the audit log
    pub name: Name,

    /// How the client shows it
    #[arg(long, value_name = "KIND", default_value = "bearer")]
    pub kind: CredentialKind,

    /// What it allows
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    pub access: Level,

    /// The graphs it is for, comma-separated, `*` for any text [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub graphs: Vec<String>,

    /// The tools it is for, comma-separated, `*` for any text [default: all]
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    pub tools: Vec<String>,

    /// How long it is good, such as 12h, 30d or 1h30m [default: until revoked]
    #[arg(long, value_name = "TIME", value_parser = expiry)]
    pub expires: Option<Timestamp>,

    /// The networks it is good from, comma-separated [default: everywhere]
    #[arg(long, value_name = "CIDR", value_delimiter = ',')]
    pub sources: Vec<IpNet>,
}

/// `roam-mcp access`.
#[derive(Args, Debug)]
pub struct AccessArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: AccessCommand,
}

/// What can be asked about access.
#[derive(Debug, Subcommand)]
pub enum AccessCommand {
    /// Tell what a caller may do, and by which rule
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArgs),
}

/// `roam-mcp access explain`.
#[derive(Args, Debug)]
pub struct ExplainArgs {
    /// A login name, the name of a credential, `owner` or `public`
    #[arg(long = "as", value_name = "WHO")]
    pub who: String,

    /// One tool only, with hyphens or underscores
    #[arg(long, value_name = "NAME")]
    pub tool: Option<String>,

    /// One graph only
    #[arg(long, value_name = "NAME")]
    pub graph: Option<String>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// The configuration, if no node is running
    #[arg(long, value_name = "FILE", env = "ROAM_MCP_CONFIG", value_hint = ValueHint::FilePath)]
    pub config: Option<PathBuf>,

    /// State directory of the node
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
}

fn level(text: &str) -> Result<Level, String> {
    let levels = [Level::ReadOnly, Level::ReadAppend, Level::Full];
    let level = levels.into_iter().find(|level| level.as_str() == text);
    level.ok_or_else(|| "use read-only, read-append or full".into())
}

/// A length of time, counted from now.
fn expiry(text: &str) -> Result<Timestamp, String> {
    Timestamp::now().checked_add(span(text)?).map_err(|_| "that is too long".into())
}
