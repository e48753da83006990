//! Files that are broken or in the way.

use std::path::Path;
use std::time::Duration;

use serde_json::json;

use crate::support::home::Home;
use crate::support::mcp::search;
use crate::support::process::Exit;

/// The start failed for a reason that names what and how to go on.
fn assert_explained(exit: &Exit, wanted: &[&str]) {
    assert_eq!(exit.code, Some(1), "{exit:?}");
    for wanted in wanted {
        assert!(exit.stderr.contains(wanted), "{wanted:?} is not in {}", exit.stderr);
    }
}

#[tokio::test]
async fn a_state_dir_that_cannot_be_is_named_with_the_way_out() {
    let home = Home::new("stateless");
    std::fs::write(home.path("file"), "in the way").unwrap();
    for dir in [home.path("file"), home.path("file/inner"), "/proc/roam-mcp".into()] {
        let exit = home.up().args(&["--state-dir", dir.to_str().unwrap()]).exit().await;
        assert_explained(&exit, &[dir.to_str().unwrap(), "--state-dir"]);
    }
    std::fs::create_dir(home.state_dir()).unwrap();
    std::fs::write(home.state_dir().join("node"), "in the way").unwrap();
    assert_explained(&home.up().exit().await, &["state/node", "--state-dir"]);
}

#[tokio::test]
async fn a_broken_export_is_named_with_the_place_and_leaves_nothing_behind() {
    let home = Home::new("misprint");
    let export = home.path("notes.json");
    let good = std::fs::read_to_string(&export).unwrap();
    for broken in ["", "{", "null", "[{\"title\": 5}]", "hello", &good[..good.len() / 2], "[{\"title\": \"A\"}] ]"] {
        std::fs::write(&export, broken).unwrap();
        let exit = home.up().exit().await;
        assert_explained(&exit, &[export.to_str().unwrap()]);
        assert!(exit.stderr.contains("line") || exit.stderr.contains("page"), "where? {}", exit.stderr);
        assert_eq!(std::fs::read_dir(home.state_dir().join("graphs")).unwrap().count(), 0, "{broken}");
    }
    std::fs::write(&export, good).unwrap();
    home.node().await;
}

#[tokio::test]
async fn a_stop_while_an_export_loads_is_heard_and_leaves_nothing_behind() {
    let home = Home::new("impatient");
    let export = home.path("notes.json");
    let small = std::fs::read(&export).unwrap();
    let blocks: Vec<_> =
        (0..300_000).map(|n| json!({"uid": format!("u{n:08}"), "string": format!("block {n}")})).collect();
    std::fs::write(&export, json!([{"title": "Long", "uid": "long-page", "children": blocks}]).to_string()).unwrap();
    let process = home.up().process();
    process.prints("Loading").await;
    assert_eq!(process.stop(Duration::from_secs(10)).await.code(), Some(0), "{}", process.stderr());
    assert!(!process.stdout().contains("Loaded"), "it was too quick to be stopped: {}", process.stdout());

    std::fs::write(&export, small).unwrap();
    let node = home.node().await;
    let found = node.owner_plain().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    assert!(found.to_string().contains("squirrels"), "{found}");
    assert_eq!(
        std::fs::read_dir(home.state_dir().join("graphs"))
            .unwrap()
            .filter(|entry| { entry.as_ref().unwrap().path().extension().is_some_and(|kind| kind == "sqlite") })
            .count(),
        1
    );
}

#[tokio::test]
async fn an_export_that_is_not_there_is_named() {
    let home = Home::new("bookless");
    for graph in [home.path("none.json"), home.path("home")] {
        let exit = home.up().graph(&graph).exit().await;
        assert_explained(&exit, &[graph.to_str().unwrap()]);
    }
}

#[tokio::test]
async fn an_export_that_changed_is_mentioned_and_what_was_added_stays() {
    let home = Home::new("revised");
    let first = home.node().await;
    let block = json!({"pageTitle": "Visitors", "markdown": "a hedgehog came by"});
    first.owner().await.tool("/mcp", "create_block", block).await;
    first.process.kill().await;
    std::fs::write(home.path("notes.json"), "[{\"title\": \"Other\", \"uid\": \"otherPg01\"}]").unwrap();
    let second = home.node().await;
    let log = second.process.logs("notes.json has changed since it was loaded").await;
    assert!(log.contains("`roam-mcp import") && log.contains("--update"), "{log}");
    assert!(second.owner().await.tool("/mcp", "search", json!({"query": "hedgehog"})).await.contains("came by"));
}

#[tokio::test]
async fn a_broken_tools_file_is_named_and_stays_as_it_is() {
    let home = Home::new("mistooled");
    let file = home.path("home/.roam-tools.json");
    for broken in ["{", "[]", "{\"version\": 99}", "{\"http\": {\"token\": 5}}"] {
        std::fs::write(&file, broken).unwrap();
        assert_explained(&home.up().exit().await, &[file.to_str().unwrap()]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), broken);
    }
}

#[tokio::test]
async fn the_tools_file_can_switch_the_secret_path_off_and_add_names() {
    let home = Home::new("configured");
    let token = "a-token-of-my-own";
    let file = json!({"graphs": [], "http": {"token": token, "allowedHosts": ["notes.example"]}, "mine": 1});
    std::fs::write(home.path("home/.roam-tools.json"), file.to_string()).unwrap();
    let node = home.node().await;
    assert!(node.process.status()["urls"]["public_secret"].is_null());
    let public = node.public();
    for path in ["//mcp", "/mcp/", &format!("/{token}/mcp"), "/null/mcp"] {
        public.post(path, &search("x")).await.expect(404);
    }
    public.send(crate::support::mcp::bearer(public.post_request("/mcp", &search("x")), token)).await.expect(200);
    let mut plain = node.owner_plain().await;
    plain.host = "notes.example".to_owned();
    plain.post("/mcp", &search("x")).await.expect(200);
    let kept = std::fs::read_to_string(home.path("home/.roam-tools.json")).unwrap();
    assert_eq!(kept, file.to_string());
}

#[tokio::test]
async fn a_key_file_that_is_missing_or_empty_is_named() {
    let home = Home::new("keyless");
    std::fs::write(home.path("empty"), "\n").unwrap();
    for (file, code, wanted) in [("none", 1, "none"), ("empty", 2, "--auth-key-file")] {
        let file = home.path(file);
        let file: &Path = &file;
        let exit = home.up().without_key().arg("--auth-key-file").arg(file).exit().await;
        assert!(exit.code == Some(code) && exit.stderr.contains(wanted), "{exit:?}");
    }
}
