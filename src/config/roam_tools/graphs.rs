//! The graphs of the file: read under its rules, changed under its lock.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use serde_json::{Map, Value};

use super::entry::{GraphEntry, Kind, TokenLevel, TokenStatus};
use super::{RoamTools, file};
use crate::config::ConfigError;

/// Says of a graph which of its entries counts, once.
fn warn_of_twins(name: &str, same_kind: bool) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let served = if same_kind { "the first one" } else { "the hosted one" };
    let warning = format!("the graph {name:?} is in ~/.roam-tools.json twice; {served} is served");
    // The file is read again whenever it has changed.
    if SAID.lock().unwrap_or_else(PoisonError::into_inner).insert(warning.clone()) {
        tracing::warn!("{warning}");
    }
}

/// The other graph that a nickname for the graph of that name and kind would lead to: it has that nickname, or that name in
/// any case. Who asks for that one must not get this one.
pub fn has_nickname<'a>(graphs: &'a [GraphEntry], nickname: &str, name: &str, kind: Kind) -> Option<&'a GraphEntry> {
    let other = |entry: &&GraphEntry| {
        let another = entry.name != name || entry.kind != kind;
        (another && entry.nickname == nickname) || (entry.name != name && is_name_of(nickname, entry))
    };
    graphs.iter().find(other)
}

/// What a graph goes by: its nickname, or its name where another one of `graphs` has that nickname as its name.
pub fn called<'a>(graph: &'a GraphEntry, graphs: &[GraphEntry]) -> &'a str {
    let taken = graphs.iter().any(|other| other.name != graph.name && is_name_of(&graph.nickname, other));
    if taken { &graph.name } else { &graph.nickname }
}

fn is_name_of(nickname: &str, graph: &GraphEntry) -> bool {
    graph.name.to_lowercase() == nickname.to_lowercase()
}

impl RoamTools {
    /// The graphs to serve. None is no mistake: nothing has been connected yet.
    ///
    /// Of two entries with one name the hosted one counts, or else the first.
    ///
    /// # Errors
    /// Names every key that does not fit; two graphs cannot share a nickname.
    pub fn graphs(&self) -> Result<Vec<GraphEntry>, ConfigError> {
        let mut graphs: Vec<GraphEntry> = Vec::new();
        for entry in self.entries()? {
            let Some(earlier) = graphs.iter_mut().find(|earlier| earlier.name == entry.name) else {
                graphs.push(entry);
                continue;
            };
            warn_of_twins(&entry.name, earlier.kind == entry.kind);
            if (earlier.kind, entry.kind) == (Kind::Offline, Kind::Hosted) {
                *earlier = entry;
            }
        }
        Ok(graphs)
    }

    /// Every entry, whether it is served or not.
    ///
    /// # Errors
    /// As for [`graphs`](Self::graphs).
    pub fn entries(&self) -> Result<Vec<GraphEntry>, ConfigError> {
        let values: &[Value] = match self.root.get("graphs") {
            None => &[],
            Some(Value::Array(values)) => values,
            Some(_) => return Err(self.problem("`graphs` must be a list".into())),
        };
        let (mut entries, mut problems) = (Vec::<GraphEntry>::new(), Vec::new());
        for (at, value) in values.iter().enumerate() {
            match GraphEntry::parse(value) {
                Ok(entry) if entries.iter().any(|earlier| earlier.nickname == entry.nickname) => {
                    problems.push(format!("graphs[{at}]: the nickname {:?} is taken already", entry.nickname));
                }
                Ok(entry) => entries.push(entry),
                Err(found) => problems.extend(found.iter().map(|problem| format!("graphs[{at}]: {problem}"))),
            }
        }
        if problems.is_empty() { Ok(entries) } else { Err(self.problem(problems.join("; "))) }
    }

    /// Saves a graph: in the place of the one with its name and type, or at the end.
    ///
    /// # Errors
    /// When a key of it does not fit, another graph has its nickname, or the file cannot be read or written.
    pub fn save_graph(path: &Path, graph: &GraphEntry) -> Result<(), ConfigError> {
        Self::edit(path, |file| {
            let mut keys = Map::new();
            graph.write(&mut keys);
            // One that could not be read again would take all others with it.
            GraphEntry::parse(&keys.clone().into()).map_err(|problems| {
                file.problem(format!("the graph {:?} was not saved: {}", graph.name, problems.join("; ")))
            })?;
            let entries = file.entries()?;
            let same = |entry: &GraphEntry| entry.name == graph.name && entry.kind == graph.kind;
            if let Some(other) = has_nickname(&entries, &graph.nickname, &graph.name, graph.kind) {
                let taken =
                    format!("the nickname {:?} belongs to {}; choose a different one", graph.nickname, other.name);
                return Err(file.problem(taken));
            }
            let at = entries.iter().position(same);
            file.change(|values| match at.and_then(|at| values.get_mut(at)).and_then(Value::as_object_mut) {
                Some(keys) => graph.write(keys),
                None => values.push(Value::Object(keys)),
            });
            Ok(())
        })
    }

    /// Forgets the graph that `which` picks, and returns it. The token stays good until it is revoked in Roam.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn remove_graph(path: &Path, which: impl Fn(&GraphEntry) -> bool) -> Result<Option<GraphEntry>, ConfigError> {
        Self::edit(path, |file| {
            let mut entries = file.entries()?;
            let at = entries.iter().position(which);
            Ok(at.map(|at| {
                file.change(|values| values.remove(at));
                entries.swap_remove(at)
            }))
        })
    }

    /// Notes what Roam says of a token. An entry that is gone, or whose token was replaced meanwhile, is left alone.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn record_token(
        path: &Path,
        of: &GraphEntry,
        level: Option<TokenLevel>,
        status: TokenStatus,
    ) -> Result<(), ConfigError> {
        Self::edit(path, |file| {
            let mut entries = file.entries()?;
            let same = |entry: &GraphEntry| entry.nickname == of.nickname && entry.token.matches(of.token.expose());
            let Some(at) = entries.iter().position(same) else { return Ok(()) };
            let entry = &mut entries[at];
            entry.access_level = level.or(entry.access_level);
            entry.token_status = Some(status);
            file.change(|values| {
                if let Some(keys) = values.get_mut(at).and_then(Value::as_object_mut) {
                    entry.write(keys);
                }
            });
            Ok(())
        })
    }

    /// Whether a graph could be saved: to be asked before a person is troubled for a token.
    ///
    /// # Errors
    /// When the file is broken or its directory cannot be written.
    pub fn check_writable(path: &Path) -> Result<(), ConfigError> {
        Self::load(path)?.entries()?;
        file::probe(path).map_err(ConfigError::io(path))
    }

    /// Changes the list, which is made if there is none. [`entries`](Self::entries) has seen that it is a list.
    fn change<T>(&mut self, change: impl FnOnce(&mut Vec<Value>) -> T) -> T {
        let mut values = match self.root.get_mut("graphs") {
            Some(Value::Array(values)) => std::mem::take(values),
            _ => Vec::new(),
        };
        let result = change(&mut values);
        self.root.insert("graphs".into(), Value::Array(values));
        result
    }
}
