//! Finding pages and blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::arguments::{Number, parse};
use super::{Call, Outcome};
use crate::graph::Action;

/// Arguments of `search`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Search {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    max_depth: Option<Number>,
}

/// Where `search` looks.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Scope {
    Pages,
    Blocks,
    #[default]
    All,
}

pub(super) async fn search(call: Call) -> Outcome {
    let arguments: Search = parse(&call.arguments)?;
    let found = call.invoke(Action::Search, vec![json!(arguments)]).await?;
    Ok(if found.is_null() { json!({ "total": 0, "results": [] }) } else { found })
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
