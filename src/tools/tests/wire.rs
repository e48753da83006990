//! What each tool sends for what it is given, and what it makes of the answer.

use serde_json::{Value, json};

use super::TODAY;
use super::rows::{self, Row};
use crate::access::{Level, Permit};
use crate::graph::recorder::Recorder;
use crate::graph::{ErrorCode, GraphError, Graphs};
use crate::tools::{Call, Reach, Reply, find, run};

pub(super) type Answer = Result<Value, GraphError>;

pub(super) fn refusal(code: ErrorCode, message: &str) -> Answer {
    Err(GraphError::new(code, message))
}

/// Runs a tool on a graph that gives these answers; returns the reply and what the graph was asked.
pub(super) async fn play(
    tool: &str,
    arguments: Value,
    answers: impl IntoIterator<Item = Answer>,
) -> (Reply, Vec<Value>) {
    let recorder = Recorder::answering(answers);
    let graph = recorder.graph();
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    let call = Call {
        permit: Permit::for_test(Level::Full, graph.name()),
        visible: vec![graph.info()],
        graph: Some(graph),
        graphs: Graphs::default(),
        arguments,
        today: TODAY,
        reach: Reach::local(),
    };
    let reply = run(find(tool).unwrap(), call).await;
    (reply, recorder.asked())
}

async fn check(rows: Vec<Row>) {
    for Row(tool, arguments, answer, asked, result) in rows {
        let (reply, heard) = play(tool, arguments.clone(), [Ok(answer)]).await;
        let shown = format!("{tool} {arguments}: {}", reply.text);
        assert!(!reply.is_error, "{shown}");
        let asked = match asked {
            Value::Null => Vec::new(),
            asked => vec![json!({ "action": asked[0], "args": asked[1] })],
        };
        assert_eq!(heard, asked, "{shown}");
        let mut got: Value = serde_json::from_str(&reply.text).unwrap();
        if let Value::Object(fields) = &mut got {
            assert_eq!(fields.remove("graph"), Some("garden".into()), "{shown}");
        }
        assert_eq!(got, result, "{shown}");
        assert_eq!(reply.structured.is_some(), find(tool).unwrap().output_schema().is_some(), "{shown}");
    }
}

#[tokio::test]
async fn tools_that_add() {
    check(rows::adding()).await;
}

#[tokio::test]
async fn tools_that_change() {
    check(rows::changing()).await;
}

#[tokio::test]
async fn tools_that_read() {
    check(rows::reading()).await;
}

#[tokio::test]
async fn search_answers_what_roam_and_what_chatgpt_expect() {
    check(rows::searching()).await;
}

#[tokio::test]
async fn fetch_takes_what_search_gave_and_finds_page_or_block() {
    let (reply, asked) = play(
        "fetch",
        json!({ "id": "g/b" }),
        [Ok(Value::Null), Ok(json!({ "uid": "b", "markdown": "- beds <roam uid=\"b\"/>", "path": ["Garden"] }))],
    )
    .await;
    assert_eq!(
        asked,
        [
            json!({ "action": "data.ai.getPage", "args": [{ "uid": "b" }] }),
            json!({ "action": "data.ai.getBlock", "args": [{ "uid": "b" }] }),
        ]
    );
    let document = json!({
        "id": "g/b", "title": "beds", "text": "- beds <roam uid=\"b\"/>", "url": "https://roamresearch.com/#/app/garden/page/b",
        "metadata": { "uid": "b", "graph": "garden", "path": ["Garden"] }, "graph": "g",
    });
    assert_eq!(Value::Object(reply.structured.unwrap()), document);
    let (reply, asked) = play("fetch", json!({ "id": "p" }), [Ok(json!({ "uid": "p", "markdown": "# Soil" }))]).await;
    assert_eq!((reply.structured.unwrap()["title"].clone(), asked.len()), (json!("Soil"), 1));
    let (reply, _) =
        play("fetch", json!({ "id": "g/x" }), [refusal(ErrorCode::NOT_FOUND, "no"), Ok(Value::Null)]).await;
    assert!(reply.is_error && reply.text.contains("NOT_FOUND"), "{}", reply.text);
}

#[tokio::test]
async fn tools_of_the_desktop() {
    check(rows::desktop()).await;
    let two = [Ok(json!({ "type": "log" })), Ok(Value::Null)];
    let (reply, asked) = play("get_open_windows", json!({}), two.clone()).await;
    assert_eq!(asked[1], json!({ "action": "ui.rightSidebar.getWindows", "args": [] }));
    assert!(reply.text.contains("\"sidebar\": []") && reply.text.contains("\"main\": {"), "{}", reply.text);
    let (reply, asked) = play("get_selection", json!({}), [Ok(Value::Null), Ok(Value::Null)]).await;
    assert_eq!(asked[0], json!({ "action": "ui.getFocusedBlock", "args": [] }));
    assert_eq!(
        serde_json::from_str::<Value>(&reply.text).unwrap(),
        json!({ "focused": null, "multiSelected": [], "graph": "garden" })
    );
}

#[tokio::test]
async fn rows_of_datalog_come_as_they_are() {
    for (answer, text) in [
        (json!([["a", 1]]), "[\n  [\n    \"a\",\n    1\n  ]\n]"),
        (json!(7), "7"),
        (json!(null), "[]"),
        (json!("x"), "x"),
    ] {
        let (reply, asked) =
            play("datalog_query", json!({ "query": "[:find ?x]", "inputs": ["a", null, 3] }), [Ok(answer)]).await;
        assert_eq!(asked, [json!({ "action": "q", "args": ["[:find ?x]", "a", null, 3] })]);
        assert_eq!((reply.text.as_str(), reply.structured), (text, None));
    }
}

#[tokio::test]
async fn an_image_comes_as_an_image_by_its_type_or_by_its_beginning() {
    for file in [json!({ "base64": "AAAA", "mimetype": "image/avif" }), json!({ "base64": "/9j/AA==" })] {
        let (reply, _) = play("file_get", json!({ "url": "u" }), [Ok(file.clone())]).await;
        assert_eq!(reply.image.unwrap().data, file["base64"].as_str().unwrap());
    }
    for nothing in [Value::Null, json!({ "base64": "" })] {
        assert!(play("file_get", json!({ "url": "u" }), [Ok(nothing)]).await.0.is_error);
    }
}

#[tokio::test]
async fn what_contradicts_itself_is_not_sent() {
    let table = [
        ("create_block", json!({ "markdown": "x", "pageTitle": "a", "parentUid": "" }), "exactly one"),
        ("append_to_daily_note", json!({ "markdown": "x", "date": "someday" }), "MM-DD-YYYY"),
        ("add_comment", json!({ "blockUid": "b" }), "either"),
        ("add_comment", json!({ "blockUid": "b", "comment": "a", "commentMarkdown": "b" }), "either"),
        ("roam_query", json!({}), "either"),
        ("roam_query", json!({ "uid": "a", "query": "b" }), "either"),
        ("update_block", json!({ "uid": "b", "string": null }), "null"),
        ("update_block", json!({ "uid": "b", "textAlign": "middle" }), "unknown variant"),
        ("update_blocks", json!({ "updates": [] }), "1 to 25"),
        ("update_blocks", json!({ "updates": [{ "uid": "b", "open": null }] }), "`updates[0].open` is null"),
        ("update_blocks", json!({ "updates": [{ "uid": "b" }, { "uid": "b" }] }), "twice"),
        ("delete_blocks", json!({ "uids": vec!["b"; 26] }), "1 to 25"),
        ("delete_blocks", json!({ "uids": "b" }), "expected a sequence"),
        ("move_block", json!({ "uid": "b", "parentUid": "p" }), "missing field `order`"),
        ("add_shortcut", json!({ "uid": "p", "index": -1 }), "from 0 up"),
        ("add_shortcut", json!({ "uid": "p", "index": 1.5 }), "from 0 up"),
        ("suggest_links", json!({ "text": "t", "maxResults": 0 }), "from 1 up"),
        ("call_extension_tool", json!({ "tool": "t", "args": [] }), "expected a map"),
        ("file_upload", json!({}), "give one of"),
        ("file_upload", json!({ "base64": "aa", "url": "https://x" }), "give one of"),
        ("file_upload", json!({ "base64": "!" }), "`base64`"),
        ("fetch", json!({}), "missing field `id`"),
    ];
    for (tool, arguments, expected) in table {
        let (reply, asked) = play(tool, arguments.clone(), []).await;
        assert!(reply.is_error && reply.text.contains(expected), "{tool} {arguments}: {}", reply.text);
        assert_eq!(asked, Vec::<Value>::new(), "{tool} {arguments}");
    }
}

#[tokio::test]
async fn what_a_call_may_not_reach_is_refused() {
    let recorder = Recorder::default();
    let graph = recorder.graph();
    for (tool, arguments) in [
        ("call_extension_tool", json!({ "tool": "t" })),
        ("reload_dev_extensions", json!({})),
        ("file_upload", json!({ "filePath": "/etc/hostname" })),
        ("file_upload", json!({ "url": "http://127.0.0.1:1/" })),
    ] {
        let call = Call {
            permit: Permit::for_test(Level::Full, graph.name()),
            visible: Vec::new(),
            graph: Some(graph.clone()),
            graphs: Graphs::default(),
            arguments: arguments.as_object().unwrap().clone(),
            today: TODAY,
            reach: Reach::default(),
        };
        assert!(run(find(tool).unwrap(), call).await.is_error, "{tool} {arguments}");
    }
    assert!(recorder.asked().is_empty());
}
