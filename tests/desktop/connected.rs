use roam_mcp::config::{Kind, RoamTools, TokenLevel, TokenStatus};

use super::support::{Machine, TOKEN, code, entry, read};

#[tokio::test]
async fn a_graph_that_is_connected_later_is_served_without_a_restart() {
    let machine = Machine::with_roam().await;
    let graphs = machine.graphs(machine.settings());
    let error = graphs.resolve(None).unwrap_err();
    assert_eq!(code(&error), Some("CONFIG_NOT_FOUND"));
    assert!(error.message.contains("roam-mcp connect"), "{error}");

    RoamTools::save_graph(&machine.tools_file(), &entry(TOKEN, Kind::Hosted)).unwrap();
    read(&graphs.resolve(None).unwrap()).await.unwrap();

    RoamTools::remove_graph(&machine.tools_file(), |_| true).unwrap();
    assert_eq!(code(&graphs.resolve(None).unwrap_err()), Some("GRAPH_NOT_CONFIGURED"));
    assert!(graphs.list().is_empty());
}

#[tokio::test]
async fn a_broken_file_is_an_error_until_it_is_mended() {
    let machine = Machine::with_roam().await;
    let graphs = machine.graphs(machine.settings());
    for (text, expected) in [
        ("{", "VALIDATION_ERROR"),
        (r#"{"graphs": [{"name": "a"}]}"#, "VALIDATION_ERROR"),
        (r#"{"version": 9, "graphs": []}"#, "CONFIG_TOO_NEW"),
        (r#"{"graphs": []}"#, "GRAPH_NOT_CONFIGURED"),
    ] {
        std::fs::write(machine.tools_file(), text).unwrap();
        assert_eq!(code(&graphs.resolve(None).unwrap_err()), Some(expected), "{text}");
    }
    std::fs::remove_file(machine.tools_file()).unwrap();
    machine.garden();
    assert!(graphs.resolve(None).is_ok());
}

#[tokio::test]
async fn what_was_last_heard_of_a_token_is_shown() {
    let machine = Machine::with_roam().await;
    let graphs = machine.graphs(machine.settings());
    let graph = machine.garden();
    assert_eq!(graph.info().to_json()["accessLevel"], "full");
    graph.record_token(Some(TokenLevel::ReadEditOwn), TokenStatus::Revoked).await;
    let info = graphs.resolve(None).unwrap().info().to_json();
    assert_eq!((&info["accessLevel"], &info["lastKnownTokenStatus"]), (&"read-edit-own".into(), &"revoked".into()));
    assert!(!info.to_string().contains(TOKEN));
    read(&graphs.resolve(None).unwrap()).await.unwrap();
}
