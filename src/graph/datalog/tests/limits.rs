//! A query gets no more time and memory than it is allowed.

use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::json;

use super::garden::{Garden, garden, plant};
use super::now;
use crate::graph::datalog::budget::Budget;
use crate::graph::datalog::{Limits, QueryError, query_at};

/// Every block with every other, thrice.
const ENDLESS: &str = "[:find (count ?a) :where [?a :block/uid ?x] [?b :block/uid ?y] [?c :block/uid ?z] [?d :block/uid ?w] \
                       [(str ?x ?y ?z ?w) ?s] [(= ?s \"never\")]]";

fn crowd() -> Garden {
    let block = |number: usize| json!({ "string": format!("block {number}"), "uid": format!("block{number}") });
    plant(&json!([{ "title": "Crowd", "uid": "crowd", "children": (0..300).map(block).collect::<Vec<_>>() }]))
}

fn refused(db: &Connection, query: &str, limits: &Limits) -> QueryError {
    query_at(db, query, &[], limits, &now()).unwrap_err()
}

#[test]
fn the_time_limit_is_kept_and_the_query_may_move_it_up_to_the_cap() {
    let crowd = crowd();
    let limits = Limits { time: Duration::from_millis(50), longest: Duration::from_millis(100), ..Limits::default() };
    let start = Instant::now();
    for (timeout, millis) in [("", 50), (":timeout 20", 20), (":timeout 100000", 100)] {
        let query = ENDLESS.replace(":where", &format!("{timeout} :where"));
        let error = refused(&crowd.db, &query, &limits);
        assert!(matches!(error, QueryError::TimeLimit(time) if time == Duration::from_millis(millis)), "{error}");
    }
    assert!(start.elapsed() < Duration::from_secs(5));
    // The connection is as good as before.
    let query = "[:find (count ?b) . :where [?b :block/string]]";
    assert_eq!(query_at(&crowd.db, query, &[], &Limits::default(), &now()).unwrap(), json!(300));
}

#[test]
fn a_broken_graph_does_not_keep_a_query_going() {
    let db = Connection::open_in_memory().unwrap();
    db.execute_batch(crate::graph::embedded::testing::TABLES).unwrap();
    // Two blocks that are below each other: the way up never ends.
    db.execute_batch(
        "INSERT INTO node(id, uid, page, ord, text) VALUES (1, 'a', 1, 0, 'x'), (2, 'b', 1, 0, 'y');
         UPDATE node SET parent = 3 - id;",
    )
    .unwrap();
    let limits = Limits { time: Duration::from_millis(50), ..Limits::default() };
    let error = refused(&db, "[:find ?p :where [1 :block/parents ?p]]", &limits);
    assert!(matches!(error, QueryError::TimeLimit(_) | QueryError::MemoryLimit(_)), "{error}");
}

#[test]
fn the_database_is_interrupted_in_the_midst_of_its_work() {
    let db = Connection::open_in_memory().unwrap();
    let budget = Budget::new(&Limits::default(), Some(Duration::from_millis(50)));
    let watch = budget.watch(&db);
    let endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n";
    let error = db.query_row(endless, [], |row| row.get::<_, i64>(0)).unwrap_err();
    assert!(matches!(budget.explain(error.into()), QueryError::TimeLimit(_)));
    drop(watch);
    assert_eq!(db.query_row("SELECT 1", [], |row| row.get::<_, i64>(0)), Ok(1));
}

#[test]
fn rows_and_memory_are_bounded() {
    let crowd = crowd();
    let few = Limits { rows: 10, ..Limits::default() };
    assert!(matches!(refused(&crowd.db, "[:find ?u :where [_ :block/uid ?u]]", &few), QueryError::RowLimit(10)));
    let small = Limits { memory: 1 << 20, ..Limits::default() };
    let product = "[:find ?x ?y :where [_ :block/uid ?x] [_ :block/uid ?y]]";
    assert!(matches!(refused(&crowd.db, product, &small), QueryError::MemoryLimit(_)));
    let counting = "[[(n ?x) [(ground 0) ?x]] [(n ?y) (n ?x) [(inc ?x) ?y]]]";
    let endless = query_at(&crowd.db, "[:find ?x :in $ % :where (n ?x)]", &[json!(counting)], &small, &now());
    assert!(matches!(endless, Err(QueryError::MemoryLimit(_) | QueryError::TimeLimit(_))), "{endless:?}");
}

#[test]
fn what_nests_too_deep_is_refused() {
    let garden = garden();
    let deep = [
        format!("[:find ?x :where {}[?x :block/uid]{}]", "(not ".repeat(5000), ")".repeat(5000)),
        format!(
            "[:find (pull ?x {}:block/uid{}) :where [?x :block/uid]]",
            "[{:block/page ".repeat(5000),
            "}]".repeat(5000)
        ),
        "[".repeat(100_000),
        "#_".repeat(100_000),
        format!("[:find ?x :where [(str {}1{}) ?x]]", "(str ".repeat(5000), ")".repeat(5000)),
    ];
    for query in deep {
        let error = refused(&garden.db, &query, &Limits::default()).to_string();
        assert!(error.contains("nests deeper than 64 levels"), "{error}");
    }
    let error = refused(&garden.db, &" ".repeat(300_000), &Limits::default()).to_string();
    assert!(error.contains("longer than 256 KiB"), "{error}");
}

#[test]
fn a_long_chain_of_blocks_is_pulled_until_it_is_too_long() {
    let chain = |length: usize| {
        let mut node = json!({ "string": "end", "uid": "end" });
        for number in (0..length).rev() {
            node = json!({ "string": "", "uid": format!("n{number}"), "children": [node] });
        }
        plant(&json!([{ "title": "Chain", "uid": "chain", "children": [node] }]))
    };
    let query = "[:find (pull ?e [:block/uid {:block/children ...}]) . :where [?e :block/uid \"chain\"]]";
    let garden = chain(50);
    assert!(query_at(&garden.db, query, &[], &Limits::default(), &now()).unwrap().to_string().contains("\"end\""));
    // An import ends at 128 levels; moves could go on.
    garden
        .db
        .execute_batch(
            "WITH RECURSIVE more(id) AS (SELECT 1000 UNION ALL SELECT id + 1 FROM more WHERE id < 1300)
             INSERT INTO node(id, uid, parent, page, ord, text)
             SELECT id, 'm' || id, iif(id = 1000, 1, id - 1), 1, 0, '' FROM more",
        )
        .unwrap();
    assert!(matches!(refused(&garden.db, query, &Limits::default()), QueryError::DepthLimit(_)));
}

#[test]
fn values_that_grow_by_themselves_are_refused_before_they_are_large() {
    let garden = garden();
    let doubled = |call: &str| {
        let step = |number: usize| format!("[({call} ?v{number} ?v{number}) ?v{}]", number + 1);
        let steps: String = (0..40).map(step).collect();
        format!("[:find ?v40 :where [(identity \"letters\") ?v0] {steps}]")
    };
    let deep: String = (0..2000).map(|number| format!("[(vector ?v{number}) ?v{}]", number + 1)).collect();
    let long = "[(range 100000) ?r] [(clojure.string/join \"123456\" ?r) ?s]";
    let queries = [
        doubled("str"),
        doubled("vector"),
        format!("[:find ?v0 :where [(identity 1) ?v0] {deep}]"),
        format!("[:find ?x :where {long} [(clojure.string/replace ?s \"\" ?s) ?x]]"),
        format!("[:find ?x :where {long} [(clojure.string/join ?s ?r) ?x]]"),
        format!("[:find ?x :where {long} [(clojure.string/split ?s \"\") ?x]]"),
        format!("[:find ?x :where {long} [(re-seq #\".\" ?s) ?x]]"),
        format!("[:find ?x :where {long} [(str {}) ?x]]", "?s ".repeat(2000)),
        format!("[:find ?x :where [(range 100000) ?r] [(= {}) ?x]]", "?r ".repeat(2000)),
    ];
    let start = Instant::now();
    for query in queries {
        let error = refused(&garden.db, &query, &Limits::default()).to_string();
        let shown: String = query.chars().take(120).collect();
        assert!(error.contains("too large a value") || error.contains("too much at once"), "{shown}: {error}");
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    // What is held while one row is on its way counts, and so do lists that are written out.
    let small = Limits { memory: 4 << 20, ..Limits::default() };
    let row: String = (0..20).map(|number| format!("[(str ?s {number}) ?s{number}] ")).collect();
    let lists: String = (0..20).map(|number| format!("[(range {}) ?r{number}] ", 50_000 + number)).collect();
    for steps in [format!("[(range 40000) ?r] [(str ?r) ?s] {row}"), lists] {
        let error = refused(&garden.db, &format!("[:find (count ?e) :where [?e :block/uid] {steps}]"), &small);
        assert!(matches!(error, QueryError::MemoryLimit(_)), "{error}");
    }
    // A few patterns are compiled as the query is read; the others wait until a text comes to them.
    let compiled: String = (0..2900).map(|number| format!("[(re-find #\"{number}\\pL{{90}}\" ?u)] ")).collect();
    let start = Instant::now();
    let query = format!("[:find ?e :where [?e :block/uid ?u] {compiled}]");
    assert_eq!(query_at(&garden.db, &query, &[], &Limits::default(), &now()).unwrap(), json!([]));
    assert!(start.elapsed() < Duration::from_secs(10), "{:?}", start.elapsed());
}

#[test]
fn names_that_lead_to_each_other_are_followed_once() {
    let garden = garden();
    let names: String = (0..30).map(|at| format!("[(identity ?b{}) ?b{}] ", at % 6, (at / 6 + at + 1) % 6)).collect();
    let start = Instant::now();
    let query = format!("[:find ?b0 :where [_ :block/string ?b0] {names}]");
    query_at(&garden.db, &query, &[], &Limits::default(), &now()).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let many = format!("[:find ?b :where {}]", "[?b :block/uid] ".repeat(4000));
    assert!(refused(&garden.db, &many, &Limits::default()).to_string().contains("more than 3000 conditions"));
}

#[test]
fn inputs_are_taken_apart_within_the_memory_there_is() {
    let garden = garden();
    let small = Limits { memory: 8 << 20, ..Limits::default() };
    let many: Vec<usize> = (0..300).collect();
    let query = "[:find (count ?x) :in $ [[[?x ...] [?y ...]] ...]]";
    let input = json!([[many, many], [many, many], [many, many]]);
    let found = query_at(&garden.db, query, &[input], &small, &now());
    assert!(matches!(found, Err(QueryError::MemoryLimit(_))), "{found:?}");
}
