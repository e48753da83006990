//! What a tool answered, for people and for programs.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::Failure;
use crate::graph::without_annotations;

/// The result of a call.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    content: Vec<Content>,
    #[serde(default)]
    pub(super) is_error: bool,
}

#[derive(Debug, Deserialize)]
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
    /// Reads the answer of a server.
    pub(super) fn of(mut answer: Value) -> Result<Self, Failure> {
        match answer["error"]["message"].as_str() {
            Some(message) => Err(Failure::with_code(message, Failure::FAILED)),
            None => Ok(serde_json::from_value(answer["result"].take())?),
        }
    }

    /// Exactly what the tool said. An image is put into a file, and the text says which.
    pub(super) fn text(&self) -> Result<String, Failure> {
        match self.content.first() {
            Some(Content::Text { text }) => Ok(text.clone()),
            Some(Content::Image { data, mime_type }) => Ok(format!("{:#}", save(data, mime_type)?)),
            Some(Content::Other) | None => Ok(String::new()),
        }
    }

    /// The same as JSON, also where the tool answers plain text.
    pub(super) fn json(&self) -> Result<Value, Failure> {
        let text = self.text()?;
        Ok(match serde_json::from_str(&text) {
            Ok(value) => value,
            Err(_) if self.is_error => json!({ "error": { "message": text } }),
            Err(_) => Value::String(text),
        })
    }

    /// Markdown without the annotations that are meant for models; what is no markdown, as it is.
    pub(super) fn for_people(&self) -> Result<String, Failure> {
        let text = self.text()?;
        let Ok(value) = serde_json::from_str::<Value>(&text) else { return Ok(text) };
        if let Some(markdown) = value["markdown"].as_str() {
            return Ok(readable(markdown));
        }
        match value["results"].as_array() {
            Some(hits) if !hits.is_empty() && hits.iter().all(|hit| hit["markdown"].is_string()) => {
                Ok(hits.iter().map(for_people).collect::<Vec<_>>().join("\n\n"))
            }
            _ => Ok(text),
        }
    }

    /// What went wrong, in a sentence.
    pub(super) fn problem(&self) -> String {
        let text = match self.content.first() {
            Some(Content::Text { text }) => text.as_str(),
            _ => "the tool failed and did not say why",
        };
        let error = serde_json::from_str::<Value>(text).unwrap_or_default()["error"].take();
        match (error["message"].as_str(), error["code"].as_str()) {
            (Some(message), Some(code)) => format!("{message} ({code})"),
            (Some(message), None) => message.to_owned(),
            (None, _) => text.to_owned(),
        }
    }

    /// Whether the arguments were wrong.
    pub(super) fn is_usage(&self) -> bool {
        matches!(self.content.first(), Some(Content::Text { text }) if text.starts_with("Invalid arguments"))
    }
}

/// A hit: where it is, what it says, and the uid to go on with.
fn for_people(hit: &Value) -> String {
    let path: Vec<&str> = hit["path"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let mut head = hit["uid"].as_str().unwrap_or_default().to_owned();
    if !path.is_empty() {
        head = format!("{head}  {}", without_annotations(&path.join(" > ")));
    }
    format!("{head}\n{}", readable(hit["markdown"].as_str().unwrap_or_default()))
}

/// Whoever reads a reference wants its preview, and whoever writes has `--json-output`.
fn readable(markdown: &str) -> String {
    without_annotations(&markdown.replace("<ref>", " ‹").replace("</ref>", "›"))
}

/// Puts an image where the user can open it.
fn save(data: &str, mime_type: &str) -> Result<Value, Failure> {
    let bytes = STANDARD.decode(data)?;
    let kind = mime_type.strip_prefix("image/").unwrap_or("bin").split('+').next().unwrap_or("bin");
    let kind: String = kind.chars().filter(char::is_ascii_alphanumeric).collect();
    let mut file = tempfile::Builder::new().prefix("roam-").suffix(&format!(".{kind}")).tempfile()?;
    file.write_all(&bytes)?;
    let (_, path) = file.keep()?;
    Ok(json!({ "type": "image", "path": path, "mimeType": mime_type, "size": bytes.len() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(text: &str, is_error: bool) -> Answer {
        let content = json!([{ "type": "text", "text": text }]);
        Answer::of(json!({ "result": { "content": content, "isError": is_error } }))
            .unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn people_read_markdown_without_annotations() {
        let page = "# Soil <roam uid=\"p\"/>\n\n- see ((x))<ref>beds</ref> <roam uid=\"b\"/>";
        let shown = answer(&json!({ "uid": "p", "markdown": page }).to_string(), false).for_people();
        assert_eq!(shown.unwrap_or_default(), "# Soil\n\n- see ((x)) ‹beds›");
        let hits = json!({ "total": 1, "results": [{ "uid": "b", "markdown": "- x <roam uid=\"b\"/>", "path": ["Soil", "Beds"] }] });
        assert_eq!(answer(&hits.to_string(), false).for_people().unwrap_or_default(), "b  Soil > Beds\n- x");
        for other in ["plain", "[1]", "{\"results\":[]}"] {
            assert_eq!(answer(other, false).for_people().unwrap_or_default(), other);
        }
    }

    #[test]
    fn programs_read_json_whatever_the_tool_says() {
        assert_eq!(answer("plain", false).json().unwrap_or_default(), "plain");
        assert_eq!(answer("{\"a\": 1}", false).json().unwrap_or_default(), json!({ "a": 1 }));
        assert_eq!(answer("odd", true).json().unwrap_or_default(), json!({ "error": { "message": "odd" } }));
    }

    #[test]
    fn an_error_is_told_in_a_sentence() {
        let coded = answer("{\"error\": {\"code\": \"NOT_FOUND\", \"message\": \"none\"}}", true);
        assert_eq!((coded.problem().as_str(), coded.is_usage()), ("none (NOT_FOUND)", false));
        assert!(answer("Invalid arguments: x", true).is_usage());
    }

    #[test]
    fn an_image_is_put_into_a_file() {
        let content = json!([{ "type": "image", "data": "aGk=", "mimeType": "image/svg+xml" }]);
        let answer = Answer::of(json!({ "result": { "content": content } })).unwrap_or_else(|_| unreachable!());
        let saved = answer.json().unwrap_or_default();
        let path = saved["path"].as_str().unwrap();
        assert!(path.ends_with(".svg") && saved["size"] == 2);
        std::fs::remove_file(path).unwrap();
    }
}
