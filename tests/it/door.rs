//! The public door, opened and shut by its operator.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::home::Home;
use crate::support::mcp::{bearer, search};
use crate::support::node::Node;
use crate::support::tailnet::tailnet;
use crate::support::{eventually, within};

const SOON: Duration = Duration::from_secs(10);

/// `roam-mcp funnel`: its exit code, standard output and standard error.
fn funnel(home: &Home, args: &[&str]) -> (Option<i32>, String, String) {
    let output = home.run(&[&["funnel"], args].concat());
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn funnel_json(home: &Home, args: &[&str]) -> Value {
    let (code, stdout, stderr) = funnel(home, &[args, &["--json"]].concat());
    assert_eq!(code, Some(0), "{stderr}");
    serde_json::from_str(&stdout).unwrap()
}

async fn ingress(node: &Node) -> u16 {
    tailnet().ingress(&node.hostname, &format!("{}:443", node.name)).await.status
}

#[tokio::test]
async fn off_ends_public_connections_within_a_second_and_leaves_the_tailnet_alone() {
    let home = Home::new("shutter");
    let node = home.node().await;
    let (public, owner) = (node.public().connect().await, node.owner().await.connect().await);
    public.tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
    owner.post("/mcp", &search("squirrels")).await.expect(200);

    let off = tokio::task::spawn_blocking({
        let mut command = home.command();
        move || command.args(["funnel", "off"]).output().unwrap()
    });
    within(Duration::from_secs(1), "the public connection ends", public.ended()).await;
    let off = off.await.unwrap();
    assert!(off.status.success(), "{off:?}");
    assert!(String::from_utf8_lossy(&off.stdout).contains("roam-mcp funnel on"), "{off:?}");
    assert_eq!(ingress(&node).await, 403);
    owner.post("/mcp", &search("squirrels")).await.expect(200);

    assert_eq!(funnel_json(&home, &["on"]), json!({"state": "open", "port": 443}));
    eventually("the public is back", async || {
        let public = node.public();
        let request = public.post_request(&node.secret_path(), &search("squirrels"));
        public.try_send(request).await.ok().filter(|reply| reply.status == 200)
    })
    .await;
}

#[tokio::test]
async fn off_is_remembered_until_somebody_opens_the_door() {
    let home = Home::new("recluse");
    let node = home.node().await;
    assert_eq!(funnel_json(&home, &["off"]), json!({"state": "off", "by": "operator"}));
    node.process.kill().await;

    let node = home.node().await;
    assert_eq!(node.process.status()["funnel"], json!({"state": "off", "by": "operator"}));
    assert!(node.process.stdout().contains("roam-mcp funnel on"), "{}", node.process.stdout());
    assert_eq!(ingress(&node).await, 403);
    node.process.stop(SOON).await;

    let node = home.up().arg("--funnel").node().await;
    assert_eq!(node.process.status()["funnel"]["state"], "open");
    node.process.stop(SOON).await;
    assert_eq!(home.node().await.process.status()["funnel"]["state"], "open");
}

#[tokio::test]
async fn off_with_revoke_leaves_no_credential_that_was_ever_shown() {
    let home = Home::new("revoker");
    let node = home.node().await;
    let named = home.add_bearer(&["claude", "--access", "full"]);
    let by_token = async |token: &str| {
        let public = node.public();
        let request = bearer(public.post_request("/mcp", &search("squirrels")), token);
        public.try_send(request).await.map_or(0, |reply| reply.status)
    };
    eventually("the credential is taken over", async || (by_token(&named).await == 200).then_some(())).await;

    let off = funnel_json(&home, &["off", "--revoke"]);
    assert_eq!(off, json!({"state": "off", "by": "operator", "revoked": 1}));
    assert_eq!(funnel_json(&home, &["on"])["state"], "open");
    eventually("the door is open again", async || (by_token("wrong").await == 401).then_some(())).await;
    for old in [&named, &node.token] {
        assert_eq!(by_token(old).await, 401);
    }
    node.public().post(&node.secret_path(), &search("squirrels")).await.expect(404);

    let fresh = home.command().args(["status", "--json", "--show-secrets"]).output().unwrap();
    let fresh: Value = serde_json::from_slice(&fresh.stdout).unwrap();
    assert_eq!(by_token(fresh["urls"]["token"].as_str().unwrap()).await, 200, "there is a new one");
    let log = home.command().args(["audit", "tail"]).output().unwrap();
    let log = String::from_utf8(log.stdout).unwrap();
    assert!(log.contains("ordered   funnel off --revoke"), "{log}");
}

#[tokio::test]
async fn a_typed_secret_that_was_revoked_is_refused_at_the_next_start() {
    let home = Home::new("relapser");
    let start = || home.up().env("ROAM_MCP_TOKEN", "the-operators-own-token");
    let node = start().node().await;
    let public = node.public();
    let call = || bearer(public.post_request("/mcp", &search("squirrels")), "the-operators-own-token");
    public.send(call()).await.expect(200);
    funnel_json(&home, &["off", "--revoke"]);
    node.process.stop(SOON).await;

    let exit = start().exit().await;
    assert_eq!(exit.code, Some(2), "{exit:?}");
    assert!(exit.stderr.contains("--token") && exit.stderr.contains("--revoke"), "{exit:?}");
    home.up().env("ROAM_MCP_TOKEN", "another-token-of-the-operator").node().await;
}

#[tokio::test]
async fn a_door_that_was_opened_for_a_while_shuts_itself() {
    let home = Home::new("curfew");
    let node = home.node().await;
    let public = node.public().connect().await;
    public.tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
    assert!(funnel_json(&home, &["on", "--for", "2s"])["until"].is_string());
    let (_, text, _) = funnel(&home, &["status"]);
    assert!(text.contains("for another 1 min"), "{text}");
    public.ended().await;
    let shut = json!({"state": "off", "by": "time"});
    node.process.status_is("the door is shut", |status| status["funnel"] == shut).await;
    assert_eq!(ingress(&node).await, 403);
}

#[tokio::test]
async fn a_door_shuts_itself_also_across_a_restart() {
    let home = Home::new("overnight");
    let node = home.node().await;
    let until = funnel_json(&home, &["on", "--for", "1h"])["until"].clone();
    node.process.kill().await;
    let node = home.node().await;
    assert_eq!(node.process.status()["funnel"]["until"], until, "the time goes on");
    assert!(node.process.stdout().contains("for another"), "{}", node.process.stdout());
    node.process.stop(SOON).await;

    // The hour passes while nobody is there.
    std::fs::write(home.state_dir().join("door.json"), r#"{"door":"open","until":"2026-01-01T00:00:00Z"}"#).unwrap();
    let node = home.node().await;
    assert_eq!(node.process.status()["funnel"], json!({"state": "off", "by": "time"}));
    assert_eq!(ingress(&node).await, 403);
}

#[tokio::test]
async fn no_funnel_wins_for_its_run_and_is_not_remembered() {
    let home = Home::new("retreat");
    let node = home.up().arg("--no-funnel").node().await;
    let (code, _, stderr) = funnel(&home, &["on"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("--no-funnel"), "{stderr}");
    assert_eq!(ingress(&node).await, 403);
    node.process.stop(SOON).await;
    assert_eq!(home.node().await.process.status()["funnel"]["state"], "open");
}

#[tokio::test]
async fn what_the_tailnet_does_not_allow_is_told_and_opens_later() {
    tailnet().allow("supplicant", json!({"funnel": false})).await;
    let home = Home::new("supplicant");
    let node = home.node().await;
    let (code, _, stderr) = funnel(&home, &["on", "--for", "1h"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("/f/funnel?node="), "{stderr}");
    tailnet().allow("supplicant", json!({"funnel": true})).await;
    let status = node.process.status_is("it opens by itself", |status| status["funnel"]["state"] == "open").await;
    assert!(status["funnel"]["until"].is_string(), "{status}");
}

#[tokio::test]
async fn a_door_file_that_cannot_be_read_keeps_the_public_out_and_nobody_else() {
    let home = Home::new("muddled");
    home.node().await.process.stop(SOON).await;
    std::fs::write(home.state_dir().join("door.json"), "{").unwrap();
    let node = home.node().await;
    assert_eq!(node.process.status()["funnel"], json!({"state": "off", "by": "unreadable"}));
    node.owner().await.post("/mcp", &search("squirrels")).await.expect(200);
    assert_eq!(funnel_json(&home, &["on"]), json!({"state": "open", "port": 443}));
}

#[test]
fn without_a_node_the_exit_code_is_5_and_a_wrong_time_is_2() {
    let home = Home::new("vacant");
    for args in [&["on"][..], &["off"], &["status", "--json"]] {
        let (code, _, stderr) = funnel(&home, args);
        assert_eq!(code, Some(5), "{stderr}");
        assert!(stderr.contains("roam-mcp up"), "{stderr}");
    }
    let (code, _, stderr) = funnel(&home, &["on", "--for", "soon"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("1h30m"), "{stderr}");
}
