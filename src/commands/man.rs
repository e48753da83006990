//! `roam-mcp man`.

use std::io::stdout;

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use super::Failure;
use crate::cli::Cli;

/// Prints the page of one command, or of the program. A command of a command is named by both: `credentials add`, or
/// `credentials-add` as its page is called.
pub(super) fn run(command: &[String]) -> Result<(), Failure> {
    let mut program = Cli::command();
    // Gives every command the name its page is found by, such as `roam-mcp-call`.
    program.build();
    let page = [&["roam-mcp".to_owned()], command].concat().join("-");
    let missing = || Failure::with_code(format!("there is no command `{}`", command.join(" ")), Failure::USAGE);
    let about = find(&program, &page).ok_or_else(missing)?.clone();
    Ok(Man::new(about).render(&mut stdout())?)
}

fn find<'a>(command: &'a Command, page: &str) -> Option<&'a Command> {
    if command.get_display_name().unwrap_or(command.get_name()) == page {
        return Some(command);
    }
    command.get_subcommands().find_map(|command| find(command, page))
}
