use std::os::unix::fs::PermissionsExt as _;

use roam_mcp::config::{GraphEntry, Kind, RoamTools};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixListener;
use tokio::sync::oneshot;

use super::support::{Fault, Machine, TOKEN, Terminal, entry, run};

fn roam_says(result: &Value) -> Fault {
    Fault::Answer(200, json!({ "success": true, "result": result }).to_string())
}

#[tokio::test]
async fn without_a_node_roam_is_asked_and_has_as_long_as_was_typed() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let done = run(machine.home(), &["call", "search", "--query", "beds"], "").await;
    assert!(done.code == Some(0) && done.out.contains("bedsblock"), "{done:?}");

    machine.next([Fault::Hang]);
    let write = ["call", "--roam-timeout", "1", "create-block", "--page-title", "Garden", "--markdown", "x"];
    let lost = run(machine.home(), &write, "").await;
    assert!(lost.code == Some(8) && lost.err.contains("within 1 s"), "{lost:?}");
    assert!(lost.err.contains("OUTCOME_UNKNOWN"), "{lost:?}");
    assert_eq!(machine.calls().len(), 2, "a write is not sent again");
}

#[tokio::test]
async fn a_flag_of_the_tool_is_the_tools_wherever_it_stands() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let other = GraphEntry { name: "other".into(), nickname: "other".into(), ..entry(TOKEN, Kind::Hosted) };
    RoamTools::save_graph(&machine.tools_file(), &other).unwrap();
    for args in [
        &["call", "search", "--graph", "garden", "--query", "beds"][..],
        &["call", "--json-output", "search", "--query", "beds", "--graph", "garden"],
        &["call", "--json", r#"{"query": "beds", "graph": "garden"}"#, "search"],
    ] {
        let done = run(machine.home(), args, "").await;
        assert!(done.code == Some(0) && done.out.contains("bedsblock"), "{args:?}: {done:?}");
    }
    let done = run(machine.home(), &["call", "--query", "beds", "search"], "").await;
    assert!(done.code == Some(2) && done.err.contains("comes after it"), "{done:?}");
    // Which graphs there are stands below the sentence.
    let done = run(machine.home(), &["call", "search", "--query", "beds"], "").await;
    assert!(
        done.code == Some(1) && done.err.contains("\n  other ") && done.err.contains("--graph NICKNAME"),
        "{done:?}"
    );
}

#[tokio::test]
async fn the_exit_code_says_what_a_script_can_do_next() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let code = async |args: &[&str]| run(machine.home(), &[&["call"], args].concat(), "").await.code.unwrap();
    assert_eq!(code(&["get-page", "--title", "Garden"]).await, 0);
    assert_eq!(code(&["get-page", "--title", "Nowhere"]).await, 7);
    assert_eq!(code(&["delete-block", "--uid", "nowhere00"]).await, 7);
    assert_eq!(code(&["create-block", "--markdown", "x"]).await, 2, "nothing was sent");
    machine.stop_roam();
    assert_eq!(code(&["get-page", "--title", "Garden"]).await, 5);
}

#[tokio::test]
async fn on_a_terminal_people_read_what_the_graph_says_and_the_terminal_obeys_none_of_it() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let hit = json!({ "uid": "b", "markdown": "- x\u{1b}]0;y\u{7} <roam uid=\"b\"/>", "path": [{ "title": "Soil" }] });
    machine.next([roam_says(&json!({ "total": 44, "results": [hit] }))]);
    let mut terminal = Terminal::run(machine.home(), &["call", "search", "--query", "x"]);
    terminal.shows("b  Soil").await;
    terminal.shows("- x\\u{1b}]0;y\\u{7}\r\n").await;
    terminal.shows("1 of 44, next: --offset 20").await;
    assert_eq!(terminal.ends().await, Some(0));

    let mut terminal = Terminal::run(machine.home(), &["call", "get-page", "--title", "Nowhere"]);
    terminal.shows("there is no such page or block").await;
    assert_eq!(terminal.ends().await, Some(7));
}

#[tokio::test]
async fn a_file_is_put_on_the_disk_whatever_its_kind_and_however_large() {
    let machine = Machine::with_roam().await;
    machine.garden();
    // 36 MiB in base64: more than any other answer may have.
    let base64 = "AAAA".repeat(9 << 20);
    machine.next([roam_says(&json!({ "base64": base64, "mimetype": "application/pdf", "filename": "a.pdf" }))]);
    let done = run(machine.home(), &["call", "file-get", "--url", "https://x/y"], "").await;
    let told: Value = serde_json::from_str(&done.out).unwrap_or_else(|_| panic!("{:?}", done.err));
    let path = told["path"].as_str().unwrap();
    assert!(path.ends_with(".pdf") && std::fs::metadata(path).unwrap().len() == 27 << 20, "{told}");
    std::fs::remove_file(path).unwrap();
}

/// A node that takes a call and says no word, until it goes.
async fn silent_node(machine: &Machine) -> (String, oneshot::Sender<()>) {
    let state = machine.home().join("state");
    std::fs::create_dir(&state).unwrap();
    let listener = UnixListener::bind(state.join("admin.sock")).unwrap();
    let (goes, gone) = oneshot::channel();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        assert!(stream.read(&mut [0; 4096]).await.unwrap() > 0);
        let _ = gone.await;
    });
    (state.display().to_string(), goes)
}

#[tokio::test]
async fn a_node_that_goes_in_the_middle_of_a_write_leaves_it_open_whether_it_was_done() {
    let machine = Machine::with_roam().await;
    let (state, goes) = silent_node(&machine).await;
    let write = ["call", "--state-dir", &state, "create-block", "--page-title", "Garden", "--markdown", "x"];
    let mut terminal = Terminal::run(machine.home(), &write);
    terminal.shows("No answer yet").await;
    goes.send(()).unwrap();
    terminal.shows("look before you try again").await;
    assert_eq!(terminal.ends().await, Some(8));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn whoever_waits_for_roam_is_told_so_and_waits_for_no_opener_that_has_failed() {
    let machine = Machine::with_roam().await;
    machine.garden();
    machine.stop_roam();
    let opener = machine.home().join("xdg-open");
    std::fs::write(&opener, "#!/bin/sh\nexit 3\n").unwrap();
    std::fs::set_permissions(&opener, std::fs::Permissions::from_mode(0o755)).unwrap();
    let mut command = super::support::command(machine.home(), &["call", "get-page", "--title", "Garden"]);
    command.env("PATH", format!("{}:/usr/bin:/bin", machine.home().display())).env("DISPLAY", ":0");
    let before = std::time::Instant::now();
    let done = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(done.status.code() == Some(5) && said.contains("Starting it"), "{said}");
    assert!(said.contains("Start Roam Desktop") && before.elapsed().as_secs() < 30, "{said}");
}
