//! `roam-mcp man`.

use std::io::stdout;

use clap::CommandFactory as _;
use clap_mangen::Man;

use super::Failure;
use crate::cli::Cli;

/// Prints the page of one command, or of the program.
pub(super) fn run(command: Option<&str>) -> Result<(), Failure> {
    let mut program = Cli::command();
    // Gives every command the name its page is found by, such as `roam-mcp-call`.
    program.build();
    let about = match command {
        None => program,
        Some(name) => {
            let missing = || Failure::with_code(format!("there is no command `{name}`"), Failure::USAGE);
            program.find_subcommand(name).ok_or_else(missing)?.clone()
        }
    };
    Ok(Man::new(about).render(&mut stdout())?)
}
