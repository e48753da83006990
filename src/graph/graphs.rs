//! All graphs of a server, and the one that a call means.

use std::sync::Arc;

use serde_json::Value;

use super::connected::CONNECT;
use super::{Connected, ErrorCode, Graph, GraphError};

/// The graphs of this server. A clone is cheap and shows the same graphs.
#[derive(Clone, Debug)]
pub struct Graphs(Source);

#[derive(Clone, Debug)]
enum Source {
    /// Those that were there at the start.
    Fixed(Arc<[Graph]>),
    /// Those that are connected at the moment.
    Connected(Arc<Connected>),
}

/// Two graphs would answer to one name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("two graphs are called {0:?}; give one of them another name or nickname")]
pub struct DuplicateGraph(pub String);

impl Default for Graphs {
    fn default() -> Self {
        Self(Source::Fixed(Arc::default()))
    }
}

impl From<Connected> for Graphs {
    fn from(connected: Connected) -> Self {
        Self(Source::Connected(Arc::new(connected)))
    }
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
        Ok(Self(Source::Fixed(graphs.into())))
    }

    /// All of them, in the order they were given; none while the file that lists them cannot be used.
    pub fn list(&self) -> Arc<[Graph]> {
        self.load().unwrap_or_default()
    }

    /// Where the graphs are listed, if they can change: what connects another one.
    pub fn connected(&self) -> Option<&Connected> {
        match &self.0 {
            Source::Fixed(_) => None,
            Source::Connected(connected) => Some(connected),
        }
    }

    /// Finds the graph a call means: by nickname, then by name; without either, the only one there is.
    ///
    /// # Errors
    /// `GRAPH_NOT_CONFIGURED` or `GRAPH_NOT_SELECTED`, with the graphs there are to choose from; or what is wrong with the
    /// file that lists them.
    pub fn resolve(&self, wanted: Option<&str>) -> Result<Graph, GraphError> {
        let graphs = self.load()?;
        match wanted.filter(|wanted| !wanted.is_empty()) {
            Some(wanted) => graphs
                .iter()
                .find(|graph| same_nickname(&graph.nickname, wanted))
                .or_else(|| graphs.iter().find(|graph| graph.name == wanted))
                .cloned()
                .ok_or_else(|| {
                    let shown: String = wanted.chars().take(80).collect();
                    choose(&graphs, ErrorCode::GRAPH_NOT_CONFIGURED, format!("No graph here is called {shown:?}."))
                }),
            None => match &*graphs {
                [only] => Ok(only.clone()),
                [] => {
                    let advice = self.connected().map_or("", |_| CONNECT);
                    let text = format!("This server has no graph yet. {advice}");
                    Err(choose(&graphs, ErrorCode::GRAPH_NOT_CONFIGURED, text.trim_end().to_owned()))
                }
                _ => {
                    let text = "There are several graphs; say which one.".to_owned();
                    Err(choose(&graphs, ErrorCode::GRAPH_NOT_SELECTED, text))
                }
            },
        }
    }

    fn load(&self) -> Result<Arc<[Graph]>, GraphError> {
        match &self.0 {
            Source::Fixed(graphs) => Ok(Arc::clone(graphs)),
            Source::Connected(connected) => connected.graphs(),
        }
    }
}

fn choose(graphs: &[Graph], code: ErrorCode, message: String) -> GraphError {
    let available: Vec<Value> = graphs.iter().map(|graph| graph.info().to_json()).collect();
    GraphError::new(code, message)
        .with("available_graphs", available)
        .with("instruction", "Call again with `graph` set to the nickname of one of the available graphs.")
}

fn same_nickname(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::testing;
    use super::*;
    use crate::access::Level;

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
}
