//! What Roam Desktop shows, and having it show something else.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::arguments::{Input, Nothing, filled};
use super::wording::reminder;
use super::{Call, Class, Hints, Outcome, Tool, json, or};
use crate::graph::Action;

pub(super) const GET_OPEN_WINDOWS: Tool = Tool {
    name: "get_open_windows",
    title: "Get open windows",
    description: concat!(
        "Tells what is open in Roam Desktop: the main window and the right sidebar. Use it when somebody speaks of \
         \"this page\".",
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<Nothing>(),
    output: None,
    run: |call| json(get_open_windows(call)),
};

pub(super) const GET_SELECTION: Tool = Tool {
    name: "get_selection",
    title: "Get selection",
    description: concat!(
        "Tells which block has the cursor in Roam Desktop and which blocks are selected. Use it when somebody speaks of \
         \"this block\" or \"these\".",
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<Nothing>(),
    output: None,
    run: |call| json(get_selection(call)),
};

pub(super) const OPEN_MAIN_WINDOW: Tool = Tool {
    name: "open_main_window",
    title: "Open in main window",
    description: concat!(
        "Shows a page or a block in the main window of Roam Desktop, in place of what is there. It succeeds even if \
         there is no such page, so use a uid or a title that you have read.",
        reminder!()
    ),
    class: Class::Navigate,
    hints: Hints::ARRANGES,
    input: Input::of::<OpenMainWindow>(),
    output: None,
    run: |call| json(open_main_window(call)),
};

pub(super) const OPEN_SIDEBAR: Tool = Tool {
    name: "open_sidebar",
    title: "Open in sidebar",
    description: concat!(
        "Adds a page, a block or what refers to it to the right sidebar of Roam Desktop, and leaves the main window as \
         it is.",
        reminder!()
    ),
    class: Class::Navigate,
    hints: Hints::ADDS,
    input: Input::of::<OpenSidebar>(),
    output: None,
    run: |call| json(open_sidebar(call)),
};

/// Arguments of `open_main_window`.
#[derive(Deserialize, JsonSchema)]
struct OpenMainWindow {
    /// The uid of the page or block to show; wins over the title.
    uid: Option<String>,
    /// The title of the page to show.
    title: Option<String>,
}

/// Arguments of `open_sidebar`.
#[derive(Deserialize, JsonSchema)]
struct OpenSidebar {
    /// The uid of the page or block.
    uid: String,
    /// What to show of it: the block alone, its whole outline, or what refers to it.
    #[serde(default, rename = "type")]
    kind: Window,
}

/// What a window of the sidebar shows.
#[derive(Default, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Window {
    Block,
    #[default]
    Outline,
    Mentions,
}

async fn get_open_windows(call: Call) -> Outcome {
    let (main, sidebar) =
        tokio::join!(call.invoke(Action::GetOpenView, Vec::new()), call.invoke(Action::GetSidebarWindows, Vec::new()),);
    Ok(json!({ "main": main?, "sidebar": or(sidebar?, json!([])) }))
}

async fn get_selection(call: Call) -> Outcome {
    let (focused, selected) = tokio::join!(
        call.invoke(Action::GetFocusedBlock, Vec::new()),
        call.invoke(Action::GetSelectedBlocks, Vec::new()),
    );
    Ok(json!({ "focused": focused?, "multiSelected": or(selected?, json!([])) }))
}

async fn open_main_window(call: Call) -> Outcome {
    let OpenMainWindow { uid, title } = call.parse()?;
    match (filled(uid), filled(title)) {
        (Some(uid), _) => call.ask(Action::OpenBlock, json!({ "block": { "uid": uid } })).await?,
        (None, Some(title)) => call.ask(Action::OpenPage, json!({ "page": { "title": title } })).await?,
        (None, None) => Value::Null,
    };
    Ok(json!({ "success": true }))
}

async fn open_sidebar(call: Call) -> Outcome {
    let OpenSidebar { uid, kind } = call.parse()?;
    call.ask(Action::AddSidebarWindow, json!({ "window": { "type": kind, "block-uid": uid } })).await?;
    Ok(json!({ "success": true }))
}
