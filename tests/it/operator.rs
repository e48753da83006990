//! What the operator sees.

use std::process::Output;
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::home::{Home, mode};
use crate::support::tailnet::tailnet;

const SOON: Duration = Duration::from_secs(10);

fn status(home: &Home, args: &[&str]) -> Output {
    home.command().arg("status").args(args).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test]
async fn secrets_are_shown_only_on_request_and_files_are_private() {
    let home = Home::new("secretive");
    let node = home.node().await;
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    node.public().tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
    let masked = status(&home, &[]);
    let shown = text(&status(&home, &["--show-secrets"]).stdout);
    assert!(masked.status.success());
    assert!(shown.contains(&node.path_secret) && shown.contains(&node.token), "{shown}");

    node.process.stop(SOON).await;
    let said = [node.process.stdout(), node.process.stderr(), text(&masked.stdout), text(&masked.stderr)];
    for secret in [&node.token, &node.path_secret, &tailnet().auth_key] {
        assert!(said.iter().all(|said| !said.contains(secret.as_str())), "{said:?}");
    }

    assert_eq!(mode(&home.path("home/.roam-tools.json")), 0o600);
    let mut dirs = vec![home.state_dir()];
    while let Some(dir) = dirs.pop() {
        assert_eq!(mode(&dir), 0o700, "{}", dir.display());
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                dirs.push(path);
            } else if path.extension().is_none_or(|kind| kind != "crt") {
                // A certificate is public; whoever connects is shown it.
                assert_eq!(mode(&path), 0o600, "{}", path.display());
            }
        }
    }
}

#[tokio::test]
async fn the_start_card_has_what_to_paste_when_asked_for() {
    let home = Home::new("card");
    let node = home.up().arg("--show-secrets").node().await;
    let card = node.process.stdout();
    for wanted in [
        format!("https://{}/{}/mcp", node.name, node.path_secret),
        format!("https://{}/mcp", node.name),
        format!("http://{}/mcp", node.name),
        format!("claude mcp add --transport http roam https://{}/mcp", node.name),
        node.token.clone(),
        "operator@example.com may call".to_owned(),
    ] {
        assert!(card.contains(&wanted), "{wanted} is not in {card}");
    }
    assert!(node.process.status()["urls"]["masked"] == true, "the socket masks unless asked");
}

#[tokio::test]
async fn status_reads_well_for_people_and_for_scripts() {
    let home = Home::new("status");
    let node = home.node().await;
    let people = text(&status(&home, &[]).stdout);
    for wanted in [node.name.as_str(), "Running", "certificate valid until", "notes", "version"] {
        assert!(people.contains(wanted), "{wanted} is not in {people}");
    }
    let scripts: Value = serde_json::from_slice(&status(&home, &["--json"]).stdout).unwrap();
    assert_eq!(scripts["node"]["name"], node.name.as_str());
    assert_eq!(scripts["node"]["owner"], "operator@example.com");
    assert_eq!(scripts["node"]["online"], true);
    assert_eq!(scripts["funnel"], json!({"state": "open", "port": 443}));
    assert_eq!(scripts["certificate"]["state"], "valid");
    assert_eq!(scripts["graphs"], json!(["notes"]));
    assert_eq!(scripts["pid"], node.process.pid());
    assert!(!scripts.to_string().contains(&node.token), "{scripts}");
}

#[tokio::test]
async fn status_without_a_node_says_so_and_exits_with_5() {
    let home = Home::new("nobody");
    let output = status(&home, &[]);
    assert_eq!(output.status.code(), Some(5));
    assert!(text(&output.stderr).contains("roam-mcp up"), "{}", text(&output.stderr));
    let node = home.node().await;
    assert_eq!(status(&home, &[]).status.code(), Some(0));
    node.process.kill().await;
    assert_eq!(status(&home, &["--json"]).status.code(), Some(5), "a socket that is left over is no node");
}

#[tokio::test]
async fn every_write_is_on_stderr_with_its_time_and_its_tool() {
    let home = Home::new("writes");
    let node = home.node().await;
    let owner = node.owner().await.connect().await;
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    owner.tool("/mcp", "create_block", json!({"pageTitle": "Log", "markdown": "one"})).await;
    let log = node.process.logs("WRITE").await;
    let line = log.lines().find(|line| line.contains("WRITE")).unwrap();
    let words: Vec<_> = line.split(' ').collect();
    let ["[roam-mcp]", "WRITE", time, "create_block"] = words[..] else { panic!("{line}") };
    time.parse::<jiff::Timestamp>().unwrap();
    node.process.stop(SOON).await;
    assert_eq!(node.process.stderr().matches("WRITE").count(), 1, "a search is no write");
}

#[tokio::test]
async fn a_log_in_json_is_json_line_by_line() {
    let home = Home::new("jsonlog");
    let node = home.up().arg("--log-format").arg("json").node().await;
    node.owner().await.tool("/mcp", "create_block", json!({"pageTitle": "Log", "markdown": "one"})).await;
    node.process.logs("WRITE").await;
    node.process.logs("tool call").await;
    node.process.stop(SOON).await;
    for line in node.process.stderr().lines() {
        serde_json::from_str::<Value>(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    }
}

#[tokio::test]
async fn a_restart_without_a_key_keeps_the_name_the_secrets_and_what_was_added() {
    let home = Home::new("restart");
    let first = home.node().await;
    let block = json!({"pageTitle": "Visitors", "markdown": "a hedgehog came by"});
    first.owner().await.tool("/mcp", "create_block", block).await;
    assert_eq!(first.process.stop(SOON).await.code(), Some(0));

    let second = home.up().without_key().node().await;
    assert_eq!((&second.name, &second.addresses), (&first.name, &first.addresses));
    assert_eq!((&second.token, &second.path_secret), (&first.token, &first.path_secret));
    let query = json!({"query": "hedgehog"});
    assert!(second.owner().await.tool("/mcp", "search", query.clone()).await.contains("came by"));

    // As does one after a power cut, with a key that is long dead.
    second.process.kill().await;
    let third = home.up().key(&tailnet().key("expired").await).node().await;
    assert_eq!(third.name, first.name);
    assert!(third.public().tool(&third.secret_path(), "search", query).await.contains("came by"));
}

#[tokio::test]
async fn a_second_process_on_one_state_dir_is_refused() {
    let home = Home::new("twice");
    let node = home.node().await;
    let second = home.up().exit().await;
    assert_eq!(second.code, Some(4), "{second:?}");
    assert!(second.stderr.contains("in use by another roam-mcp"), "{second:?}");
    assert!(second.stderr.contains("--state-dir"), "{second:?}");
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn an_ephemeral_node_leaves_the_tailnet_when_it_stops() {
    let home = Home::new("mayfly");
    let node = home.up().arg("--ephemeral").node().await;
    assert!(tailnet().nodes("mayfly").await[0].ephemeral);
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
    eventually("the node is forgotten", async || tailnet().nodes("mayfly").await.is_empty().then_some(())).await;
}

#[tokio::test]
async fn a_node_that_stops_stays_in_the_tailnet_and_shuts_its_public_door() {
    let home = Home::new("sleeper");
    let node = home.node().await;
    assert!(tailnet().nodes("sleeper").await[0].ingress_enabled);
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
    eventually("the node is offline", async || (!tailnet().nodes("sleeper").await[0].online).then_some(())).await;
    node.public().try_send(node.public().post_request("/mcp", &json!({}))).await.unwrap_err();
}
