//! What each tool sends for what it is given, and what it makes of the answer, on March 1st, 2026.
//!
//! The tests of the tools read it, and so does `tests/desktop`, where the whole way from a client to Roam lies between.

use serde_json::{Value, json};

/// One row: the tool, what it is given, what the graph answers, what the graph was asked (null for nothing), and the result
/// without `graph`.
pub(crate) struct Row(pub(crate) &'static str, pub(crate) Value, pub(crate) Value, pub(crate) Value, pub(crate) Value);

/// Tools that add.
pub(crate) fn adding() -> Vec<Row> {
    let place = |place: Value| json!(["data.block.fromMarkdown", [{ "location": place, "markdown-string": "- x" }]]);
    vec![
        Row(
            "create_page",
            json!({ "title": "Soil" }),
            json!({ "uid": "p" }),
            json!(["data.page.fromMarkdown", [{ "page": { "title": "Soil" } }]]),
            json!({ "uid": "p" }),
        ),
        Row(
            "create_page",
            json!({ "title": "Soil", "markdown": "- a <roam uid=\"x\"/>", "uid": "p", "childrenViewType": "numbered" }),
            json!(null),
            json!(["data.page.fromMarkdown", [{ "page": { "title": "Soil", "uid": "p", "children-view-type": "numbered" }, "markdown-string": "- a" }]]),
            json!({ "uid": "" }),
        ),
        Row(
            "create_block",
            json!({ "parentUid": "p", "markdown": "- x" }),
            json!({ "uids": ["b"] }),
            place(json!({ "order": "last", "parent-uid": "p" })),
            json!({ "uids": ["b"] }),
        ),
        Row(
            "create_block",
            json!({ "pageTitle": "Soil", "markdown": "- x", "order": "0", "nestUnder": "Log" }),
            json!(null),
            place(json!({ "order": 0, "page-title": "Soil", "nest-under-str": "Log" })),
            json!({ "uids": [] }),
        ),
        Row(
            "create_block",
            json!({ "pageTitle": "On ((x))<ref>soil</ref> <roam uid=\"p\"/>", "markdown": "- x" }),
            json!(null),
            place(json!({ "order": "last", "page-title": "On ((x))" })),
            json!({ "uids": [] }),
        ),
        Row(
            "create_page",
            json!({ "title": "On ((x))<ref>soil</ref> <roam uid=\"p\"/>" }),
            json!({ "uid": "p" }),
            json!(["data.page.fromMarkdown", [{ "page": { "title": "On ((x))" } }]]),
            json!({ "uid": "p" }),
        ),
        Row(
            "create_block",
            json!({ "dailyNotePage": " Yesterday", "markdown": "- x", "order": "first" }),
            json!({ "uids": ["b"], "more": 1 }),
            place(json!({ "order": "first", "page-title": { "daily-note-page": "02-28-2026" } })),
            json!({ "uids": ["b"], "more": 1 }),
        ),
        Row(
            "create_page",
            json!({ "title": "Soil" }),
            json!({ "uid": null, "title": "Soil" }),
            json!(["data.page.fromMarkdown", [{ "page": { "title": "Soil" } }]]),
            json!({ "uid": "", "title": "Soil" }),
        ),
        Row(
            "create_block",
            json!({ "dailyNotePage": "12-31-2025", "markdown": "((a))<ref>x</ref>", "open": false }),
            json!({ "uids": ["b"] }),
            json!(["data.block.fromMarkdown", [{ "location": { "order": "last", "page-title": { "daily-note-page": "12-31-2025" } }, "markdown-string": "((a))", "open": false }]]),
            json!({ "uids": ["b"] }),
        ),
        Row(
            "append_to_daily_note",
            json!({ "markdown": "- x" }),
            json!({ "uids": ["b"] }),
            place(json!({ "order": "last", "page-title": { "daily-note-page": "03-01-2026" } })),
            json!({ "uids": ["b"] }),
        ),
        Row(
            "append_to_daily_note",
            json!({ "markdown": "- x", "date": "tomorrow", "nestUnder": "Log" }),
            json!({ "uids": ["b"] }),
            place(
                json!({ "order": "last", "page-title": { "daily-note-page": "03-02-2026" }, "nest-under-str": "Log" }),
            ),
            json!({ "uids": ["b"] }),
        ),
        Row(
            "add_comment",
            json!({ "blockUid": "b", "comment": "well <roam uid=\"c\"/>" }),
            json!({ "uids": ["c"], "parentUid": "d" }),
            json!(["data.block.addComment", [{ "block-uid": "b", "reply-string": "well" }]]),
            json!({ "uids": ["c"], "parentUid": "d" }),
        ),
        Row(
            "add_comment",
            json!({ "blockUid": "b", "comment": "x" }),
            json!({ "uids": null, "parentUid": "d" }),
            json!(["data.block.addComment", [{ "block-uid": "b", "reply-string": "x" }]]),
            json!({ "uids": [], "parentUid": "d" }),
        ),
        Row(
            "add_comment",
            json!({ "blockUid": "b", "commentMarkdown": "- a\n- b" }),
            json!(null),
            json!(["data.block.addComment", [{ "block-uid": "b", "reply-markdown": "- a\n- b" }]]),
            json!({ "uids": [] }),
        ),
    ]
}

/// Tools that change what exists.
pub(crate) fn changing() -> Vec<Row> {
    let done = || json!({ "success": true });
    vec![
        Row(
            "update_block",
            json!({ "uid": "b" }),
            json!(null),
            json!(["data.block.update", [{ "block": { "uid": "b" } }]]),
            done(),
        ),
        Row(
            "update_block",
            json!({ "uid": "b", "string": "see ((x))<ref>y</ref>", "open": true, "heading": "2", "childrenViewType": "bullet", "textAlign": "justify" }),
            json!({ "success": false, "note": "n" }),
            json!(["data.block.update", [{ "block": { "uid": "b", "string": "see ((x))", "open": true, "heading": 2, "children-view-type": "bullet", "text-align": "justify" } }]]),
            json!({ "success": true, "note": "n" }),
        ),
        Row(
            "move_block",
            json!({ "uid": "b", "parentUid": "p", "order": 3 }),
            json!(null),
            json!(["data.block.move", [{ "location": { "parent-uid": "p", "order": 3 }, "block": { "uid": "b" } }]]),
            done(),
        ),
        Row(
            "update_page",
            json!({ "uid": "p" }),
            json!(null),
            json!(["data.page.update", [{ "page": { "uid": "p" } }]]),
            done(),
        ),
        Row(
            "update_page",
            json!({ "uid": "p", "title": "New <roam uid=\"p\"/>", "childrenViewType": "document", "mergePages": true }),
            json!(null),
            json!(["data.page.update", [{ "page": { "uid": "p", "title": "New", "children-view-type": "document" }, "merge-pages": true }]]),
            done(),
        ),
        Row(
            "delete_block",
            json!({ "uid": "b" }),
            json!({ "deleted": true }),
            json!(["data.block.delete", [{ "block": { "uid": "b" } }]]),
            json!({ "success": true, "deleted": true }),
        ),
        Row(
            "delete_page",
            json!({ "uid": "p" }),
            json!(null),
            json!(["data.page.delete", [{ "page": { "uid": "p" } }]]),
            done(),
        ),
        Row("add_shortcut", json!({ "uid": "p" }), json!(null), json!(["data.page.addShortcut", ["p"]]), done()),
        Row(
            "add_shortcut",
            json!({ "uid": "p", "index": "0" }),
            json!(null),
            json!(["data.page.addShortcut", ["p", 0]]),
            done(),
        ),
        Row("remove_shortcut", json!({ "uid": "p" }), json!(null), json!(["data.page.removeShortcut", ["p"]]), done()),
    ]
}

/// Tools that read.
pub(crate) fn reading() -> Vec<Row> {
    let none = || json!({ "total": 0, "results": [] });
    vec![
        Row(
            "get_page",
            json!({ "title": "Soil" }),
            json!({ "uid": "p", "markdown": "# Soil" }),
            json!(["data.ai.getPage", [{ "title": "Soil" }]]),
            json!({ "uid": "p", "markdown": "# Soil" }),
        ),
        Row(
            "get_page",
            json!({ "title": "Soil", "uid": "p", "maxDepth": "2" }),
            json!(null),
            json!(["data.ai.getPage", [{ "uid": "p", "maxDepth": 2 }]]),
            json!({ "found": false }),
        ),
        Row(
            "get_page",
            json!({ "title": "Soil", "uid": "" }),
            json!({}),
            json!(["data.ai.getPage", [{ "title": "Soil" }]]),
            json!({ "found": false }),
        ),
        Row("get_page", json!({}), json!(null), json!(["data.ai.getPage", [{}]]), json!({ "found": false })),
        Row(
            "get_block",
            json!({ "uid": "b", "maxDepth": 0 }),
            json!({ "uid": "b", "path": ["Soil"] }),
            json!(["data.ai.getBlock", [{ "uid": "b", "maxDepth": 0 }]]),
            json!({ "uid": "b", "path": ["Soil"] }),
        ),
        Row(
            "get_backlinks",
            json!({ "uid": "", "title": "Soil" }),
            json!(null),
            json!(["data.ai.getBacklinks", [{ "title": "Soil" }]]),
            none(),
        ),
        Row(
            "get_backlinks",
            json!({ "uid": "p", "offset": 20, "limit": 5, "sort": "edited-date", "sortOrder": "asc", "search": "x", "includePath": false, "maxDepth": 2 }),
            json!({ "total": 1, "results": [], "nextOffset": 25 }),
            json!(["data.ai.getBacklinks", [{ "uid": "p", "offset": 20, "limit": 5, "sort": "edited-date", "sortOrder": "asc", "search": "x", "includePath": false, "maxDepth": 2 }]]),
            json!({ "total": 1, "results": [], "nextOffset": 25 }),
        ),
        Row(
            "get_comments",
            json!({ "blockUid": "b", "maxDepth": 1 }),
            json!(null),
            json!(["data.ai.getComments", [{ "uid": "b", "maxDepth": 1 }]]),
            json!({ "total": 0, "comments": [] }),
        ),
        Row(
            "roam_query",
            json!({ "query": "{and: [[a]]}", "sort": "daily-note-date", "includePath": true, "limit": 3 }),
            json!(null),
            json!(["data.ai.roamQuery", [{ "query": "{and: [[a]]}", "sort": "daily-note-date", "includePath": true, "limit": 3 }]]),
            none(),
        ),
        Row(
            "roam_query",
            json!({ "uid": "q", "sort": "created-date", "sortOrder": "asc", "includePath": true, "offset": 1, "maxDepth": 0 }),
            json!(null),
            json!(["data.ai.roamQuery", [{ "uid": "q", "offset": 1, "maxDepth": 0 }]]),
            none(),
        ),
        Row(
            "search_templates",
            json!({}),
            json!([{ "name": "Day" }]),
            json!(["data.ai.searchTemplates", [{}]]),
            json!({ "results": [{ "name": "Day" }] }),
        ),
        Row(
            "search_templates",
            json!({ "query": "d" }),
            json!(null),
            json!(["data.ai.searchTemplates", [{ "query": "d" }]]),
            json!({ "results": [] }),
        ),
        Row(
            "suggest_links",
            json!({ "text": "t", "maxResults": "5" }),
            json!(null),
            json!(["data.ai.suggestLinks", [{ "text": "t", "maxResults": 5 }]]),
            json!({ "suggestions": [] }),
        ),
        Row(
            "semantic_search",
            json!({ "query": "q" }),
            json!(null),
            json!(["data.ai.semanticSearch", [{ "query": "q" }]]),
            json!({ "results": [] }),
        ),
        Row(
            "semantic_search",
            json!({ "query": "q", "k": 9, "scope": "pages", "includePath": false, "maxDepth": 1 }),
            json!({ "results": [1] }),
            json!(["data.ai.semanticSearch", [{ "query": "q", "k": 9, "scope": "pages", "includePath": false, "maxDepth": 1 }]]),
            json!({ "results": [1] }),
        ),
    ]
}

/// The search, which answers what Roam and what ChatGPT expect.
pub(crate) fn searching() -> Vec<Row> {
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
    vec![
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
    ]
}

/// Tools of Roam Desktop and of files.
pub(crate) fn desktop() -> Vec<Row> {
    let done = || json!({ "success": true });
    vec![
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
    ]
}
