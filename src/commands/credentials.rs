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
use crate::secret::Secret;
use crate::tools::TOOLS;

pub(super) async fn run(args: CredentialsArgs) -> Result<(), Failure> {
    let dir = state_dir(args.state_dir)?;
    match args.command {
        CredentialsCommand::Add(args) => add(&dir, args).await,
        CredentialsCommand::List { json } => list(&dir, json),
        CredentialsCommand::Rotate { name } => {
            let (secret, entry) = Store::rotate(&dir, name.as_str())?;
            show(&dir, entry.kind, &secret).await
        }
        CredentialsCommand::Revoke { name } => {
            Store::revoke(&dir, name.as_str())?;
            Ok(writeln!(stdout(), "Revoked {name}.")?)
        }
    }
}

async fn add(dir: &Path, args: AddArgs) -> Result<(), Failure> {
    let AddArgs { name, kind, access, graphs, tools, expires, sources } = args;
    let names = |names: Vec<String>| if names.is_empty() { Patterns::default() } else { names.into_iter().collect() };
    // Tools go by hyphens in the shell, and none has one in its name.
    let tools: Vec<_> = tools.iter().map(|tool| tool.replace('-', "_")).collect();
    if !graphs.is_empty() {
        warn(unserved(&graphs, &admin::fetch_report(dir, false).await.map(|node| node.graphs).unwrap_or_default()));
    }
    warn(unknown(&tools));
    let rule = Rule { access, graphs: names(graphs), tools: names(tools) };
    // A credential may be made before the node is started for the first time.
    crate::config::make_private_dir(dir)?;
    let secret = Store::add(dir, Wanted { name, kind, rule, sources, expires })?;
    show(dir, kind, &secret).await
}

/// Says on standard error what is probably not meant. It is made all the same: a graph may come later.
fn warn(notes: impl Iterator<Item = String>) {
    for note in notes {
        // Nobody is left to tell that standard error is closed.
        let _ = writeln!(stderr(), "roam-mcp: {note}");
    }
}

/// The graphs that fit nothing a running node serves.
fn unserved<'a>(graphs: &'a [String], served: &'a [String]) -> impl Iterator<Item = String> {
    let fits = |pattern: &str| served.iter().any(|graph| Patterns::from_iter([pattern]).matches(graph));
    let unserved = graphs.iter().filter(move |pattern| !served.is_empty() && !fits(pattern));
    unserved.map(|pattern| format!("the running node serves {}, no graph fits `{pattern}`", served.join(", ")))
}

/// The tools that are none.
fn unknown(tools: &[String]) -> impl Iterator<Item = String> {
    let fits = |pattern: &str| TOOLS.iter().any(|tool| Patterns::from_iter([pattern]).matches(tool.name));
    let unknown = tools.iter().filter(move |pattern| !fits(pattern));
    unknown.map(|pattern| format!("no tool is called `{pattern}`; `roam-mcp tools` lists them"))
}

async fn show(dir: &Path, kind: CredentialKind, secret: &Secret) -> Result<(), Failure> {
    let secret = secret.expose();
    let shown = match kind {
        CredentialKind::Bearer => format!("Authorization: Bearer {secret}"),
        CredentialKind::Path => {
            let url = admin::fetch_report(dir, false).await.ok().and_then(|node| node.urls.public);
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

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn names_that_fit_nothing_are_noted() {
        let notes: Vec<_> = unknown(&owned(&["search", "get_*", "serch", "*"])).collect();
        assert_eq!(notes, ["no tool is called `serch`; `roam-mcp tools` lists them"]);
        let (wanted, served) = (owned(&["garden", "work", "*"]), owned(&["garden", "diary"]));
        let notes: Vec<_> = unserved(&wanted, &served).collect();
        assert_eq!(notes, ["the running node serves garden, diary, no graph fits `work`"]);
        assert_eq!(unserved(&wanted, &[]).count(), 0, "nothing is known without a node");
    }
}
