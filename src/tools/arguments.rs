//! Arguments: how they are described to clients, and how they are read.

mod number;

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use super::{Failure, Reply};
pub(super) use number::{Number, Whole};

/// What a tool takes.
pub(super) struct Input {
    /// Describes it to clients.
    pub(super) schema: fn() -> Map<String, Value>,
    /// Says what does not fit.
    pub(super) check: fn(&Map<String, Value>) -> Result<(), Failure>,
}

impl Input {
    /// What fits `T`.
    pub(super) const fn of<T: DeserializeOwned + JsonSchema>() -> Self {
        Self { schema: schema::<T>, check: |arguments| parse::<T>(arguments).map(drop) }
    }
}

/// What is given as `graph`, which every tool on a graph takes.
pub(super) fn graph(arguments: &Map<String, Value>) -> Result<Option<&str>, Reply> {
    match arguments.get("graph") {
        None => Ok(None),
        Some(Value::String(graph)) => Ok(Some(graph.as_str()).filter(|graph| !graph.is_empty())),
        Some(_) => Err(Reply::invalid("`graph` is the nickname or the name of a graph, as a string")),
    }
}

/// Reads the arguments of a tool. What the tool does not know is ignored.
pub(super) fn parse<T: DeserializeOwned + JsonSchema>(arguments: &Map<String, Value>) -> Result<T, Failure> {
    refuse_null::<T>(arguments, "")?;
    read(Value::Object(arguments.clone())).map_err(Failure::Arguments)
}

/// Reads what a client sent.
///
/// # Errors
/// What does not fit, and where in `value` it stands.
pub fn read<T: DeserializeOwned>(value: Value) -> Result<T, String> {
    serde_path_to_error::deserialize(value).map_err(|error| match error.path().iter().len() {
        // The whole of it, or a part that is not there; the text names which.
        0 => error.inner().to_string(),
        _ => format!("`{}`: {}", error.path(), error.inner()),
    })
}

/// Serde would read null as "not given"; a caller who sent it meant something, and it was not that.
/// `within` is the path to the arguments.
pub(super) fn refuse_null<T: JsonSchema>(arguments: &Map<String, Value>, within: &str) -> Result<(), Failure> {
    if !arguments.values().any(Value::is_null) {
        return Ok(());
    }
    let known = schema::<T>();
    let known = known.get("properties").and_then(Value::as_object);
    let null =
        |(key, value): &(&String, &Value)| value.is_null() && known.is_some_and(|known| known.contains_key(*key));
    match arguments.iter().find(null) {
        Some((key, _)) => Err(Failure::Arguments(format!("`{within}{key}` is null; leave it out instead"))),
        None => Ok(()),
    }
}

/// An argument for the wire: what was not given is not there.
pub(super) fn given(argument: impl Serialize) -> Value {
    let mut argument = json!(argument);
    if let Value::Object(fields) = &mut argument {
        fields.retain(|_, value| !value.is_null());
    }
    argument
}

/// Text that is there and not empty.
pub(super) fn filled(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// The JSON Schema of an arguments struct.
fn schema<T: JsonSchema>() -> Map<String, Value> {
    // Whole schemas in one piece: some clients do not follow references.
    let generator = SchemaSettings::draft2020_12().with(|settings| settings.inline_subschemas = true).into_generator();
    let mut schema = std::mem::take(generator.into_root_schema_for::<T>().ensure_object());
    schema.remove("title");
    schema.remove("description");
    // Some clients expect the properties of a tool without arguments, too.
    schema.entry("properties").or_insert_with(|| Value::Object(Map::new()));
    schema.values_mut().for_each(without_null);
    schema
}

/// An optional argument is left out, never null: `["string", "null"]` becomes `"string"`, and so with other unions.
fn without_null(schema: &mut Value) {
    let fields = match schema {
        Value::Object(fields) => fields,
        Value::Array(schemas) => return schemas.iter_mut().for_each(without_null),
        _ => return,
    };
    for (key, null) in [("type", "null".into()), ("enum", Value::Null), ("anyOf", json!({ "type": "null" }))] {
        if let Some(Value::Array(choices)) = fields.get_mut(key) {
            choices.retain(|choice| *choice != null);
        }
    }
    if let Some([only]) = fields.get("type").and_then(Value::as_array).map(Vec::as_slice) {
        let only = only.clone();
        fields.insert("type".into(), only);
    }
    if let Some([Value::Object(only)]) = fields.get("anyOf").and_then(Value::as_array).map(Vec::as_slice) {
        let only = only.clone();
        fields.remove("anyOf");
        fields.extend(only);
    }
    fields.values_mut().for_each(without_null);
}

/// Adds the `graph` argument that every tool on a graph takes.
pub(super) fn with_graph(mut schema: Map<String, Value>) -> Map<String, Value> {
    if let Some(Value::Object(properties)) = schema.get_mut("properties") {
        let text = "Nickname or name of the graph. May be left out when there is only one; `list_graphs` shows them.";
        properties.insert("graph".into(), json!({ "type": "string", "description": text }));
    }
    schema
}

/// No arguments.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Nothing {}

/// How the children of a page or block are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum ViewType {
    Bullet,
    Numbered,
    Document,
}

/// What blocks are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub(super) enum Sort {
    #[serde(rename = "created-date")]
    Created,
    #[serde(rename = "edited-date")]
    Edited,
    #[serde(rename = "daily-note-date")]
    DailyNote,
}

/// In which direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub(super) enum SortOrder {
    Asc,
    Desc,
}

/// A place among siblings.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub(super) enum Order {
    Word(&'static str),
    Index(Number),
}

impl Default for Order {
    fn default() -> Self {
        Self::Word("last")
    }
}

impl<'de> Deserialize<'de> for Order {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = Value::deserialize(deserializer)?;
        match value.as_str() {
            Some("first") => Ok(Self::Word("first")),
            Some("last") => Ok(Self::Word("last")),
            _ => serde_json::from_value(value)
                .map(Self::Index)
                .map_err(|_| D::Error::custom("expected \"first\", \"last\" or a number counted from 0")),
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
