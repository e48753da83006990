//! What can be typed to use the tools: by a program that starts this one, and by a person or a script.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::DesktopFlags;

pub(super) const STDIO_EXAMPLES: &str = "\
Examples:
  For a client that starts its servers itself, such as Claude Desktop
      {\"mcpServers\": {\"roam\": {\"command\": \"roam-mcp\", \"args\": [\"stdio\"]}}}

  The same for an export, without Roam Desktop
      roam-mcp stdio --graph notes.json

`roam-mcp` alone does the same when a program starts it.
Exit codes: 0 the input ended, 1 failed, 2 wrong usage.";

pub(super) const CALL_EXAMPLES: &str = "\
Examples:
  roam-mcp call search --query \"soil test\" --limit 5
  roam-mcp call get-page --title Garden --graph notes
  roam-mcp call delete-blocks --uids abcdefghi --uids jklmnopqr
  roam-mcp call append-to-daily-note --json '{\"markdown\": \"- done\"}'
  date | jq -R '{markdown: .}' | roam-mcp call append-to-daily-note -
  roam-mcp call get-page --title Garden --json-output | jq -r .markdown
  roam-mcp call --graph notes.json list-graphs

What stands before the tool is for roam-mcp, and what stands after it is for the tool: there `--graph` is the nickname \
of a graph. `roam-mcp call TOOL --help` shows what a tool takes. Numbers, true and false are written as they are, lists \
and objects as JSON, and a list also by giving the argument several times.

A running node does the call. Without one it is done here, on the graphs of `roam-mcp connect` or on --graph.

Exit codes: 0 done, 1 failed (the message is on standard error), 2 wrong usage, 5 Roam Desktop cannot be reached, \
7 what was asked for is not there, 8 it may have been done or not: look before you try again.";

pub(super) const TOOLS_EXAMPLES: &str = "\
Examples:
  roam-mcp tools
  roam-mcp tools create-block
  roam-mcp tools --json | jq -r '.tools[].name'";

pub(super) const MAN_EXAMPLES: &str = "\
Examples:
  roam-mcp man | man -l -
  roam-mcp man credentials add | man -l -
  roam-mcp man call > ~/.local/share/man/man1/roam-mcp-call.1";

/// Where the graphs come from when no node is asked.
#[derive(Clone, Debug, Args)]
pub struct GraphArgs {
    /// Roam export (JSON, EDN, or the zip of either), loaded on first use; the name of a graph that was imported; or a `.sqlite` graph of this program [default: the graphs of Roam Desktop]
    #[arg(long, value_name = "FILE", env = "ROAM_MCP_GRAPH", value_hint = ValueHint::FilePath)]
    pub graph: Option<PathBuf>,

    /// How Roam Desktop is dealt with.
    #[command(flatten)]
    pub desktop: DesktopFlags,

    /// Where loaded graphs are, and where a running node is looked for
    #[arg(long, value_name = "DIR", env = "ROAM_MCP_STATE_DIR", value_hint = ValueHint::DirPath)]
    pub state_dir: Option<PathBuf>,
}

/// `roam-mcp call`.
#[derive(Debug, Args)]
#[command(disable_help_flag = true, override_usage = "roam-mcp call [OPTIONS] <TOOL> [ARGUMENTS]...")]
pub struct CallArgs {
    /// Where the graphs come from.
    #[command(flatten)]
    pub graphs: GraphArgs,

    /// The tool, with hyphens or underscores, and its arguments: `--argument value` in any number, `--json '{…}'`, or `-` for JSON from standard input
    // One list: what follows the tool would otherwise be read as flags of this program until the first other word.
    #[arg(
        trailing_var_arg = true,
        allow_hyphen_values = true,
        value_names = ["TOOL", "ARGUMENTS"],
        required_unless_present = "help"
    )]
    pub words: Vec<String>,

    /// The arguments as JSON; may also stand after the tool
    #[arg(long, value_name = "JSON")]
    pub json: Option<String>,

    /// Print JSON, errors too; may also stand after the tool
    #[arg(long)]
    pub json_output: bool,

    /// Print help; after a tool, what it takes
    #[arg(short, long)]
    pub help: bool,
}

/// `roam-mcp tools`.
#[derive(Debug, Args)]
pub struct ToolsArgs {
    /// A tool to show in full
    pub tool: Option<String>,

    /// Print the list as MCP has it
    #[arg(long, conflicts_with = "tool")]
    pub json: bool,

    /// Print docs/TOOLS.md
    #[arg(long, hide = true, conflicts_with_all = ["tool", "json"])]
    pub markdown: bool,
}
