//! Finding by meaning.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::arguments::{Input, Number, Whole};
use super::search::Scope;
use super::wording::{format_note, reminder};
use super::{Call, Class, Failure, Hints, Outcome, Tool, json, or};
use crate::graph::{Action, GraphError};

pub(super) const SUGGEST_LINKS: Tool = Tool {
    name: "suggest_links",
    title: "Suggest links",
    description: concat!(
        "Finds pages of the graph that a text speaks of and could link to. Use it before you write something longer, \
         and link what fits.",
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<SuggestLinks>(),
    output: None,
    run: |call| json(suggest_links(call)),
};

pub(super) const SEMANTIC_SEARCH: Tool = Tool {
    name: "semantic_search",
    title: "Semantic search",
    description: concat!(
        "Finds pages and blocks by what they are about, best first, even if no word is the same. For names and exact \
         words `search` is better. It works only where the owner of the graph has turned it on; otherwise the error \
         says so and `search` has to do.",
        format_note!(),
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<SemanticSearch>(),
    output: None,
    run: |call| json(semantic_search(call)),
};

/// Arguments of `suggest_links`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SuggestLinks {
    /// The text to find pages for.
    text: String,
    /// How many to return at most; 20 if absent.
    max_results: Option<Whole<1>>,
}

/// Arguments of `semantic_search`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct SemanticSearch {
    /// What to look for, in your own words.
    query: String,
    /// How many to return; 25 if absent, 200 at most.
    k: Option<Number>,
    /// Where to look; everywhere if absent.
    scope: Option<Scope>,
    /// Whether each block comes with the titles and texts above it; yes if absent.
    include_path: Option<bool>,
    /// How many levels below each block to show; 2 if absent.
    max_depth: Option<Number>,
}

async fn suggest_links(call: Call) -> Outcome {
    let arguments: SuggestLinks = call.parse()?;
    Ok(or(call.ask(Action::SuggestLinks, arguments).await?, json!({ "suggestions": [] })))
}

async fn semantic_search(call: Call) -> Outcome {
    let arguments: SemanticSearch = call.parse()?;
    let graph = call.graph()?.name();
    let found = call.ask(Action::SemanticSearch, arguments).await.map_err(|failure| match failure {
        Failure::Graph(error) if is_switched_off(&error, graph) => Failure::Graph(
            GraphError {
                message:
                    "Semantic search is not turned on for this graph. Use `search` instead; the owner can turn it \
                          on in Roam's settings."
                        .into(),
                ..error
            }
            .with("fallbackTool", "search"),
        ),
        other => other,
    })?;
    Ok(or(found, json!({ "results": [] })))
}

/// Roam has no code for it. The name of the graph, as sentences of this program quote it, says nothing about that.
fn is_switched_off(error: &GraphError, graph: &str) -> bool {
    let message = error.message.replace(&format!("{graph:?}"), "").to_lowercase();
    message.contains("embedding") || message.contains("semantic search")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::graph::ErrorCode;

    #[test]
    fn the_name_of_a_graph_does_not_say_what_is_switched_off() {
        for (message, off) in [
            ("Roam does not know the token of the graph \"embedding-notes\".", false),
            ("The graph \"embedding-notes\" has no embeddings.", true),
            ("Semantic search is off.", true),
        ] {
            let error = GraphError::new(ErrorCode::INTERNAL_ERROR, message);
            assert_eq!(is_switched_off(&error, "embedding-notes"), off, "{message}");
        }
    }
}
