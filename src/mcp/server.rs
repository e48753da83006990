//! The handler of MCP's requests: one decision before each of them.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use jiff::Zoned;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation, JsonObject, ListToolsResult,
    PaginatedRequestParams, ServerCapabilities, ServerConfig, Tool, ToolAnnotations,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use serde_json::Value;

use crate::access::{self, Caller, Operation, Peer, Policy};
use crate::audit::{Audit, Subject};
use crate::graph::{Graph, Graphs};
use crate::telemetry;
use crate::tools::{self, Call, Outside, Reach, Reply};

/// What clients read first. The first 512 characters count.
const INSTRUCTIONS: &str = "Tools for Roam Research graphs: outliners whose pages hold nested blocks, linked by \
[[page]], #tag and ((block)) references. Not sure which graph is meant? Call `list_graphs` first. Call \
`get_graph_guidelines` exactly once for each graph, before the first read or write there: it tells what its owner wants. \
Reads show blocks as markdown bullets that end in a <roam uid=\"…\"/> tag: address a block by that uid, and leave the tag \
out of what you write.";

/// One MCP server, made anew for every request from shared parts.
#[derive(Clone)]
pub(super) struct Server {
    graphs: Graphs,
    policy: Arc<ArcSwap<Policy>>,
    /// Where calls are recorded; the operator's own process keeps no record of itself.
    audit: Option<Audit>,
    outside: Arc<Outside>,
    /// Whether every request is the operator's. Otherwise `http` says who asks, request by request.
    operator: bool,
}

impl Server {
    /// For requests that each come with their caller.
    pub(super) fn for_callers(graphs: Graphs, policy: Arc<ArcSwap<Policy>>, audit: Audit, outside: Outside) -> Self {
        Self { graphs, policy, audit: Some(audit), outside: Arc::new(outside), operator: false }
    }

    /// For a process that the operator has started for themselves.
    pub(super) fn for_operator(graphs: Graphs) -> Self {
        Self { graphs, policy: Arc::default(), audit: None, outside: Arc::default(), operator: true }
    }

    /// The graph that the arguments mean, for a tool that takes one.
    fn graph_of(&self, tool: &tools::Tool, arguments: &JsonObject) -> Result<Option<Graph>, Reply> {
        if !tool.takes_graph() {
            return Ok(None);
        }
        let wanted = tools::graph_argument(arguments)?;
        self.graphs.resolve(wanted).map(Some).map_err(|error| Reply::from(&error))
    }

    /// Whether the caller reaches the tool and may use it: on some graph that is here, if it takes one.
    fn offers(&self, policy: &Policy, caller: &Caller, reach: &Reach, tool: &tools::Tool) -> bool {
        let on = |graph| access::allows(policy, caller, &Operation { tool: tool.name, needs: tool.needs(), graph });
        let allowed =
            if tool.takes_graph() { self.graphs.list().iter().any(|graph| on(Some(graph.name()))) } else { on(None) };
        allowed && reach.covers(tool)
    }

    /// The peer and the caller: the operator, or whom `http` put into the request.
    fn caller<'a>(&self, context: &'a RequestContext<RoleServer>) -> Result<(Peer, &'a Caller), ErrorData> {
        if self.operator {
            return Ok((Peer::Admin, &Caller::Admin));
        }
        let extensions = context.extensions.get::<axum::http::request::Parts>().map(|parts| &parts.extensions);
        extensions
            .and_then(|extensions| Some((*extensions.get::<Peer>()?, extensions.get::<Caller>()?)))
            .ok_or_else(|| ErrorData::internal_error("The caller is not known.", None))
    }

    /// Decides about a call, does it if it may be done, and records both.
    pub(super) async fn call(
        &self,
        peer: Peer,
        caller: &Caller,
        request: CallToolRequestParams,
    ) -> Result<CallToolResult, ErrorData> {
        let policy = self.policy.load_full();
        let unknown = || ErrorData::invalid_params(format!("Unknown tool `{}`.", request.name), None);
        let tool = tools::find(&request.name).ok_or_else(unknown)?;
        let arguments = request.arguments.unwrap_or_default();
        let subject = |graph| Subject::new(peer, caller, tool.name, graph, tool.needs());
        // A tool that no rule gives the caller is not there for them, in the list as in a call.
        let reach = self.outside.reach(peer.plane());
        if !self.offers(&policy, caller, &reach, tool) {
            self.note_denied(&subject(None), "no rule gives them the tool", &arguments).await;
            return Err(unknown());
        }
        let graph = match self.graph_of(tool, &arguments) {
            Ok(graph) => graph,
            Err(reply) => return Ok(result(reply)),
        };
        let name = graph.as_ref().map(Graph::name);
        let subject = subject(name);
        let permit =
            match access::decide(&policy, caller, &Operation { tool: tool.name, needs: tool.needs(), graph: name }) {
                Ok(permit) => permit,
                Err(reason) => {
                    self.note_denied(&subject, &format!("{reason} ({})", reason.barrier()), &arguments).await;
                    return Err(denied(reason));
                }
            };
        // What writes is on record before it is done, or it is not done.
        if let Some(audit) = &self.audit
            && let Err(error) = audit.allowed(&subject, tool.is_write(), &arguments).await
        {
            return Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())]));
        }
        let known = self.graphs.list();
        let visible =
            known.iter().filter(|graph| access::sees(&policy, caller, graph.name())).map(Graph::info).collect();
        let (graphs, today) = (self.graphs.clone(), Zoned::now().date());
        let call = Call { permit, graph, visible, graphs, arguments, today, reach };
        if !tool.is_write() {
            return Ok(result(self.clone().run(tool, call, subject).await));
        }
        telemetry::note_write(tool.name);
        // A write goes on when its caller goes away, so that its outcome is known and on record.
        let running = tokio::spawn(self.clone().run(tool, call, subject));
        let reply = running.await.map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        Ok(result(reply))
    }

    async fn note_denied(&self, subject: &Subject, reason: &str, arguments: &JsonObject) {
        if let Some(audit) = &self.audit {
            audit.denied(subject, reason, arguments).await;
        }
    }

    /// Does a call that was allowed, and records how it ended.
    async fn run(self, tool: &'static tools::Tool, call: Call, subject: Subject) -> Reply {
        let started = Instant::now();
        let reply = tools::run(tool, call).await;
        let took = started.elapsed();
        tracing::info!(tool = tool.name, caller = subject.caller, failed = reply.is_error, ?took, "tool call");
        if let Some(audit) = &self.audit {
            audit.ended(subject, reply.is_error, took).await;
        }
        reply
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        let implementation = Implementation::new("roam-mcp", env!("CARGO_PKG_VERSION")).with_title("Roam Research");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(implementation)
            .with_instructions(INSTRUCTIONS)
    }

    /// Only what the caller may call. The list depends on the caller, so rmcp's default of a private cache scope is right.
    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (policy, (peer, caller)) = (self.policy.load_full(), self.caller(&context)?);
        let reach = self.outside.reach(peer.plane());
        let visible = tools::TOOLS.iter().filter(|tool| self.offers(&policy, caller, &reach, tool));
        Ok(ListToolsResult::with_all_items(visible.map(describe).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (peer, caller) = self.caller(&context)?;
        Ok(self.call(peer, caller, request).await?.into())
    }

    /// rmcp checks `Mcp-Param-*` headers against the schema that this gives; it reveals nothing to the caller.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::find(name).map(describe)
    }
}

/// A tool in the words of the protocol.
pub(super) fn describe(tool: &tools::Tool) -> Tool {
    let hints = tool.hints;
    let annotations = ToolAnnotations::with_title(tool.title)
        .read_only(hints.read_only)
        .destructive(hints.destructive)
        .idempotent(hints.idempotent)
        .open_world(hints.open_world);
    let description = Tool::new(tool.name, tool.description, tool.input_schema())
        .with_title(tool.title)
        .with_annotations(annotations);
    match tool.output_schema() {
        Some(schema) => description.with_raw_output_schema(schema),
        None => description,
    }
}

fn result(reply: Reply) -> CallToolResult {
    let content = vec![match reply.image {
        Some(image) => ContentBlock::image(image.data, image.mime_type),
        None => ContentBlock::text(reply.text),
    }];
    let mut result = if reply.is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
    result.structured_content = reply.structured.map(Value::Object);
    result
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
fn denied(denied: access::Denied) -> ErrorData {
    ErrorData::invalid_request(denied.to_string(), None)
}
