mod careless;

use serde_json::{Value, json};
use tokio::io::{
    AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf, duplex, split,
};
use tokio::task::JoinHandle;

use super::*;
use crate::access::Level;
use crate::graph::testing::{Workshop, graph, new_garden};
use crate::graph::{Connected, Desktop, DesktopSettings, Graph, Launch};

/// A client, as far as it is needed.
struct Client {
    input: WriteHalf<DuplexStream>,
    output: Lines<BufReader<ReadHalf<DuplexStream>>>,
    served: JoinHandle<io::Result<()>>,
    _workshop: Option<Workshop>,
}

impl Client {
    fn start() -> Self {
        let (workshop, store) = graph(&new_garden());
        let graphs = Graphs::new(vec![Graph::embedded("garden", "g", Level::Full, store)]).unwrap();
        Self { _workshop: Some(workshop), ..Self::of(graphs) }
    }

    fn of(graphs: Graphs) -> Self {
        let (ours, theirs) = duplex(1 << 16);
        let (input, output) = split(theirs);
        let served = tokio::spawn(serve(graphs, input, output));
        let (output, input) = split(ours);
        Self { input, output: BufReader::new(output).lines(), served, _workshop: None }
    }

    async fn send(&mut self, message: Value) {
        self.input.write_all(format!("{message}\n").as_bytes()).await.unwrap();
    }

    async fn answer(&mut self) -> Value {
        serde_json::from_str(&self.output.next_line().await.unwrap().unwrap()).unwrap()
    }

    /// Whether a call failed, and what it said.
    async fn call(&mut self, tool: &str, arguments: Value) -> (bool, String) {
        self.send(call(7, tool, &arguments)).await;
        let mut answer = self.answer().await["result"].take();
        let Value::String(text) = answer["content"][0]["text"].take() else { panic!("{answer}") };
        (answer["isError"] == true, text)
    }

    async fn initialize(&mut self) -> Value {
        let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
        self.send(json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params })).await;
        let answer = self.answer().await;
        self.send(json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
        answer
    }
}

fn call(id: u32, tool: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": tool, "arguments": arguments } })
}

#[tokio::test]
async fn a_client_of_the_old_era_is_served_as_the_operator() {
    let mut client = Client::start();
    let hello = client.initialize().await;
    assert_eq!(hello["result"]["protocolVersion"], "2025-06-18");
    assert!(hello["result"]["instructions"].as_str().unwrap().contains("get_graph_guidelines"));
    client.send(json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).await;
    let tools = client.answer().await;
    assert_eq!(tools["result"]["tools"].as_array().unwrap().len(), tools::TOOLS.len());
    client.send(call(2, "create_block", &json!({ "pageTitle": "Soil", "markdown": "- new" }))).await;
    assert_eq!(client.answer().await["result"]["structuredContent"]["graph"], "garden");
}

#[tokio::test]
async fn while_no_graph_can_be_had_every_tool_is_there_and_says_why() {
    let home = tempfile::tempdir().unwrap();
    let port_file = home.path().join("port");
    let settings = DesktopSettings { port_file, deadline: Duration::from_secs(1), launch: Launch::never() };
    let file = home.path().join("tools.json");
    let mut client = Client::of(Connected::new(file.clone(), Desktop::new(settings)).into());
    client.initialize().await;
    client.send(json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })).await;
    // Clients ask once, and the first graph may be connected after that.
    assert_eq!(client.answer().await["result"]["tools"].as_array().unwrap().len(), tools::TOOLS.len());
    for (text, code) in [
        ("", "CONFIG_NOT_FOUND"),
        ("{", "VALIDATION_ERROR"),
        (r#"{"version": 2, "graphs": []}"#, "CONFIG_TOO_NEW"),
        (r#"{"graphs": []}"#, "GRAPH_NOT_CONFIGURED"),
    ] {
        if !text.is_empty() {
            std::fs::write(&file, text).unwrap();
        }
        let (failed, listed) = client.call("list_graphs", json!({})).await;
        let listed: Value = serde_json::from_str(&listed).unwrap();
        // Nothing is wrong with an empty list.
        let trouble = if code == "GRAPH_NOT_CONFIGURED" { Value::Null } else { code.into() };
        assert_eq!((failed, &listed["graphs"], &listed["error"]["code"]), (false, &json!([]), &trouble), "{text}");
        assert!(listed["setup"].as_str().unwrap().contains("roam-mcp connect"));

        let (failed, refused) = client.call("get_page", json!({ "title": "Soil" })).await;
        let refused: Value = serde_json::from_str(&refused).unwrap();
        assert_eq!((failed, &refused["error"]["code"]), (true, &json!(code)), "{text}");
        let (failed, refused) = client.call("get_page", json!({ "title": 5 })).await;
        assert!(failed && refused.starts_with("Invalid arguments"), "{refused}");
    }
}

#[tokio::test]
async fn a_client_of_the_new_era_needs_no_handshake() {
    let mut client = Client::start();
    let meta = json!({
        "io.modelcontextprotocol/protocolVersion": "2026-07-28",
        "io.modelcontextprotocol/clientInfo": { "name": "t", "version": "1" },
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    client.send(json!({ "jsonrpc": "2.0", "id": 1, "method": "server/discover", "params": { "_meta": meta } })).await;
    let found = client.answer().await;
    assert!(found["result"]["supportedVersions"].as_array().unwrap().contains(&json!("2026-07-28")), "{found}");
    let mut request = call(2, "get_page", &json!({ "title": "Soil" }));
    request["params"]["_meta"] = meta;
    client.send(request).await;
    let page = client.answer().await;
    assert!(page["result"]["content"][0]["text"].as_str().unwrap().contains("soilpage1"), "{page}");
}

#[tokio::test]
async fn calls_in_flight_are_answered_after_the_input_has_ended() {
    let mut client = Client::start();
    client.initialize().await;
    for id in 1..=20 {
        client.send(call(id, "create_block", &json!({ "pageTitle": "Soil", "markdown": format!("- {id}") }))).await;
    }
    client.send(json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 99 } })).await;
    client.input.shutdown().await.unwrap();
    let mut answered = HashSet::new();
    while let Some(line) = client.output.next_line().await.unwrap() {
        let answer: Value = serde_json::from_str(&line).unwrap();
        assert!(answer["result"]["structuredContent"]["uids"].is_array(), "{answer}");
        answered.insert(answer["id"].as_u64().unwrap());
    }
    assert_eq!(answered.len(), 20);
    client.served.await.unwrap().unwrap();
}

#[tokio::test]
async fn the_last_line_is_served_without_its_end_if_it_is_all_there() {
    for (line, answers) in [(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#, 1), (r#"{"jsonrpc":"2.0","id":1,"meth"#, 0)]
    {
        let mut client = Client::start();
        client.input.write_all(line.as_bytes()).await.unwrap();
        client.input.shutdown().await.unwrap();
        let mut answered = 0;
        while client.output.next_line().await.unwrap().is_some() {
            answered += 1;
        }
        assert_eq!(answered, answers, "{line}");
        client.served.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn an_input_that_says_nothing_ends_well() {
    let mut client = Client::start();
    client.input.shutdown().await.unwrap();
    client.served.await.unwrap().unwrap();
}
