//! The record of who did what.

use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use crate::support::home::Home;
use crate::support::mcp::{bearer, call, search};
use crate::support::tailnet::tailnet;
use crate::support::{PATIENCE, eventually};

/// Runs `roam-mcp audit …` and returns its exit code and what it printed.
fn audit(home: &Home, args: &[&str]) -> (i32, String) {
    let output = home.run(&[&["audit"], args].concat());
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

fn records(home: &Home, args: &[&str]) -> Vec<Value> {
    let (code, text) = audit(home, &[&["search", "--json"], args].concat());
    assert_eq!(code, 0, "{text}");
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[tokio::test]
async fn every_call_is_on_record_with_who_made_it_and_how_it_ended() {
    let reader = json!({"alice-laptop": {"roam-mcp.internal/cap/roam-mcp": [{"access": "read-only"}]}});
    tailnet().allow("recorded", json!({"caps": reader})).await;
    let home = Home::new("recorded");
    let node = home.node().await;
    let write = json!({"pageTitle": "Walnut", "markdown": "A note that the digest stands for."});
    node.public_from("203.0.113.77").await.tool(&node.secret_path(), "create_block", write.clone()).await;
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    let alice = node.user("alice@example.com").await;
    alice.post("/mcp", &call("create_block", write)).await.expect(200);
    node.public().post("/mcp", &search("x")).await.expect(401);

    eventually("the last outcome is on record", async || {
        (records(&home, &["--tool", "search"]).len() == 2).then_some(())
    })
    .await;
    let written = records(&home, &["--tool", "create_block", "--caller", "path-secret"]);
    let [decision, outcome] = written.as_slice() else { panic!("{written:?}") };
    assert_eq!((&decision["event"], &decision["allowed"]), (&json!("decision"), &json!(true)));
    assert_eq!((&decision["plane"], &decision["source"]), (&json!("funnel"), &json!("203.0.113.77")));
    assert_eq!((&outcome["event"], &outcome["failed"]), (&json!("outcome"), &json!(false)));
    assert_eq!(decision["call"], outcome["call"]);
    assert_eq!(decision["rule"], "their credential");
    assert_eq!(decision["arguments"].as_str().unwrap().len(), 64);

    let denied = eventually("the refusal is on record", async || {
        Some(records(&home, &["--denied"])).filter(|denied| denied.len() == 2)
    })
    .await;
    assert_eq!(denied[0]["who"]["login"], "alice@example.com", "{denied:?}");
    assert_eq!(denied[0]["rule"], "no rule allows it");
    assert_eq!((&denied[1]["event"], &denied[1]["status"]), (&json!("refused"), &json!(401)));

    let file = std::fs::read_to_string(home.state_dir().join("audit/audit.jsonl")).unwrap();
    for secret in [node.path_secret.as_str(), &node.token, "that the digest stands for"] {
        assert!(!file.contains(secret), "{secret} is in the log");
    }
    let (code, text) = audit(&home, &["verify"]);
    assert!(code == 0 && text.contains("none changed"), "{text}");
}

#[tokio::test]
async fn a_changed_record_is_found_and_a_restart_goes_on_behind_the_last_one() {
    let home = Home::new("tampered");
    for _ in 0..2 {
        let node = home.node().await;
        node.owner_plain().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
        node.process.stop(std::time::Duration::from_secs(20)).await;
        assert_eq!(audit(&home, &["verify"]).0, 0);
    }
    let path = home.state_dir().join("audit/audit.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"search\"", "\"delete\"", 1)).unwrap();
    let (code, text) = audit(&home, &["verify"]);
    assert!(code == 6 && text.contains("audit.jsonl, line "), "{code}: {text}");
}

#[tokio::test]
async fn a_write_whose_caller_has_left_is_waited_for_at_the_end_and_is_on_record() {
    let home = Home::new("outlived");
    let node = home.node().await;
    let files = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/picture.png", files.local_addr().unwrap());
    let mut caller = home.command().args(["call", "file_upload", "--url", &url]).spawn().unwrap();
    let (mut download, _) = tokio::time::timeout(PATIENCE, files.accept()).await.unwrap().unwrap();
    caller.kill().unwrap();
    caller.wait().unwrap();

    node.process.signal(Signal::TERM);
    node.process.logs("stopping").await;
    download.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\npng").await.unwrap();
    assert_eq!(node.process.exited(PATIENCE).await.code(), Some(0), "{}", node.process.stderr());
    let uploads = records(&home, &["--tool", "file_upload"]);
    assert_eq!(uploads.last().unwrap()["event"], "outcome", "{uploads:?}");
}

#[tokio::test]
async fn a_log_whose_end_was_cut_off_is_told_by_verify_and_by_status_also_after_the_next_start() {
    let home = Home::new("cut-log");
    let node = home.node().await;
    node.owner_plain().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    node.process.stop(std::time::Duration::from_secs(20)).await;
    let (_, whole) = audit(&home, &["verify"]);
    let head = whole.rsplit(' ').next().unwrap().trim();
    assert!(node.process.stderr().contains(head), "the head is in the program's own log: {}", node.process.stderr());

    let path = home.state_dir().join("audit/audit.jsonl");
    let text = std::fs::read_to_string(&path).unwrap();
    let kept: Vec<_> = text.lines().take(text.lines().count() - 2).collect();
    std::fs::write(&path, kept.join("\n") + "\n").unwrap();
    assert_eq!(audit(&home, &["verify"]).0, 6);
    let node = home.node().await;
    let problems = node.process.status()["problems"].to_string();
    assert!(problems.contains("not as it was written"), "{problems}");
    node.process.stop(std::time::Duration::from_secs(20)).await;
    let (code, text) = audit(&home, &["verify"]);
    assert!(code == 6 && text.contains("the last records were gone"), "{code}: {text}");
    assert_eq!(audit(&home, &["verify", "--head", head]).0, 6, "a head that was kept elsewhere is not there");
}

#[tokio::test]
async fn a_right_credential_from_a_wrong_address_is_on_record_by_its_name_whatever_a_flood_hides() {
    let home = Home::new("stolen");
    let token = home.add_bearer(&["claude", "--access", "full", "--sources", "192.0.2.0/24"]);
    let node = home.node().await;
    let thief = node.public_from("203.0.113.66").await;
    for _ in 0..40 {
        thief.post("/wrong/mcp", &search("x")).await.expect(404);
    }
    thief.send(bearer(thief.post_request("/mcp", &search("x")), &token)).await.expect(401);
    node.process.stop(std::time::Duration::from_secs(20)).await;
    let by_name = records(&home, &["--caller", "claude"]);
    let [denied] = by_name.as_slice() else { panic!("{by_name:?}") };
    assert_eq!((&denied["source"], &denied["allowed"]), (&json!("203.0.113.66"), &json!(false)));
    assert_eq!(denied["rule"], "the credential is not for that source");
    let flood = records(&home, &["--denied"]);
    let left_out: u64 = flood.iter().filter_map(|record| record["requests"].as_u64()).sum();
    let refused = flood.iter().filter(|record| record["event"] == "refused").count() as u64;
    assert_eq!(refused + left_out, 41, "all are counted at the end: {flood:?}");
}

#[tokio::test]
async fn what_the_operator_changes_and_asks_for_is_on_record_and_so_is_a_tool_that_is_none() {
    let home = Home::new("changes");
    let node = home.node().await;
    let token = home.add_bearer(&["claude", "--access", "read-only"]);
    let public = node.public();
    eventually("the credential is taken over", async || {
        let reply = public.send(bearer(public.post_request("/mcp", &call("no_such_tool", json!({}))), &token)).await;
        (reply.status == 200).then_some(())
    })
    .await;
    home.command().args(["credentials", "revoke", "claude"]).output().unwrap();
    home.command().args(["status", "--show-secrets"]).output().unwrap();
    home.config("# Other rules.");
    let all = eventually("all of it is on record", async || {
        let all = records(&home, &[]);
        let has = |what: &str| all.iter().any(|record| record.to_string().contains(what));
        let told = ["add claude", "revoke claude", "status --show-secrets", "there is no such tool"];
        let rules = all.iter().filter(|record| record["file"] == "config.toml").count();
        (told.into_iter().all(has) && rules == 2).then_some(all)
    })
    .await;
    assert!(all.iter().any(|record| record["tool"] == "no_such_tool" && record["who"]["credential"] == "claude"));
}
