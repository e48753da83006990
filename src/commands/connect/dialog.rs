//! The dialog on a terminal: which graph, how much, and what to call it.

use std::fmt;
use std::io::{Write, stderr, stdout};
use std::path::Path;

use inquire::validator::Validation;
use inquire::{InquireError, Select, Text};

use super::plan::{self, Plan};
use super::removed;
use crate::commands::Failure;
use crate::config::{GraphEntry, Kind, RoamTools, TokenLevel, is_graph_name, slug};
use crate::graph::{Desktop, Listed};

/// A line of the list of graphs.
enum Choice<'a> {
    /// A graph of the person's own, or a public one that was connected before.
    Graph(Candidate<'a>),
    /// A graph that is not in the list.
    Public,
}

/// A graph, and whether it is connected already.
struct Candidate<'a> {
    name: String,
    kind: Kind,
    open: bool,
    entry: Option<&'a GraphEntry>,
    revoked: bool,
}

/// What to do with a graph that is connected already.
#[derive(Clone, Copy, PartialEq)]
enum Again {
    Change,
    Replace,
    Remove,
    Cancel,
}

/// Holds the dialog. `None` if there is nothing more to do.
pub(super) async fn hold(file: &Path, known: &[GraphEntry], desktop: &Desktop) -> Result<Option<Plan>, Failure> {
    let choices = choices(known, desktop).await?;
    let (chosen, public) = match Select::new("Which graph?", choices).prompt().map_err(given_up)? {
        Choice::Graph(chosen) => (chosen, false),
        // It may be connected all the same, as the public graph it is or as one of the person's own.
        Choice::Public => {
            let named = Listed { name: public_name()?, kind: Kind::Hosted };
            (candidate(&named, false, known, desktop).await, true)
        }
    };
    if let Some(entry) = chosen.entry {
        match again(entry, chosen.revoked)? {
            Again::Replace => {}
            Again::Change => {
                let place = "Settings > Graph > Local API Tokens";
                writeln!(stdout(), "Open {} in Roam and change the token under {place}.", entry.name)?;
                return Ok(None);
            }
            Again::Remove => {
                RoamTools::remove_graph(file, |other| other.nickname == entry.nickname)?;
                writeln!(stdout(), "{}", removed(entry))?;
                return Ok(None);
            }
            Again::Cancel => return Ok(None),
        }
    }
    let Candidate { name, kind, .. } = chosen;
    let level = if public { TokenLevel::ReadOnly } else { ask_level()? };
    // Asked last of all: once the person has allowed it in Roam, nothing is left to answer.
    let nickname = ask_nickname(known, &name, kind)?;
    Ok(Some(Plan { name, kind, nickname, level, asked: true }))
}

async fn choices<'a>(known: &'a [GraphEntry], desktop: &Desktop) -> Result<Vec<Choice<'a>>, Failure> {
    let available = desktop.available_graphs().await?;
    if available.is_empty() {
        writeln!(stderr(), "Roam lists no graphs. To connect one of your own, log in to Roam Desktop first.")?;
    }
    let open = desktop.open_graphs().await;
    let mut choices = Vec::new();
    for graph in &available {
        choices.push(Choice::Graph(candidate(graph, open.contains(graph), known, desktop).await));
    }
    for entry in known {
        let listed = Listed { name: entry.name.clone(), kind: entry.kind };
        if !available.contains(&listed) {
            choices.push(Choice::Graph(candidate(&listed, false, known, desktop).await));
        }
    }
    choices.sort_by_key(|choice| match choice {
        Choice::Graph(Candidate { name, open, .. }) => (!open, name.to_lowercase()),
        Choice::Public => (true, String::new()),
    });
    choices.push(Choice::Public);
    Ok(choices)
}

async fn candidate<'a>(graph: &Listed, open: bool, known: &'a [GraphEntry], desktop: &Desktop) -> Candidate<'a> {
    let entry = known.iter().find(|entry| entry.name == graph.name && entry.kind == graph.kind);
    let revoked = match entry {
        Some(entry) => plan::is_revoked(entry, desktop).await,
        None => false,
    };
    Candidate { name: graph.name.clone(), kind: graph.kind, open, entry, revoked }
}

fn again(entry: &GraphEntry, revoked: bool) -> Result<Again, Failure> {
    let first = if revoked { Again::Replace } else { Again::Change };
    let question = format!("{} is connected as {}.", entry.name, entry.nickname);
    Select::new(&question, vec![first, Again::Remove, Again::Cancel]).prompt().map_err(given_up)
}

fn ask_level() -> Result<TokenLevel, Failure> {
    let levels = vec![
        Level(TokenLevel::Full, "read, add, change and delete"),
        Level(TokenLevel::ReadAppend, "read and add; nothing that exists is changed"),
        Level(TokenLevel::ReadOnly, "read"),
    ];
    let help = "Roam asks you to confirm it, and you can change it there later.";
    Ok(Select::new("How much access?", levels).with_help_message(help).prompt().map_err(given_up)?.0)
}

struct Level(TokenLevel, &'static str);

fn public_name() -> Result<String, Failure> {
    let valid = |name: &str| {
        Ok(if is_graph_name(name) {
            Validation::Valid
        } else {
            Validation::Invalid("Use the letters, digits, `-` and `_` of its name.".into())
        })
    };
    Text::new("Name of the public graph?").with_validator(valid).prompt().map_err(given_up)
}

fn ask_nickname(known: &[GraphEntry], name: &str, kind: Kind) -> Result<String, Failure> {
    let names: Vec<(String, bool)> = known
        .iter()
        .map(|entry| (entry.nickname.clone(), plan::taken(known, &entry.nickname, name, kind).is_some()))
        .collect();
    let valid = move |text: &str| {
        Ok(match slug(text) {
            None => Validation::Invalid("It needs letters or digits (a to z, 0 to 9).".into()),
            Some(slug) if names.contains(&(slug.clone(), true)) => {
                Validation::Invalid(format!("{slug} is taken by another graph.").into())
            }
            Some(_) => Validation::Valid,
        })
    };
    let suggestion = slug(name).unwrap_or_default();
    let typed =
        Text::new("What to call it?").with_default(&suggestion).with_validator(valid).prompt().map_err(given_up)?;
    slug(&typed).ok_or_else(|| Failure::with_code("the nickname has no letters or digits", Failure::USAGE))
}

fn given_up(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => {
            Failure::with_code("cancelled; nothing was connected", Failure::CANCELLED)
        }
        error => Failure::with_code(error, Failure::FAILED),
    }
}

impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Graph(Candidate { name, kind, open, entry, revoked }) = self else {
            return f.write_str("a public graph of somebody else's …");
        };
        f.write_str(name)?;
        if *kind == Kind::Offline {
            f.write_str(" (offline)")?;
        }
        if *open {
            f.write_str(" [open]")?;
        }
        match entry {
            Some(entry) if *revoked => write!(f, " [connected as {}, token revoked]", entry.nickname),
            Some(entry) => write!(f, " [connected as {}]", entry.nickname),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Again {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Change => "Change what its token allows",
            Self::Replace => "Replace the revoked token by a new one",
            Self::Remove => "Forget it",
            Self::Cancel => "Leave it as it is",
        })
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.0, self.1)
    }
}
