//! A process that is killed in the middle of writing loses nothing that it was told is stored.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::super::testing::{Workshop, graph, new_garden};
use super::super::{Action, Embedded, Existing};
use super::invariants::check;
use super::{ask, texts};

/// Names the database for the process that is killed.
const DATABASE: &str = "ROAM_MCP_TEST_CRASH_DATABASE";

/// Not a test by itself: what the killed process runs. It says each time that something is stored.
#[test]
fn writer_that_is_killed() {
    let Some(database) = std::env::var_os(DATABASE).map(PathBuf::from) else { return };
    let graph = Embedded::open(&database).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for n in 0.. {
        let argument =
            json!({ "location": { "page-title": "Log" }, "markdown-string": format!("- entry {n}\n  - [[Soil]] {n}") });
        runtime.block_on(ask(&graph, Action::BlockFromMarkdown, argument));
        // Past the capture of the test harness.
        let mut out = std::fs::OpenOptions::new().append(true).open("/dev/stdout").unwrap();
        writeln!(out, "stored {n}").unwrap();
    }
}

/// Not a test by itself: an import that never gets past its first page.
#[test]
fn import_that_is_killed() {
    let Some(database) = std::env::var_os(DATABASE).map(PathBuf::from) else { return };
    let export = database.with_file_name("export.json");
    let stuck = |_| {
        let mut out = std::fs::OpenOptions::new().append(true).open("/dev/stdout").unwrap();
        writeln!(out, "stored a page").unwrap();
        loop {
            std::thread::park();
        }
    };
    Embedded::import(&export, &database, Existing::Keep, stuck).unwrap();
}

#[test]
fn an_import_that_is_killed_leaves_nothing_that_the_next_one_does_not_clear_away() {
    let workshop = Workshop::with(new_garden().to_string().as_bytes());
    let files = || -> Vec<String> {
        let entries = std::fs::read_dir(workshop.directory()).unwrap();
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    };
    let mut child = child("import_that_is_killed", &workshop);
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
    assert!(lines.any(|line| line.starts_with("stored")));
    // While it runs, another import leaves its file alone.
    let other = workshop.directory().join("other.db");
    Embedded::import(&workshop.export(), &other, Existing::Keep, |_| {}).unwrap();
    assert!(files().iter().any(|file| file.starts_with(".importing-")) && !workshop.database().exists());
    child.kill().unwrap();
    child.wait().unwrap();
    workshop.import().unwrap();
    check(&workshop.database());
    assert!(!files().iter().any(|file| file.starts_with(".importing-")), "{:?}", files());
}

/// Runs one of the functions above in a process of its own.
fn child(test: &str, workshop: &Workshop) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", &format!("graph::embedded::tests::crash::{test}"), "--nocapture"])
        .env(DATABASE, workshop.database())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_killed_process_loses_nothing_and_two_processes_share_a_graph() {
    let (workshop, graph) = graph(&new_garden());
    let mut stored = 0;
    for round in 0..3 {
        let mut child = child("writer_that_is_killed", &workshop);
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        for line in lines.map_while(Result::ok).filter(|line| line.starts_with("stored")).take(10 + round) {
            assert!(line.starts_with("stored"));
            stored += 1;
            // This process writes between the other's writes.
            ask(
                &graph,
                Action::BlockFromMarkdown,
                json!({ "location": { "page-title": "Other" }, "markdown-string": "x" }),
            )
            .await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        check(&workshop.database());
        let log = texts(&graph, "Log").await;
        let entries = log.iter().filter(|line| line.starts_with("- entry")).count();
        // The last one may be stored and not have been told of any more; the next round begins with it.
        assert!(entries >= stored && log.len() == 2 * entries, "{entries} entries, {stored} told");
        stored = entries;
    }
    assert_eq!(texts(&workshop.open(), "Other").await.len(), 33);
}
