//! The threats that are in no other module: see the table in docs/SECURITY.md.

use std::time::Duration;

use axum::http::{HeaderValue, Method};
use bytes::Bytes;
use serde_json::{Value, json};

use crate::support::client::Scheme;
use crate::support::eventually;
use crate::support::home::Home;
use crate::support::mcp::{bearer, call, list_tools, modern, request, search};
use crate::support::node::Node;
use crate::support::within;

const SOON: Duration = Duration::from_secs(10);

#[tokio::test]
async fn no_route_and_no_method_opens_without_a_credential() {
    let node = Node::shared().await;
    let public = node.public().connect().await;
    let secret_in_query = format!("/mcp?token={}&access_token={}", node.token, node.token);
    let paths = [
        "/",
        "/mcp",
        "/mcp/",
        "//mcp",
        "/MCP",
        "/mcp/x",
        "/x/mcp",
        "/x/mcp/y",
        "/sse",
        "/messages",
        "/metrics",
        "/status",
        "/funnel/off",
        "/explain",
        "/authorize",
        "/token",
        "/register",
        "/.well-known/oauth-authorization-server",
        &secret_in_query,
    ];
    for method in [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE, Method::HEAD, Method::OPTIONS]
    {
        for path in paths {
            let body = Bytes::from(list_tools().to_string());
            let reply = public.send(public.client().request(method.clone(), path).body(body).unwrap()).await;
            let wanted = if path == "/mcp" || path.starts_with("/mcp?") { 401 } else { 404 };
            assert_eq!(reply.status, wanted, "{method} {path}: {}", reply.text());
            assert_eq!(reply.headers.contains_key("www-authenticate"), wanted == 401, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_credential_is_worthless_when_its_time_is_up() {
    let home = Home::new("expired-credential");
    let node = home.node().await;
    let token = home.add_bearer(&["brief", "--access", "full", "--expires", "1h"]);
    let public = node.public();
    let status = async || public.send(bearer(public.post_request("/mcp", &list_tools()), &token)).await.status;
    eventually("the credential is taken over", async || (status().await == 200).then_some(())).await;

    let file = home.state_dir().join("credentials.json");
    let mut text: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let expires = &mut text["credentials"][0]["expires"];
    assert!(expires.is_string(), "{expires}");
    *expires = json!("2026-01-01T00:00:00Z");
    std::fs::write(&file, text.to_string()).unwrap();
    eventually("the credential is worthless", async || (status().await == 401).then_some(())).await;
}

#[tokio::test]
async fn a_session_or_a_cursor_of_somebody_else_gives_nothing() {
    let node = Node::shared().await;
    let (owner, alice) = (node.owner().await, node.user("alice@example.com").await);
    let initialize = request(
        1,
        "initialize",
        json!({"protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "tests", "version": "1"}}),
    );
    let reply = owner.post("/mcp", &initialize).await.expect(200);
    assert!(!reply.headers.contains_key("mcp-session-id"), "there is no session to steal");
    for header in ["mcp-session-id", "last-event-id"] {
        let mut stolen = alice.post_request("/mcp", &search("squirrels"));
        stolen.headers_mut().insert(header, HeaderValue::from_static("1"));
        alice.send(stolen).await.expect(403);
        let replay = owner.request(Method::GET, "/mcp").header(header, "1").body(Bytes::new()).unwrap();
        owner.send(replay).await.expect(405);
    }
    // Lists are never cut, so a cursor is nobody's, and what it names does not matter.
    let all = owner.post("/mcp", &list_tools()).await.json();
    for cursor in ["1", "b3duZXI6MQ==", "../../etc/passwd", "\u{0}"] {
        let reply = owner.post("/mcp", &request(1, "tools/list", json!({"cursor": cursor}))).await;
        assert!(reply.json() == all || reply.json()["error"].is_object(), "{cursor}");
        alice.post("/mcp", &request(1, "tools/list", json!({"cursor": cursor}))).await.expect(403);
    }
}

#[tokio::test]
async fn deep_and_many_fold_requests_are_refused_and_leave_nothing_behind() {
    let home = Home::new("deep");
    let node = home.node().await;
    let (owner, public) = (node.owner().await, node.public());
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    let before = node.process.memory();
    let deep = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{}1{}}}"#,
        "[".repeat(900_000),
        "]".repeat(900_000)
    );
    let batch = Value::Array(vec![list_tools(); 10_000]).to_string();
    let initialize = request(
        1,
        "initialize",
        json!({"protocolVersion": "2025-06-18", "capabilities": {},
        "clientInfo": {"name": "n".repeat(100_000), "version": "1"}}),
    );
    for (client, path) in [(owner.clone(), "/mcp".to_owned()), (public, node.secret_path())] {
        for body in [&deep, &batch] {
            let mut sent = client.post_request(&path, &json!({}));
            *sent.body_mut() = Bytes::from(body.clone());
            let reply = within(SOON, "an answer", client.send(sent)).await;
            assert!((400..500).contains(&reply.status), "{} {}", reply.status, reply.text());
        }
        let connection = client.connect().await;
        for _ in 0..200 {
            connection.post(&path, &initialize).await.expect(200);
        }
    }
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    let grown = node.process.memory().saturating_sub(before);
    assert!(grown < 48 << 20, "it grew by {} MiB", grown >> 20);
}

#[tokio::test]
async fn arguments_that_lead_elsewhere_reach_no_file_and_no_program() {
    let node = Node::shared().await;
    let owner = node.owner().await.connect().await;
    let places = [
        "../../../../etc/passwd",
        "/etc/passwd",
        "file:///etc/passwd",
        "%2e%2e/%2e%2e/etc/passwd",
        "..\\..\\etc\\passwd",
        "/etc/passwd\u{0}.png",
        "/proc/self/environ",
        "$(id)",
        "`id`",
        "; id",
        "| id",
        "--help",
        "roam://#/app/x",
        "http://127.0.0.1:1/",
        "http://[::1]:1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://100.100.100.100/",
    ];
    for place in places {
        for (tool, arguments) in [
            ("file_upload", json!({"path": place})),
            ("file_upload", json!({"url": place})),
            ("file_get", json!({"url": place})),
            ("get_page", json!({"title": place})),
            ("get_block", json!({"uid": place})),
            ("search", json!({"query": "squirrels", "graph": place})),
            ("setup_new_graph", json!({"graph": place})),
            ("call_extension_tool", json!({"extensionId": place, "tool": place})),
        ] {
            let reply = within(SOON, "an answer", owner.post("/mcp", &call(tool, arguments))).await;
            let text = reply.text();
            assert!(
                !text.contains("root:") && !text.contains("uid=") && !text.contains("TS_AUTHKEY"),
                "{tool} {place}: {text}"
            );
            let message = reply.json();
            let refused = message["error"].is_object() || message["result"]["isError"] == true;
            assert!(refused || text.contains(r#"\"found\": false"#), "{tool} {place}: {message}");
        }
    }
}

#[tokio::test]
async fn patterns_that_explode_elsewhere_are_answered_soon() {
    let node = Node::shared().await;
    let owner = node.owner().await.connect().await;
    let evil = format!("{}!", "a".repeat(4000));
    owner.tool("/mcp", "create_block", json!({"pageTitle": "Evil", "markdown": evil})).await;
    let datalog = r#"[:find ?s :where [?b :block/string ?s] [(re-pattern "^(a+)+$") ?p] [(re-find ?p ?s)]]"#;
    for (tool, arguments) in [
        ("search", json!({"query": "(a+)+$ ".repeat(500)})),
        ("search", json!({"query": "\"*".repeat(5000)})),
        ("search", json!({"query": "a".repeat(100_000)})),
        ("roam_query", json!({"query": "{and: ".repeat(5000)})),
        ("roam_query", json!({"query": "{or: {not: [[a]]} ".repeat(500)})),
        ("datalog_query", json!({"query": datalog})),
        ("datalog_query", json!({"query": "(".repeat(100_000)})),
        ("create_page", json!({"title": "Deep", "markdown": "> * _[[".repeat(5000)})),
    ] {
        let reply = within(SOON, tool, owner.post("/mcp", &call(tool, arguments))).await;
        assert!(reply.status < 500, "{tool}: {} {}", reply.status, reply.text());
    }
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn queries_that_grow_by_themselves_are_refused_soon() {
    let node = Node::shared().await;
    let owner = node.owner().await.connect().await;
    let doubled = |call: &str| {
        let steps: String = (0..40).map(|at| format!("[({call} ?v{at} ?v{at}) ?v{}]", at + 1)).collect();
        format!("[:find ?v40 :where [(str \"letters\") ?v0] {steps}]")
    };
    let names: String = (0..30).map(|at| format!("[(identity ?b{}) ?b{}] ", at % 6, (at / 6 + at + 1) % 6)).collect();
    let many: Vec<usize> = (0..300).collect();
    for arguments in [
        json!({"query": doubled("str")}),
        json!({"query": doubled("vector")}),
        json!({"query": format!("[:find ?b0 :where [_ :block/string ?b0] {names}]")}),
        json!({"query": "[:find (count ?x) . :in $ [[[?x ...] [?y ...]] ...]]", "inputs": [vec![[&many, &many]; 20]]}),
    ] {
        let reply = within(SOON, "an answer", owner.post("/mcp", &call("datalog_query", arguments))).await;
        assert!(reply.status < 500, "{} {}", reply.status, reply.text());
    }
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_ends() {
    let home = Home::new("hasty");
    let node = home.node().await;
    let many: String = (0..400).map(|n| format!("- line {n}\n")).collect();
    node.owner().await.tool("/mcp", "create_page", json!({"title": "Long", "markdown": many})).await;
    // It compares every three blocks: far more than can be done before its client goes.
    let endless = "[:find (count ?a) :where [?a :block/string ?s] [?b :block/string ?t] [?c :block/string ?u] \
        [(not= ?s ?t)] [(not= ?t ?u)] [(= ?s ?u)]]";
    let owner = node.owner().await;
    // Over HTTP/1.1 a client that has closed its half may still read; one that has gone is noticed at the next keep-alive.
    let hasty = owner.with(Scheme::Http2);
    let arguments = json!({"name": "datalog_query", "arguments": {"query": endless}});
    let read = modern(&hasty, "/mcp", "tools/call", arguments);
    // More than the graph has readers.
    for _ in 0..6 {
        let gone = tokio::time::timeout(Duration::from_millis(200), hasty.send(read.clone())).await;
        assert!(gone.is_err(), "it was answered at once: {gone:?}");
    }
    eventually("it is counted as given up", async || {
        let metrics = owner.get("/metrics").await.text();
        metrics.contains(r#"tool="datalog_query",outcome="given-up"} 6"#).then_some(())
    })
    .await;
    within(SOON, "there is a reader again", owner.tool("/mcp", "search", json!({"query": "squirrels"}))).await;
}
