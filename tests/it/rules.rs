//! Rules and credentials that change while a node runs.

use rustix::process::Signal;
use serde_json::Value;

use crate::support::client::Client;
use crate::support::eventually;
use crate::support::home::Home;
use crate::support::mcp::{bearer, list_tools, search};
use crate::support::node::Node;

/// Runs `roam-mcp` beside the node and gives what it printed.
fn run(home: &Home, args: &[&str]) -> String {
    let output = home.run(args);
    assert!(output.status.success(), "{args:?}: {output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn status_of(client: &Client, token: &str, call: &Value) -> u16 {
    client.send(bearer(client.post_request("/mcp", call), token)).await.status
}

#[tokio::test]
async fn a_named_credential_opens_what_it_is_for_until_it_is_revoked() {
    let home = Home::new("rules-credentials");
    let node: Node = home.node().await;
    let public = node.public();
    let token = home.add_bearer(&["claude", "--access", "read-only", "--tools", "get_*"]);

    eventually("the credential is taken over", async || {
        (status_of(&public, &token, &list_tools()).await == 200).then_some(())
    })
    .await;
    let list = public.send(bearer(public.post_request("/mcp", &list_tools()), &token)).await.text();
    assert!(list.contains("get_page") && !list.contains("\"name\":\"create_block\""), "{list}");
    assert!(!list.contains("\"name\":\"search\""), "{list}");
    let hidden = public.send(bearer(public.post_request("/mcp", &search("squirrels")), &token)).await.text();
    assert!(hidden.contains("Unknown tool"), "{hidden}");

    let told = run(&home, &["access", "explain", "--as", "claude", "--tool", "create_block"]);
    assert!(told.contains("denied   create_block on notes") && told.contains("no rule allows it"), "{told}");
    let listed = run(&home, &["credentials", "list"]);
    assert!(listed.contains("claude (bearer): read-only") && !listed.contains(&token), "{listed}");

    run(&home, &["credentials", "revoke", "claude"]);
    eventually("the credential is worthless", async || {
        (status_of(&public, &token, &list_tools()).await == 401).then_some(())
    })
    .await;
    assert!(!node.process.stderr().contains(&token));
}

#[tokio::test]
async fn changed_rules_are_taken_over_and_broken_ones_are_told() {
    let home = Home::new("rules-reload");
    let node: Node = home.node().await;
    let alice = node.user("alice@example.com").await;
    alice.post("/mcp", &list_tools()).await.expect(403);

    home.config("[tailnet]\nothers = \"read-only\"");
    eventually("the rules are taken over", async || {
        (alice.post("/mcp", &list_tools()).await.status == 200).then_some(())
    })
    .await;

    home.config("[tailnet]\nothrs = \"none\"");
    node.process.signal(Signal::HUP);
    let status = node.process.status_is("the mistake is told", |status| status["problems"].is_array()).await;
    let problem = status["problems"][0].as_str().unwrap();
    assert!(problem.contains("line 2") && problem.contains("did you mean `others`?"), "{problem}");
    alice.post("/mcp", &list_tools()).await.expect(200);

    home.config("");
    node.process.signal(Signal::HUP);
    let empty =
        |status: &Value| status["problems"][0].as_str().is_some_and(|problem| problem.contains("empty or gone"));
    node.process.status_is("that nothing is written is told", empty).await;
    alice.post("/mcp", &list_tools()).await.expect(200);

    home.config("# No rules.");
    node.process.status_is("the mistake is mended", |status| status["problems"].is_null()).await;
    alice.post("/mcp", &list_tools()).await.expect(403);
}

#[tokio::test]
async fn a_list_of_sources_keeps_the_public_out_and_not_the_tailnet() {
    let home = Home::new("rules-sources");
    let node: Node = home.up().args(&["--allow-ip", "192.0.2.0/24"]).node().await;
    let public = node.public();
    public.send(bearer(public.post_request("/mcp", &list_tools()), &node.token)).await.expect(403);
    let by_secret = public.post(&node.secret_path(), &list_tools()).await.expect(404);
    assert_eq!(by_secret.comparable(), public.post("/wrong/mcp", &list_tools()).await.comparable());
    node.owner().await.post("/mcp", &list_tools()).await.expect(200);
}

#[tokio::test]
async fn both_credentials_together_can_be_demanded() {
    let home = Home::new("rules-both");
    let node: Node = home.up().arg("--require-both").env("ROAM_MCP_TOKEN", "a-token-for-this-run").node().await;
    let public = node.public();
    let send =
        async |path: &str, token: &str| public.send(bearer(public.post_request(path, &list_tools()), token)).await;
    send("/mcp", "a-token-for-this-run").await.expect(401);
    public.post(&node.secret_path(), &list_tools()).await.expect(401);
    send(&node.secret_path(), &node.token).await.expect(401);
    send(&node.secret_path(), "a-token-for-this-run").await.expect(200);
}

#[tokio::test]
async fn a_caller_that_asks_too_much_waits_and_no_other_does() {
    let home = Home::new("rules-limits");
    home.config("[limits]\nper_minute = 1\nburst = 3\nstrangers_per_minute = 5");
    let node: Node = home.node().await;
    let (owner, public) = (node.owner().await, node.public());
    for _ in 0..3 {
        owner.post("/mcp", &list_tools()).await.expect(200);
    }
    let refused = owner.post("/mcp", &list_tools()).await.expect(429);
    assert!((1..=60).contains(&refused.header("retry-after").parse::<u64>().unwrap()), "{refused:?}");

    // Strangers are slowed down in the same way whatever they try, and the holder of a right credential behind the same
    // address is not.
    for _ in 0..5 {
        public.post("/wrong/mcp", &list_tools()).await.expect(404);
    }
    let wrong = public.post("/wrong/mcp", &list_tools()).await.expect(429).comparable();
    let unknown = public.post("/no/such/path", &list_tools()).await.expect(429).comparable();
    assert_eq!(wrong.0, unknown.0);
    public.post("/mcp", &list_tools()).await.expect(429);
    assert_eq!(status_of(&public, &node.token, &list_tools()).await, 200);
    public.post(&node.secret_path(), &list_tools()).await.expect(200);
}
