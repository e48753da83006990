use roam_mcp::config::{Kind, RoamTools};
use serde_json::json;

use crate::support::{Machine, Terminal, run};

#[tokio::test]
async fn the_command_is_roam_desktop_to_other_tools_and_leaves_nothing_behind() {
    let machine = Machine::without_roam(Kind::Hosted);
    let export = machine.home().join("My Notes.json");
    std::fs::write(&export, json!([{ "title": "Garden", "uid": "gardenpag" }]).to_string()).unwrap();
    let sandbox = ["sandbox", "--graph", export.to_str().unwrap(), "--port", "0", "--write-port-file"];

    let mut terminal = Terminal::run(machine.home(), &[&sandbox[..], &["--approve", "always"]].concat());
    terminal.shows(machine.port_file().to_str().unwrap()).await;
    let outcome = run(machine.home(), &["connect", "--graph", "My-Notes", "--nickname", "notes"], "").await;
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    terminal.interrupt();
    assert_eq!(terminal.ends().await, Some(0));
    assert!(!machine.port_file().exists());

    // A new sandbox does not know the token, and this person wants to be asked.
    let mut terminal = Terminal::run(machine.home(), &sandbox);
    terminal.shows(machine.port_file().to_str().unwrap()).await;
    let connect = ["connect", "--graph", "My-Notes", "--nickname", "notes", "--access-level", "read-only"];
    let (outcome, ()) = tokio::join!(run(machine.home(), &connect, ""), async {
        terminal.shows("asks for read-only access to My-Notes").await;
        terminal.types("y\n");
    });
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    terminal.interrupt();
    assert_eq!(terminal.ends().await, Some(0));
    assert_eq!(RoamTools::load(&machine.tools_file()).unwrap().entries().unwrap().len(), 1);
}

#[tokio::test]
async fn what_cannot_be_offered_is_named() {
    let machine = Machine::without_roam(Kind::Hosted);
    let broken = machine.home().join("broken.json");
    std::fs::write(&broken, "{").unwrap();
    let broken = broken.to_str().unwrap();
    for (args, part) in [
        (&["sandbox", "--graph", broken][..], "broken.json"),
        (&["sandbox", "--graph", "/nowhere/notes.json"], "/nowhere/notes.json"),
        (&["sandbox", "--graph", "/nowhere/日本.json"], "file name"),
        (&["sandbox"], "--graph"),
    ] {
        let outcome = run(machine.home(), args, "").await;
        assert!(outcome.code != Some(0) && outcome.err.contains(part), "{outcome:?}");
    }
}
