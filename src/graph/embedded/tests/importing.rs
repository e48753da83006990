use std::path::{Path, PathBuf};

use serde_json::json;

use super::super::testing::{Workshop, graph, new_garden, old_garden};
use super::super::{Embedded, Existing, ImportError, OpenError, Source};
use super::page;

#[tokio::test]
async fn both_generations_of_exports_give_the_same_graph() {
    let (_old, old) = graph(&old_garden());
    let (_new, new) = graph(&new_garden());
    for title in ["Garden", "Soil", "August 3rd, 2026"] {
        assert_eq!(page(&old, title).await, page(&new, title).await);
    }
    assert!(page(&new, "Garden").await.contains(r#"uid="bedsblock" heading="2" childrenViewType="numbered""#));
}

#[test]
fn an_import_counts_what_it_brought_in() {
    let imported = Workshop::with(new_garden().to_string().as_bytes()).import().unwrap();
    // Mentioned and not there: sun and .rm-private. The link in the code is none.
    assert_eq!((imported.pages, imported.blocks, imported.mentioned, imported.repaired), (3, 9, 2, 0));
}

#[tokio::test]
async fn what_can_be_repaired_is_repaired() {
    let (workshop, graph) = graph(&json!([
        { "title": "August 3rd, 2026" },
        { "title": "No uids", "children": [
            { "string": "second", "order": 9 }, { "string": "first", "order": 4, "heading": 0 }, { "children": null },
        ] },
    ]));
    let text = page(&graph, "No uids").await;
    let texts: Vec<&str> = text.lines().skip(2).map(|line| line.split(" <roam").next().unwrap()).collect();
    assert_eq!(texts, ["- first", "- second", "- "]);
    assert!(page(&graph, "August 3rd, 2026").await.contains("uid=\"08-03-2026\""));
    drop(workshop);
}

#[test]
fn a_broken_export_is_refused_with_its_place_and_nothing_is_left_behind() {
    let good = new_garden().to_string();
    let table: &[(&[u8], &str)] = &[
        (b"", "has no pages"),
        (b"[]", "has no pages"),
        (b"{}", "line 1, column 1: expected an array of pages"),
        (&good.as_bytes()[..good.len() / 2], "the file ends in the middle"),
        (b"[{\"title\": \"A\"}] x", "after the page \"A\": trailing characters"),
        (b"[{\"title\": \"A\"}, {\"uid\": \"b\"}]", "after the page \"A\": this page has no title"),
        (b"[\n{\"title\": 5}]", "line 2, column 11: invalid type: integer `5`, expected a string"),
        (b"[{\"title\": \"A\", \"children\": [\"x\"]}]", "expected a page or a block as an object"),
        (b"[{\"title\": \"A\", \"children\": [{\"string\": [1]}]}]", "expected a string"),
        (
            b"[{\"title\": \"A\", \"uid\": \"u\"}, {\"title\": \"B\", \"uid\": \"u\"}]",
            "in the page \"B\": the uid \"u\" is there twice",
        ),
        (b"[{\"title\": \"A\", \"children\": [{\"heading\": true}]}]", "in the page \"A\": invalid type"),
        (b"[{\"title\": \"A\"}, {\"title\": \"A\"}]", "the page \"A\" is there twice"),
        (b"[{\"title\": \"\xff\"}]", "invalid unicode"),
        (
            &[b"[{\"title\": \"A\", \"children\":".to_vec(), b"[{\"children\":".repeat(500)].concat(),
            "in the page \"A\": blocks nest deeper than 250 levels",
        ),
    ];
    for (export, expected) in table {
        let workshop = Workshop::with(export);
        let error = workshop.import().unwrap_err().to_string();
        assert!(error.contains(expected) && error.contains("export.json"), "{expected}: {error}");
        let left: Vec<_> =
            std::fs::read_dir(workshop.directory()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(left, ["export.json"], "{expected}");
    }
}

#[test]
fn what_is_no_file_is_refused() {
    let workshop = Workshop::with(b"[]");
    let import = |export: &Path| Embedded::import(export, &workshop.database(), Existing::Keep, |_| {}).unwrap_err();
    assert!(matches!(import(workshop.directory()), ImportError::NotAFile { .. }));
    assert!(matches!(import(&workshop.directory().join("absent.json")), ImportError::Unreadable { .. }));
    let nowhere = workshop.directory().join("no/such/directory/graph.db");
    let error = Embedded::import(&workshop.export(), &nowhere, Existing::Keep, |_| {}).unwrap_err();
    assert!(matches!(error, ImportError::Unwritable { .. }), "{error}");
}

#[test]
fn a_database_is_never_replaced_and_a_stale_log_never_adopted() {
    let workshop = Workshop::with(new_garden().to_string().as_bytes());
    workshop.import().unwrap();
    assert!(matches!(workshop.import(), Err(ImportError::Exists { .. })));

    let other = Workshop::with(new_garden().to_string().as_bytes());
    std::fs::write(other.directory().join("graph.db-wal"), b"from another life").unwrap();
    assert!(matches!(other.import(), Err(ImportError::Exists { path }) if path.ends_with("graph.db-wal")));
}

#[test]
fn what_a_crash_left_is_removed_by_the_next_import_and_what_another_import_writes_is_not() {
    let workshop = Workshop::with(new_garden().to_string().as_bytes());
    let (left, written) =
        (workshop.directory().join(".importing-abc123"), workshop.directory().join(".importing-def456"));
    std::fs::write(&left, b"half a database").unwrap();
    let beside = |file: &Path| PathBuf::from(format!("{}-wal", file.display()));
    std::fs::write(beside(&left), b"").unwrap();
    std::fs::write(beside(&written), b"").unwrap();
    let other = std::fs::File::create(&written).unwrap();
    other.lock().unwrap();
    workshop.import().unwrap();
    workshop.open();
    assert!(!left.exists() && !beside(&left).exists());
    assert!(written.exists() && beside(&written).exists());
}

#[test]
fn an_import_reports_progress_up_to_the_end() {
    let workshop = Workshop::with(new_garden().to_string().as_bytes());
    let mut seen = Vec::new();
    Embedded::import(&workshop.export(), &workshop.database(), Existing::Keep, |progress| seen.push(progress)).unwrap();
    let last = seen.last().unwrap();
    assert_eq!((last.bytes, last.pages, last.blocks), (last.total, 3, 9));
}

#[cfg(unix)]
#[test]
fn the_database_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let workshop = Workshop::with(new_garden().to_string().as_bytes());
    workshop.import().unwrap();
    assert_eq!(workshop.database().metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_database_knows_the_export_it_was_made_from() {
    let workshop = Workshop::with(new_garden().to_string().as_bytes());
    workshop.import().unwrap();
    let known = Embedded::source(&workshop.database()).unwrap();
    assert_eq!(known, Source::of(&workshop.export()).unwrap());
    std::fs::write(workshop.export(), b"[]").unwrap();
    assert_ne!(known, Source::of(&workshop.export()).unwrap());
    assert_eq!(Embedded::source(&workshop.export()), None);
}

#[test]
fn a_file_that_is_not_ours_is_refused_and_left_alone() {
    let workshop = Workshop::with(b"[] and some more text, so that it is longer than a header of SQLite would be....");
    let before = std::fs::read(workshop.export()).unwrap();
    assert!(matches!(Embedded::open(&workshop.export()), Err(OpenError::NotAGraph { .. })));
    assert_eq!(std::fs::read(workshop.export()).unwrap(), before);
    assert!(matches!(Embedded::open(&workshop.database()), Err(OpenError::Unreachable { .. })));

    let foreign = rusqlite::Connection::open(workshop.database()).unwrap();
    foreign.execute_batch("CREATE TABLE t (x)").unwrap();
    assert!(matches!(Embedded::open(&workshop.database()), Err(OpenError::NotAGraph { .. })));
    foreign.execute_batch("PRAGMA application_id = 0x726f616d; PRAGMA user_version = 99").unwrap();
    assert!(matches!(Embedded::open(&workshop.database()), Err(OpenError::OtherVersion { found: 99, .. })));
}

#[test]
fn a_file_of_the_same_name_from_elsewhere_is_another_graph() {
    let workshop = Workshop::with(new_garden().to_string().as_bytes());
    let path = |name: &str| workshop.directory().join(name);
    let file = |name: &str, title: &str| {
        std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        std::fs::write(path(name), json!([{ "title": title }]).to_string()).unwrap();
        path(name)
    };
    let database = workshop.database();
    let (one, other) = (file("one/notes.json", "One"), file("other/notes.json", "The other"));
    let known = |export: &Path| Embedded::expect_source(&database, export);
    Embedded::import(&one, &database, Existing::Keep, |_| {}).unwrap();
    known(&one).unwrap();
    known(&path("one/../one/notes.json")).unwrap();
    let told = known(&other).unwrap_err().to_string();
    for part in ["one/notes.json", "--name OTHER", "--replace", "graph.db` goes on"] {
        assert!(told.contains(part), "{told}");
    }

    // A file that was moved is known by what it is; one that was written afresh is not.
    std::fs::create_dir(path("moved")).unwrap();
    std::fs::rename(&one, path("moved/notes.json")).unwrap();
    known(&path("moved/notes.json")).unwrap();
    known(&other).unwrap_err();

    // An update makes one graph of two exports, and a replacement leaves one of them.
    Embedded::import(&other, &database, Existing::Update, |_| {}).unwrap();
    known(&one).unwrap();
    known(&other).unwrap();
    Embedded::import(&other, &database, Existing::Replace, |_| {}).unwrap();
    known(&other).unwrap();
    assert!(matches!(known(&one), Err(OpenError::OtherSource { .. })));
}

#[tokio::test]
async fn half_an_emoji_and_a_deep_outline_are_no_reason_to_refuse_a_graph() {
    let deep = |levels: usize| {
        let (open, close) = (r#"{"string":"x","children":["#.repeat(levels), "]}".repeat(levels));
        format!(r#"[{{"title":"A \ud83d","uid":"page","children":[{open}{close}]}}]"#)
    };
    let workshop = Workshop::with(deep(250).as_bytes());
    assert_eq!(workshop.import().unwrap().blocks, 250);
    assert!(page(&workshop.open(), "A \u{fffd}").await.contains("- x"));
    let mut exported = Vec::new();
    Embedded::export(&workshop.database(), &mut exported).unwrap();
    assert_eq!(Workshop::with(&exported).import().unwrap().blocks, 250);
    let error = Workshop::with(deep(260).as_bytes()).import().unwrap_err().to_string();
    assert!(error.contains("deeper than 250 levels"), "{error}");
}

#[test]
fn a_graph_of_an_older_format_can_be_exported_and_is_not_replaced_without_a_word() {
    let workshop = Workshop::with(new_garden().to_string().as_bytes());
    workshop.import().unwrap();
    let export = || {
        let mut exported = Vec::new();
        Embedded::export(&workshop.database(), &mut exported).map(|_| String::from_utf8(exported).unwrap())
    };
    let before = export().unwrap();
    let db = rusqlite::Connection::open(workshop.database()).unwrap();
    db.execute_batch(
        "DROP TABLE user; DROP TABLE gone; DROP TABLE posting; DROP TABLE vocabulary; PRAGMA user_version = 2;",
    )
    .unwrap();
    assert_eq!(export().unwrap(), before);
    for existing in [Existing::Update, Existing::ReplaceUnchanged] {
        let error =
            Embedded::import(&workshop.export(), &workshop.database(), existing, |_| {}).unwrap_err().to_string();
        assert!(error.contains("roam-mcp export graph --out") && error.contains("--replace loses"), "{error}");
    }
    db.pragma_update(None, "user_version", 99).unwrap();
    assert!(export().unwrap_err().to_string().contains("a newer one"));
}
