//! The reference of all tools, made from the table.

use serde_json::Value;

use super::wording::{format_note, reminder};
use super::{TOOLS, Tool};

const HEAD: &str = "# Tools\n\n\
Made from the table in `src/tools`; after a change there: `roam-mcp tools --markdown > docs/TOOLS.md`.\n\n\
Every tool has the name, the arguments and the result of Roam's own server, version 0.12.0, and differs from it in this:\n\n\
* `fetch` is one more, and `search` adds `id`, `title` and `url` to each hit: ChatGPT's research looks for both.\n\
* `setup_new_graph` takes an `accessLevel` and asks for `read-only` without it; Roam's own asks for full access.\n\
* `get_graph_guidelines` tells of a revoked token in a field `warning`, and not in a sentence before the JSON.\n\
* `graph` is looked up among the names first and then among the nicknames, so that a nickname never hides another graph.\n\
* A write whose answer was lost is not sent again: the error `OUTCOME_UNKNOWN` says that it may have been done.\n\
* `update_blocks` and `delete_blocks` also work with a Roam that does not know them: block by block, with the same report. \
One that was not tried has the code `NOT_TRIED`.\n\
* A number is a number or digits in quotes; `null` and `true` are refused.\n\n\
In the shell a tool is `roam-mcp call get-page --title Garden`.\n";

/// `docs/TOOLS.md`.
pub fn page() -> String {
    let mut page = HEAD.to_owned();
    page.push_str("\n| Tool | Access | Does |\n|---|---|---|\n");
    for tool in TOOLS {
        page.push_str(&format!("| [`{name}`](#{name}) | {} | {} |\n", tool.needs(), tool.title, name = tool.name));
    }
    for tool in TOOLS {
        page.push_str("\n## ");
        page.push_str(&entry(tool));
    }
    page
}

/// What a tool does, without what is said for models alone.
pub fn summary(tool: &Tool) -> String {
    tool.description.replace(reminder!(), "").replace(format_note!(), "")
}

/// What there is to know about one tool.
pub fn entry(tool: &Tool) -> String {
    let mut entry = format!("{}\n\n{}\n\nAccess: {}", tool.name, tool.description, tool.needs());
    for (hint, word) in [
        (tool.hints.read_only, "read only"),
        (tool.hints.destructive, "may destroy"),
        (tool.hints.idempotent, "safe to repeat"),
        (tool.hints.open_world, "reaches beyond the graph"),
    ] {
        if hint {
            entry.push_str(&format!(" · {word}"));
        }
    }
    entry.push('\n');
    let schema = Value::Object((*tool.input_schema()).clone());
    let required: Vec<&Value> = schema["required"].as_array().into_iter().flatten().collect();
    let arguments = schema["properties"].as_object().into_iter().flatten();
    for (at, (name, argument)) in arguments.enumerate() {
        let gap = if at == 0 { "\n" } else { "" };
        let need = if required.iter().any(|other| *other == name) { ", required" } else { "" };
        let default = match &argument["default"] {
            Value::Null => String::new(),
            default => format!(" Default: `{default}`."),
        };
        let text = argument["description"].as_str().unwrap_or_default();
        entry.push_str(&format!("{gap}* `{name}` ({}{need}): {text}{default}\n", kind(argument)));
    }
    entry
}

/// What kind of value an argument takes.
fn kind(argument: &Value) -> String {
    let listed = |key: &str| argument[key].as_array();
    if let Some(choices) = listed("enum") {
        return choices.iter().map(|choice| format!("`{choice}`")).collect::<Vec<_>>().join(" or ");
    }
    if let Some(kinds) = listed("anyOf").or_else(|| listed("oneOf")) {
        return kinds.iter().map(kind).collect::<Vec<_>>().join(" or ");
    }
    if let Some(choice) = argument.get("const") {
        return format!("`{choice}`");
    }
    match argument["type"].as_str() {
        Some("array") => format!("list of {}", kind(&argument["items"])),
        Some(kind) => kind.to_owned(),
        None => "anything".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_page_in_docs_is_made_from_this_table() {
        let page = include_str!("../../docs/TOOLS.md");
        assert!(page == super::page(), "stale; run: roam-mcp tools --markdown > docs/TOOLS.md");
    }
}
