//! What each tool sends for what it is given, and what it makes of the answer.

use serde_json::{Value, json};

use super::TODAY;
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

/// One row: the tool, what it is given, what the graph answers, what the graph was asked, and the result without `graph`.
struct Row(&'static str, Value, Value, Value, Value);

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
    let place = |place: Value| json!(["data.block.fromMarkdown", [{ "location": place, "markdown-string": "- x" }]]);
    check(vec![
        Row("create_page", json!({ "title": "Soil" }), json!({ "uid": "p" }),
            json!(["data.page.fromMarkdown", [{ "page": { "title": "Soil" } }]]), json!({ "uid": "p" })),
        Row("create_page", json!({ "title": "Soil", "markdown": "- a <roam uid=\"x\"/>", "uid": "p", "childrenViewType": "numbered" }), json!(null),
            json!(["data.page.fromMarkdown", [{ "page": { "title": "Soil", "uid": "p", "children-view-type": "numbered" }, "markdown-string": "- a" }]]),
            json!({ "uid": "" })),
        Row("create_block", json!({ "parentUid": "p", "markdown": "- x" }), json!({ "uids": ["b"] }),
            place(json!({ "order": "last", "parent-uid": "p" })), json!({ "uids": ["b"] })),
        Row("create_block", json!({ "pageTitle": "Soil", "markdown": "- x", "order": "0", "nestUnder": "Log" }), json!(null),
            place(json!({ "order": 0, "page-title": "Soil", "nest-under-str": "Log" })), json!({ "uids": [] })),
        Row("create_block", json!({ "dailyNotePage": " Yesterday", "markdown": "- x", "order": "first" }), json!({ "uids": ["b"], "more": 1 }),
            place(json!({ "order": "first", "page-title": { "daily-note-page": "02-28-2026" } })), json!({ "uids": ["b"], "more": 1 })),
        Row("create_page", json!({ "title": "Soil" }), json!({ "uid": null, "title": "Soil" }),
            json!(["data.page.fromMarkdown", [{ "page": { "title": "Soil" } }]]), json!({ "uid": "", "title": "Soil" })),
        Row("create_block", json!({ "dailyNotePage": "12-31-2025", "markdown": "((a))<ref>x</ref>", "open": false }), json!({ "uids": ["b"] }),
            json!(["data.block.fromMarkdown", [{ "location": { "order": "last", "page-title": { "daily-note-page": "12-31-2025" } }, "markdown-string": "((a))", "open": false }]]),
            json!({ "uids": ["b"] })),
        Row("append_to_daily_note", json!({ "markdown": "- x" }), json!({ "uids": ["b"] }),
            place(json!({ "order": "last", "page-title": { "daily-note-page": "03-01-2026" } })), json!({ "uids": ["b"] })),
        Row("append_to_daily_note", json!({ "markdown": "- x", "date": "tomorrow", "nestUnder": "Log" }), json!({ "uids": ["b"] }),
            place(json!({ "order": "last", "page-title": { "daily-note-page": "03-02-2026" }, "nest-under-str": "Log" })), json!({ "uids": ["b"] })),
        Row("add_comment", json!({ "blockUid": "b", "comment": "well <roam uid=\"c\"/>" }), json!({ "uids": ["c"], "parentUid": "d" }),
            json!(["data.block.addComment", [{ "block-uid": "b", "reply-string": "well" }]]), json!({ "uids": ["c"], "parentUid": "d" })),
        Row("add_comment", json!({ "blockUid": "b", "commentMarkdown": "- a\n- b" }), json!(null),
            json!(["data.block.addComment", [{ "block-uid": "b", "reply-markdown": "- a\n- b" }]]), json!({ "uids": [] })),
    ])
    .await;
}

#[tokio::test]
async fn tools_that_change() {
    let done = || json!({ "success": true });
    check(vec![
        Row("update_block", json!({ "uid": "b" }), json!(null), json!(["data.block.update", [{ "block": { "uid": "b" } }]]), done()),
        Row("update_block", json!({ "uid": "b", "string": "see ((x))<ref>y</ref>", "open": true, "heading": "2", "childrenViewType": "bullet", "textAlign": "justify" }),
            json!({ "success": false, "note": "n" }),
            json!(["data.block.update", [{ "block": { "uid": "b", "string": "see ((x))", "open": true, "heading": 2, "children-view-type": "bullet", "text-align": "justify" } }]]),
            json!({ "success": true, "note": "n" })),
        Row("move_block", json!({ "uid": "b", "parentUid": "p", "order": 3 }), json!(null),
            json!(["data.block.move", [{ "location": { "parent-uid": "p", "order": 3 }, "block": { "uid": "b" } }]]), done()),
        Row("update_page", json!({ "uid": "p" }), json!(null), json!(["data.page.update", [{ "page": { "uid": "p" } }]]), done()),
        Row("update_page", json!({ "uid": "p", "title": "New", "childrenViewType": "document", "mergePages": true }), json!(null),
            json!(["data.page.update", [{ "page": { "uid": "p", "title": "New", "children-view-type": "document" }, "merge-pages": true }]]), done()),
        Row("delete_block", json!({ "uid": "b" }), json!({ "deleted": true }), json!(["data.block.delete", [{ "block": { "uid": "b" } }]]),
            json!({ "success": true, "deleted": true })),
        Row("delete_page", json!({ "uid": "p" }), json!(null), json!(["data.page.delete", [{ "page": { "uid": "p" } }]]), done()),
        Row("add_shortcut", json!({ "uid": "p" }), json!(null), json!(["data.page.addShortcut", ["p"]]), done()),
        Row("add_shortcut", json!({ "uid": "p", "index": "0" }), json!(null), json!(["data.page.addShortcut", ["p", 0]]), done()),
        Row("remove_shortcut", json!({ "uid": "p" }), json!(null), json!(["data.page.removeShortcut", ["p"]]), done()),
    ])
    .await;
}

#[tokio::test]
async fn tools_that_read() {
    let none = || json!({ "total": 0, "results": [] });
    check(vec![
        Row("get_page", json!({ "title": "Soil" }), json!({ "uid": "p", "markdown": "# Soil" }), json!(["data.ai.getPage", [{ "title": "Soil" }]]),
            json!({ "uid": "p", "markdown": "# Soil" })),
        Row("get_page", json!({ "title": "Soil", "uid": "p", "maxDepth": "2" }), json!(null), json!(["data.ai.getPage", [{ "uid": "p", "maxDepth": 2 }]]),
            json!({ "found": false })),
        Row("get_page", json!({ "title": "Soil", "uid": "" }), json!({}), json!(["data.ai.getPage", [{ "title": "Soil" }]]), json!({ "found": false })),
        Row("get_page", json!({}), json!(null), json!(["data.ai.getPage", [{}]]), json!({ "found": false })),
        Row("get_block", json!({ "uid": "b", "maxDepth": 0 }), json!({ "uid": "b", "path": ["Soil"] }), json!(["data.ai.getBlock", [{ "uid": "b", "maxDepth": 0 }]]),
            json!({ "uid": "b", "path": ["Soil"] })),
        Row("get_backlinks", json!({ "uid": "", "title": "Soil" }), json!(null), json!(["data.ai.getBacklinks", [{ "title": "Soil" }]]), none()),
        Row("get_backlinks",
            json!({ "uid": "p", "offset": 20, "limit": 5, "sort": "edited-date", "sortOrder": "asc", "search": "x", "includePath": false, "maxDepth": 2 }),
            json!({ "total": 1, "results": [], "nextOffset": 25 }),
            json!(["data.ai.getBacklinks", [{ "uid": "p", "offset": 20, "limit": 5, "sort": "edited-date", "sortOrder": "asc", "search": "x", "includePath": false, "maxDepth": 2 }]]),
            json!({ "total": 1, "results": [], "nextOffset": 25 })),
        Row("get_comments", json!({ "blockUid": "b", "maxDepth": 1 }), json!(null), json!(["data.ai.getComments", [{ "uid": "b", "maxDepth": 1 }]]),
            json!({ "total": 0, "comments": [] })),
        Row("roam_query", json!({ "query": "{and: [[a]]}", "sort": "daily-note-date", "includePath": true, "limit": 3 }), json!(null),
            json!(["data.ai.roamQuery", [{ "query": "{and: [[a]]}", "sort": "daily-note-date", "includePath": true, "limit": 3 }]]), none()),
        Row("roam_query", json!({ "uid": "q", "sort": "created-date", "sortOrder": "asc", "includePath": true, "offset": 1, "maxDepth": 0 }), json!(null),
            json!(["data.ai.roamQuery", [{ "uid": "q", "offset": 1, "maxDepth": 0 }]]), none()),
        Row("search_templates", json!({}), json!([{ "name": "Day" }]), json!(["data.ai.searchTemplates", [{}]]), json!({ "results": [{ "name": "Day" }] })),
        Row("search_templates", json!({ "query": "d" }), json!(null), json!(["data.ai.searchTemplates", [{ "query": "d" }]]), json!({ "results": [] })),
        Row("suggest_links", json!({ "text": "t", "maxResults": "5" }), json!(null), json!(["data.ai.suggestLinks", [{ "text": "t", "maxResults": 5 }]]),
            json!({ "suggestions": [] })),
        Row("semantic_search", json!({ "query": "q" }), json!(null), json!(["data.ai.semanticSearch", [{ "query": "q" }]]), json!({ "results": [] })),
        Row("semantic_search", json!({ "query": "q", "k": 9, "scope": "pages", "includePath": false, "maxDepth": 1 }), json!({ "results": [1] }),
            json!(["data.ai.semanticSearch", [{ "query": "q", "k": 9, "scope": "pages", "includePath": false, "maxDepth": 1 }]]), json!({ "results": [1] })),
    ])
    .await;
}

#[tokio::test]
async fn search_answers_what_roam_and_what_chatgpt_expect() {
    let sent = |more: Value| {
        let mut sent = json!({ "query": "soil", "scope": "all", "offset": 0, "limit": 20, "includePath": true });
        sent.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!(["data.ai.search", [sent]])
    };
    let hits = json!({ "total": 2, "results": [
        { "uid": "p", "type": "page", "markdown": "# Soil <roam uid=\"p\"/>" },
        { "uid": "b", "markdown": "- test of ((x))<ref>y</ref> <roam uid=\"b\"/>", "path": ["Soil"] },
    ] });
    let url = |uid| format!("https://roamresearch.com/#/app/garden/page/{uid}");
    let mut shown = hits.clone();
    for (at, uid, title) in [(0, "p", "Soil"), (1, "b", "test of ((x))")] {
        let more = json!({ "id": format!("g/{uid}"), "title": title, "url": url(uid) });
        shown["results"][at].as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    }
    let recent = json!({ "suggestions": { "recentlyEditedPages": [] } });
    check(vec![
        Row("search", json!({ "query": "soil" }), hits, sent(json!({})), shown),
        Row(
            "search",
            json!({ "query": "soil", "limit": "1", "maxDepth": 0 }),
            json!(null),
            sent(json!({ "limit": 1, "maxDepth": 0 })),
            json!({ "total": 0, "results": [] }),
        ),
        Row(
            "search",
            json!({ "query": "soil", "scope": "pages" }),
            recent.clone(),
            sent(json!({ "scope": "pages" })),
            recent,
        ),
    ])
    .await;
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
    let done = || json!({ "success": true });
    check(vec![
        Row(
            "open_main_window",
            json!({ "uid": "p", "title": "t" }),
            json!(null),
            json!(["ui.mainWindow.openBlock", [{ "block": { "uid": "p" } }]]),
            done(),
        ),
        Row(
            "open_main_window",
            json!({ "title": "t" }),
            json!(null),
            json!(["ui.mainWindow.openPage", [{ "page": { "title": "t" } }]]),
            done(),
        ),
        Row("open_main_window", json!({ "uid": "" }), json!(null), json!(null), done()),
        Row(
            "open_sidebar",
            json!({ "uid": "p" }),
            json!(null),
            json!(["ui.rightSidebar.addWindow", [{ "window": { "type": "outline", "block-uid": "p" } }]]),
            done(),
        ),
        Row(
            "open_sidebar",
            json!({ "uid": "p", "type": "mentions" }),
            json!(null),
            json!(["ui.rightSidebar.addWindow", [{ "window": { "type": "mentions", "block-uid": "p" } }]]),
            done(),
        ),
        Row(
            "reload_dev_extensions",
            json!({}),
            json!(null),
            json!(["depot.reloadDeveloperExtensions", []]),
            json!({ "reloaded": [] }),
        ),
        Row(
            "call_extension_tool",
            json!({ "tool": "a/b", "args": { "x": null } }),
            json!({ "tool": "a/b", "result": 1 }),
            json!(["data.ai.callExtensionTool", [{ "tool": "a/b", "args": { "x": null } }]]),
            json!({ "tool": "a/b", "result": 1 }),
        ),
        Row(
            "file_delete",
            json!({ "url": "u" }),
            json!(null),
            json!(["file.delete", [{ "url": "u" }]]),
            json!({ "deleted": true }),
        ),
        Row(
            "file_get",
            json!({ "url": "u" }),
            json!({ "base64": "aGVsbG8=", "filename": "a.txt" }),
            json!(["file.get", [{ "url": "u", "format": "base64" }]]),
            json!({ "base64": "aGVsbG8=", "filename": "a.txt" }),
        ),
        Row(
            "file_upload",
            json!({ "base64": "aGVsbG8=", "filename": "a.md" }),
            json!("![](https://x/y)"),
            json!(["file.upload", [{ "base64": "aGVsbG8=", "mimetype": "text/markdown", "filename": "a.md" }]]),
            json!({ "url": "https://x/y" }),
        ),
        Row(
            "file_upload",
            json!({ "base64": "iVBORw==", "url": "" }),
            json!("https://x/y"),
            json!(["file.upload", [{ "base64": "iVBORw==", "mimetype": "image/png" }]]),
            json!({ "url": "https://x/y" }),
        ),
    ])
    .await;
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
