//! Arguments: how they are described to clients, and how they are read.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::{Failure, Reply};

/// The graph a call names, if it names one.
///
/// # Errors
/// A reply to send back, when `graph` is there and is not a string.
pub fn graph_argument(arguments: &Map<String, Value>) -> Result<Option<&str>, Reply> {
    match arguments.get("graph") {
        None => Ok(None),
        Some(Value::String(graph)) => Ok(Some(graph.as_str()).filter(|graph| !graph.is_empty())),
        Some(_) => Err(Reply::invalid("`graph` is the nickname or the name of a graph, as a string")),
    }
}

/// Reads the arguments of a tool. What the tool does not know is ignored.
pub(super) fn parse<T: DeserializeOwned + JsonSchema>(arguments: &Map<String, Value>) -> Result<T, Failure> {
    let known = schema::<T>();
    let known = known.get("properties").and_then(Value::as_object);
    // Serde would read null as "not given"; a caller who sent it meant something, and it was not that.
    let null =
        arguments.iter().find(|(key, value)| value.is_null() && known.is_some_and(|known| known.contains_key(*key)));
    if let Some((key, _)) = null {
        return Err(Failure::Arguments(format!("`{key}` is null; leave it out instead")));
    }
    serde_json::from_value(Value::Object(arguments.clone())).map_err(|error| Failure::Arguments(error.to_string()))
}

/// The JSON Schema of an arguments struct or of a result.
pub(super) fn schema<T: JsonSchema>() -> Map<String, Value> {
    // Whole schemas in one piece: some clients do not follow references.
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = std::mem::take(generator.into_root_schema_for::<T>().ensure_object());
    schema.remove("title");
    schema.remove("description");
    // Some clients expect the properties of a tool without arguments, too.
    schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    for property in schema.get_mut("properties").and_then(Value::as_object_mut).into_iter().flat_map(Map::values_mut) {
        without_null(property);
    }
    schema
}

/// An optional argument is left out, never null: `["string", "null"]` becomes `"string"`.
fn without_null(property: &mut Value) {
    if let Some(Value::Array(types)) = property.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            property["type"] = only.clone();
        }
    }
}

/// Adds the `graph` argument that every tool on a graph takes.
pub(super) fn with_graph(mut schema: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let text = "Nickname or name of the graph. May be left out when there is only one; `list_graphs` shows them.";
        properties.insert("graph".into(), serde_json::json!({ "type": "string", "description": text }));
    }
    schema
}

/// A number, also when a client wrote it as a string.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Number(serde_json::Number);

impl From<u32> for Number {
    fn from(value: u32) -> Self {
        Self(value.into())
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Number(number) => Ok(Self(number)),
            Value::String(text) => match text.trim().parse() {
                Ok(number) => Ok(Self(number)),
                Err(_) => Err(D::Error::custom(format!("expected a number, not {text:?}"))),
            },
            other => Err(D::Error::custom(format!("expected a number, not {other}"))),
        }
    }
}

impl JsonSchema for Number {
    fn schema_name() -> Cow<'static, str> {
        "Number".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "number" })
    }
}

/// A place among siblings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Order {
    Word(&'static str),
    Index(Number),
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.as_str() {
            Some("first") => Ok(Self::Word("first")),
            Some("last") => Ok(Self::Word("last")),
            _ => serde_json::from_value(value)
                .map(Self::Index)
                .map_err(|_| D::Error::custom("`order` is \"first\", \"last\" or a number counted from 0")),
        }
    }
}

impl JsonSchema for Order {
    fn schema_name() -> Cow<'static, str> {
        "Order".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "anyOf": [{ "type": "number" }, { "type": "string", "enum": ["first", "last"] }] })
    }
}
