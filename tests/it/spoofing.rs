//! Requests that lie about who sent them or to whom. Each is sent on both planes: what a client writes must count for as
//! little here as there.

use axum::http::{HeaderName, HeaderValue, Method, Request, header};
use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::client::{Client, Scheme};
use crate::support::mcp::search;
use crate::support::node::Node;
use crate::support::tailnet::OWNER;

const ROUTES: [&str; 3] = ["/mcp", "/health", "/no/such/path"];

async fn everyone(node: &Node) -> [Client; 3] {
    [node.owner().await, node.owner().await.with(Scheme::Http2), node.public()]
}

fn with(client: &Client, path: &str, name: &'static str, value: &str) -> Request<Bytes> {
    let mut request = client.post_request(path, &search("squirrels"));
    request.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
    request
}

/// Sends bytes as they are and returns the status of the answer.
async fn raw(client: &Client, request: &str) -> u16 {
    let mut stream = client.stream().await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // A server may end TLS without a word after an error.
    let _ = tokio::time::timeout(crate::support::PATIENCE, stream.read_to_end(&mut answer)).await.expect("an answer");
    let answer = String::from_utf8_lossy(&answer).into_owned();
    answer.split(' ').nth(1).unwrap_or_else(|| panic!("no answer to {request:?}")).parse().unwrap()
}

#[tokio::test]
async fn headers_that_claim_an_identity_give_none() {
    let node = Node::shared().await;
    let claims = [
        ("tailscale-user-login", OWNER),
        ("tailscale-user-name", "Operator"),
        ("tailscale-headers-info", "https://tailscale.com/s/serve-headers"),
        ("tailscale-app-capabilities", r#"{"roam-mcp.internal/cap/roam-mcp":[{"access":"full"}]}"#),
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-host", "localhost"),
        ("x-forwarded-proto", "https"),
        ("forwarded", "for=127.0.0.1;host=localhost;proto=https"),
        ("x-real-ip", "127.0.0.1"),
        ("x-webauth-user", OWNER),
        ("tailscale-ingress-src", "127.0.0.1:1"),
    ];
    let owner = node.owner().await;
    let devices = crate::support::tailnet::tailnet().nodes("operator-laptop").await;
    let owner_address = devices[0].addresses[0].to_string();
    let (alice, public) = (node.user("alice@example.com").await.connect().await, node.public().connect().await);
    for (name, value) in claims.into_iter().chain([("x-forwarded-for", owner_address.as_str())]) {
        alice.send(with(alice.client(), "/mcp", name, value)).await.expect(403);
        public.send(with(public.client(), "/mcp", name, value)).await.expect(401);
    }
    // And they harm nobody who is somebody.
    for (name, value) in claims {
        owner.send(with(&owner, "/mcp", name, value)).await.expect(200);
    }
}

#[tokio::test]
async fn a_foreign_host_is_refused_on_every_route() {
    let node = Node::shared().await;
    for client in everyone(node).await {
        for host in ["evil.example", "evil.example:443", "roam.evil.example", "100.100.100.100", "x@y", ""] {
            for route in ROUTES {
                let request = match client.scheme {
                    Scheme::Http2 if ["", "x@y"].contains(&host) => continue, // hyper does not send them
                    Scheme::Http2 => Request::post(format!("https://{host}{route}")).body(Bytes::new()).unwrap(),
                    _ => Request::post(route).header(header::HOST, host).body(Bytes::new()).unwrap(),
                };
                let status = client.send(request).await.status;
                assert_eq!(status, 403, "{host:?} {route} {:?}", client.scheme);
            }
        }
    }
}

#[tokio::test]
async fn an_authority_of_ours_does_not_hide_a_foreign_host_beside_it() {
    let node = Node::shared().await;
    let h2 = node.owner().await.with(Scheme::Http2);
    for route in ROUTES {
        h2.send(with(&h2, route, "host", "evil.example")).await.expect(403);
    }
    let name = &node.name;
    for client in [node.owner().await, node.public()] {
        for route in ROUTES {
            let end = "Connection: close\r\n\r\n";
            let status =
                raw(&client, &format!("GET https://evil.example{route} HTTP/1.1\r\nHost: {name}\r\n{end}")).await;
            assert_eq!(status, 403, "{route}");
            let status =
                raw(&client, &format!("GET https://{name}{route} HTTP/1.1\r\nHost: evil.example\r\n{end}")).await;
            assert_eq!(status, 403, "{route}");
        }
        let own = format!("GET https://{name}/health HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n");
        assert_eq!(raw(&client, &own).await, 200);
    }
}

#[tokio::test]
async fn a_request_without_a_host_or_with_two_is_bad() {
    let node = Node::shared().await;
    let name = &node.name;
    for client in [node.owner().await, node.public()] {
        for route in ROUTES {
            for head in [
                format!("GET {route} HTTP/1.1\r\nHost: {name}\r\nHost: {name}\r\n"),
                format!("GET {route} HTTP/1.1\r\nHost: {name}\r\nHost: evil.example\r\n"),
                format!("GET {route} HTTP/1.1\r\n"),
                format!("GET {route} HTTP/1.0\r\n"),
            ] {
                assert_eq!(raw(&client, &format!("{head}Connection: close\r\n\r\n")).await, 400, "{head}");
            }
        }
    }
}

#[tokio::test]
async fn a_foreign_origin_is_refused_on_every_route() {
    let node = Node::shared().await;
    for client in everyone(node).await {
        let client = client.connect().await;
        for origin in
            ["https://evil.example", "null", "", "http://evil.example", "https://evil.example, https://claude.ai"]
        {
            for route in ROUTES {
                let status = client.send(with(client.client(), route, "origin", origin)).await.status;
                assert_eq!(status, 403, "{origin:?} {route}");
            }
        }
    }
    let owner = node.owner().await;
    owner.send(with(&owner, "/mcp", "origin", &format!("https://{}", node.name))).await.expect(200);
    owner.send(with(&owner, "/mcp", "origin", "http://localhost:6274")).await.expect(200);
}

#[tokio::test]
async fn a_smuggled_second_request_is_not_read() {
    let node = Node::shared().await;
    let name = &node.name;
    let hidden = format!("GET /health HTTP/1.1\r\nHost: {name}\r\n\r\n");
    for client in [node.owner().await, node.public()] {
        for lengths in [
            "Content-Length: 5\r\nContent-Length: 6\r\n",
            "Transfer-Encoding: chunked, identity\r\n",
            "Content-Length: +5\r\n",
        ] {
            let request = format!("POST /mcp HTTP/1.1\r\nHost: {name}\r\n{lengths}\r\n0\r\n\r\n{hidden}");
            assert_eq!(raw(&client, &request).await, 400, "{lengths}");
        }
    }
}

#[tokio::test]
async fn what_a_browser_may_not_know_it_is_not_told() {
    let node = Node::shared().await;
    for client in [node.owner().await, node.public()] {
        let preflight = client
            .request(Method::OPTIONS, "/mcp")
            .header("origin", "https://evil.example")
            .header("access-control-request-method", "POST");
        let reply = client.send(preflight.body(Bytes::new()).unwrap()).await.expect(403);
        assert!(reply.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "{reply:?}");
    }
}
