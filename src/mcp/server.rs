//! The handler of MCP's requests: one decision before each of them.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwap;
use jiff::Zoned;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, CompleteRequestParams, CompleteResult, CustomRequest,
    CustomResult, Implementation, InitializeRequestParams, InitializeResult, JsonObject, ListPromptsResult,
    ListResourceTemplatesResult, ListResourcesResult, ListToolsResult, PaginatedRequestParams, ServerCapabilities,
    ServerConfig, Tool,
};
use rmcp::service::{RequestContext, RoleServer};
use rmcp::{ErrorData, ServerHandler};
use tokio_util::task::TaskTracker;

use super::answer::{denied, describe, given_up, outcome, result};
use super::{Gone, Place, unknown};
use crate::access::{self, Barrier, Caller, Peer, Policy};
use crate::audit::{Audit, Subject};
use crate::graph::{Graph, Graphs};
use crate::metrics::Metrics;
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
    /// `None` in the operator's own process: every request there is theirs, and not kept books of. Otherwise `http` says
    /// who asks, request by request.
    books: Option<Books>,
    outside: Arc<ArcSwap<Outside>>,
}

/// Where calls are recorded and counted.
#[derive(Clone)]
pub(super) struct Books {
    pub(super) audit: Audit,
    pub(super) metrics: Metrics,
    /// The writes under way, some of which have lost their caller.
    pub(super) writes: TaskTracker,
}

impl Server {
    /// For requests that each come with their caller.
    pub(super) fn for_callers(
        graphs: Graphs,
        policy: Arc<ArcSwap<Policy>>,
        books: Books,
        outside: Arc<ArcSwap<Outside>>,
    ) -> Self {
        Self { graphs, policy, books: Some(books), outside }
    }

    /// For a process that the operator has started for themselves.
    pub(super) fn for_operator(graphs: Graphs) -> Self {
        Self { graphs, policy: Arc::default(), books: None, outside: Arc::default() }
    }

    /// The graph that the arguments mean, for a tool that takes one, among those that the caller may know of. Where none is
    /// meant, arguments that do not fit are the first thing to mend, as with Roam's own server.
    fn graph_of(
        &self,
        tool: &tools::Tool,
        arguments: &JsonObject,
        local: bool,
        sees: impl Fn(&str) -> bool,
    ) -> Result<Option<Graph>, Reply> {
        if !tool.takes_graph() {
            return Ok(None);
        }
        let wanted = tool.graph_of(arguments)?;
        self.graphs.resolve_for(wanted, local, sees).map(Some).or_else(|error| {
            tool.check(arguments)?;
            Err(Reply::from(&error))
        })
    }

    /// Whether the caller reaches the tool and may use it: on some graph that is here, if it takes one. Clients ask for the
    /// list once, so while no graph is here it shows what can be used when one is.
    fn offers(policy: &Policy, caller: &Caller, reach: &Reach, here: &[Graph], tool: &tools::Tool) -> bool {
        let on = |graph| access::allows(policy, caller, &tool.operation(graph));
        let allowed = if tool.takes_graph() && !here.is_empty() {
            here.iter().any(|graph| on(Some(graph.name())))
        } else {
            on(None)
        };
        allowed && reach.covers(tool)
    }

    /// The peer and the caller: the operator, or whom `http` put into the request.
    fn caller<'a>(&self, context: &'a RequestContext<RoleServer>) -> Result<(Peer, &'a Caller), ErrorData> {
        if self.books.is_none() {
            return Ok((Peer::Admin, &Caller::Admin));
        }
        Self::http(context)
            .map(|parts| &parts.extensions)
            .and_then(|extensions| Some((*extensions.get::<Peer>()?, extensions.get::<Caller>()?)))
            .ok_or_else(|| ErrorData::internal_error("The caller is not known.", None))
    }

    fn http(context: &RequestContext<RoleServer>) -> Option<&axum::http::request::Parts> {
        context.extensions.get()
    }

    /// Decides about a call, does it if it may be done, and records both.
    pub(super) async fn call(
        &self,
        peer: Peer,
        caller: &Caller,
        request: CallToolRequestParams,
        place: Option<Place>,
    ) -> Result<CallToolResult, ErrorData> {
        let policy = self.graphs.under(self.policy.load_full());
        // As with graphs: whoever sends a long name finds none of it in the log.
        let shown = || request.name.chars().take(80).collect::<String>();
        let unknown = || ErrorData::invalid_params(format!("Unknown tool `{}`.", shown()), None);
        let arguments = request.arguments.unwrap_or_default();
        let Some(tool) = tools::find(&request.name) else {
            let subject = Subject { tool: Some(shown()), ..Subject::at_the_door(peer, caller) };
            self.note_denied(&subject, &Barrier::NoTool, &arguments).await;
            return Err(unknown());
        };
        let subject = |graph| Subject::new(peer, caller, tool.name, graph, tool.needs());
        // A tool that no rule gives the caller is not there for them, in the list as in a call.
        let reach = self.outside.load().reach(peer.plane());
        let here = self.graphs.list();
        if !Self::offers(&policy, caller, &reach, &here, tool) {
            self.note_denied(&subject(None), &Barrier::NoRuleFits, &arguments).await;
            return Err(unknown());
        }
        let sees = |graph: &str| access::sees(&policy, caller, graph);
        let graph = match self.graph_of(tool, &arguments, reach.local, sees) {
            Ok(graph) => graph,
            Err(reply) => {
                self.note_denied(&subject(None), &Barrier::NoGraph, &arguments).await;
                return Ok(result(reply));
            }
        };
        let name = graph.as_ref().map(Graph::name);
        let subject = subject(name);
        let permit = match access::decide(&policy, caller, &tool.operation(name)) {
            Ok(permit) => permit,
            Err(reason) => {
                self.note_denied(&subject, reason.barrier(), &arguments).await;
                return Err(denied(reason));
            }
        };
        let visible = here.iter().filter(|graph| sees(graph.name())).map(Graph::info).collect();
        let (graphs, today) = (self.graphs.clone(), Zoned::now().date());
        let call = Call { permit, graph, visible, graphs, arguments, today, reach };
        let granted = access::grant(caller, call.permit.origin()).cloned();
        let done = self.clone().perform(tool, call, subject, granted);
        if !tool.is_write() {
            return Ok(result(done.await));
        }
        // A write goes on when its caller goes away, so that its outcome is known and on record; it keeps its place.
        let done = async move {
            let _place = place;
            done.await
        };
        let written = match &self.books {
            Some(books) => books.writes.spawn(done),
            None => tokio::spawn(done),
        };
        let reply = written.await.map_err(|error| {
            tracing::error!(%error, tool = tool.name, "a write broke off");
            ErrorData::internal_error("The call broke off; what it changed is not known.", None)
        })?;
        Ok(result(reply))
    }

    async fn note_denied(&self, subject: &Subject, barrier: &Barrier, arguments: &JsonObject) {
        if let Some(Books { audit, .. }) = &self.books {
            audit.denied(subject, barrier, arguments).await;
        }
    }

    /// Does a call that was allowed. What writes is on record before it is done, or it is not done.
    async fn perform(
        self,
        tool: &'static tools::Tool,
        call: Call,
        subject: Subject,
        granted: Option<access::Rule>,
    ) -> Reply {
        if let Some(Books { audit, .. }) = &self.books {
            let (rule, writes) = (call.permit.origin(), tool.is_write());
            if let Err(error) = audit.allowed(&subject, rule, granted.as_ref(), writes, &call.arguments).await {
                return Reply::error(error.to_string());
            }
        }
        if tool.is_write() {
            telemetry::note_write(tool.name);
        }
        let started = Instant::now();
        let reply = tools::run(tool, call).await;
        let took = started.elapsed();
        tracing::info!(tool = tool.name, caller = subject.caller, failed = reply.is_error, ?took, "tool call");
        if let Some(Books { audit, .. }) = &self.books {
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

    /// rmcp would note the revision that the client has asked for, also where it is answered with another one.
    async fn initialize(
        &self,
        mut request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        let agreed = self.negotiate_initialize(&request)?;
        request.protocol_version = agreed.protocol_version.clone();
        context.peer.set_peer_info(request);
        Ok(agreed)
    }

    /// Only what the caller may call. The list depends on the caller, so rmcp's default of a private cache scope is right.
    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let (policy, (peer, caller)) = (self.graphs.under(self.policy.load_full()), self.caller(&context)?);
        let reach = self.outside.load().reach(peer.plane());
        let here = self.graphs.list();
        let visible = tools::TOOLS.iter().filter(|tool| Self::offers(&policy, caller, &reach, &here, tool));
        Ok(ListToolsResult::with_all_items(visible.map(describe).collect()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let (peer, caller) = self.caller(&context)?;
        let tool = tools::find(&request.name).map(|tool| tool.name);
        let measured = self.books.as_ref().map(|books| books.metrics.begin(peer.plane(), caller, tool));
        let extensions = Self::http(&context).map(|parts| &parts.extensions);
        let gone = extensions.and_then(|extensions| extensions.get::<Gone>()).map(|Gone(gone)| gone.clone());
        let place = extensions.and_then(|extensions| extensions.get::<Place>()).cloned();
        let answer = tokio::select! {
            answer = self.call(peer, caller, request, place) => answer,
            // A read ends here; a write goes on by itself.
            () = async { gone.unwrap_or_default().cancelled().await } => return Err(given_up()),
            () = context.ct.cancelled() => return Err(given_up()),
        };
        if let Some(measured) = measured {
            measured.ended(outcome(&answer));
        }
        Ok(answer?.into())
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        Err(unknown::refusal(request))
    }

    /// rmcp would answer this and what follows as if it were offered.
    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(unknown::not_offered("prompts/list"))
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        Err(unknown::not_offered("resources/list"))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Err(unknown::not_offered("resources/templates/list"))
    }

    async fn complete(
        &self,
        _: CompleteRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<CompleteResult, ErrorData> {
        Err(unknown::not_offered("completion/complete"))
    }

    /// rmcp checks `Mcp-Param-*` headers against the schema that this gives; it reveals nothing to the caller.
    fn get_tool(&self, name: &str) -> Option<Tool> {
        tools::find(name).map(describe)
    }
}

#[cfg(test)]
mod tests;
