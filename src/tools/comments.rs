//! Comments on blocks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::arguments::{Input, Number};
use super::create::with;
use super::wording::{format_note, reminder};
use super::{Call, Class, Hints, Outcome, Tool, json, or, output, refuse};
use crate::graph::{Action, without_annotations};

pub(super) const ADD_COMMENT: Tool = Tool {
    name: "add_comment",
    title: "Add comment",
    description: concat!(
        "Comments on a block without touching it. Give `comment` for one plain block, or `commentMarkdown` for several. \
         More comments of the same day on one block continue your comment there.",
        reminder!()
    ),
    class: Class::Append,
    hints: Hints::ADDS,
    input: Input::of::<AddComment>(),
    output: Some(output::uids),
    run: |call| json(add_comment(call)),
};

pub(super) const GET_COMMENTS: Tool = Tool {
    name: "get_comments",
    title: "Get comments",
    description: concat!(
        "Reads the comments on a block, with author and times. `singleEditableUid` is there when the comment is one \
         block that `update_block` can change.",
        format_note!(),
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<GetComments>(),
    output: None,
    run: |call| json(get_comments(call)),
};

/// Arguments of `add_comment`.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct AddComment {
    /// The uid of the block to comment on.
    block_uid: String,
    /// The comment as plain text, kept in one block.
    comment: Option<String>,
    /// The comment as markdown; lists become nested blocks.
    comment_markdown: Option<String>,
}

/// Arguments of `get_comments`.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct GetComments {
    /// The uid of the block. Pages have no comments.
    #[serde(rename(serialize = "uid"))]
    block_uid: String,
    /// How many levels below each comment to show; absent for everything.
    max_depth: Option<Number>,
}

async fn add_comment(call: Call) -> Outcome {
    let arguments: AddComment = call.parse()?;
    let (key, text) = match (arguments.comment, arguments.comment_markdown) {
        (Some(text), None) => ("reply-string", text),
        (None, Some(text)) => ("reply-markdown", text),
        _ => return Err(refuse("Give either `comment` or `commentMarkdown`.")),
    };
    let request = json!({ "block-uid": arguments.block_uid, key: without_annotations(&text) });
    Ok(with(call.ask(Action::AddComment, request).await?, "uids", json!([])))
}

async fn get_comments(call: Call) -> Outcome {
    let arguments: GetComments = call.parse()?;
    Ok(or(call.ask(Action::GetComments, arguments).await?, json!({ "total": 0, "comments": [] })))
}
