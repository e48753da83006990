//! All graphs of a server, and the one that a call means.

use std::sync::Arc;

use serde_json::Value;

use super::connected::CONNECT;
use super::{Connected, ErrorCode, Graph, GraphError};
use crate::access::Policy;

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
    /// When two of them share a name or a nickname, or the nickname of one is the name of the other.
    pub fn new(graphs: Vec<Graph>) -> Result<Self, DuplicateGraph> {
        for (at, graph) in graphs.iter().enumerate() {
            for earlier in &graphs[..at] {
                if earlier.name == graph.name {
                    return Err(DuplicateGraph(graph.name.clone()));
                }
                if same_nickname(&earlier.nickname, &graph.nickname) || same_nickname(&earlier.name, &graph.nickname) {
                    return Err(DuplicateGraph(graph.nickname.clone()));
                }
                if same_nickname(&earlier.nickname, &graph.name) {
                    return Err(DuplicateGraph(earlier.nickname.clone()));
                }
            }
        }
        Ok(Self(Source::Fixed(graphs.into())))
    }

    /// All of them, in the order they were given; none while the file that lists them cannot be used.
    pub fn list(&self) -> Arc<[Graph]> {
        self.load().unwrap_or_default()
    }

    /// What is wrong with the file that lists them, if something is. Where it is and what stands in it is for this computer's
    /// user (`local`) alone.
    pub fn trouble(&self, local: bool) -> Option<GraphError> {
        self.load().err().map(|error| told(error, local))
    }

    /// What their operator has to mend, whatever is served meanwhile.
    pub fn problems(&self) -> Vec<String> {
        let graphs = match self.load() {
            Ok(graphs) => graphs,
            // Nothing was connected yet, which is not wrong.
            Err(error) if error.code == Some(ErrorCode::CONFIG_NOT_FOUND) => return Vec::new(),
            Err(error) => return vec![error.message],
        };
        let refused = graphs.iter().filter(|graph| graph.given_nickname() != graph.nickname());
        let problem = |graph: &Graph| {
            let (nickname, name) = (graph.given_nickname(), graph.name());
            format!(
                "another graph is called like the nickname {nickname:?} of {name:?}, which goes by its name instead"
            )
        };
        refused.map(problem).collect()
    }

    /// The policy for these graphs, whose ceilings may call them by their nicknames.
    pub fn under(&self, policy: Arc<Policy>) -> Arc<Policy> {
        if policy.ceilings.is_empty() {
            return policy;
        }
        let graphs = self.list();
        policy.with_nicknames(graphs.iter().map(|graph| (graph.name(), graph.given_nickname())))
    }

    /// Where the graphs are listed, if they can change: what connects another one.
    pub fn connected(&self) -> Option<&Connected> {
        match &self.0 {
            Source::Fixed(_) => None,
            Source::Connected(connected) => Some(connected),
        }
    }

    /// Finds the graph that this computer's user means; see [`resolve_for`](Self::resolve_for).
    ///
    /// # Errors
    /// As for [`resolve_for`](Self::resolve_for).
    pub fn resolve(&self, wanted: Option<&str>) -> Result<Graph, GraphError> {
        self.resolve_for(wanted, true, |_| true)
    }

    /// Finds the graph a call means, among those that the caller `sees`: by name, or by nickname; without either, the only
    /// one there is. The name comes first, so that a nickname never leads to another graph than a name does.
    ///
    /// # Errors
    /// `GRAPH_NOT_CONFIGURED` or `GRAPH_NOT_SELECTED`, with the graphs there are for the caller to choose from; or as
    /// [`trouble`](Self::trouble).
    pub fn resolve_for(
        &self,
        wanted: Option<&str>,
        local: bool,
        sees: impl Fn(&str) -> bool,
    ) -> Result<Graph, GraphError> {
        let all = self.load().map_err(|error| told(error, local))?;
        let graphs: Vec<&Graph> = all.iter().filter(|graph| sees(&graph.name)).collect();
        let found = match (wanted.filter(|wanted| !wanted.is_empty()), graphs.as_slice()) {
            (Some(wanted), _) => {
                let named = graphs.iter().find(|graph| graph.name == wanted);
                named.or_else(|| graphs.iter().find(|graph| same_nickname(&graph.nickname, wanted))).ok_or_else(|| {
                    let shown: String = wanted.chars().take(80).collect();
                    (ErrorCode::GRAPH_NOT_CONFIGURED, format!("No graph here is called {shown:?}."))
                })
            }
            (None, [only]) => Ok(only),
            (None, []) => {
                let advice = self.connected().map_or("", |_| CONNECT);
                let text = format!("This server has no graph for you yet. {advice}");
                Err((ErrorCode::GRAPH_NOT_CONFIGURED, text.trim_end().to_owned()))
            }
            (None, _) => Err((ErrorCode::GRAPH_NOT_SELECTED, "There are several graphs; say which one.".to_owned())),
        };
        found.map(|graph| Graph::clone(graph)).map_err(|(code, message)| choose(&graphs, code, message))
    }

    fn load(&self) -> Result<Arc<[Graph]>, GraphError> {
        match &self.0 {
            Source::Fixed(graphs) => Ok(Arc::clone(graphs)),
            Source::Connected(connected) => connected.graphs(),
        }
    }
}

/// The trouble as it is told to this computer's user, or to others.
fn told(error: GraphError, local: bool) -> GraphError {
    match error.code {
        Some(code) if !local && code != ErrorCode::CONFIG_NOT_FOUND => GraphError::new(
            code,
            "The list of this server's graphs cannot be used; `roam-mcp status` tells its operator why.",
        ),
        _ => error,
    }
}

fn choose(graphs: &[&Graph], code: ErrorCode, message: String) -> GraphError {
    let available: Vec<Value> = graphs.iter().map(|graph| graph.info().to_json()).collect();
    GraphError::new(code, message).with("available_graphs", available).with(
        "instruction",
        "Call again with `graph` set to the nickname of one of the available graphs. Before the first use of a graph, \
             call `get_graph_guidelines` for it, once.",
    )
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
    fn a_graph_is_found_by_name_then_by_nickname_and_alone_without_either() {
        let (_one, work) = named("Work-Notes", "work", Level::Full);
        let (_two, home) = named("garden", "home", Level::ReadOnly);
        let both = Graphs::new(vec![work.clone(), home]).unwrap();
        let found = |wanted| both.resolve(wanted).map(|graph| graph.name().to_owned());
        assert_eq!(found(Some("WORK")).unwrap(), "Work-Notes");
        assert_eq!(found(Some("Work-Notes")).unwrap(), "Work-Notes");
        assert_eq!(found(Some("Home")).unwrap(), "garden");
        assert_eq!(found(Some("work-notes")).unwrap_err().code, Some(ErrorCode::GRAPH_NOT_CONFIGURED));
        let error = found(Some("")).unwrap_err();
        assert_eq!(
            (found(None).unwrap_err(), error.code.clone()),
            (error.clone(), Some(ErrorCode::GRAPH_NOT_SELECTED))
        );
        let shown = json!({ "nickname": "home", "name": "garden", "accessLevel": "read-only" });
        assert_eq!(error.context["available_graphs"][1], shown);
        assert!(error.context["instruction"].as_str().unwrap().contains("`get_graph_guidelines`"));

        let only = Graphs::new(vec![work]).unwrap();
        assert_eq!(only.resolve(None).unwrap().nickname(), "work");
        let none = Graphs::default().resolve(None).unwrap_err();
        assert_eq!(none.code, Some(ErrorCode::GRAPH_NOT_CONFIGURED));
    }

    #[test]
    fn a_graph_that_is_not_seen_is_like_none() {
        let (_one, work) = named("Work", "job", Level::Full);
        let (_two, diary) = named("Diary", "priv", Level::Full);
        let both = Graphs::new(vec![diary, work.clone()]).unwrap();
        let found = |wanted: Option<&str>| {
            both.resolve_for(wanted, false, |name| name == "Work").map(|graph| graph.name().to_owned())
        };
        let unknown = |wanted: &str| found(Some(wanted)).unwrap_err().to_json().to_string().replace(wanted, "");
        for hidden in ["Diary", "priv", "PRIV"] {
            assert_eq!(unknown(hidden), unknown("nothing"), "{hidden}");
        }
        assert!(!unknown("nothing").contains("Diary") && !unknown("nothing").contains("priv"));
        assert_eq!(found(None).unwrap(), "Work", "it is the only one for them");
        let nothing = both.resolve_for(None, false, |_| false).unwrap_err().to_json();
        assert_eq!(nothing["error"]["available_graphs"], json!([]));
    }

    #[test]
    fn two_graphs_cannot_answer_to_one_name() {
        let (_workshop, graph) = named("a", "b", Level::Full);
        let twin = |name: &str, nickname: &str| {
            let twin = Graph { name: name.into(), nickname: nickname.into(), ..graph.clone() };
            let refused = |graphs| Graphs::new(graphs).unwrap_err();
            let (one, other) = (refused(vec![graph.clone(), twin.clone()]), refused(vec![twin, graph.clone()]));
            assert_eq!(one.0.to_lowercase(), other.0.to_lowercase());
            one
        };
        assert_eq!(twin("other", "B"), DuplicateGraph("B".into()));
        assert_eq!(twin("a", "other"), DuplicateGraph("a".into()));
        assert_eq!(twin("other", "A"), DuplicateGraph("A".into()));
        assert_eq!(twin("B", "other"), DuplicateGraph("b".into()));
    }
}
