//! Which graphs there are.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::schema;
use super::{Call, Class, Hints, Outcome, Tool, json};
use crate::graph::GraphInfo;

pub(super) const LIST_GRAPHS: Tool = Tool {
    name: "list_graphs",
    title: "List graphs",
    description: "Lists the Roam graphs that you can use, with the access level of each.",
    class: Class::Config,
    hints: Hints::READS,
    input: schema::<ListGraphs>,
    output: None,
    run: |call| json(list_graphs(call)),
};

/// `list_graphs` takes nothing.
#[derive(Deserialize, JsonSchema)]
struct ListGraphs {}

async fn list_graphs(call: Call) -> Outcome {
    let graphs: Vec<Value> = call.visible.iter().map(GraphInfo::to_json).collect();
    let instruction = match graphs.len() {
        0 => "There is no graph for you here. The operator of this server decides who may use which graph.",
        1 => "This is the only graph, so `graph` may be left out. Call `get_graph_guidelines` once before you use it.",
        _ => {
            "Pass the nickname of the graph you mean as `graph` with every call, and call `get_graph_guidelines` once \
             for each graph before you use it."
        }
    };
    let setup = "Another graph is connected with the tool `setup_new_graph`, or with `roam-mcp connect` on the computer \
                 where Roam Desktop runs.";
    Ok(json!({ "graphs": graphs, "instruction": instruction, "setup": setup }))
}
