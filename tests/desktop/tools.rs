use jiff::civil::date;
use roam_mcp::access::{self, Caller, Ceiling, Level, Policy, Share};
use roam_mcp::config::{GraphEntry, Kind, RoamTools, TokenLevel, TokenStatus};
use roam_mcp::graph::Graphs;
use roam_mcp::sandbox::Answer;
use roam_mcp::secret::Secret;
use roam_mcp::tools::{self, Call, Reach, Reply};
use serde_json::{Value, json};

use super::support::{Fault, Machine, TOKEN, entry};

/// Runs a tool as the person at the machine would.
async fn reply(graphs: &Graphs, tool: &str, arguments: Value) -> Reply {
    reply_under(&Policy::default(), graphs, tool, arguments).await
}

async fn reply_under(policy: &Policy, graphs: &Graphs, tool: &str, arguments: Value) -> Reply {
    let tool = tools::find(tool).unwrap();
    let graph = tool.takes_graph().then(|| graphs.resolve(None).unwrap());
    let name = graph.as_ref().map(roam_mcp::graph::Graph::name);
    let operation = tool.operation(name);
    let call = Call {
        permit: access::decide(policy, &Caller::Admin, &operation).unwrap(),
        graph,
        visible: Vec::new(),
        graphs: graphs.clone(),
        arguments: arguments.as_object().unwrap().clone(),
        today: date(2026, 3, 1),
        reach: Reach::local(),
    };
    tools::run(tool, call).await
}

async fn ask(graphs: &Graphs, tool: &str, arguments: Value) -> Value {
    let reply = reply(graphs, tool, arguments).await;
    assert!(!reply.is_error, "{}", reply.text);
    serde_json::from_str(&reply.text).unwrap()
}

async fn refused(graphs: &Graphs, tool: &str, arguments: Value) -> Value {
    let reply = reply(graphs, tool, arguments).await;
    assert!(reply.is_error, "{}", reply.text);
    serde_json::from_str::<Value>(&reply.text).unwrap()["error"].take()
}

fn roam_says(guidelines: &Value) -> Fault {
    Fault::Answer(200, json!({ "success": true, "result": guidelines }).to_string())
}

#[tokio::test]
async fn the_guidelines_come_with_next_steps_and_what_the_token_allows() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let graphs = machine.graphs(machine.settings());
    let answer = json!({ "guidelines": "be kind", "starredPages": ["Soil"], "todaysDailyNotePage": "March 1st, 2026" });
    machine.next([roam_says(&answer)]);
    let told = ask(&graphs, "get_graph_guidelines", json!({})).await;
    assert_eq!((&told["guidelines"], &told["starredPages"]), (&"be kind".into(), &json!(["Soil"])));
    assert!(told["nextSteps"].as_str().unwrap().contains("March 1st, 2026"), "{told}");
    assert!(told["roamSyntax"].as_str().unwrap().contains("{{[[TODO]]}}"));
    assert_eq!((&told["accessLevel"], &told["scopes"]["edit"]), (&"full".into(), &true.into()));
    assert_eq!((&told["graph"], told.get("warning")), (&"garden".into(), None));
    let action = json!({ "action": "data.ai.getGraphGuidelines", "args": [], "expectedApiVersion": "1.1.5" });
    assert_eq!(machine.calls()[0].body, action);
    let noted = &RoamTools::load(&machine.tools_file()).unwrap().entries().unwrap()[0];
    assert_eq!((noted.access_level, noted.token_status), (Some(TokenLevel::Full), Some(TokenStatus::Active)));

    let silent = json!({ "success": true }).to_string();
    machine.next_of_endpoints([Fault::Answer(200, silent)]);
    assert_eq!(ask(&graphs, "get_graph_guidelines", json!({})).await.get("scopes"), None);

    // An old build that knows its guidelines and nothing else.
    machine.next([roam_says(&json!("be kind")), roam_says(&Value::Null)]);
    assert_eq!(ask(&graphs, "get_graph_guidelines", json!({})).await["guidelines"], "be kind");
    let told = ask(&graphs, "get_graph_guidelines", json!({})).await;
    assert_eq!((&told["guidelines"], &told["starredPages"]), (&Value::Null, &json!([])));
}

#[tokio::test]
async fn a_revoked_token_is_a_field_of_the_answer_and_is_noted() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let graphs = machine.graphs(machine.settings());
    machine.sandbox.revoke(&Secret::from(TOKEN));
    let error = refused(&graphs, "get_graph_guidelines", json!({})).await;
    assert_eq!(error["code"], "TOKEN_NOT_FOUND");
    assert!(error["warning"].as_str().unwrap().contains("revoked"), "{error}");
    let noted = || RoamTools::load(&machine.tools_file()).unwrap().entries().unwrap()[0].token_status;
    assert_eq!(noted(), Some(TokenStatus::Revoked));

    machine.next([roam_says(&json!({ "guidelines": null }))]);
    let told = ask(&graphs, "get_graph_guidelines", json!({})).await;
    assert!(told["warning"].as_str().unwrap().contains("garden"), "{told}");
}

#[tokio::test]
async fn a_roam_that_is_away_leaves_the_record_as_it_was() {
    let machine = Machine::with_roam().await;
    machine.garden();
    machine.stop_roam();
    let graphs = machine.graphs(machine.settings());
    assert_eq!(refused(&graphs, "get_graph_guidelines", json!({})).await["code"], "CONNECTION_FAILED");
    assert_eq!(RoamTools::load(&machine.tools_file()).unwrap().entries().unwrap()[0].token_status, None);
}

#[tokio::test]
async fn a_graph_is_set_up_with_leave_from_the_person_and_served_at_once() {
    let machine = Machine::with_roam().await;
    let graphs = machine.graphs(machine.settings());
    let list = ask(&graphs, "setup_new_graph", json!({ "nickname": "ignored" })).await;
    assert_eq!(list["available_graphs"], json!([{ "name": "garden", "type": "hosted" }]));
    assert_eq!((&list["already_configured"], machine.asked().len()), (&json!([]), 0));

    machine.will_answer(Answer::Allow(Level::ReadOnly));
    let done = ask(&graphs, "setup_new_graph", json!({ "graph": "garden", "nickname": "My Garden" })).await;
    let described = json!({ "name": "garden", "nickname": "my-garden", "type": "hosted", "accessLevel": "read-only" });
    assert_eq!((&done["status"], &done["graph"]), (&"connected".into(), &described));
    assert_eq!(machine.asked()[0].level, Level::ReadOnly, "the least is asked for unless more is said");
    assert_eq!(graphs.resolve(Some("my-garden")).unwrap().kind(), Kind::Hosted);

    let shadowing = json!({ "graph": "diary", "nickname": "Garden" });
    let told = refused(&graphs, "setup_new_graph", shadowing).await;
    assert!(told["message"].as_str().unwrap().contains("belongs to garden"), "{told}");
    let again = ask(&graphs, "setup_new_graph", json!({ "graph": "garden", "nickname": "x" })).await;
    assert_eq!((&again["status"], &again["graphs"]), (&"already_configured".into(), &json!([described])));
    assert_eq!(machine.asked().len(), 1);
}

#[tokio::test]
async fn a_setup_that_fails_has_a_code_that_says_what_can_be_done() {
    let machine = Machine::with_roam().await;
    let graphs = machine.graphs(machine.settings());
    let list = json!({ "success": true, "result": [{ "name": "garden", "type": "hosted" }] });
    for (status, error, code) in [
        (500, json!({ "message": "boom" }), "INTERNAL_ERROR"),
        (400, json!({ "code": "WEIRD", "message": "boom" }), "INTERNAL_ERROR"),
        (500, json!({ "code": "CANCELLED" }), "INTERNAL_ERROR"),
        (403, json!("boom"), "INTERNAL_ERROR"),
        (409, json!({ "code": "REQUEST_IN_PROGRESS" }), "REQUEST_IN_PROGRESS"),
    ] {
        let refusal = json!({ "success": false, "error": error }).to_string();
        machine.next_of_endpoints([Fault::Answer(200, list.to_string()), Fault::Answer(status, refusal)]);
        let told = refused(&graphs, "setup_new_graph", json!({ "graph": "garden", "nickname": "g" })).await;
        assert_eq!(told["code"], code, "{told}");
        assert_eq!(told.as_object().unwrap().keys().collect::<Vec<_>>(), ["code", "message"], "{told}");
        assert_eq!(told["message"].as_str().unwrap().contains("boom"), error.to_string().contains("boom"), "{told}");
    }
}

#[tokio::test]
async fn a_graph_with_a_dead_token_is_set_up_anew() {
    let machine = Machine::with_roam().await;
    machine.garden().record_token(None, TokenStatus::Revoked).await;
    let graphs = machine.graphs(machine.settings());
    machine.will_answer(Answer::Allow(Level::Full));
    let arguments = json!({ "graph": "garden", "nickname": "g", "accessLevel": "full" });
    assert_eq!(ask(&graphs, "setup_new_graph", arguments).await["status"], "connected");
    assert_eq!(machine.asked()[0].level, Level::Full);
    let entries = RoamTools::load(&machine.tools_file()).unwrap().entries().unwrap();
    assert_eq!((entries.len(), entries[0].token_status), (1, None));
}

#[tokio::test]
async fn nobody_is_asked_for_a_token_whose_nickname_another_type_of_the_graph_has() {
    let machine = Machine::with_roam().await;
    let offline =
        GraphEntry { nickname: "g".into(), token_status: Some(TokenStatus::Revoked), ..entry(TOKEN, Kind::Offline) };
    RoamTools::save_graph(&machine.tools_file(), &offline).unwrap();
    machine.will_answer(Answer::Allow(Level::Full));
    let graphs = machine.graphs(machine.settings());
    let told = refused(&graphs, "setup_new_graph", json!({ "graph": "garden", "nickname": "g" })).await;
    assert!(told["message"].as_str().unwrap().contains("belongs to garden (offline)"), "{told}");
    assert!(machine.asked().is_empty());
    let done = ask(&graphs, "setup_new_graph", json!({ "graph": "garden", "nickname": "h" })).await;
    assert_eq!(done["status"], "connected");
}

#[tokio::test]
async fn what_cannot_be_set_up_is_refused_before_the_person_is_asked() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let graphs = machine.graphs(machine.settings());
    for (arguments, part) in [
        (json!({ "graph": "meadow" }), "nickname"),
        (json!({ "graph": "meadow", "nickname": "日本" }), "nickname"),
        (json!({ "graph": "a/b", "nickname": "x" }), "letters"),
        (json!({ "graph": "meadow", "nickname": "garden" }), "belongs to"),
        (json!({ "graph": "meadow", "nickname": "m" }), "no graph of that name"),
    ] {
        let error = refused(&graphs, "setup_new_graph", arguments).await;
        assert_eq!(error["code"], "VALIDATION_ERROR");
        assert!(error["message"].as_str().unwrap().contains(part), "{error}");
    }
    let fixed = Graphs::default();
    assert!(
        refused(&fixed, "setup_new_graph", json!({})).await["message"].as_str().unwrap().contains("no Roam Desktop")
    );
    assert!(machine.asked().is_empty());
}

#[tokio::test]
async fn a_graph_that_a_ceiling_hides_is_none_that_can_be_connected() {
    let machine = Machine::with_roam().await;
    let graphs = machine.graphs(machine.settings());
    let ceiling = Ceiling { graphs: ["gard*"].into_iter().collect(), most: Share::None };
    let hidden = Policy { ceilings: vec![ceiling], ..Policy::default() };
    let list = reply_under(&hidden, &graphs, "setup_new_graph", json!({})).await;
    assert!(!list.is_error && !list.text.contains("garden"), "{}", list.text);
    let named = json!({ "graph": "garden", "nickname": "g" });
    let refused = reply_under(&hidden, &graphs, "setup_new_graph", named).await;
    assert!(refused.is_error && refused.text.contains("no graph of that name"), "{}", refused.text);
    assert!(machine.asked().is_empty());
    machine.garden();
    let list = reply_under(&hidden, &graphs, "setup_new_graph", json!({})).await;
    assert!(!list.text.contains("garden"), "{}", list.text);
}
