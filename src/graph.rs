//! The graphs that are served, behind one interface: Roam's own actions.
//!
//! A tool never knows which backend answers. Every call shows a [`Permit`], and it is checked here once more against
//! the graph's own ceiling, so a mistake above cannot widen what a graph gives away.

mod action;
mod datalog;
mod embedded;
mod error;
mod markup;

use std::sync::Arc;

use serde::Serialize;
use serde_json::Value;

use crate::access::{Level, Permit};

pub use action::Action;
#[cfg(test)]
pub(crate) use embedded::testing;
pub use embedded::{Embedded, ImportError, Imported, OpenError, Progress, Source};
pub use error::{ErrorCode, GraphError};

/// The graphs of this server. A clone is cheap and shows the same graphs.
#[derive(Clone, Debug, Default)]
pub struct Graphs(Arc<[Graph]>);

/// One graph. A clone is cheap and works on the same data.
#[derive(Clone, Debug)]
pub struct Graph {
    name: String,
    nickname: String,
    kind: Kind,
    level: Level,
    backend: Backend,
}

/// Where Roam keeps a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// On Roam's servers.
    Hosted,
    /// On this machine alone.
    Offline,
}

/// What a caller may know about a graph before touching it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct GraphInfo {
    /// The short name to call it by.
    pub nickname: String,
    /// Its canonical name.
    pub name: String,
    /// The most that can be done with it.
    pub access_level: Level,
}

/// Two graphs would answer to one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two graphs are called {0:?}; give one of them another name or nickname")]
pub struct DuplicateGraph(pub String);

/// Whoever holds the data.
#[derive(Clone, Debug)]
enum Backend {
    Embedded(Embedded),
}

impl Graphs {
    /// Puts graphs together. Names are told apart by case, nicknames are not.
    ///
    /// # Errors
    /// When two of them share a name or a nickname.
    pub fn new(graphs: Vec<Graph>) -> Result<Self, DuplicateGraph> {
        for (at, graph) in graphs.iter().enumerate() {
            for earlier in &graphs[..at] {
                if earlier.name == graph.name {
                    return Err(DuplicateGraph(graph.name.clone()));
                }
                if same_nickname(&earlier.nickname, &graph.nickname) {
                    return Err(DuplicateGraph(graph.nickname.clone()));
                }
            }
        }
        Ok(Self(graphs.into()))
    }

    /// All of them, in the order they were given.
    pub fn list(&self) -> &[Graph] {
        &self.0
    }

    /// Finds the graph a call means: by nickname, then by name; without either, the only one there is.
    ///
    /// # Errors
    /// `GRAPH_NOT_CONFIGURED` or `GRAPH_NOT_SELECTED`, with the graphs there are to choose from.
    pub fn resolve(&self, wanted: Option<&str>) -> Result<&Graph, GraphError> {
        match wanted.filter(|wanted| !wanted.is_empty()) {
            Some(wanted) => self
                .0
                .iter()
                .find(|graph| same_nickname(&graph.nickname, wanted))
                .or_else(|| self.0.iter().find(|graph| graph.name == wanted))
                .ok_or_else(|| {
                    let shown: String = wanted.chars().take(80).collect();
                    self.choose(ErrorCode::GRAPH_NOT_CONFIGURED, format!("No graph here is called {shown:?}."))
                }),
            None => match &*self.0 {
                [only] => Ok(only),
                [] => Err(self.choose(ErrorCode::GRAPH_NOT_CONFIGURED, "This server has no graph yet.".into())),
                _ => Err(self.choose(ErrorCode::GRAPH_NOT_SELECTED, "There are several graphs; say which one.".into())),
            },
        }
    }

    fn choose(&self, code: ErrorCode, message: String) -> GraphError {
        let available: Vec<Value> = self.0.iter().map(|graph| graph.info().to_json()).collect();
        GraphError::new(code, message)
            .with("available_graphs", available)
            .with("instruction", "Call again with `graph` set to the nickname of one of the available graphs.")
    }
}

impl Graph {
    /// A graph that this program holds itself.
    pub fn embedded(name: impl Into<String>, nickname: impl Into<String>, level: Level, store: Embedded) -> Self {
        let backend = Backend::Embedded(store);
        Self { name: name.into(), nickname: nickname.into(), kind: Kind::Offline, level, backend }
    }

    /// The canonical name: what permits are given for.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The short name.
    pub fn nickname(&self) -> &str {
        &self.nickname
    }

    /// Where Roam keeps it.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The ceiling for every caller.
    pub fn level(&self) -> Level {
        self.level
    }

    /// What `list_graphs` shows of it.
    pub fn info(&self) -> GraphInfo {
        GraphInfo { nickname: self.nickname.clone(), name: self.name.clone(), access_level: self.level }
    }

    /// Does one action.
    ///
    /// # Errors
    /// `INSUFFICIENT_SCOPE` when the permit or the graph itself does not allow it; otherwise what the backend says.
    pub async fn invoke(&self, permit: &Permit, action: Action, args: Vec<Value>) -> Result<Value, GraphError> {
        self.check(permit, action)?;
        match &self.backend {
            Backend::Embedded(store) => store.invoke(action, args).await,
        }
    }

    fn check(&self, permit: &Permit, action: Action) -> Result<(), GraphError> {
        let refuse = |message| Err(GraphError::new(ErrorCode::INSUFFICIENT_SCOPE, message));
        let needs = action.needs();
        if permit.graph() != Some(self.name.as_str()) {
            return refuse(format!("This call was not allowed for the graph {:?}.", self.name));
        }
        if permit.level() < needs {
            return refuse(format!("{action} needs {needs} access, and you have {}.", permit.level()));
        }
        if self.level < needs {
            let (name, level) = (&self.name, self.level);
            return refuse(format!("{action} needs {needs} access, and the graph {name:?} is limited to {level}."));
        }
        Ok(())
    }
}

impl GraphInfo {
    /// As it stands in results and in the context of errors.
    pub fn to_json(&self) -> Value {
        serde_json::json!({ "nickname": self.nickname, "name": self.name, "accessLevel": self.access_level.as_str() })
    }
}

fn same_nickname(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn named(name: &str, nickname: &str, level: Level) -> (testing::Workshop, Graph) {
        let (workshop, store) = testing::graph(&testing::new_garden());
        (workshop, Graph::embedded(name, nickname, level, store))
    }

    #[test]
    fn a_graph_is_found_by_nickname_then_by_name_and_alone_without_either() {
        let (_one, work) = named("Work-Notes", "work", Level::Full);
        let (_two, home) = named("work", "home", Level::ReadOnly);
        let both = Graphs::new(vec![work.clone(), home]).unwrap();
        let found = |wanted| both.resolve(wanted).map(|graph| graph.name().to_owned());
        assert_eq!(found(Some("WORK")).unwrap(), "Work-Notes");
        assert_eq!(found(Some("Work-Notes")).unwrap(), "Work-Notes");
        assert_eq!(found(Some("Home")).unwrap(), "work");
        assert_eq!(found(Some("work-notes")).unwrap_err().code, Some(ErrorCode::GRAPH_NOT_CONFIGURED));
        let error = found(Some("")).unwrap_err();
        assert_eq!(
            (found(None).unwrap_err(), error.code.clone()),
            (error.clone(), Some(ErrorCode::GRAPH_NOT_SELECTED))
        );
        let shown = json!({ "nickname": "home", "name": "work", "accessLevel": "read-only" });
        assert_eq!(error.context["available_graphs"][1], shown);

        let only = Graphs::new(vec![work]).unwrap();
        assert_eq!(only.resolve(None).unwrap().nickname(), "work");
        assert_eq!(Graphs::default().resolve(None).unwrap_err().code, Some(ErrorCode::GRAPH_NOT_CONFIGURED));
    }

    #[test]
    fn two_graphs_cannot_answer_to_one_name() {
        let (_workshop, graph) = named("a", "b", Level::Full);
        let twin = Graph { nickname: "B".into(), name: "other".into(), ..graph.clone() };
        assert_eq!(Graphs::new(vec![graph.clone(), twin]).unwrap_err(), DuplicateGraph("B".into()));
        let twin = Graph { nickname: "other".into(), ..graph.clone() };
        assert_eq!(Graphs::new(vec![graph, twin]).unwrap_err(), DuplicateGraph("a".into()));
    }

    #[tokio::test]
    async fn an_action_needs_the_level_from_the_permit_and_from_the_graph() {
        use Level::{Full, ReadAppend, ReadOnly};
        let table = [
            (Action::GetPage, ReadOnly, ReadOnly, true),
            (Action::BlockFromMarkdown, ReadAppend, ReadAppend, true),
            (Action::BlockFromMarkdown, Full, Full, true),
            (Action::BlockFromMarkdown, ReadOnly, Full, false),
            (Action::BlockFromMarkdown, Full, ReadOnly, false),
        ];
        for (action, permit, level, allowed) in table {
            let (_workshop, graph) = named("garden", "g", level);
            let argument = json!({ "title": "Soil", "location": { "page-title": "Soil" }, "markdown-string": "x" });
            let outcome = graph.invoke(&Permit::for_test(permit, "garden"), action, vec![argument]).await;
            assert_eq!(outcome.is_ok(), allowed, "{action}, permit {permit}, graph {level}");
            assert!(allowed || outcome.unwrap_err().code == Some(ErrorCode::INSUFFICIENT_SCOPE));
        }
    }

    #[tokio::test]
    async fn a_permit_for_another_graph_opens_nothing() {
        let (_workshop, graph) = named("garden", "g", Level::Full);
        for other in ["Garden", "g", ""] {
            let outcome = graph
                .invoke(&Permit::for_test(Level::Full, other), Action::GetPage, vec![json!({ "title": "Soil" })])
                .await;
            assert_eq!(outcome.unwrap_err().code, Some(ErrorCode::INSUFFICIENT_SCOPE), "{other}");
        }
    }
}
