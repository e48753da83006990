//! `roam-mcp credentials`.

use std::collections::BTreeMap;
use std::io::{Write, stderr, stdout};
use std::path::Path;

use jiff::Timestamp;
use serde_json::json;

use super::{Failure, state_dir};
use crate::access::{CredentialKind, Patterns, Rule};
use crate::admin;
use crate::cli::{AddArgs, CredentialsArgs, CredentialsCommand};
use crate::credentials::{Entry, Store, Wanted};
use crate::report::Report;
use crate::secret::Secret;
use crate::tools::TOOLS;

pub(super) async fn run(args: CredentialsArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?;
    match args.command {
        CredentialsCommand::Add(args) => add(&dir, args).await,
        CredentialsCommand::List { json } => list(&dir, json),
        CredentialsCommand::Rotate { name } => {
            let (secret, entry) = Store::rotate(&dir, name.as_str())?;
            let is_asked = entry.kind == CredentialKind::Path;
            let node = if is_asked { admin::fetch_report(&dir, false).await.ok() } else { None };
            show(entry.kind, &secret, node)
        }
        CredentialsCommand::Revoke { name } => {
            Store::revoke(&dir, name.as_str())?;
            Ok(writeln!(stdout(), "Revoked {name}.")?)
        }
    }
}

async fn add(dir: &Path, args: AddArgs) -> Result<(), Failure> {
    let AddArgs { name, kind, access, graphs, tools, expires, sources } = args;
    let is_asked = !graphs.is_empty() || kind == CredentialKind::Path;
    let node = if is_asked { admin::fetch_report(dir, false).await.ok() } else { None };
    let graphs = if graphs.is_empty() { Patterns::default() } else { graphs.into_iter().collect() };
    let tools = if tools.is_empty() { Patterns::default() } else { Patterns::tools(tools) };
    warn(unserved(&graphs, node.as_ref().map_or(&[], |node| &node.graphs)));
    warn(unknown(&tools));
    // A credential may be made before the node is started for the first time.
    crate::config::make_private_dir(dir)?;
    let secret = Store::add(dir, Wanted { name, kind, rule: Rule { access, graphs, tools }, sources, expires })?;
    show(kind, &secret, node)
}

/// Says on standard error what is probably not meant. It is made all the same: a graph may come later.
fn warn(notes: Vec<String>) {
    for note in notes {
        // Nobody is left to tell that standard error is closed.
        let _ = writeln!(stderr(), "roam-mcp: {note}");
    }
}

/// The graphs that fit nothing a running node serves.
fn unserved(graphs: &Patterns, served: &[String]) -> Vec<String> {
    if served.is_empty() {
        return Vec::new();
    }
    let names: Vec<&str> = served.iter().map(String::as_str).collect();
    let served = served.join(", ");
    graphs.idle(&names).map(|idle| format!("the running node serves {served}, no graph fits `{idle}`")).collect()
}

/// The tools that are none.
fn unknown(tools: &Patterns) -> Vec<String> {
    let names: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
    tools.idle(&names).map(|idle| format!("no tool is called `{idle}`; `roam-mcp tools` lists them")).collect()
}

/// `node` is the running one, if it was asked.
fn show(kind: CredentialKind, secret: &Secret, node: Option<Report>) -> Result<(), Failure> {
    let secret = secret.expose();
    let shown = match kind {
        CredentialKind::Bearer => format!("Authorization: Bearer {secret}"),
        CredentialKind::Path => {
            let url = node.and_then(|node| node.urls.public);
            let base = url.as_deref().and_then(|url| url.strip_suffix("/mcp"));
            format!("{}/{secret}/mcp", base.unwrap_or("https://<name of the node>"))
        }
    };
    let mut out = stdout().lock();
    writeln!(out, "{shown}")?;
    Ok(writeln!(out, "\nThis is shown once. A running node takes it over within a second.")?)
}

fn list(dir: &Path, json: bool) -> Result<(), Failure> {
    let (store, used) = (Store::load(dir)?, Store::last_used(dir));
    let mut out = stdout().lock();
    if json {
        let entries = store.entries().iter().map(|entry| {
            json!({
                "name": entry.name, "kind": entry.kind, "rule": entry.rule, "sources": entry.sources,
                "created": entry.created, "expires": entry.expires, "lastUsed": last_use(entry, &used),
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
        let used = last_use(entry, &used);
        let used = used.map_or_else(|| "never used".to_owned(), |at| format!("last used {}", at.strftime("%F %R UTC")));
        writeln!(out, "    made {}, {until}, {used}", entry.created.strftime("%F"))?;
    }
    Ok(())
}

/// When its secret was last used. What was used before it was made was another one, of the same name.
fn last_use(entry: &Entry, used: &BTreeMap<String, Timestamp>) -> Option<Timestamp> {
    used.get(entry.name.as_str()).copied().filter(|used| *used >= entry.created)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::Level;

    #[test]
    fn a_new_secret_is_unused_whatever_an_earlier_one_of_its_name_was() {
        let dir = tempfile::tempdir().unwrap();
        let (kind, rule) = (CredentialKind::Bearer, Rule::everything(Level::Full));
        let wanted = Wanted { name: "claude".parse().unwrap(), kind, rule, sources: Vec::new(), expires: None };
        let before = Timestamp::now();
        Store::add(dir.path(), wanted).unwrap();
        let store = Store::load(dir.path()).unwrap();
        let use_at = |at| last_use(&store.entries()[0], &[("claude".to_owned(), at)].into());
        assert_eq!(use_at(before), None);
        let after = Timestamp::now();
        assert_eq!(use_at(after), Some(after));
    }

    #[test]
    fn names_that_fit_nothing_are_noted() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let tools = Patterns::tools(names(&["search", "get-*", "serch", "*"]));
        assert_eq!(unknown(&tools), ["no tool is called `serch`; `roam-mcp tools` lists them"]);
        let (wanted, served) = (Patterns::from_iter(["garden", "work", "*"]), names(&["garden", "diary"]));
        assert_eq!(unserved(&wanted, &served), ["the running node serves garden, diary, no graph fits `work`"]);
        assert_eq!(unserved(&wanted, &[]).len(), 0, "nothing is known without a node");
    }
}
