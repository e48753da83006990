use serde_json::{Value, json};

use super::super::testing::{graph, new_garden};
use super::super::{Action, Embedded};
use super::invariants::check;
use super::{ask, texts};
use crate::graph::{ErrorCode, GraphError};

async fn update(graph: &Embedded, page: Value, merge: bool) -> Result<Value, GraphError> {
    graph.invoke(Action::UpdatePage, vec![json!({ "page": page, "merge-pages": merge })]).await
}

async fn uid(graph: &Embedded, title: &str) -> Value {
    ask(graph, Action::GetPage, json!({ "title": title })).await["uid"].clone()
}

#[tokio::test]
async fn a_page_is_made_from_markdown() {
    let (workshop, graph) = graph(&new_garden());
    let create = async |page: Value, markdown: Value| {
        graph.invoke(Action::PageFromMarkdown, vec![json!({ "page": page, "markdown-string": markdown })]).await
    };
    create(
        json!({ "title": "New", "uid": "my-own", "children-view-type": "numbered" }),
        json!("# A\n- b\n  - [[Soil]]"),
    )
    .await
    .unwrap();
    assert_eq!(texts(&graph, "New").await, ["- A", "  - b", "    - [[Soil]]"]);
    assert_eq!(uid(&graph, "New").await, "my-own");
    assert_eq!(
        create(json!({ "title": "March 1st, 2030" }), Value::Null).await.unwrap(),
        json!({ "uid": "03-01-2030" })
    );
    check(&workshop.database());
    for page in [
        json!({ "title": "Soil" }),
        json!({ "title": "sun" }),
        json!({ "title": " " }),
        json!({ "title": "a\nb" }),
        json!({}),
        json!({ "title": "X", "uid": "bedsblock" }),
        json!({ "title": "X", "children-view-type": "sideways" }),
    ] {
        let error = create(page.clone(), json!("x")).await.unwrap_err();
        assert_eq!(error.code, Some(ErrorCode::VALIDATION_ERROR), "{page}");
    }
    check(&workshop.database());
}

#[tokio::test]
async fn a_renamed_page_is_renamed_wherever_it_is_named() {
    let (workshop, graph) = graph(&json!([
        { "title": "Soil", "uid": "soil" },
        { "title": "Notes on [[Soil]]", "uid": "notes" },
        { "title": "Log", "children": [
            { "string": "[[Soil]] #Soil #[[Soil]] [dirt]([[Soil]]) `[[Soil]]` [[Notes on [[Soil]]]]" },
            { "string": "Soil:: dry" },
        ] },
    ]));
    update(&graph, json!({ "uid": "soil", "title": "Good earth" }), false).await.unwrap();
    assert_eq!(
        texts(&graph, "Log").await,
        [
            "- [[Good earth]] #[[Good earth]] #[[Good earth]] [dirt]([[Good earth]]) `[[Soil]]` [[Notes on [[Good earth]]]]",
            "- Good earth:: dry",
        ]
    );
    assert_eq!(
        (uid(&graph, "Good earth").await, uid(&graph, "Notes on [[Good earth]]").await),
        (json!("soil"), json!("notes"))
    );
    assert_eq!(uid(&graph, "Soil").await, Value::Null);
    assert_eq!(ask(&graph, Action::Search, json!({ "query": "good earth", "scope": "pages" })).await["total"], 2);
    check(&workshop.database());
}

#[tokio::test]
async fn two_pages_become_one_only_when_asked() {
    let (workshop, graph) = graph(&json!([
        { "title": "A", "uid": "a", "children": [{ "string": "one", "children": [{ "string": "below [[A]]" }] }, { "string": "two" }] },
        { "title": "B", "uid": "b", "children": [{ "string": "three" }] },
        { "title": "Log", "children": [{ "string": "[[A]] and [[B]] and ((a))" }] },
    ]));
    ask_shortcut(&graph, "a").await;
    let error = update(&graph, json!({ "uid": "a", "title": "B" }), false).await.unwrap_err();
    assert_eq!(error.code, Some(ErrorCode::VALIDATION_ERROR));
    check(&workshop.database());
    update(&graph, json!({ "uid": "a", "title": "B" }), true).await.unwrap();
    assert_eq!(texts(&graph, "B").await, ["- three", "- one", "  - below [[B]]", "- two"]);
    assert!(texts(&graph, "Log").await[0].starts_with("- [[B]] and [[B]] and ((b))"));
    assert_eq!((uid(&graph, "A").await, uid(&graph, "B").await), (Value::Null, json!("b")));
    check(&workshop.database());
}

#[tokio::test]
async fn a_title_that_would_clash_further_on_is_refused() {
    let (workshop, graph) = graph(&json!([
        { "title": "a", "uid": "a" }, { "title": "x [[a]]", "uid": "xa" }, { "title": "x [[b]]", "uid": "xb" }, { "title": "x a", "uid": "x" },
        { "title": "Log", "children": [{ "string": "[[a]]" }] },
    ]));
    assert!(update(&graph, json!({ "uid": "a", "title": "b" }), true).await.is_err());
    let kept = ask(&graph, Action::DeletePage, json!({ "page": { "uid": "a" } })).await;
    assert_eq!(kept["deleted"], false);
    assert_eq!(uid(&graph, "x [[a]]").await, "xa");
    assert_eq!(texts(&graph, "Log").await, ["- [[a]]"]);
    check(&workshop.database());
}

#[tokio::test]
async fn an_impossible_update_of_a_page_is_refused() {
    let (_workshop, graph) = graph(&new_garden());
    for (page, code) in [
        (json!({ "uid": "nowhere", "title": "x" }), ErrorCode::NOT_FOUND),
        (json!({ "uid": "bedsblock", "title": "x" }), ErrorCode::VALIDATION_ERROR),
        (json!({ "uid": "gardenpag", "title": "" }), ErrorCode::VALIDATION_ERROR),
        (json!({ "uid": "gardenpag", "title": "a]] b" }), ErrorCode::VALIDATION_ERROR),
    ] {
        assert_eq!(update(&graph, page.clone(), false).await.unwrap_err().code, Some(code), "{page}");
    }
    assert_eq!(
        update(&graph, json!({ "uid": "gardenpag", "title": "Garden", "children-view-type": "document" }), false).await,
        Ok(Value::Null)
    );
}

#[tokio::test]
async fn a_deleted_page_leaves_no_link_behind() {
    let (workshop, graph) = graph(&json!([
        { "title": "Soil", "uid": "soil", "children": [{ "string": "about [[Soil]]", "uid": "about" }] },
        { "title": "Notes on [[Soil]]", "uid": "notes" },
        { "title": "Log", "children": [
            { "string": "[[Soil]] #Soil #[[Soil]] [dirt]([[Soil]]) ((about)) [[Notes on [[Soil]]]]" }, { "string": "Soil:: dry" },
        ] },
    ]));
    let deleted = ask(&graph, Action::DeletePage, json!({ "page": { "uid": "soil" } })).await;
    assert_eq!(deleted, json!({ "deleted": true }));
    assert_eq!(texts(&graph, "Log").await, ["- Soil Soil Soil dirt about Soil [[Notes on Soil]]", "- Soil: dry"]);
    assert_eq!((uid(&graph, "Soil").await, uid(&graph, "Notes on Soil").await), (Value::Null, json!("notes")));
    check(&workshop.database());
    for (uid, reason) in [("soil", "not-found"), ("about", "not-found")] {
        let answer = ask(&graph, Action::DeletePage, json!({ "page": { "uid": uid } })).await;
        assert_eq!(answer, json!({ "deleted": false, "reason": reason }));
    }
}

async fn ask_shortcut(graph: &Embedded, uid: &str) {
    graph.invoke(Action::AddShortcut, vec![json!(uid)]).await.unwrap();
}

#[tokio::test]
async fn shortcuts_keep_their_order() {
    let (workshop, graph) = graph(&new_garden());
    let add = async |args: Value| graph.invoke(Action::AddShortcut, args.as_array().unwrap().clone()).await;
    for args in [json!(["gardenpag"]), json!(["soilpage1", 0]), json!(["08-03-2026", 99]), json!(["gardenpag", 0])] {
        add(args).await.unwrap();
        check(&workshop.database());
    }
    graph.invoke(Action::RemoveShortcut, vec![json!("soilpage1")]).await.unwrap();
    graph.invoke(Action::RemoveShortcut, vec![json!("nowhere")]).await.unwrap();
    check(&workshop.database());
    assert_eq!(add(json!(["bedsblock"])).await.unwrap_err().code, Some(ErrorCode::NOT_FOUND));
    assert!(add(json!([])).await.is_err());
}

#[tokio::test]
async fn what_only_roam_can_do_is_refused_with_the_reason() {
    let (_workshop, graph) = graph(&new_garden());
    for (action, words) in
        [(Action::GetOpenView, "no window"), (Action::UploadFile, "files"), (Action::CallExtensionTool, "extensions")]
    {
        let error = graph.invoke(action, vec![]).await.unwrap_err();
        assert_eq!(error.code, Some(ErrorCode::UNKNOWN_ACTION));
        assert!(error.message.contains(words), "{error}");
    }
    let error = graph.invoke(Action::SemanticSearch, vec![json!({ "query": "x" })]).await.unwrap_err();
    assert!(error.message.contains("Semantic search is not enabled"), "{error}");
}

#[tokio::test]
async fn annotations_of_reads_do_not_become_titles() {
    let (workshop, graph) = graph(&new_garden());
    ask(&graph, Action::PageFromMarkdown, json!({ "page": { "title": "Made <roam uid=\"x\" refs=\"1\"/>" } })).await;
    ask(&graph, Action::CreatePage, json!({ "page": { "title": "Plain <roam uid=\"y\"/>", "uid": "plainpage" } }))
        .await;
    update(&graph, json!({ "uid": "soilpage1", "title": "Earth <roam uid=\"soilpage1\"/>" }), false).await.unwrap();
    let location = json!({ "page-title": "On ((rosesblok))<ref>Roses</ref>", "nest-under-str": "" });
    ask(&graph, Action::BlockFromMarkdown, json!({ "location": location, "markdown-string": "x" })).await;
    for title in ["Made", "Plain", "Earth", "On ((rosesblok))"] {
        uid(&graph, title).await.as_str().unwrap();
    }
    assert_eq!(texts(&graph, "On ((rosesblok))").await, ["- x"], "an empty section is none");
    check(&workshop.database());
}
