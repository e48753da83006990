//! `roam-mcp completions`.

use std::io::{Write as _, stdout};

use clap::CommandFactory as _;
use clap::builder::PossibleValuesParser;
use clap_complete::{Shell, generate};

use super::Failure;
use crate::cli::Cli;
use crate::tools::TOOLS;

pub(super) fn run(shell: Shell) -> Result<(), Failure> {
    Ok(stdout().write_all(script(shell).as_bytes())?)
}

fn script(shell: Shell) -> String {
    let tools = TOOLS.iter().map(|tool| -> &'static str { tool.typed_name().leak() });
    let tools = PossibleValuesParser::new(tools);
    let mut program = Cli::command();
    for (command, argument) in [("call", "words"), ("tools", "tool")] {
        let tools = tools.clone();
        program = program.mut_subcommand(command, |command| command.mut_arg(argument, |it| it.value_parser(tools)));
    }
    let mut script = Vec::new();
    generate(shell, &mut program, "roam-mcp", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    // clap_complete 4.6.11 sets `cmd` to `roam__mcp…` and then looks for `roam__subcmd__mcp…`.
    if shell == Shell::Bash { script.replace("roam__subcmd__mcp", "roam__mcp") } else { script }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What bash offers for the last of `words`.
    fn offered(words: &[&str]) -> Vec<String> {
        let at = words.len() - 1;
        let line = words.iter().map(|word| format!("'{word}'")).collect::<Vec<_>>().join(" ");
        let ask = format!(
            "{}\nCOMP_WORDS=({line}); COMP_CWORD={at}\n_roam__mcp roam-mcp '{}' '{}'\nprintf '%s\\n' \"${{COMPREPLY[@]}}\"",
            script(Shell::Bash),
            words[at],
            words[at - 1],
        );
        let done = Command::new("bash").args(["--norc", "-c", &ask]).output().unwrap();
        assert!(done.status.success(), "{done:?}");
        String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn bash_offers_what_fits_on_every_level() {
        for (words, offers) in [
            (&["roam-mcp", "conn"][..], &["connect"][..]),
            (&["roam-mcp", "call", "get-p"], &["get-page"]),
            (&["roam-mcp", "call", "--no-launch", "get-p"], &["get-page"]),
            (&["roam-mcp", "tools", "get-p"], &["get-page"]),
            (&["roam-mcp", "call", "--json-"], &["--json-output"]),
            (&["roam-mcp", "connect", "--access-level", "read-o"], &["read-only"]),
            (&["roam-mcp", "connect", "--acc"], &["--access-level"]),
            (&["roam-mcp", "credentials", "rev"], &["revoke"]),
            (&["roam-mcp", "credentials", "add", "--exp"], &["--expires"]),
        ] {
            assert_eq!(offered(words), offers, "{words:?}");
        }
    }
}
