use serde_json::{Value, json};

use super::super::testing::{graph, new_garden};
use super::super::{Action, Embedded};
use super::invariants::check;
use super::{ask, page, texts};
use crate::graph::{ErrorCode, GraphError};

async fn refused(graph: &Embedded, action: Action, argument: Value) -> GraphError {
    graph.invoke(action, vec![argument]).await.unwrap_err()
}

#[tokio::test]
async fn a_block_gets_what_is_said_and_keeps_the_rest() {
    let (workshop, graph) = graph(&new_garden());
    let update = async |block: Value| ask(&graph, Action::UpdateBlock, json!({ "block": block })).await;
    assert_eq!(
        update(json!({ "uid": "bedsblock", "string": "Borders of the [[New garden]] <roam uid=\"x\"/>" })).await,
        Value::Null
    );
    let line = async || page(&graph, "Garden").await.lines().nth(2).unwrap().to_owned();
    assert_eq!(
        line().await,
        r#"- Borders of the [[New garden]] <roam uid="bedsblock" heading="2" childrenViewType="numbered"/>"#
    );
    update(json!({ "uid": "bedsblock", "heading": 0, "children-view-type": "bullet", "open": false })).await;
    assert_eq!(line().await, r#"- Borders of the [[New garden]] <roam uid="bedsblock"/>"#);
    update(json!({ "uid": "bedsblock" })).await;
    assert_eq!(line().await, r#"- Borders of the [[New garden]] <roam uid="bedsblock"/>"#);
    let linked = ask(&graph, Action::GetPage, json!({ "title": "New garden" })).await;
    assert_eq!(linked["linkedReferences"]["results"][0]["uid"], "bedsblock");
    check(&workshop.database());
}

#[tokio::test]
async fn a_hide_tag_hides_and_shows_what_is_below() {
    let (workshop, graph) = graph(&new_garden());
    let hidden = async || ask(&graph, Action::GetBlock, json!({ "uid": "deepblock" })).await["found"] == false;
    for (text, expected) in [("x #.rm-hide", true), ("x #.rm-hidden", false)] {
        ask(&graph, Action::UpdateBlock, json!({ "block": { "uid": "bedsblock", "string": text } })).await;
        assert_eq!(hidden().await, expected, "{text}");
        check(&workshop.database());
    }
    let below = json!({ "location": { "parent-uid": "hiddenblk" }, "block": { "uid": "bedsblock" } });
    ask(&graph, Action::MoveBlock, below).await;
    assert!(hidden().await);
    check(&workshop.database());
}

#[tokio::test]
async fn an_impossible_update_is_refused() {
    let (_workshop, graph) = graph(&new_garden());
    for (block, code) in [
        (json!({ "uid": "nowhere", "string": "x" }), ErrorCode::NOT_FOUND),
        (json!({ "uid": "soilpage1", "string": "x" }), ErrorCode::VALIDATION_ERROR),
        (json!({ "uid": "bedsblock", "heading": 4 }), ErrorCode::VALIDATION_ERROR),
        (json!({ "uid": "bedsblock", "text-align": "up" }), ErrorCode::VALIDATION_ERROR),
        (json!({ "string": "x" }), ErrorCode::VALIDATION_ERROR),
    ] {
        assert_eq!(refused(&graph, Action::UpdateBlock, json!({ "block": block })).await.code, Some(code), "{block}");
    }
}

#[tokio::test]
async fn several_updates_are_reported_apart() {
    let (_workshop, graph) = graph(&new_garden());
    let updates = json!({ "updates": [
        { "uid": "rosesblok", "string": "one" }, { "uid": "nowhere", "string": "two" },
        { "uid": "deepblock", "heading": 9 }, { "uid": "codeblock", "string": "three" },
    ] });
    let results = ask(&graph, Action::UpdateBlocks, updates).await["results"].clone();
    let outcomes: Vec<(&Value, &Value)> =
        results.as_array().unwrap().iter().map(|one| (&one["ok"], &one["code"])).collect();
    let (ok, not_found, invalid) = (json!(true), json!("NOT_FOUND"), json!("VALIDATION_ERROR"));
    assert_eq!(
        outcomes,
        [(&ok, &Value::Null), (&json!(false), &not_found), (&json!(false), &invalid), (&ok, &Value::Null)]
    );
    assert!(page(&graph, "Garden").await.contains("- three"));

    let twice = json!({ "updates": [{ "uid": "rosesblok", "string": "x" }, { "uid": "rosesblok", "string": "y" }] });
    assert_eq!(refused(&graph, Action::UpdateBlocks, twice).await.code, Some(ErrorCode::VALIDATION_ERROR));
    let many: Vec<Value> = (0..26).map(|n| json!({ "uid": n.to_string() })).collect();
    assert!(graph.invoke(Action::UpdateBlocks, vec![json!({ "updates": many })]).await.is_err());
    assert!(page(&graph, "Garden").await.contains("- one"));
}

#[tokio::test]
async fn a_deleted_block_takes_what_is_below_and_leaves_its_text_where_it_was_referred_to() {
    let (workshop, graph) = graph(&new_garden());
    let deleted = ask(&graph, Action::DeleteBlock, json!({ "block": { "uid": "soiltest1" } })).await;
    assert_eq!(deleted, json!({ "deleted": true }));
    assert!(page(&graph, "Garden").await.contains("  - Compare with pH of `6.5` measured in the [[Garden]] <roam"));
    check(&workshop.database());

    ask(&graph, Action::DeleteBlock, json!({ "block": { "uid": "bedsblock" } })).await;
    assert_eq!(ask(&graph, Action::GetBlock, json!({ "uid": "deepblock" })).await["found"], false);
    assert_eq!(ask(&graph, Action::Search, json!({ "query": "roses" })).await["total"], 0);
    check(&workshop.database());

    for (uid, reason) in [("bedsblock", "not-found"), ("soilpage1", "this is a page; use delete_page")] {
        let answer = ask(&graph, Action::DeleteBlock, json!({ "block": { "uid": uid } })).await;
        assert_eq!(answer, json!({ "deleted": false, "reason": reason }));
    }
}

#[tokio::test]
async fn several_deletions_are_reported_apart() {
    let (workshop, graph) = graph(&new_garden());
    let uids = json!({ "uids": ["nowhere", "compareb1", "deepblock", "compareb1", "gardenpag"] });
    let results = ask(&graph, Action::DeleteBlocks, uids).await["results"].clone();
    assert_eq!(results[0]["reason"], "not-found");
    assert_eq!(results[1], json!({ "uid": "compareb1", "ok": true, "deleted": true }));
    assert_eq!(results[2]["note"], "deleted with a block above it");
    assert_eq!(results[3]["note"], "listed twice");
    assert_eq!((&results[4]["ok"], &results[4]["deleted"]), (&json!(false), &json!(false)));
    check(&workshop.database());
}

#[tokio::test]
async fn blocks_that_refer_to_each_other_are_spelled_out_to_an_end() {
    let blocks: Vec<Value> = (0..20)
        .map(|n| json!({ "string": format!("(({0})) (({0}))", format!("b{}", (n + 1) % 20)), "uid": format!("b{n}") }))
        .collect();
    let (workshop, graph) = graph(&json!([
        { "title": "Circle", "uid": "circle", "children": blocks },
        { "title": "Other", "children": [{ "string": "see ((b0)) and [that](((b1)))" }] },
    ]));
    ask(&graph, Action::DeletePage, json!({ "page": { "uid": "circle" } })).await;
    assert!(texts(&graph, "Other").await[0].ends_with(" and that"));
    check(&workshop.database());
}

#[tokio::test]
async fn a_moved_block_takes_what_is_below_to_its_new_page() {
    let (workshop, graph) = graph(&new_garden());
    let to = async |uid: &str, parent: &str, order: Value| {
        let argument = json!({ "location": { "parent-uid": parent, "order": order }, "block": { "uid": uid } });
        graph.invoke(Action::MoveBlock, vec![argument]).await
    };
    assert_eq!(to("compareb1", "soilpage1", json!("first")).await, Ok(Value::Null));
    assert_eq!(texts(&graph, "Soil").await.len(), 3);
    assert_eq!(ask(&graph, Action::GetBlock, json!({ "uid": "deepblock" })).await["path"][0], "Soil");
    for (order, expected) in [(json!(0), 0), (json!(99), 2), (json!(1), 1), (json!("last"), 2), (json!(-1), 0)] {
        to("codeblock", "gardenpag", order.clone()).await.unwrap();
        let blocks: Vec<_> =
            page(&graph, "Garden").await.lines().filter(|line| line.starts_with("- ")).map(str::to_owned).collect();
        let at = blocks.iter().position(|line| line.starts_with("- ```js")).unwrap();
        // A hidden block is the second or the third of the three.
        assert!(at <= expected, "{order}");
        check(&workshop.database());
    }
    for (uid, parent, code) in [
        ("bedsblock", "bedsblock", ErrorCode::VALIDATION_ERROR),
        ("compareb1", "deepblock", ErrorCode::VALIDATION_ERROR),
        ("gardenpag", "soilpage1", ErrorCode::VALIDATION_ERROR),
        ("nowhere", "soilpage1", ErrorCode::NOT_FOUND),
        ("bedsblock", "nowhere", ErrorCode::NOT_FOUND),
    ] {
        assert_eq!(to(uid, parent, json!("last")).await.unwrap_err().code, Some(code), "{uid} below {parent}");
    }
    check(&workshop.database());
}

#[tokio::test]
async fn nobody_nests_without_end() {
    let (_workshop, graph) = graph(&json!([{ "title": "P", "uid": "p" }]));
    let deep = |levels: usize| (0..levels).map(|level| format!("{}- x\n", " ".repeat(level))).collect::<String>();
    let create = async |parent: &str, levels| {
        let argument = json!({ "location": { "parent-uid": parent }, "markdown-string": deep(levels) });
        graph.invoke(Action::BlockFromMarkdown, vec![argument]).await
    };
    assert_eq!(create("p", 61).await.unwrap_err().code, Some(ErrorCode::VALIDATION_ERROR));
    let made = create("p", 60).await.unwrap();
    assert!(create(made["uids"][0].as_str().unwrap(), 60).await.is_err());
    let other = create("p", 1).await.unwrap();
    let below = json!({ "location": { "parent-uid": other["uids"][0] }, "block": { "uid": made["uids"][0] } });
    assert_eq!(refused(&graph, Action::MoveBlock, below).await.code, Some(ErrorCode::VALIDATION_ERROR));
}

#[tokio::test]
async fn comments_of_a_day_stand_together_and_are_found_at_the_block() {
    let (workshop, graph) = graph(&new_garden());
    let add = async |key: &str, text: &str| {
        ask(&graph, Action::AddComment, json!({ "block-uid": "rosesblok", key: text })).await
    };
    let first = add("reply-string", "- *plain*").await;
    let get = async || ask(&graph, Action::GetComments, json!({ "uid": "rosesblok" })).await;
    let one = get().await;
    assert_eq!((&one["total"], &one["comments"][0]["singleEditableUid"]), (&json!(1), &first["uids"][0]));
    assert!(one["comments"][0]["markdown"].as_str().unwrap().starts_with("- - *plain* <roam"));

    let second = add("reply-markdown", "- two\n  - three").await;
    assert_eq!((&second["parentUid"], &first["parentUid"]), (&one["comments"][0]["parentUid"], &second["parentUid"]));
    let both = get().await;
    assert_eq!((&both["total"], &both["comments"][0]["singleEditableUid"]), (&json!(1), &Value::Null));
    assert_eq!(both["comments"][0]["markdown"].as_str().unwrap().lines().count(), 3);
    check(&workshop.database());

    // The time of the last remark counts, wherever it stands.
    let long_ago = rusqlite::Connection::open(workshop.database()).unwrap();
    long_ago.execute("UPDATE node SET edited_at = 1000", []).unwrap();
    assert_eq!(get().await["comments"][0]["editedTime"], "1970-01-01T00:00:01.000Z");
    ask(&graph, Action::UpdateBlock, json!({ "block": { "uid": first["uids"][0], "string": "other" } })).await;
    assert_ne!(get().await["comments"][0]["editedTime"], "1970-01-01T00:00:01.000Z");

    for argument in [
        json!({ "block-uid": "rosesblok" }),
        json!({ "block-uid": "soilpage1", "reply-string": "x" }),
        json!({ "block-uid": "rosesblok", "reply-string": " " }),
    ] {
        assert_eq!(refused(&graph, Action::AddComment, argument).await.code, Some(ErrorCode::VALIDATION_ERROR));
    }
    assert_eq!(
        refused(&graph, Action::GetComments, json!({ "uid": "nowhere" })).await.code,
        Some(ErrorCode::NOT_FOUND)
    );
}
