//! The program. Everything is in the library, where tests reach it.

use std::process::ExitCode;

use roam_mcp::cli::Cli;
use roam_mcp::commands;

fn main() -> ExitCode {
    commands::run(Cli::of(std::env::args_os()))
}
