use serde_json::{Value, json};

use super::super::testing::{graph, new_garden};
use super::super::{Action, Embedded};
use super::{ask, page};

#[tokio::test]
async fn a_page_is_shown_as_annotated_markdown() {
    let (_workshop, graph) = graph(&new_garden());
    let expected = r#"
# Garden <roam uid="gardenpag" refs="1"/>

- Beds <roam uid="bedsblock" heading="2" childrenViewType="numbered"/>
  - Roses need [[Soil]] and #sun <roam uid="rosesblok"/>
  - Compare with ((soiltest1))<ref>pH of &#96;6.5&#96; measured in the [[Garden]]</ref> <roam uid="compareb1"/>
    - deep __down__ <roam uid="deepblock"/>
- ```js
  let a = 1;

  let [[b]] = 2;
  ``` <roam uid="codeblock"/>"#;
    assert_eq!(page(&graph, "Garden").await, expected.trim_start());
}

#[tokio::test]
async fn depth_is_limited_and_what_is_missing_is_counted() {
    let (_workshop, graph) = graph(&new_garden());
    let at = async |depth: Value| {
        let answer = ask(&graph, Action::GetPage, json!({ "uid": "gardenpag", "maxDepth": depth })).await;
        answer["markdown"].as_str().unwrap().to_owned()
    };
    assert_eq!(at(json!(0)).await, r#"# Garden <roam uid="gardenpag" refs="1" hiddenChildren="2"/>"#);
    assert_eq!(at(json!(-3)).await, at(json!(0)).await);
    assert_eq!(
        at(json!(1)).await.lines().nth(2),
        Some(r#"- Beds <roam uid="bedsblock" heading="2" childrenViewType="numbered" hiddenChildren="2"/>"#)
    );
    assert_eq!(at(json!(1e300)).await, at(Value::Null).await);
}

#[tokio::test]
async fn a_block_comes_with_its_path_and_its_linked_references() {
    let (_workshop, graph) = graph(&new_garden());
    let answer = ask(&graph, Action::GetBlock, json!({ "uid": "deepblock" })).await;
    assert_eq!(answer["markdown"], r#"- deep __down__ <roam uid="deepblock"/>"#);
    assert_eq!(answer["path"][0], "Garden");
    assert_eq!(
        answer["path"][2],
        "Compare with ((soiltest1))<ref>pH of &#96;6.5&#96; measured in the [[Garden]]</ref>"
    );
    assert!(answer.get("linkedReferences").is_none() && answer["queriedAt"].as_str().unwrap().ends_with('Z'));

    let linked = ask(&graph, Action::GetBlock, json!({ "uid": "soiltest1" })).await["linkedReferences"].clone();
    assert_eq!((&linked["total"], &linked["results"][0]["uid"]), (&json!(1), &json!("compareb1")));
}

#[tokio::test]
async fn only_the_newest_linked_references_are_shown() {
    let blocks: Vec<Value> =
        (0..9).map(|n| json!({ "string": format!("[[Hub]] {n}"), "uid": format!("b{n}"), "create-time": n })).collect();
    let (_workshop, graph) = graph(&json!([{ "title": "List", "children": blocks }]));
    let linked = ask(&graph, Action::GetPage, json!({ "title": "Hub" })).await["linkedReferences"].clone();
    assert_eq!(
        (&linked["total"], &linked["shown"], &linked["results"][0]["uid"]),
        (&json!(9), &json!(5), &json!("b8"))
    );
    assert_eq!(linked["note"], "The newest 5 of 9.");
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let (_workshop, graph) = graph(&new_garden());
    let missing = json!({ "found": false });
    assert_eq!(ask(&graph, Action::GetPage, json!({ "title": "garden" })).await, missing);
    assert_eq!(ask(&graph, Action::GetPage, json!({ "uid": "bedsblock" })).await, missing);
    assert_eq!(ask(&graph, Action::GetBlock, json!({ "uid": "nowhere" })).await, missing);
    assert!(graph.invoke(Action::GetPage, vec![json!({})]).await.is_err());
    assert!(graph.invoke(Action::GetPage, vec![json!("Garden")]).await.is_err());
    assert!(graph.invoke(Action::GetBlock, vec![]).await.is_err());
}

#[tokio::test]
async fn hidden_blocks_show_nowhere() {
    let (_workshop, graph) = graph(&new_garden());
    for uid in ["hiddenblk", "hiddenkid"] {
        assert_eq!(ask(&graph, Action::GetBlock, json!({ "uid": uid })).await["found"], false);
    }
    let soil = ask(&graph, Action::GetPage, json!({ "title": "Soil" })).await;
    assert_eq!(soil["linkedReferences"]["total"], 1);
    assert_eq!(found(&graph, json!({ "query": "secret" })).await, Vec::<String>::new());
}

#[tokio::test]
async fn references_in_circles_come_to_an_end() {
    let (_workshop, graph) = graph(&json!([{ "title": "Circle", "children": [
        { "string": "a ((bbbbbbbbb))", "uid": "aaaaaaaaa" }, { "string": "b ((aaaaaaaaa)) ((nowhere))", "uid": "bbbbbbbbb" },
        { "string": "[an alias](((aaaaaaaaa))) and `((aaaaaaaaa))`", "uid": "ccccccccc" },
    ] }]));
    let text = page(&graph, "Circle").await;
    assert!(text.contains("- a ((bbbbbbbbb))<ref>b a b … … …</ref>"), "{text}");
    assert!(text.contains("- [an alias](((aaaaaaaaa))) and `((aaaaaaaaa))` <roam"), "{text}");
}

#[tokio::test]
async fn better_hits_come_first() {
    let (_workshop, graph) = graph(&json!([
        { "title": "Rose", "uid": "equal" },
        { "title": "Wild rose garden", "uid": "contains" },
        { "title": "rose", "uid": "equalcase", "edit-time": 5 },
        { "title": "Other", "uid": "other", "children": [
            { "string": "a ROSE in the garden", "uid": "older", "edit-time": 1 },
            { "string": "the rosé", "uid": "newer", "edit-time": 2 },
        ] },
        { "title": "Garden of the rose", "uid": "words" },
    ]));
    assert_eq!(
        found(&graph, json!({ "query": "rose" })).await,
        ["equalcase", "equal", "contains", "words", "newer", "older"]
    );
    assert_eq!(found(&graph, json!({ "query": "rose garden" })).await, ["contains", "words", "older"]);
    assert_eq!(
        found(&graph, json!({ "query": "rose", "scope": "pages", "offset": 1, "limit": 2 })).await,
        ["equal", "contains"]
    );
    assert_eq!(found(&graph, json!({ "query": "rose", "scope": "blocks" })).await, ["newer", "older"]);
    assert!(graph.invoke(Action::Search, vec![json!({ "query": "x", "scope": "none" })]).await.is_err());
}

#[tokio::test]
async fn any_language_and_any_length_is_found() {
    let (_workshop, graph) = graph(&json!([{ "title": "日本語の庭", "uid": "jp", "children": [
        { "string": "東京タワー", "uid": "tokyo" }, { "string": "a \"quoted\" C++ id-17*", "uid": "signs" },
    ] }]));
    for (query, uid) in [
        ("日本", "jp"),
        ("日本語", "jp"),
        ("東京", "tokyo"),
        ("京", "tokyo"),
        ("ワー", "tokyo"),
        ("c++", "signs"),
        ("\"quoted\"", "signs"),
        ("7*", "signs"),
    ] {
        assert_eq!(found(&graph, json!({ "query": query })).await, [uid], "{query}");
    }
    for query in ["\"", "AND OR NOT", "NEAR(a b)", "\u{0}", "col: x", "*", "a\u{0}b\u{0}ccc"] {
        ask(&graph, Action::Search, json!({ "query": query })).await;
    }
}

#[tokio::test]
async fn a_hit_has_its_path_and_a_long_one_is_cut() {
    let long = format!("needle {}", "é".repeat(2_000));
    let (_workshop, graph) =
        graph(&json!([{ "title": "Hay", "uid": "hay", "children": [{ "string": long, "uid": "n" }] }]));
    let answer = ask(&graph, Action::Search, json!({ "query": "needle" })).await;
    assert_eq!((&answer["total"], &answer["results"][0]["path"]), (&json!(1), &json!(["Hay"])));
    assert!(answer["results"][0]["markdown"].as_str().unwrap().ends_with(r#" <roam uid="n" truncated="1007"/>"#));
    let bare = ask(&graph, Action::Search, json!({ "query": "needle", "includePath": false })).await;
    assert!(bare["results"][0].get("path").is_none());
    let title = ask(&graph, Action::Search, json!({ "query": "hay" })).await;
    assert_eq!(
        title["results"][0],
        json!({ "uid": "hay", "markdown": "# Hay <roam uid=\"hay\" hiddenChildren=\"1\"/>", "type": "page" })
    );
}

#[tokio::test]
async fn an_empty_query_suggests_what_was_edited_last() {
    let (_workshop, graph) = graph(&new_garden());
    let answer = ask(&graph, Action::Search, json!({ "query": " ", "limit": 2 })).await;
    let pages = answer["suggestions"]["recentlyEditedPages"].as_array().unwrap();
    assert_eq!(
        pages[0],
        json!({ "uid": "soilpage1", "title": "Soil", "editedBy": null, "editedAt": "1970-01-01T00:00:09.500Z" })
    );
    assert!(answer.get("total").is_none());
}

/// The uids that a search finds, in order.
async fn found(graph: &Embedded, query: Value) -> Vec<String> {
    let answer = ask(graph, Action::Search, query).await;
    answer["results"].as_array().unwrap().iter().map(|hit| hit["uid"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn many_references_to_one_block_are_shown_in_time_and_previews_end() {
    let itself = "((itself)) ".repeat(400);
    let (_workshop, graph) = graph(&json!([{ "title": "P", "children": [
        { "string": itself, "uid": "itself" },
        { "string": "one ((two)) end", "uid": "one" },
        { "string": "two ((one)) end", "uid": "two" },
        { "string": "a\n\n b\t((empty))", "uid": "spaced" },
        { "string": "", "uid": "empty" },
        { "string": "((spaced)) ((one))" },
    ] }]));
    let shown = page(&graph, "P").await;
    let preview = shown.split("<ref>").nth(1).unwrap().split("</ref>").next().unwrap();
    assert_eq!(preview, format!("{}…", "… ".repeat(100)));
    assert!(shown.contains("- ((spaced))<ref>a b</ref> ((one))<ref>one two one … end end end</ref> <roam"), "{shown}");
}

#[tokio::test]
async fn code_that_ends_in_a_backtick_or_has_a_fence_in_it_stays_code() {
    let texts = [
        ("```bash\n[[ -f x ]] && echo `date````", "- ```bash\n  [[ -f x ]] && echo `date`\n  ``` <roam"),
        ("````md\n```js\n[[x]]\n```\n````", "- ````md\n  ```js\n  [[x]]\n  ```\n  ```` <roam"),
        ("````md\n[[x]]````", "- ````md\n  [[x]]\n  ```` <roam"),
    ];
    for (text, shown) in texts {
        let (workshop, graph) = graph(&json!([{ "title": "P", "children": [{ "string": text, "uid": "code" }] }]));
        let read = page(&graph, "P").await;
        assert!(read.contains(shown), "{read}");
        let db = rusqlite::Connection::open(workshop.database()).unwrap();
        let pages = || db.query_row("SELECT count(*) FROM node WHERE parent IS NULL", [], |row| row.get::<_, i64>(0));
        assert_eq!(pages().unwrap(), 1, "no page is linked in {text}");
        // What was read and is written again is the same code.
        let markdown = read.lines().skip(2).collect::<Vec<_>>().join("\n");
        let location = json!({ "page-title": "Copy" });
        ask(&graph, Action::BlockFromMarkdown, json!({ "location": location, "markdown-string": markdown })).await;
        let copy = page(&graph, "Copy").await;
        assert!(copy.contains(shown), "{copy}");
        assert_eq!(pages().unwrap(), 2, "no page is linked in {copy}");
    }
}
