//! How results and errors look to the client.

use serde_json::{Map, Value};

use super::Failure;

/// What a tool answers.
#[derive(Clone, Debug, PartialEq)]
pub struct Reply {
    /// What the model reads.
    pub text: String,
    /// The same as an object, for tools that have an output schema.
    pub structured: Option<Map<String, Value>>,
    /// An image in place of the text.
    pub image: Option<Box<Image>>,
    /// Whether the text tells of an error.
    pub is_error: bool,
}

/// An image.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// The image in base64.
    pub data: String,
    /// Its type, such as `image/png`.
    pub mime_type: String,
}

impl Reply {
    /// A result. Objects get a `graph` field, so that a model working on several graphs knows whose answer it reads.
    pub(super) fn success(mut value: Value, graph: Option<&str>, structured: bool) -> Self {
        if let (Value::Object(object), Some(graph)) = (&mut value, graph) {
            object.insert("graph".into(), graph.into());
        }
        let text = match &value {
            Value::String(text) => text.clone(),
            other => pretty(other),
        };
        let structured = match value {
            Value::Object(object) if structured => Some(object),
            _ => None,
        };
        Self { text, structured, image: None, is_error: false }
    }

    /// A picture, which is all of the result.
    pub(super) fn image(image: Image) -> Self {
        Self { text: String::new(), structured: None, image: Some(Box::new(image)), is_error: false }
    }

    /// An error that the model can read and act on.
    pub(super) fn failure(failure: &Failure) -> Self {
        match failure {
            Failure::Arguments(problem) => Self::invalid(problem),
            Failure::Graph(error) => Self::from(error),
        }
    }

    /// Arguments that do not fit.
    pub(super) fn invalid(problem: &str) -> Self {
        Self::error(format!("Invalid arguments: {problem}"))
    }

    /// An error in words.
    pub fn error(text: String) -> Self {
        Self { text, structured: None, image: None, is_error: true }
    }
}

/// The same look for errors that happen before a tool runs, such as a graph that is not there.
impl From<&crate::graph::GraphError> for Reply {
    fn from(error: &crate::graph::GraphError) -> Self {
        Self::error(pretty(&error.to_json()))
    }
}

/// JSON with two-space indent.
fn pretty(value: &Value) -> String {
    format!("{value:#}")
}
