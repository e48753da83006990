//! Deleting blocks and pages.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::Input;
use super::batch::{Batch, Item, NOT_DELETED, quoted, reason};
use super::wording::reminder;
use super::{Call, Class, Hints, Outcome, Tool, json, output, success};
use crate::graph::{Action, ErrorCode, GraphError};

/// What a deletion does to the rest of the graph.
macro_rules! consequences {
    () => {
        " It cannot be undone. Ask first when the read showed `refs` on it, or when much would go (about 20 blocks or \
         500 words). `\"deleted\": true` says that it happened; an error `NOT_FOUND` says that nothing was deleted."
    };
}

pub(super) const DELETE_BLOCK: Tool = Tool {
    name: "delete_block",
    title: "Delete block",
    description: concat!(
        "Deletes a block and everything below it. References to it elsewhere become its text, and comments count as \
         references.",
        consequences!(),
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::DELETES,
    input: Input::of::<DeleteBlock>(),
    output: Some(output::deletion),
    run: |call| json(delete_block(call)),
};

pub(super) const DELETE_BLOCKS: Tool = Tool {
    name: "delete_blocks",
    title: "Delete blocks",
    description: concat!(
        "Deletes up to 25 blocks in one call, each as `delete_block` does. Every block is reported on its own: look at \
         `results`, because some may have failed while others were deleted.",
        consequences!(),
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::DELETES,
    input: Input::of::<DeleteBlocks>(),
    output: Some(output::batch),
    run: |call| json(delete_blocks(call)),
};

pub(super) const DELETE_PAGE: Tool = Tool {
    name: "delete_page",
    title: "Delete page",
    description: concat!(
        "Deletes a page and everything on it. `[[Page]]`, tags and attributes of that name turn into plain text \
         everywhere, in the titles of other pages as well.",
        consequences!(),
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::DELETES,
    input: Input::of::<DeletePage>(),
    output: Some(output::deletion),
    run: |call| json(delete_page(call)),
};

/// Arguments of `delete_block`.
#[derive(Deserialize, JsonSchema)]
struct DeleteBlock {
    /// The uid of the block.
    uid: String,
}

/// Arguments of `delete_page`.
#[derive(Deserialize, JsonSchema)]
struct DeletePage {
    /// The uid of the page.
    uid: String,
}

/// Arguments of `delete_blocks`.
#[derive(Deserialize, JsonSchema)]
struct DeleteBlocks {
    /// The uids of the blocks. A block below another one of the list goes with it.
    #[schemars(length(min = 1, max = 25))]
    uids: Vec<String>,
}

async fn delete_block(call: Call) -> Outcome {
    let DeleteBlock { uid } = call.parse()?;
    report(&uid, call.ask(Action::DeleteBlock, json!({ "block": { "uid": uid } })).await?)
}

async fn delete_page(call: Call) -> Outcome {
    let DeletePage { uid } = call.parse()?;
    report(&uid, call.ask(Action::DeletePage, json!({ "page": { "uid": uid } })).await?)
}

async fn delete_blocks(call: Call) -> Outcome {
    let DeleteBlocks { uids } = call.parse()?;
    let request = json!({ "uids": uids });
    let items = uids.into_iter().map(|uid| Item { block: json!({ "uid": uid }), uid }).collect();
    Batch { action: Action::DeleteBlocks, single: Action::DeleteBlock, items }.run(&call, request).await
}

/// Newer versions of Roam say whether there was anything to delete; older ones answer nothing.
fn report(uid: &str, answer: Value) -> Outcome {
    if answer["deleted"] != Value::Bool(false) {
        return Ok(success(answer));
    }
    let advice = match reason(&answer["reason"]) {
        None => {
            "there is none. It may be gone already, or the uid may be wrong; trying again will not help.".to_owned()
        }
        Some(reason) => format!("Roam's reason is {}. It may still be there: read it again.", quoted(&reason)),
    };
    let error = GraphError::new(ErrorCode::NOT_FOUND, format!("{NOT_DELETED} {}: {advice}", quoted(uid)));
    let error = error.with("uid", uid);
    Err(match answer["reason"].as_str() {
        Some(reason) => error.with("reason", reason.chars().take(80).collect::<String>()).into(),
        None => error.into(),
    })
}
