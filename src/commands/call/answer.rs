//! What a tool answered, for people and for programs.

use serde::Deserialize;
use serde_json::{Value, json};

use super::super::{Failure, visible};
use super::shown::{self, Paging};
use super::{file, problem};
use crate::graph::ErrorCode;

/// The result of a call.
#[derive(Debug)]
pub(super) struct Answer {
    body: Body,
    pub(super) is_error: bool,
}

/// What it says.
#[derive(Debug)]
enum Body {
    Json(Value),
    Text(String),
}

/// What a server sends.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    content: Vec<Content>,
    #[serde(default)]
    is_error: bool,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", rename_all_fields = "camelCase")]
enum Content {
    Text {
        text: String,
    },
    Image {
        data: String,
        mime_type: String,
    },
    #[serde(other)]
    Other,
}

impl Answer {
    /// Reads the answer of a server to a call of `tool`. A file is put on the disk, and the answer says where.
    pub(super) fn of(mut answer: Value, tool: &str) -> Result<Self, Failure> {
        if let Some(message) = answer["error"]["message"].as_str() {
            return Err(Failure::with_code(visible(message), Failure::FAILED));
        }
        let Sent { content, is_error } = serde_json::from_value(answer["result"].take())?;
        let body = match content.into_iter().next() {
            Some(Content::Text { text }) => match serde_json::from_str(&text) {
                Ok(value) if tool == "file_get" => Body::Json(file::saved(value)?),
                Ok(value) => Body::Json(value),
                Err(_) => Body::Text(text),
            },
            Some(Content::Image { data, mime_type }) => Body::Json(file::save_image(&data, &mime_type)?),
            Some(Content::Other) | None => Body::Text(String::new()),
        };
        Ok(Self { body, is_error })
    }

    /// What the tool said.
    pub(super) fn text(&self) -> String {
        match &self.body {
            Body::Json(value) => format!("{value:#}"),
            Body::Text(text) => text.clone(),
        }
    }

    /// Whether no graph was ever connected.
    pub(super) fn has_no_graphs(&self) -> bool {
        self.has_code(&ErrorCode::CONFIG_NOT_FOUND)
    }

    fn has_code(&self, code: &ErrorCode) -> bool {
        matches!(&self.body, Body::Json(value) if self.is_error && value["error"]["code"] == code.as_str())
    }

    /// The same as JSON, also where the tool answers plain text.
    pub(super) fn json(&self) -> Value {
        match &self.body {
            Body::Json(value) => value.clone(),
            Body::Text(text) if self.is_error => json!({ "error": { "message": text } }),
            Body::Text(text) => Value::String(text.clone()),
        }
    }

    /// The same for a person at a terminal.
    pub(super) fn for_people(&self, paging: Option<Paging>) -> String {
        visible(&match &self.body {
            Body::Json(value) => shown::shown(value, paging),
            Body::Text(text) => text.clone(),
        })
    }

    /// What went wrong: a sentence, and below it what the tool adds.
    pub(super) fn problem(&self) -> String {
        visible(&match &self.body {
            Body::Json(value) => problem::told(value),
            Body::Text(text) if text.is_empty() => "the tool failed and did not say why".to_owned(),
            Body::Text(text) => text.clone(),
        })
    }

    /// Whether what was asked for is not there. That is a result, and not an error, of the tools that read.
    pub(super) fn is_missing(&self) -> bool {
        matches!(&self.body, Body::Json(value) if value["found"] == false)
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        let known = [
            (ErrorCode::VALIDATION_ERROR, Failure::USAGE),
            (ErrorCode::CONNECTION_FAILED, Failure::NOT_RUNNING),
            (ErrorCode::NOT_FOUND, Failure::NOT_FOUND),
            (ErrorCode::OUTCOME_UNKNOWN, Failure::UNKNOWN),
        ];
        if let Some((_, exit)) = known.iter().find(|(code, _)| self.has_code(code)) {
            return *exit;
        }
        match &self.body {
            Body::Text(text) if self.is_error && text.starts_with("Invalid arguments") => Failure::USAGE,
            _ if self.is_error => Failure::FAILED,
            _ if self.is_missing() => Failure::NOT_FOUND,
            // Of several blocks, some were left as they are.
            Body::Json(value) if value["success"] == false => Failure::FAILED,
            _ => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, is_error: bool) -> Answer {
        let content = json!([{ "type": "text", "text": text }]);
        Answer::of(json!({ "result": { "content": content, "isError": is_error } }), "search")
            .unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn programs_read_json_whatever_the_tool_says() {
        assert_eq!(answer("plain", false).json(), "plain");
        assert_eq!(answer("{\"a\": 1}", false).json(), json!({ "a": 1 }));
        assert_eq!(answer("odd", true).json(), json!({ "error": { "message": "odd" } }));
    }

    #[test]
    fn the_code_tells_a_script_what_it_can_do() {
        let coded = |code: &str| json!({ "error": { "code": code, "message": "x" } }).to_string();
        for (text, is_error, code) in [
            ("{\"total\": 0}".to_owned(), false, 0),
            ("plain".to_owned(), false, 0),
            (coded("NOT_FOUND"), false, 0),
            ("{\"found\": false}".to_owned(), false, 7),
            ("{\"success\": false, \"succeeded\": 1}".to_owned(), false, 1),
            ("odd".to_owned(), true, 1),
            (coded("INTERNAL_ERROR"), true, 1),
            ("Invalid arguments: x".to_owned(), true, 2),
            (coded("VALIDATION_ERROR"), true, 2),
            (coded("CONNECTION_FAILED"), true, 5),
            (coded("NOT_FOUND"), true, 7),
            (coded("OUTCOME_UNKNOWN"), true, 8),
        ] {
            assert_eq!(answer(&text, is_error).code(), code, "{text}");
        }
    }

    #[test]
    fn nothing_that_a_graph_says_reaches_the_terminal_as_a_command() {
        let text = json!({ "markdown": "- a\x1b[2J\u{9b}b", "uid": "x" }).to_string();
        assert_eq!(answer(&text, false).for_people(None), "- a\\u{1b}[2J\\u{9b}b");
        assert_eq!(answer("plain\x07", false).for_people(None), "plain\\u{7}");
        let refused = json!({ "error": { "message": "no \x1b]0;x\x07", "reason": "\u{9d}" } }).to_string();
        assert!(!answer(&refused, true).problem().replace('\n', "").chars().any(char::is_control));
    }
}
