//! `roam-mcp call`: one tool, done by a running node or else here.

mod answer;
mod file;
mod problem;
mod shown;
mod typed;
mod usage;

use std::io::{self, IsTerminal as _, Read as _, Write as _, stderr, stdin, stdout};
use std::path;
use std::time::Duration;

use clap::{Command, CommandFactory as _};
use serde_json::{Map, Value, json};
use tokio::time::timeout;

use super::{Failure, opened, show_warnings, state_dir, tools};
use crate::admin::{self, AdminError};
use crate::cli::{CallArgs, Cli};
use crate::tools::Tool;
use crate::{mcp, transfer};
use answer::Answer;
use shown::Paging;
use typed::{Source, Typed};

/// How long a person waits without a word.
const SILENCE: Duration = Duration::from_secs(3);

pub(super) async fn run(args: CallArgs) -> Result<(), Failure> {
    show_warnings();
    let Some((tool, words)) = args.words.split_first() else { return Ok(help()?) };
    if tool.starts_with('-') {
        return Err(wrong(format!(
            "`{tool}` is no flag of `roam-mcp call`; what a tool takes comes after it: `roam-mcp call TOOL {tool} …`"
        )));
    }
    let tool = tools::find(tool)?;
    let schema = tool.input_schema();
    let typed = Typed::parse(words, args.json.clone(), &schema).map_err(wrong)?;
    if args.help || typed.help {
        return Ok(usage::print(tool)?);
    }
    let mut arguments = match typed.source {
        Source::Arguments(arguments) => arguments,
        Source::Json(text) => object(&text)?,
        Source::StandardInput => {
            let mut text = String::new();
            stdin().read_to_string(&mut text)?;
            object(&text)?
        }
    };
    find_file(&mut arguments)?;
    let paging = Paging::of(&arguments, &schema);
    let answer = Answer::of(ask(&args, tool, arguments).await?, tool.name)?;
    let shown = show(&answer, typed.json_output || args.json_output, paging);
    if answer.has_no_graphs() {
        let names = transfer::imported(&state_dir(args.graphs.state_dir.clone())?.join("graphs"));
        if let [name, ..] = &names[..] {
            let (names, tool) = (names.join(", "), tool.typed_name());
            writeln!(stderr(), "Imported here: {names}. To ask one: `roam-mcp call --graph {name} {tool} …`")?;
        }
    }
    shown
}

/// Prints the help of `call` itself.
fn help() -> io::Result<()> {
    let mut program = Cli::command();
    program.build();
    program.find_subcommand_mut("call").map_or(Ok(()), Command::print_help)
}

/// What an MCP server answers to the call.
async fn ask(args: &CallArgs, tool: &Tool, arguments: Map<String, Value>) -> Result<Value, Failure> {
    // Whoever names a file wants that one, and not what a node serves.
    if args.graphs.graph.is_none() {
        let params = json!({ "name": tool.name, "arguments": arguments });
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        match patiently(admin::ask_mcp(&state_dir(args.graphs.state_dir.clone())?, &request)).await {
            Err(AdminError::NotRunning { .. }) => {}
            Err(error @ AdminError::Failed { .. }) if tool.is_write() => {
                let text = format!("{error}. It may have been done or not: look before you try again");
                return Err(Failure::with_code(text, Failure::UNKNOWN));
            }
            asked => return Ok(asked?),
        }
    }
    Ok(mcp::call(opened::open(&args.graphs, opened::announced)?, tool.name, arguments).await)
}

/// Waits for a node, and tells a person who waits with it what for.
async fn patiently<T>(asking: impl Future<Output = T>) -> T {
    tokio::pin!(asking);
    match timeout(SILENCE, &mut asking).await {
        Ok(asked) => asked,
        Err(_) => {
            if stderr().is_terminal() {
                // Nobody is left to tell that standard error is closed.
                let _ = writeln!(
                    stderr(),
                    "No answer yet: the node works on it, or starts Roam Desktop, which may take a minute …"
                );
            }
            asking.await
        }
    }
}

/// A path is meant from where it was typed, and the node that reads the file stands elsewhere.
fn find_file(arguments: &mut Map<String, Value>) -> io::Result<()> {
    if let Some(Value::String(path)) = arguments.get_mut("filePath")
        && !path.is_empty()
    {
        *path = path::absolute(&*path)?.to_string_lossy().into_owned();
    }
    Ok(())
}

/// Results go to standard output, for people if one reads there. Errors go to standard error, or where a script that
/// asked for JSON looks for it.
fn show(answer: &Answer, as_json: bool, paging: Option<Paging>) -> Result<(), Failure> {
    if as_json {
        writeln!(stdout(), "{:#}", answer.json())?;
    } else if answer.is_error {
        writeln!(stderr(), "roam-mcp: {}", answer.problem())?;
    } else if !stdout().is_terminal() {
        writeln!(stdout(), "{}", answer.text())?;
    } else if answer.is_missing() {
        writeln!(stderr(), "roam-mcp: there is no such page or block")?;
    } else {
        writeln!(stdout(), "{}", answer.for_people(paging))?;
    }
    match answer.code() {
        0 => Ok(()),
        code => Err(Failure::told(code)),
    }
}

fn object(text: &str) -> Result<Map<String, Value>, Failure> {
    serde_json::from_str(text).map_err(|error| wrong(format!("the arguments are not a JSON object: {error}")))
}

fn wrong(message: String) -> Failure {
    Failure::with_code(message, Failure::USAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_the_one_that_stands_where_the_path_was_typed() {
        let found = |path: &str| {
            let mut arguments = Map::from_iter([("filePath".to_owned(), Value::from(path))]);
            find_file(&mut arguments).unwrap();
            arguments["filePath"].as_str().unwrap().to_owned()
        };
        let here = std::env::current_dir().unwrap();
        assert_eq!(found("x.pdf"), here.join("x.pdf").display().to_string());
        assert_eq!(found("./x.pdf"), here.join("x.pdf").display().to_string());
        assert_eq!((found("/x.pdf").as_str(), found("").as_str()), ("/x.pdf", ""));
    }
}
