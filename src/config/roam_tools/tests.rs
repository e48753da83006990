use super::*;

fn in_dir(contents: Option<&str>) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(".roam-tools.json");
    if let Some(contents) = contents {
        std::fs::write(&path, contents).unwrap();
    }
    (dir, path)
}

#[test]
fn a_first_run_draws_both_secrets_and_later_runs_keep_them() {
    let (_dir, path) = in_dir(None);
    let first = RoamTools::load(&path).unwrap().http().unwrap();
    assert_eq!((first.token.expose().len(), first.path_secret.as_ref().unwrap().expose().len()), (64, 32));
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let second = RoamTools::load(&path).unwrap().http().unwrap();
    assert!(second.token.matches(first.token.expose()));
    assert!(second.path_secret.unwrap().matches(first.path_secret.unwrap().expose()));
}

#[test]
fn unknown_keys_and_their_order_are_kept() {
    let (_dir, path) = in_dir(Some(r#"{"zeta": 1, "version": 1, "graphs": [{"x": null}], "alpha": {"b": 1, "a": 2}}"#));
    RoamTools::load(&path).unwrap().http().unwrap();
    let after: Map<String, Value> = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!(after.keys().collect::<Vec<_>>(), ["zeta", "version", "graphs", "alpha", "http"]);
    assert_eq!(after["alpha"].to_string(), r#"{"b":1,"a":2}"#);
}

#[test]
fn a_section_without_a_path_secret_switches_the_path_off() {
    let (_dir, path) = in_dir(Some(r#"{"http": {"token": "abc", "allowedHosts": ["notes.example"]}}"#));
    let section = RoamTools::load(&path).unwrap().http().unwrap();
    assert!(section.path_secret.is_none());
    assert_eq!(section.allowed_hosts, ["notes.example"]);
}

#[test]
fn a_broken_file_is_an_error_and_stays_as_it_is() {
    for broken in ["", "[]", "{", r#"{"version": 2}"#, r#"{"version": "1"}"#] {
        let (_dir, path) = in_dir(Some(broken));
        let error = RoamTools::load(&path).unwrap_err().to_string();
        assert!(error.contains(".roam-tools.json"), "{error}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), broken);
    }
    let sections = [
        "1",
        "{}",
        r#"{"token": ""}"#,
        r#"{"token": 5}"#,
        r#"{"token": "a", "pathSecret": ""}"#,
        r#"{"token": "a", "pathSecret": "a/b"}"#,
        r#"{"token": "a", "allowedHosts": "x"}"#,
    ];
    for section in sections {
        let text = format!(r#"{{"http": {section}}}"#);
        let (_dir, path) = in_dir(Some(&text));
        assert!(RoamTools::load(&path).unwrap().http().is_err(), "{section}");
        assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
    }
}

const TOKEN: &str = "roam-graph-local-token-abc";

fn entry(name: &str, nickname: &str) -> GraphEntry {
    GraphEntry {
        name: name.into(),
        kind: Kind::Hosted,
        token: Secret::from(TOKEN),
        nickname: nickname.into(),
        access_level: Some(TokenLevel::ReadOnly),
        token_status: None,
    }
}

fn contents(path: &Path) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn no_file_and_no_graphs_mean_not_connected_yet() {
    let (_dir, path) = in_dir(None);
    assert!(RoamTools::load(&path).unwrap().graphs().unwrap().is_empty());
    assert!(!Stamp::of(&path).exists());
    std::fs::write(&path, r#"{"graphs": []}"#).unwrap();
    assert!(RoamTools::load(&path).unwrap().graphs().unwrap().is_empty());
    RoamTools::save_graph(&path, &entry("Garden", "garden")).unwrap();
    assert_eq!(RoamTools::load(&path).unwrap().graphs().unwrap()[0].name, "Garden");
    assert_eq!(contents(&path)["version"], 1);
}

#[test]
fn a_newer_file_is_told_from_a_broken_one() {
    let (_dir, path) = in_dir(Some(r#"{"version": 2, "graphs": "of another form"}"#));
    assert!(matches!(RoamTools::load(&path), Err(ConfigError::TooNew { found: 2, known: 1, .. })));
    assert!(matches!(RoamTools::save_graph(&path, &entry("a", "a")), Err(ConfigError::TooNew { .. })));
}

#[test]
fn of_two_graphs_with_one_name_the_hosted_one_counts() {
    let (_dir, path) = in_dir(None);
    let offline = GraphEntry { kind: Kind::Offline, ..entry("Garden", "mine") };
    RoamTools::save_graph(&path, &offline).unwrap();
    RoamTools::save_graph(&path, &entry("Garden", "shared")).unwrap();
    let file = RoamTools::load(&path).unwrap();
    assert_eq!(file.entries().unwrap().len(), 2);
    let served = file.graphs().unwrap();
    assert_eq!((served.len(), served[0].nickname.as_str()), (1, "shared"));
}

#[test]
fn every_entry_that_does_not_fit_is_named_with_its_place() {
    let (_dir, path) = in_dir(Some(
        r#"{"graphs": [{"name": "a", "nickname": "n", "token": "roam-graph-local-token-x"},
                       {"name": "b", "nickname": "n", "token": "roam-graph-local-token-x"},
                       {"name": "b c", "nickname": "m", "token": "secret-of-another-kind"}]}"#,
    ));
    let error = RoamTools::load(&path).unwrap().graphs().unwrap_err().to_string();
    for part in ["graphs[1]", "\"n\"", "graphs[2]: `name`", "graphs[2]: `token`"] {
        assert!(error.contains(part), "{part}: {error}");
    }
    assert!(!error.contains("secret-of-another-kind"), "a token is not repeated in an error");
    assert!(RoamTools::check_writable(&path).is_err());
}

#[test]
fn saving_again_replaces_the_entry_and_keeps_what_others_wrote() {
    let (_dir, path) = in_dir(Some(
        r#"{"http": {"token": "t"}, "graphs": [{"colour": "green", "name": "Garden", "nickname": "old",
            "token": "roam-graph-local-token-old", "lastKnownTokenStatus": "revoked"}]}"#,
    ));
    RoamTools::save_graph(&path, &entry("Garden", "new")).unwrap();
    let graph = &contents(&path)["graphs"][0];
    assert_eq!(
        graph.to_string(),
        json!({"colour": "green", "name": "Garden", "nickname": "new", "token": TOKEN, "type": "hosted",
               "accessLevel": "read-only"})
        .to_string()
    );
    assert_eq!(contents(&path)["http"]["token"], "t");
    let error = RoamTools::save_graph(&path, &entry("Other", "new")).unwrap_err().to_string();
    assert!(error.contains("belongs to Garden"), "{error}");
}

#[test]
fn a_nickname_leads_to_one_graph_and_never_away_from_the_graph_of_that_name() {
    let offline = GraphEntry { kind: Kind::Offline, ..entry("Garden", "off") };
    let known = [entry("Garden", "g"), offline, entry("Payroll", "diary"), entry("Diary", "priv")];
    let holder =
        |nickname: &str, name: &str, kind| has_nickname(&known, nickname, name, kind).map(|entry| &*entry.name);
    for (nickname, name, kind, expected) in [
        ("g", "Garden", Kind::Hosted, None),
        ("garden", "Garden", Kind::Hosted, None),
        ("g", "Garden", Kind::Offline, Some("Garden")),
        ("g", "Meadow", Kind::Hosted, Some("Garden")),
        ("garden", "Meadow", Kind::Hosted, Some("Garden")),
        ("m", "Meadow", Kind::Hosted, None),
    ] {
        assert_eq!(holder(nickname, name, kind), expected, "{nickname} {name} {kind}");
    }
    assert_eq!(known.each_ref().map(|entry| called(entry, &known)), ["g", "off", "Payroll", "priv"]);
}

#[test]
fn a_graph_that_could_not_be_read_again_is_not_saved() {
    let (_dir, path) = in_dir(None);
    RoamTools::save_graph(&path, &entry("Garden", "garden")).unwrap();
    let before = contents(&path);
    for (bad, part) in [
        (GraphEntry { token: Secret::from("roam-graph-token-x"), ..entry("a", "a") }, "`token`"),
        (entry("a/b", "a"), "`name`"),
        (entry("a", "A b"), "`nickname`"),
    ] {
        let error = RoamTools::save_graph(&path, &bad).unwrap_err().to_string();
        assert!(error.contains(part) && !error.contains("roam-graph-token-x"), "{error}");
        assert_eq!(contents(&path), before);
    }
}

#[test]
fn a_change_of_its_rights_shows_in_the_stamp() {
    let (_dir, path) = in_dir(Some("{}"));
    let before = Stamp::of(&path);
    // The clock of the file system may stand still for a moment.
    while Stamp::of(&path) == before {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
}

#[test]
fn a_graph_is_forgotten_by_what_it_is_called() {
    let (_dir, path) = in_dir(None);
    for name in ["a", "b"] {
        RoamTools::save_graph(&path, &entry(name, name)).unwrap();
    }
    let gone = RoamTools::remove_graph(&path, |entry| entry.nickname == "a").unwrap().unwrap();
    assert_eq!(gone.name, "a");
    assert!(RoamTools::remove_graph(&path, |entry| entry.nickname == "a").unwrap().is_none());
    assert_eq!(contents(&path)["graphs"].as_array().unwrap().len(), 1);
}

#[test]
fn a_status_is_noted_for_the_token_it_was_asked_for() {
    let (_dir, path) = in_dir(None);
    let graph = entry("a", "a");
    RoamTools::save_graph(&path, &graph).unwrap();
    RoamTools::record_token(&path, &graph, Some(TokenLevel::Full), TokenStatus::Active).unwrap();
    let after = RoamTools::load(&path).unwrap().graphs().unwrap();
    assert_eq!((after[0].access_level, after[0].token_status), (Some(TokenLevel::Full), Some(TokenStatus::Active)));

    let stamp = Stamp::of(&path);
    RoamTools::record_token(&path, &graph, None, TokenStatus::Active).unwrap();
    assert_eq!(Stamp::of(&path), stamp, "nothing changed, nothing is written");
    let replaced = GraphEntry { token: Secret::from("roam-graph-local-token-other"), ..graph };
    RoamTools::record_token(&path, &replaced, None, TokenStatus::Revoked).unwrap();
    assert_eq!(Stamp::of(&path), stamp, "the file has a newer token");
}

#[test]
fn writers_do_not_lose_each_others_graphs() {
    let (_dir, path) = in_dir(None);
    std::thread::scope(|scope| {
        for writer in 0..8 {
            let path = &path;
            scope.spawn(move || {
                RoamTools::save_graph(path, &entry(&format!("g{writer}"), &format!("g{writer}"))).unwrap()
            });
        }
    });
    assert_eq!(RoamTools::load(&path).unwrap().graphs().unwrap().len(), 8);
}
