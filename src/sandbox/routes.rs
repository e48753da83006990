//! The addresses of the Local API, and what is checked before an action runs.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, Query, Request, State};
use axum::http::{HeaderMap, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Sandbox;
use super::approval::{Answer, Asked};
use super::body::{self, Body};
use super::problem::Problem;
use super::tokens::Token;
use crate::access::{self, Caller, Credential, CredentialKind, Level, Operation, Policy, Rule};
use crate::config::{Kind, TOKEN_PREFIX};
use crate::graph::{API_VERSION, Action};
use crate::secret::Secret;

/// Bytes of randomness in a token that is handed out.
const TOKEN_BYTES: usize = 16;

type Reply = Result<Json<Value>, Problem>;

pub(super) fn router(sandbox: Sandbox) -> Router {
    Router::new()
        .route("/api/graphs/open", get(graphs))
        .route("/api/graphs/available", get(graphs))
        .route("/api/graphs/tokens/request", post(request_token))
        .route("/api/graphs/tokens/info", post(token_info))
        .route("/api/{graph}", post(act))
        .fallback(|| async { Problem::NoSuchRoute })
        .layer(DefaultBodyLimit::max(body::LIMIT))
        // A page in a browser must not reach a graph by a name that it has pointed here.
        .layer(middleware::from_fn(own_host))
        .with_state(sandbox)
}

async fn own_host(request: Request, next: Next) -> Response {
    let host = request.headers().get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    if matches!(name, "127.0.0.1" | "localhost") {
        next.run(request).await
    } else {
        Problem::ForeignHost.into_response()
    }
}

/// Every graph is open: none has to be loaded.
async fn graphs(State(sandbox): State<Sandbox>) -> Json<Value> {
    let listed: Vec<Value> = sandbox
        .0
        .graphs
        .iter()
        .map(|offered| json!({ "name": offered.graph.name(), "type": offered.kind.as_str() }))
        .collect();
    success(listed)
}

#[derive(Deserialize)]
struct Which {
    #[serde(rename = "type")]
    kind: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Envelope {
    action: String,
    #[serde(default)]
    args: Vec<Value>,
    expected_api_version: Option<String>,
}

async fn act(
    State(sandbox): State<Sandbox>,
    Path(name): Path<String>,
    Query(which): Query<Which>,
    headers: HeaderMap,
    Body(envelope): Body<Envelope>,
) -> Reply {
    if let Some(expected) = envelope.expected_api_version.filter(|expected| !is_compatible(expected)) {
        return Err(Problem::VersionMismatch { expected });
    }
    // Roam takes any other word for hosted.
    let kind = if which.kind.as_deref() == Some("offline") { Kind::Offline } else { Kind::Hosted };
    let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "));
    let token = sandbox.0.tokens.check(shown, &name, kind)?;
    let offered = sandbox.find(&name, kind).ok_or(Problem::TokenNotFound)?;
    let action: Action = envelope.action.parse()?;

    // The token is a public credential with a level of its own.
    let rule = Rule::everything(token.level);
    let credential = Credential { name: "local API token".into(), kind: CredentialKind::Bearer, rule };
    let policy = Policy::default();
    let operation = Operation { tool: action.as_str(), needs: action.needs(), graph: Some(&name) };
    let permit = access::decide(&policy, &Caller::Public(credential.into()), &operation)
        .map_err(|_| Problem::InsufficientScope(action.to_string()))?;
    if offered.graph.level() < action.needs() {
        return Err(Problem::ScopeExceedsPermission(action.to_string()));
    }
    Ok(success(offered.graph.invoke(&permit, action, envelope.args).await?))
}

/// The first two numbers decide.
fn is_compatible(expected: &str) -> bool {
    let relevant = |version: &str| version.split('.').take(2).map(str::to_owned).collect::<Vec<_>>();
    relevant(expected) == relevant(API_VERSION)
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct TokenRequest {
    graph: String,
    description: String,
    access_level: Level,
    #[serde(default)]
    graph_type: Kind,
}

async fn request_token(State(sandbox): State<Sandbox>, Body(asked): Body<TokenRequest>) -> Reply {
    let (graph, kind) = (asked.graph, asked.graph_type);
    if sandbox.find(&graph, kind).is_none() {
        return Err(Problem::Invalid(format!("There is no {kind} graph called {graph:?}.")));
    }
    if sandbox.0.pending.is_blocked(&graph, kind) {
        return Err(Problem::GraphBlocked);
    }
    let place = sandbox.0.pending.enter(&graph, kind).ok_or(Problem::RequestInProgress)?;
    let description = asked.description;
    let question = Asked { graph: graph.clone(), kind, level: asked.access_level, description: description.clone() };
    let answer = tokio::time::timeout(sandbox.0.dialog, (sandbox.0.approver)(question)).await;
    let level = match answer.map_err(|_| Problem::Timeout)? {
        Answer::Allow(level) => level,
        Answer::Deny => return Err(Problem::UserRejected),
        Answer::Block => {
            place.block();
            return Err(Problem::UserRejected);
        }
    };
    let random = Secret::random(TOKEN_BYTES).map_err(|error| Problem::Invalid(error.to_string()))?;
    let secret = Secret::from(format!("{TOKEN_PREFIX}{}", random.expose()));
    let token = Token { secret, graph, kind, level, description };
    let mut reply = facts(&token);
    reply["token"] = token.secret.expose().into();
    sandbox.admit(token);
    Ok(Json(reply))
}

#[derive(Deserialize)]
struct TokenQuestion {
    token: String,
    graph: String,
    #[serde(rename = "type", default)]
    kind: Kind,
}

async fn token_info(State(sandbox): State<Sandbox>, Body(asked): Body<TokenQuestion>) -> Reply {
    let token = sandbox.0.tokens.check(Some(&asked.token), &asked.graph, asked.kind)?;
    let mut reply = facts(&token);
    reply["description"] = token.description.into();
    Ok(Json(reply))
}

fn facts(token: &Token) -> Value {
    let mut scopes = json!({ "read": true });
    if token.level >= Level::ReadAppend {
        scopes["append"] = true.into();
    }
    if token.level >= Level::Full {
        scopes["edit"] = true.into();
    }
    json!({
        "success": true,
        "graphName": token.graph,
        "graphType": token.kind.as_str(),
        "grantedAccessLevel": token.level.as_str(),
        "grantedScopes": scopes,
    })
}

fn success(result: impl Into<Value>) -> Json<Value> {
    Json(json!({ "success": true, "result": result.into(), "apiVersion": API_VERSION }))
}
