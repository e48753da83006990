use jiff::Zoned;
use serde_json::{Value, json};

use super::super::testing::{graph, new_garden};
use super::super::{Action, Embedded, daily};
use super::ask;
use crate::graph::ErrorCode;

fn uids(answer: &Value) -> Vec<&str> {
    answer["results"].as_array().unwrap().iter().map(|item| item["uid"].as_str().unwrap()).collect()
}

fn projects() -> Value {
    json!([
        { "title": "Project", "uid": "project", "children": [
            { "string": "{{[[TODO]]}} dig", "uid": "dig", "create-time": 1, ":create/user": { ":user/uid": "ann" } },
            { "string": "plan [[May 2nd, 2026]]", "uid": "plan", "create-time": 2, "children": [
                { "string": "{{[[TODO]]}} buy #seeds", "uid": "buy", "create-time": 3 },
                { "string": "{{[[DONE]]}} measure", "uid": "measure", "create-time": 4 },
            ] },
            { "string": "#.rm-hide {{[[TODO]]}} hidden", "uid": "hidden", "create-time": 9 },
        ] },
        { "title": "May 2nd, 2026", "uid": "05-02-2026", "children": [
            { "string": "{{[[TODO]]}} sow [[Project]]", "uid": "sow", "create-time": 5, "edit-time": 1 },
        ] },
        { "title": "June 2nd, 2026", "uid": "06-02-2026", "children": [
            { "string": "{{[[TODO]]}} weed", "uid": "weed", "create-time": 6 },
            { "string": "{{[[query]]: open {and: [[TODO]] {not: #seeds}}}}", "uid": "query", "create-time": 7 },
        ] },
    ])
}

#[tokio::test]
async fn queries_find_blocks_by_what_they_and_the_blocks_above_them_refer_to() {
    let (_workshop, graph) = graph(&projects());
    let table: &[(&str, &[&str])] = &[
        ("[[TODO]]", &["query", "weed", "sow", "buy", "dig"]),
        ("{and: [[TODO]] [[Project]]}", &["sow", "buy", "dig"]),
        ("{and: [[TODO]] {not: [[seeds]]}}", &["weed", "sow", "dig"]),
        ("{or: #seeds [[DONE]]}", &["query", "measure", "buy"]),
        ("{and: [[TODO]] {between: [[June 1st, 2026]] [[June 30th, 2026]]}}", &["query", "weed"]),
        ("{and: [[TODO]] {between: [[May 31st, 2026]] [[May 1st, 2026]]}}", &["sow", "buy"]),
        ("{and: [[TODO]] ((plan))}", &["buy"]),
        ("{and: {search: SOW to} [[TODO]]}", &["sow"]),
        ("{search: todo we}", &["weed"]),
        ("{or: {and: [[DONE]]} {and: [[TODO]] {not: [[Project]]}}}", &["query", "weed", "measure"]),
        ("{by: [[ann]]}", &["dig"]),
        ("{and: [[TODO]] [[No such page]]}", &[]),
        ("{between: [[January 1st, 1990]] [[December 31st, 2026]]}", &["query", "weed", "sow", "plan"]),
    ];
    for (query, expected) in table {
        let answer = ask(&graph, Action::RoamQuery, json!({ "query": query })).await;
        assert_eq!((uids(&answer), &answer["total"]), (expected.to_vec(), &json!(expected.len())), "{query}");
    }
}

#[tokio::test]
async fn a_stored_query_does_not_find_itself() {
    let (_workshop, graph) = graph(&projects());
    let answer = ask(&graph, Action::RoamQuery, json!({ "uid": "query" })).await;
    assert_eq!(uids(&answer), ["weed", "sow", "dig"]);
    assert_eq!(answer["results"][0]["path"], json!(["June 2nd, 2026"]));
    let part =
        ask(&graph, Action::RoamQuery, json!({ "query": "[[TODO]]", "sortOrder": "asc", "offset": 1, "limit": 2 }))
            .await;
    assert_eq!((uids(&part), &part["total"]), (vec!["buy", "sow"], &json!(5)));
    for argument in [
        json!({}),
        json!({ "uid": "dig" }),
        json!({ "uid": "nowhere" }),
        json!({ "query": "{not: [[a]]}" }),
        json!({ "query": "{or: {and: [[TODO]]} {not: [[DONE]]}}" }),
        json!({ "query": "x", "uid": "dig" }),
    ] {
        let error = graph.invoke(Action::RoamQuery, vec![argument.clone()]).await.unwrap_err();
        assert_eq!(error.code, Some(ErrorCode::VALIDATION_ERROR), "{argument}");
    }
}

#[tokio::test]
async fn words_that_are_in_very_many_texts_are_counted_and_the_best_and_newest_shown() {
    let mut blocks: Vec<Value> =
        (0..5_100).map(|n| json!({ "string": format!("the {n} of"), "uid": format!("b{n}") })).collect();
    blocks[5_050]["string"] = json!("all of the of");
    blocks[5_060]["string"] = json!("of the #.rm-hide");
    let (_workshop, graph) =
        graph(&json!([{ "title": "List", "children": blocks }, { "title": "Of The", "uid": "page" }]));
    let first = ask(&graph, Action::Search, json!({ "query": "the of", "limit": 3 })).await;
    assert_eq!(first["total"], 5_100);
    assert_eq!(uids(&first)[..2], ["page", "b5050"]);
    assert!(first["note"].as_str().unwrap().contains("counts all"), "{first}");
    for (scope, total) in [("pages", 1), ("blocks", 5_099)] {
        let some = ask(&graph, Action::Search, json!({ "query": "THE of", "scope": scope })).await;
        assert_eq!(some["total"], total, "{scope}");
    }
    // What has signs in it is not decided by words alone.
    let rest = ask(&graph, Action::Search, json!({ "query": "the of # .rm", "limit": 3 })).await;
    assert_eq!((&rest["total"], rest.get("note")), (&json!(0), None));
    let found =
        ask(&graph, Action::RoamQuery, json!({ "query": "{and: [[List]] {search: the of}}", "limit": 1 })).await;
    assert_eq!(found["total"], 5_099);
}

#[tokio::test]
async fn a_search_of_more_than_anybody_looks_for_is_refused() {
    let (_workshop, graph) = graph(&new_garden());
    let many: String = (0..60).map(|n| format!("w{n} ")).collect();
    for (action, argument) in [
        (Action::Search, json!({ "query": many })),
        (Action::GetBacklinks, json!({ "title": "Soil", "search": many })),
        (Action::RoamQuery, json!({ "query": format!("{{and: [[Soil]] {{search: {many}}}}}") })),
        (Action::RoamQuery, json!({ "query": format!("{{or: {}}}", "[[Soil]] ".repeat(200)) })),
    ] {
        let error = graph.invoke(action, vec![argument]).await.unwrap_err();
        assert_eq!(error.code, Some(ErrorCode::VALIDATION_ERROR), "{error}");
    }
    let same = ask(&graph, Action::Search, json!({ "query": "garden ".repeat(500), "limit": 5 })).await;
    assert_eq!(uids(&same)[0], "gardenpag");
}

fn hub() -> Value {
    let blocks: Vec<Value> = (0..30)
        .map(|n| json!({ "string": format!("[[Hub]] number {n}"), "uid": format!("b{n}"), "create-time": n, "edit-time": 100 - n,
            "children": [{ "string": format!("below {n}") }] }))
        .collect();
    json!([
        { "title": "List", "uid": "list", "children": [{ "string": "Group", "uid": "group", "children": blocks }] },
        { "title": "May 2nd, 2026", "uid": "05-02-2026", "children": [{ "string": "#Hub", "uid": "day", "create-time": 3 }] },
        { "title": "Hub", "uid": "hub", "children": [{ "string": "#Hub #.rm-private", "uid": "secret" }] },
    ])
}

async fn backlinks(graph: &Embedded, argument: Value) -> Value {
    ask(graph, Action::GetBacklinks, argument).await
}

#[tokio::test]
async fn backlinks_come_page_by_page_newest_first() {
    let (_workshop, graph) = graph(&hub());
    let first = backlinks(&graph, json!({ "title": "Hub" })).await;
    assert_eq!((&first["total"], &first["shown"], &first["nextOffset"]), (&json!(31), &json!(20), &json!(20)));
    assert_eq!(uids(&first)[..3], ["b29", "b28", "b27"]);
    assert_eq!(first["results"][0]["path"], json!(["List", "Group"]));
    assert_eq!(first["results"][0]["markdown"].as_str().unwrap().lines().count(), 2);
    let rest = backlinks(&graph, json!({ "uid": "hub", "offset": 20, "includePath": false, "maxDepth": 0 })).await;
    assert_eq!((uids(&rest).len(), rest.get("nextOffset")), (11, None));
    assert!(rest["results"][0].get("path").is_none());
    assert_eq!(uids(&backlinks(&graph, json!({ "uid": "hub", "offset": 99 })).await), Vec::<&str>::new());
}

#[tokio::test]
async fn backlinks_are_sorted_and_searched_as_asked() {
    let (_workshop, graph) = graph(&hub());
    let some = async |argument: Value| {
        let mut argument = argument;
        argument["title"] = json!("Hub");
        argument["limit"] = json!(2);
        backlinks(&graph, argument).await
    };
    assert_eq!(uids(&some(json!({ "sortOrder": "asc" })).await), ["b0", "b1"]);
    assert_eq!(uids(&some(json!({ "sort": "edited-date" })).await), ["b0", "b1"]);
    assert_eq!(uids(&some(json!({ "sort": "daily-note-date" })).await)[0], "day");
    assert_eq!(uids(&some(json!({ "search": "NUMBER 7 group" })).await), ["b27", "b17"]);
    assert_eq!(uids(&some(json!({ "search": "below 12 list" })).await), ["b12"]);
    assert_eq!(some(json!({ "search": "nothing like it" })).await["total"], 0);
    assert_eq!(backlinks(&graph, json!({ "uid": "nowhere" })).await["total"], 0);
    for argument in [json!({}), json!({ "title": "Hub", "sort": "size" }), json!({ "title": "Hub", "sortOrder": "up" })]
    {
        assert!(graph.invoke(Action::GetBacklinks, vec![argument.clone()]).await.is_err(), "{argument}");
    }
}

#[tokio::test]
async fn guidelines_say_what_the_owner_wrote_and_where_things_are() {
    let (_workshop, plain) = graph(&new_garden());
    let nothing = ask(&plain, Action::GetGraphGuidelines, json!({})).await;
    assert_eq!((&nothing["guidelines"], &nothing["starredPages"]), (&Value::Null, &json!([])));

    let today = daily::title(Zoned::now().date());
    let (_workshop, graph) = graph(&json!([
        { "title": "roam/agent guidelines", "children": [{ "string": "Be brief." }] }, { "title": today }, { "title": "Home", "uid": "home" },
    ]));
    graph.invoke(Action::AddShortcut, vec![json!("home")]).await.unwrap();
    let answer = graph.invoke(Action::GetGraphGuidelines, vec![]).await.unwrap();
    assert!(answer["guidelines"].as_str().unwrap().contains("- Be brief."), "{answer}");
    assert_eq!((&answer["starredPages"], &answer["todaysDailyNotePage"]), (&json!(["Home"]), &json!(today)));
}

#[tokio::test]
async fn templates_are_found_by_name_and_shown_plain() {
    let (_workshop, graph) = graph(&json!([{ "title": "roam/templates", "children": [
        { "string": "Meeting #[[roam/templates]]", "uid": "meeting", "children": [
            { "string": "Who::", "children": [{ "string": "[[Ann]] #.rm-hide" }] }, { "string": "What::" },
        ] },
        { "string": "Diary [[roam/templates]]", "uid": "diary" },
    ] }]));
    let all = ask(&graph, Action::SearchTemplates, json!({})).await;
    assert_eq!(uids(&all), ["diary", "meeting"]);
    let one = ask(&graph, Action::SearchTemplates, json!({ "query": "MEET" })).await;
    let expected =
        json!([{ "name": "Meeting", "uid": "meeting", "content": "- Who::\n  - [[Ann]] #.rm-hide\n- What::" }]);
    assert_eq!(one["results"], expected);
}

#[tokio::test]
async fn a_word_is_found_however_unicode_writes_it() {
    let texts = [
        "か\u{3099}んばる",
        "がんばれ",
        "かんぱい",
        "ｶﾞｰﾃﾞﾝ",
        "Ελλα\u{301}δα",
        "ＡＢＣ",
        "한글",
        "\u{1112}\u{1161}\u{11ab}국",
    ];
    let blocks: Vec<Value> = (0..)
        .zip(texts)
        .map(|(n, text): (i32, _)| json!({ "string": text, "uid": format!("b{n}"), "edit-time": n }))
        .collect();
    let (_workshop, graph) = graph(&json!([{ "title": "P", "children": blocks }]));
    let table: &[(&str, &[&str])] = &[
        ("がんば", &["b1", "b0"]),
        ("か\u{3099}んば", &["b1", "b0"]),
        ("かん", &["b2"]),
        ("ガーデン", &["b3"]),
        ("ελλάδα", &["b4"]),
        ("ΕΛΛΑΔΑ", &["b4"]),
        ("abc", &["b5"]),
        ("한", &["b7", "b6"]),
        ("하", &[]),
    ];
    for (query, expected) in table {
        let answer = ask(&graph, Action::Search, json!({ "query": query, "limit": 10 })).await;
        assert_eq!(uids(&answer), *expected, "{query}");
    }
}
