//! `roam-mcp connect`: chooses a graph of Roam Desktop, gets a token for it, and saves both in `~/.roam-tools.json`.
//!
//! Everything that can fail without a person is tried before one is asked: a token that cannot be saved is lost.

mod dialog;
mod plan;

use std::io::{IsTerminal, Read, Write, stderr, stdin, stdout};
use std::path::Path;

use tokio::signal::unix::{SignalKind, signal};

use super::{Failure, opened, show_warnings};
use crate::cli::ConnectArgs;
use crate::config::{self, GraphEntry, RoamTools, TOKEN_PREFIX, TokenLevel, slug};
use crate::graph::{Desktop, DesktopSettings, Granted, TokenRequest, TokenState};
use crate::secret::Secret;
use plan::Plan;

/// A token has 52 characters; a file with more is something else.
const LONGEST_TOKEN: usize = 1024;

pub(super) async fn run(args: ConnectArgs) -> Result<(), Failure> {
    // Listened to from the start: a question that is given up raises it, too, and would end the program with it.
    let mut interrupts = signal(SignalKind::interrupt())?;
    tokio::select! {
        biased;
        done = connect(args) => done,
        _ = interrupts.recv() => Err(cancelled()),
    }
}

/// What Ctrl-C leads to, at any time before something is saved.
fn cancelled() -> Failure {
    Failure::with_code("cancelled; nothing was connected", Failure::CANCELLED)
}

async fn connect(args: ConnectArgs) -> Result<(), Failure> {
    show_warnings();
    let file = config::roam_tools_path()?;
    if args.remove {
        return remove(&file, &args);
    }
    let wanted = plan::Wanted::new(&args)?;
    RoamTools::check_writable(&file)?;
    let known = RoamTools::load(&file)?.entries()?;
    let desktop = Desktop::new(opened::announced(DesktopSettings::of_user(!args.no_launch)?));
    let plan = match wanted {
        Some(wanted) if args.token_stdin => wanted.without_asking(&known)?,
        Some(wanted) => wanted.settle(&known, &desktop).await?,
        None if stdin().is_terminal() => match dialog::hold(&args, &file, &known, &desktop).await? {
            Some(plan) => plan,
            None => return Ok(()),
        },
        None => {
            let text = "name the graph with --graph and --nickname, or run this on a terminal";
            return Err(Failure::with_code(text, Failure::USAGE));
        }
    };
    let granted = if args.token_stdin { read_token(&plan, &desktop).await? } else { ask(&plan, &desktop).await? };
    save(&file, &plan, granted)
}

/// Asks the person in front of Roam. Ctrl-C takes the question back: Roam closes its dialog with the connection.
async fn ask(plan: &Plan, desktop: &Desktop) -> Result<Granted, Failure> {
    let (name, level) = (&plan.name, plan.level);
    writeln!(stderr(), "Waiting for you to allow {level} access to {name} in Roam Desktop (Ctrl-C takes it back) …")?;
    let asked = TokenRequest { graph: name, kind: plan.kind, level, description: TokenRequest::ASKER };
    Ok(desktop.request_token(asked).await?)
}

/// Takes a token that was made by hand, if Roam knows it.
async fn read_token(plan: &Plan, desktop: &Desktop) -> Result<Granted, Failure> {
    let mut text = String::new();
    // One more than there may be, to see that there is more.
    stdin().lock().take(LONGEST_TOKEN as u64 + 1).read_to_string(&mut text)?;
    let whole = text.len() <= LONGEST_TOKEN;
    let text = text.trim();
    let characters = text.bytes().all(|c| c.is_ascii_graphic());
    if !whole || !text.starts_with(TOKEN_PREFIX) || !characters {
        let text = format!(
            "standard input holds no token of the Local API; those begin with {TOKEN_PREFIX} and have 52 characters"
        );
        return Err(Failure::with_code(text, Failure::USAGE));
    }
    let token = Secret::from(text);
    match desktop.token_state(&plan.name, plan.kind, &token).await {
        TokenState::Active { level, .. } => Ok(Granted { token, level }),
        TokenState::Revoked => {
            let text = format!(
                "Roam does not know this token for the {} graph {:?}; it is for another graph or computer, or was revoked",
                plan.kind, plan.name
            );
            Err(Failure::with_code(text, Failure::FAILED))
        }
        TokenState::Unknown => {
            writeln!(stderr(), "Roam Desktop cannot be asked about this token now; it is saved as it is.")?;
            Ok(Granted { token, level: None })
        }
    }
}

fn save(file: &Path, plan: &Plan, granted: Granted) -> Result<(), Failure> {
    let entry = GraphEntry {
        name: plan.name.clone(),
        kind: plan.kind,
        token: granted.token,
        nickname: plan.nickname.clone(),
        access_level: granted.level,
        token_status: None,
    };
    RoamTools::save_graph(file, &entry)?;
    let level = granted.level.map_or_else(|| "unknown".to_owned(), |level| level.to_string());
    let mut out = stdout();
    writeln!(out, "Connected {} as {} with {level} access, in {}", entry.name, entry.nickname, file.display())?;
    if granted.level.is_some_and(|granted| plan.asked && granted != plan.level) {
        writeln!(out, "That is not the {} access that was asked for: it is what Roam allowed.", plan.level)?;
    }
    Ok(())
}

fn remove(file: &Path, args: &ConnectArgs) -> Result<(), Failure> {
    let called: Box<dyn Fn(&GraphEntry) -> bool> = match (&args.nickname, &args.graph) {
        (Some(nickname), _) => {
            let nickname = slug(nickname);
            Box::new(move |entry| Some(&entry.nickname) == nickname.as_ref())
        }
        (None, Some(name)) => {
            let (name, kind) = (name.clone(), args.kind.map(Into::into));
            Box::new(move |entry| entry.name == name && kind.is_none_or(|kind| entry.kind == kind))
        }
        (None, None) => {
            return Err(Failure::with_code("say which one, with --nickname or --graph", Failure::USAGE));
        }
    };
    match RoamTools::remove_graph(file, called)? {
        Some(entry) => Ok(writeln!(stdout(), "{}", removed(&entry))?),
        None => {
            let known = RoamTools::load(file)?.entries()?;
            let names: Vec<_> = known.iter().map(|entry| format!("{} ({})", entry.nickname, entry.name)).collect();
            let list = if names.is_empty() { "none is".to_owned() } else { names.join(", ") };
            Err(Failure::with_code(format!("no such graph is connected; connected: {list}"), Failure::FAILED))
        }
    }
}

fn removed(entry: &GraphEntry) -> String {
    format!(
        "Forgot {} ({}). Its token stays good until you revoke it in Roam, under Settings > Graph > Local API Tokens.",
        entry.nickname, entry.name
    )
}

/// What to ask for when nothing is said. Roam holds every call against it, and the person can lower it at any time.
const DEFAULT_LEVEL: TokenLevel = TokenLevel::Full;
