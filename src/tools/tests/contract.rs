//! The list of tools, against the one of Roam's own server (version 0.12.0).

use serde_json::{Value, json};

use crate::tools::{TOOLS, find};

/// Name, title, annotations (read only, destructive, idempotent, open world), required arguments, and the fields of the
/// structured result.
type Row = (&'static str, &'static str, &'static str, &'static [&'static str], &'static [&'static str]);

const OFFICIAL: &[Row] = &[
    ("list_graphs", "List graphs", "t/f/t/f", &[], &[]),
    ("setup_new_graph", "Set up new graph", "f/f/f/f", &[], &[]),
    ("get_graph_guidelines", "Get graph guidelines", "t/f/t/f", &[], &[]),
    ("create_page", "Create page", "f/f/f/f", &["title"], &["uid"]),
    ("create_block", "Create blocks", "f/f/f/f", &["markdown"], &["uids"]),
    ("append_to_daily_note", "Append to daily note", "f/f/f/f", &["markdown"], &["uids"]),
    ("update_block", "Update block", "f/t/t/f", &["uid"], &["success"]),
    ("update_blocks", "Update blocks", "f/t/t/f", &["updates"], &["success", "succeeded", "failed", "results"]),
    ("delete_block", "Delete block", "f/t/f/f", &["uid"], &["success", "deleted"]),
    ("delete_blocks", "Delete blocks", "f/t/f/f", &["uids"], &["success", "succeeded", "failed", "results"]),
    ("move_block", "Move block", "f/t/t/f", &["uid", "parentUid", "order"], &["success"]),
    ("add_comment", "Add comment", "f/f/f/f", &["blockUid"], &["uids"]),
    ("get_comments", "Get comments", "t/f/t/f", &["blockUid"], &[]),
    ("delete_page", "Delete page", "f/t/f/f", &["uid"], &["success", "deleted"]),
    ("update_page", "Update page", "f/t/t/f", &["uid"], &["success"]),
    // Roam's own has no structured result here; see `SEARCH`.
    ("search", "Search", "t/f/t/f", &["query"], &["results"]),
    ("search_templates", "Search templates", "t/f/t/f", &[], &[]),
    ("roam_query", "Run Roam query", "t/f/t/f", &[], &[]),
    ("datalog_query", "Run datalog query", "t/f/t/f", &["query"], &[]),
    ("get_page", "Get page", "t/f/t/f", &[], &[]),
    ("get_block", "Get block", "t/f/t/f", &["uid"], &[]),
    ("get_backlinks", "Get backlinks", "t/f/t/f", &[], &[]),
    ("get_open_windows", "Get open windows", "t/f/t/f", &[], &[]),
    ("get_selection", "Get selection", "t/f/t/f", &[], &[]),
    ("open_main_window", "Open in main window", "f/f/t/f", &[], &[]),
    ("open_sidebar", "Open in sidebar", "f/f/f/f", &["uid"], &[]),
    ("add_shortcut", "Add shortcut", "f/f/t/f", &["uid"], &[]),
    ("remove_shortcut", "Remove shortcut", "f/f/t/f", &["uid"], &[]),
    ("suggest_links", "Suggest links", "t/f/t/f", &["text"], &[]),
    ("reload_dev_extensions", "Reload developer extensions", "f/f/t/f", &[], &[]),
    ("call_extension_tool", "Call extension AI tool", "f/t/f/t", &["tool"], &[]),
    ("semantic_search", "Semantic search", "t/f/t/f", &["query"], &[]),
    ("file_get", "Get file", "t/f/t/f", &["url"], &[]),
    ("file_upload", "Upload file", "f/f/f/t", &[], &[]),
    ("file_delete", "Delete file", "f/t/f/f", &["url"], &[]),
];

/// The readers of Roam's markdown, whose descriptions say how it is written down.
const READERS: [&str; 7] =
    ["get_page", "get_block", "get_backlinks", "search", "get_comments", "roam_query", "semantic_search"];

fn names(list: &Value) -> Vec<&str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[test]
fn the_list_is_roams_own_in_its_order_and_one_more() {
    let listed: Vec<&str> = TOOLS.iter().map(|tool| tool.name).collect();
    let official: Vec<&str> = OFFICIAL.iter().map(|(name, ..)| *name).collect();
    assert_eq!(listed[..official.len()], official);
    assert_eq!(listed[official.len()..], ["fetch"]);
}

#[test]
fn titles_annotations_arguments_and_results_are_roams_own() {
    for (name, title, hints, required, output) in OFFICIAL {
        let tool = find(name).unwrap();
        let told = [tool.hints.read_only, tool.hints.destructive, tool.hints.idempotent, tool.hints.open_world];
        let told = told.map(|hint| if hint { "t" } else { "f" }).join("/");
        assert_eq!((tool.title, told.as_str()), (*title, *hints), "{name}");
        let input = Value::Object((*tool.input_schema()).clone());
        assert_eq!(names(&input["required"]), *required, "{name}");
        let fields = tool.output_schema().map(|schema| Value::Object((*schema).clone())).unwrap_or_default();
        let fields: Vec<&str> =
            fields["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
        let expected = if output.is_empty() { Vec::new() } else { [output, &["graph"][..]].concat() };
        assert_eq!(fields, expected, "{name}");
    }
}

#[test]
fn descriptions_remind_of_the_guidelines_and_explain_the_format() {
    for tool in TOOLS.iter().filter(|tool| tool.name != "get_graph_guidelines" && tool.name != "fetch") {
        assert_eq!(tool.description.contains("get_graph_guidelines"), tool.takes_graph(), "{}", tool.name);
        assert_eq!(tool.description.contains("childrenViewType"), READERS.contains(&tool.name), "{}", tool.name);
    }
}

#[test]
fn no_schema_offers_null_or_refers_to_another_one() {
    fn check(value: &Value, tool: &str) {
        match value {
            Value::Object(fields) => fields.iter().for_each(|(key, value)| {
                assert!(key != "$ref" && value != "null" && !value.is_null(), "{tool}: {key}");
                check(value, tool);
            }),
            Value::Array(items) => items.iter().for_each(|item| {
                assert!(item != "null" && !item.is_null(), "{tool}");
                check(item, tool);
            }),
            _ => {}
        }
    }
    for tool in TOOLS {
        check(&Value::Object((*tool.input_schema()).clone()), tool.name);
    }
}

#[test]
fn the_list_that_clients_get_changes_only_on_purpose() {
    let shown: Vec<Value> = TOOLS
        .iter()
        .map(|tool| {
            json!({
                "name": tool.name, "needs": tool.needs(), "writes": tool.is_write(), "description": tool.description,
                "input": *tool.input_schema(), "output": tool.output_schema().map(|schema| (*schema).clone()),
            })
        })
        .collect();
    insta::assert_json_snapshot!(shown);
}
