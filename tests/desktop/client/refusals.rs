use proptest::prelude::*;
use roam_mcp::access::Level;
use roam_mcp::config::Kind;
use serde_json::{Value, json};

use crate::support::{Fault, Machine, TOKEN, code, read, token, write};

fn refusal(status: u16, error: &Value) -> Fault {
    Fault::Answer(status, json!({ "success": false, "error": error, "apiVersion": "1.1.2" }).to_string())
}

#[tokio::test]
async fn every_status_and_code_arrives_as_an_error_of_its_own() {
    let machine = Machine::with_roam().await;
    let graph = machine.garden();
    for (status, wire, expected) in [
        (400, Some("VERSION_MISMATCH"), Some("VERSION_MISMATCH")),
        (400, Some("VALIDATION_ERROR"), Some("VALIDATION_ERROR")),
        (400, None, None),
        (401, Some("MISSING_TOKEN"), Some("MISSING_TOKEN")),
        (401, Some("INVALID_TOKEN_FORMAT"), Some("INVALID_TOKEN_FORMAT")),
        (401, Some("WRONG_GRAPH_TYPE"), Some("WRONG_GRAPH_TYPE")),
        (401, Some("TOKEN_NOT_FOUND"), Some("TOKEN_NOT_FOUND")),
        (401, None, None),
        (403, Some("INSUFFICIENT_SCOPE"), Some("INSUFFICIENT_SCOPE")),
        (403, Some("SCOPE_EXCEEDS_PERMISSION"), Some("SCOPE_EXCEEDS_PERMISSION")),
        (403, None, None),
        (404, Some("UNKNOWN_ACTION"), Some("UNKNOWN_ACTION")),
        (404, None, Some("UNKNOWN_ACTION")),
        (408, Some("TIMEOUT"), Some("TIMEOUT")),
        (409, Some("REQUEST_IN_PROGRESS"), Some("REQUEST_IN_PROGRESS")),
        (429, None, None),
        (500, Some("TOKEN_FILE_CORRUPTED"), Some("TOKEN_FILE_CORRUPTED")),
        (500, Some("PEER_NOT_READY"), Some("PEER_NOT_READY")),
        (500, None, Some("INTERNAL_ERROR")),
        (504, None, Some("INTERNAL_ERROR")),
    ] {
        let mut error = json!({ "message": format!("no, because of {TOKEN}") });
        if let Some(wire) = wire {
            error["code"] = wire.into();
        }
        // With the message as an object, and as old builds write it.
        machine.next([refusal(status, &error), refusal(status, &json!("no"))]);
        let error = write(&graph).await.unwrap_err();
        assert_eq!(code(&error), expected, "{status} {wire:?}: {error}");
        assert!(!error.to_string().contains(TOKEN), "{error}");
        assert!(!write(&graph).await.unwrap_err().message.is_empty());
    }
    assert_eq!(machine.calls().len(), 40, "nothing was sent twice");
}

#[tokio::test]
async fn a_token_that_does_not_fit_is_told_apart_from_one_that_is_gone() {
    let machine = Machine::with_roam().await;
    machine.sandbox.admit(token("roam-graph-local-token-offline", Kind::Offline, Level::Full));
    machine.sandbox.admit(token("roam-graph-local-token-reader", Kind::Hosted, Level::ReadOnly));
    let with = |token| machine.graph(machine.settings(), token, Kind::Hosted);
    let outcome = write(&with("roam-graph-local-token-offline")).await;
    assert_eq!(code(&outcome.unwrap_err()), Some("WRONG_GRAPH_TYPE"));
    assert_eq!(code(&write(&with("roam-graph-local-token-reader")).await.unwrap_err()), Some("INSUFFICIENT_SCOPE"));
    assert!(read(&with("roam-graph-local-token-reader")).await.is_ok());
    assert_eq!(code(&read(&with("roam-graph-local-token-other")).await.unwrap_err()), Some("TOKEN_NOT_FOUND"));
    assert_eq!(code(&read(&with("roam-graph-local-token-\u{7}")).await.unwrap_err()), Some("INVALID_TOKEN_FORMAT"));
}

#[tokio::test]
async fn a_person_without_the_role_is_told_so() {
    let machine = Machine::build(Kind::Hosted, Level::ReadOnly, std::time::Duration::from_secs(300));
    machine.start_roam().await;
    assert_eq!(code(&write(&machine.garden()).await.unwrap_err()), Some("SCOPE_EXCEEDS_PERMISSION"));
}

#[tokio::test]
async fn a_window_that_was_closed_is_named() {
    let machine = Machine::with_roam().await;
    machine.next([refusal(500, &json!("Promise error: renderer gone"))]);
    let error = read(&machine.garden()).await.unwrap_err();
    assert_eq!(code(&error), Some("INTERNAL_ERROR"));
    assert!(error.message.contains("window"), "{error}");
}

#[tokio::test]
async fn a_refusal_that_is_no_json_is_a_refusal_all_the_same() {
    let machine = Machine::with_roam().await;
    for (status, expected) in [(404, "UNKNOWN_ACTION"), (400, "INTERNAL_ERROR"), (413, "INTERNAL_ERROR")] {
        machine.next([Fault::Answer(status, "<pre>no, thank you</pre>".into())]);
        let error = write(&machine.garden()).await.unwrap_err();
        assert_eq!(code(&error), Some(expected), "{status}");
        let told = error.message.contains(&status.to_string()) && error.message.contains("no, thank you");
        assert!(status == 404 || told && error.message.contains("Nothing was changed"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let (machine, elsewhere) = (Machine::with_roam().await, Machine::with_roam().await);
    machine.next([Fault::Redirect(format!("http://127.0.0.1:{}/api/garden", elsewhere.port()))]);
    let error = write(&machine.garden()).await.unwrap_err();
    assert!(error.message.contains("redirect"), "{error}");
    assert_eq!(elsewhere.connections(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]
    #[test]
    fn no_answer_can_make_the_client_panic(answers in prop::collection::vec((200_u16..600, answer()), 1..8)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let machine = Machine::with_roam().await;
            let graph = machine.garden();
            for (status, body) in answers {
                machine.next([Fault::Answer(status, body.clone()), Fault::Answer(status, body)]);
                // Whether it is an error is not the question here, only that there is an outcome.
                let _ = read(&graph).await;
                let _ = write(&graph).await;
            }
        });
    }
}

fn answer() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    let key = prop::sample::select(vec!["success", "error", "result", "code", "message", "apiVersion", "uids", "x"]);
    let json = leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone().prop_map(str::to_owned), inner), 0..4)
                .prop_map(|pairs| pairs.into_iter().collect()),
        ]
    });
    prop_oneof![4 => json.prop_map(|value: Value| value.to_string()), 1 => "\\PC{0,40}"]
}
