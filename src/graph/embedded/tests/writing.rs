use serde_json::{Value, json};

use super::super::testing::{graph, new_garden};
use super::super::{Action, Embedded};
use super::{ask, page, texts};
use crate::graph::{ErrorCode, GraphError};

async fn create(graph: &Embedded, location: Value, markdown: &str) -> Result<Vec<String>, GraphError> {
    let argument = json!({ "location": location, "markdown-string": markdown });
    let made = graph.invoke(Action::BlockFromMarkdown, vec![argument]).await?;
    Ok(made["uids"].as_array().unwrap().iter().map(|uid| uid.as_str().unwrap().to_owned()).collect())
}

#[tokio::test]
async fn blocks_go_where_they_are_sent() {
    let (_workshop, graph) = graph(&new_garden());
    create(&graph, json!({ "parent-uid": "rosesblok" }), "below a block").await.unwrap();
    create(&graph, json!({ "parent-uid": "soilpage1" }), "below a page").await.unwrap();
    create(&graph, json!({ "page-title": "Soil" }), "by title").await.unwrap();
    create(&graph, json!({ "page-title": "A new page" }), "# Head\ntext").await.unwrap();
    create(&graph, json!({ "page-title": { "daily-note-page": "08-03-2026" } }), "old day").await.unwrap();
    create(&graph, json!({ "page-title": { "daily-note-page": "08-22-2026" } }), "new day").await.unwrap();
    create(&graph, json!({ "page-title": "August 21st, 2026" }), "day by title").await.unwrap();
    assert_eq!(texts(&graph, "Garden").await[2], "    - below a block");
    assert_eq!(texts(&graph, "Soil").await[1..], ["- below a page", "- by title"]);
    assert_eq!(texts(&graph, "A new page").await, ["- Head", "  - text"]);
    assert_eq!(texts(&graph, "August 3rd, 2026").await, ["- Visit the café", "- old day"]);
    assert!(page(&graph, "August 22nd, 2026").await.starts_with(r#"# August 22nd, 2026 <roam uid="08-22-2026""#));
    assert!(page(&graph, "August 21st, 2026").await.starts_with(r#"# August 21st, 2026 <roam uid="08-21-2026""#));
}

#[tokio::test]
async fn blocks_keep_their_order_among_their_siblings() {
    let (_workshop, graph) = graph(&json!([{ "title": "P", "uid": "p", "children": [{ "string": "x" }] }]));
    for (order, markdown) in [
        (json!("last"), "last"),
        (json!("first"), "- first\n- second\n  - child"),
        (json!(1), "one"),
        (json!(-5), "negative"),
        (json!(1e20), "huge"),
        (Value::Null, "none"),
    ] {
        create(&graph, json!({ "parent-uid": "p", "order": order }), markdown).await.unwrap();
    }
    let expected = ["- negative", "- first", "- one", "- second", "  - child", "- x", "- last", "- huge", "- none"];
    assert_eq!(texts(&graph, "P").await, expected);
}

#[tokio::test]
async fn a_section_is_found_or_made_and_is_not_among_the_uids() {
    let (_workshop, graph) =
        graph(&json!([{ "title": "P", "uid": "p", "children": [{ "string": "Log" }, { "string": "end" }] }]));
    let location = |section: &str| json!({ "parent-uid": "p", "nest-under-str": section, "order": "first" });
    create(&graph, location("Log"), "a").await.unwrap();
    create(&graph, location("New"), "b").await.unwrap();
    let uids = create(&graph, location("New"), "- c\n  - d\n- e").await.unwrap();
    assert_eq!(uids.len(), 2);
    assert_eq!(texts(&graph, "P").await, ["- Log", "  - a", "- end", "- New", "  - c", "    - d", "  - e", "  - b"]);
}

#[tokio::test]
async fn what_is_written_is_found_and_referred_to_at_once() {
    let (_workshop, graph) = graph(&new_garden());
    let text =
        "- Zinnien need [[Soil]], #[[late sun]] and ((rosesblok))<ref>Roses</ref>\n- hush #.rm-hide\n  - Zinnien too";
    let uids = create(&graph, json!({ "page-title": "Garden" }), text).await.unwrap();
    let hits = ask(&graph, Action::Search, json!({ "query": "zinnien" })).await;
    assert_eq!((&hits["total"], &hits["results"][0]["uid"]), (&json!(1), &json!(uids[0])));
    for (action, target) in [
        (Action::GetPage, json!({ "title": "Soil" })),
        (Action::GetPage, json!({ "title": "late sun" })),
        (Action::GetBlock, json!({ "uid": "rosesblok" })),
    ] {
        let linked = ask(&graph, action, target).await["linkedReferences"].clone();
        assert_eq!(linked["results"][0]["uid"], json!(uids[0]));
    }
}

#[tokio::test]
async fn a_page_that_is_read_and_written_back_is_the_same() {
    let (_workshop, graph) = graph(&new_garden());
    let read = page(&graph, "Garden").await;
    let body = read.split_once("\n\n").unwrap().1;
    create(&graph, json!({ "page-title": "Copy" }), body).await.unwrap();
    assert_eq!(texts(&graph, "Copy").await, texts(&graph, "Garden").await);
}

#[tokio::test]
async fn a_refused_call_changes_nothing() {
    let (_workshop, graph) = graph(&new_garden());
    let before = page(&graph, "Garden").await;
    for (location, code) in [
        (json!({ "parent-uid": "nowhere" }), ErrorCode::NOT_FOUND),
        (json!({ "page-title": " " }), ErrorCode::VALIDATION_ERROR),
        (json!({ "page-title": { "daily-note-page": "02-30-2026" } }), ErrorCode::VALIDATION_ERROR),
        (json!({ "page-title": { "daily-note-page": 5 } }), ErrorCode::VALIDATION_ERROR),
        (json!({ "page-title": "Garden", "parent-uid": "gardenpag" }), ErrorCode::VALIDATION_ERROR),
        (json!({ "page-title": "Garden", "order": "middle" }), ErrorCode::VALIDATION_ERROR),
        (json!({ "page-title": "Garden", "nest-under-str": 5 }), ErrorCode::VALIDATION_ERROR),
        (json!({}), ErrorCode::VALIDATION_ERROR),
    ] {
        let error = create(&graph, location.clone(), "x").await.unwrap_err();
        assert_eq!(error.code, Some(code), "{location}");
    }
    assert_eq!(create(&graph, json!({ "page-title": "Never made" }), " \n").await, Ok(vec![]));
    assert_eq!(ask(&graph, Action::GetPage, json!({ "title": "Never made" })).await["found"], false);
    assert_eq!(page(&graph, "Garden").await, before);
}

#[tokio::test]
async fn a_block_can_be_made_of_a_text_that_is_no_markdown() {
    let (_workshop, graph) = graph(&json!([{ "title": "P", "uid": "p", "children": [{ "string": "x" }] }]));
    let location = json!({ "parent-uid": "p", "order": 0 });
    let block = json!({ "string": "- *a*\n# b", "uid": "mine", "heading": 2, "open": false });
    let made = ask(&graph, Action::CreateBlock, json!({ "location": location, "block": block })).await;
    assert_eq!(made, Value::Null);
    assert!(page(&graph, "P").await.contains("- - *a*\n  # b <roam uid=\"mine\" heading=\"2\"/>\n- x"));
    for (location, block) in [
        (json!({ "parent-uid": "p" }), json!({ "string": "x", "uid": "mine" })),
        (json!({ "parent-uid": "nowhere" }), json!({ "string": "x" })),
        (json!({ "parent-uid": "p" }), json!({ "string": "x", "heading": 9 })),
        (json!({ "parent-uid": "p" }), json!({})),
    ] {
        let argument = json!({ "location": location, "block": block });
        assert!(graph.invoke(Action::CreateBlock, vec![argument]).await.is_err(), "{block}");
    }
    assert_eq!(texts(&graph, "P").await.len(), 3);
}

#[tokio::test]
async fn what_is_written_here_has_an_author() {
    let (_workshop, graph) = graph(&new_garden());
    create(&graph, json!({ "page-title": "Mine" }), "made here").await.unwrap();
    ask(&graph, Action::UpdateBlock, json!({ "block": { "uid": "rosesblok", "string": "changed" } })).await;
    let found = async |query: &str| ask(&graph, Action::RoamQuery, json!({ "query": query })).await["total"].clone();
    assert_eq!(found("{created-by: [[roam-mcp]]}").await, 1);
    assert_eq!(found("{edited-by: [[roam-mcp]]}").await, 2);
}
