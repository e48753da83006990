//! `roam-mcp call`: one tool, done by a running node or else here.

mod answer;
mod typed;

use std::io::{self, IsTerminal as _, Read as _, Write as _, stderr, stdin, stdout};

use clap::{Command, CommandFactory as _};
use serde_json::{Map, Value, json};

use super::{Failure, opened, show_warnings, state_dir, tools};
use crate::admin::{self, AdminError};
use crate::cli::{CallArgs, Cli};
use crate::mcp;
use crate::tools::reference;
use answer::Answer;
use typed::{Source, Typed};

pub(super) async fn run(args: CallArgs) -> Result<(), Failure> {
    show_warnings();
    let Some(tool) = &args.tool else { return Ok(help()?) };
    let tool = tools::find(tool)?;
    let typed = Typed::parse(&args.arguments, &tool.input_schema()).map_err(usage)?;
    if args.help || typed.help {
        return Ok(stdout().write_all(reference::entry(tool).as_bytes())?);
    }
    let arguments = match typed.source {
        Source::Arguments(arguments) => arguments,
        Source::Json(text) => object(&text)?,
        Source::StandardInput => {
            let mut text = String::new();
            stdin().read_to_string(&mut text)?;
            object(&text)?
        }
    };
    let answer = Answer::of(ask(&args, tool.name, arguments).await?)?;
    show(&answer, typed.json_output)
}

/// Prints the help of `call` itself.
fn help() -> io::Result<()> {
    let mut program = Cli::command();
    program.build();
    program.find_subcommand_mut("call").map_or(Ok(()), Command::print_help)
}

/// What an MCP server answers to the call.
async fn ask(args: &CallArgs, tool: &str, arguments: Map<String, Value>) -> Result<Value, Failure> {
    // Whoever names a file wants that one, and not what a node serves.
    if args.graphs.graph.is_none() {
        let params = json!({ "name": tool, "arguments": arguments });
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        match admin::ask_mcp(&state_dir(args.graphs.state_dir.clone())?, &request).await {
            Err(AdminError::NotRunning { .. }) => {}
            asked => return Ok(asked?),
        }
    }
    Ok(mcp::call(opened::open(&args.graphs)?, tool, arguments).await)
}

/// Results go to standard output, for people if one reads there. Errors go to standard error, or where a script that
/// asked for JSON looks for it.
fn show(answer: &Answer, as_json: bool) -> Result<(), Failure> {
    if as_json {
        writeln!(stdout(), "{:#}", answer.json()?)?;
    } else if answer.is_error {
        writeln!(stderr(), "roam-mcp: {}", answer.problem())?;
    } else if stdout().is_terminal() {
        writeln!(stdout(), "{}", answer.for_people()?)?;
    } else {
        writeln!(stdout(), "{}", answer.text()?)?;
    }
    match (answer.is_error, answer.is_usage()) {
        (false, _) => Ok(()),
        (true, false) => Err(Failure::told(Failure::FAILED)),
        (true, true) => Err(Failure::told(Failure::USAGE)),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text).map_err(|error| usage(format!("the arguments are not a JSON object: {error}")))
}

fn usage(message: String) -> Failure {
    Failure::with_code(message, Failure::USAGE)
}
