//! The socket of this machine, and proxies in front of it.

use axum::http::Method;
use bytes::Bytes;
use serde_json::json;

use crate::support::client::{Client, Reply, Scheme};
use crate::support::home::Home;
use crate::support::mcp::{bearer, search};
use crate::support::node::Node;

/// A program on this machine.
fn local(node: &Node) -> Client {
    let status = node.process.status();
    let url = status["urls"]["direct"].as_str().unwrap();
    let address = url.strip_prefix("http://").unwrap().strip_suffix("/mcp").unwrap();
    Client::new(address, address, Scheme::Plain)
}

/// A search with the token, as a proxy would hand it on.
async fn forwarded(node: &Node, headers: &[(&str, &str)]) -> Reply {
    let client = local(node);
    let mut request = bearer(client.post_request("/mcp", &search("squirrels")), &node.token);
    for (name, value) in headers {
        request.headers_mut().append(name.parse::<axum::http::HeaderName>().unwrap(), value.parse().unwrap());
    }
    client.send(request).await
}

#[tokio::test]
async fn a_local_client_needs_a_credential_and_gets_no_metrics() {
    let home = Home::new("direct");
    let node = home.up().args(&["--listen", "127.0.0.1:0"]).node().await;
    let client = local(&node);
    forwarded(&node, &[]).await.expect(200);
    client.post(&node.secret_path(), &search("squirrels")).await.expect(200);
    client.post("/mcp", &search("squirrels")).await.expect(401);
    client.send(bearer(client.post_request("/metrics", &json!({})), &node.token)).await.expect(404);
    let foreign = client.request(Method::POST, "/mcp").header("origin", "https://evil.example");
    client.send(foreign.body(Bytes::new()).unwrap()).await.expect(403);
    assert!(node.process.stdout().contains("This machine"), "{}", node.process.stdout());

    let off = home.run(&["funnel", "off"]);
    let told = String::from_utf8(off.stdout).unwrap();
    assert!(told.contains("still taken at 127.0.0.1:") && told.contains("--listen"), "{told}");
    forwarded(&node, &[]).await.expect(200);
}

#[tokio::test]
async fn a_tunnel_in_front_is_refused_because_it_would_make_everybody_local() {
    let home = Home::new("tunnelled");
    let node = home.up().args(&["--listen", "127.0.0.1:0"]).node().await;
    for name in ["x-forwarded-for", "forwarded", "cf-connecting-ip", "x-real-ip", "tailscale-user-login"] {
        let refusal = forwarded(&node, &[(name, "127.0.0.1")]).await.expect(403);
        assert!(refusal.text().contains("--trust-proxy"), "{}", refusal.text());
    }
}

#[tokio::test]
async fn a_trusted_proxy_tells_who_calls_and_the_list_of_sources_holds_for_them() {
    let home = Home::new("proxied");
    let trust = ["--listen", "127.0.0.1:0", "--trust-proxy", "127.0.0.1/32", "--allow-ip", "203.0.113.0/24"];
    let node = home.up().args(&trust).node().await;
    for (chain, status) in [
        ("203.0.113.9", 200),
        ("198.51.100.1", 403),
        ("203.0.113.9, 198.51.100.1", 403),
        ("198.51.100.1, 203.0.113.9", 200),
        ("198.51.100.1, 203.0.113.9, 127.0.0.1", 200),
        ("rubbish", 403),
    ] {
        forwarded(&node, &[("x-forwarded-for", chain)]).await.expect(status);
    }
    // Who brings no word of a proxy is the proxy itself, and that is on no list.
    forwarded(&node, &[]).await.expect(403);
}

#[tokio::test]
async fn an_address_that_is_in_use_is_named_with_the_way_out() {
    let home = Home::new("crowded");
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let exit = home.up().args(&["--listen", &address]).exit().await;
    assert_eq!(exit.code, Some(1), "{exit:?}");
    assert!(exit.stderr.contains(&address) && exit.stderr.contains("--listen"), "{exit:?}");
}

#[tokio::test]
async fn a_foreign_host_or_origin_is_refused_on_this_machines_socket_too() {
    let home = Home::new("rebound");
    let node = home.up().args(&["--listen", "127.0.0.1:0"]).node().await;
    let client = local(&node);
    for route in ["/mcp", "/health", "/no/such/path"] {
        for host in ["evil.example", "127.0.0.1.evil.example", ""] {
            let request = axum::http::Request::post(route).header("host", host).body(Bytes::new()).unwrap();
            client.send(bearer(request, &node.token)).await.expect(403);
        }
        let mut rebound = bearer(client.post_request(route, &search("squirrels")), &node.token);
        rebound.headers_mut().insert("origin", "https://evil.example".parse().unwrap());
        client.send(rebound).await.expect(403);
    }
}
