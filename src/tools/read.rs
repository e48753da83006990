//! Reading pages and blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arguments::{Input, Number, Sort, SortOrder, filled};
use super::wording::{format_note, reminder};
use super::{Call, Class, Hints, Outcome, Tool, json, or};
use crate::graph::Action;

pub(super) const GET_PAGE: Tool = Tool {
    name: "get_page",
    title: "Get page",
    description: concat!(
        "Reads a page by title or uid, with the first of its linked references; `get_backlinks` has them all. \
         `{\"found\": false}` if there is none. A page can be very long: give `maxDepth` for a first look.",
        format_note!(),
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<GetPage>(),
    output: None,
    run: |call| json(get_page(call)),
};

pub(super) const GET_BLOCK: Tool = Tool {
    name: "get_block",
    title: "Get block",
    description: concat!(
        "Reads a block and everything below it by uid, with the path that leads to it. `{\"found\": false}` if there is \
         none.",
        format_note!(),
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<GetBlock>(),
    output: None,
    run: |call| json(get_block(call)),
};

pub(super) const GET_BACKLINKS: Tool = Tool {
    name: "get_backlinks",
    title: "Get backlinks",
    description: concat!(
        "Lists the blocks that refer to a page or a block. For the next part of a long list pass `nextOffset` of the \
         answer as `offset`; do not count yourself, because hidden blocks are left out.",
        format_note!(),
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<GetBacklinks>(),
    output: None,
    run: |call| json(get_backlinks(call)),
};

/// Arguments of `get_page`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GetPage {
    /// The exact title. A daily note is titled like `August 3rd, 2026`.
    title: Option<String>,
    /// The uid of the page; wins over the title.
    uid: Option<String>,
    /// How many levels to show: 0 for the header alone. Absent for everything, which can be very long.
    max_depth: Option<Number>,
}

/// Arguments of `get_block`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GetBlock {
    /// The uid of the block.
    uid: String,
    /// How many levels below the block to show: 0 for the block alone, absent for everything.
    max_depth: Option<Number>,
}

/// Arguments of `get_backlinks`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GetBacklinks {
    /// The uid of the page or block that is referred to.
    uid: Option<String>,
    /// The title of the page that is referred to, in place of its uid.
    title: Option<String>,
    /// How many to skip; 0 if absent.
    offset: Option<Number>,
    /// How many to return at most; 20 if absent.
    limit: Option<Number>,
    /// What to sort by; `created-date` if absent.
    sort: Option<Sort>,
    /// In which direction; `desc`, newest first, if absent.
    sort_order: Option<SortOrder>,
    /// Only those with this text in the block, above it, below it or in the title of its page.
    search: Option<String>,
    /// Whether each block comes with the titles and texts above it; yes if absent.
    include_path: Option<bool>,
    /// How many levels below each block to show; 1 if absent.
    max_depth: Option<Number>,
}

async fn get_page(call: Call) -> Outcome {
    let mut arguments: GetPage = call.parse()?;
    arguments.uid = filled(arguments.uid);
    if arguments.uid.is_some() {
        arguments.title = None;
    }
    Ok(found_or_not(call.ask(Action::GetPage, arguments).await?))
}

async fn get_block(call: Call) -> Outcome {
    let arguments: GetBlock = call.parse()?;
    Ok(found_or_not(call.ask(Action::GetBlock, arguments).await?))
}

async fn get_backlinks(call: Call) -> Outcome {
    let mut arguments: GetBacklinks = call.parse()?;
    (arguments.uid, arguments.title) = (filled(arguments.uid), filled(arguments.title));
    Ok(or(call.ask(Action::GetBacklinks, arguments).await?, json!({ "total": 0, "results": [] })))
}

/// Roam answers null, or an object without a uid, for what does not exist.
fn found_or_not(answer: Value) -> Value {
    if is_found(&answer) { answer } else { json!({ "found": false }) }
}

/// Whether Roam had what was asked for.
pub(super) fn is_found(answer: &Value) -> bool {
    answer["uid"].is_string()
}
