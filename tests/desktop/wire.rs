use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Stdio};

use jiff::{ToSpan, Zoned};
use roam_mcp::config::{GraphEntry, Kind, RoamTools};
use serde_json::{Value, json};

use super::rows::{self, Row};
use super::support::{Fault, Machine, TOKEN, command, entry};

/// A client of `roam-mcp stdio` that asks one thing at a time.
struct Client {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Client {
    fn start(machine: &Machine) -> Self {
        let mut command = command(machine.home(), &["stdio", "--no-launch"]);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        Self { child, output }
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let params = json!({ "name": tool, "arguments": arguments });
        let request = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params });
        writeln!(self.child.stdin.as_mut().unwrap(), "{request}").unwrap();
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        serde_json::from_str::<Value>(&line).unwrap()["result"].take()
    }

    fn ends(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

/// The rows are about March 1st, and the program knows what day it is.
fn of_today(value: &Value) -> Value {
    let now = Zoned::now().date();
    let day = |days: i64| now.checked_add(days.days()).unwrap().strftime("%m-%d-%Y").to_string();
    let text = [("02-28-2026", day(-1)), ("03-01-2026", day(0)), ("03-02-2026", day(1))]
        .iter()
        .fold(value.to_string(), |text, (then, now)| text.replace(then, now));
    serde_json::from_str(&text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_tool_sends_and_answers_over_the_whole_way_what_it_does_alone() {
    let machine = Machine::with_roam().await;
    let garden = GraphEntry { nickname: "g".into(), ..entry(TOKEN, Kind::Hosted) };
    RoamTools::save_graph(&machine.tools_file(), &garden).unwrap();
    let mut client = Client::start(&machine);
    let all = [rows::adding(), rows::changing(), rows::reading(), rows::searching(), rows::desktop()];
    for Row(tool, arguments, answer, asked, result) in all.into_iter().flatten() {
        let before = machine.calls().len();
        if !asked.is_null() {
            machine.next([Fault::Answer(200, json!({ "success": true, "result": answer }).to_string())]);
        }
        let told = client.call(tool, &arguments);
        let shown = format!("{tool} {arguments}: {told}");
        assert_eq!(told["isError"], false, "{shown}");
        let calls = machine.calls();
        if asked.is_null() {
            assert_eq!(calls.len(), before, "{shown}");
        } else {
            let [call] = &calls[before..] else { panic!("{shown}") };
            let asked = of_today(&asked);
            let body = json!({ "action": asked[0], "args": asked[1], "expectedApiVersion": "1.1.5" });
            assert_eq!(call.body, body, "{shown}");
            assert_eq!(call.path, "/api/garden");
            assert_eq!(call.authorization.as_deref(), Some(format!("Bearer {TOKEN}").as_str()));
        }
        let mut got: Value = serde_json::from_str(told["content"][0]["text"].as_str().unwrap()).unwrap();
        if told.get("structuredContent").is_some() {
            assert_eq!(told["structuredContent"], got, "{shown}");
        }
        if let Value::Object(fields) = &mut got {
            assert_eq!(fields.remove("graph"), Some("garden".into()), "{shown}");
        }
        assert_eq!(got, result, "{shown}");
    }
    client.ends();
}
