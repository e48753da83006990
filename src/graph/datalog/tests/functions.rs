//! What functions and aggregates make, as Datascript and JavaScript have it.

use serde_json::{Value as Json, json};

use super::ask;
use super::garden::garden;

#[test]
fn a_function_gives_what_it_gives_in_datascript() {
    let garden = garden();
    let table: &[(&str, Json)] = &[
        // Text.
        (r#"(clojure.string/split "a,b,," ",")"#, json!(["a", "b"])),
        (r#"(clojure.string/split ",a" ",")"#, json!(["", "a"])),
        (r#"(clojure.string/split "" ",")"#, json!([""])),
        (r#"(clojure.string/split "aé🌹" "")"#, json!(["a", "é", "🌹"])),
        (r##"(clojure.string/split "abc" #"")"##, json!(["a", "b", "c"])),
        (r##"(clojure.string/split "a1b22" #"\d")"##, json!(["a", "b"])),
        (r##"(clojure.string/split "a1b" #"(\d)")"##, json!(["a", "1", "b"])),
        (r##"(clojure.string/replace "ab" #"(a)(b)" "$2_$1$3$$ $& $x$")"##, json!("b_a$3$ ab $x$")),
        (r##"(clojure.string/replace "ab" #"(a)" "$10")"##, json!("a0b")),
        (r#"(clojure.string/replace "a.b." "." "<$&>")"#, json!("a<.>b<.>")),
        (r#"(clojure.string/join ", " ["a" 1 nil])"#, json!("a, 1, ")),
        (r#"(clojure.string/index-of "🌹a" "a")"#, json!(2)),
        (r#"(count "🌹a")"#, json!(3)),
        (r#"(subs "🌹abc" 2 4)"#, json!("ab")),
        (r#"(subs "short" 0 60)"#, json!("short")),
        (r#"(subs "short" 60)"#, json!("")),
        (r#"(subs "short" -2 2)"#, json!("sh")),
        (r#"(str ["a" 1 nil :k [true]] nil "b" :k/w 1.5)"#, json!("[\"a\" 1 nil :k [true]]b:k/w1.5")),
        (r#"(str (hash-map :a 1 "b" ["c"]))"#, json!("{:a 1, \"b\" [\"c\"]}")),
        (r##"(re-find #"{{(\w+)}}" "a {{TODO}}")"##, json!(["{{TODO}}", "TODO"])),
        // Numbers.
        ("(str (/ 10 0) (/ -1 0))", json!("Infinity-Infinity")),
        ("(mod 5.5 2)", json!(1.5)),
        ("(mod -1 3)", json!(2)),
        ("(rem -1 3)", json!(-1)),
        ("(quot 7.5 2)", json!(3)),
        // Order and collections.
        (r#"(< 5 "a")"#, json!(true)),
        (r#"(> 5 "a" nil)"#, json!(false)),
        ("(set [2 1 2])", json!([1, 2])),
        (r#"(get (hash-map :a 1 "b" 2) :a)"#, json!(1)),
    ];
    for (call, expected) in table {
        let query = format!("[:find ?x . :where [{call} ?x]]");
        let found = ask(&garden, &query, &[]).unwrap_or_else(|error| panic!("{query}\n{error}"));
        assert_eq!(found, *expected, "{call}");
    }
}

#[test]
fn an_aggregate_makes_as_many_values_as_it_is_told() {
    let garden = garden();
    let values = json!([[1, "a"], [2, "a"], [2, "b"], [5, "a"]]);
    let with = |find: &str| {
        let query = format!("[:find {find} . :in $ ?n [[?x ?id]] :with ?id]");
        ask(&garden, &query, &[json!(3), values.clone()]).unwrap_or_else(|error| panic!("{query}\n{error}"))
    };
    assert_eq!(with("(max 3 ?x)"), json!([2, 2, 5]));
    assert_eq!(with("(min 3 ?x)"), json!([1, 2, 2]));
    assert_eq!(with("(max ?n ?x)"), json!([2, 2, 5]));
    assert_eq!(with("(variance ?x)"), json!(2.25));
    assert_eq!(with("(stddev ?x)"), json!(1.5));
    let among = |found: &Json| [1, 2, 5].iter().any(|value| found == value);
    assert!(among(&with("(rand ?x)")) && among(&with("(sample ?x)")));
    let mut sample: Vec<i64> = with("(sample 9 ?x)").as_array().unwrap().iter().filter_map(Json::as_i64).collect();
    sample.sort_unstable();
    assert_eq!(sample, [1, 2, 2, 5]);
    let random = with("(rand 50 ?x)");
    assert!(random.as_array().is_some_and(|all| all.len() == 50 && all.iter().all(among)), "{random}");
    // It is not always the same one.
    let many: std::collections::BTreeSet<String> = (0..60).map(|_| with("(sample 1 ?x)").to_string()).collect();
    assert!(many.len() > 1, "{many:?}");
}
