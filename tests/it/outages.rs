//! Control server and certificate authority that are down, come back, or say no.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::client::{Client, Scheme};
use crate::support::home::Home;
use crate::support::node::Node;
use crate::support::tailnet::tailnet;
use crate::support::{eventually, within};

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_start_without_a_control_server_says_so_and_joins_when_it_comes() {
    for refused in [false, true] {
        let link = tailnet().control_link().await;
        if refused {
            tailnet().refuse(&link).await;
        } else {
            tailnet().cut(&link).await;
        }
        let home = Home::new(if refused { "early-refused" } else { "early-silent" });
        let process = home.up().control(&link.url).process();
        process.prints("The control server does not answer").await;
        tailnet().restore(&link).await;
        process.serving().await;
    }
}

#[tokio::test]
async fn a_start_that_waits_for_a_control_server_can_be_stopped() {
    let (silent, refusing) = (tailnet().control_link().await, tailnet().control_link().await);
    tailnet().cut(&silent).await;
    tailnet().refuse(&refusing).await;
    for (link, host) in [(silent, "stopped-silent"), (refusing, "stopped-refused")] {
        let home = Home::new(host);
        let process = home.up().control(&link.url).process();
        process.prints("Joining the tailnet").await;
        assert_eq!(process.stop(SOON).await.code(), Some(0), "{}", process.stderr());
    }
}

#[tokio::test]
async fn a_control_server_that_is_lost_stops_nothing_and_is_found_again() {
    let link = tailnet().control_link().await;
    let home = Home::new("castaway");
    let node = home.up().control(&link.url).node().await;
    let public = node.public().connect().await;
    let owner = node.owner().await;
    let open = owner.with(Scheme::Http2).connect().await;
    public.tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;

    tailnet().cut(&link).await;
    let status = node.process.status_is("the loss shows", |status| status["node"]["online"] == false).await;
    assert_eq!(status["node"]["state"], "Running", "{status}");
    // What is open goes on, on both planes, and the tailnet goes on altogether.
    public.tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
    open.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    let target = format!("{}:443", node.name);
    assert_eq!(tailnet().ingress("castaway", &target).await.status, 101, "the node itself still takes Funnel");
    let card = home.command().arg("status").output().unwrap();
    let card = String::from_utf8_lossy(&card.stdout).into_owned();
    assert!(card.contains("control server not reached: serving goes on"), "{card}");

    tailnet().restore(&link).await;
    node.process.status_is("the recovery shows", |status| status["node"]["online"] == true).await;
    node.public().tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn a_node_without_its_control_server_stops_when_told_to() {
    let link = tailnet().control_link().await;
    let home = Home::new("adrift");
    let node = home.up().control(&link.url).node().await;
    tailnet().cut(&link).await;
    node.process.status_is("the loss shows", |status| status["node"]["online"] == false).await;
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
}

/// A node that is in its tailnet and has no credential.
async fn enrolled_before(home: &Home) -> Node {
    let first = home.node().await;
    assert_eq!(first.process.stop(SOON).await.code(), Some(0));
    home.up().without_key().node().await
}

#[tokio::test]
async fn a_key_that_expires_while_the_node_runs_is_shown_with_the_ways_back() {
    let home = Home::new("expiring");
    let node = enrolled_before(&home).await;
    tailnet().allow("expiring", json!({"key_expired": true})).await;
    let status = node.process.status_is("a login URL", |status| status["node"]["login_url"].is_string()).await;
    assert_eq!(status["node"]["state"], "NeedsLogin", "{status}");
    let url = status["node"]["login_url"].as_str().unwrap();
    let card = home.command().arg("status").output().unwrap();
    let card = String::from_utf8_lossy(&card.stdout).into_owned();
    assert!(card.contains("no longer valid: start the node again") && card.contains(url), "{card}");
    node.process.status_is("the public cannot get in", |status| status["funnel"]["state"] != "open").await;

    tailnet().approve(url).await;
    node.process.status_is("the public can get in", |status| status["funnel"]["state"] == "open").await;
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    node.public().tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;

    tailnet().allow("expiring", json!({"key_expired": true})).await;
    node.process.status_is("it shows", |status| status["node"]["state"] == "NeedsLogin").await;
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
    let again = home.node().await;
    again.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn a_key_that_expires_is_replaced_by_a_node_with_a_credential() {
    let home = Home::new("reusing");
    let node = home.node().await;
    tailnet().allow("reusing", json!({"key_expired": true})).await;
    node.process.logs("NeedsLogin").await;
    let back = |status: &Value| status["node"]["state"] == "Running" && status["funnel"]["state"] == "open";
    node.process.status_is("it is back", back).await;
    gets_in(&node.public(), &node.secret_path()).await;
}

/// Peers hear of a new key a moment after the node does.
async fn gets_in(client: &Client, path: &str) {
    eventually("the client gets in", async || {
        let request = client.post_request(path, &crate::support::mcp::search("squirrels"));
        client.try_send(request).await.ok().filter(|reply| reply.status == 200)
    })
    .await;
}

#[tokio::test]
async fn a_node_that_was_started_again_still_has_its_credential_when_its_key_expires() {
    let home = Home::new("restarted");
    assert_eq!(home.node().await.process.stop(SOON).await.code(), Some(0));
    let node = home.node().await;
    tailnet().allow("restarted", json!({"key_expired": true})).await;
    node.process.logs("NeedsLogin").await;
    let back = |status: &Value| status["node"]["state"] == "Running" && status["funnel"]["state"] == "open";
    let status = node.process.status_is("it is back", back).await;
    assert_eq!(status["node"]["login_url"], json!(null), "nobody had to log in: {status}");
    gets_in(&node.owner().await, "/mcp").await;
    gets_in(&node.public(), &node.secret_path()).await;
}

#[tokio::test]
async fn a_node_whose_credential_is_spent_asks_a_person_when_its_key_expires() {
    let home = Home::new("spending");
    let key = tailnet().key("single-use").await;
    assert_eq!(home.up().key(&key).node().await.process.stop(SOON).await.code(), Some(0));
    let node = home.up().key(&key).node().await;
    tailnet().allow("spending", json!({"key_expired": true})).await;
    let status = node.process.status_is("a login URL", |status| status["node"]["login_url"].is_string()).await;
    tailnet().approve(status["node"]["login_url"].as_str().unwrap()).await;
    node.process.status_is("it is back", |status| status["funnel"]["state"] == "open").await;
    gets_in(&node.owner().await, "/mcp").await;
}

#[tokio::test]
async fn the_public_door_opens_again_each_time_that_a_key_is_extended_or_an_approval_returns() {
    let home = Home::new("extended");
    let node = enrolled_before(&home).await;
    let away = [("NeedsLogin", "key_expired", true), ("NeedsMachineAuth", "authorized", false)];
    for (state, field, value) in [away, away, away].concat() {
        tailnet().allow("extended", json!({field: value})).await;
        node.process.status_is("it is out", |status| status["node"]["state"] == state).await;
        node.process.status_is("the door is shut", |status| status["funnel"]["state"] != "open").await;
        tailnet().allow("extended", json!({field: !value})).await;
        node.process.status_is("the door is open", |status| status["funnel"]["state"] == "open").await;
    }
    node.public().tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn a_node_that_an_administrator_removes_shows_it_and_joins_again_when_restarted() {
    let home = Home::new("removed");
    let node = home.node().await;
    tailnet().forget("removed").await;
    node.process.status_is("it shows", |status| status["node"]["online"] == false).await;
    assert_eq!(node.process.stop(SOON).await.code(), Some(0));
    let again = home.node().await;
    again.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn a_certificate_that_fails_is_explained_and_comes_when_the_authority_recovers() {
    tailnet().allow("uncertain", json!({"acme": "fail"})).await;
    let home = Home::new("uncertain");
    let node = home.node().await;
    let status = node.process.status();
    assert_eq!(status["certificate"]["state"], "failed", "{status}");
    assert!(!status["certificate"]["reason"].as_str().unwrap().is_empty(), "{status}");
    assert!(node.process.stdout().contains("no new certificate: "), "{}", node.process.stdout());
    node.owner_plain().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;

    tailnet().allow("uncertain", json!({"acme": ""})).await;
    node.process.status_is("a certificate comes", |status| status["certificate"]["state"] == "valid").await;
    node.owner().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    node.public().tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn a_rate_limit_of_the_authority_is_shown_with_the_time_of_the_next_try() {
    // With the status 429, and as Tailscale's client passes it on by itself.
    for (host, acme) in [("greedy", "rate-limited"), ("greedier", "limit-reported")] {
        tailnet().allow(host, json!({"acme": acme})).await;
        let home = Home::new(host);
        let node = home.node().await;
        let certificate = node.process.status()["certificate"].clone();
        assert_eq!(certificate["state"], "failed", "{certificate}");
        assert!(certificate["reason"].as_str().unwrap().contains("too many certificates"), "{certificate}");
        let retry: jiff::Timestamp = certificate["retry_at"].as_str().unwrap().parse().unwrap();
        let wait = retry.duration_since(jiff::Timestamp::now());
        assert!(wait.as_secs() > 3000, "the authority asked for an hour, not for {wait}");
        let card = node.process.stdout();
        assert!(card.contains("too many certificates") && !card.contains("whoever has this URL"), "{card}");
        node.owner_plain().await.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    }
}

#[tokio::test]
async fn a_start_that_waits_for_its_certificate_can_be_stopped() {
    tailnet().allow("hanging", json!({"slow_dns_ms": 120_000})).await;
    let home = Home::new("hanging");
    let process = home.up().process();
    process.prints("Getting a certificate").await;
    assert_eq!(process.stop(SOON).await.code(), Some(0), "{}", process.stderr());
}

#[tokio::test]
async fn a_slow_certificate_holds_up_nothing_else() {
    tailnet().allow("patient", json!({"slow_dns_ms": 3000})).await;
    let home = Home::new("patient");
    let process = home.up().process();
    process.prints("Getting a certificate").await;
    let node = eventually("it is in the tailnet", async || tailnet().nodes("patient").await.into_iter().next()).await;
    let forward = tailnet().forward("operator@example.com", &format!("{}:80", node.name)).await;
    let plain = Client::new(&forward, &node.name, Scheme::Plain);
    let search = crate::support::mcp::search("squirrels");
    let early = plain.post("/mcp", &search);
    within(Duration::from_secs(2), "an answer before the certificate", early).await.expect(200);
    process.serving().await;
}
