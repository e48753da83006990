//! `roam-mcp call TOOL --help`: what a tool takes, as it is typed.

use std::io;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command};
use serde_json::Value;

use super::typed::kebab;
use crate::tools::{TOOLS, Tool, reference};

/// What every tool takes.
const ALSO: &str = "\
Instead of one by one, the arguments may come as JSON: `--json '{…}'`, or `-` for JSON from standard input. \
`--json-output` prints the result as JSON.";

/// Prints it, as wide as the terminal is.
pub(super) fn print(tool: &Tool) -> io::Result<()> {
    command(tool).print_help()
}

fn command(tool: &Tool) -> Command {
    // What clap shows has to live as long as the program, which ends with this.
    let kept = |text: String| -> &'static str { text.leak() };
    let name = kept(tool.typed_name());
    let mut command = Command::new(name)
        .bin_name(kept(format!("roam-mcp call {name}")))
        .about(StyledStr::from(typed(&reference::summary(tool), tool)))
        .after_help(ALSO)
        .max_term_width(110)
        .disable_help_flag(true);
    let schema = Value::Object((*tool.input_schema()).clone());
    for (key, kind) in schema["properties"].as_object().into_iter().flatten() {
        let flag = kept(kebab(key));
        let required = schema["required"].as_array().is_some_and(|required| required.iter().any(|name| name == key));
        let list = kind["type"] == "array";
        let argument = Arg::new(flag).long(flag).value_name(value_name(kind)).required(required);
        let argument = argument.action(if list { ArgAction::Append } else { ArgAction::Set });
        command = command.arg(argument.help(StyledStr::from(about(kind, list, tool))));
    }
    command
}

fn about(kind: &Value, list: bool, tool: &Tool) -> String {
    let mut about = typed(kind["description"].as_str().unwrap_or_default(), tool);
    if let Some(fields) = kind["items"]["properties"].as_object() {
        let fields = fields.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
        about.push_str(&format!(" Each is a JSON object with {fields}."));
    }
    if list {
        about.push_str(" May be given several times.");
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let choices = |kind: &Value| kind["enum"].as_array().cloned().unwrap_or_default();
    let mut values = choices(kind);
    values.extend(
        ["anyOf", "oneOf"]
            .iter()
            .filter_map(|key| kind[*key].as_array())
            .flatten()
            .flat_map(|kind| if kind["const"].is_null() { choices(kind) } else { vec![kind["const"].clone()] }),
    );
    if !values.is_empty() {
        about.push_str(&format!(" [possible values: {}]", values.iter().map(text).collect::<Vec<_>>().join(", ")));
    }
    if !kind["default"].is_null() {
        about.push_str(&format!(" [default: {}]", text(&kind["default"])));
    }
    about
}

fn value_name(kind: &Value) -> &'static str {
    match kind["type"].as_str() {
        Some("boolean") => "true|false",
        Some("number" | "integer") => "NUMBER",
        Some("object") => "JSON",
        Some("array") if kind["items"]["type"] != "string" => "JSON",
        _ if kind["anyOf"].is_array() => "VALUE",
        _ => "TEXT",
    }
}

/// A text that names arguments and tools, with those names as they are typed.
fn typed(text: &str, tool: &Tool) -> String {
    let schema = tool.input_schema();
    let properties = schema.get("properties").and_then(Value::as_object);
    let arguments = properties.into_iter().flatten().map(|(key, _)| (key.clone(), format!("--{}", kebab(key))));
    let tools = TOOLS.iter().map(|tool| (tool.name.to_owned(), tool.typed_name()));
    arguments
        .chain(tools)
        .fold(text.to_owned(), |text, (name, typed)| text.replace(&format!("`{name}`"), &format!("`{typed}`")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tool_is_shown_as_it_is_typed_and_without_what_models_are_told() {
        for tool in TOOLS {
            let shown = command(tool).render_help().to_string();
            let schema = tool.input_schema();
            for key in schema["properties"].as_object().unwrap().keys() {
                assert!(shown.contains(&format!("--{}", kebab(key))), "{}: {key}", tool.name);
            }
            assert!(!shown.contains("<roam uid") && !shown.contains("first use of a graph"), "{shown}");
            assert!(!shown.contains("`maxDepth`") && !shown.contains("`get_page`"), "{shown}");
        }
    }
}
