//! Which graphs there are.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Call, Outcome};

/// `list_graphs` takes nothing.
#[derive(Deserialize, JsonSchema)]
pub(super) struct ListGraphs {}

pub(super) async fn list_graphs(call: Call) -> Outcome {
    let graphs: Vec<Value> = call.visible.iter().map(crate::graph::GraphInfo::to_json).collect();
    let instruction = match graphs.len() {
        0 => "There is no graph for you here. The operator of this server decides who may use which graph.",
        1 => "This is the only graph, so `graph` may be left out.",
        _ => "Pass the nickname of the graph you mean as `graph` with every call.",
    };
    Ok(json!({ "graphs": graphs, "instruction": instruction }))
}
