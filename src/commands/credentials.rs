//! `roam-mcp credentials`.

use std::io::{Write, stdout};
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::{Failure, state_dir};
use crate::access::{CredentialKind, Patterns, Rule};
use crate::cli::{AddArgs, CredentialsArgs, CredentialsCommand};
use crate::credentials::{Store, Wanted};
use crate::secret::Secret;

pub(super) fn run(args: CredentialsArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?;
    match args.command {
        CredentialsCommand::Add(args) => add(&dir, args),
        CredentialsCommand::List { json } => list(&dir, json),
        CredentialsCommand::Rotate { name } => {
            let (secret, entry) = Store::rotate(&dir, name.as_str())?;
            show(entry.kind, &secret)
        }
        CredentialsCommand::Revoke { name } => {
            Store::revoke(&dir, name.as_str())?;
            Ok(writeln!(stdout(), "Revoked {name}.")?)
        }
    }
}

fn add(dir: &Path, args: AddArgs) -> Result<(), Failure> {
    let AddArgs { name, kind, access, graphs, tools, expires, sources } = args;
    let names = |names: Vec<String>| if names.is_empty() { Patterns::default() } else { names.into_iter().collect() };
    let rule = Rule { access, graphs: names(graphs), tools: names(tools) };
    // A credential may be made before the node is started for the first time.
    crate::config::make_private_dir(dir)?;
    let secret = Store::add(dir, Wanted { name, kind, rule, sources, expires })?;
    show(kind, &secret)
}

fn show(kind: CredentialKind, secret: &Secret) -> Result<(), Failure> {
    let mut out = stdout().lock();
    match kind {
        CredentialKind::Bearer => writeln!(out, "Authorization: Bearer {}", secret.expose())?,
        CredentialKind::Path => writeln!(out, "https://<name of the node>/{}/mcp", secret.expose())?,
    }
    Ok(writeln!(out, "\nThis is shown once. A running node takes it over within a second.")?)
}

fn list(dir: &Path, json: bool) -> Result<(), Failure> {
    let (store, used) = (Store::load(dir)?, Store::last_used(dir));
    let mut out = stdout().lock();
    if json {
        let entries = store.entries().iter().map(|entry| {
            json!({
                "name": entry.name, "kind": entry.kind, "rule": entry.rule, "sources": entry.sources,
                "created": entry.created, "expires": entry.expires, "lastUsed": used.get(entry.name.as_str()),
            })
        });
        return Ok(writeln!(out, "{:#}", json!(entries.collect::<Vec<_>>()))?);
    }
    if store.entries().is_empty() {
        return Ok(writeln!(
            out,
            "No credentials but those of ~/.roam-tools.json. `roam-mcp credentials add` makes one."
        )?);
    }
    let now = Timestamp::now();
    for entry in store.entries() {
        writeln!(out, "{} ({}): {}", entry.name, entry.kind, entry.rule)?;
        if !entry.sources.is_empty() {
            let sources: Vec<_> = entry.sources.iter().map(ToString::to_string).collect();
            writeln!(out, "    from {}", sources.join(", "))?;
        }
        let until = match entry.expires {
            None => "until revoked".to_owned(),
            Some(at) if at <= now => format!("expired {}", at.strftime("%F %R UTC")),
            Some(at) => format!("until {}", at.strftime("%F %R UTC")),
        };
        let used = used.get(entry.name.as_str());
        let used = used.map_or_else(|| "never used".to_owned(), |at| format!("last used {}", at.strftime("%F %R UTC")));
        writeln!(out, "    made {}, {until}, {used}", entry.created.strftime("%F"))?;
    }
    Ok(())
}
