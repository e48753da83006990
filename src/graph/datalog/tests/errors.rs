//! What is refused, in which words and where.

use serde_json::json;

use super::garden::garden;
use super::{ask, sorted};

#[test]
fn an_error_names_the_mistake_and_its_place() {
    let garden = garden();
    let table = [
        ("", "nothing here but space (line 1, column 1 of the query)"),
        ("[:find ?x", "never closed; `]` is missing (line 1, column 1"),
        ("[:find ?x)", "`)` stands where `]` should (line 1, column 10"),
        ("[:find ?x] ?y", "Nothing may follow after the end (line 1, column 12"),
        ("[:find \"x]", "never closed; `\"` is missing (line 1, column 8"),
        ("[:find \"\\d\"]", "a backslash is `\\\\` (line 1, column 9"),
        ("(find ?x)", "A query is a vector"),
        ("[?x]", "A query begins with `:find`"),
        ("[:where [?e :block/uid]]", "`:find` is missing"),
        ("[:find ?x :wher [?x]]", "`:wher` is no part of a query"),
        ("[:find ?x :find ?y]", "`:find` is there twice (line 1, column 11"),
        ("[:find ?x\n :where [?e :block/uid ?y]]", "names `?x`, which is neither"),
        ("[:find ?e\n :where\n [?e :block/strng ?s]]", "`:block/strng` is not an attribute; there are"),
        ("[:find ?e :where\n [?e :node/string ?s]]", "did you mean `:block/string`? (line 2, column 6"),
        (
            "[:find ?e :where [?e :block/uid x]]",
            "`x` is neither a variable (`?x`) nor a text (`\"x\"`) (line 1, column 33",
        ),
        ("[:find ?e :where [?e :block/page \"Soil\"]]", "An entity belongs here"),
        ("[:find ?e :where [\"soil\" :block/page ?e]]", "An entity belongs here"),
        ("[:find ?e :where [?e :block/page [:block/order 1]]]", "does not tell entities apart"),
        ("[:find ?e :where [?e :block/uid ?u ?tx ?x]]", "transactions are not kept"),
        (
            "[:find ?e :where [?e :block/uid ?u] [(includes? ?u \"x\")]]",
            "did you mean `clojure.string/includes?`? (line 1, column 39",
        ),
        ("[:find ?e :where [?e :block/uid ?u] [(launch ?u)]]", "The function `launch` is not known"),
        ("[:find ?e :where [?e :block/uid ?u] [(count ?u ?u ?u) ?n]]", "`count` takes 1 arguments, and there are 3"),
        ("[:find ?e :where [?e :block/uid ?u] [(re-find #\"(\" ?u)]]", "cannot use this pattern"),
        ("[:find ?e :where [?e :block/uid ?u] [(re-find #\"(?=x)\" ?u)]]", "look-around"),
        ("[:find ?e :where [?e :block/uid ?u] [(+ ?u 5) ?x]]", "`+` needs numbers, and got"),
        ("[:find ?x :where [(identity 5) [?x ...]]]", "a list is needed (line 1, column 19"),
        (
            "[:find ?x :where [(vector 1) [?x ?y]]]",
            "a list of 2 values is needed, and this one has 1 (line 1, column 19",
        ),
        ("[:find ?x :where [(range 400) ?r] [(vector ?r ?r) [[?x ...] [?y ...]]]]", "more than 100000 combinations"),
        ("[:find ?e :where [?e :attrs/lookup ?a]]", "`:attrs/lookup` is not kept here; an attribute is a page"),
        ("[:find ?e :where [?e :block/uid] (not [?e :entity/attrs])]", "`:entity/attrs` is not kept here"),
        ("[:find ?e :where [?e :block/uid] [(get-else $ ?e :block/heading)]]", "It is written `[(get-else"),
        ("[:find (max ?n ?e) :where [?e :block/order ?n]]", "comes with `:in`, and `?n` does not"),
        ("[:find ?e :where [?e :block/uid ?u]] ] [", "never closed"),
        ("[:find ?e :where [?e :block/uid ?u]] ] ; and\n :x", "Nothing may follow after the end (line 2, column 2"),
        ("[:find ?e :where [?e :block/uid] [(< ?t 5)]]", "Nothing binds `?t` (line 1, column 35"),
        ("[:find ?e :where [?e :block/uid] (not [?x :block/refs ?y])]", "no variable in common"),
        (
            "[:find ?e :where (or [?e :block/uid] [?f :block/uid])]",
            "is not in every part of this `or`, and nothing else binds it",
        ),
        (
            "[:find ?e :where [?e :block/uid ?u] (or [?e :block/heading] [(= ?x ?u)])]",
            "`?x` is not in every part of this `or`",
        ),
        ("[:find ?e :where (or)]", "`or` holds nothing"),
        ("[:find ?e :where (ancestor ?e ?f)]", "There is no rule `ancestor`"),
        ("[:find ?b :where (refs-page ?b)]", "The rule `refs-page` has 2 variables, and here are 1"),
        ("[:find ?b :where (created-between ?x ?y ?b)]", "Nothing binds `?x` (line 1, column 19"),
        ("[:find (pull ?e [:block/x]) :where [?e :block/uid]]", "`:block/x` is not an attribute"),
        ("[:find (pull ?e [{:block/string [:x]}]) :where [?e :block/uid]]", "holds no entities"),
        ("[:find (total ?e) :where [?e :block/uid]]", "`total` cannot be used in `:find`"),
        ("[:find (sum ?u) :where [_ :block/uid ?u]]", "An aggregate needs numbers, and got"),
        ("[:find ?x :in $ $2 ?x]", "There is one database here"),
        ("[:find ?x :in $ ?x ?y]", "`:in` names 2 inputs besides `$`, and 1 are given"),
        ("[:find ?x :in $ :where [?x :block/uid]]", "add a variable for each input"),
        ("[:find ?x :in $ [[?x ?y]]]", "Input 1: a list is needed"),
        ("[:find ?e :where [?e :block/uid current/page-title]]", "there is no window here"),
        ("[:find ?e :where [?e :log/id ms/someday]]", "`ms/someday` is not a day"),
        ("[:find ?e :timeout soon :where [?e :block/uid]]", "`:timeout` is a number of milliseconds"),
        ("[:find #inst \"2026\" :where]", "A `#` begins"),
    ];
    for (query, expected) in table {
        let inputs = if query.contains(":in") { vec![json!("a")] } else { Vec::new() };
        let error = ask(&garden, query, &inputs).map(|found| panic!("{query} is {found}")).unwrap_err().to_string();
        assert!(error.contains(expected), "{query}\n  is refused with {error}\n  instead of {expected}");
    }
}

#[test]
fn an_error_in_the_rules_is_placed_there() {
    let garden = garden();
    let query = "[:find ?b :in $ % :where (r ?b)]";
    let table = [
        ("[[(r ?b) [?b :block/nope]]]", "`:block/nope` is not an attribute", "line 1, column 14 of the rules"),
        ("[[(r ?b) [?b :block/uid]] [(r ?b ?c) [?b :block/uid]]]", "another number of variables", "of the rules"),
        ("[[(r ?b) [?b :block/uid] (not (r ?b))]]", "depends on its own `not`", "of the rules"),
        ("[[(r ?b) [(< ?b 1)]]]", "Nothing binds `?b`", "of the query"),
        ("[[(r ?b)]]", "says nothing", "of the rules"),
        ("[(r ?b)]", "A rule is written", "of the rules"),
    ];
    for (rules, expected, place) in table {
        let error = ask(&garden, query, &[json!(rules)]).unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains(place), "{rules}: {error}");
    }
    let error = ask(&garden, query, &[json!([1])]).unwrap_err().to_string();
    assert!(error.contains("is a text with the rules"), "{error}");
}

#[test]
fn a_rule_of_the_query_hides_the_built_in_one() {
    let garden = garden();
    let query = "[:find [?u ...] :in $ % :where (refs-page ?u)]";
    let found = ask(&garden, query, &[json!("[[(refs-page ?u) [?b :block/heading 1] [?b :block/uid ?u]]]")]).unwrap();
    assert_eq!(sorted(&found), [json!("owner")]);
}
