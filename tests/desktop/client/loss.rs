use std::time::Duration;

use roam_mcp::config::Kind;
use roam_mcp::graph::{Action, DesktopSettings};
use serde_json::json;

use crate::support::{Fault, Machine, TOKEN, code, invoke, read, write};

#[tokio::test]
async fn a_write_that_runs_into_its_deadline_is_sent_once_and_called_unknown() {
    let machine = Machine::with_roam().await;
    let settings = DesktopSettings { deadline: Duration::from_millis(200), ..machine.settings() };
    let graph = machine.graph(settings, TOKEN, Kind::Hosted);
    machine.next([Fault::Hang]);
    let error = write(&graph).await.unwrap_err();
    assert_eq!(code(&error), Some("OUTCOME_UNKNOWN"));
    assert!(error.message.contains("before you try again"), "{error}");
    assert_eq!(machine.calls().len(), 1);
    let page = read(&graph).await.unwrap();
    assert_eq!(page["markdown"].as_str().unwrap().matches("Roses").count(), 1, "it was made, and once: {page}");
}

#[tokio::test]
async fn a_write_whose_connection_breaks_is_sent_once_and_called_unknown() {
    for fault in [Fault::BreakBefore, Fault::BreakAfter] {
        let machine = Machine::with_roam().await;
        let graph = machine.garden();
        // Over a new connection, and over one that was used before.
        for calls in [1, 3] {
            machine.next([fault.clone()]);
            let error = write(&graph).await.unwrap_err();
            assert_eq!(code(&error), Some("OUTCOME_UNKNOWN"), "{fault:?}");
            assert_eq!(machine.calls().len(), calls, "{fault:?}");
            read(&graph).await.unwrap();
        }
    }
}

#[tokio::test]
async fn what_moves_a_window_is_sent_once_and_not_called_undone() {
    let machine = Machine::with_roam().await;
    let graph = machine.garden();
    let actions = [Action::OpenBlock, Action::OpenPage, Action::AddSidebarWindow, Action::ReloadDeveloperExtensions];
    for (earlier, action) in actions.into_iter().enumerate() {
        // Over a connection that was used before.
        read(&graph).await.unwrap();
        machine.next([Fault::BreakBefore]);
        let error = invoke(&graph, action, json!({})).await.unwrap_err();
        assert_eq!(code(&error), Some("OUTCOME_UNKNOWN"), "{action}");
        assert!(!error.message.contains("Nothing") && error.message.contains("not sent again"), "{error}");
        assert_eq!(machine.calls().len(), 2 * (earlier + 1), "{action}");
    }
}

#[tokio::test]
async fn a_write_that_is_answered_with_nonsense_is_called_unknown() {
    let machine = Machine::with_roam().await;
    for nonsense in ["", "<html>", "[]", "{\"success\": 1}", "{\"success\": true"] {
        machine.next([Fault::Answer(200, nonsense.into())]);
        assert_eq!(code(&write(&machine.garden()).await.unwrap_err()), Some("OUTCOME_UNKNOWN"), "{nonsense}");
        machine.next([Fault::Answer(502, nonsense.into())]);
        assert_eq!(code(&read(&machine.garden()).await.unwrap_err()), Some("INTERNAL_ERROR"), "{nonsense}");
    }
    assert_eq!(machine.calls().len(), 10);
}

#[tokio::test]
async fn a_read_is_asked_again_only_over_a_connection_that_was_used_before() {
    let machine = Machine::with_roam().await;
    let graph = machine.garden();
    machine.next([Fault::BreakBefore]);
    assert_eq!(code(&read(&graph).await.unwrap_err()), Some("CONNECTION_FAILED"));
    read(&graph).await.unwrap();
    machine.next([Fault::BreakBefore]);
    read(&graph).await.unwrap();
    assert_eq!(machine.calls().len(), 4);
}

#[tokio::test]
async fn a_read_that_takes_too_long_says_how_long() {
    let machine = Machine::with_roam().await;
    let settings = DesktopSettings { deadline: Duration::from_millis(100), ..machine.settings() };
    machine.next([Fault::Hang]);
    let error = read(&machine.graph(settings, TOKEN, Kind::Hosted)).await.unwrap_err();
    assert_eq!(code(&error), Some("TIMEOUT"));
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let machine = Machine::with_roam().await;
    let huge = " ".repeat((32 << 20) + 1);
    machine.next([Fault::Answer(200, huge.clone()), Fault::Answer(200, huge)]);
    let error = read(&machine.garden()).await.unwrap_err();
    assert!(error.message.contains("32 MiB"), "{error}");
    assert_eq!(code(&write(&machine.garden()).await.unwrap_err()), Some("OUTCOME_UNKNOWN"));
}
