//! Queries of the kinds that people ask of their graphs, each compared with the naive evaluator.

use serde_json::{Value as Json, json};

use super::garden::garden;
use super::{ask, naive, now, sorted};

const RULES: &str = "[
    [(above ?b ?a) [?a :block/children ?b]]
    [(above ?b ?a) [?p :block/children ?b] (above ?p ?a)]
    [(linked ?a ?b) [?x :block/page ?a] [?x :block/refs ?b] [?b :node/title _]]
    [(linked ?a ?c) (linked ?a ?b) (linked ?b ?c)]
    [(task ?b) (or (refs-page \"TODO\" ?b) (refs-page \"DONE\" ?b))]
    [(text-of ?e ?t) (or-join [?e ?t] [?e :block/string ?t] [?e :node/title ?t])]
    [(size-between [?low ?high] ?b) [?b :block/string ?s] [(count ?s) ?n] [(<= ?low ?n ?high)]]
]";

#[test]
fn every_result_is_that_of_the_naive_evaluator() {
    let garden = garden();
    let rules = json!(RULES);
    let none: &[Json] = &[];
    let table: &[(&str, &[Json])] = &[
        // Pages and blocks.
        ("[:find ?t :where [_ :node/title ?t]]", none),
        ("[:find (count ?p) :where [?p :node/title]]", none),
        ("[:find (count ?s) :where [_ :block/string ?s]]", none),
        ("[:find (count ?b) :with ?s :where [?b :block/string ?s]]", none),
        ("[:find ?uid ?t :where [?p :node/title ?t] [?p :block/uid ?uid]]", none),
        ("[:find ?t ?n :where [?p :page/sidebar ?n] [?p :node/title ?t]]", none),
        ("[:find ?t :where [?p :page/sidebar 0] [?p :node/title ?t]]", none),
        ("[:find ?s :where [?b :block/uid \"roses\"] [?b :block/string ?s]]", none),
        ("[:find ?s :in $ ?uid :where [?b :block/uid ?uid] [?b :block/string ?s]]", &[json!("ph")]),
        ("[:find ?u ?s :in $ [?u ...] :where [?b :block/uid ?u] [?b :block/string ?s]]", &[json!(["ph", "see", "no"])]),
        ("[:find ?s :where [[:block/uid \"cafe\"] :block/string ?s]]", none),
        ("[:find ?a ?v :where [[:node/title \"Soil\"] ?a ?v]]", none),
        ("[:find ?a :where [_ ?a]]", none),
        ("[:find ?n ?a :where [_ ?a] [(namespace ?a) ?n]]", none),
        ("[:find ?e ?v :in $ ?a :where [?e ?a ?v]]", &[json!(":block/heading")]),
        ("[:find ?t :where [?p :node/title ?t] (not [?p :block/children])]", none),
        ("[:find ?t :where [?p :node/title ?t] [(missing? $ ?p :block/children)]]", none),
        ("[:find ?t :where [?p :node/title ?t] (not [_ :block/refs ?p]) (not [?p :log/id])]", none),
        ("[:find ?t (count ?b) :where [?p :node/title ?t] [?b :block/page ?p]]", none),
        ("[:find ?t (max ?time) :where [?p :node/title ?t] [?b :block/page ?p] [?b :create/time ?time]]", none),
        // References.
        ("[:find ?u :where [?p :node/title \"Soil\"] [?b :block/refs ?p] [?b :block/uid ?u]]", none),
        ("[:find ?t (count ?b) :where [?b :block/refs ?p] [?p :node/title ?t]]", none),
        (
            "[:find ?u :where [?a :node/title \"sun\"] [?b :node/title \"Soil\"] [?x :block/refs ?a] [?x :block/refs ?b] [?x :block/uid ?u]]",
            none,
        ),
        ("[:find ?u :where [?x :block/refs [:block/uid \"ph\"]] [?x :block/uid ?u]]", none),
        (
            "[:find ?u :where [?a :node/title \"Soil\"] [?x :block/refs ?a] (not [?x :block/refs [:node/title \"TODO\"]]) [?x :block/uid ?u]]",
            none,
        ),
        (
            "[:find ?u :where [?x :block/refs ?p] (or [?p :node/title \"TODO\"] [?p :node/title \"DONE\"]) [?x :block/uid ?u]]",
            none,
        ),
        (
            "[:find ?from ?to :where [?b :block/refs ?p] [?b :block/page ?q] [?p :node/title ?to] [?q :node/title ?from]]",
            none,
        ),
        (
            "[:find ?u :where [?p :node/title \"Soil\"] [?b :block/refs ?p] [?b :block/page ?p2] [(!= ?p ?p2)] [?b :block/uid ?u]]",
            none,
        ),
        ("[:find ?t :where [?d :log/id] [?b :block/page ?d] [?b :block/refs ?p] [?p :node/title ?t]]", none),
        ("[:find ?x ?y :where [?a :block/refs ?b] [?b :block/uid ?y] [?b :block/string _] [?a :block/uid ?x]]", none),
        // The tree.
        (
            "[:find ?c ?o :where [?p :block/uid \"beds\"] [?p :block/children ?b] [?b :block/uid ?c] [?b :block/order ?o]]",
            none,
        ),
        ("[:find ?u :where [?b :block/parents [:node/title \"Garden\"]] [?b :block/uid ?u]]", none),
        ("[:find ?u :where [?b :block/uid \"compost\"] [?b :block/parents ?p] [?p :block/uid ?u]]", none),
        (
            "[:find ?u ?t :where [?b :block/parents ?p] [?p :block/heading 2] [?b :block/uid ?u] [?b :block/page ?g] [?g :node/title ?t]]",
            none,
        ),
        (
            "[:find ?u :where [?p :node/title \"Soil\"] [?r :block/refs ?p] [?b :block/parents ?r] [?b :block/uid ?u]]",
            none,
        ),
        ("[:find ?a ?b :where [?x :block/parents ?y] [?x :block/uid ?a] [?y :block/uid ?b]]", none),
        ("[:find ?u :where [?b :block/uid ?u] [?b :block/string] (not [?b :block/children _])]", none),
        ("[:find ?u (count ?c) :where [?b :block/children ?c] [?b :block/uid ?u]]", none),
        (
            "[:find ?u :where [?x :block/children ?c] [?x :block/children ?d] [?c :block/order 0] [?d :block/order 1] [?x :block/uid ?u]]",
            none,
        ),
        // Looks and states.
        ("[:find ?s ?h :where [?b :block/heading ?h] [?b :block/string ?s]]", none),
        ("[:find ?s :where [?b :block/open false] [?b :block/string ?s]]", none),
        ("[:find ?u :where [?b :children/view-type :numbered] [?b :block/uid ?u]]", none),
        ("[:find ?u ?x :where [?b :block/text-align \"center\"] [?b :block/uid ?u] [?b :block/props ?x]]", none),
        ("[:find ?u ?c :where [?b :block/props ?x] [(get ?x \"color\") ?c] [?b :block/uid ?u]]", none),
        (
            "[:find ?u ?h :where [?p :node/title \"Soil\"] [?b :block/page ?p] [(get-else $ ?b :block/heading 0) ?h] [?b :block/uid ?u]]",
            none,
        ),
        // Text.
        ("[:find ?s :where [?b :block/string ?s] [(clojure.string/includes? ?s \"Roses\")]]", none),
        ("[:find ?s :where [?b :block/string ?s] [(clojure.string/includes? ?s \"6\")]]", none),
        ("[:find ?t :where [?p :node/title ?t] [(clojure.string/starts-with? ?t \"Project/\")]]", none),
        ("[:find ?s :where [?b :block/string ?s] [(clojure.string/ends-with? ?s \"]]\")]]", none),
        ("[:find ?u :where [?b :block/string ?s] [(clojure.string/blank? ?s)] [?b :block/uid ?u]]", none),
        (
            "[:find ?s :where [?b :block/string ?s] [(clojure.string/lower-case ?s) ?l] [(clojure.string/includes? ?l \"café\")]]",
            none,
        ),
        ("[:find ?s :where [?b :block/string ?s] [(str/includes? (str/lower-case ?s) \"soil\")]]", none),
        ("[:find ?s :where [?b :block/string ?s] [(re-pattern \"(?i)ROSES\") ?r] [(re-find ?r ?s)]]", none),
        ("[:find ?s :where [?b :block/string ?s] [(re-find #\"(?i)soil|café\" ?s)]]", none),
        ("[:find ?s ?n :where [?b :block/string ?s] [(re-find #\"(\\w+):: (.*)\" ?s) [_ ?n _]]]", none),
        ("[:find ?s :where [?b :block/string ?s] [(re-matches #\"https?://.*\" ?s)]]", none),
        ("[:find ?u :in $ ?s :where [?b :block/string ?s] [?b :block/uid ?u]]", &[json!("TODO without brackets")]),
        (
            "[:find ?s :in $ ?part :where [?b :block/string ?s] [(clojure.string/includes? ?s ?part)]]",
            &[json!("closed")],
        ),
        ("[:find ?s ?n :where [?b :block/string ?s] [(count ?s) ?n] [(> ?n 30)]]", none),
        ("[:find ?k :where [?p :node/title ?t] [(clojure.string/includes? ?t \"/\")] [(subs ?t 0 7) ?k]]", none),
        ("[:find ?x :where [?b :block/uid ?u] [?b :block/heading ?h] [(str ?u \"-\" ?h) ?x]]", none),
        // Times and people.
        ("[:find ?u :where [?b :create/time ?t] [(< 5000 ?t 6000)] [?b :block/uid ?u]]", none),
        ("[:find ?u :in $ ?since :where [?b :edit/time ?t] [(>= ?t ?since)] [?b :block/uid ?u]]", &[json!(9000)]),
        (
            "[:find ?u :in $ [?from ?to] :where [?b :create/time ?t] [(<= ?from ?t)] [(<= ?t ?to)] [?b :block/uid ?u]]",
            &[json!([3000, 4000])],
        ),
        (
            "[:find ?u ?d :where [?b :create/time ?c] [?b :edit/time ?e] [(- ?e ?c) ?d] [(> ?d 1000)] [?b :block/uid ?u]]",
            none,
        ),
        ("[:find ?n (count ?b) :where [?b :create/user ?p] [?p :user/display-name ?n]]", none),
        ("[:find ?u :where [?b :create/user [:user/uid \"ben@example.com\"]] [?b :block/uid ?u]]", none),
        ("[:find ?u :where [?b :create/email \"ben@example.com\"] [?b :block/uid ?u]]", none),
        ("[:find (min ?t) (max ?t) (avg ?t) (sum ?t) :with ?b :where [?b :create/time ?t]]", none),
        ("[:find (count-distinct ?p) (count ?b) :where [?b :block/page ?p]]", none),
        // Days, and Roam's own rules.
        ("[:find ?s :where [?p :node/title dnp/today] [?b :block/page ?p] [?b :block/string ?s]]", none),
        ("[:find ?u :where (in-dnp dnp/yesterday ?b) [?b :block/uid ?u]]", none),
        ("[:find ?u :where (refs-dnp-between dnp/this-week-start dnp/this-week-end ?b) [?b :block/uid ?u]]", none),
        ("[:find ?u :where (in-or-refs-dnp dnp/today ?b) [?b :block/uid ?u]]", none),
        ("[:find ?t :where [?p :log/id ?d] [(<= ms/today-start ?d ms/today-end)] [?p :node/title ?t]]", none),
        ("[:find ?u :where (refs-page \"Soil\" ?b) (created-by \"ben@example.com\" ?b) [?b :block/uid ?u]]", none),
        ("[:find ?u :where (block-or-parent-refs-page \"Soil\" ?b) [?b :block/uid ?u]]", none),
        ("[:find ?u :where (created-between 3000 4000 ?b) [?b :block/uid ?u]]", none),
        // Rules of one's own.
        (
            "[:find ?u :in $ % :where [?b :block/uid \"compost\"] (above ?b ?a) [?a :block/uid ?u]]",
            std::slice::from_ref(&rules),
        ),
        (
            "[:find ?u :in $ % :where [?a :node/title \"Garden\"] (above ?b ?a) [?b :block/uid ?u]]",
            std::slice::from_ref(&rules),
        ),
        (
            "[:find ?x ?y :in $ % :where (above ?b ?a) [?a :block/uid ?x] [?b :block/uid ?y]]",
            std::slice::from_ref(&rules),
        ),
        (
            "[:find ?t :in $ % :where [?a :node/title \"August 3rd, 2026\"] (linked ?a ?b) [?b :node/title ?t]]",
            std::slice::from_ref(&rules),
        ),
        (
            "[:find ?x ?y :in $ % :where (linked ?a ?b) [?a :node/title ?x] [?b :node/title ?y]]",
            std::slice::from_ref(&rules),
        ),
        ("[:find ?u :in $ % :where (task ?b) [?b :block/uid ?u]]", std::slice::from_ref(&rules)),
        ("[:find ?t :in $ % :where [?e :block/uid \"soil\"] (text-of ?e ?t)]", std::slice::from_ref(&rules)),
        ("[:find ?u :in $ % :where (size-between 1 20 ?b) [?b :block/uid ?u]]", std::slice::from_ref(&rules)),
        (
            "[:find ?u :in $ % :where [?p :node/title \"Soil\"] [?b :block/refs ?p] (not (task ?b)) [?b :block/uid ?u]]",
            std::slice::from_ref(&rules),
        ),
        // Combinations.
        (
            "[:find ?t :where (or [?e :node/title ?t] [?e :block/string ?t]) [(clojure.string/includes? ?t \"Soil\")]]",
            none,
        ),
        (
            "[:find ?u :where (or-join [?b] [?b :block/heading 1] (and [?b :block/refs ?p] [?p :node/title \"sun\"])) [?b :block/uid ?u]]",
            none,
        ),
        (
            "[:find ?u :where [?b :block/uid ?u] [?b :block/string] (not-join [?b] [?b :block/refs ?p] [?p :node/title _])]",
            none,
        ),
        (
            "[:find ?u :where [?b :block/uid ?u] (not (or [?b :block/refs] [?b :node/title])) [?b :block/order ?o] [(even? ?o)]]",
            none,
        ),
        (
            "[:find ?u :in $ [[?p ?h]] :where [?b :block/heading ?h] [?b :block/page ?g] [?g :node/title ?p] [?b :block/uid ?u]]",
            &[json!([["Garden", 2], ["Soil", 1], ["Soil", 3]])],
        ),
        ("[:find ?x ?n :where [(ground [1 2 3]) [?x ...]] [(* ?x ?x) ?n] [(odd? ?n)]]", none),
        (
            "[:find ?a ?b :where [?x :block/order ?o] [?y :block/order ?o] [?x :block/uid ?a] [?y :block/uid ?b] [(< ?a ?b)] [?x :block/heading _] [?y :block/heading _]]",
            none,
        ),
        (
            "[:find ?u :where [?b :block/uid ?u] [?b :block/string ?s] (or [?b :block/heading 1] [(clojure.string/includes? ?s \"compost\")])]",
            none,
        ),
        (
            "[:find ?u :in $ ?name :where [?b :block/uid ?u] [?b :create/user ?p] (or [?b :block/heading 2] (or [?p :user/uid ?name] [?u :node/title \"x\"]))]",
            &[json!("ben@example.com")],
        ),
        (
            "[:find ?u ?v :where [?b :block/uid ?u] (or (and [?b :block/heading ?v] [(= ?u \"beds\")]) [?b :block/order ?v]) [(> ?v 1)]]",
            none,
        ),
        ("[:find ?u :where [?b :block/heading 2 _] [?b :block/uid ?u]]", none),
        (
            "[:find ?s :in $ % :where [?b :block/uid \"compost\"] (above ?b ?a) [?a :block/uid ?s]] ]",
            &[json!(format!("{RULES}]"))],
        ),
        // What entities may lack.
        ("[:find ?u ?r :where [?b :block/uid ?u] [(get-else $ ?b :block/refs 0) ?r]]", none),
        ("[:find ?u ?v :in $ ?a :where [?b :block/uid ?u] [(get-else $ ?b :block/heading ?u) ?v]]", &[json!(1)]),
        (
            "[:find ?u ?a ?v :where [?b :block/uid ?u] [(get-some $ ?b :block/heading :node/title :block/refs) [?a ?v]]]",
            none,
        ),
        ("[:find ?u :in $ ?a :where [?b :block/uid ?u] [?b :block/string] [(missing? $ ?b :block/refs)]]", &[json!(1)]),
        ("{:find [?t] :where [[?p :node/title ?t] [?p :block/uid \"soil\"]]}", none),
    ];
    assert!(table.len() >= 60, "{}", table.len());
    // What is asked for and is nowhere; every other query has to find something.
    let empty = ["?u ?x :where [?b :block/text-align"];
    for (query, inputs) in table {
        let found = ask(&garden, query, inputs).unwrap_or_else(|error| panic!("{query}\n{error}"));
        let expected: Vec<Json> =
            naive::rows(&garden.facts, query, inputs, &now()).into_iter().map(Json::Array).collect();
        assert_eq!(sorted(&found), sorted(&Json::Array(expected.clone())), "{query}");
        assert!(!expected.is_empty() || empty.iter().any(|part| query.contains(part)), "{query} finds nothing");
    }
}
