//! The other forms of an export: EDN, and the zip that Roam offers.

use std::io::Write as _;

use serde_json::json;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::super::testing::{Workshop, new_garden};
use super::super::{Embedded, Existing};
use super::invariants::check;
use super::{Action, ask, page, texts};

/// Roam's database of a small garden. The facts of one block stand apart, as they may.
const EDN: &str = r#"#datascript/DB {:schema {:block/uid {:db/unique :db.unique/identity}, :block/refs {:db/cardinality :db.cardinality/many}}
, :datoms [[1 :user/uid "annuser" 536870913] [1 :user/display-name "Ann" 536870913]
[2 :block/uid "gardenpag" 536870914] [2 :node/title "Garden" 536870914] [2 :block/children 3 536870914] [2 :block/children 4 536870914]
[2 :create/time 1000 536870914] [2 :create/user 1 536870914] [2 :page/sidebar 0 536870914]
[3 :block/string "Roses need [[Soil]]\nand \"sun\" \u00e9" 536870915] [3 :block/uid "rosesblok" 536870915] [3 :block/order 1 536870915] [3 :block/parents 2 536870915]
[4 :block/string "Beds" 536870915] [4 :block/uid "bedsblock" 536870915] [4 :block/order 0 536870915] [4 :block/heading 2 536870915]
[4 :block/open false 536870915] [4 :children/view-type :numbered 536870915] [4 :block/children 6 536870915] [4 :block/props {:color "red"} 536870915]
[5 :node/title "Soil" 536870916] [5 :block/uid "soilpage1" 536870916] [5 :window/filters {:includes #{"a"}} 536870916]
[6 :block/uid "deepblock" 536870916] [6 :block/order 0 536870916] [6 :block/refs 3 536870916]
[7 :log/id 1785715200000 536870917] [7 :node/title "August 3rd, 2026" 536870917] [7 :block/uid "08-03-2026" 536870917]
[6 :block/string "see ((rosesblok))" 536870917]]}"#;

fn zipped(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut zip = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, contents) in files {
        zip.start_file(*name, SimpleFileOptions::default()).unwrap();
        zip.write_all(contents).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn an_edn_export_is_the_same_graph() {
    let workshop = Workshop::with(EDN.as_bytes());
    let imported = workshop.import().unwrap();
    assert_eq!((imported.pages, imported.blocks, imported.mentioned), (3, 3, 0));
    check(&workshop.database());
    let graph = workshop.open();
    let garden = page(&graph, "Garden").await;
    let expected = "# Garden <roam uid=\"gardenpag\"/>\n\n- Beds <roam uid=\"bedsblock\" heading=\"2\" childrenViewType=\"numbered\"/>\n";
    assert!(garden.starts_with(expected), "{garden}");
    assert_eq!(texts(&graph, "Garden").await[2..], ["- Roses need [[Soil]]", "  and \"sun\" é"]);
    let guidelines = ask(&graph, Action::GetGraphGuidelines, json!({})).await;
    assert_eq!(guidelines["starredPages"], json!(["Garden"]));
    let found = ask(&graph, Action::RoamQuery, json!({ "query": "((rosesblok))" })).await;
    assert_eq!(found["results"][0]["uid"], "deepblock");
}

#[tokio::test]
async fn a_zip_of_either_is_unpacked() {
    let json = new_garden().to_string();
    for (name, contents) in [("garden.json", json.as_bytes()), ("backup/garden.EDN", EDN.as_bytes())] {
        let workshop =
            Workshop::with(&zipped(&[("readme.md", b"notes"), (name, contents), ("__MACOSX/._garden.json", b"x")]));
        workshop.import().unwrap();
        assert!(page(&workshop.open(), "Garden").await.contains("Beds"), "{name}");
    }
}

#[test]
fn a_broken_form_is_refused_with_its_place_and_nothing_is_left_behind() {
    let bomb = zipped(&[("bomb.json", &vec![b' '; 70 << 20])]);
    let loop_of_blocks = r#"#d/DB {:datoms [[1 :node/title "A" 1] [1 :block/children 2 1] [1 :block/children 2 1] [2 :block/children 2 1] [2 :block/uid "x" 1]]}"#;
    let table: Vec<(Vec<u8>, &str)> = vec![
        (EDN.as_bytes()[..EDN.len() / 2].to_vec(), "line 6, column 32: the file ends in the middle"),
        (b"#datascript/DB {:schema {}}".to_vec(), "no `:datoms`"),
        (b"#datascript/DB {:datoms [[1 2 3]]}".to_vec(), "a fact is"),
        (b"#datascript/DB {:datoms [[1 :node/title \"A\" 1]]} x".to_vec(), "goes on after its end"),
        (b"#datascript/DB {:datoms []}".to_vec(), "has no pages"),
        (
            b"#datascript/DB {:datoms [[1 :node/title \"A\" 1]\n [2 :block/string 77 1]]}".to_vec(),
            "line 2, column 24: `:block/string` of the entity 2 is a text, and this is 77",
        ),
        (b"#datascript/DB {:datoms [[2 :block/open 1 1]]}".to_vec(), "is true or false, and this is 1"),
        (
            b"#datascript/DB {:datoms [[2 :block/string \"a\" 1] [3 :block/uid \"c\" 1] [2 :block/string \"b\" 1]]}".to_vec(),
            "the entity 2 has a second `:block/string`: \"b\"",
        ),
        (
            b"#datascript/DB {:datoms [[1 :node/title \"A\" 1] [1 :block/children 2 1] [2 :block/children 1 1] [2 :block/uid \"x\" 1]]}".to_vec(),
            "the page \"A\" is below itself",
        ),
        (
            b"#datascript/DB {:datoms [[1 :node/title \"A\" 1] [2 :node/title \"A\" 1]]}".to_vec(),
            "after the page \"A\": the page \"A\" is there twice",
        ),
        (loop_of_blocks.as_bytes().to_vec(), "the entity 2 is below two others"),
        (b"PK\x03\x04 and no more".to_vec(), "this zip cannot be read"),
        (zipped(&[("notes.md", b"x")]), "choose JSON or EDN"),
        (zipped(&[("a.json", b"[]"), ("b.edn", b"{}")]), "more than one export"),
        (bomb, "no export of Roam"),
        (zipped(&[("a.json", b"[{\"title\": 5}]")]), "line 1, column"),
    ];
    for (export, expected) in table {
        let workshop = Workshop::with(&export);
        let error = workshop.import().unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("export.json"), "{expected}: {error}");
        let left: Vec<_> =
            std::fs::read_dir(workshop.directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["export.json"], "{expected}");
    }
}

#[tokio::test]
async fn edn_tells_who_people_are_and_more_of_blocks_than_is_read_here() {
    let edn = r#"#datascript/DB {:datoms [[1 :node/title "Garden" 1] [1 :block/uid "garden" 1] [1 :block/children 2 1]
        [2 :block/uid "roses" 1] [2 :block/string "Roses" 1] [2 :create/user 9 1] [2 :create/time 5 1] [2 :block/refs 1 1]
        [2 :ent/emojis [{:emoji {:native "x"}}] 1] [2 :vendor/tags 5 1] [2 :vendor/tags 6 1] [2 :vendor/tags 5 1] [2 :block/view-type :side 1] [2 :vendor/mark 7 1]
        [9 :user/uid "jane-uid" 1] [9 :user/display-name "Jane Doe" 1] [9 :user/email "jane@example.com" 1]]}"#;
    let workshop = Workshop::with(edn.as_bytes());
    assert_eq!(workshop.import().unwrap().astray, 0);
    let graph = workshop.open();
    for query in ["{created-by: [[Jane Doe]]}", "{by: [[jane-uid]]}"] {
        let found = ask(&graph, Action::RoamQuery, json!({ "query": query })).await;
        assert_eq!(found["results"][0]["uid"], "roses", "{query}: {found}");
    }
    for (query, expected) in [
        ("[:find ?n . :where [?u :user/display-name ?n]]", "Jane Doe"),
        ("[:find ?n . :where [?u :user/display-name \"Jane Doe\"] [?u :user/uid ?n]]", "jane-uid"),
        ("[:find ?n . :where [_ :create/user ?u] [?u :user/display-name ?n]]", "Jane Doe"),
    ] {
        assert_eq!(graph.invoke(Action::Query, vec![json!(query)]).await.unwrap(), expected, "{query}");
    }
    let db = rusqlite::Connection::open(workshop.database()).unwrap();
    let text = |sql: &str| db.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    assert_eq!(text("SELECT uid || name || extra FROM user"), r#"jane-uidJane Doe{":user/email":"jane@example.com"}"#);
    assert_eq!(
        text("SELECT extra FROM node WHERE uid = 'roses'"),
        r#"{":ent/emojis":[{":emoji":{":native":"x"}}],":vendor/tags":[5,6],":block/view-type":":side",":vendor/mark":7}"#
    );
    // And they go out with an export and come back.
    let mut exported = Vec::new();
    Embedded::export(&workshop.database(), &mut exported).unwrap();
    let again = Workshop::with(&exported);
    again.import().unwrap();
    let people = |path: &std::path::Path| {
        let db = rusqlite::Connection::open(path).unwrap();
        db.query_row("SELECT group_concat(uid || name || extra) FROM user", [], |row| row.get::<_, String>(0)).unwrap()
    };
    assert_eq!(people(&again.database()), people(&workshop.database()));
    // They outlive an export that says nothing of them.
    drop(db);
    std::fs::write(workshop.export(), r#"[{ "title": "Garden", "uid": "garden" }]"#).unwrap();
    Embedded::import(&workshop.export(), &workshop.database(), Existing::Update, |_| {}).unwrap();
    let db = rusqlite::Connection::open(workshop.database()).unwrap();
    assert_eq!(db.query_row("SELECT count(*) FROM user", [], |row| row.get::<_, i64>(0)).unwrap(), 1);
}

#[test]
fn blocks_below_no_page_are_counted() {
    let edn = r#"#datascript/DB {:datoms [[1 :node/title "A" 1] [1 :block/uid "a" 1] [1 :block/children 2 1]
        [2 :block/uid "b" 1] [2 :block/string "x" 1] [3 :block/uid "c" 1] [3 :block/string "astray" 1] [3 :block/children 4 1]
        [4 :block/string "with it" 1]]}"#;
    let imported = Workshop::with(edn.as_bytes()).import().unwrap();
    assert_eq!((imported.pages, imported.blocks, imported.astray), (1, 1, 2));
}

#[test]
fn a_zip_of_a_graph_that_packs_very_well_is_read() {
    let blocks = vec![json!({ "string": "the same again" }); 100_000];
    let export = json!([{ "title": "A", "children": blocks }]).to_string();
    assert_eq!(Workshop::with(&zipped(&[("a.json", export.as_bytes())])).import().unwrap().blocks, 100_000);
}

#[test]
fn progress_through_the_facts_is_told_to_the_end() {
    let pages: String = (1..200).map(|n| format!("[{n} :node/title \"page {n}\" 1]")).collect();
    let workshop = Workshop::with(format!("#datascript/DB {{:datoms [{pages}]}}").as_bytes());
    let mut seen = Vec::new();
    Embedded::import(&workshop.export(), &workshop.database(), Existing::Keep, |progress| seen.push(progress)).unwrap();
    assert!(seen.iter().any(|at| at.pages > 0 && at.bytes < at.total), "{seen:?}");
    assert!(seen.iter().all(|at| at.bytes <= at.total) && seen.is_sorted_by_key(|at| at.bytes), "{seen:?}");
}
