//! A node whose Go side a test plays.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;

use clap::Parser;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::cli::{Cli, Command};

/// What the Go side says to a request, and whether it goes on after that.
struct Said {
    lines: Vec<Value>,
    goes_on: bool,
}

fn result(request: &Value, result: &Value) -> Said {
    Said { lines: vec![json!({"id": request["id"], "result": result})], goes_on: true }
}

fn refused(request: &Value, kind: &str) -> Said {
    Said { lines: vec![json!({"id": request["id"], "error": {"kind": kind, "message": "no"}})], goes_on: true }
}

/// A node that runs, and gets neither a certificate nor its public door.
fn works(request: &Value) -> Said {
    match request["op"].as_str().unwrap() {
        "up" | "status" => {
            let record = json!({
                "state": "Running", "name": "roam.example.ts.net", "https": true, "funnel": true, "funnel_ports": [443],
            });
            result(request, &record)
        }
        "certificate" => refused(request, "certificate"),
        "listen" if request["kind"] == "funnel" => refused(request, "funnel_unavailable"),
        "query_feature" => result(request, &json!({"text": "", "url": ""})),
        _ => result(request, &json!({})),
    }
}

fn settings(dir: &TempDir) -> (Settings, StateDir) {
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    std::fs::write(path("notes.json"), r#"[{"title": "Squirrels"}]"#).unwrap();
    std::fs::write(path("config.toml"), "# No rules.\n").unwrap();
    let line = ["roam-mcp", "up", "--graph", &path("notes.json"), "--config", &path("config.toml")];
    let Some(Command::Up(args)) = Cli::try_parse_from(line).unwrap().command else { unreachable!() };
    let state = StateDir::open(&dir.path().join("state")).unwrap();
    let settings = Settings::new(*args).unwrap();
    (Settings { roam_tools: dir.path().join("roam-tools.json"), ..settings }, state)
}

/// How a node ends whose Go side answers with `script`.
async fn ends(stop: CancellationToken, script: impl Fn(&Value) -> Said + Send + 'static) -> Result<(), UpError> {
    let dir = tempfile::tempdir().unwrap();
    let (settings, state) = settings(&dir);
    let (ours, theirs) = UnixStream::pair().unwrap();
    std::thread::spawn(move || {
        let mut writer = theirs.try_clone().unwrap();
        for line in BufReader::new(theirs).lines() {
            let said = script(&serde_json::from_str(&line.unwrap()).unwrap());
            for line in said.lines {
                // The other side may have ended meanwhile.
                let _ = writeln!(writer, "{line}");
            }
            if !said.goes_on {
                return;
            }
        }
    });
    let up = up_until(stop, Arc::default(), settings, state, async |_: &NodeConfig| Node::played(ours));
    tokio::time::timeout(Duration::from_secs(30), up).await.expect("it ends")
}

#[tokio::test]
async fn a_go_side_that_ends_by_itself_ends_the_program_with_an_error_whatever_it_is_at() {
    for last in ["up", "listen", "query_feature", "status"] {
        let ended = ends(CancellationToken::new(), move |request| {
            let goes_on = request["op"] != last;
            Said { goes_on, ..works(request) }
        });
        let told = ended.await.expect_err(last).to_string();
        assert!(told.contains("ended"), "after `{last}`: {told}");
    }
}

#[tokio::test]
async fn a_go_side_that_ends_before_it_has_joined_is_an_error_too() {
    let ended = ends(CancellationToken::new(), |_| Said { lines: Vec::new(), goes_on: false });
    let told = ended.await.unwrap_err().to_string();
    assert!(told.contains("ended"), "{told}");
}

#[tokio::test]
async fn a_listener_that_ends_by_itself_ends_the_program_with_an_error() {
    let tailnet = ("tailnet", "the listener on port 443 of the tailnet ended by itself");
    for (kind, told) in [tailnet, ("funnel", "the public door ended by itself")] {
        let ended = ends(CancellationToken::new(), move |request| {
            if request["op"] != "listen" || request["kind"] != kind || request["port"] != 443 {
                return works(request);
            }
            let closed = json!({"event": "listener_closed", "listener": request["listener"], "message": "closed"});
            let mut said = result(request, &json!({}));
            said.lines.push(closed);
            said
        });
        let error = ended.await.unwrap_err().to_string();
        assert!(error.contains(told), "{error}");
    }
}

#[tokio::test]
async fn an_end_that_was_asked_for_is_a_good_one() {
    let stop = CancellationToken::new();
    let asked = stop.clone();
    let ended = ends(stop, move |request| {
        let said = works(request);
        if request["op"] == "status" {
            asked.cancel();
        }
        Said { goes_on: request["op"] != "close", ..said }
    });
    ended.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_does_not_close_is_left_to_the_end_of_the_process() {
    let (ours, _theirs) = UnixStream::pair().unwrap();
    let (node, _events) = Node::played(ours).unwrap();
    let began = tokio::time::Instant::now();
    tokio::time::timeout(CLOSE * 2, close(&node)).await.expect("there is a deadline");
    assert_eq!(began.elapsed(), CLOSE);
}
