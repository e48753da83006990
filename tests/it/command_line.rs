//! The command line.

use std::process::{Command, Output};

use crate::support::process::roam_mcp;

fn run(args: &[&str]) -> Output {
    roam_mcp().args(args).stdin(std::process::Stdio::null()).output().unwrap()
}

fn help(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn help_reads_like_this() {
    insta::assert_snapshot!("help", help(&["--help"]));
    insta::assert_snapshot!("help_up", help(&["up", "--help"]));
    insta::assert_snapshot!("help_status", help(&["status", "--help"]));
    for command in [
        "completions",
        "connect",
        "graphs",
        "credentials",
        "access",
        "audit",
        "funnel",
        "call",
        "stdio",
        "sandbox",
        "tools",
        "man",
    ] {
        insta::assert_snapshot!(format!("help_{command}"), help(&[command, "--help"]));
    }
    for (command, inner) in [
        ("call", "search"),
        ("credentials", "add"),
        ("access", "explain"),
        ("audit", "search"),
        ("audit", "verify"),
        ("funnel", "on"),
        ("funnel", "off"),
    ] {
        insta::assert_snapshot!(format!("help_{command}_{inner}"), help(&[command, inner, "--help"]));
    }
}

#[test]
fn a_manual_page_reads_like_this() {
    let page = help(&["man", "call"]).replace(env!("CARGO_PKG_VERSION"), "VERSION");
    insta::assert_snapshot!("man_call", page);
    // Where there is groff, it has the last word.
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("page");
    std::fs::write(&file, page).unwrap();
    if let Ok(read) = Command::new("groff").args(["-Kutf8", "-man", "-Tutf8", "-ww", "-z"]).arg(&file).output() {
        assert!(read.status.success() && read.stderr.is_empty(), "{read:?}");
    }
}

#[test]
fn help_shows_no_secret_of_the_environment() {
    let mut command = roam_mcp();
    command.args(["up", "--help"]).env("TS_AUTHKEY", "tskey-auth-x").env("TS_CLIENT_SECRET", "tskey-y");
    let text = String::from_utf8(command.output().unwrap().stdout).unwrap();
    assert!(!text.contains("tskey-"), "{text}");
}

#[test]
fn the_version_is_the_packages() {
    let expected = format!("roam-mcp {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(help(&["--version"]), expected);
    assert_eq!(help(&["-V"]), expected);
}

#[test]
fn wrong_usage_exits_with_2_and_names_what_is_wrong() {
    for (args, named) in [
        (&["dance"][..], "dance"),
        (&["up", "--dance"], "--dance"),
        (&["up", "--graph", "g.json", "--hostname", "not a label"], "--hostname"),
        (&["up", "--graph", "g.json", "--funnel-port", "80"], "--funnel-port"),
        (&["up", "--graph", "g.json", "--log-format", "xml"], "--log-format"),
        (&["up", "--graph", "g.json", "--auth-key", "a", "--auth-key-file", "b"], "--auth-key-file"),
        (&["status", "--yaml"], "--yaml"),
        (&["completions", "tcsh"], "tcsh"),
        (&[], "Usage"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(named), "{args:?}: {output:?}");
        assert!(output.stdout.is_empty(), "{args:?}");
    }
}

#[test]
fn what_cannot_work_exits_with_2_and_leaves_nothing_behind() {
    let both = ["--auth-key", "a", "--client-secret", "b", "--tags", "tag:roam"];
    for (args, named) in [
        (&["--log-level", "a=b=c"][..], "a=b=c"),
        (&["--tags", "roam"], "--tags"),
        (&["--secret", "a/b"], "--secret"),
        (&["--client-secret", "x"], "--tags"),
        (&["--auth-key", ""], "--auth-key: "),
        (&both, "TS_CLIENT_SECRET"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let state = dir.path().join("state");
        let mut command = roam_mcp();
        command.env("HOME", dir.path()).args(["up", "--graph", "g.json"]).args(args);
        let output = command.arg("--state-dir").arg(&state).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}: {output:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(named), "{args:?}: {output:?}");
        assert!(!state.exists(), "{args:?}");
    }
}

#[test]
fn an_empty_variable_is_like_none() {
    let variables =
        ["TS_AUTHKEY", "TS_CLIENT_SECRET", "ROAM_MCP_GRAPH", "ROAM_MCP_TAGS", "ROAM_MCP_SECRET", "ROAM_MCP_CONFIG"];
    let dir = tempfile::tempdir().unwrap();
    let key = dir.path().join("none");
    let mut command = roam_mcp();
    command.env("HOME", dir.path()).envs(variables.map(|name| (name, "")));
    // It goes as far as to look for that file.
    let output = command.args(["up", "--auth-key-file"]).arg(&key).output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.code() == Some(1) && told.contains(key.to_str().unwrap()), "{output:?}");
}

#[test]
fn a_reader_that_has_had_enough_is_no_error() {
    for args in [&["completions", "zsh"][..], &["tools", "--json"], &["man"], &["access", "explain", "--as", "public"]]
    {
        let home = tempfile::tempdir().unwrap();
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let output = roam_mcp().env("HOME", home.path()).args(args).stdout(writer).output().unwrap();
        assert!(output.status.success() && output.stderr.is_empty(), "{args:?}: {output:?}");
    }
}

#[test]
fn completions_are_scripts_that_the_shells_can_read() {
    for (shell, reader) in [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish"), ("elvish", ""), ("powershell", "")] {
        let script = help(&["completions", shell]);
        assert!(script.contains("roam-mcp") && script.contains("status") && script.len() > 1000, "{shell}");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("script");
        std::fs::write(&file, script).unwrap();
        // Where the shell is installed, it has the last word.
        if let Ok(checked) = Command::new(reader).arg("-n").arg(&file).output() {
            assert!(checked.status.success(), "{shell}: {checked:?}");
        }
    }
}
