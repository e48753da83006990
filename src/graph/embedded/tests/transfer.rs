use std::collections::BTreeMap;
use std::path::Path;

use proptest::prelude::*;
use rusqlite::Connection;
use rusqlite::types::Value as Cell;
use serde_json::{Value, json};

use super::super::testing::{Workshop, graph, new_garden, old_garden};
use super::super::{Action, Changes, Embedded, Existing, ImportError, Imported};
use super::invariants::check;
use super::{ask, page, texts};

fn export(database: &Path) -> String {
    let mut out = Vec::new();
    Embedded::export(database, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn imported_again(workshop: &Workshop, export: &Value, existing: Existing) -> Result<Imported, ImportError> {
    std::fs::write(workshop.export(), export.to_string()).unwrap();
    Embedded::import(&workshop.export(), &workshop.database(), existing, |_| {})
}

fn import_again(workshop: &Workshop, export: &Value, existing: Existing) -> Result<u64, ImportError> {
    imported_again(workshop, export, existing).map(|imported| imported.kept)
}

async fn add(graph: &Embedded, location: Value, markdown: &str) -> Vec<String> {
    let made =
        ask(graph, Action::BlockFromMarkdown, json!({ "location": location, "markdown-string": markdown })).await;
    made["uids"].as_array().unwrap().iter().map(|uid| uid.as_str().unwrap().to_owned()).collect()
}

/// Every page and block by uid, with everything that is known of it.
fn contents(database: &Path) -> BTreeMap<String, Vec<Cell>> {
    let db = Connection::open(database).unwrap();
    let mut query = db
        .prepare(
            "SELECT node.uid, up.uid, page.uid, node.ord, node.text, node.hidden, node.heading, node.children_view, node.text_align,
                 node.open, node.log_id, node.created_at, node.created_by, node.edited_at, node.edited_by, node.extra,
                 (SELECT ord FROM shortcut WHERE page = node.id),
                 (SELECT group_concat(uid) FROM (SELECT uid FROM refs JOIN node AS t ON t.id = dst WHERE src = node.id ORDER BY uid))
             FROM node LEFT JOIN node AS up ON up.id = node.parent JOIN node AS page ON page.id = node.page",
        )
        .unwrap();
    let rows = query.query_map([], |row| Ok((row.get(0)?, (1..18).map(|column| row.get(column).unwrap()).collect())));
    rows.unwrap().collect::<Result<_, _>>().unwrap()
}

#[tokio::test]
async fn both_generations_come_out_as_they_went_in() {
    for garden in [old_garden(), new_garden()] {
        let (workshop, graph) = graph(&garden);
        for args in [vec![json!("soilpage1")], vec![json!("gardenpag"), json!(0)]] {
            graph.invoke(Action::AddShortcut, args).await.unwrap();
        }
        let other = Workshop::with(export(&workshop.database()).as_bytes());
        other.import().unwrap();
        assert_eq!(contents(&other.database()), contents(&workshop.database()));
        assert_eq!(export(&other.database()), export(&workshop.database()));
        check(&other.database());
    }
}

fn tree() -> impl Strategy<Value = Value> {
    let text =
        "([a-c ]{1,3}|\\[\\[[ab]\\]\\]|#[abx] |#\\.rm-hide |`|a:: |\\(\\(u[0-9]\\)\\)|[\"\\\\\n\u{1f331}é]){0,5}";
    let leaf = (text, 0..5_i64, any::<bool>(), prop::option::of(0..9_i64)).prop_map(|(text, heading, open, time)| {
        json!({ "string": text, "heading": heading, "open": open, "create-time": time, ":block/props": { ":a": [1, null] } })
    });
    leaf.prop_recursive(5, 30, 4, |inner| {
        (inner.clone(), prop::collection::vec(inner, 0..4)).prop_map(|(mut block, children)| {
            block["children"] = children.into();
            block
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn an_import_of_an_export_is_the_same_graph(pages in prop::collection::vec(prop::collection::vec(tree(), 0..4), 1..5)) {
        let pages: Vec<Value> = (0..).zip(pages)
            .map(|(n, children): (i32, _)| json!({ "title": format!("page {n}"), "uid": format!("u{n}"), "children": children }))
            .collect();
        let (first, _graph) = graph(&json!(pages));
        let second = Workshop::with(export(&first.database()).as_bytes());
        second.import().unwrap();
        prop_assert_eq!(contents(&second.database()), contents(&first.database()));
        check(&second.database());
    }
}

#[tokio::test]
async fn a_graph_without_additions_is_replaced_while_it_is_open() {
    let (workshop, graph) = graph(&new_garden());
    let before = page(&graph, "Garden").await;
    let newer = json!([{ "title": "Garden", "uid": "gardenpag", "children": [{ "string": "dug up" }] }]);
    assert_eq!(import_again(&workshop, &newer, Existing::ReplaceUnchanged).unwrap(), 0);
    assert_eq!(texts(&graph, "Garden").await, ["- dug up"]);
    // The one that had it open goes on writing.
    add(&graph, json!({ "page-title": "Garden" }), "sown again").await;
    assert_eq!(texts(&workshop.open(), "Garden").await, ["- dug up", "- sown again"]);
    check(&workshop.database());
    assert_ne!(page(&graph, "Garden").await, before);
}

#[tokio::test]
async fn additions_are_neither_lost_nor_kept_without_being_asked() {
    let (workshop, graph) = graph(&new_garden());
    add(&graph, json!({ "page-title": "Soil" }), "mine").await;
    let error = import_again(&workshop, &new_garden(), Existing::ReplaceUnchanged).unwrap_err();
    assert!(matches!(error, ImportError::Changed { changes: Changes { added: 1, .. }, .. }), "{error}");
    assert_eq!(texts(&graph, "Soil").await.len(), 2);
    import_again(&workshop, &new_garden(), Existing::Replace).unwrap();
    assert_eq!(texts(&graph, "Soil").await.len(), 1);
}

#[tokio::test]
async fn an_update_keeps_what_the_export_lacks() {
    let (workshop, graph) = graph(&new_garden());
    let top =
        add(&graph, json!({ "parent-uid": "rosesblok", "order": "first" }), "- # mine\n  - below [[Mine alone]]").await;
    add(&graph, json!({ "parent-uid": "soiltest1" }), "on a page that goes").await;
    add(&graph, json!({ "page-title": "My page" }), "see ((rosesblok))").await;
    graph.invoke(Action::AddShortcut, vec![json!("gardenpag")]).await.unwrap();
    let mut newer = new_garden();
    newer.as_array_mut().unwrap().remove(1);
    newer[0]["children"][0]["children"][0]["string"] = json!("Roses need [[Soil]] and water");
    // The pages `Mine alone` and `My page`, and four blocks.
    assert_eq!(import_again(&workshop, &newer, Existing::Update).unwrap(), 6);
    check(&workshop.database());
    let garden = texts(&graph, "Garden").await;
    assert_eq!(garden[1..4], ["  - Roses need [[Soil]] and water", "    - mine", "      - below [[Mine alone]]"]);
    assert_eq!(texts(&graph, "Soil").await, ["- on a page that goes"]);
    assert!(page(&graph, "My page").await.contains("<ref>Roses need [[Soil]] and water</ref>"));
    assert!(page(&graph, "Garden").await.contains(&format!("uid=\"{}\" heading=\"1\"", top[0])));
    let shortcuts = graph.invoke(Action::GetGraphGuidelines, vec![]).await.unwrap();
    assert_eq!(shortcuts["starredPages"], json!(["Garden"]));

    // Once more changes nothing, and what the export has by now is not there twice.
    assert_eq!(import_again(&workshop, &newer, Existing::Update).unwrap(), 6);
    let whole: Value = serde_json::from_str(&export(&workshop.database())).unwrap();
    let before = contents(&workshop.database());
    assert_eq!(import_again(&workshop, &whole, Existing::Update).unwrap(), 0);
    assert_eq!(contents(&workshop.database()), before);
}

#[tokio::test]
async fn a_page_that_is_only_mentioned_keeps_its_uid_for_those_who_use_it_here() {
    let (workshop, graph) = graph(&new_garden());
    let sun = ask(&graph, Action::GetPage, json!({ "title": "sun" })).await["uid"].as_str().unwrap().to_owned();
    add(&graph, json!({ "page-title": "Soil" }), &format!("see (({sun}))")).await;
    graph.invoke(Action::AddShortcut, vec![json!(sun)]).await.unwrap();
    let referred = async |uid: &str| {
        let links = ask(&graph, Action::GetBacklinks, json!({ "uid": uid })).await;
        let guidelines = graph.invoke(Action::GetGraphGuidelines, vec![]).await.unwrap();
        assert_eq!((&links["total"], &guidelines["starredPages"]), (&json!(2), &json!(["sun"])));
        check(&workshop.database());
    };
    import_again(&workshop, &new_garden(), Existing::Update).unwrap();
    referred(&sun).await;
    // A newer export has the page itself, with the uid that Roam gave it.
    let mut newer = new_garden();
    newer.as_array_mut().unwrap().push(json!({ "title": "sun", "uid": "roams-uid" }));
    import_again(&workshop, &newer, Existing::Update).unwrap();
    referred("roams-uid").await;
}

#[tokio::test]
async fn a_rehearsed_update_says_what_would_become_of_the_work_done_here() {
    let (workshop, graph) = graph(&new_garden());
    add(&graph, json!({ "page-title": "Soil" }), "mine").await;
    ask(&graph, Action::UpdateBlock, json!({ "block": { "uid": "cafeblock", "string": "changed" } })).await;
    let before = contents(&workshop.database());
    let told = imported_again(&workshop, &new_garden(), Existing::RehearseUpdate).unwrap();
    assert_eq!((told.kept, told.overwritten), (1, 1));
    assert_eq!(contents(&workshop.database()), before);
}

#[tokio::test]
async fn a_failed_or_rehearsed_replacement_changes_nothing() {
    let (workshop, graph) = graph(&new_garden());
    let before = contents(&workshop.database());
    std::fs::write(workshop.export(), "[{\"title\": \"A\"}, {").unwrap();
    for existing in [Existing::Update, Existing::Replace, Existing::Rehearse] {
        assert!(Embedded::import(&workshop.export(), &workshop.database(), existing, |_| {}).is_err());
    }
    import_again(&workshop, &json!([{ "title": "A" }]), Existing::Rehearse).unwrap();
    assert_eq!(contents(&workshop.database()), before);
    assert!(page(&graph, "Garden").await.contains("Beds"));
    std::fs::write(workshop.directory().join("foreign.db"), "not ours, and long enough to be looked at as a database file of SQLite, which has a header of one hundred bytes").unwrap();
    let foreign =
        Embedded::import(&workshop.export(), &workshop.directory().join("foreign.db"), Existing::Replace, |_| {});
    assert!(matches!(foreign, Err(ImportError::NotReplaced(_))));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_is_written_during_an_update_is_kept() {
    let (workshop, graph) = graph(&new_garden());
    let writer = tokio::spawn(async move {
        for n in 0..40 {
            add(&graph, json!({ "page-title": "Log" }), &format!("entry {n}")).await;
        }
        graph
    });
    let (export, database) = (workshop.export(), workshop.database());
    let updates = tokio::task::spawn_blocking(move || {
        for _ in 0..3 {
            Embedded::import(&export, &database, Existing::Update, |_| {}).unwrap();
        }
    });
    updates.await.unwrap();
    let graph = writer.await.unwrap();
    assert_eq!(texts(&graph, "Log").await.len(), 40);
    check(&workshop.database());
}

#[tokio::test]
async fn what_was_changed_or_deleted_here_is_not_lost_without_a_word() {
    let edits = [
        (Action::UpdateBlock, json!({ "block": { "uid": "cafeblock", "string": "changed" } }), (1, 0)),
        (Action::UpdateBlock, json!({ "block": { "uid": "cafeblock", "heading": 1 } }), (1, 0)),
        (
            Action::MoveBlock,
            json!({ "location": { "parent-uid": "soilpage1", "order": 0 }, "block": { "uid": "cafeblock" } }),
            (1, 0),
        ),
        (Action::DeleteBlock, json!({ "block": { "uid": "compareb1" } }), (0, 2)),
        // The title, and the two blocks that name it.
        (Action::UpdatePage, json!({ "page": { "uid": "soilpage1", "title": "Earth" } }), (3, 0)),
        (Action::DeletePage, json!({ "page": { "uid": "08-03-2026" } }), (0, 2)),
    ];
    for (action, edit, (changed, deleted)) in edits {
        let (workshop, graph) = graph(&new_garden());
        ask(&graph, action, edit.clone()).await;
        let before = contents(&workshop.database());
        let error = import_again(&workshop, &new_garden(), Existing::ReplaceUnchanged).unwrap_err();
        let ImportError::Changed { changes, .. } = error else { panic!("{edit}: {error}") };
        assert_eq!(changes, Changes { added: 0, changed, deleted }, "{edit}");
        assert_eq!(contents(&workshop.database()), before, "{edit}");

        // An export that has the edit takes nothing away, and an old one is loaded with a word about it.
        let whole: Value = serde_json::from_str(&export(&workshop.database())).unwrap();
        assert_eq!(imported_again(&workshop, &whole, Existing::Update).unwrap().overwritten, 0, "{edit}");
        import_again(&workshop, &new_garden(), Existing::Replace).unwrap();
        ask(&graph, action, edit.clone()).await;
        let told = imported_again(&workshop, &new_garden(), Existing::Update).unwrap();
        assert_eq!((told.kept, told.overwritten), (0, changed + deleted), "{edit}");
        import_again(&workshop, &new_garden(), Existing::ReplaceUnchanged).unwrap();
    }
}

#[tokio::test]
async fn a_shortcut_that_was_set_here_is_a_change() {
    let (workshop, graph) = graph(&new_garden());
    graph.invoke(Action::AddShortcut, vec![json!("gardenpag")]).await.unwrap();
    assert!(import_again(&workshop, &new_garden(), Existing::ReplaceUnchanged).is_err());
}

#[test]
fn an_update_gets_its_turn_beside_a_steady_writer() {
    use std::sync::atomic::{AtomicBool, Ordering};
    let (workshop, graph) = graph(&new_garden());
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let mut written = 0_i64;
            while !stop.load(Ordering::Relaxed) {
                runtime.block_on(add(&graph, json!({ "page-title": "Log" }), &format!("entry {written}")));
                written += 1;
            }
            written
        });
        for _ in 0..5 {
            let updated = Embedded::import(&workshop.export(), &workshop.database(), Existing::Update, |_| {});
            if updated.is_err() {
                stop.store(true, Ordering::Relaxed);
            }
            updated.unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        let written = writer.join().unwrap();
        let db = Connection::open(workshop.database()).unwrap();
        let kept: i64 =
            db.query_row("SELECT count(*) FROM node WHERE text LIKE 'entry %'", [], |row| row.get(0)).unwrap();
        assert_eq!(kept, written);
    });
    check(&workshop.database());
}

#[test]
fn a_database_that_is_locked_is_named_with_what_to_do() {
    let path = || "garden.sqlite".into();
    let error = anyhow::Error::new(ImportError::Busy { path: path() });
    assert_eq!(
        format!("{error:#}"),
        "another program is writing to garden.sqlite, and nothing was changed; try again, or stop `roam-mcp` where it serves this graph"
    );
    // What the system said is told once.
    let reason =
        rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_FULL), Some("no room".into()));
    let error = format!("{:#}", anyhow::Error::new(ImportError::Database { path: path(), reason }));
    assert_eq!(error.matches("no room").count(), 1, "{error}");
}
