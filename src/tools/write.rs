//! Adding to a graph.

use jiff::ToSpan as _;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::arguments::{Order, parse};
use super::{Call, Failure, Outcome};
use crate::graph::{Action, ErrorCode, GraphError};

/// Arguments of `create_block`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateBlock {
    /// Uid of the block or page to add to. Give exactly one of `parentUid`, `pageTitle`, `dailyNotePage`.
    parent_uid: Option<String>,
    /// Title of the page to add to; the page is created if it does not exist.
    page_title: Option<String>,
    /// Daily note to add to: `today`, `yesterday`, `tomorrow` or `MM-DD-YYYY`.
    daily_note_page: Option<String>,
    /// Put the new blocks under the direct child with exactly this text; it is created if it does not exist.
    nest_under: Option<String>,
    /// What to add. Nested `- ` lists become nested blocks, and headings, tables and fenced code are understood.
    markdown: String,
    /// Where among the siblings: `first`, `last` (the default) or an index counted from 0.
    #[serde(default = "last")]
    order: Order,
    /// `false` leaves the new top-level blocks collapsed.
    open: Option<bool>,
}

/// Result of the tools that create blocks.
#[derive(Serialize, JsonSchema)]
pub(super) struct Uids {
    /// Uids of the new top-level blocks, in order.
    #[serde(default)]
    uids: Vec<String>,
    /// The graph they are in.
    #[serde(default)]
    graph: String,
}

pub(super) async fn create_block(call: Call) -> Outcome {
    let arguments: CreateBlock = parse(&call.arguments)?;
    let mut location = Map::from_iter([("order".to_owned(), json!(arguments.order))]);
    let (key, target) = match (arguments.parent_uid, arguments.page_title, arguments.daily_note_page) {
        (Some(uid), None, None) => ("parent-uid", json!(uid)),
        (None, Some(title), None) => ("page-title", json!(title)),
        (None, None, Some(day)) => ("page-title", json!({ "daily-note-page": daily_note(&day, call.today)? })),
        _ => return Err(refuse("Give exactly one of `parentUid`, `pageTitle` and `dailyNotePage`.")),
    };
    location.insert(key.into(), target);
    if let Some(text) = arguments.nest_under {
        location.insert("nest-under-str".into(), text.into());
    }
    let mut request = json!({ "location": location, "markdown-string": arguments.markdown });
    if let Some(open) = arguments.open {
        request["open"] = open.into();
    }
    let made = call.invoke(Action::BlockFromMarkdown, vec![request]).await?;
    Ok(json!({ "uids": made.get("uids").cloned().unwrap_or_else(|| Value::Array(Vec::new())) }))
}

/// The daily note a word or a date means, as `MM-DD-YYYY`.
fn daily_note(day: &str, today: Date) -> Result<String, Failure> {
    let day = day.trim();
    let date = match day.to_lowercase().as_str() {
        "today" => Ok(today),
        "yesterday" => today.checked_sub(1.day()),
        "tomorrow" => today.checked_add(1.day()),
        _ if is_shaped_like_a_date(day) => return Ok(day.to_owned()),
        _ => return Err(refuse("`dailyNotePage` is `today`, `yesterday`, `tomorrow` or a date as `MM-DD-YYYY`.")),
    };
    let date = date.map_err(|_| refuse("That day is beyond the end of the calendar."))?;
    Ok(date.strftime("%m-%d-%Y").to_string())
}

fn is_shaped_like_a_date(text: &str) -> bool {
    text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(at, byte)| if at == 2 || at == 5 { byte == b'-' } else { byte.is_ascii_digit() })
}

fn refuse(message: &str) -> Failure {
    Failure::Graph(GraphError::new(ErrorCode::VALIDATION_ERROR, message))
}

fn last() -> Order {
    Order::Word("last")
}
