//! What the handler answers, in the words of the protocol.

use rmcp::ErrorData;
use rmcp::model::{CallToolResult, ContentBlock, ErrorCode, Tool, ToolAnnotations};
use serde_json::Value;

use crate::access;
use crate::metrics::Outcome;
use crate::tools::{self, Reply};

/// A tool in the words of the protocol.
pub(super) fn describe(tool: &tools::Tool) -> Tool {
    let hints = tool.hints;
    let annotations = ToolAnnotations::with_title(tool.title)
        .read_only(hints.read_only)
        .destructive(hints.destructive)
        .idempotent(hints.idempotent)
        .open_world(hints.open_world);
    let description = Tool::new(tool.name, tool.description, tool.input_schema())
        .with_title(tool.title)
        .with_annotations(annotations);
    match tool.output_schema() {
        Some(schema) => description.with_raw_output_schema(schema),
        None => description,
    }
}

/// Nobody reads it.
pub(super) fn given_up() -> ErrorData {
    ErrorData::internal_error("The caller did not wait for the answer.", None)
}

pub(super) fn outcome(answer: &Result<CallToolResult, ErrorData>) -> Outcome {
    match answer {
        Ok(result) if result.is_error == Some(true) => Outcome::Failed,
        Ok(_) => Outcome::Ok,
        Err(error) if error.code == ErrorCode::INVALID_REQUEST => Outcome::Denied,
        Err(error) if error.code == ErrorCode::INVALID_PARAMS => Outcome::Unknown,
        Err(_) => Outcome::Error,
    }
}

pub(super) fn result(reply: Reply) -> CallToolResult {
    let content = vec![match reply.image {
        Some(image) => ContentBlock::image(image.data, image.mime_type),
        None => ContentBlock::text(reply.text),
    }];
    let mut result = if reply.is_error { CallToolResult::error(content) } else { CallToolResult::success(content) };
    result.structured_content = reply.structured.map(Value::Object);
    result
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err")]
pub(super) fn denied(denied: access::Denied) -> ErrorData {
    ErrorData::invalid_request(denied.to_string(), None)
}
