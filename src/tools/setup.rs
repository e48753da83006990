//! Connecting another graph, with leave from the person in front of Roam Desktop.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::Input;
use super::{Call, Class, Failure, Hints, Outcome, Tool, json, refuse};
use crate::access::Permit;
use crate::config::{GraphEntry, Kind, RoamTools, TokenLevel, TokenStatus, has_nickname, is_graph_name, slug};
use crate::graph::{Connected, ErrorCode, GraphError, Listed, TokenRequest};

pub(super) const SETUP_NEW_GRAPH: Tool = Tool {
    name: "setup_new_graph",
    title: "Set up new graph",
    description: "Connects another graph of Roam Desktop. Without `graph` it lists the graphs there are. With `graph` and \
                  `nickname` it opens a dialog in Roam, in which the user has five minutes to allow it: ask the user \
                  first which graph, which nickname and which access they want, and tell them to look at Roam.",
    class: Class::Config,
    hints: Hints::ADDS,
    input: Input::of::<SetupNewGraph>(),
    output: None,
    run: |call| json(setup_new_graph(call)),
};

/// Arguments of `setup_new_graph`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SetupNewGraph {
    /// Name of the graph, as the list has it.
    graph: Option<String>,
    /// Short name to call it by. Needed with `graph`.
    nickname: Option<String>,
    /// How much to ask for. The user may allow less, and can change it in Roam later.
    #[serde(default)]
    access_level: AccessLevel,
}

/// The least is the default: it is easier to ask for more than to have had too much.
#[derive(Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum AccessLevel {
    #[default]
    ReadOnly,
    ReadAppend,
    Full,
}

async fn setup_new_graph(call: Call) -> Outcome {
    let arguments: SetupNewGraph = call.parse()?;
    let Some(connected) = call.graphs.connected() else {
        return Err(refuse("This server serves graphs of its own and no Roam Desktop, so none can be connected."));
    };
    let known = load(connected)?;
    match arguments.graph.as_deref().filter(|name| !name.is_empty()) {
        None => list(connected, &known, &call.permit).await,
        // Like one that is not there.
        Some(name) if call.permit.hides(name) => Err(refuse("Roam has no graph of that name.")),
        Some(name) => connect(connected, &known, name, &arguments).await,
    }
}

fn load(connected: &Connected) -> Result<Vec<GraphEntry>, Failure> {
    let entries = RoamTools::load(connected.path()).and_then(|file| file.entries());
    entries.map_err(|error| Failure::Graph(error.into()))
}

async fn list(connected: &Connected, known: &[GraphEntry], permit: &Permit) -> Outcome {
    let available: Vec<Value> = available(connected)
        .await?
        .iter()
        .filter(|graph| !permit.hides(&graph.name))
        .map(|graph| json!({ "name": graph.name, "type": graph.kind.as_str() }))
        .collect();
    let instruction = match available.len() {
        0 => "Roam lists no graphs. Ask the user to log in to Roam Desktop, then call again.",
        _ => "Ask the user which graph to connect, and call again with its name as `graph` and a short `nickname`.",
    };
    let known: Vec<Value> = known.iter().filter(|entry| !permit.hides(&entry.name)).map(describe).collect();
    Ok(json!({ "available_graphs": available, "already_configured": known, "instruction": instruction }))
}

async fn connect(connected: &Connected, known: &[GraphEntry], name: &str, arguments: &SetupNewGraph) -> Outcome {
    if !is_graph_name(name) {
        return Err(refuse("`graph` is made of letters, digits, `-` and `_`."));
    }
    let nickname = arguments.nickname.as_deref().and_then(slug);
    let nickname = nickname.ok_or_else(|| refuse("Give a `nickname` with letters or digits (a to z, 0 to 9)."))?;
    let same: Vec<&GraphEntry> = known.iter().filter(|entry| entry.name == name).collect();
    if same.iter().any(|entry| entry.token_status != Some(TokenStatus::Revoked)) {
        let graphs: Vec<Value> = same.into_iter().map(describe).collect();
        let instruction = "It is connected. Use it by its nickname; get_graph_guidelines tells how its token fares.";
        return Ok(json!({ "status": "already_configured", "graphs": graphs, "instruction": instruction }));
    }
    let free = |kind: Kind| match has_nickname(known, &nickname, name, kind) {
        None => Ok(()),
        Some(other) => {
            let (name, kind) = (&other.name, other.kind);
            Err(refuse(format!("The nickname {nickname:?} belongs to {name} ({kind}); choose another one.")))
        }
    };
    // Roam need not be started for one that is taken whatever kind of graph this is.
    free(Kind::Hosted).or_else(|_| free(Kind::Offline))?;
    let available = available(connected).await?;
    let Some(graph) = available.iter().find(|graph| graph.name == name) else {
        let names: Vec<&str> = available.iter().map(|graph| graph.name.as_str()).collect();
        let error = GraphError::new(ErrorCode::VALIDATION_ERROR, "Roam has no graph of that name.");
        return Err(error.with("available_graphs", names).into());
    };
    free(graph.kind)?;
    // Anything that is wrong with the file is found before the user is asked.
    RoamTools::check_writable(connected.path()).map_err(GraphError::from)?;
    let asked = TokenRequest {
        graph: name,
        kind: graph.kind,
        level: arguments.access_level.into(),
        description: TokenRequest::ASKER,
    };
    let granted = connected.desktop().request_token(asked).await?;
    let entry = GraphEntry {
        name: name.to_owned(),
        kind: graph.kind,
        token: granted.token,
        nickname,
        access_level: granted.level,
        token_status: None,
    };
    RoamTools::save_graph(connected.path(), &entry).map_err(GraphError::from)?;
    let instruction = "Connected. Call get_graph_guidelines for it once, then use it by its nickname.";
    Ok(json!({ "status": "connected", "graph": describe(&entry), "instruction": instruction }))
}

/// The graphs of the user. Of two with one name the hosted one counts: only one can be served.
async fn available(connected: &Connected) -> Result<Vec<Listed>, GraphError> {
    let mut graphs = connected.desktop().available_graphs().await?;
    graphs.sort_by_key(|graph| graph.kind == Kind::Offline);
    let mut seen = HashSet::new();
    graphs.retain(|graph| seen.insert(graph.name.clone()));
    Ok(graphs)
}

fn describe(entry: &GraphEntry) -> Value {
    let level = entry.access_level.unwrap_or(TokenLevel::Full);
    let mut shown = json!({
        "name": entry.name,
        "nickname": entry.nickname,
        "type": entry.kind.as_str(),
        "accessLevel": level.as_str(),
    });
    if let Some(status) = entry.token_status {
        shown["lastKnownTokenStatus"] = status.as_str().into();
    }
    shown
}

impl From<AccessLevel> for TokenLevel {
    fn from(asked: AccessLevel) -> Self {
        match asked {
            AccessLevel::ReadOnly => Self::ReadOnly,
            AccessLevel::ReadAppend => Self::ReadAppend,
            AccessLevel::Full => Self::Full,
        }
    }
}
