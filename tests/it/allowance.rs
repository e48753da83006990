//! What the tailnet allows a node, and what it takes back while the node runs.

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::home::Home;
use crate::support::mcp::{call, list_tools, search};
use crate::support::node::Node;
use crate::support::tailnet::tailnet;

const CAPABILITY: &str = "roam-mcp.internal/cap/roam-mcp";

async fn public_search(node: &Node) -> Result<String, String> {
    let public = node.public();
    match public.try_send(public.post_request(&node.secret_path(), &search("squirrels"))).await {
        Ok(reply) => Ok(reply.tool_text()),
        Err(error) => Err(error.to_string()),
    }
}

async fn owner_finds(node: &Node) {
    let plain = node.owner_plain().await;
    assert!(plain.tool("/mcp", "search", json!({"query": "squirrels"})).await.contains("walnut003"));
}

#[tokio::test]
async fn without_funnel_the_tailnet_side_serves_and_the_page_that_enables_it_is_shown() {
    tailnet().allow("indoors", json!({"funnel": false})).await;
    let home = Home::new("indoors");
    let node = home.node().await;
    let (card, status) = (node.process.stdout(), node.process.status());
    assert_eq!(status["funnel"]["state"], "unavailable");
    let url = status["funnel"]["enable_url"].as_str().unwrap();
    assert!(url.contains("/f/funnel?node="), "{status}");
    assert!(card.contains(url) && card.contains("\"funnel\" node attribute not set"), "{card}");
    owner_finds(&node).await;
    node.owner().await.post("/mcp", &search("squirrels")).await.expect(200);
    public_search(&node).await.unwrap_err();

    tailnet().allow("indoors", json!({"funnel": true})).await;
    node.process.status_is("Funnel opens by itself", |status| status["funnel"]["state"] == "open").await;
    assert!(public_search(&node).await.unwrap().contains("walnut003"));
}

#[tokio::test]
async fn when_funnel_is_withdrawn_the_door_shuts_and_open_connections_end() {
    let home = Home::new("evicted");
    let node = home.node().await;
    let public = node.public().connect().await;
    let owner = node.owner().await.connect().await;
    public.tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;

    tailnet().allow("evicted", json!({"funnel": false})).await;
    public.ended().await;
    let status = node.process.status_is("the door is shut", |status| status["funnel"]["state"] == "unavailable").await;
    assert!(status["funnel"]["reason"].as_str().unwrap().contains("funnel"), "{status}");
    let target = format!("{}:443", node.name);
    assert_eq!(tailnet().ingress("evicted", &target).await.status, 403);
    public_search(&node).await.unwrap_err();
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;

    tailnet().allow("evicted", json!({"funnel": true})).await;
    eventually("the door opens again", async || public_search(&node).await.ok()).await;
}

#[tokio::test]
async fn a_port_that_the_tailnet_does_not_allow_is_told_and_no_other_is_opened() {
    tailnet().allow("oddport", json!({"funnel_ports": "443"})).await;
    let home = Home::new("oddport");
    let node = home.up().args(&["--funnel-port", "8443"]).node().await;
    let status = node.process.status();
    assert_eq!((&status["funnel"]["state"], &status["funnel"]["obstacle"]), (&json!("unavailable"), &json!("port")));
    let card = node.process.stdout();
    assert!(card.contains("--funnel-port and one that is allowed") && !card.contains("nodeAttrs"), "{card}");
    for port in [443, 8443] {
        assert_eq!(tailnet().ingress("oddport", &format!("{}:{port}", node.name)).await.status, 403);
    }
    tailnet().allow("oddport", json!({"funnel_ports": "443,8443"})).await;
    node.process.status_is("the door opens", |status| status["funnel"]["port"] == 8443).await;
    let mut public = node.public();
    public.address = tailnet().public_from("203.0.113.9", 8443).await;
    public.tool(&node.secret_path(), "search", json!({"query": "squirrels"})).await;
    let status = node.process.status();
    assert_eq!(status["urls"]["public"], format!("https://{}:8443/mcp", node.name));
}

#[tokio::test]
async fn without_https_the_tailnet_side_serves_by_http_and_the_remedy_is_shown() {
    tailnet().allow("plainfolk", json!({"https": false})).await;
    let home = Home::new("plainfolk");
    let node = home.node().await;
    let (card, status) = (node.process.stdout(), node.process.status());
    assert_eq!(status["certificate"]["state"], "unavailable", "{status}");
    assert_eq!(status["funnel"]["state"], "unavailable", "{status}");
    assert!(card.contains("HTTPS is not enabled for this tailnet") && card.contains("admin/dns"), "{card}");
    assert!(card.contains(&format!("claude mcp add --transport http roam http://{}/mcp", node.name)), "{card}");
    owner_finds(&node).await;
    node.owner().await.try_connect().await.err().expect("there is no certificate to show");

    tailnet().allow("plainfolk", json!({"https": true})).await;
    node.process.status_is("a certificate comes", |status| status["certificate"]["state"] == "valid").await;
    node.process.status_is("Funnel opens", |status| status["funnel"]["state"] == "open").await;
    node.owner().await.post("/mcp", &search("squirrels")).await.expect(200);
    assert!(public_search(&node).await.unwrap().contains("walnut003"));
}

#[tokio::test]
async fn with_funnel_off_nothing_comes_in_from_the_public() {
    let home = Home::new("hermit");
    let node = home.up().args(&["--no-funnel"]).node().await;
    assert_eq!(node.process.status()["funnel"], json!({"state": "off", "by": "flag"}));
    assert!(node.process.stdout().contains("off (--no-funnel)"));
    assert_eq!(tailnet().ingress("hermit", &format!("{}:443", node.name)).await.status, 403);
    assert!(!tailnet().nodes("hermit").await[0].ingress_enabled);
    public_search(&node).await.unwrap_err();
    owner_finds(&node).await;
}

#[tokio::test]
async fn a_restart_without_funnel_closes_the_door_that_a_crash_left_open() {
    let home = Home::new("amnesiac");
    home.node().await.process.kill().await;
    let node = home.up().args(&["--no-funnel"]).node().await;
    assert_eq!(tailnet().ingress("amnesiac", &format!("{}:443", node.name)).await.status, 403);
}

#[tokio::test]
async fn the_ingress_takes_only_what_funnel_is_open_for() {
    let home = Home::new("picky");
    let node = home.node().await;
    assert_eq!(tailnet().ingress("picky", &format!("{}:443", node.name)).await.status, 101);
    for target in [
        format!("{}:80", node.name),
        format!("{}:8443", node.name),
        format!("{}:22", node.name),
        format!("evil.example:{}", 443),
        format!("other.{}:443", tailnet().domain),
    ] {
        let answer = tailnet().ingress("picky", &target).await;
        assert_eq!(answer.status, 403, "{target}: {}", answer.body);
    }
}

#[tokio::test]
async fn a_relay_without_the_ingress_capability_is_refused() {
    let home = Home::new("warded");
    let node = home.node().await;
    tailnet().allow("warded", json!({"ingress": false})).await;
    let target = format!("{}:443", node.name);
    eventually("the ingress refuses", async || {
        (tailnet().ingress("warded", &target).await.status == 403).then_some(())
    })
    .await;
    tailnet().allow("warded", json!({"ingress": true})).await;
    eventually("the ingress agrees", async || (tailnet().ingress("warded", &target).await.status == 101).then_some(()))
        .await;
}

#[tokio::test]
async fn the_relay_reaches_the_ingress_and_no_ordinary_port() {
    let node = Node::shared().await;
    for address in &node.addresses {
        for port in [80, 443] {
            let address = std::net::SocketAddr::new(*address, port).to_string();
            assert!(!tailnet().relay_reaches(&address).await, "{address}");
        }
    }
}

#[tokio::test]
async fn a_grant_of_the_tailnet_lets_another_user_in_as_far_as_it_goes() {
    let home = Home::new("granting");
    let node = home.node().await;
    let bob = node.user("bob@example.com").await.connect().await;
    bob.post("/mcp", &search("squirrels")).await.expect(403);
    let grant = |rules: Value| json!({"caps": {"bob-laptop": {CAPABILITY: rules}}});

    tailnet().allow("granting", grant(json!([{"access": "read-only"}]))).await;
    eventually("bob is let in", async || (bob.post("/mcp", &search("x")).await.status == 200).then_some(())).await;
    let tools = bob.post("/mcp", &list_tools()).await.json();
    let names: Vec<_> = tools["result"]["tools"].as_array().unwrap().iter().map(|tool| &tool["name"]).collect();
    assert!(names.contains(&&json!("search")) && !names.contains(&&json!("create_block")), "{names:?}");
    let block = call("create_block", json!({"pageTitle": "Visitors", "markdown": "bob was here"}));
    let refused = bob.post("/mcp", &block).await.json();
    assert!(refused["error"].is_object() || refused["result"]["isError"] == true, "{refused}");
    let found = node.owner().await.tool("/mcp", "search", json!({"query": "bob was here"})).await;
    assert!(!found.contains("bob was here"), "what was refused was not done: {found}");

    tailnet().allow("granting", grant(json!([{"access": "read-append"}]))).await;
    eventually("bob may add", async || {
        let reply = bob.post("/mcp", &block).await.json();
        (reply["result"]["isError"] == false).then_some(())
    })
    .await;

    tailnet().allow("granting", json!({"caps": {"bob-laptop": {}}})).await;
    eventually("bob is out again", async || (bob.post("/mcp", &search("x")).await.status == 403).then_some(())).await;
}
