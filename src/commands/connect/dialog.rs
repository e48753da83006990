//! The dialog on a terminal: which graph, how much, and what to call it.

use std::fmt;
use std::io::{self, Write, stderr, stdout};
use std::path::Path;
use std::sync::Arc;

use inquire::validator::Validation;
use inquire::{InquireError, Select, Text};

use super::plan::{self, Plan};
use super::{cancelled, removed};
use crate::cli::ConnectArgs;
use crate::commands::graphs::token_states;
use crate::commands::{Failure, visible};
use crate::config::{GraphEntry, Kind, RoamTools, TokenLevel, has_nickname, is_graph_name, slug};
use crate::graph::{Desktop, Listed, TokenState};

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

/// Holds the dialog, in which nothing is asked that was typed already. `None` if there is nothing more to do.
pub(super) async fn hold(
    args: &ConnectArgs,
    file: &Path,
    known: &[GraphEntry],
    desktop: &Desktop,
) -> Result<Option<Plan>, Failure> {
    let kind: Option<Kind> = args.kind.map(Into::into);
    let chosen = if args.public {
        Choice::Public
    } else {
        let choices = choices(known, kind, desktop).await?;
        Select::new("Which graph?", choices).prompt().map_err(given_up)?
    };
    let (chosen, public) = match chosen {
        Choice::Graph(chosen) => (chosen, false),
        // It may be connected all the same, as the public graph it is or as one of the person's own.
        Choice::Public => {
            let named = Listed { name: public_name()?, kind: Kind::Hosted };
            let states = token_states(known, desktop).await;
            (candidate(&named, false, known, &states), true)
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
    let level = match args.access_level {
        _ if public => TokenLevel::ReadOnly,
        Some(level) => level.into(),
        None => ask_level()?,
    };
    // Asked last of all: once the person has allowed it in Roam, nothing is left to answer.
    let nickname = match args.nickname.as_deref().and_then(slug) {
        Some(nickname) => {
            plan::check_nickname(known, &nickname, &name, kind)?;
            nickname
        }
        None => ask_nickname(known, &name, kind)?,
    };
    Ok(Some(Plan { name, kind, nickname, level, asked: true }))
}

/// The graphs there are, of one kind if that was typed.
async fn choices<'a>(
    known: &'a [GraphEntry],
    kind: Option<Kind>,
    desktop: &Desktop,
) -> Result<Vec<Choice<'a>>, Failure> {
    let mut available = desktop.available_graphs().await?;
    if available.is_empty() {
        writeln!(stderr(), "Roam lists no graphs. To connect one of your own, log in to Roam Desktop first.")?;
    }
    let (open, states) = tokio::join!(desktop.open_graphs(), token_states(known, desktop));
    for entry in known {
        let listed = Listed { name: entry.name.clone(), kind: entry.kind };
        if !available.contains(&listed) {
            available.push(listed);
        }
    }
    available.retain(|graph| kind.is_none_or(|kind| graph.kind == kind));
    let choice = |graph: &Listed| Choice::Graph(candidate(graph, open.contains(graph), known, &states));
    let mut choices: Vec<_> = available.iter().map(choice).collect();
    choices.sort_by_key(|choice| match choice {
        Choice::Graph(Candidate { name, open, .. }) => (!open, name.to_lowercase()),
        Choice::Public => (true, String::new()),
    });
    choices.push(Choice::Public);
    Ok(choices)
}

fn candidate<'a>(graph: &Listed, open: bool, known: &'a [GraphEntry], states: &[TokenState]) -> Candidate<'a> {
    let found = known.iter().zip(states).find(|(entry, _)| entry.name == graph.name && entry.kind == graph.kind);
    let revoked = found.is_some_and(|(entry, state)| plan::is_revoked(entry, state));
    Candidate { name: graph.name.clone(), kind: graph.kind, open, entry: found.map(|(entry, _)| entry), revoked }
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
    let help = "With full access every tool works. Nothing is allowed before you confirm it in Roam, and you can lower it \
                there, now or later.";
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
    let (known, of) = (Arc::<[GraphEntry]>::from(known), name.to_owned());
    let valid = move |text: &str| {
        let Some(slug) = slug(text) else {
            return Ok(Validation::Invalid("It needs letters or digits (a to z, 0 to 9).".into()));
        };
        Ok(match has_nickname(&known, &slug, &of, kind) {
            Some(GraphEntry { name, .. }) => Validation::Invalid(format!("{slug} belongs to {name}.").into()),
            None => Validation::Valid,
        })
    };
    let suggestion = slug(name).unwrap_or_default();
    let typed =
        Text::new("What to call it?").with_default(&suggestion).with_validator(valid).prompt().map_err(given_up)?;
    slug(&typed).ok_or_else(|| Failure::with_code("the nickname has no letters or digits", Failure::USAGE))
}

fn given_up(error: InquireError) -> Failure {
    match error {
        InquireError::OperationCanceled | InquireError::OperationInterrupted => cancelled(),
        InquireError::IO(error) if error.kind() == io::ErrorKind::Interrupted => cancelled(),
        error => Failure::with_code(error, Failure::FAILED),
    }
}

impl fmt::Display for Choice<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Graph(Candidate { name, kind, open, entry, revoked }) = self else {
            return f.write_str("a public graph of somebody else's …");
        };
        f.write_str(&visible(name))?;
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
