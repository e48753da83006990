//! The tools: one table, from which the protocol, the documentation and the checks are made.
//!
//! Every tool has the same shape: an arguments struct, a `run`, one entry in [`TOOLS`]. What is the same for all of them
//! (the `graph` argument, the look of results and errors) is done once, in [`run`].

mod arguments;
mod graphs;
mod read;
mod reply;
mod search;
mod table;
#[cfg(test)]
mod tests;
mod write;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::civil::Date;
use serde_json::{Map, Value};

use crate::access::{Level, Permit};
use crate::graph::{Action, Graph, GraphError, GraphInfo};

pub use arguments::graph_argument;
pub use reply::Reply;
pub use table::{TOOLS, find};

/// One tool as clients see it.
pub struct Tool {
    /// The name it is called by.
    pub name: &'static str,
    /// The name people read.
    pub title: &'static str,
    /// What it does, for the model that has to choose.
    pub description: &'static str,
    /// What kind of touch it is.
    pub class: Class,
    /// What clients may assume of it.
    pub hints: Hints,
    input: fn() -> Map<String, Value>,
    output: Option<fn() -> Map<String, Value>>,
    run: fn(Call) -> Running,
}

/// What a tool does to a graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Reads a graph.
    Read,
    /// Adds to a graph and changes nothing that exists.
    Append,
    /// Changes or deletes what exists.
    Edit,
    /// Moves the windows of Roam Desktop.
    Navigate,
    /// Concerns the server, and no graph's content.
    Config,
}

/// MCP's tool annotations. Hints for clients; nothing here relies on them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hints {
    /// Changes nothing.
    pub read_only: bool,
    /// May destroy something.
    pub destructive: bool,
    /// Doing it twice is doing it once.
    pub idempotent: bool,
    /// Reaches beyond the graph.
    pub open_world: bool,
}

/// One call of a tool, after the decision.
pub struct Call {
    /// The proof that the caller may do it.
    pub permit: Permit,
    /// The graph it was decided for; `None` for tools that take none.
    pub graph: Option<Graph>,
    /// The graphs that the caller may know of.
    pub visible: Vec<GraphInfo>,
    /// What the client sent, untouched.
    pub arguments: Map<String, Value>,
    /// The day on this machine's calendar.
    pub today: Date,
}

/// Why a tool did not do what it was asked.
enum Failure {
    /// The arguments do not fit the tool; the text says which and why.
    Arguments(String),
    /// The graph refused or failed.
    Graph(GraphError),
}

type Outcome = Result<Value, Failure>;
type Running = Pin<Box<dyn Future<Output = Outcome> + Send>>;

impl Tool {
    /// The least level at which it may be used.
    pub fn needs(&self) -> Level {
        match self.class {
            Class::Read | Class::Navigate | Class::Config => Level::ReadOnly,
            Class::Append => Level::ReadAppend,
            Class::Edit => Level::Full,
        }
    }

    /// Whether it writes, which is what an audit must never miss.
    pub fn is_write(&self) -> bool {
        matches!(self.class, Class::Append | Class::Edit)
    }

    /// Whether it works on a graph and so takes the `graph` argument.
    pub fn takes_graph(&self) -> bool {
        self.class != Class::Config
    }

    /// The JSON Schema of its arguments.
    pub fn input_schema(&self) -> Arc<Map<String, Value>> {
        table::schemas(self).0
    }

    /// The JSON Schema of its structured result; `None` if it has no structured result.
    pub fn output_schema(&self) -> Option<Arc<Map<String, Value>>> {
        table::schemas(self).1
    }
}

/// Runs a tool that was allowed.
pub async fn run(tool: &Tool, mut call: Call) -> Reply {
    let asked = match graph_argument(&call.arguments) {
        Ok(asked) => asked.map(str::to_owned),
        Err(reply) => return reply,
    };
    call.arguments.remove("graph");
    let label = if tool.takes_graph() {
        asked.or_else(|| call.graph.as_ref().map(|graph| graph.name().to_owned()))
    } else {
        None
    };
    match (tool.run)(call).await {
        Ok(value) => Reply::success(value, label.as_deref(), tool.output.is_some()),
        Err(failure) => Reply::failure(&failure),
    }
}

impl Call {
    /// Does one action on the graph of the call.
    async fn invoke(&self, action: Action, args: Vec<Value>) -> Outcome {
        let Some(graph) = &self.graph else {
            return Err(Failure::Arguments("this tool works on a graph, and the call has none".into()));
        };
        Ok(graph.invoke(&self.permit, action, args).await?)
    }
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}
