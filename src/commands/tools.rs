//! `roam-mcp tools`.

use std::io::{Write as _, stdout};

use super::Failure;
use crate::cli::ToolsArgs;
use crate::mcp;
use crate::tools::{self, TOOLS, Tool};

pub(super) fn run(args: &ToolsArgs) -> Result<(), Failure> {
    let text = match &args.tool {
        Some(name) => tools::reference::entry(find(name)?),
        None if args.json => format!("{:#}\n", mcp::list()),
        None if args.markdown => tools::reference::page(),
        None => list(),
    };
    Ok(stdout().write_all(text.as_bytes())?)
}

/// The tool that somebody typed, with hyphens or underscores.
pub(super) fn find(name: &str) -> Result<&'static Tool, Failure> {
    tools::find(&name.replace('-', "_")).ok_or_else(|| {
        let message = format!("there is no tool `{name}`; `roam-mcp tools` lists them");
        Failure::with_code(message, Failure::USAGE)
    })
}

fn list() -> String {
    let width = TOOLS.iter().map(|tool| tool.name.len()).max().unwrap_or_default();
    let line = |tool: &Tool| format!("{:width$}  {:<12} {}\n", tool.typed_name(), tool.needs().as_str(), tool.title);
    TOOLS.iter().map(line).collect()
}
