mod loss;
mod refusals;
mod starting;

use std::time::Duration;

use roam_mcp::config::Kind;
use roam_mcp::graph::TokenState;
use roam_mcp::secret::Secret;
use serde_json::json;

use super::support::{Fault, Machine, TOKEN, code, read, write};

#[tokio::test]
async fn a_call_reaches_roam_in_its_envelope_with_its_token() {
    let machine = Machine::with_roam().await;
    let page = read(&machine.garden()).await.unwrap();
    assert_eq!(page["uid"], "gardenpag");
    let calls = machine.calls();
    assert_eq!((calls.len(), calls[0].path.as_str()), (1, "/api/garden"));
    assert_eq!(calls[0].authorization.as_deref(), Some("Bearer roam-graph-local-token-garden"));
    assert_eq!(calls[0].host, format!("127.0.0.1:{}", machine.port()));
    let body = json!({ "action": "data.ai.getPage", "args": [{ "title": "Garden" }], "expectedApiVersion": "1.1.5" });
    assert_eq!(calls[0].body, body);
}

#[tokio::test]
async fn an_offline_graph_is_asked_for_as_one() {
    let machine = Machine::without_roam(Kind::Offline);
    machine.start_roam().await;
    read(&machine.graph(machine.settings(), TOKEN, Kind::Offline)).await.unwrap();
    assert_eq!(machine.calls()[0].path, "/api/garden?type=offline");
}

#[tokio::test]
async fn calls_share_a_connection_that_was_greeted_once() {
    let machine = Machine::with_roam().await;
    let graph = machine.garden();
    for _ in 0..3 {
        write(&graph).await.unwrap();
    }
    assert_eq!((machine.connections(), machine.calls().len()), (1, 3));
}

#[tokio::test]
async fn calls_at_the_same_time_do_not_wait_for_each_other() {
    let machine = Machine::with_roam().await;
    let graph = machine.garden();
    machine.next([Fault::Delay(Duration::from_millis(200))]);
    let (slow, quick) = tokio::join!(read(&graph), read(&graph));
    assert!(slow.is_ok() && quick.is_ok());
    assert_eq!(machine.connections(), 2);
}

#[tokio::test]
async fn a_roam_that_closes_each_connection_gets_each_call_once() {
    let machine = Machine::with_roam().await;
    machine.close_after_each_answer();
    let graph = machine.garden();
    for _ in 0..3 {
        write(&graph).await.unwrap();
    }
    // One for the greeting and one for the call.
    assert_eq!((machine.connections(), machine.calls().len()), (6, 3));
}

#[tokio::test]
async fn an_emoji_that_was_cut_in_half_does_not_cost_the_answer() {
    let machine = Machine::with_roam().await;
    let deep = format!("{}{}", "[".repeat(400), "]".repeat(400));
    for result in ["\"cut \\ud83d\"", &deep] {
        machine.next([Fault::Answer(200, format!("{{\"success\": true, \"result\": {result}}}"))]);
        write(&machine.garden()).await.unwrap();
    }
}

#[tokio::test]
async fn a_port_that_changes_between_two_calls_is_noticed() {
    let machine = Machine::with_roam().await;
    let graph = machine.garden();
    read(&graph).await.unwrap();
    let before = machine.port();
    machine.stop_roam();
    machine.start_roam().await;
    assert_ne!(machine.port(), before);
    read(&graph).await.unwrap();
    assert_eq!(machine.calls().len(), 2);
}

#[tokio::test]
async fn a_token_that_is_revoked_between_two_calls_is_reported_as_that() {
    let machine = Machine::with_roam().await;
    let graph = machine.garden();
    read(&graph).await.unwrap();
    assert!(matches!(graph.token_state().await, TokenState::Active { level: Some(_), .. }));
    machine.sandbox.revoke(&Secret::from(TOKEN));
    assert_eq!(code(&read(&graph).await.unwrap_err()), Some("TOKEN_NOT_FOUND"));
    assert_eq!(graph.token_state().await, TokenState::Revoked);
    machine.stop_roam();
    assert_eq!(graph.token_state().await, TokenState::Unknown);
}
