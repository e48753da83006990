//! What can be typed.

mod access;
mod audit;
mod desktop;
mod funnel;
mod shell;
mod span;
mod transfer;

use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::net::SocketAddr;
use std::path::PathBuf;

use axum::http::Uri;
use clap::builder::{FalseyValueParser, Resettable};
use clap::{Arg, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueHint};

pub use access::{AccessArgs, AccessCommand, AccessFlags, AddArgs, CredentialsArgs, CredentialsCommand, ExplainArgs};
pub use audit::{AuditArgs, AuditCommand, AuditSearchArgs};
pub use funnel::{FunnelArgs, FunnelCommand};

use crate::audit::OnAuditFailure;
use crate::config::host_label;
use crate::telemetry::Format;

pub use desktop::{Approve, ConnectArgs, DesktopFlags, GraphsArgs, KindArg, LevelArg, SandboxArgs};
pub use shell::{CallArgs, GraphArgs, ToolsArgs};
pub use transfer::{ExportArgs, ImportArgs};

/// Serve a Roam Research graph over MCP: privately to your tailnet, publicly through Funnel.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// What to do; without it a program that has started this one is served over standard input and output.
    #[command(subcommand)]
    pub command: Option<Command>,
}

impl Cli {
    /// What was typed, the program's name first, over what the environment says. Ends the program where that cannot be read,
    /// or asks for help.
    pub fn of(typed: impl IntoIterator<Item = impl Into<OsString> + Clone>) -> Self {
        let command = without_empty_variables(Self::command());
        Self::from_arg_matches(&command.get_matches_from(typed)).unwrap_or_else(|error| error.exit())
    }
}

/// The command without the variables that are empty: what a service manager, or a compose file, makes of a value that it
/// does not have.
fn without_empty_variables(command: clap::Command) -> clap::Command {
    let without = |arg: Arg| match arg.get_env() {
        Some(name) if std::env::var_os(name).is_some_and(|set| set.is_empty()) => arg.env(Resettable::Reset),
        _ => arg,
    };
    command.mut_args(without).mut_subcommands(without_empty_variables)
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
    #[command(after_help = audit::EXAMPLES)]
    Audit(AuditArgs),
    /// Load a Roam export, afresh or for the first time
    #[command(after_help = transfer::IMPORT_EXAMPLES)]
    Import(ImportArgs),
    /// Write a loaded graph as a Roam JSON export
    #[command(after_help = transfer::EXPORT_EXAMPLES)]
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
        /// The command it is about, such as `call` or `credentials add` [default: all of roam-mcp]
        command: Vec<String>,
    },
}

#[cfg(feature = "tailnet")]
const UP_EXAMPLES: &str = "\
Examples:
  First start: prints a login URL, and then what to paste where
      roam-mcp up --hostname roam --graph notes.json --show-secrets

  The same without a person, with a key from the admin console
      roam-mcp up --hostname roam --graph notes.json --auth-key-file key.txt

  The graphs of Roam Desktop on this machine, after `roam-mcp connect`
      roam-mcp up

  Tailnet only
      roam-mcp up --graph notes.json --no-funnel

Exit codes: 0 stopped as asked, 1 failed, 2 wrong usage, 3 credential refused, 4 state directory in use,
130 told twice to stop.";

const STATUS_EXAMPLES: &str = "\
Examples:
  roam-mcp status
  roam-mcp status --json | jq .funnel
  roam-mcp status --show-secrets     the public URL to paste, in full

Exit codes: 0 running, 1 failed, 2 wrong usage, 5 no node is running.";

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

    /// Roam export to serve (JSON, EDN, or the zip of either), loaded on first use, or the name of a graph that was imported [default: the graphs of Roam Desktop that were connected]
    #[arg(long, value_name = "FILE", env = "ROAM_MCP_GRAPH", value_hint = ValueHint::FilePath)]
    pub graph: Option<PathBuf>,

    #[command(flatten)]
    /// How Roam Desktop is dealt with.
    pub desktop: DesktopFlags,

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
    #[arg(long, value_name = "URL", env = "TS_CONTROL_URL", value_hint = ValueHint::Url, value_parser = control_url, help_heading = "Joining")]
    pub control_url: Option<String>,

    /// Where the node keeps its identity, its certificates and loaded graphs [default: ~/.local/state/roam-mcp, on macOS
    /// ~/Library/Application Support/roam-mcp]
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,

    /// Also take calls with a credential at this address of this machine, in plain HTTP: for a local client, or a proxy of
    /// yours (see --trust-proxy)
    #[arg(long, value_name = "ADDRESS", env = "ROAM_MCP_LISTEN", help_heading = "Public access")]
    pub listen: Option<SocketAddr>,

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

/// An absolute URL; an empty one, as `--control-url ''` gives, is Tailscale's own.
fn control_url(text: &str) -> Result<String, String> {
    let is_url = |url: &Uri| matches!(url.scheme_str(), Some("http" | "https")) && url.host().is_some();
    if text.is_empty() || text.parse().is_ok_and(|url| is_url(&url)) {
        Ok(text.to_owned())
    } else {
        Err("write a whole URL, such as https://headscale.example.com".into())
    }
}

/// Logging, on stderr.
#[derive(Debug, Args)]
pub struct LogArgs {
    /// error, warn, info or debug; or directives such as `info,tailscale=debug` [default: warn on a terminal,
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

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::Cli;

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }
}
