mod command;

use std::time::Duration;

use roam_mcp::access::Level;
use roam_mcp::config::{Kind, TokenLevel};
use roam_mcp::graph::{TokenRequest, TokenState};
use roam_mcp::sandbox::Answer;
use serde_json::{Value, json};

use super::support::{Machine, TOKEN, code, raw};

const ASKED: TokenRequest<'_> =
    TokenRequest { graph: "garden", kind: Kind::Hosted, level: TokenLevel::Full, description: "a test" };

async fn act(machine: &Machine, path: &str, token: Option<&str>, body: Value) -> (u16, Value) {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    raw(machine.port(), "POST", path, &headers, body.to_string()).await
}

#[tokio::test]
async fn an_action_is_checked_as_roam_checks_it() {
    let machine = Machine::with_roam().await;
    let page = json!({ "action": "data.ai.getPage", "args": [{ "title": "Garden" }] });
    let made = |title| json!({ "action": "data.page.create", "args": [{ "page": { "title": title } }] });
    let versioned = |version| json!({ "action": "q", "args": [], "expectedApiVersion": version });
    for (path, token, body, status, expected) in [
        ("/api/garden", Some(TOKEN), page.clone(), 200, None),
        ("/api/garden?type=hosted", Some(TOKEN), page.clone(), 200, None),
        ("/api/garden", None, page.clone(), 401, Some("MISSING_TOKEN")),
        ("/api/garden", Some("roam-graph-token-x"), page.clone(), 401, Some("INVALID_TOKEN_FORMAT")),
        ("/api/garden", Some("roam-graph-local-token-x"), page.clone(), 401, Some("TOKEN_NOT_FOUND")),
        ("/api/garden?type=offline", Some(TOKEN), page.clone(), 401, Some("WRONG_GRAPH_TYPE")),
        ("/api/other", Some(TOKEN), page, 401, Some("TOKEN_NOT_FOUND")),
        ("/api/garden", Some(TOKEN), versioned("1.2.0"), 400, Some("VERSION_MISMATCH")),
        ("/api/garden", None, versioned("1.0.5"), 400, Some("VERSION_MISMATCH")),
        ("/api/garden", Some(TOKEN), json!({ "action": "no.such" }), 404, Some("UNKNOWN_ACTION")),
        ("/api/garden", Some(TOKEN), json!([]), 400, Some("VALIDATION_ERROR")),
        ("/api/garden", Some(TOKEN), made("Garden"), 500, Some("INTERNAL_ERROR")),
        ("/api/garden", Some(TOKEN), made("A new page"), 200, None),
        ("/elsewhere", Some(TOKEN), json!({}), 404, Some("NOT_FOUND")),
    ] {
        let (found, answer) = act(&machine, path, token, body.clone()).await;
        assert_eq!((found, answer["error"]["code"].as_str()), (status, expected), "{path} {body}: {answer}");
        assert_eq!((&answer["success"], &answer["apiVersion"]), (&Value::from(status == 200), &"1.1.5".into()));
    }
}

#[tokio::test]
async fn a_page_in_a_browser_cannot_come_in_under_another_name() {
    let machine = Machine::with_roam().await;
    for (host, status) in [("localhost:1", 200), ("127.0.0.1", 200), ("roam.example:3333", 403), ("127.0.0.1.x", 403)] {
        assert_eq!(raw(machine.port(), "GET", "/api/graphs/open", &[("host", host)], "").await.0, status, "{host}");
    }
}

#[tokio::test]
async fn a_body_without_end_is_refused() {
    let machine = Machine::with_roam().await;
    let (status, answer) = raw(machine.port(), "POST", "/api/garden", &[], vec![b' '; (32 << 20) + 1]).await;
    assert_eq!((status, answer["error"]["code"].as_str()), (413, Some("VALIDATION_ERROR")));
}

#[tokio::test]
async fn the_person_decides_how_much_a_token_allows() {
    let machine = Machine::with_roam().await;
    let desktop = machine.desktop();
    assert_eq!(desktop.available_graphs().await.unwrap(), desktop.open_graphs().await);

    machine.will_answer(Answer::Allow(Level::ReadAppend));
    let granted = desktop.request_token(ASKED).await.unwrap();
    assert_eq!(granted.level, Some(TokenLevel::ReadAppend));
    let state = desktop.token_state("garden", Kind::Hosted, &granted.token).await;
    let scopes = json!({ "read": true, "append": true });
    assert_eq!(state, TokenState::Active { level: Some(TokenLevel::ReadAppend), scopes });
    let asked = &machine.asked()[0];
    assert_eq!((asked.graph.as_str(), asked.level, asked.description.as_str()), ("garden", Level::Full, "a test"));
}

#[tokio::test]
async fn every_way_of_not_getting_a_token_is_named() {
    let machine = Machine::build(Kind::Hosted, Level::Full, Duration::from_millis(100));
    machine.start_roam().await;
    let desktop = machine.desktop();
    let refused = async || code(&desktop.request_token(ASKED).await.unwrap_err()).unwrap().to_owned();
    machine.will_answer(Answer::Deny);
    assert_eq!(refused().await, "USER_REJECTED");
    assert_eq!(refused().await, "TIMEOUT", "nobody is at the desk");
    machine.will_answer(Answer::Block);
    assert_eq!(refused().await, "USER_REJECTED");
    assert_eq!(refused().await, "GRAPH_BLOCKED");
    let other = TokenRequest { graph: "other", ..ASKED };
    assert_eq!(code(&desktop.request_token(other).await.unwrap_err()), Some("INTERNAL_ERROR"));
}

#[tokio::test]
async fn a_request_that_is_taken_back_makes_room_for_the_next() {
    let machine = Machine::with_roam().await;
    let desktop = machine.desktop();
    {
        let waiting = desktop.request_token(ASKED);
        let asked = machine.arrives(|received| received.path.ends_with("/tokens/request"));
        tokio::select! {
            outcome = waiting => panic!("nobody answered, and yet: {outcome:?}"),
            () = asked => {}
        }
    }
    machine.will_answer(Answer::Allow(Level::Full));
    // The stand-in notices the closed connection in its own time.
    let granted = loop {
        match desktop.request_token(ASKED).await {
            Ok(granted) => break granted,
            Err(error) => assert_eq!(code(&error), Some("REQUEST_IN_PROGRESS")),
        }
    };
    assert_eq!(granted.level, Some(TokenLevel::Full));
}
