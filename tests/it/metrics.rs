//! What the operator's monitoring sees, and nobody else does.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use serde_json::json;

use crate::support::eventually;
use crate::support::home::Home;
use crate::support::mcp::{call, search};
use crate::support::tailnet::tailnet;

const CAPABILITY: &str = "roam-mcp.internal/cap/roam-mcp";

/// What the admin socket shows.
fn by_socket(home: &Home) -> String {
    let mut socket = UnixStream::connect(home.state_dir().join("admin.sock")).unwrap();
    socket.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
    let mut reply = String::new();
    socket.read_to_string(&mut reply).unwrap();
    assert!(reply.starts_with("HTTP/1.1 200"), "{reply}");
    reply
}

#[tokio::test]
async fn the_owner_sees_what_was_called_and_how_it_ended_and_no_secret() {
    let home = Home::new("measured");
    let node = home.node().await;
    let (owner, public) = (node.owner().await, node.public());
    owner.tool("/mcp", "search", json!({"query": "squirrels"})).await;
    public.tool(&node.secret_path(), "search", json!({"query": "walnuts"})).await;
    public.post(&node.secret_path(), &call("s3cret_tool", json!({}))).await;
    public.post("/wrong-secret/mcp", &search("squirrels")).await.expect(404);

    let reply = owner.get("/metrics").await.expect(200);
    assert_eq!(reply.header("content-type"), "application/openmetrics-text; version=1.0.0; charset=utf-8");
    for text in [reply.text(), by_socket(&home)] {
        for line in [
            r#"roam_mcp_tool_calls_total{plane="tailnet",caller="user",tool="search",outcome="ok"} 1"#,
            r#"roam_mcp_tool_calls_total{plane="funnel",caller="credential",tool="search",outcome="ok"} 1"#,
            r#"roam_mcp_tool_calls_total{plane="funnel",caller="credential",tool="unknown",outcome="unknown"} 1"#,
            r#"roam_mcp_http_responses_total{plane="funnel",status="404"} 1"#,
            r#"roam_mcp_tool_call_duration_seconds_count{tool="search"} 2"#,
            r#"roam_mcp_funnel_state{state="open"} 1"#,
            "roam_mcp_audit_failing 0",
        ] {
            assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
        }
        assert!(text.contains("roam_mcp_certificate_expiry_timestamp_seconds 1"), "{text}");
        let said = ["s3cret", "wrong-secret", "squirrels", "operator", &node.token, &node.path_secret, &node.name];
        assert!(said.iter().all(|said| !text.contains(said)), "{text}");
    }
}

#[tokio::test]
async fn to_everybody_else_the_path_does_not_exist() {
    let home = Home::new("discreet");
    let node = home.node().await;
    let (owner, public) = (node.owner().await, node.public());
    let unknown = public.get("/no-such-path").await.expect(404);
    let mut bearer = public.request(axum::http::Method::GET, "/metrics");
    bearer = bearer.header("authorization", format!("Bearer {}", node.token));
    for reply in [
        public.get("/metrics").await,
        public.post("/metrics", &json!({})).await,
        public.send(bearer.body(bytes::Bytes::new()).unwrap()).await,
        node.user("bob@example.com").await.get("/metrics").await,
        owner.post("/metrics", &json!({})).await,
    ] {
        assert_eq!(reply.comparable(), unknown.comparable());
    }

    let monitor = node.tagged("tag:monitor").await;
    assert_eq!(monitor.get("/metrics").await.status, 404);
    let grant = json!([{"access": "full", "tools": ["metrics"]}]);
    tailnet().allow("discreet", json!({"caps": {"monitor-server": {CAPABILITY: grant}}})).await;
    eventually("the monitor is let in", async || (monitor.get("/metrics").await.status == 200).then_some(())).await;
    let list = monitor.post("/mcp", &crate::support::mcp::list_tools()).await.json();
    assert_eq!(list["result"]["tools"], json!([]), "and may do nothing else");
}
