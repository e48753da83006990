//! Files in a graph.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

use super::arguments::Input;
use super::wording::reminder;
use super::{Answer, Call, Class, Failure, Hints, Image, Outcome, Tool, json, media};
use crate::graph::{Action, ErrorCode, GraphError};

pub(super) const FILE_GET: Tool = Tool {
    name: "file_get",
    title: "Get file",
    description: concat!(
        "Fetches a file of the graph by its URL, as it stands in a block, and decrypts it if the graph is encrypted. \
         An image comes as an image, anything else as base64.",
        reminder!()
    ),
    class: Class::Read,
    hints: Hints::READS,
    input: Input::of::<FileUrl>(),
    output: None,
    run: |call| Box::pin(file_get(call)),
};

pub(super) const FILE_DELETE: Tool = Tool {
    name: "file_delete",
    title: "Delete file",
    description: concat!(
        "Deletes a file of the graph by its URL. Blocks that show it keep the URL, which then leads nowhere. It cannot \
         be undone.",
        reminder!()
    ),
    class: Class::Edit,
    hints: Hints::DELETES,
    input: Input::of::<FileUrl>(),
    output: None,
    run: |call| json(file_delete(call)),
};

/// Arguments of `file_get` and `file_delete`.
#[derive(Deserialize, JsonSchema)]
struct FileUrl {
    /// The URL of the file (firebasestorage.googleapis.com), as it stands in the block.
    url: String,
}

async fn file_get(call: Call) -> Result<Answer, Failure> {
    let FileUrl { url } = call.parse()?;
    let mut file = call.ask(Action::GetFile, json!({ "url": url, "format": "base64" })).await?;
    let data = file["base64"].as_str().unwrap_or_default();
    if data.is_empty() {
        let message = "There is no file at that URL, or it is empty.";
        return Err(GraphError::new(ErrorCode::NOT_FOUND, message).into());
    }
    let kind = file["mimetype"].as_str().filter(|kind| !kind.is_empty()).or_else(|| media::by_beginning(data));
    match kind.filter(|kind| kind.starts_with("image/")).map(str::to_owned) {
        Some(mime_type) => match file["base64"].take() {
            Value::String(data) => Ok(Answer::Image(Image { data, mime_type })),
            _ => Ok(Answer::Json(file)),
        },
        None => Ok(Answer::Json(file)),
    }
}

async fn file_delete(call: Call) -> Outcome {
    let FileUrl { url } = call.parse()?;
    call.ask(Action::DeleteFile, json!({ "url": url })).await?;
    Ok(json!({ "deleted": true }))
}
