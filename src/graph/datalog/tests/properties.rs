//! What holds for any text, and for any small query.

use std::sync::OnceLock;

use proptest::prelude::*;
use serde_json::{Value as Json, json};

use super::garden::{Garden, garden, plant};
use super::{ask, naive, now, sorted};
use crate::graph::datalog::{edn, error, parse};

thread_local! {
    static GARDEN: OnceLock<Garden> = const { OnceLock::new() };
}

/// Something that looks like a part of a query.
fn token() -> impl Strategy<Value = String> {
    let words = [
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        "#{",
        "#_",
        "#\"a\"",
        "\"",
        "\\",
        ":find",
        ":where",
        ":in",
        "$",
        "%",
        "?x",
        "?y",
        "_",
        "...",
        ".",
        ":block/uid",
        ":block/refs",
        "pull",
        "count",
        "*",
        "not",
        "or",
        "or-join",
        "and",
        "=",
        "<",
        "clojure.string/includes?",
        "re-find",
        "re-pattern",
        "\"text\"",
        "1",
        "-2.5",
        "nil",
        "true",
        ";",
        ",",
        "'",
        "refs-page",
        "ms/today-start",
        "get-else",
        "missing?",
        ":limit",
        "é",
        "\u{0}",
    ];
    prop_oneof![8 => proptest::sample::select(words.to_vec()).prop_map(str::to_owned), 1 => any::<String>()]
}

/// A condition over a few variables, written with what the garden holds.
fn condition() -> impl Strategy<Value = String> {
    let entity =
        || proptest::sample::select(vec!["?a", "?b", "?c", "[:block/uid \"roses\"]", "[:node/title \"Soil\"]"]);
    let refers = || proptest::sample::select(vec!["block/refs", "block/children", "block/parents", "block/page"]);
    let pattern = prop_oneof![
        4 => (entity(), refers(), entity()).prop_map(|(one, name, two)| format!("[{one} :{name} {two}]")),
        1 => (entity(), proptest::sample::select(vec!["?n", "0", "1"])).prop_map(|(e, n)| format!("[{e} :block/order {n}]")),
        1 => entity().prop_map(|e| format!("[{e} :block/heading ?n]")),
        1 => (entity(), proptest::sample::select(vec!["?t", "\"Soil\"", "_"])).prop_map(|(e, t)| format!("[{e} :node/title {t}]")),
    ];
    prop_oneof![
        6 => pattern.clone(),
        1 => (pattern.clone(), pattern.clone()).prop_map(|(one, two)| format!("(not {one} {two})")),
        1 => (pattern.clone(), pattern).prop_map(|(one, two)| format!("(or-join [?a] {one} {two})")),
        1 => Just("[(< ?n 2)]".to_owned()),
        1 => Just("[(clojure.string/includes? ?t \"oil\")]".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_text_makes_the_reader_or_the_parser_panic(tokens in proptest::collection::vec(token(), 0..40), glue in any::<bool>()) {
        let text = tokens.join(if glue { " " } else { "" });
        let _ = edn::read(&text, error::Text::Query);
        let _ = parse::query(&text, &[], &now());
        let _ = parse::query(&format!("[:find ?x :where {text}]"), &[], &now());
        let _ = parse::query("[:find ?x :in % :where (r ?x)]", &[Json::from(format!("[[(r ?x) {text}]]"))], &now());
    }

    #[test]
    fn a_small_query_has_the_result_of_the_naive_evaluator(conditions in proptest::collection::vec(condition(), 1..5)) {
        let query = format!("[:find ?a ?b :where [?a :block/refs ?b] {}]", conditions.join(" "));
        prop_assume!(parse::query(&query, &[], &now()).is_ok());
            GARDEN.with(|cell| {
                let garden = cell.get_or_init(garden);
                let found = ask(garden, &query, &[]).unwrap();
                let expected = naive::rows(&garden.facts, &query, &[], &now()).into_iter().map(Json::Array).collect();
                assert_eq!(sorted(&found), sorted(&Json::Array(expected)), "{query}");
            });
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn what_a_text_includes_is_found_however_letters_and_marks_are_put_together(
        texts in proptest::collection::vec("[aがかん\u{3099}\u{301}\u{338}=하\u{1112}\u{1161}\u{11ab} ]{1,6}", 1..6), which in 0_usize..6, start in 0_usize..6, length in 1_usize..4,
    ) {
        let part: String = texts[which % texts.len()].chars().skip(start).take(length).collect();
        let blocks: Vec<Json> = (0..).zip(&texts).map(|(n, text): (i32, _)| json!({ "string": text, "uid": format!("b{n}") })).collect();
        let garden = plant(&json!([{ "title": "P", "uid": "p", "children": blocks }]));
        for condition in ["includes?", "starts-with?", "ends-with?"] {
            let query = format!("[:find ?b :where [?b :block/string ?s] [(clojure.string/{condition} ?s \"{part}\")]]");
            let expected = naive::rows(&garden.facts, &query, &[], &now()).into_iter().map(Json::Array).collect();
            prop_assert_eq!(sorted(&ask(&garden, &query, &[]).unwrap()), sorted(&Json::Array(expected)), "{} of {:?}", query, texts);
        }
    }
}
