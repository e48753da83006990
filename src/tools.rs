//! The tools: one table, from which the protocol, the shell, the documentation and the checks are made.
//!
//! Every tool has the same shape and one place: its entry, its arguments and what it does stand together in the file of
//! its family, and [`TOOLS`] lists the entries. What is the same for all of them (the `graph` argument, the look of
//! results and errors) is done once, in [`run`].

mod arguments;
mod batch;
mod comments;
mod create;
mod day;
mod delete;
mod extensions;
mod fetch;
mod files;
mod graphs;
mod guidelines;
mod locator;
mod media;
mod output;
mod query;
mod reach;
mod read;
pub mod reference;
mod reply;
mod search;
mod semantic;
mod setup;
mod shortcuts;
mod table;
#[cfg(test)]
mod tests;
mod update;
mod upload;
mod windows;
mod wording;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use jiff::civil::Date;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::access::{ALL_GRAPHS, Level, Operation, Permit};
use crate::graph::{Action, ErrorCode, Graph, GraphError, GraphInfo, Graphs};

use arguments::Input;
pub use arguments::read;
use fetch::FETCH;
pub use reach::{Outside, Reach};
pub use reply::{Image, Reply};
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
    input: Input,
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
    /// Runs or reloads code that the user has added to Roam Desktop, which may do anything.
    Extension,
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

impl Hints {
    const READS: Self = Self { read_only: true, destructive: false, idempotent: true, open_world: false };
    const ADDS: Self = Self { read_only: false, destructive: false, idempotent: false, open_world: false };
    const ARRANGES: Self = Self { read_only: false, destructive: false, idempotent: true, open_world: false };
    const CHANGES: Self = Self { read_only: false, destructive: true, idempotent: true, open_world: false };
    const DELETES: Self = Self { read_only: false, destructive: true, idempotent: false, open_world: false };
}

/// One call of a tool, after the decision.
pub struct Call {
    /// The proof that the caller may do it.
    pub permit: Permit,
    /// The graph it was decided for; `None` for tools that take none.
    pub graph: Option<Graph>,
    /// The graphs that the caller may know of.
    pub visible: Vec<GraphInfo>,
    /// All graphs of the server, for what adds to them.
    pub graphs: Graphs,
    /// What the client sent, untouched.
    pub arguments: Map<String, Value>,
    /// The day on this machine's calendar.
    pub today: Date,
    /// How far the call may reach beyond the graph.
    pub reach: Reach,
}

/// Why a tool did not do what it was asked.
enum Failure {
    /// The arguments do not fit the tool; the text says which and why.
    Arguments(String),
    /// The graph refused or failed.
    Graph(GraphError),
}

/// What a tool found.
enum Answer {
    Json(Value),
    Image(Image),
}

type Outcome = Result<Value, Failure>;
type Running = Pin<Box<dyn Future<Output = Result<Answer, Failure>> + Send>>;

/// For the tools that answer JSON, which is all but one.
fn json(outcome: impl Future<Output = Outcome> + Send + 'static) -> Running {
    Box::pin(async { outcome.await.map(Answer::Json) })
}

impl Tool {
    /// Its name as it is typed in a shell.
    pub fn typed_name(&self) -> String {
        self.name.replace('_', "-")
    }

    /// The least level at which it may be used.
    pub fn needs(&self) -> Level {
        match self.class {
            // Which graphs a server serves is for those to say who may do everything with them.
            Class::Config if !self.hints.read_only => Level::Full,
            Class::Read | Class::Navigate | Class::Config => Level::ReadOnly,
            Class::Append => Level::ReadAppend,
            Class::Edit | Class::Extension => Level::Full,
        }
    }

    /// What a call of it asks leave for, on a graph if it takes one. What changes which graphs are served concerns all of
    /// them, so a rule for some is not enough.
    pub fn operation<'a>(&self, graph: Option<&'a str>) -> Operation<'a> {
        let graph = if self.takes_graph() || self.hints.read_only { graph } else { Some(ALL_GRAPHS) };
        Operation { tool: self.name, needs: self.needs(), graph }
    }

    /// Whether it writes or changes what the server may do, which is what an audit must never miss.
    pub fn is_write(&self) -> bool {
        matches!(self.class, Class::Append | Class::Edit) || self.acts_on_desktop()
    }

    /// Whether it works on a graph and so takes the `graph` argument.
    pub fn takes_graph(&self) -> bool {
        self.class != Class::Config
    }

    /// The graph that a call names, if it names one.
    ///
    /// # Errors
    /// A reply to send back, when `graph` is there and is not a string.
    pub fn graph_of<'a>(&self, arguments: &'a Map<String, Value>) -> Result<Option<&'a str>, Reply> {
        let named = arguments::graph(arguments)?;
        // What `search` finds is called by graph and uid, and `fetch` gets nothing else.
        if named.is_none() && self.name == FETCH.name {
            return Ok(arguments.get("id").and_then(Value::as_str).and_then(locator::graph_of));
        }
        Ok(named)
    }

    /// Whether it does something to the computer that Roam Desktop runs on: dialogs, tokens, code of the user's own.
    pub fn acts_on_desktop(&self) -> bool {
        self.class == Class::Extension || (self.class == Class::Config && !self.hints.read_only)
    }

    /// What is wrong with the arguments, as far as that can be told without the graph.
    ///
    /// # Errors
    /// A reply to send back, when they do not fit.
    pub fn check(&self, arguments: &Map<String, Value>) -> Result<(), Reply> {
        (self.input.check)(arguments).map_err(|failure| Reply::failure(&failure))
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
    if !call.reach.covers(tool) {
        return Reply::failure(&refuse("this tool is switched off for calls from outside this computer"));
    }
    let label = if tool.takes_graph() {
        let asked = match tool.graph_of(&call.arguments) {
            Ok(asked) => asked.map(str::to_owned),
            Err(reply) => return reply,
        };
        call.arguments.remove("graph");
        asked.or_else(|| call.graph.as_ref().map(|graph| graph.name().to_owned()))
    } else {
        None
    };
    match (tool.run)(call).await {
        Ok(Answer::Json(value)) => Reply::success(value, label.as_deref(), tool.output.is_some()),
        Ok(Answer::Image(image)) => Reply::image(image),
        Err(failure) => Reply::failure(&failure),
    }
}

impl Call {
    /// Reads the arguments.
    fn parse<T: DeserializeOwned + JsonSchema>(&self) -> Result<T, Failure> {
        arguments::parse(&self.arguments)
    }

    /// The graph of the call.
    fn graph(&self) -> Result<&Graph, Failure> {
        let missing = || Failure::Arguments("this tool works on a graph, and the call has none".into());
        self.graph.as_ref().ok_or_else(missing)
    }

    /// Does one action on the graph of the call.
    async fn invoke(&self, action: Action, args: Vec<Value>) -> Outcome {
        Ok(self.graph()?.invoke(&self.permit, action, args).await?)
    }

    /// Does one action with one argument, as nearly all of them have it. What was not given stays off the wire.
    async fn ask(&self, action: Action, argument: impl Serialize) -> Outcome {
        self.invoke(action, vec![arguments::given(argument)]).await
    }
}

impl From<GraphError> for Failure {
    fn from(error: GraphError) -> Self {
        Self::Graph(error)
    }
}

impl Failure {
    /// The code, if whoever failed gave one.
    fn code(&self) -> Option<&ErrorCode> {
        match self {
            Self::Arguments(_) => None,
            Self::Graph(error) => error.code.as_ref(),
        }
    }
}

/// A call that contradicts itself or lacks something, with the code for it.
fn refuse(message: impl Into<String>) -> Failure {
    GraphError::new(ErrorCode::VALIDATION_ERROR, message).into()
}

/// The object that Roam answered under `success: true`; Roam answers many changes with nothing.
fn success(answer: Value) -> Value {
    let mut report = Map::from_iter([("success".to_owned(), Value::Bool(true))]);
    if let Value::Object(fields) = answer {
        report.extend(fields.into_iter().filter(|(key, _)| key != "success"));
    }
    Value::Object(report)
}

/// `answer`, or what stands for an answer that Roam left out.
fn or(answer: Value, otherwise: Value) -> Value {
    if answer.is_null() { otherwise } else { answer }
}
