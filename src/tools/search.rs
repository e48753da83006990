//! Finding pages, blocks and templates by their words.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::arguments::{Input, Number};
use super::wording::{format_note, reminder};
use super::{Call, Class, Hints, Outcome, Tool, json, locator, or, output};
use crate::graph::Action;

/// `search` answers what Roam's own tool answers, and each hit has three more fields: `id`, `title` and `url`, which is
/// what ChatGPT's research looks for, in the text as in the structured result. To fields that are added no client
/// objects; a second search tool beside this one would have models choose the wrong one, and a different answer for
/// ChatGPT would hang on guessing who calls.
pub(super) const SEARCH: Tool = Tool {
    name: "search",
    title: "Search",
    description: concat!(
        "Finds pages and blocks by the words in them, best first: titles before blocks, the exact phrase before \
         scattered words. An empty query returns recently opened and edited pages. Page through with `offset` and \
         `limit`; `total` counts all hits. `truncated=\"N\"` marks a hit that was cut by N characters; `get_block` shows \
         all of it.",
        format_note!(),
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<Search>(),
    output: Some(output::search),
    run: |call| json(search(call)),
};

pub(super) const SEARCH_TEMPLATES: Tool = Tool {
    name: "search_templates",
    title: "Search templates",
    description: concat!(
        "Lists the templates of the graph (blocks tagged `[[roam/templates]]`) with a preview, all of them or those with \
         a text in their name. To use one, read it with `get_block` and write it with `create_block`.",
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<SearchTemplates>(),
    output: None,
    run: |call| json(search_templates(call)),
};

/// Arguments of `search`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Search {
    /// Words to look for. Empty: recently opened and edited pages instead.
    query: String,
    /// Where to look.
    #[serde(default)]
    scope: Scope,
    /// How many hits to skip.
    #[serde(default = "zero")]
    offset: Number,
    /// How many hits to return at most.
    #[serde(default = "twenty")]
    limit: Number,
    /// Whether each block comes with the titles and texts above it.
    #[serde(default = "yes")]
    include_path: bool,
    /// How many levels below each block to show; 0 or absent for the block alone.
    max_depth: Option<Number>,
}

/// Where to look.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum Scope {
    Pages,
    Blocks,
    #[default]
    All,
}

/// Arguments of `search_templates`.
#[derive(Deserialize, Serialize, JsonSchema)]
struct SearchTemplates {
    /// Part of the name, in any case. Absent for all templates.
    query: Option<String>,
}

async fn search(call: Call) -> Outcome {
    let arguments: Search = call.parse()?;
    let mut found = or(call.ask(Action::Search, arguments).await?, json!({ "total": 0, "results": [] }));
    let graph = call.graph()?;
    for hit in found.get_mut("results").and_then(|results| results.as_array_mut()).into_iter().flatten() {
        locator::add_to(hit, graph);
    }
    Ok(found)
}

async fn search_templates(call: Call) -> Outcome {
    let arguments: SearchTemplates = call.parse()?;
    let found = call.ask(Action::SearchTemplates, arguments).await?;
    // Early versions of Roam answer the bare list.
    Ok(if found.is_array() { json!({ "results": found }) } else { or(found, json!({ "results": [] })) })
}

fn zero() -> Number {
    0.into()
}

fn twenty() -> Number {
    20.into()
}

fn yes() -> bool {
    true
}
