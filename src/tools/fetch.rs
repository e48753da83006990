//! `fetch`: the other half of what ChatGPT's research asks of a server, beside `search`.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::Input;
use super::batch::quoted;
use super::read::is_found;
use super::wording::{format_note, reminder};
use super::{Call, Class, Failure, Hints, Outcome, Tool, json, locator, output};
use crate::graph::{Action, ErrorCode, GraphError};

/// Not one of Roam's own tools, so it comes after them.
pub(super) const FETCH: Tool = Tool {
    name: "fetch",
    title: "Fetch",
    description: concat!(
        "Reads the whole page or block that an `id` of `search` stands for, as one document with title, text and \
         address. With more to choose, use `get_page` and `get_block`.",
        format_note!(),
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<Fetch>(),
    output: Some(output::document),
    run: |call| json(fetch(call)),
};

/// Arguments of `fetch`.
#[derive(Deserialize, JsonSchema)]
struct Fetch {
    /// The `id` of something that `search` has found.
    id: String,
}

async fn fetch(call: Call) -> Outcome {
    let Fetch { id } = call.parse()?;
    let uid = locator::uid_of(&id);
    let found = match read(&call, Action::GetPage, uid).await? {
        Some(page) => page,
        None => read(&call, Action::GetBlock, uid).await?.ok_or_else(|| {
            let message = format!("There is no page or block {}. Search again for one that is there.", quoted(uid));
            GraphError::new(ErrorCode::NOT_FOUND, message)
        })?,
    };
    let graph = call.graph()?;
    let text = found["markdown"].as_str().unwrap_or_default();
    let title = Some(locator::title(text)).filter(|title| !title.is_empty()).unwrap_or_else(|| uid.to_owned());
    let mut metadata = json!({ "uid": uid, "graph": graph.name() });
    if !found["path"].is_null() {
        metadata["path"] = found["path"].clone();
    }
    Ok(json!({ "id": id, "title": title, "text": text, "url": locator::url(graph, uid), "metadata": metadata }))
}

/// What has that uid, if it is of the kind that the action reads.
async fn read(call: &Call, action: Action, uid: &str) -> Result<Option<Value>, Failure> {
    match call.ask(action, json!({ "uid": uid })).await {
        Ok(answer) => Ok(Some(answer).filter(is_found)),
        Err(failure) if failure.code() == Some(&ErrorCode::NOT_FOUND) => Ok(None),
        Err(failure) => Err(failure),
    }
}
