//! Whatever is done to a graph, what is stored beside the texts equals a fresh reading of them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::super::index;
use super::super::schema::TABLES;
use super::super::testing::{graph, new_garden};
use super::super::{Action, Embedded};
use crate::graph::markup::{Reference, references};

/// One edit, with numbers that choose among what is there.
#[derive(Clone, Debug)]
struct Step {
    action: Action,
    one: usize,
    other: usize,
    order: i64,
    text: String,
}

/// Texts that refer to what there is, and to what there is not.
const TEXT: &str = "([-#] |  - |[a-c ]{1,3}|\\[\\[[ab]\\]\\]|\\[\\[[xy] \\[\\[a\\]\\]\\]\\]|[xy] \\[?\\[?a\\]?\\]?|\\(\\(hidepage1\\)\\)|#[abx] |#\\.rm-hide |`|a:: |\\(\\(rosesblok\\)\\)|\\(\\(soiltest1\\)\\)|\\[c\\]\\(\\[\\[a\\]\\]\\)|\n){1,8}";

fn step() -> impl Strategy<Value = Step> {
    let action = prop::sample::select(vec![
        Action::BlockFromMarkdown,
        Action::PageFromMarkdown,
        Action::CreateBlock,
        Action::CreatePage,
        Action::UpdateBlock,
        Action::UpdateBlocks,
        Action::DeleteBlock,
        Action::DeleteBlocks,
        Action::MoveBlock,
        Action::AddComment,
        Action::UpdatePage,
        Action::DeletePage,
        Action::AddShortcut,
        Action::RemoveShortcut,
    ]);
    (action, 0..100_usize, 0..100_usize, -1..5_i64, TEXT).prop_map(|(action, one, other, order, text)| Step {
        action,
        one,
        other,
        order,
        text,
    })
}

impl Step {
    fn args(&self, path: &Path) -> Vec<Value> {
        let (pages, blocks) = uids(path);
        let page = |at: usize| pages.get(at % pages.len().max(1)).cloned().unwrap_or_default();
        let block = |at: usize| blocks.get(at % blocks.len().max(1)).cloned().unwrap_or_default();
        let any = |at: usize| if at.is_multiple_of(3) { page(at) } else { block(at) };
        // One word in two titles, so that pages meet.
        let title: String = self.text.split('\n').next().unwrap_or_default().chars().take(9).collect();
        let text = &self.text;
        let argument = match self.action {
            Action::PageFromMarkdown => json!({ "page": { "title": title }, "markdown-string": text }),
            Action::CreatePage => json!({ "page": { "title": title } }),
            Action::CreateBlock => json!({
                "location": { "parent-uid": any(self.one), "order": self.order }, "block": { "string": text },
            }),
            Action::UpdateBlock => json!({ "block": { "uid": any(self.one), "string": text } }),
            Action::UpdateBlocks => json!({ "updates": [
                { "uid": block(self.one), "string": text }, { "uid": block(self.other), "heading": 2 },
            ] }),
            Action::DeleteBlock => json!({ "block": { "uid": any(self.one) } }),
            Action::DeleteBlocks => json!({ "uids": [block(self.one), block(self.other), block(self.one)] }),
            Action::MoveBlock => json!({
                "location": { "parent-uid": any(self.other), "order": self.order }, "block": { "uid": block(self.one) },
            }),
            Action::AddComment => json!({ "block-uid": block(self.one), "reply-markdown": text }),
            Action::UpdatePage => json!({
                "page": { "uid": page(self.one), "title": title }, "merge-pages": self.other.is_multiple_of(2),
            }),
            Action::DeletePage => json!({ "page": { "uid": page(self.one) } }),
            Action::AddShortcut => return vec![json!(page(self.one)), json!(self.order)],
            Action::RemoveShortcut => return vec![json!(page(self.one))],
            _ => json!({ "location": { "parent-uid": any(self.one), "order": self.order }, "markdown-string": text }),
        };
        vec![argument]
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_edits_leaves_a_graph_that_is_true_to_its_texts(steps in prop::collection::vec(step(), 1..24)) {
        let (workshop, graph) = graph(&garden());
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for step in steps {
            let args = step.args(&workshop.database());
            let before = tables(&workshop.database());
            let outcome = runtime.block_on(graph.invoke(step.action, args.clone()));
            if outcome.as_ref().is_ok_and(|answer| answer["deleted"] == false) || outcome.is_err() {
                prop_assert_eq!(before, tables(&workshop.database()), "{:?} was refused", step);
            }
            // An edit may be refused, but nothing may break.
            if let Err(error) = outcome {
                prop_assert_ne!(error.code.map(|code| code.to_string()), Some("INTERNAL_ERROR".to_owned()), "{:?} {:?}", step, args);
            }
            check(&workshop.database());
        }
    }
}

/// The garden, with a page whose tag hides blocks and whose uid does not.
fn garden() -> Value {
    let mut garden = new_garden();
    garden.as_array_mut().unwrap().push(json!({ "title": ".rm-hide", "uid": "hidepage1" }));
    garden
}

/// Every row of every table.
fn tables(path: &Path) -> Vec<String> {
    let db = Connection::open(path).unwrap();
    let mut rows = Vec::new();
    for table in ["meta", "source", "node", "refs", "gone", "user", "shortcut", "posting", "vocabulary"] {
        let mut query = db.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = query.column_count();
        let row = |row: &rusqlite::Row<'_>| {
            let values = (0..columns).map(|column| row.get::<_, rusqlite::types::Value>(column));
            Ok(format!("{table} {:?}", values.collect::<Result<Vec<_>, _>>()?))
        };
        rows.extend(query.query_map([], row).unwrap().map(Result::unwrap));
    }
    rows
}

/// The uids of the pages and of the blocks.
fn uids(path: &Path) -> (Vec<String>, Vec<String>) {
    let db = Connection::open(path).unwrap();
    let of = |condition: &str| {
        let mut query = db.prepare(&format!("SELECT uid FROM node WHERE {condition} ORDER BY id")).unwrap();
        query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
    };
    (of("parent IS NULL"), of("parent IS NOT NULL"))
}

struct Node {
    parent: Option<i64>,
    page: i64,
    order: i64,
    text: String,
    hidden: bool,
}

/// Checks everything that follows from the texts and the parents.
pub(super) fn check(path: &Path) {
    let db = Connection::open(path).unwrap();
    let mut query = db.prepare("SELECT id, parent, page, ord, text, hidden FROM node").unwrap();
    let read = |row: &rusqlite::Row<'_>| {
        let node =
            Node { parent: row.get(1)?, page: row.get(2)?, order: row.get(3)?, text: row.get(4)?, hidden: row.get(5)? };
        Ok((row.get::<_, i64>(0)?, node))
    };
    let nodes: HashMap<i64, Node> = query.query_map([], read).unwrap().collect::<Result<_, _>>().unwrap();

    let mut siblings: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
    for (id, node) in &nodes {
        match node.parent {
            None => assert_eq!((node.page, node.hidden), (*id, false), "a page is on itself"),
            Some(parent) => {
                siblings.entry(parent).or_default().push(node.order);
                assert_eq!(node.page, nodes[&parent].page, "the page of {:?}", node.text);
                let mut above = vec![*id];
                while let Some(up) = nodes[above.last().unwrap()].parent {
                    assert!(!above.contains(&up), "a circle at {:?}", node.text);
                    above.push(up);
                }
                let hides = references(&node.text).contains(&Reference::Page(".rm-hide".into()))
                    || references(&node.text).contains(&Reference::Page(".rm-private".into()));
                assert_eq!(node.hidden, hides || nodes[&parent].hidden, "hidden: {:?}", node.text);
            }
        }
    }
    for orders in siblings.values_mut() {
        orders.sort_unstable();
        assert_eq!(*orders, (0..orders.len() as i64).collect::<Vec<_>>(), "orders with gaps or twins");
    }
    check_references(&db, &nodes);
    check_words(&db, &nodes);
    let shortcuts: Vec<i64> = column(&db, "SELECT ord FROM shortcut ORDER BY ord");
    assert_eq!(shortcuts, (0..shortcuts.len() as i64).collect::<Vec<_>>(), "shortcuts with gaps");
    let lost: Vec<i64> =
        column(&db, "SELECT page FROM shortcut WHERE page NOT IN (SELECT id FROM node WHERE parent IS NULL)");
    assert!(lost.is_empty(), "shortcuts to nowhere");
}

fn check_references(db: &Connection, nodes: &HashMap<i64, Node>) {
    let mut expected = BTreeSet::new();
    for (id, node) in nodes.iter().filter(|(_, node)| node.parent.is_some()) {
        for reference in references(&node.text) {
            let (column, name) = match &reference {
                Reference::Page(title) => ("parent IS NULL AND text", title),
                Reference::Block(uid) => ("uid", uid),
            };
            let target = db.query_row(&format!("SELECT id FROM node WHERE {column} = ?1"), [name], |row| row.get(0));
            assert!(target.is_ok() || matches!(reference, Reference::Block(_)), "no page {name:?} for {:?}", node.text);
            expected.extend(target.ok().map(|target: i64| (*id, target)));
        }
    }
    let mut query = db.prepare("SELECT src, dst FROM refs").unwrap();
    let stored: BTreeSet<(i64, i64)> =
        query.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap().collect::<Result<_, _>>().unwrap();
    assert_eq!(stored, expected, "references");
    let late = column(db, "SELECT src FROM refs JOIN node ON node.id = src WHERE made_at IS NOT node.created_at");
    assert!(late.is_empty(), "references with another time than that of their block");
}

/// Compares the search index with a new one of the same texts.
fn check_words(db: &Connection, nodes: &HashMap<i64, Node>) {
    let fresh = Connection::open_in_memory().unwrap();
    fresh.execute_batch(TABLES).unwrap();
    for (id, node) in nodes {
        index::add(&fresh, *id, &node.text).unwrap();
    }
    assert_eq!(index::tests::entries(db), index::tests::entries(&fresh), "the search index");
}

fn column(db: &Connection, query: &str) -> Vec<i64> {
    let mut query = db.prepare(query).unwrap();
    query.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn a_uid_that_was_named_before_it_existed_is_referred_to() {
    let (workshop, graph) = graph(&new_garden());
    let write = async |argument: Value| -> Value { ask(&graph, Action::BlockFromMarkdown, argument).await };
    write(json!({ "location": { "parent-uid": "soilpage1" }, "markdown-string": "((my-uid)) and ((01-02-2030))" }))
        .await;
    ask(&graph, Action::PageFromMarkdown, json!({ "page": { "title": "Mine", "uid": "my-uid" } })).await;
    write(json!({ "location": { "page-title": "January 2nd, 2030" }, "markdown-string": "x" })).await;
    check(&workshop.database());
    let mine = ask(&graph, Action::GetPage, json!({ "title": "Mine" })).await;
    assert_eq!(mine["linkedReferences"]["total"], 1);
}

async fn ask(graph: &Embedded, action: Action, argument: Value) -> Value {
    super::ask(graph, action, argument).await
}

#[tokio::test]
async fn a_page_that_cannot_be_deleted_leaves_all_other_titles_as_they_are() {
    let (workshop, graph) = graph(&json!([
        { "title": "P", "uid": "page" }, { "title": "x [[P]]", "uid": "one" }, { "title": "y [[P]]" }, { "title": "y P" },
        { "title": "Notes", "children": [{ "string": "[[x [[P]]]]" }] },
    ]));
    let before = tables(&workshop.database());
    let answer = ask(&graph, Action::DeletePage, json!({ "page": { "uid": "page" } })).await;
    assert_eq!(answer["deleted"], false, "{answer}");
    assert_eq!(before, tables(&workshop.database()));
}

#[tokio::test]
async fn a_block_is_hidden_by_a_tag_and_not_by_a_reference_to_its_page() {
    let (workshop, graph) = graph(&garden());
    let create = json!({ "location": { "parent-uid": "soilpage1" }, "markdown-string": "see ((hidepage1))" });
    let made = ask(&graph, Action::BlockFromMarkdown, create).await;
    let moved = json!({ "location": { "parent-uid": "gardenpag", "order": 0 }, "block": { "uid": made["uids"][0] } });
    ask(&graph, Action::MoveBlock, moved).await;
    check(&workshop.database());
    let garden = ask(&graph, Action::GetPage, json!({ "title": "Garden" })).await;
    assert!(garden["markdown"].as_str().unwrap().contains("see ((hidepage1))"), "{garden}");
}
