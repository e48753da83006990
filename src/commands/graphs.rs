//! `roam-mcp graphs`: what is connected, and what Roam says of the tokens at this moment.

use std::io::{Write, stdout};

use serde_json::{Value, json};

use super::{Failure, show_warnings};
use crate::cli::GraphsArgs;
use crate::config::{self, GraphEntry, RoamTools, TokenLevel};
use crate::graph::{Desktop, DesktopSettings, TokenState};

pub(super) async fn run(args: GraphsArgs) -> Result<(), Failure> {
    show_warnings();
    let entries = RoamTools::load(&config::roam_tools_path()?)?.entries()?;
    // Looking at a list is no reason to start Roam.
    let desktop = Desktop::new(DesktopSettings::of_user(false)?);
    let mut rows = Vec::new();
    for entry in entries {
        let state = desktop.token_state(&entry.name, entry.kind, &entry.token).await;
        rows.push((entry, state));
    }
    let text = if args.json { format!("{:#}", json(&rows)) } else { table(&rows) };
    Ok(writeln!(stdout(), "{text}")?)
}

fn json(rows: &[(GraphEntry, TokenState)]) -> Value {
    let row = |(entry, state): &(GraphEntry, TokenState)| {
        json!({
            "nickname": entry.nickname,
            "name": entry.name,
            "type": entry.kind.as_str(),
            "accessLevel": level(entry, state).map(TokenLevel::as_str),
            "tokenStatus": word(state),
        })
    };
    rows.iter().map(row).collect()
}

fn table(rows: &[(GraphEntry, TokenState)]) -> String {
    if rows.is_empty() {
        return "No graph is connected yet. Run `roam-mcp connect`.".to_owned();
    }
    let mut cells = vec![["NICKNAME", "GRAPH", "TYPE", "ACCESS", "TOKEN"].map(str::to_owned)];
    cells.extend(rows.iter().map(|(entry, state)| {
        let level = level(entry, state).map_or("?", TokenLevel::as_str).to_owned();
        let token = match state {
            TokenState::Revoked => "revoked; run `roam-mcp connect`",
            TokenState::Unknown => "unknown; is Roam Desktop running?",
            TokenState::Active { .. } => word(state),
        };
        [entry.nickname.clone(), entry.name.clone(), entry.kind.to_string(), level, token.to_owned()]
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
