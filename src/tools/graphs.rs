//! Which graphs there are.

use serde_json::{Value, json};

use super::arguments::{Input, Nothing};
use super::{Call, Class, Hints, Outcome, Tool, json};
use crate::graph::GraphInfo;

pub(super) const LIST_GRAPHS: Tool = Tool {
    name: "list_graphs",
    title: "List graphs",
    description: "Lists the Roam graphs that you can use, with the access level of each.",
    class: Class::Config,
    hints: Hints::READS,
    input: Input::of::<Nothing>(),
    output: None,
    run: |call| json(list_graphs(call)),
};

/// A file that cannot be used is told of in a result, as by Roam's own server: it is what there is to know about the graphs.
async fn list_graphs(call: Call) -> Outcome {
    let trouble = call.graphs.trouble(call.reach.local).map(|error| error.to_json()["error"].take());
    let graphs: Vec<Value> = call.visible.iter().map(GraphInfo::to_json).collect();
    let instruction = match graphs.len() {
        0 if call.graphs.list().is_empty() => "There is no graph here yet. If there is an `error`, mend that first.",
        0 => "There is no graph for you here. The operator of this server decides who may use which graph.",
        1 => "This is the only graph, so `graph` may be left out. Call `get_graph_guidelines` once before you use it.",
        _ => {
            "Pass the nickname of the graph you mean as `graph` with every call, and call `get_graph_guidelines` once \
             for each graph before you use it."
        }
    };
    let setup = "Another graph is connected with the tool `setup_new_graph`, or with `roam-mcp connect` on the computer \
                 where Roam Desktop runs.";
    let mut listed = json!({ "graphs": graphs, "instruction": instruction, "setup": setup });
    if let Some(trouble) = trouble {
        listed["error"] = trouble;
    }
    Ok(listed)
}
