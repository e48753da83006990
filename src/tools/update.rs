//! Changing blocks and pages.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arguments::{Input, Number, Order, ViewType, given, refuse_null};
use super::batch::{Batch, Item};
use super::wording::reminder;
use super::{Call, Class, Failure, Hints, Outcome, Tool, json, output, refuse, success};
use crate::graph::{Action, without_annotations};

pub(super) const UPDATE_BLOCK: Tool = Tool {
    name: "update_block",
    title: "Update block",
    description: concat!(
        "Changes the text or the look of one block. `string` replaces the whole text and stays one block: for several \
         blocks use `create_block`. Only what you give is changed.",
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::CHANGES,
    input: Input::of::<UpdateBlock>(),
    output: Some(output::success),
    run: |call| json(update_block(call)),
};

pub(super) const UPDATE_BLOCKS: Tool = Tool {
    name: "update_blocks",
    title: "Update blocks",
    description: concat!(
        "Changes up to 25 blocks in one call, each as `update_block` does. Every block is reported on its own: look at \
         `results`, because some may have failed while others were changed. No block twice.",
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::CHANGES,
    input: Input::of::<UpdateBlocks>(),
    output: Some(output::batch),
    run: |call| json(update_blocks(call)),
};

pub(super) const MOVE_BLOCK: Tool = Tool {
    name: "move_block",
    title: "Move block",
    description: concat!(
        "Moves a block, with everything below it, to another place below a block or a page. References to it stay.",
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::CHANGES,
    input: Input::of::<MoveBlock>(),
    output: Some(output::success),
    run: |call| json(move_block(call)),
};

pub(super) const UPDATE_PAGE: Tool = Tool {
    name: "update_page",
    title: "Update page",
    description: concat!(
        "Renames a page or changes how its blocks are shown. All `[[references]]` follow a new title. Fails if another \
         page has that title, unless `mergePages` says to put the two together, which cannot be undone here.",
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::CHANGES,
    input: Input::of::<UpdatePage>(),
    output: Some(output::success),
    run: |call| json(update_page(call)),
};

/// Arguments of `update_block`, and one item of `update_blocks`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all(deserialize = "camelCase", serialize = "kebab-case"))]
struct UpdateBlock {
    /// The uid of the block.
    uid: String,
    /// The new text, as it is to be stored: no bullet in front, no `#` for a heading.
    string: Option<String>,
    /// Whether the block is unfolded.
    open: Option<bool>,
    /// 1 to 3 for a heading, 0 for plain text.
    heading: Option<Number>,
    /// How the blocks below are shown.
    children_view_type: Option<ViewType>,
    /// Where the text stands.
    text_align: Option<TextAlign>,
}

/// Where the text of a block stands.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum TextAlign {
    Left,
    Center,
    Right,
    Justify,
}

/// Arguments of `update_blocks`.
#[derive(Deserialize, JsonSchema)]
struct UpdateBlocks {
    /// The changes, one block each.
    #[schemars(length(min = 1, max = 25))]
    updates: Vec<UpdateBlock>,
}

/// Arguments of `move_block`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct MoveBlock {
    /// The uid of the block.
    uid: String,
    /// The uid of the block or page it goes below.
    parent_uid: String,
    /// Where among the siblings: `first`, `last` or an index counted from 0.
    order: Order,
}

/// Arguments of `update_page`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct UpdatePage {
    /// The uid of the page.
    uid: String,
    /// The new title.
    title: Option<String>,
    /// How the blocks of the page are shown.
    children_view_type: Option<ViewType>,
    /// Whether to put the page together with another one of that title.
    merge_pages: Option<bool>,
}

impl UpdateBlock {
    fn for_wire(mut self) -> Item {
        self.string = self.string.as_deref().map(without_annotations);
        Item { uid: self.uid.clone(), block: given(self) }
    }
}

async fn update_block(call: Call) -> Outcome {
    let item = call.parse::<UpdateBlock>()?.for_wire();
    Ok(success(call.ask(Action::UpdateBlock, json!({ "block": item.block })).await?))
}

async fn update_blocks(call: Call) -> Outcome {
    let listed = call.arguments.get("updates").and_then(Value::as_array).into_iter().flatten().enumerate();
    for (index, update) in listed.filter_map(|(index, update)| Some((index, update.as_object()?))) {
        refuse_null::<UpdateBlock>(update, &format!("updates[{index}]."))?;
    }
    let items: Vec<Item> = call.parse::<UpdateBlocks>()?.updates.into_iter().map(UpdateBlock::for_wire).collect();
    refuse_twice(&items)?;
    let request = json!({ "updates": items.iter().map(|item| &item.block).collect::<Vec<_>>() });
    Batch { action: Action::UpdateBlocks, single: Action::UpdateBlock, items }.run(&call, request).await
}

/// Roam would refuse the whole call, too, and with less to go by.
fn refuse_twice(items: &[Item]) -> Result<(), Failure> {
    let mut seen = HashSet::new();
    match items.iter().find(|item| !seen.insert(&item.uid)) {
        Some(twice) => Err(refuse(format!("The block {} is listed twice. Nothing was changed.", twice.quoted()))),
        None => Ok(()),
    }
}

async fn move_block(call: Call) -> Outcome {
    let arguments: MoveBlock = call.parse()?;
    let location = json!({ "parent-uid": arguments.parent_uid, "order": arguments.order });
    let request = json!({ "location": location, "block": { "uid": arguments.uid } });
    Ok(success(call.ask(Action::MoveBlock, request).await?))
}

async fn update_page(call: Call) -> Outcome {
    let arguments: UpdatePage = call.parse()?;
    let title = arguments.title.as_deref().map(without_annotations);
    let page = given(json!({
        "uid": arguments.uid, "title": title, "children-view-type": arguments.children_view_type,
    }));
    let request = json!({ "page": page, "merge-pages": arguments.merge_pages });
    Ok(success(call.ask(Action::UpdatePage, request).await?))
}
