//! The main job.

use axum::http::Version;
use serde_json::json;

use crate::support::client::{Client, Scheme};
use crate::support::mcp::{bearer, call, search};
use crate::support::node::Node;
use crate::support::tailnet::{OWNER, tailnet};

#[tokio::test]
async fn a_holder_of_the_path_secret_searches_over_funnel_by_either_form_of_the_url() {
    let node = Node::shared().await;
    for path in [format!("/{}/mcp", node.path_secret), format!("/mcp/{}", node.path_secret)] {
        let found = node.public().tool(&path, "search", json!({"query": "squirrels"})).await;
        assert!(found.contains("walnut003"), "{found}");
    }
}

#[tokio::test]
async fn a_holder_of_the_bearer_token_searches_over_funnel() {
    let node = Node::shared().await;
    let public = node.public();
    let request = bearer(public.post_request("/mcp", &search("squirrels")), &node.token);
    let found = public.send(request).await.tool_text();
    assert!(found.contains("walnut003"), "{found}");
}

#[tokio::test]
async fn a_block_added_over_funnel_is_found_over_the_tailnet_and_the_other_way_round() {
    let node = Node::shared().await;
    let (public, owner) = (node.public(), node.owner().await);
    let (secret, own) = (node.secret_path(), "/mcp".to_owned());
    for (word, writer, writer_path, reader, reader_path) in
        [("hedgehog", &public, &secret, &owner, &own), ("dormouse", &owner, &own, &public, &secret)]
    {
        let block = json!({"pageTitle": "Visitors", "markdown": format!("a {word} came by")});
        writer.tool(writer_path, "create_block", block).await;
        let found = reader.tool(reader_path, "search", json!({"query": word})).await;
        assert!(found.contains(&format!("a {word} came by")), "{found}");
    }
}

#[tokio::test]
async fn the_owner_calls_by_http2_by_http1_and_by_plain_http() {
    let node = Node::shared().await;
    let (owner, plain) = (node.owner().await, node.owner_plain().await);
    for (client, version) in
        [(owner.with(Scheme::Http2), Version::HTTP_2), (owner, Version::HTTP_11), (plain, Version::HTTP_11)]
    {
        let reply = client.post("/mcp", &search("squirrels")).await;
        assert_eq!(reply.version, version);
        assert!(reply.tool_text().contains("walnut003"), "{client:?}");
    }
}

#[tokio::test]
async fn the_owner_calls_by_the_short_name_that_magicdns_knows() {
    let node = Node::shared().await;
    let mut plain = node.owner_plain().await;
    plain.host = node.hostname.clone();
    assert!(plain.tool("/mcp", "search", json!({"query": "squirrels"})).await.contains("walnut003"));
}

#[tokio::test]
async fn the_owner_calls_by_ipv6_too() {
    let node = Node::shared().await;
    let v6 = node.addresses.iter().find(|address| address.is_ipv6()).unwrap();
    for (port, scheme) in [(443, Scheme::Http2), (80, Scheme::Plain)] {
        let forward = tailnet().forward(OWNER, &format!("[{v6}]:{port}")).await;
        let mut client = Client::new(&forward, &node.name, scheme);
        assert!(client.tool("/mcp", "search", json!({"query": "squirrels"})).await.contains("walnut003"));
        client.host = format!("[{v6}]");
        if scheme == Scheme::Plain {
            client.get("/health").await.expect(200);
        }
    }
}

#[tokio::test]
async fn every_tool_works_through_the_whole_way() {
    let node = Node::shared().await;
    let owner = node.owner().await.connect().await;
    let graphs = owner.tool("/mcp", "list_graphs", json!({})).await;
    assert!(graphs.contains("notes"), "{graphs}");
    let page = owner.tool("/mcp", "get_page", json!({"title": "Quince"})).await;
    assert!(page.contains("quince001"), "{page}");
    let block = owner.tool("/mcp", "get_block", json!({"uid": "walnut001"})).await;
    assert!(block.contains("Nothing grows well beneath it."), "{block}");
    let made =
        owner.tool("/mcp", "create_block", json!({"parentUid": "gauge0001", "markdown": "- 4 mm\n- 7 mm"})).await;
    assert!(made.contains("uids"), "{made}");
    let wrong = owner.post("/mcp", &call("search", json!({}))).await.expect(200).json();
    assert_eq!(wrong["result"]["isError"], true, "{wrong}");
}
