//! The graphs that are served, behind one interface: Roam's own actions.
//!
//! A tool never knows which backend answers. Every call shows a [`Permit`], and it is checked here once more against
//! the graph's own ceiling, so a mistake above cannot widen what a graph gives away.

mod action;
mod connected;
mod datalog;
mod embedded;
mod error;
mod graphs;
mod local_api;
mod markup;
#[cfg(test)]
pub(crate) mod recorder;

use serde_json::{Value, json};

use crate::access::{Level, Permit};
use crate::config::{TokenLevel, TokenStatus};

pub use crate::config::Kind;
pub use action::Action;
pub use connected::Connected;
#[cfg(test)]
pub(crate) use embedded::testing;
pub(crate) use embedded::without_annotations;
pub use embedded::{Changes, Embedded, Existing, ExportError, ImportError, Imported, OpenError, Progress, Source};
pub use error::{ErrorCode, GraphError};
pub use graphs::{DuplicateGraph, Graphs};
pub use local_api::{
    API_VERSION, Desktop, Granted, Launch, Listed, Opener, Settings as DesktopSettings, TokenRequest, TokenState,
};

/// One graph. A clone is cheap and works on the same data.
#[derive(Clone, Debug)]
pub struct Graph {
    name: String,
    nickname: String,
    kind: Kind,
    level: Level,
    backend: Backend,
}

/// What a caller may know about a graph before touching it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphInfo {
    /// The short name to call it by.
    pub nickname: String,
    /// Its canonical name.
    pub name: String,
    /// The most that can be done with it.
    pub access_level: TokenLevel,
    /// How its token fared when that was last heard of; `None` if it has none, or nothing was heard.
    pub token_status: Option<TokenStatus>,
}

/// Whoever holds the data.
#[derive(Clone, Debug)]
enum Backend {
    Embedded(Embedded),
    Desktop(connected::Entry),
    /// Takes down what it is asked, for tests of the layers above.
    #[cfg(test)]
    Recorder(recorder::Recorder),
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

    /// The short name that it was given. It is not used while another graph is called that.
    pub fn given_nickname(&self) -> &str {
        match &self.backend {
            Backend::Desktop(desktop) => &desktop.entry().nickname,
            _ => &self.nickname,
        }
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
        let (access_level, token_status) = match &self.backend {
            Backend::Embedded(_) => (self.level.into(), None),
            #[cfg(test)]
            Backend::Recorder(_) => (self.level.into(), None),
            // Official tools leave the level out, and mean all of it.
            Backend::Desktop(desktop) => {
                (desktop.entry().access_level.unwrap_or(TokenLevel::Full), desktop.entry().token_status)
            }
        };
        GraphInfo { nickname: self.nickname.clone(), name: self.name.clone(), access_level, token_status }
    }

    /// What Roam says of the graph's token now; `Unknown` for a graph that needs none. Starts nothing.
    pub async fn token_state(&self) -> TokenState {
        match &self.backend {
            Backend::Embedded(_) => TokenState::Unknown,
            #[cfg(test)]
            Backend::Recorder(_) => TokenState::Unknown,
            Backend::Desktop(desktop) => desktop.token_state().await,
        }
    }

    /// Notes in `~/.roam-tools.json` how the token fares, if that is news. A failure is logged, and no more.
    pub async fn record_token(&self, level: Option<TokenLevel>, status: TokenStatus) {
        if let Backend::Desktop(desktop) = &self.backend {
            desktop.record(level, status).await;
        }
    }

    /// Does one action.
    ///
    /// # Errors
    /// `INSUFFICIENT_SCOPE` when the permit or the graph itself does not allow it; otherwise what the backend says.
    pub async fn invoke(&self, permit: &Permit, action: Action, args: Vec<Value>) -> Result<Value, GraphError> {
        self.check(permit, action)?;
        match &self.backend {
            Backend::Embedded(store) => store.invoke_for(permit.caller(), action, args).await,
            Backend::Desktop(desktop) => desktop.graph().invoke(action, args).await,
            #[cfg(test)]
            Backend::Recorder(recorder) => recorder.invoke(action, args),
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
        let mut info =
            json!({ "nickname": self.nickname, "name": self.name, "accessLevel": self.access_level.as_str() });
        if let Some(status) = self.token_status {
            info["lastKnownTokenStatus"] = status.as_str().into();
        }
        info
    }
}

impl From<Level> for TokenLevel {
    fn from(level: Level) -> Self {
        match level {
            Level::ReadOnly => Self::ReadOnly,
            Level::ReadAppend => Self::ReadAppend,
            Level::Full => Self::Full,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str, nickname: &str, level: Level) -> (testing::Workshop, Graph) {
        let (workshop, store) = testing::graph(&testing::new_garden());
        (workshop, Graph::embedded(name, nickname, level, store))
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
