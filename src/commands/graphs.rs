//! `roam-mcp graphs`: what is connected, and what Roam says of the tokens at this moment.

use std::io::{Write, stdout};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::timeout;

use super::{Failure, show_warnings};
use crate::cli::GraphsArgs;
use crate::config::{self, GraphEntry, RoamTools, TokenLevel, called};
use crate::graph::{Desktop, DesktopSettings, TokenState};

/// How long Roam has to say what a token is worth. It looks that up in its memory.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) async fn run(args: GraphsArgs) -> Result<(), Failure> {
    show_warnings();
    let entries = RoamTools::load(&config::roam_tools_path()?)?.entries()?;
    // Looking at a list is no reason to start Roam.
    let desktop = Desktop::new(DesktopSettings::of_user(false)?);
    let states = token_states(&entries, &desktop).await;
    let text = if args.json { format!("{:#}", json(&entries, &states)) } else { table(&entries, &states) };
    Ok(writeln!(stdout(), "{text}")?)
}

/// What Roam says of each token, asked of all at once: a person waits for the list.
pub(super) async fn token_states(entries: &[GraphEntry], desktop: &Desktop) -> Vec<TokenState> {
    let ask = |entry: &GraphEntry| {
        let (entry, desktop) = (entry.clone(), desktop.clone());
        tokio::spawn(async move { timeout(PATIENCE, desktop.token_state(&entry.name, entry.kind, &entry.token)).await })
    };
    let asked: Vec<_> = entries.iter().map(ask).collect();
    let mut states = Vec::with_capacity(asked.len());
    for asked in asked {
        states.push(asked.await.ok().and_then(Result::ok).unwrap_or(TokenState::Unknown));
    }
    states
}

fn json(entries: &[GraphEntry], states: &[TokenState]) -> Value {
    let row = |(entry, state): (&GraphEntry, &TokenState)| {
        json!({
            "nickname": called(entry, entries),
            "name": entry.name,
            "type": entry.kind.as_str(),
            "accessLevel": level(entry, state).map(TokenLevel::as_str),
            "tokenStatus": word(state),
        })
    };
    entries.iter().zip(states).map(row).collect()
}

fn table(entries: &[GraphEntry], states: &[TokenState]) -> String {
    if entries.is_empty() {
        return "No graph is connected yet. Run `roam-mcp connect`.".to_owned();
    }
    let mut cells = vec![["NICKNAME", "GRAPH", "TYPE", "ACCESS", "TOKEN"].map(str::to_owned)];
    cells.extend(entries.iter().zip(states).map(|(entry, state)| {
        let level = level(entry, state).map_or("?", TokenLevel::as_str).to_owned();
        let token = match state {
            TokenState::Revoked => "revoked; run `roam-mcp connect`",
            TokenState::Unknown => "unknown; is Roam Desktop running?",
            TokenState::Active { .. } => word(state),
        };
        [called(entry, entries).to_owned(), entry.name.clone(), entry.kind.to_string(), level, token.to_owned()]
    }));
    let mut widths = [0; 4];
    for row in &cells {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let line = |row: &[String; 5]| {
        let padded = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}  ")).collect::<String>();
        padded + &row[4]
    };
    cells.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// What Roam says now, or what was last heard.
fn level(entry: &GraphEntry, state: &TokenState) -> Option<TokenLevel> {
    match state {
        TokenState::Active { level: Some(level), .. } => Some(*level),
        _ => entry.access_level,
    }
}

fn word(state: &TokenState) -> &'static str {
    match state {
        TokenState::Active { .. } => "active",
        TokenState::Revoked => "revoked",
        TokenState::Unknown => "unknown",
    }
}
