//! `roam-mcp call`: tools from the shell, done by the node that runs or else here.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::eventually;
use crate::support::home::Home;

/// Runs `roam-mcp call …` and returns its exit code, its output and its errors.
fn call(home: &Home, args: &[&str]) -> (i32, String, String) {
    let output = home.command().arg("call").args(args).stdin(std::process::Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

fn records(home: &Home, tool: &str) -> Vec<Value> {
    let output = home.command().args(["audit", "search", "--json", "--tool", tool]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn whoever_has_imported_a_graph_and_names_none_is_told_how() {
    let home = Home::new("imported");
    let export = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/garden.json");
    let imported = home.command().arg("import").arg(&export).args(["--name", "garden"]).output().unwrap();
    assert!(imported.status.success(), "{imported:?}");
    let (code, _, told) = call(&home, &["search", "--query", "squirrels"]);
    assert!(code != 0 && told.contains("roam-mcp call --graph garden search"), "{told}");
    let (code, found, _) = call(&home, &["--graph", "garden", "search", "--query", "squirrels"]);
    assert!(code == 0 && found.contains("squirrels"), "{found}");
}

#[tokio::test]
async fn a_running_node_does_it_and_has_the_operator_on_record_for_it() {
    let home = Home::new("shell");
    let node = home.node().await;
    let (code, found, _) = call(&home, &["search", "--query", "squirrels"]);
    assert!(code == 0 && found.contains("walnut003"), "{found}");

    let write = ["create-block", "--page-title", "Shell", "--markdown", "- from the shell", "--json-output"];
    let (code, made, _) = call(&home, &write);
    let made: Value = serde_json::from_str(&made).unwrap();
    assert_eq!((code, made["uids"].as_array().unwrap().len(), &made["graph"]), (0, 1, &json!("notes")));
    let page = node.owner().await.tool("/mcp", "get_page", json!({ "title": "Shell" })).await;
    assert!(page.contains("from the shell"), "{page}");

    let written = eventually("the outcome is on record", async || {
        let written = records(&home, "create_block");
        (written.len() == 2).then_some(written)
    })
    .await;
    assert_eq!((&written[0]["event"], &written[0]["allowed"]), (&json!("decision"), &json!(true)));
    for record in &written {
        assert_eq!((&record["plane"], &record["caller"]), (&json!("admin"), &json!("operator on the admin socket")));
    }
    assert_eq!((&written[1]["event"], &written[1]["failed"]), (&json!("outcome"), &json!(false)));
}

#[tokio::test]
async fn the_exit_code_says_whether_it_was_done_and_whose_mistake_it_was() {
    let home = Home::new("exits");
    let _node = home.node().await;
    for (args, expected, said) in [
        (&["list-graphs"][..], 0, ""),
        (&["get_page", "--title", "Walnut"], 0, ""),
        (&["search", "--help"], 0, ""),
        (&["dance"], 2, "roam-mcp tools"),
        (&["search", "--colour", "red"], 2, "--query"),
        (&["search", "--json", "[]"], 2, "not a JSON object"),
        (&["search"], 2, "query"),
        (&["update-block", "--uid", "nowhere00", "--string", "x"], 7, "NOT_FOUND"),
        (&["create-block", "--markdown", "x"], 2, "VALIDATION_ERROR"),
        (&["search", "--query", "x", "--graph", "other"], 1, "GRAPH_NOT_CONFIGURED"),
    ] {
        let (code, out, err) = call(&home, args);
        assert!(code == expected && err.contains(said), "{args:?}: {code} {err}");
        assert_eq!(out.is_empty(), code != 0, "{args:?}: results alone go to standard output");
    }
    let tells = |args: &[&str], said: &str| call(&home, args).1.contains(said);
    let usage = "Usage: roam-mcp call search [OPTIONS] --query <TEXT>";
    assert!(tells(&["search", "--help"], usage) && tells(&["search", "--query", "x", "-h"], usage));
    assert!(tells(&["--help"], "Use a tool from the shell"));
    let (code, out, err) = call(&home, &["update-block", "--uid", "nowhere00", "--string", "x", "--json-output"]);
    let told: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &told["error"]["code"], err.as_str()), (7, &json!("NOT_FOUND"), ""));
}

#[tokio::test]
async fn without_a_node_the_graphs_that_are_connected_are_used_and_a_file_that_is_named_always_is() {
    let home = Home::new("alone");
    let (code, _, err) = call(&home, &["search", "--query", "squirrels"]);
    assert!(code == 1 && err.contains("roam-mcp connect"), "{err}");

    let node = home.node().await;
    let export = home.path("other.json");
    std::fs::write(
        &export,
        json!([{ "title": "Elsewhere", "children": [{ "string": "not in the node" }] }]).to_string(),
    )
    .unwrap();
    let named = ["--graph", export.to_str().unwrap(), "search", "--query", "node"];
    let (code, found, err) = call(&home, &named);
    assert!(code == 0 && found.contains("not in the node"), "{found}{err}");
    assert!(records(&home, "search").is_empty(), "the node was not asked");

    node.process.kill().await;
    let (code, _, err) = call(&home, &["search", "--query", "squirrels"]);
    assert!(code == 1 && err.contains("roam-mcp connect"), "{err}");
}

#[tokio::test]
async fn a_path_is_meant_from_where_it_was_typed_and_not_from_where_the_node_stands() {
    let home = Home::new("paths");
    let _node = home.node().await;
    std::fs::write(home.path("note.txt"), "hello").unwrap();
    let upload = |file: &str| {
        let mut command = home.command();
        command.current_dir(home.path("")).args(["call", "file-upload", "--file-path", file]);
        String::from_utf8(command.output().unwrap().stderr).unwrap()
    };
    // It was read: what follows is that a graph of this program keeps no files.
    assert!(upload("./note.txt").contains("UNKNOWN_ACTION"), "{}", upload("./note.txt"));
    assert!(upload("./other.txt").contains("cannot read the file"), "{}", upload("./other.txt"));
}

#[tokio::test]
async fn two_files_of_one_name_are_not_one_graph() {
    let home = Home::new("twins");
    let file = |directory: &str, title: &str| {
        let path = home.path(directory).join("twin.json");
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, json!([{ "title": title }]).to_string()).unwrap();
        path
    };
    let (one, other) = (file("one", "First"), file("other", "Second"));
    let search = |file: &Path| call(&home, &["--graph", file.to_str().unwrap(), "search", "--query", "First"]);
    assert_eq!(search(&one).0, 0);
    let (code, out, err) = search(&other);
    assert!(code == 1 && out.is_empty() && err.contains("is another file") && err.contains("--name"), "{out}{err}");
    // What is new in the file is not in the graph, and that is said.
    std::fs::write(&one, json!([{ "title": "First and more" }]).to_string()).unwrap();
    let (code, out, err) = search(&one);
    assert!(code == 0 && !out.contains("more") && err.contains("has changed since it was loaded"), "{out}{err}");
}

/// Where the build can keep Go from starting by itself.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_command_that_joins_no_tailnet_runs_without_go() {
    use std::io::{BufRead as _, BufReader, Write as _};

    let home = Home::new("asleep");
    let mut command = home.command();
    command.arg("stdio").arg("--graph").arg(home.path("notes.json"));
    let mut server = command.stdin(std::process::Stdio::piped()).stdout(std::process::Stdio::piped()).spawn().unwrap();
    let params =
        json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "t", "version": "1" } });
    let hello = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
    writeln!(server.stdin.as_mut().unwrap(), "{hello}").unwrap();
    let mut answer = String::new();
    BufReader::new(server.stdout.as_mut().unwrap()).read_line(&mut answer).unwrap();
    assert!(answer.contains("instructions"), "{answer}");
    let threads = std::fs::read_dir(format!("/proc/{}/task", server.id())).unwrap();
    let names = threads.map(|thread| std::fs::read_to_string(thread.unwrap().path().join("comm")).unwrap());
    // Threads of Go's have the name of the program; those of tokio's have one of their own.
    assert_eq!(names.filter(|name| name.trim_end() == "roam-mcp").count(), 1);
    drop(server.stdin.take());
    assert!(server.wait().unwrap().success());
}
