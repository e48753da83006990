//! The forms of a result, and pulls.

use serde_json::{Value as Json, json};

use super::garden::garden;
use super::{ask, sorted};
use crate::graph::embedded::testing::{graph, new_garden};
use crate::graph::{Action, ErrorCode};

#[test]
fn find_says_which_form_the_result_has() {
    let garden = garden();
    let table = [
        ("[:find ?s . :where [?b :block/uid \"blank\"] [?b :block/string ?s]]", json!("")),
        ("[:find ?s . :where [?b :block/uid \"nowhere\"] [?b :block/string ?s]]", json!(null)),
        ("[:find (count ?p) . :where [?p :node/title]]", json!(15)),
        ("[:find (count ?p) :where [?p :node/title \"nowhere\"]]", json!([])),
        (
            "[:find [?s ?o] :where [?b :block/uid \"spade\"] [?b :block/string ?s] [?b :block/order ?o]]",
            json!(["{{[[DONE]]}} sharpen the spade", 1]),
        ),
        ("[:find [?u ...] :where [?b :block/heading 2] [?b :block/uid ?u]]", json!(["beds"])),
        (
            "[:find ?v ?o :keys view order :where [?b :children/view-type ?v] [?b :block/order ?o]]",
            json!([{ "view": "numbered", "order": 0 }]),
        ),
        (
            "[:find (min 2 ?t) (max 2 ?t) (median ?t) (distinct ?h) :where [?b :create/time ?t] [?b :block/heading ?h]]",
            json!([[[2000, 5000], [5000, 6100], 5000, [1, 2, 3]]]),
        ),
        ("[:find ?x :where [(ground 1.0) ?x]]", json!([[1]])),
        ("[:find ?x ?y :in ?x $ ?y]", json!([[[1, "a"], { "k": null }]])),
    ];
    for (query, expected) in table {
        let inputs = if query.contains(":in") { vec![json!([1, "a"]), json!({ "k": null })] } else { Vec::new() };
        assert_eq!(ask(&garden, query, &inputs).unwrap(), expected, "{query}");
    }
}

#[test]
fn a_pull_makes_objects_without_namespaces() {
    let garden = garden();
    let pull = |uid: &str, pattern: &str| -> Json {
        let query = format!("[:find (pull ?e {pattern}) . :where [?e :block/uid \"{uid}\"]]");
        ask(&garden, &query, &[]).unwrap_or_else(|error| panic!("{query}\n{error}"))
    };
    let id = |uid: &str| pull(uid, "[:db/id]")["id"].clone();
    let table = [
        ("roses", "[:block/uid :block/heading]", json!({ "uid": "roses" })),
        (
            "beds",
            "[:block/uid {:block/children [:block/uid]}]",
            json!({ "uid": "beds", "children": [{ "uid": "roses" }, { "uid": "beans" }] }),
        ),
        ("beds", "[:block/children]", json!({ "children": [{ "id": id("roses") }, { "id": id("beans") }] })),
        ("beds", "[[:block/children :limit 1 :as \"kids\"]]", json!({ "kids": [{ "id": id("roses") }] })),
        (
            "beds",
            "[(limit :block/children 1) (default :block/text-align \"left\")]",
            json!({ "children": [{ "id": id("roses") }], "text-align": "left" }),
        ),
        ("roses", "[{:block/_children [:block/uid]}]", json!({ "_children": [{ "uid": "beds" }] })),
        ("project", "[{:block/_refs [:block/uid]}]", json!({ "_refs": [{ "uid": "prune" }, { "uid": "again" }] })),
        (
            "roses",
            "[{:block/page [:node/title]} {:create/user [:user/display-name]}]",
            json!({ "page": { "title": "Garden" }, "user": { "display-name": "ben@example.com" } }),
        ),
        ("cafe", "[:block/uid {:block/children ...}]", json!({ "uid": "cafe", "children": [{ "uid": "closed" }] })),
        (
            "garden",
            "[:block/uid {:block/children 1}]",
            json!({ "uid": "garden", "children": [{ "uid": "beds" }, { "uid": "spade" }, { "uid": "blank" }] }),
        ),
        ("beds", "[:block/open :children/view-type]", json!({ "open": true, "view-type": "numbered" })),
        (
            "link",
            "[*]",
            json!({
                "uid": "link", "string": "https://example.com/roses", "order": 1, "open": true, "time": 8100,
                "parents": [{ "id": id("08-04-2026") }], "page": { "id": id("08-04-2026") }, "id": id("link"),
            }),
        ),
        ("roses", "[:user/uid]", json!(null)),
        (
            "roses",
            "[:block/uid :edit/seen-by {:user/display-page [:node/title]} {:page/edit-user [:user/uid]} {:attrs/lookup [*]}]",
            json!({ "uid": "roses" }),
        ),
    ];
    for (uid, pattern, expected) in table {
        assert_eq!(pull(uid, pattern), expected, "{pattern} of {uid}");
    }
    // A block that leads back to itself ends there.
    let looped = pull("see", "[:block/uid {:block/refs ...}]");
    assert_eq!(looped["refs"].as_array().unwrap().len(), 2);
}

#[test]
fn a_pull_stands_beside_other_columns() {
    let garden = garden();
    let query = "[:find (pull ?b [:block/uid]) (count ?c) :where [?b :block/children ?c]]";
    let found = sorted(&ask(&garden, query, &[]).unwrap());
    assert!(found.contains(&json!([{ "uid": "beds" }, 2])), "{found:?}");
}

#[tokio::test]
async fn a_pull_of_its_own_keeps_the_whole_names_of_attributes() {
    let (_workshop, graph) = graph(&new_garden());
    let pull = async |action, args: Json| graph.invoke(action, args.as_array().unwrap().clone()).await;
    let pattern = "[:block/string {:block/page [:node/title]} {:block/_children [:block/uid]}]";
    let deep = json!({
        ":block/string": "deep __down__", ":block/page": { ":node/title": "Garden" },
        ":block/_children": [{ ":block/uid": pull(Action::Pull, json!(["[{:block/_children [:block/uid]}]", [":block/uid", "deepblock"]]))
            .await.unwrap()[":block/_children"][0][":block/uid"] }],
    });
    let text = "[:block/uid \"deepblock\"]";
    for entity in [json!(text), json!([":block/uid", "deepblock"])] {
        assert_eq!(pull(Action::Pull, json!([pattern, entity, { "timeout": 5000 }])).await.unwrap(), deep);
    }
    let all = pull(Action::Pull, json!(["[*]", text])).await.unwrap();
    assert!(all[":db/id"].is_i64() && all[":block/page"][":db/id"].is_i64(), "{all}");
    assert_eq!(pull(Action::Pull, json!(["[:block/uid]", all[":db/id"]])).await.unwrap()[":block/uid"], "deepblock");
    assert_eq!(pull(Action::Pull, json!(["[*]", [":block/uid", "nobody"]])).await, Ok(Json::Null));
    let two = json!([{ ":block/uid": "deepblock" }, null]);
    for entities in [
        json!([[":block/uid", "deepblock"], [":block/uid", "nobody"]]),
        json!(format!("[{text} [:block/uid \"nobody\"]]")),
    ] {
        assert_eq!(pull(Action::PullMany, json!(["[:block/uid]", entities])).await, Ok(two.clone()));
    }
    for wrong in
        [json!([]), json!(["[*]"]), json!(["[*", 1]), json!(["[*]", "garden"]), json!(["[*]", [":block/string", "x"]])]
    {
        let error = pull(Action::Pull, wrong).await.unwrap_err();
        assert_eq!(error.code, Some(ErrorCode::VALIDATION_ERROR), "{error}");
    }
}

#[test]
fn an_input_may_name_entities_by_lookups_wherever_it_holds_them() {
    let garden = garden();
    let (roses, soil, nobody) =
        (json!([":block/uid", "roses"]), json!([":node/title", "Soil"]), json!([":block/uid", "nobody"]));
    let table = [
        ("?e", roses.clone(), json!(["roses"])),
        ("[?e ...]", json!([roses, nobody, soil]), json!(["roses", "soil"])),
        ("[?e ?n]", json!([roses, 1]), json!(["roses"])),
        ("[[?n ?e]]", json!([[1, roses], [2, soil]]), json!(["roses", "soil"])),
    ];
    for (binding, input, expected) in table {
        let query = format!("[:find [?u ...] :in $ {binding} :where [?e :block/uid ?u]]");
        let found = ask(&garden, &query, &[input]).unwrap();
        assert_eq!(Json::Array(sorted(&found)), expected, "{binding}");
    }
    let two = ask(&garden, "[:find [?a ?b] :in $ [?a ?b]]", &[json!([":block/uid", "roses"])]).unwrap();
    assert_eq!(two, json!([":block/uid", "roses"]));
}

#[test]
fn one_value_that_a_computation_fails_on_does_not_matter_where_a_condition_before_leaves_it_out() {
    let garden = garden();
    let query = "[:find [?n ...] :where [?e :block/uid \"beds\"] [?e ?a ?v] (not [(string? ?v)]) (not [(boolean? ?v)])
                 (not [(keyword? ?v)]) [(+ ?v 0) ?n] [(= ?a :block/heading)]]";
    assert_eq!(ask(&garden, query, &[]).unwrap(), json!([2]));
    // Whatever order it is in, what fails on a value that is left in is told.
    let error = ask(&garden, "[:find ?n :where [(+ ?v 0) ?n] [_ :block/string ?v]]", &[]).unwrap_err();
    assert!(error.to_string().contains("needs numbers"), "{error}");
}

#[tokio::test]
async fn a_keyword_keeps_its_colon_in_a_pull_of_its_own() {
    let (_workshop, graph) = graph(&json!([{ "title": "List", "uid": "list", ":children/view-type": ":numbered" }]));
    let args = vec![json!("[:children/view-type]"), json!([":block/uid", "list"])];
    assert_eq!(graph.invoke(Action::Pull, args).await, Ok(json!({ ":children/view-type": ":numbered" })));
}

#[tokio::test]
async fn the_action_takes_the_query_and_its_inputs() {
    let (_workshop, graph) = graph(&new_garden());
    let query = "[:find ?s . :in $ ?u :where [?b :block/uid ?u] [?b :block/string ?s]]";
    let found = graph.invoke(Action::Query, vec![json!(query), json!("deepblock")]).await;
    assert_eq!(found, Ok(json!("deep __down__")));
    for args in [vec![], vec![json!({})], vec![json!("[:find")], vec![json!(query)]] {
        let error = graph.invoke(Action::Query, args).await.unwrap_err();
        assert_eq!(error.code, Some(ErrorCode::VALIDATION_ERROR));
    }
}
