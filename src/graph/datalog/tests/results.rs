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
            "[:find (min 2 ?t) (max 2 ?t) (median ?t) (distinct ?h) (sample 1 ?h) :where [?b :create/time ?t] [?b :block/heading ?h]]",
            json!([[[2000, 5000], [6100, 5000], 5000, [1, 2, 3], [1]]]),
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
