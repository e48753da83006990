mod contract;
mod reports;
mod rows;
mod wire;

use jiff::civil::{Date, date};
use serde_json::{Map, Value, json};

use super::{Call, Reach, Reply, TOOLS, find, run};
use crate::access::{Level, Permit};
use crate::graph::testing::{Workshop, graph, new_garden};
use crate::graph::{ErrorCode, Graph, GraphError, Graphs};

const TODAY: Date = date(2026, 3, 1);

struct Desk {
    graph: Graph,
    level: Level,
    _workshop: Workshop,
}

fn desk() -> Desk {
    let (workshop, store) = graph(&new_garden());
    Desk { graph: Graph::embedded("garden", "g", Level::Full, store), level: Level::Full, _workshop: workshop }
}

impl Desk {
    async fn run(&self, tool: &str, arguments: Value) -> Reply {
        let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
        let call = Call {
            permit: Permit::for_test(self.level, "garden"),
            graph: Some(self.graph.clone()),
            visible: vec![self.graph.info()],
            graphs: Graphs::default(),
            arguments,
            today: TODAY,
            reach: Reach::local(),
        };
        run(find(tool).unwrap(), call).await
    }

    /// Runs a tool that has to succeed and answer with JSON.
    async fn ask(&self, tool: &str, arguments: Value) -> Value {
        let reply = self.run(tool, arguments).await;
        assert!(!reply.is_error, "{}", reply.text);
        serde_json::from_str(&reply.text).unwrap()
    }
}

#[test]
fn every_tool_is_found_by_its_name_and_says_what_it_does() {
    for tool in TOOLS {
        assert!(std::ptr::eq(find(tool.name).unwrap(), tool));
        assert!(tool.description.ends_with('.') && !tool.title.is_empty());
        let properties = tool.input_schema().get("properties").cloned().unwrap_or_default();
        // The one tool for graphs that are not here yet names one of its own accord.
        let names_one = tool.takes_graph() || tool.name == "setup_new_graph";
        assert_eq!(properties.get("graph").is_some(), names_one, "{}", tool.name);
        assert!(!(tool.hints.read_only && tool.is_write()), "{}", tool.name);
        assert!(!tool.hints.destructive || tool.is_write(), "{}", tool.name);
    }
    assert!(find("no_such_tool").is_none());
}

#[tokio::test]
async fn results_are_pretty_json_with_the_graph_as_the_caller_named_it() {
    let desk = desk();
    let reply = desk.run("get_page", json!({ "title": "Nowhere" })).await;
    assert_eq!(
        (reply.text.as_str(), reply.structured, reply.is_error),
        ("{\n  \"found\": false,\n  \"graph\": \"garden\"\n}", None, false)
    );
    assert_eq!(desk.ask("get_page", json!({ "title": "Soil", "graph": "G" })).await["graph"], "G");
    assert_eq!(desk.ask("get_page", json!({ "title": "Soil", "graph": "" })).await["graph"], "garden");
    let listed = desk.ask("list_graphs", json!({ "graph": "ignored" })).await;
    assert_eq!(listed["graphs"], json!([{ "nickname": "g", "name": "garden", "accessLevel": "full" }]));
    assert!(listed.get("graph").is_none());
}

#[tokio::test]
async fn a_write_answers_in_structure_too_and_an_error_never_does() {
    let desk = desk();
    let reply = desk.run("create_block", json!({ "pageTitle": "Soil", "markdown": "- a\n- b" })).await;
    let structured = reply.structured.unwrap();
    assert_eq!(serde_json::from_str::<Map<String, Value>>(&reply.text).unwrap(), structured);
    assert_eq!((structured["uids"].as_array().unwrap().len(), &structured["graph"]), (2, &json!("garden")));

    let reply = desk.run("create_block", json!({ "parentUid": "nowhere", "markdown": "x" })).await;
    let error: Value = serde_json::from_str(&reply.text).unwrap();
    assert_eq!((&error["error"]["code"], &error["error"]["uid"]), (&json!("NOT_FOUND"), &json!("nowhere")));
    assert!(reply.is_error && reply.structured.is_none() && error.get("graph").is_none());
}

#[tokio::test]
async fn arguments_that_do_not_fit_are_refused_with_the_reason() {
    let desk = desk();
    let table = [
        ("search", json!({}), "missing field `query`"),
        ("search", json!({ "query": 5 }), "expected a string"),
        ("search", json!({ "query": "x", "scope": "everywhere" }), "unknown variant `everywhere`"),
        ("search", json!({ "query": "x", "limit": "many" }), "`limit`: expected a number, not \"many\""),
        ("search", json!({ "query": "x", "limit": null }), "`limit` is null"),
        ("search", json!({ "query": "x", "limit": true }), "expected a number, not true"),
        ("search", json!({ "query": "x", "includePath": "yes" }), "expected a boolean"),
        ("get_block", json!({ "uid": "x", "maxDepth": [] }), "expected a number"),
        ("get_page", json!({ "title": null }), "`title` is null"),
        ("get_page", json!({ "title": "Soil", "graph": 7 }), "`graph`"),
        ("create_block", json!({ "pageTitle": "x", "markdown": "y", "order": "middle" }), "`order`: expected"),
        ("create_block", json!({ "pageTitle": "x", "markdown": "y", "open": "no" }), "expected a boolean"),
        ("update_blocks", json!({ "updates": [{ "uid": "a" }, { "uid": 5 }] }), "`updates[1].uid`: invalid type"),
        ("update_blocks", json!({ "updates": [{ "uid": "a" }, {}] }), "`updates[1]`: missing field `uid`"),
        ("update_blocks", json!({ "updates": [{ "uid": "a", "open": null }] }), "`updates[0].open` is null"),
    ];
    for (tool, arguments, expected) in table {
        let reply = desk.run(tool, arguments.clone()).await;
        let fits = reply.text.starts_with("Invalid arguments") && reply.text.contains(expected);
        assert!(reply.is_error && fits, "{tool} {arguments}: {}", reply.text);
    }
}

#[tokio::test]
async fn numbers_may_be_written_as_strings_and_unknown_arguments_are_dropped() {
    let desk = desk();
    let found = desk
        .ask("search", json!({ "query": "soil", "limit": " 1 ", "offset": "1", "maxDepth": "0", "color": null }))
        .await;
    assert_eq!(found["results"].as_array().unwrap().len(), 1);
    let made = desk.ask("create_block", json!({ "pageTitle": "Soil", "markdown": "top", "order": "0" })).await;
    let page = desk.ask("get_page", json!({ "title": "Soil", "maxDepth": 1 })).await;
    assert!(page["markdown"].as_str().unwrap().lines().nth(2).unwrap().contains(made["uids"][0].as_str().unwrap()));
}

#[tokio::test]
async fn a_block_needs_exactly_one_place_to_go() {
    let desk = desk();
    for arguments in [
        json!({ "markdown": "x" }),
        json!({ "markdown": "x", "pageTitle": "Soil", "parentUid": "" }),
        json!({ "markdown": "x", "dailyNotePage": "someday" }),
        json!({ "markdown": "x", "dailyNotePage": "2026-08-03" }),
        json!({ "markdown": "x", "dailyNotePage": "02-30-2026" }),
    ] {
        let reply = desk.run("create_block", arguments.clone()).await;
        let error: Value = serde_json::from_str(&reply.text).unwrap();
        assert_eq!(error["error"]["code"], "VALIDATION_ERROR", "{arguments}");
    }
}

#[tokio::test]
async fn a_day_is_counted_on_the_calendar_of_this_machine() {
    let desk = desk();
    for (word, title) in [
        (" Today ", "March 1st, 2026"),
        ("YESTERDAY", "February 28th, 2026"),
        ("tomorrow", "March 2nd, 2026"),
        ("12-31-2025", "December 31st, 2025"),
    ] {
        desk.ask(
            "create_block",
            json!({ "dailyNotePage": word, "markdown": "note", "nestUnder": "Log", "open": false }),
        )
        .await;
        let page = desk.ask("get_page", json!({ "title": title })).await;
        assert!(page["markdown"].as_str().unwrap().contains("  - note"), "{word}");
    }
}

#[tokio::test]
async fn a_tool_cannot_do_more_than_its_permit() {
    let desk = Desk { level: Level::ReadOnly, ..desk() };
    let reply = desk.run("create_block", json!({ "pageTitle": "Soil", "markdown": "x" })).await;
    assert!(reply.is_error && reply.text.contains("INSUFFICIENT_SCOPE"), "{}", reply.text);
    desk.ask("get_page", json!({ "title": "Soil" })).await;
}

#[test]
fn an_error_before_the_tool_looks_like_one_of_the_tool() {
    let reply = Reply::from(&GraphError::new(ErrorCode::GRAPH_NOT_SELECTED, "which one?"));
    assert!(reply.is_error && reply.text.starts_with("{\n  \"error\": {\n    \"code\": \"GRAPH_NOT_SELECTED\""));
}
