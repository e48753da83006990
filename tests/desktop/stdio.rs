use serde_json::{Value, json};

use super::support::{Fault, Machine, run};

#[tokio::test]
async fn every_line_is_answered_whatever_came_before_it() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let lines = [
        // What a client says first to a server that was started anew under it.
        r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#,
        "garbage",
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"create_block","arguments":[]}}"#,
        r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"get_backlinks","arguments":{"limit":"abc"}}}"#,
        r#"{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"create_block","arguments":{"pageTitle":"Garden","markdown":"x \ud83d","order":0.0}}}"#,
        "",
    ];
    let done = run(machine.home(), &["stdio", "--no-launch"], &lines.join("\n")).await;
    assert_eq!(done.code, Some(0), "{done:?}");
    let answers: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let answer =
        |id: Value| answers.iter().find(|answer| answer["id"] == id).unwrap_or_else(|| panic!("{id}: {done:?}"));
    assert_eq!((answers.len(), &answer(Value::Null)["error"]["code"]), (4, &json!(-32700)));
    assert_eq!(answer(json!(1))["error"]["code"], -32602);
    let refused = answer(json!(2))["result"]["content"][0]["text"].as_str().unwrap();
    assert_eq!(refused, "Invalid arguments: `limit`: expected a number, not \"abc\"");
    assert_eq!(answer(json!(3))["result"]["isError"], false);
    let [call] = &machine.calls()[..] else { panic!("{:?}", machine.calls()) };
    let sent = &call.body["args"][0];
    assert_eq!((&sent["markdown-string"], &sent["location"]["order"]), (&json!("x \u{fffd}"), &json!(0)), "{sent}");
}

#[tokio::test]
async fn a_read_that_hangs_does_not_keep_the_program_when_its_client_has_gone() {
    let machine = Machine::with_roam().await;
    machine.garden();
    machine.next([Fault::Hang]);
    let read =
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get_page","arguments":{"title":"Garden"}}}"#;
    let before = std::time::Instant::now();
    let done = run(machine.home(), &["stdio", "--no-launch"], read).await;
    assert_eq!((done.code, done.out.as_str(), machine.calls().len()), (Some(0), "", 1), "{done:?}");
    assert!(before.elapsed().as_secs() < 60, "Roam has three minutes for a call");

    machine.next([Fault::Hang]);
    let write = r#"{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"create_block","arguments":{"pageTitle":"Garden","markdown":"x"}}}"#;
    let done = run(machine.home(), &["stdio", "--no-launch", "--roam-timeout", "8"], write).await;
    assert!(done.out.contains("OUTCOME_UNKNOWN"), "a write is waited for: {done:?}");
}
