use roam_mcp::access::{self, Caller, Ceiling, Policy, Share};
use roam_mcp::config::{GraphEntry, Kind, RoamTools, TokenLevel, TokenStatus};

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

#[tokio::test]
async fn a_nickname_never_leads_away_from_the_graph_of_that_name() {
    let machine = Machine::with_roam().await;
    let graphs = machine.graphs(machine.settings());
    let graph = |name: &str, nickname: &str| GraphEntry {
        name: name.into(),
        nickname: nickname.into(),
        ..entry(TOKEN, Kind::Hosted)
    };
    RoamTools::save_graph(&machine.tools_file(), &graph("Payroll", "diary")).unwrap();
    let found = |wanted: &str| graphs.resolve(Some(wanted)).map(|graph| graph.name().to_owned());
    assert_eq!((found("diary").unwrap().as_str(), graphs.problems().len()), ("Payroll", 0));

    RoamTools::save_graph(&machine.tools_file(), &graph("Diary", "priv")).unwrap();
    assert_eq!((found("Diary").unwrap(), found("priv").unwrap()), ("Diary".into(), "Diary".into()));
    assert_eq!(found("Payroll").unwrap(), "Payroll");
    assert_eq!(code(&found("diary").unwrap_err()), Some("GRAPH_NOT_CONFIGURED"));
    let shown: Vec<String> = graphs.list().iter().map(|graph| graph.info().nickname).collect();
    assert_eq!(shown, ["Payroll", "priv"]);
    let problems = graphs.problems();
    assert!(problems[0].contains("diary") && problems[0].contains("Payroll"), "{problems:?}");
    // The ceiling that was written for it stays.
    let hidden = Ceiling { graphs: ["diary"].into_iter().collect(), most: Share::None };
    let policy = graphs.under(Policy { ceilings: vec![hidden], ..Policy::default() }.into());
    assert!(!access::sees(&policy, &Caller::Admin, "Payroll") && access::sees(&policy, &Caller::Admin, "Diary"));
}

#[tokio::test]
async fn what_is_wrong_with_the_file_is_told_to_this_computers_user_alone() {
    let machine = Machine::with_roam().await;
    let graphs = machine.graphs(machine.settings());
    std::fs::write(machine.tools_file(), r#"{"graphs": [{"name": "Divorce 2026", "nickname": "d"}]}"#).unwrap();
    let file = machine.tools_file().display().to_string();
    for (local, told) in [(true, true), (false, false)] {
        let trouble = graphs.trouble(local).unwrap();
        let refused = graphs.resolve_for(None, local, |_| true).unwrap_err();
        assert_eq!((trouble.code.clone(), refused.message.clone()), (refused.code, trouble.message.clone()));
        assert_eq!(trouble.message.contains(&file), told, "{trouble}");
        assert_eq!(trouble.message.contains("graphs[0]"), told, "{trouble}");
    }
    assert!(graphs.problems()[0].contains(&file));
}
