//! Clients that do not keep to the protocol.

use super::*;

impl Client {
    async fn send_line(&mut self, line: &[u8]) {
        self.input.write_all(line).await.unwrap();
        self.input.write_all(b"\n").await.unwrap();
    }

    /// The code, the id and the text of the error that the next answer is.
    async fn error(&mut self) -> (i64, Value, String) {
        let answer = self.answer().await;
        let error = &answer["error"];
        let text = error["message"].as_str().unwrap_or_else(|| panic!("no error: {answer}"));
        (error["code"].as_i64().unwrap(), answer["id"].clone(), text.to_owned())
    }
}

#[tokio::test]
async fn a_line_that_cannot_be_read_is_answered_and_the_next_one_served() {
    let mut client = Client::start();
    client.initialize().await;
    let deep =
        format!(r#"{{"params":{{"a":{}{}}},"method":"ping","jsonrpc":"2.0","id":3}}"#, "[".repeat(70), "]".repeat(70));
    for (line, code, id, part) in [
        ("garbage", -32700, Value::Null, "not JSON"),
        (r#"{"jsonrpc":"2.0","id":5,"method":"ping","params":{oops}}"#, -32700, json!(5), "not JSON"),
        (r#"{"jsonrpc":"2.0","id":"a","method":"pi"#, -32700, Value::Null, "not JSON"),
        (deep.as_str(), -32600, json!(3), "64 levels"),
        ("[]", -32600, Value::Null, "not a JSON-RPC message"),
        (r#"{"id":5,"method":"ping"}"#, -32600, json!(5), "not a JSON-RPC message"),
        (r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#, -32600, Value::Null, "not a JSON-RPC message"),
    ] {
        client.send_line(line.as_bytes()).await;
        let (found, found_id, text) = client.error().await;
        assert_eq!((found, found_id), (code, id), "{line}");
        assert!(text.contains(part), "{line}: {text}");
    }
    client.send_line(b"\xEF\xBB\xBF{\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"ping\"}\r").await;
    assert_eq!(client.answer().await, json!({ "jsonrpc": "2.0", "id": 9, "result": {} }));
}

#[tokio::test]
async fn a_line_that_is_too_long_is_answered_with_the_limit_and_its_id() {
    let mut client = Client::start();
    client.initialize().await;
    let mut long = br#"{"method":"tools/call","params":{"name":"get_page","arguments":{"title":""#.to_vec();
    long.resize(lines::LIMIT + 1, b'x');
    long.extend_from_slice(br#""}},"jsonrpc":"2.0","id":6}"#);
    client.send_line(&long).await;
    let (code, id, text) = client.error().await;
    assert_eq!((code, id), (-32600, json!(6)));
    assert!(text.contains("16777216 bytes"), "{text}");
    client.send(json!({ "jsonrpc": "2.0", "id": 7, "method": "ping" })).await;
    assert_eq!(client.answer().await["id"], 7);
}

#[tokio::test]
async fn half_characters_are_written_as_a_node_server_would_write_them() {
    let mut client = Client::start();
    client.initialize().await;
    for (id, text) in [(1, &br"x \ud83d"[..]), (2, b"x \xff")] {
        let mut line = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"tools/call","params":{{"name":"create_block","arguments":{{"pageTitle":"Half {id}","markdown":""#)
            .into_bytes();
        line.extend_from_slice(text);
        line.extend_from_slice(br#""}}}"#);
        client.send_line(&line).await;
        assert_eq!(client.answer().await["id"], id);
        let (failed, page) = client.call("get_page", json!({ "title": format!("Half {id}") })).await;
        assert!(!failed && page.contains("x \u{fffd}"), "{page}");
    }
}

#[tokio::test]
async fn what_comes_before_the_handshake_does_no_harm() {
    let mut client = Client::start();
    client.send(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    client.send(json!({ "jsonrpc": "2.0", "method": "notifications/of/something/else", "params": { "a": 1 } })).await;
    client.send(json!({ "jsonrpc": "2.0", "id": 1, "result": {} })).await;
    client.send(json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).await;
    assert_eq!(client.answer().await["result"]["tools"].as_array().unwrap().len(), tools::TOOLS.len());
    assert_eq!(client.initialize().await["result"]["protocolVersion"], "2025-06-18");
    client.input.shutdown().await.unwrap();
    client.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn a_client_that_asks_for_a_revision_without_a_handshake_is_served_the_last_with_one() {
    let mut client = Client::start();
    let params =
        json!({ "protocolVersion": "2026-07-28", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    client.send(json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params })).await;
    assert_eq!(client.answer().await["result"]["protocolVersion"], "2025-11-25");
    // It was abolished in the revision that was asked for.
    client.send(json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" })).await;
    assert_eq!(client.answer().await["result"], json!({}));
}

#[tokio::test]
async fn a_request_that_is_not_served_is_told_why() {
    let mut client = Client::start();
    let hello = json!({ "protocolVersion": 5, "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    for (method, params, code, part) in [
        ("initialize", hello, -32602, "`protocolVersion`"),
        ("initialize", json!({ "protocolVersion": "2025-06-18", "capabilities": {} }), -32602, "`clientInfo`"),
        ("initialize", Value::Null, -32602, "there are none"),
        ("tools/call", json!({ "name": "get_page", "arguments": [] }), -32602, "`arguments`"),
        ("tools/call", json!({ "name": "get_page", "arguments": "{}" }), -32602, "`arguments`"),
        ("tools/call", json!({ "name": 5 }), -32602, "`name`"),
        ("tools/call", Value::Null, -32602, "there are none"),
        ("tools/call", json!({ "name": "nothing" }), -32602, "Unknown tool `nothing`"),
        ("resources/list", json!({}), -32601, "resources/list"),
        ("resources/templates/list", json!({}), -32601, "resources/templates/list"),
        ("prompts/list", Value::Null, -32601, "prompts/list"),
        ("foo/bar", json!({}), -32601, "foo/bar"),
    ] {
        let mut request = json!({ "jsonrpc": "2.0", "id": 4, "method": method });
        if !params.is_null() {
            request["params"] = params;
        }
        client.send(request.clone()).await;
        let (found, id, text) = client.error().await;
        assert_eq!((found, id), (code, json!(4)), "{request}");
        assert!(text.contains(part), "{request}: {text}");
    }
}

#[tokio::test]
async fn an_id_that_no_tool_but_one_takes_leads_to_no_other_graph() {
    let ((_one, first), (_two, second)) = (graph(&new_garden()), graph(&new_garden()));
    let named = |name, store| Graph::embedded(name, name, Level::Full, store);
    let mut client = Client::of(Graphs::new(vec![named("garden", first), named("other", second)]).unwrap());
    client.initialize().await;
    let write = json!({ "pageTitle": "Soil", "markdown": "x", "id": "other/zzz" });
    let (failed, text) = client.call("create_block", write).await;
    assert!(failed && text.contains("GRAPH_NOT_SELECTED"), "{text}");
    let (failed, text) = client.call("fetch", json!({ "id": "other/soilpage1" })).await;
    assert!(!failed && text.contains("\"graph\": \"other\""), "{text}");
}
