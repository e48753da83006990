//! MCP requests, and what is in the answers.

#![expect(clippy::needless_pass_by_value, reason = "`json!` makes values, which read best as arguments")]

use axum::http::{HeaderValue, Request, header};
use bytes::Bytes;
use serde_json::{Value, json};

use super::client::{Client, Connection, Reply};

/// The newest revision, which has no handshake.
pub(crate) const MODERN: &str = "2026-07-28";
/// Those that begin with `initialize`.
pub(crate) const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// A call of a tool, without any handshake, as stateless servers take it in every revision.
pub(crate) fn call(tool: &str, arguments: Value) -> Value {
    request(1, "tools/call", json!({"name": tool, "arguments": arguments}))
}

/// A search that finds something in every export of the tests.
pub(crate) fn search(query: &str) -> Value {
    call("search", json!({"query": query}))
}

pub(crate) fn list_tools() -> Value {
    request(1, "tools/list", json!({}))
}

pub(crate) fn request(id: u64, method: &str, params: Value) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})
}

/// A request of the newest revision: it tells about itself in `_meta` and in headers.
pub(crate) fn modern(client: &Client, path: &str, method: &str, mut params: Value) -> Request<Bytes> {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
        "io.modelcontextprotocol/clientInfo": {"name": "tests", "version": "1"},
    });
    let name = params["name"].as_str().map(|name| HeaderValue::from_str(name).unwrap());
    let mut sent = client.post_request(path, &request(1, method, params));
    sent.headers_mut().insert("mcp-protocol-version", HeaderValue::from_static(MODERN));
    sent.headers_mut().insert("mcp-method", HeaderValue::from_str(method).unwrap());
    if let Some(name) = name {
        sent.headers_mut().insert("mcp-name", name);
    }
    sent
}

/// The same request with the bearer token.
pub(crate) fn bearer(mut request: Request<Bytes>, token: &str) -> Request<Bytes> {
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, value);
    request
}

impl Client {
    /// Calls a tool and returns the text of its result.
    pub(crate) async fn tool(&self, path: &str, tool: &str, arguments: Value) -> String {
        self.post(path, &call(tool, arguments)).await.tool_text()
    }
}

impl Connection {
    /// Calls a tool and returns the text of its result.
    pub(crate) async fn tool(&self, path: &str, tool: &str, arguments: Value) -> String {
        self.post(path, &call(tool, arguments)).await.tool_text()
    }
}

impl Reply {
    /// The text of a tool's result, which must be a good one.
    pub(crate) fn tool_text(self) -> String {
        let message = self.expect(200).json();
        let result = &message["result"];
        assert!(result["isError"] != true && result["content"][0]["text"].is_string(), "{message}");
        result["content"][0]["text"].as_str().unwrap().to_owned()
    }
}
