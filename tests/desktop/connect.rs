use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use roam_mcp::access::Level;
use roam_mcp::config::{GraphEntry, Kind, RoamTools, TokenLevel};
use roam_mcp::sandbox::Answer;
use roam_mcp::secret::Secret;
use serde_json::{Value, json};

use super::support::{Fault, Machine, Outcome, TOKEN, Terminal, entry, read, run, token};

const GARDEN: [&str; 5] = ["connect", "--graph", "garden", "--nickname", "My Garden"];

fn entries(machine: &Machine) -> Vec<GraphEntry> {
    RoamTools::load(&machine.tools_file()).unwrap().entries().unwrap()
}

async fn connect(machine: &Machine, more: &[&str]) -> Outcome {
    run(machine.home(), &[&GARDEN, more].concat(), "").await
}

#[tokio::test]
async fn a_graph_is_connected_with_what_the_person_allows() {
    let machine = Machine::with_roam().await;
    machine.will_answer(Answer::Allow(Level::ReadOnly));
    let outcome = connect(&machine, &["--access-level", "read-append"]).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.out.contains("with read-only access") && outcome.out.contains("asked for"), "{outcome:?}");
    assert!(!outcome.out.contains("roam-graph-local-token-") && !outcome.err.contains("roam-graph-local-token-"));
    let asked = &machine.asked()[0];
    assert_eq!((asked.graph.as_str(), asked.kind, asked.level), ("garden", Kind::Hosted, Level::ReadAppend));
    let saved = &entries(&machine)[0];
    assert_eq!((saved.nickname.as_str(), saved.access_level), ("my-garden", Some(TokenLevel::ReadOnly)));
    read(&machine.graphs(machine.settings()).resolve(None).unwrap()).await.unwrap();
}

#[tokio::test]
async fn a_person_who_says_no_connects_nothing() {
    let machine = Machine::with_roam().await;
    for answer in [Answer::Deny, Answer::Block] {
        machine.will_answer(answer);
        let outcome = connect(&machine, &[]).await;
        assert_eq!(outcome.code, Some(1));
        assert!(outcome.err.contains("denied"), "{outcome:?}");
    }
    let outcome = connect(&machine, &[]).await;
    assert!(outcome.err.contains("Unblock"), "{outcome:?}");
    assert!(entries(&machine).is_empty());
}

#[tokio::test]
async fn nobody_is_asked_for_a_token_that_could_not_be_used() {
    let machine = Machine::with_roam().await;
    let refused = async |args: &[&str], part: &str| {
        let outcome = run(machine.home(), args, "").await;
        assert!(outcome.code != Some(0) && outcome.err.contains(part), "{part}: {outcome:?}");
    };
    refused(&["connect", "--graph", "meadow", "--nickname", "m"], "there are: garden (hosted)").await;
    refused(&[&GARDEN[..], &["--type", "offline"]].concat(), "no such graph").await;
    refused(&["connect"], "--graph").await;

    let other = GraphEntry { name: "other".into(), nickname: "my-garden".into(), ..entry(TOKEN, Kind::Hosted) };
    RoamTools::save_graph(&machine.tools_file(), &other).unwrap();
    refused(&GARDEN, "belongs to other").await;
    let other = GraphEntry { name: "My-Garden".into(), nickname: "m".into(), ..entry(TOKEN, Kind::Hosted) };
    RoamTools::save_graph(
        &machine.tools_file(),
        &GraphEntry { nickname: "o".into(), name: "other".into(), ..other.clone() },
    )
    .unwrap();
    RoamTools::save_graph(&machine.tools_file(), &other).unwrap();
    refused(&GARDEN, "belongs to My-Garden").await;
    std::fs::write(machine.tools_file(), "{").unwrap();
    refused(&GARDEN, "not a JSON object").await;
    std::fs::write(machine.tools_file(), r#"{"version": 2}"#).unwrap();
    refused(&GARDEN, "update roam-mcp").await;
    assert!(machine.asked().is_empty());
}

#[tokio::test]
async fn a_graph_that_is_connected_is_only_replaced_when_its_token_is_dead() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let outcome = connect(&machine, &[]).await;
    assert!(outcome.err.contains("connected already, as garden"), "{outcome:?}");
    machine.sandbox.revoke(&Secret::from(TOKEN));
    machine.will_answer(Answer::Allow(Level::Full));
    let outcome = connect(&machine, &[]).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!((entries(&machine).len(), entries(&machine)[0].nickname.as_str()), (1, "my-garden"));
}

#[tokio::test]
async fn a_public_graph_need_not_be_in_the_list() {
    let machine = Machine::with_roam().await;
    machine.will_answer(Answer::Allow(Level::ReadOnly));
    let outcome = connect(&machine, &["--public"]).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(machine.asked()[0].level, Level::ReadOnly);
    let outcome = run(machine.home(), &["connect", "--graph", "help", "--nickname", "help", "--public"], "").await;
    assert!(outcome.err.contains("no hosted graph"), "Roam decides: {outcome:?}");
}

#[tokio::test]
async fn a_token_from_standard_input_is_checked_and_asks_nobody() {
    let machine = Machine::with_roam().await;
    let with = async |input: &str| run(machine.home(), &[&GARDEN[..], &["--token-stdin"]].concat(), input).await;
    for wrong in ["", "roam-graph-token-remote", "roam-graph-local-token-a b", "roam-graph-local-token-unknown"] {
        let outcome = with(wrong).await;
        assert!(outcome.code != Some(0) && entries(&machine).is_empty(), "{wrong}: {outcome:?}");
    }
    let outcome = with(&format!("{TOKEN}{}", "x".repeat(2000))).await;
    assert!(outcome.code == Some(2) && entries(&machine).is_empty(), "a part of it is not it: {outcome:?}");
    machine.sandbox.admit(token("roam-graph-local-token-typed", Kind::Hosted, Level::ReadAppend));
    let outcome = with("roam-graph-local-token-typed\n").await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert_eq!(entries(&machine)[0].access_level, Some(TokenLevel::ReadAppend));
    assert!(machine.asked().is_empty());
}

#[tokio::test]
async fn a_token_of_another_kind_is_not_saved() {
    let machine = Machine::with_roam().await;
    let answer = json!({ "success": true, "token": "roam-graph-token-remote", "grantedAccessLevel": "full" });
    // The first answer is to the question which graphs there are.
    let graphs = json!({ "success": true, "result": [{ "name": "garden", "type": "hosted" }] });
    machine.next_of_endpoints([graphs, answer].map(|body| Fault::Answer(200, body.to_string())));
    let outcome = connect(&machine, &[]).await;
    assert!(outcome.code == Some(1) && outcome.err.contains("another kind"), "{outcome:?}");
    assert!(!outcome.err.contains("remote") && entries(&machine).is_empty(), "{outcome:?}");
}

#[tokio::test]
async fn a_link_that_leads_nowhere_yet_stays_a_link() {
    let machine = Machine::with_roam().await;
    let elsewhere = machine.home().join("dot");
    std::fs::create_dir(&elsewhere).unwrap();
    std::os::unix::fs::symlink(elsewhere.join("tools.json"), machine.tools_file()).unwrap();
    machine.will_answer(Answer::Allow(Level::Full));
    let outcome = connect(&machine, &[]).await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(machine.tools_file().is_symlink() && elsewhere.join("tools.json").is_file());
}

#[tokio::test]
async fn a_file_of_tokens_that_others_can_read_is_reported_by_every_command_once() {
    let machine = Machine::with_roam().await;
    machine.garden();
    std::fs::set_permissions(machine.tools_file(), Permissions::from_mode(0o644)).unwrap();
    let call = ["call", "get_page", "--title", "Garden"];
    for args in [&["graphs"][..], &call, &GARDEN, &["stdio"]] {
        let outcome = run(machine.home(), args, "").await;
        let said = outcome.err.matches("chmod 600").count();
        // A server without a client reads no file.
        assert_eq!(said, usize::from(args != ["stdio"]), "{args:?}: {outcome:?}");
    }
}

#[tokio::test]
async fn a_graph_is_forgotten_by_either_name() {
    let machine = Machine::with_roam().await;
    for which in [["--nickname", "Garden"], ["--graph", "garden"]] {
        machine.garden();
        let outcome = run(machine.home(), &[&["connect", "--remove"][..], &which].concat(), "").await;
        assert!(outcome.code == Some(0) && outcome.out.contains("until you revoke it"), "{outcome:?}");
        assert!(entries(&machine).is_empty());
    }
    let outcome = run(machine.home(), &["connect", "--remove", "--nickname", "x"], "").await;
    assert!(outcome.code == Some(1) && outcome.err.contains("no such graph"), "{outcome:?}");
    let outcome = run(machine.home(), &["connect", "--remove"], "").await;
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

#[tokio::test]
async fn the_list_shows_how_each_token_fares() {
    let machine = Machine::with_roam().await;
    let outcome = run(machine.home(), &["graphs"], "").await;
    assert!(outcome.code == Some(0) && outcome.out.contains("roam-mcp connect"), "{outcome:?}");
    machine.garden();
    let status = async || {
        let outcome = run(machine.home(), &["graphs", "--json"], "").await;
        assert!(!outcome.out.contains(TOKEN));
        serde_json::from_str::<Value>(&outcome.out).unwrap()
    };
    let garden = json!({ "nickname": "garden", "name": "garden", "type": "hosted" });
    let with = |level: Value, status: &str| {
        let mut row = garden.clone();
        (row["accessLevel"], row["tokenStatus"]) = (level, status.into());
        json!([row])
    };
    assert_eq!(status().await, with("full".into(), "active"));
    machine.sandbox.revoke(&Secret::from(TOKEN));
    assert_eq!(status().await, with(Value::Null, "revoked"));
    machine.stop_roam();
    assert_eq!(status().await, with(Value::Null, "unknown"));
    let outcome = run(machine.home(), &["graphs"], "").await;
    assert!(outcome.out.contains("NICKNAME") && outcome.out.contains("is Roam Desktop running?"), "{outcome:?}");
}

#[tokio::test]
async fn the_list_shows_the_nickname_that_works_and_waits_for_no_roam_that_hangs() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let payroll = GraphEntry { name: "Payroll".into(), nickname: "diary".into(), ..entry(TOKEN, Kind::Hosted) };
    RoamTools::save_graph(&machine.tools_file(), &payroll).unwrap();
    let diary = GraphEntry { name: "Diary".into(), nickname: "priv".into(), ..entry(TOKEN, Kind::Hosted) };
    RoamTools::save_graph(&machine.tools_file(), &diary).unwrap();
    machine.next_of_endpoints([Fault::Hang, Fault::Hang, Fault::Hang]);
    let before = std::time::Instant::now();
    let outcome = run(machine.home(), &["graphs", "--json"], "").await;
    assert!(before.elapsed() < Duration::from_secs(19), "one limit for all of them");
    let rows: Value = serde_json::from_str(&outcome.out).unwrap();
    let nicknames: Vec<&Value> = rows.as_array().unwrap().iter().map(|row| &row["nickname"]).collect();
    assert_eq!(nicknames, ["garden", "Payroll", "priv"]);
    assert_eq!(rows[0]["tokenStatus"], "unknown");
}

#[tokio::test]
async fn on_a_terminal_nothing_is_asked_that_was_typed() {
    let machine = Machine::with_roam().await;
    machine.will_answer(Answer::Allow(Level::ReadOnly));
    let typed = ["connect", "--nickname", "notes", "--access-level", "read-only", "--type", "hosted"];
    let mut terminal = Terminal::run(machine.home(), &typed);
    terminal.shows("Which graph?").await;
    terminal.types("gard\r");
    terminal.shows("Connected garden as notes with read-only access").await;
    assert_eq!(terminal.ends().await, Some(0));
    assert_eq!(machine.asked()[0].level, Level::ReadOnly);

    let mut terminal = Terminal::run(machine.home(), &["connect", "--public"]);
    terminal.shows("Name of the public graph?").await;
    terminal.takes_keys().await;
    terminal.types("\x03");
    terminal.shows("cancelled; nothing was connected").await;
    assert_eq!(terminal.ends().await, Some(130));
}

#[tokio::test]
async fn on_a_terminal_the_graph_is_chosen_from_a_list() {
    let machine = Machine::with_roam().await;
    machine.will_answer(Answer::Allow(Level::ReadAppend));
    let mut terminal = Terminal::run(machine.home(), &["connect"]);
    terminal.shows("Which graph?").await;
    terminal.types("gard\r");
    terminal.shows("How much access?").await;
    terminal.shows("Nothing is allowed before you confirm it").await;
    terminal.types("\x1b[B\r");
    terminal.shows("What to call it?").await;
    terminal.types("notes\r");
    terminal.shows("Connected garden as notes with read-append access").await;
    assert_eq!(terminal.ends().await, Some(0));
    assert_eq!(machine.asked()[0].level, Level::ReadAppend);

    let mut terminal = Terminal::run(machine.home(), &["connect"]);
    terminal.shows("[connected as notes]").await;
    terminal.types("gard\r");
    terminal.shows("Forget it").await;
    terminal.types("Forget\r");
    terminal.shows("Forgot notes (garden)").await;
    assert_eq!(terminal.ends().await, Some(0));
    assert!(entries(&machine).is_empty());
}

#[tokio::test]
async fn on_a_terminal_a_public_graph_that_is_connected_is_not_connected_over_it() {
    let machine = Machine::with_roam().await;
    machine.garden();
    let before = std::fs::read_to_string(machine.tools_file()).unwrap();
    let mut terminal = Terminal::run(machine.home(), &["connect"]);
    terminal.shows("Which graph?").await;
    terminal.types("public\r");
    terminal.shows("Name of the public graph?").await;
    terminal.types("garden\r");
    terminal.shows("garden is connected as garden").await;
    terminal.types("Leave\r");
    assert_eq!(terminal.ends().await, Some(0));
    assert_eq!(std::fs::read_to_string(machine.tools_file()).unwrap(), before);
    assert!(machine.asked().is_empty());
}

#[tokio::test]
async fn on_a_terminal_a_person_without_graphs_is_told_to_log_in() {
    let machine = Machine::with_roam().await;
    machine.next_of_endpoints([Fault::Answer(200, json!({ "success": true, "result": [] }).to_string())]);
    let mut terminal = Terminal::run(machine.home(), &["connect"]);
    terminal.shows("log in to Roam Desktop").await;
    terminal.shows("Which graph?").await;
    terminal.types("\x1b");
    assert_eq!(terminal.ends().await, Some(130));
}

#[tokio::test]
async fn ctrl_c_takes_the_question_back() {
    let machine = Machine::with_roam().await;
    let mut terminal = Terminal::run(machine.home(), &GARDEN);
    terminal.shows("Waiting for you to allow full access to garden").await;
    machine.arrives(|received| received.path.ends_with("/tokens/request")).await;
    terminal.interrupt();
    assert_eq!(terminal.ends().await, Some(130));
    assert!(entries(&machine).is_empty());

    machine.will_answer(Answer::Allow(Level::Full));
    let again =
        tokio::time::timeout(Duration::from_secs(60), async { while connect(&machine, &[]).await.code != Some(0) {} });
    assert!(again.await.is_ok(), "the dialog in Roam was closed");
}
