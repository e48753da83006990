//! The pages in the left sidebar.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::arguments::{Input, Whole};
use super::wording::reminder;
use super::{Call, Class, Hints, Outcome, Tool, json};
use crate::graph::Action;

pub(super) const ADD_SHORTCUT: Tool = Tool {
    name: "add_shortcut",
    title: "Add shortcut",
    description: concat!(
        "Puts a page among the shortcuts of the left sidebar; one that is there already moves to the new place.",
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::ARRANGES,
    input: Input::of::<AddShortcut>(),
    output: None,
    run: |call| json(add_shortcut(call)),
};

pub(super) const REMOVE_SHORTCUT: Tool = Tool {
    name: "remove_shortcut",
    title: "Remove shortcut",
    description: concat!(
        "Takes a page from the shortcuts of the left sidebar. The page itself stays, and it does not matter if there \
         was no shortcut.",
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::ARRANGES,
    input: Input::of::<RemoveShortcut>(),
    output: None,
    run: |call| json(remove_shortcut(call)),
};

/// Arguments of `add_shortcut`.
#[derive(Deserialize, JsonSchema)]
struct AddShortcut {
    /// The uid of the page.
    uid: String,
    /// Where among the shortcuts, counted from 0; at the end if absent.
    index: Option<Whole<0>>,
}

/// Arguments of `remove_shortcut`.
#[derive(Deserialize, JsonSchema)]
struct RemoveShortcut {
    /// The uid of the page.
    uid: String,
}

async fn add_shortcut(call: Call) -> Outcome {
    let AddShortcut { uid, index } = call.parse()?;
    let args = std::iter::once(json!(uid)).chain(index.map(|index| json!(index))).collect();
    call.invoke(Action::AddShortcut, args).await?;
    Ok(json!({ "success": true }))
}

async fn remove_shortcut(call: Call) -> Outcome {
    let RemoveShortcut { uid } = call.parse()?;
    call.invoke(Action::RemoveShortcut, vec![json!(uid)]).await?;
    Ok(json!({ "success": true }))
}
