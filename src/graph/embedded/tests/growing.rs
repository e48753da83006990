//! A graph is planned for as a large one, whatever it was when it was imported.

use rusqlite::Connection;
use serde_json::json;

use super::super::testing::graph;
use super::super::{Action, schema};
use super::{ask, texts};

/// Walks up and down the tree, as the reads and the edits make them, and what leads to them.
const WALKS: [&str; 6] = [
    "WITH RECURSIVE tree(id) AS (VALUES (?1) UNION ALL SELECT child.id FROM tree JOIN node AS child ON child.parent = tree.id)
     SELECT uid FROM tree CROSS JOIN node ON node.id = tree.id",
    "WITH RECURSIVE tree(id) AS (
         SELECT id FROM node WHERE parent = ?1 UNION ALL SELECT child.id FROM tree JOIN node AS child ON child.parent = tree.id
     )
     UPDATE node SET page = ?1 WHERE id IN tree",
    "WITH RECURSIVE below(id) AS (
         SELECT id FROM node WHERE parent = ?1 UNION ALL SELECT node.id FROM below CROSS JOIN node ON node.parent = below.id
     )
     SELECT id FROM below",
    "UPDATE node SET ord = node.ord - 1 FROM node AS gone
     WHERE gone.id = ?1 AND node.parent = gone.parent AND node.ord > gone.ord",
    "SELECT id FROM node WHERE uid = ?1",
    "SELECT src FROM refs WHERE dst = ?1 ORDER BY made_at DESC, src DESC",
];

fn plan(db: &Connection, statement: &str) -> Vec<String> {
    let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {statement}")).unwrap();
    let lines = plan.query_map([1], |row| row.get(3)).unwrap();
    lines.collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn no_walk_reads_the_whole_table_in_a_graph_that_was_imported_small() {
    let (workshop, graph) = graph(&json!([{ "title": "Log", "uid": "log" }]));
    let entries: String = (0..300).map(|n| format!("- entry {n}\n  - [[Soil]] {n}\n")).collect();
    ask(&graph, Action::BlockFromMarkdown, json!({ "location": { "parent-uid": "log" }, "markdown-string": entries }))
        .await;
    assert_eq!(texts(&graph, "Log").await.len(), 600);
    let db = schema::connect(&workshop.database(), true).unwrap();
    for statement in WALKS {
        let plan = plan(&db, statement);
        assert!(
            !plan.iter().any(|step| step.contains("SCAN node") || step.contains("SCAN child")),
            "{statement}: {plan:?}"
        );
        assert!(
            !plan.iter().any(|step| step.contains("SCAN refs") || step.contains("AUTOMATIC")),
            "{statement}: {plan:?}"
        );
    }
}
