use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::access::{Ceiling, Credential, CredentialKind, Rule, Share};
use crate::audit::{AuditSettings, Event, Record};
use crate::graph::recorder::Recorder;
use crate::graph::{Connected, Desktop, DesktopSettings, Launch};
use crate::metrics::Gauges;

/// A server for callers, and where it keeps its books.
struct Served {
    server: Server,
    dir: TempDir,
}

impl Served {
    fn new(graphs: Graphs, policy: Policy, outside: Outside) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::open(dir.path(), AuditSettings::default()).unwrap();
        let books = Books { audit, metrics: Metrics::new(Gauges::default), writes: TaskTracker::new() };
        let outside = Arc::new(ArcSwap::from_pointee(outside));
        let server = Server::for_callers(graphs, Arc::new(ArcSwap::from_pointee(policy)), books, outside);
        Self { server, dir }
    }

    async fn call(&self, rule: &Value, tool: &str, arguments: &Value) -> Result<CallToolResult, ErrorData> {
        let rule = Rule::from_grants(std::slice::from_ref(rule)).0.remove(0);
        let caller = Caller::Public(Arc::new(Credential { name: "claude".into(), kind: CredentialKind::Bearer, rule }));
        let peer = Peer::Funnel { source: "203.0.113.7:4711".parse().unwrap() };
        let request =
            CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments.as_object().unwrap().clone());
        self.server.call(peer, &caller, request, None).await
    }

    async fn text(&self, rule: &Value, tool: &str, arguments: &Value) -> String {
        match self.call(rule, tool, arguments).await {
            Ok(result) => serde_json::to_string(&result.content).unwrap(),
            Err(error) => error.to_string(),
        }
    }

    /// Which decisions are on record, once `count` of them are: whether each allowed the call, and by what.
    async fn decisions(&self, count: usize) -> Vec<(bool, String)> {
        loop {
            let log = std::fs::read_to_string(self.dir.path().join("audit.jsonl")).unwrap();
            let events = log.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok());
            let decisions = events.filter_map(|record| match record.event {
                Event::Decision { allowed, rule, .. } => Some((allowed, rule)),
                _ => None,
            });
            let decisions: Vec<_> = decisions.collect();
            if decisions.len() >= count {
                return decisions;
            }
            tokio::task::yield_now().await;
        }
    }
}

fn both() -> Graphs {
    let recorder = Recorder::default();
    Graphs::new(vec![recorder.called("Work", "job"), recorder.called("Diary", "priv")]).unwrap()
}

fn hidden(graphs: &str) -> Policy {
    let ceiling = Ceiling { graphs: [graphs].into_iter().collect(), most: Share::None };
    Policy { ceilings: vec![ceiling], ..Policy::default() }
}

#[tokio::test]
async fn a_graph_that_is_hidden_is_like_one_that_is_not_there_and_the_attempt_is_on_record() {
    let (everything, only_work) = (json!({"access": "full"}), json!({"access": "full", "graphs": ["Work"]}));
    for (policy, rule) in [
        (Policy::default(), &only_work),
        (hidden("Diary"), &everything),
        (hidden("priv"), &everything),
        (hidden("PRIV"), &everything),
        (hidden("pr*"), &everything),
    ] {
        let served = Served::new(both(), policy, Outside::default());
        let asked = async |graph: &str| {
            let said = served.text(rule, "get_page", &json!({"graph": graph, "title": "x"})).await;
            said.replace(graph, "")
        };
        let unknown = asked("nothing").await;
        assert!(unknown.contains("GRAPH_NOT_CONFIGURED") && unknown.contains("Work"), "{unknown}");
        for graph in ["Diary", "priv", "PRIV"] {
            assert_eq!(asked(graph).await, unknown, "{graph}");
        }
        for told in [unknown, served.text(rule, "list_graphs", &json!({})).await] {
            assert!(!told.contains("Diary") && !told.contains("priv"), "{told}");
        }
        let decisions = served.decisions(5).await;
        assert!(decisions[..4].iter().all(|(allowed, by)| !allowed && by.contains("no graph")), "{decisions:?}");
        // It is the only one for them.
        let page = served.call(rule, "get_page", &json!({"title": "x"})).await.unwrap();
        assert_ne!(page.is_error, Some(true), "{page:?}");
    }
}

#[tokio::test]
async fn a_call_that_says_not_which_graph_is_on_record() {
    let served = Served::new(both(), Policy::default(), Outside::default());
    let said = served.text(&json!({"access": "full"}), "get_page", &json!({"title": "x"})).await;
    assert!(said.contains("GRAPH_NOT_SELECTED") && said.contains("Diary"), "{said}");
    assert!(!served.decisions(1).await[0].0);
}

#[tokio::test]
async fn a_rule_for_some_graphs_is_none_for_connecting_another() {
    let outside = Outside { desktop_for_public: true, ..Outside::default() };
    let narrow = Policy {
        for_public: Some(Rule { graphs: ["Work"].into_iter().collect(), ..Rule::everything(access::Level::Full) }),
        ..Policy::default()
    };
    let (everything, some) = (json!({"access": "full"}), json!({"access": "full", "graphs": ["Work", "D*"]}));
    for (policy, rule, known) in [
        (Policy::default(), &everything, true),
        (Policy::default(), &some, false),
        (narrow, &everything, false),
        (hidden("*"), &everything, false),
        (hidden("Diary"), &everything, true),
    ] {
        let served = Served::new(both(), policy, outside.clone());
        let said = served.text(rule, "setup_new_graph", &json!({})).await;
        assert_eq!(!said.contains("Unknown tool"), known, "{said}");
    }
}

#[tokio::test]
async fn a_caller_from_outside_does_not_read_what_is_wrong_with_the_files_of_this_computer() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("tools.json");
    std::fs::write(&file, r#"{"graphs": [{"name": "Divorce 2026", "nickname": "d"}]}"#).unwrap();
    let settings = DesktopSettings {
        port_file: home.path().join("port"),
        deadline: std::time::Duration::from_secs(1),
        launch: Launch::never(),
    };
    let graphs: Graphs = Connected::new(file.clone(), Desktop::new(settings)).into();
    let served = Served::new(graphs, Policy::default(), Outside::default());
    for (tool, arguments) in [("list_graphs", json!({})), ("get_page", json!({"title": "x"}))] {
        let said = served.text(&json!({"access": "full"}), tool, &arguments).await;
        assert!(said.contains("VALIDATION_ERROR") && said.contains("roam-mcp status"), "{said}");
        assert!(!said.contains("tools.json") && !said.contains("graphs[0]"), "{said}");
    }
}

#[tokio::test]
async fn a_long_name_of_no_tool_is_neither_told_nor_recorded_in_full() {
    let served = Served::new(both(), Policy::default(), Outside::default());
    let name = "x".repeat(100_000);
    let said = served.text(&json!({"access": "read-only"}), &name, &json!({})).await;
    assert!(said.contains("Unknown tool") && said.len() < 300, "{}", said.len());
    assert_eq!(served.decisions(1).await, [(false, "there is no such tool".to_owned())]);
    let log = std::fs::metadata(served.dir.path().join("audit.jsonl")).unwrap();
    assert!(log.len() < 1000, "{}", log.len());
}
