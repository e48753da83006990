//! A graph is planned for as a large one, whatever it was when it was imported.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use rusqlite::Connection;
use rusqlite::trace::{TraceEvent, TraceEventCodes};
use serde_json::{Value, json};

use super::super::bound::Bound;
use super::super::request::Request;
use super::super::testing::graph;
use super::super::{Action, backlinks, read, schema, store, write};
use super::{ask, texts};
use crate::graph::datalog::Abandoned;

fn plan(db: &Connection, statement: &str) -> Vec<String> {
    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    // What is bound to a statement has no part in its plan.
    let lines = plan.raw_query().mapped(|row| row.get(3));
    lines.collect::<Result<_, _>>().unwrap()
}

/// Each kind of read and edit, on a connection that notes what it is asked.
fn work(db: &Connection) {
    let request = |argument: Value| Request::new(vec![argument]).unwrap();
    let page = |title: &str| store::find_page(db, title).unwrap().unwrap();
    let uid =
        |id: i64| db.query_row("SELECT uid FROM node WHERE id = ?1", [id], |row| row.get::<_, String>(0)).unwrap();
    let child = |title: &str| {
        db.query_row("SELECT uid FROM node WHERE parent = ?1 AND ord = 7", [page(title)], |row| row.get::<_, String>(0))
            .unwrap()
    };
    let bound = Bound::new(None, Abandoned::default());
    let block = child("Log");
    read::page(db, &request(json!({ "title": "Log", "maxDepth": 1 }))).unwrap();
    read::block(db, &request(json!({ "uid": block }))).unwrap();
    backlinks::backlinks(db, &request(json!({ "title": "Soil" })), &bound).unwrap();
    let there = json!({ "location": { "parent-uid": "log", "order": 0 }, "block": { "uid": block } });
    write::move_block(db, &request(there)).unwrap();
    write::create_block(
        db,
        &request(json!({ "location": { "parent-uid": "log" }, "block": { "string": "((x)) #a", "uid": "mine" } })),
    )
    .unwrap();
    write::update_block(db, &request(json!({ "block": { "uid": "mine", "string": "#.rm-hide [[b]]" } }))).unwrap();
    write::add_comment(db, &request(json!({ "block-uid": block, "reply-string": "well" })), None).unwrap();
    write::get_comments(db, &request(json!({ "uid": block }))).unwrap();
    write::delete_block(db, &request(json!({ "block": { "uid": "mine" } }))).unwrap();
    write::update_page(db, &request(json!({ "page": { "uid": uid(page("Soil")), "title": "Earth" } }))).unwrap();
    write::delete_page(db, &request(json!({ "page": { "uid": uid(page("Earth")) } }))).unwrap();
}

#[tokio::test]
async fn no_walk_reads_the_whole_table_in_a_graph_that_was_imported_small() {
    let (workshop, graph) = graph(&json!([{ "title": "Log", "uid": "log" }]));
    let entries: String = (0..300).map(|n| format!("- entry {n}\n  - [[Soil]] {n}\n")).collect();
    ask(&graph, Action::BlockFromMarkdown, json!({ "location": { "parent-uid": "log" }, "markdown-string": entries }))
        .await;
    assert_eq!(texts(&graph, "Log").await.len(), 600);
    let mut db = schema::connect(&workshop.database(), true).unwrap();
    let asked = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&asked);
    let note = move |event: TraceEvent<'_>| {
        if let TraceEvent::Stmt(_, statement) = event {
            noted.lock().unwrap().insert(statement.to_owned());
        }
    };
    db.trace_v2(TraceEventCodes::SQLITE_TRACE_STMT, Some(note)).unwrap();
    work(&db);
    let asked = asked.lock().unwrap().clone();
    assert!(asked.len() > 30, "{asked:?}");
    // Triggers are told as comments.
    let db = schema::connect(&workshop.database(), true).unwrap();
    for statement in asked.iter().filter(|statement| !statement.starts_with("--")) {
        let plan = plan(&db, statement);
        // Few are hidden, and titles are looked through when one of them changes.
        let looked_through = |step: &String| step.contains("node_hidden") || step.contains("node_title");
        let slow = |step: &&String| {
            let table = ["SCAN node", "SCAN child", "SCAN block", "SCAN tag", "SCAN refs"]
                .iter()
                .any(|scan| step.starts_with(scan));
            table && !looked_through(step) || step.contains("AUTOMATIC")
        };
        assert_eq!(plan.iter().find(slow), None, "{statement}: {plan:?}");
    }
}
