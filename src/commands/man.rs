//! `roam-mcp man`.

use std::io::{self, Write, stdout};

use clap::{Command, CommandFactory as _};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use super::Failure;
use crate::cli::Cli;

/// What a page names that a command may read or write.
const FILES: [(&str, &str); 4] = [
    (
        "~/.roam-tools.json",
        "The graphs of Roam Desktop that were connected, and their tokens; shared with Roam's own tools.",
    ),
    ("~/.roam-local-api.json", "Where Roam Desktop says on which port it listens."),
    ("~/.config/roam-mcp/config.toml", "Settings. On macOS below ~/Library/Application Support."),
    (
        "~/.local/state/roam-mcp",
        "Loaded graphs, and what a node keeps. On macOS ~/Library/Application Support/roam-mcp.",
    ),
];

/// Prints the page of one command, or of the program. A command of a command is named by both: `credentials add`, or
/// `credentials-add` as its page is called.
pub(super) fn run(command: &[String]) -> Result<(), Failure> {
    let mut program = Cli::command();
    // Gives every command the name its page is found by, such as `roam-mcp-call`.
    program.build();
    let page = [&["roam-mcp".to_owned()], command].concat().join("-");
    let missing = || Failure::with_code(format!("there is no command `{}`", command.join(" ")), Failure::USAGE);
    let about = find(&program, &page).ok_or_else(missing)?.clone();
    let mut text = Vec::new();
    write(about, &page, &mut text)?;
    Ok(stdout().write_all(&text)?)
}

fn find<'a>(command: &'a Command, page: &str) -> Option<&'a Command> {
    if command.get_display_name().unwrap_or(command.get_name()) == page {
        return Some(command);
    }
    command.get_subcommands().find_map(|command| find(command, page))
}

fn write(mut command: Command, page: &str, out: &mut impl Write) -> io::Result<()> {
    let usage = command.render_usage().to_string();
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let variables: Vec<String> = command.get_arguments().filter_map(variable).collect();
    let has_commands = command.has_subcommands();
    let source = concat!("roam-mcp ", env!("CARGO_PKG_VERSION"));
    let man = Man::new(command).title(page.to_uppercase()).source(source).manual("roam-mcp manual");
    man.render_title(out)?;
    man.render_name_section(out)?;
    section("SYNOPSIS", &[Part::Kept(usage.trim_start_matches("Usage: "))]).to_writer(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if has_commands {
        man.render_subcommands_section(out)?;
    }
    let (help, codes) = help.split_once("Exit codes: ").unwrap_or((&help, "0 done, 1 failed, 2 wrong usage."));
    let (examples, notes) = parts(help);
    for (title, parts) in [("EXAMPLES", examples), ("NOTES", notes), ("EXIT STATUS", vec![Part::Flowing(codes)])] {
        if !parts.is_empty() {
            section(title, &parts).to_writer(out)?;
        }
    }
    if !variables.is_empty() {
        let parts: Vec<Part<'_>> = variables.iter().map(|line| Part::Flowing(line)).collect();
        section("ENVIRONMENT", &parts).to_writer(out)?;
    }
    let mut files = Roff::new();
    files.control("SH", ["FILES"]);
    for (path, about) in FILES {
        files.control("TP", []).text([bold(path)]).text([roman(about)]);
    }
    files.to_writer(out)
}

/// A variable of the environment, and the flag that it stands for.
fn variable(argument: &clap::Arg) -> Option<String> {
    let name = argument.get_env().filter(|_| !argument.is_hide_set())?.to_string_lossy().into_owned();
    Some(format!("{name}: as --{}", argument.get_long()?))
}

/// A piece of a section.
enum Part<'a> {
    /// Lines that stay as they are.
    Kept(&'a str),
    /// Words.
    Flowing(&'a str),
}

fn section(title: &str, parts: &[Part<'_>]) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", [title]);
    for part in parts {
        match part {
            Part::Kept(text) => {
                roff.control("PP", []).control("nf", []);
                for line in text.lines() {
                    roff.text([roman(line)]);
                }
                roff.control("fi", [])
            }
            Part::Flowing(text) => roff.control("PP", []).text([roman(*text)]),
        };
    }
    roff
}

/// What stands below a help text: the examples, which are indented, and what is said besides.
fn parts(help: &str) -> (Vec<Part<'_>>, Vec<Part<'_>>) {
    let (mut examples, mut notes) = (Vec::new(), Vec::new());
    for paragraph in help.split("\n\n").filter(|paragraph| !paragraph.trim().is_empty()) {
        match paragraph.strip_prefix("Examples:\n") {
            Some(first) => examples.push(Part::Kept(first)),
            None if paragraph.starts_with(' ') => examples.push(Part::Kept(paragraph)),
            None => notes.push(Part::Flowing(paragraph.trim_end())),
        }
    }
    (examples, notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_has_its_name_and_the_sections_that_people_look_for() {
        fn check(command: &Command) {
            let page = command.get_display_name().unwrap_or(command.get_name()).to_owned();
            let mut text = Vec::new();
            write(command.clone(), &page, &mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            let title = page.to_uppercase();
            let head = format!(".TH {title} 1  \"roam-mcp {}\" \"roam-mcp manual\"", env!("CARGO_PKG_VERSION"));
            assert!(text.contains(&head), "{text}");
            for section in ["NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "\"EXIT STATUS\"", "FILES"] {
                assert!(text.contains(&format!("\n.SH {section}\n")), "{page}: {section}\n{text}");
            }
            assert!(!text.contains(".SH EXTRA"), "{page}");
            command.get_subcommands().filter(|command| command.get_name() != "help").for_each(check);
        }
        let mut program = Cli::command();
        program.build();
        check(&program);
    }
}
