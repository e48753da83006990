//! Who is let in, who is not, and what they are told.

use axum::http::Method;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::client::{Client, Reply};
use crate::support::mcp::{bearer, search};
use crate::support::node::Node;

/// Every refusal is JSON-RPC, so that an MCP client can show it.
fn message(reply: &Reply) -> String {
    let body: Value = serde_json::from_slice(&reply.body).unwrap();
    assert_eq!((&body["jsonrpc"], &body["id"]), (&json!("2.0"), &Value::Null), "{body}");
    assert_eq!(reply.header("content-type"), "application/json");
    body["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn another_user_of_the_tailnet_is_refused_by_name_and_told_what_would_help() {
    let node = Node::shared().await;
    let reply = node.user("alice@example.com").await.post("/mcp", &search("squirrels")).await.expect(403);
    let message = message(&reply);
    assert!(message.contains("alice@example.com") && message.contains("administrator"), "{message}");
}

#[tokio::test]
async fn a_tagged_peer_is_refused_although_it_may_have_been_the_owners() {
    let node = Node::shared().await;
    let reply = node.tagged("tag:ci").await.post("/mcp", &search("squirrels")).await.expect(403);
    assert!(message(&reply).contains("tag:ci"), "{}", reply.text());
}

#[tokio::test]
async fn public_credentials_do_not_help_a_stranger_in_the_tailnet() {
    let node = Node::shared().await;
    let alice = node.user("alice@example.com").await;
    alice.send(bearer(alice.post_request("/mcp", &search("x")), &node.token)).await.expect(403);
    alice.post(&node.secret_path(), &search("x")).await.expect(403);
}

#[tokio::test]
async fn without_a_credential_the_public_gets_401_and_how_to_do_better() {
    let node = Node::shared().await;
    let reply = node.public().post("/mcp", &search("squirrels")).await.expect(401);
    assert_eq!(reply.header("www-authenticate"), "Bearer realm=\"roam-mcp\"");
    assert!(message(&reply).contains("Authorization: Bearer"), "{}", reply.text());
}

#[tokio::test]
async fn a_wrong_bearer_token_is_told_so() {
    let node = Node::shared().await;
    let public = node.public();
    for wrong in [node.path_secret.as_str(), &node.token[..63], "x"] {
        let reply = public.send(bearer(public.post_request("/mcp", &search("x")), wrong)).await.expect(401);
        assert!(reply.header("www-authenticate").contains("error=\"invalid_token\""), "{reply:?}");
    }
}

#[tokio::test]
async fn a_bearer_token_sent_twice_or_in_the_query_opens_nothing() {
    let node = Node::shared().await;
    let public = node.public();
    let mut twice = bearer(public.post_request("/mcp", &search("x")), &node.token);
    let value = twice.headers()["authorization"].clone();
    twice.headers_mut().append("authorization", value);
    public.send(twice).await.expect(401);
    for query in ["token", "access_token", "secret"] {
        public.post(&format!("/mcp?{query}={}", node.token), &search("x")).await.expect(401);
    }
}

#[tokio::test]
async fn a_wrong_secret_looks_exactly_like_any_unknown_path_on_both_planes() {
    let node = Node::shared().await;
    let last = if node.path_secret.ends_with('0') { '1' } else { '0' };
    let near = format!("{}{last}", &node.path_secret[..31]);
    let wrong = [
        "/wrong/mcp".to_owned(),
        format!("/{near}/mcp"),
        format!("/mcp/{near}"),
        format!("/{}/mcp", node.token),
        format!("/{}/sse", node.path_secret),
        format!("/{}", node.path_secret),
        format!("/{}/mcp/", node.path_secret),
        format!("/x/{}/mcp", node.path_secret),
        "/mcp/".to_owned(),
        "/".to_owned(),
        "//mcp".to_owned(),
    ];
    for client in [node.public(), node.owner().await, node.owner_plain().await] {
        for method in [Method::POST, Method::GET, Method::DELETE, Method::OPTIONS] {
            let send = async |path: &str| {
                let request = client.request(method.clone(), path).header("content-type", "application/json");
                client.send(request.body(Bytes::from(search("x").to_string())).unwrap()).await
            };
            let unknown = send("/no/such/path").await.expect(404).comparable();
            for path in &wrong {
                assert_eq!(send(path).await.comparable(), unknown, "{method} {path}");
            }
        }
    }
}

#[tokio::test]
async fn the_secret_may_not_be_bent_by_escapes_or_case() {
    let node = Node::shared().await;
    let escaped: String = node.path_secret.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let upper = node.path_secret.to_uppercase();
    node.public().post(&format!("/{escaped}/mcp"), &search("squirrels")).await.expect(404);
    if upper != node.path_secret {
        node.public().post(&format!("/{upper}/mcp"), &search("squirrels")).await.expect(404);
    }
}

#[tokio::test]
async fn other_methods_than_post_get_405_after_they_have_shown_who_they_are() {
    let node = Node::shared().await;
    let public = node.public();
    for method in [Method::GET, Method::DELETE, Method::PUT] {
        let request = |client: &Client, path: &str| client.request(method.clone(), path).body(Bytes::new()).unwrap();
        for (client, path) in [(node.owner().await, "/mcp".to_owned()), (public.clone(), node.secret_path())] {
            let reply = client.send(request(&client, &path)).await.expect(405);
            assert_eq!(reply.header("allow"), "POST");
            assert!(message(&reply).contains("POST"));
        }
        public.send(request(&public, "/mcp")).await.expect(401);
        public.send(bearer(request(&public, "/mcp"), &node.token)).await.expect(405);
        let alice = node.user("alice@example.com").await;
        alice.send(request(&alice, "/mcp")).await.expect(403);
    }
}

#[tokio::test]
async fn health_is_for_everyone_and_says_little() {
    let node = Node::shared().await;
    for client in [node.public(), node.owner().await, node.user("alice@example.com").await] {
        let reply = client.get("/health").await.expect(200);
        assert_eq!(reply.text(), r#"{"status":"ok","graph":"ok","tools":36}"#);
    }
}

#[tokio::test]
async fn no_answer_may_be_cached_or_name_its_url_to_another_site() {
    let node = Node::shared().await;
    let public = node.public();
    for path in [node.secret_path().as_str(), "/mcp", "/health", "/no/such/path"] {
        let reply = public.post(path, &search("squirrels")).await;
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert!(["no-store", "no-cache"].contains(&reply.header("cache-control")), "{path}");
    }
}
