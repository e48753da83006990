//! Adding pages and blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::arguments::{Input, Order, ViewType};
use super::day::daily_note;
use super::wording::reminder;
use super::{Call, Class, Hints, Outcome, Tool, json, or, output, refuse};
use crate::graph::{Action, without_annotations};

pub(super) const CREATE_PAGE: Tool = Tool {
    name: "create_page",
    title: "Create page",
    description: concat!(
        "Creates a page, with content written as markdown if you give some. Fails if a page of that title exists: add \
         to that one with `create_block`. A title like `August 3rd, 2026` makes that day's daily note. Nested `- ` \
         lists become nested blocks, and headings, tables and fenced code are understood.",
        reminder!()
    ),
    class: Class::Append,
    hints: Hints::ADDS,
    input: Input::of::<CreatePage>(),
    output: Some(output::uid),
    run: |call| json(create_page(call)),
};

pub(super) const CREATE_BLOCK: Tool = Tool {
    name: "create_block",
    title: "Create blocks",
    description: concat!(
        "Adds blocks written as markdown below a block, a page or a daily note, and returns the uids of the new \
         top-level blocks. `[[Page]]`, `#tag`, `Attribute::` and `((uid))` make references; a to-do is \
         `{{[[TODO]]}} text`. Text copied from a read may keep its `<roam …/>` tags and `<ref>` previews: they are \
         removed.",
        reminder!()
    ),
    class: Class::Append,
    hints: Hints::ADDS,
    input: Input::of::<CreateBlock>(),
    output: Some(output::uids),
    run: |call| json(create_block(call)),
};

pub(super) const APPEND_TO_DAILY_NOTE: Tool = Tool {
    name: "append_to_daily_note",
    title: "Append to daily note",
    description: concat!(
        "Adds blocks written as markdown to the end of a daily note, today's unless you say another. The right tool \
         for noting something down when no place was named.",
        reminder!()
    ),
    class: Class::Append,
    hints: Hints::ADDS,
    input: Input::of::<AppendToDailyNote>(),
    output: Some(output::uids),
    run: |call| json(append_to_daily_note(call)),
};

/// Arguments of `create_page`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CreatePage {
    /// The title of the page.
    title: String,
    /// What the page contains.
    markdown: Option<String>,
    /// A uid of your own choice. Leave it out, and Roam makes one.
    uid: Option<String>,
    /// How the blocks of the page are shown.
    children_view_type: Option<ViewType>,
}

/// Arguments of `create_block`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct CreateBlock {
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
    #[serde(default)]
    order: Order,
    /// `false` leaves the new top-level blocks collapsed.
    open: Option<bool>,
}

/// Arguments of `append_to_daily_note`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AppendToDailyNote {
    /// What to add. Nested `- ` lists become nested blocks, and headings, tables and fenced code are understood.
    markdown: String,
    /// Put the new blocks under the direct child with exactly this text; it is created if it does not exist.
    nest_under: Option<String>,
    /// Which day: `today` (the default), `yesterday`, `tomorrow` or `MM-DD-YYYY`.
    date: Option<String>,
    /// `false` leaves the new top-level blocks collapsed.
    open: Option<bool>,
}

/// Where new blocks go.
#[derive(Serialize)]
struct Place {
    order: Order,
    #[serde(flatten)]
    target: Map<String, Value>,
}

async fn create_page(call: Call) -> Outcome {
    let arguments: CreatePage = call.parse()?;
    let page = super::arguments::given(json!({
        "title": without_annotations(&arguments.title), "uid": arguments.uid, "children-view-type": arguments.children_view_type,
    }));
    let markdown = arguments.markdown.as_deref().map(without_annotations);
    let made = call.ask(Action::PageFromMarkdown, json!({ "page": page, "markdown-string": markdown })).await?;
    Ok(with(made, "uid", "".into()))
}

async fn create_block(call: Call) -> Outcome {
    let arguments: CreateBlock = call.parse()?;
    let (key, target) = match (arguments.parent_uid, arguments.page_title, arguments.daily_note_page) {
        (Some(uid), None, None) => ("parent-uid", json!(uid)),
        (None, Some(title), None) => ("page-title", json!(without_annotations(&title))),
        (None, None, Some(day)) => ("page-title", daily_note(&day, call.today)?),
        _ => return Err(refuse("Give exactly one of `parentUid`, `pageTitle` and `dailyNotePage`.")),
    };
    let place = Place { order: arguments.order, target: Map::from_iter([(key.to_owned(), target)]) };
    add(&call, place, arguments.nest_under.as_deref(), &arguments.markdown, arguments.open).await
}

async fn append_to_daily_note(call: Call) -> Outcome {
    let arguments: AppendToDailyNote = call.parse()?;
    let target = daily_note(arguments.date.as_deref().unwrap_or("today"), call.today)?;
    let place = Place { order: Order::default(), target: Map::from_iter([("page-title".to_owned(), target)]) };
    add(&call, place, arguments.nest_under.as_deref(), &arguments.markdown, arguments.open).await
}

async fn add(call: &Call, mut place: Place, under: Option<&str>, markdown: &str, open: Option<bool>) -> Outcome {
    if let Some(text) = under {
        place.target.insert("nest-under-str".into(), without_annotations(text).into());
    }
    let request = json!({ "location": place, "markdown-string": without_annotations(markdown), "open": open });
    let made = call.ask(Action::BlockFromMarkdown, request).await?;
    Ok(with(made, "uids", json!([])))
}

/// Everything that Roam says of what it made, and `otherwise` for what it should have said.
pub(super) fn with(made: Value, key: &str, otherwise: Value) -> Value {
    let Value::Object(mut fields) = made else { return json!({ key: otherwise }) };
    let said = fields.entry(key).or_insert(Value::Null);
    *said = or(said.take(), otherwise);
    fields.into()
}
