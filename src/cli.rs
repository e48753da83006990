//! What can be typed.

mod access;
mod desktop;
mod funnel;
mod shell;

use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand, ValueHint};
use jiff::Timestamp;

pub use access::{AccessArgs, AccessCommand, AccessFlags, AddArgs, CredentialsArgs, CredentialsCommand, ExplainArgs};
pub use funnel::{FunnelArgs, FunnelCommand};

use crate::audit::OnAuditFailure;
use crate::config::host_label;
use crate::telemetry::Format;

pub use desktop::{Approve, ConnectArgs, GraphsArgs, KindArg, LevelArg, SandboxArgs};
pub use shell::{CallArgs, GraphArgs, ToolsArgs};

/// Serve a Roam Research graph over MCP: privately to your tailnet, publicly through Funnel.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// What to do; without it a program that has started this one is served over standard input and output.
    #[command(subcommand)]
    pub command: Option<Command>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Join the tailnet and serve a graph until stopped
    #[cfg(feature = "tailnet")]
    #[command(after_help = UP_EXAMPLES)]
    Up(Box<UpArgs>),
    /// Serve the program that started this one, over standard input and output
    #[command(after_help = shell::STDIO_EXAMPLES)]
    Stdio(GraphArgs),
    /// Use a tool from the shell
    #[command(after_help = shell::CALL_EXAMPLES)]
    Call(CallArgs),
    /// List the tools, or show what one takes
    #[command(after_help = shell::TOOLS_EXAMPLES)]
    Tools(ToolsArgs),
    /// Show what a running node is doing
    #[command(after_help = STATUS_EXAMPLES)]
    Status(StatusArgs),
    /// Make, list and revoke what public callers show
    #[command(after_help = access::CREDENTIALS_EXAMPLES)]
    Credentials(CredentialsArgs),
    /// Tell who may do what
    #[command(after_help = access::ACCESS_EXAMPLES)]
    Access(AccessArgs),
    /// Open or shut the public door of a running node
    #[command(after_help = funnel::EXAMPLES)]
    Funnel(FunnelArgs),
    /// Connect a graph of Roam Desktop, which asks you for leave
    #[command(after_help = desktop::CONNECT_EXAMPLES)]
    Connect(ConnectArgs),
    /// List the graphs that are connected, and whether their tokens are good
    #[command(after_help = desktop::GRAPHS_EXAMPLES)]
    Graphs(GraphsArgs),
    /// Stand in for Roam Desktop: its Local API in front of an export, for trying tools without Roam
    #[command(after_help = desktop::SANDBOX_EXAMPLES)]
    Sandbox(SandboxArgs),
    /// Read the record of who did what
    #[command(after_help = AUDIT_EXAMPLES)]
    Audit(AuditArgs),
    /// Load a Roam export, afresh or for the first time
    #[command(after_help = IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Write a loaded graph as a Roam JSON export
    #[command(after_help = EXPORT_EXAMPLES)]
    Export(ExportArgs),
    /// Print a completion script for a shell
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print a manual page
    #[command(after_help = shell::MAN_EXAMPLES)]
    Man {
        /// The command it is about [default: all of roam-mcp]
        command: Option<String>,
    },
}

#[cfg(feature = "tailnet")]
const UP_EXAMPLES: &str = "\
Examples:
  First start: prints a login URL, opens the public door, shows what to paste where
      roam-mcp up --hostname roam --graph notes.json --show-secrets

  The same without a person, with a key from the admin console
      roam-mcp up --hostname roam --graph notes.json --auth-key-file key.txt

  The graphs of Roam Desktop on this machine, after `roam-mcp connect`
      roam-mcp up

  Tailnet only
      roam-mcp up --graph notes.json --no-funnel

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage, 3 credential refused, 4 state directory in use.";

const STATUS_EXAMPLES: &str = "\
Examples:
  roam-mcp status
  roam-mcp status --json | jq .funnel
  roam-mcp status --show-secrets     the public URL to paste, in full

Exit codes: 0 running, 1 failed, 2 wrong usage, 5 no node is running.";

const AUDIT_EXAMPLES: &str = "\
Examples:
  roam-mcp audit tail
  roam-mcp audit search --caller alice@ --denied --since 2026-11-01T00:00:00Z
  roam-mcp audit verify              finds a changed, dropped or moved record

Exit codes: 0 found or whole, 1 failed, 2 wrong usage, 6 the log is not as it was written.";
const IMPORT_EXAMPLES: &str = "\
Examples:
  roam-mcp import garden.json
  roam-mcp import Roam-Export.zip --name garden --update
  roam-mcp import garden.json --dry-run      reads everything, changes nothing

A node that serves the graph goes on: it answers from the old graph until the new one is complete.
Changes made here to blocks that came with the export are replaced by what the export says.";

const EXPORT_EXAMPLES: &str = "\
Examples:
  roam-mcp export --graph garden --out garden.json
  roam-mcp export --graph garden | jq length";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  roam-mcp completions bash > ~/.local/share/bash-completion/completions/roam-mcp
  roam-mcp completions zsh > ~/.zfunc/_roam-mcp
  roam-mcp completions fish > ~/.config/fish/completions/roam-mcp.fish";

/// `roam-mcp up`.
#[derive(Debug, Args)]
pub struct UpArgs {
    /// Name to ask for in the tailnet
    #[arg(long, value_name = "NAME", default_value = "roam", env = "ROAM_MCP_HOSTNAME", value_parser = host_label)]
    pub hostname: String,

    /// Roam JSON export to serve, loaded on first use [default: the graphs of Roam Desktop that were connected]
    #[arg(long, value_name = "FILE", env = "ROAM_MCP_GRAPH", value_hint = ValueHint::FilePath)]
    pub graph: Option<PathBuf>,

    /// Never start Roam Desktop when a call finds it closed
    #[arg(long, env = "ROAM_MCP_NO_LAUNCH", value_parser = FalseyValueParser::new())]
    pub no_launch: bool,

    /// File that holds an auth key [or set TS_AUTHKEY]
    #[arg(long, value_name = "FILE", env = "ROAM_MCP_AUTH_KEY_FILE", value_hint = ValueHint::FilePath, help_heading = "Joining")]
    pub auth_key_file: Option<PathBuf>,

    /// Auth key; other users of this machine can see it in the process list, so prefer the file or TS_AUTHKEY
    #[arg(
        long,
        value_name = "KEY",
        env = "TS_AUTHKEY",
        hide_env_values = true,
        conflicts_with = "auth_key_file",
        help_heading = "Joining"
    )]
    pub auth_key: Option<String>,

    /// File that holds an OAuth client secret, which mints a key for the tags given [or set TS_CLIENT_SECRET]
    #[arg(long, value_name = "FILE", env = "ROAM_MCP_CLIENT_SECRET_FILE", value_hint = ValueHint::FilePath, help_heading = "Joining")]
    pub client_secret_file: Option<PathBuf>,

    /// OAuth client secret; prefer the file or TS_CLIENT_SECRET
    #[arg(
        long,
        value_name = "SECRET",
        env = "TS_CLIENT_SECRET",
        hide_env_values = true,
        conflicts_with = "client_secret_file",
        help_heading = "Joining"
    )]
    pub client_secret: Option<String>,

    /// Tags to ask for, comma-separated; a tagged node belongs to nobody
    #[arg(long, value_name = "TAGS", env = "ROAM_MCP_TAGS", value_delimiter = ',', help_heading = "Joining")]
    pub tags: Vec<String>,

    /// Let the tailnet forget this node when it goes offline
    #[arg(long, env = "ROAM_MCP_EPHEMERAL", value_parser = FalseyValueParser::new(), help_heading = "Joining")]
    pub ephemeral: bool,

    /// Another control server, such as Headscale
    #[arg(long, value_name = "URL", env = "TS_CONTROL_URL", value_hint = ValueHint::Url, help_heading = "Joining")]
    pub control_url: Option<String>,

    /// Where the node keeps its identity, its certificates and loaded graphs
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,

    /// Open the public door, also when it was shut by `roam-mcp funnel off` [default: as it was left, at first open]
    #[arg(long, overrides_with = "no_funnel", help_heading = "Public access")]
    pub funnel: bool,

    /// Serve the tailnet only, for this run
    #[arg(long, env = "ROAM_MCP_NO_FUNNEL", value_parser = FalseyValueParser::new(), help_heading = "Public access")]
    pub no_funnel: bool,

    /// Port of the public door; Claude.ai needs 443
    #[arg(long, value_name = "PORT", default_value = "443", env = "ROAM_MCP_FUNNEL_PORT", value_parser = ["443", "8443", "10000"], help_heading = "Public access")]
    pub funnel_port: String,

    /// Print tokens and secret URLs in full
    #[arg(long, help_heading = "Public access")]
    pub show_secrets: bool,

    /// Keep the full arguments of every call in the audit log, not only their digest
    #[arg(long, env = "ROAM_MCP_AUDIT_ARGUMENTS", value_parser = FalseyValueParser::new(), help_heading = "Logging")]
    pub audit_arguments: bool,

    /// What happens to writes while the audit log cannot be written
    #[arg(
        long,
        value_name = "WHAT",
        default_value = "block-writes",
        env = "ROAM_MCP_AUDIT_FAILURE",
        help_heading = "Logging"
    )]
    pub audit_failure: OnAuditFailure,

    #[command(flatten)]
    /// Who may call.
    pub access: AccessFlags,

    #[command(flatten)]
    /// Logging.
    pub log: LogArgs,

    /// For tests: the DNS server of the embedded node
    #[arg(long, value_name = "ADDRESS", env = "ROAM_MCP_TAILNET_RESOLVER", hide = true)]
    pub tailnet_resolver: Option<SocketAddr>,
}

/// Logging, on stderr.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// error, warn, info, debug or trace; or directives such as `info,tailscale=debug` [default: warn on a terminal,
    /// info elsewhere]
    #[arg(long, value_name = "LEVEL", env = "ROAM_MCP_LOG_LEVEL", help_heading = "Logging")]
    pub log_level: Option<String>,

    /// Form of log lines
    #[arg(long, value_name = "FORMAT", default_value = "text", env = "ROAM_MCP_LOG_FORMAT", help_heading = "Logging")]
    pub log_format: Format,
}

impl LogArgs {
    /// The level in force: on a terminal the progress of the start says enough.
    pub fn level(&self) -> &str {
        let default = if io::stderr().is_terminal() { "warn" } else { "info" };
        self.log_level.as_deref().unwrap_or(default)
    }
}

/// `roam-mcp status`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// State directory of the node
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,

    /// Print JSON
    #[arg(long)]
    pub json: bool,

    /// Print secret URLs in full
    #[arg(long)]
    pub show_secrets: bool,
}

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
    /// Not before this time (RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since: Option<Timestamp>,
    /// Only what was denied or refused
    #[arg(long)]
    pub denied: bool,
    /// Print JSON, a record a line
    #[arg(long)]
    pub json: bool,
}

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

    /// Drop the pages and blocks that were added here
    #[arg(long, conflicts_with = "update")]
    pub replace: bool,

    /// Read the export, say what is in it, and change nothing
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
