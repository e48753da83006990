//! MCP as clients speak it.

use axum::http::{HeaderValue, header};
use serde_json::{Value, json};

use crate::support::client::Scheme;
use crate::support::eventually;
use crate::support::home::{Home, UNLIMITED};
use crate::support::mcp::{LEGACY, MODERN, call, list_tools, modern, request, search};
use crate::support::node::Node;

#[tokio::test]
async fn the_tools_are_these() {
    let node = Node::shared().await;
    let listed = node.owner().await.post("/mcp", &list_tools()).await.expect(200).json();
    insta::assert_json_snapshot!(listed["result"]["tools"]);
}

#[tokio::test]
async fn both_planes_list_the_same_tools_in_the_same_order_but_for_those_that_act_on_the_desktop() {
    let node = Node::shared().await;
    let owner = node.owner().await.post("/mcp", &list_tools()).await.json();
    let public = node.public().post(&node.secret_path(), &list_tools()).await.json();
    let desktop = ["setup_new_graph", "reload_dev_extensions", "call_extension_tool"];
    let tools = owner["result"]["tools"].as_array().unwrap().iter();
    let expected: Vec<_> = tools.filter(|tool| !desktop.contains(&tool["name"].as_str().unwrap())).collect();
    assert_eq!(expected.len(), 33);
    assert_eq!(public["result"]["tools"].as_array().unwrap().iter().collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn the_operator_can_let_the_public_reach_the_desktop_and_files_of_one_directory_while_the_node_runs() {
    let home = Home::new("reaching");
    let node = home.node().await;
    let uploads = home.path("uploads");
    std::fs::create_dir(&uploads).unwrap();
    std::fs::write(uploads.join("note.txt"), "hello").unwrap();
    let public = node.public();
    let upload = call("file_upload", json!({ "filePath": "note.txt" }));
    let answer = async || public.post(&node.secret_path(), &upload).await.expect(200).json()["result"].to_string();
    assert!(answer().await.contains("takes no uploads"), "{}", answer().await);

    home.config(&format!("{UNLIMITED}[funnel]\ndesktop_tools = true\n[uploads]\nroot = {uploads:?}\n"));
    eventually("the list has the tools of the desktop", async || {
        let listed = public.post(&node.secret_path(), &list_tools()).await.json();
        listed.to_string().contains("call_extension_tool").then_some(())
    })
    .await;
    // The graph of an export has no place for files, and says so when it gets one.
    assert!(answer().await.contains("UNKNOWN_ACTION"), "{}", answer().await);
}

#[tokio::test]
async fn the_newest_revision_needs_no_handshake() {
    let node = Node::shared().await;
    let owner = node.owner().await;
    let found = owner.send(modern(&owner, "/mcp", "server/discover", json!({}))).await.expect(200).json();
    let result = &found["result"];
    assert!(result["supportedVersions"].as_array().unwrap().contains(&json!(MODERN)), "{found}");
    assert!(result["capabilities"]["tools"].is_object(), "{found}");
    assert!(result["instructions"].as_str().unwrap().contains("Roam"), "{found}");
    let params = json!({"name": "search", "arguments": {"query": "squirrels"}});
    let called = owner.send(modern(&owner, "/mcp", "tools/call", params)).await.expect(200).json();
    assert_eq!(called["result"]["resultType"], "complete", "{called}");
    assert!(called["result"]["content"][0]["text"].as_str().unwrap().contains("walnut003"), "{called}");
}

#[tokio::test]
async fn the_list_of_tools_may_be_kept_by_its_caller_alone() {
    let node = Node::shared().await;
    let public = node.public();
    let listed = public.send(modern(&public, &node.secret_path(), "tools/list", json!({}))).await.expect(200).json();
    let result = &listed["result"];
    assert_eq!(result["cacheScope"], "private", "{listed}");
    assert!(result["ttlMs"].is_u64(), "{listed}");
    assert_eq!(result["resultType"], "complete", "{listed}");
}

#[tokio::test]
async fn every_earlier_revision_is_agreed_to_as_asked() {
    let node = Node::shared().await;
    let owner = node.owner().await.connect().await;
    for version in LEGACY {
        let hello =
            json!({"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
        let answer = owner.post("/mcp", &request(7, "initialize", hello)).await.expect(200);
        assert!(answer.headers.get("mcp-session-id").is_none(), "there are no sessions");
        let answer = answer.json();
        assert_eq!((&answer["result"]["protocolVersion"], &answer["id"]), (&json!(version), &json!(7)), "{answer}");
        assert_eq!(answer["result"]["serverInfo"]["name"], "roam-mcp");

        let initialized = json!({"jsonrpc": "2.0", "method": "notifications/initialized"});
        owner.post("/mcp", &initialized).await.expect(202);

        let mut follow_up = owner.client().post_request("/mcp", &search("squirrels"));
        follow_up.headers_mut().insert("mcp-protocol-version", HeaderValue::from_static(version));
        assert!(owner.send(follow_up).await.tool_text().contains("walnut003"), "{version}");
    }
}

#[tokio::test]
async fn a_revision_that_nobody_knows_is_answered_with_one_that_works() {
    let node = Node::shared().await;
    let hello =
        json!({"protocolVersion": "1999-01-01", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}});
    let answer = node.owner().await.post("/mcp", &request(1, "initialize", hello)).await.expect(200).json();
    assert!(LEGACY.contains(&answer["result"]["protocolVersion"].as_str().unwrap()), "{answer}");
}

#[tokio::test]
async fn clients_are_served_whatever_they_accept() {
    let node = Node::shared().await;
    let owner = node.owner().await.connect().await;
    for (accept, answer) in [
        (None, "application/json"),
        (Some("*/*"), "application/json"),
        (Some("application/json"), "application/json"),
        (Some("text/event-stream"), "text/event-stream"),
        (Some("application/json, text/event-stream"), "text/event-stream"),
        (Some("text/html"), "application/json"),
    ] {
        let mut request = owner.client().post_request("/mcp", &search("squirrels"));
        request.headers_mut().remove(header::ACCEPT);
        if let Some(accept) = accept {
            request.headers_mut().insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        let reply = owner.send(request).await;
        assert!(reply.header("content-type").starts_with(answer), "{accept:?}: {reply:?}");
        assert!(reply.tool_text().contains("walnut003"), "{accept:?}");
    }
}

#[tokio::test]
async fn what_is_not_json_rpc_is_refused_in_json_rpc() {
    let node = Node::shared().await;
    let owner = node.owner().await.connect().await;
    for body in ["", "{", "hello", "\u{0}", "{} {}"] {
        let request = owner.client().post_request("/mcp", &Value::Null).map(|_| body.to_owned().into());
        let reply = owner.send(request).await.expect(400).json();
        assert_eq!(reply["error"]["code"], -32700, "{body:?}: {reply}");
    }
}

#[tokio::test]
async fn an_unknown_tool_and_an_unknown_method_are_told_apart() {
    let node = Node::shared().await;
    let owner = node.owner().await.connect().await;
    let params = json!({"name": "delete_everything", "arguments": {}});
    let tool = owner.post("/mcp", &request(1, "tools/call", params)).await.json();
    assert_eq!(tool["error"]["code"], -32602, "{tool}");
    let method = owner.post("/mcp", &request(1, "tools/destroy", json!({}))).await.json();
    assert_eq!(method["error"]["code"], -32601, "{method}");
}

#[tokio::test]
async fn clients_that_use_the_same_ids_at_the_same_time_get_their_own_answers() {
    let node = Node::shared().await;
    let (owner, public) = (node.owner().await.with(Scheme::Http2), node.public().with(Scheme::Http2));
    let (one, two) = (owner.connect().await, public.connect().await);
    let (squirrels, october, secret) = (search("squirrels"), search("October"), node.secret_path());
    for _ in 0..50 {
        let (walnut, quince) = tokio::join!(one.post("/mcp", &squirrels), two.post(&secret, &october));
        let (walnut, quince) = (walnut.tool_text(), quince.tool_text());
        assert!(walnut.contains("walnut003") && !walnut.contains("quince001"), "{walnut}");
        assert!(quince.contains("quince001") && !quince.contains("walnut003"), "{quince}");
    }
}

#[tokio::test]
async fn requests_on_one_http2_connection_do_not_wait_for_each_other() {
    let node = Node::shared().await;
    let client = node.owner().await.with(Scheme::Http2).connect().await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..100 {
        let client = client.clone();
        all.spawn(async move { client.post("/mcp", &search("squirrels")).await.tool_text() });
    }
    while let Some(found) = all.join_next().await {
        assert!(found.unwrap().contains("walnut003"));
    }
}
