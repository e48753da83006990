//! Reading pages and blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arguments::{Number, parse};
use super::{Call, Outcome};
use crate::graph::Action;

/// Arguments of `get_page`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetPage {
    /// The exact title. A daily note is titled like `August 3rd, 2026`.
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// The uid of the page; wins over the title.
    #[serde(skip_serializing_if = "Option::is_none")]
    uid: Option<String>,
    /// How many levels to show: 0 for the header alone. Absent for everything, which can be very long.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_depth: Option<Number>,
}

/// Arguments of `get_block`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct GetBlock {
    /// The uid of the block.
    uid: String,
    /// How many levels below the block to show: 0 for the block alone, absent for everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    max_depth: Option<Number>,
}

pub(super) async fn get_page(call: Call) -> Outcome {
    let mut arguments: GetPage = parse(&call.arguments)?;
    arguments.uid = arguments.uid.filter(|uid| !uid.is_empty());
    if arguments.uid.is_some() {
        arguments.title = None;
    }
    Ok(found_or_not(call.invoke(Action::GetPage, vec![json!(arguments)]).await?))
}

pub(super) async fn get_block(call: Call) -> Outcome {
    let arguments: GetBlock = parse(&call.arguments)?;
    Ok(found_or_not(call.invoke(Action::GetBlock, vec![json!(arguments)]).await?))
}

/// Roam answers null, or an object without a uid, for what does not exist.
fn found_or_not(answer: Value) -> Value {
    if answer.get("uid").is_some_and(Value::is_string) { answer } else { json!({ "found": false }) }
}
