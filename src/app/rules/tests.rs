use super::*;
use crate::access::{CredentialKind, Level, Rule};
use crate::audit::AuditSettings;
use crate::credentials::Wanted;

fn rules(dir: &Path) -> Arc<Rules> {
    rules_with(dir, AccessFlags { config: Some(dir.join("config.toml")), ..AccessFlags::default() })
}

fn rules_with(dir: &Path, flags: AccessFlags) -> Arc<Rules> {
    let roam_tools = dir.join(".roam-tools.json");
    let http = RoamTools::load(&roam_tools).unwrap().http().unwrap();
    let audit = Audit::open(&dir.join("audit"), AuditSettings::default()).unwrap();
    Rules::open(flags, http, roam_tools, dir, audit).unwrap()
}

fn claude() -> Wanted {
    Wanted {
        name: "claude".parse().unwrap(),
        kind: CredentialKind::Bearer,
        rule: Rule::everything(Level::Full),
        sources: Vec::new(),
        expires: None,
    }
}

impl Rules {
    fn reload(&self) {
        self.reload_credentials();
        self.reload_config();
    }
}

fn write(dir: &Path, text: &str) {
    std::fs::write(dir.join("config.toml"), text).unwrap();
}

#[test]
fn a_broken_file_keeps_what_was_in_force_and_is_told_until_it_is_mended() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "[tailnet]\nothers = \"read-only\"");
    let rules = rules(dir.path());
    let others = || rules.policy.load().for_others.as_ref().map(|rule| rule.access);
    assert_eq!(others(), Some(Level::ReadOnly));

    write(dir.path(), "[tailnet]\nothers = \"all\"");
    rules.reload();
    assert_eq!(others(), Some(Level::ReadOnly));
    assert!(rules.problems()[0].contains("line 2"), "{:?}", rules.problems());

    // A credential that is revoked meanwhile is revoked.
    let secret = Store::add(dir.path(), claude()).unwrap();
    rules.reload();
    assert!(rules.keys.find(CredentialKind::Bearer, secret.expose(), None).is_some());
    Store::revoke(dir.path(), "claude").unwrap();
    rules.reload();
    assert!(rules.keys.find(CredentialKind::Bearer, secret.expose(), None).is_none());

    write(dir.path(), "# nothing");
    rules.reload();
    assert_eq!((others(), rules.problems().len()), (None, 0));
}

#[test]
fn when_the_public_is_revoked_no_credential_is_good_any_more() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "");
    let rules = rules(dir.path());
    let named = Store::add(dir.path(), claude()).unwrap();
    rules.reload();
    let before = rules.http();
    let copy = std::fs::read(dir.path().join(FILE)).unwrap();
    let opens = |kind, secret: &Secret| rules.keys.find(kind, secret.expose(), None).is_some();
    let path = before.path_secret.clone().unwrap();
    let all =
        [(CredentialKind::Bearer, &named), (CredentialKind::Bearer, &before.token), (CredentialKind::Path, &path)];
    assert!(all.iter().all(|(kind, secret)| opens(*kind, secret)));

    assert_eq!(rules.revoke_public().unwrap(), 1);
    assert!(!all.iter().any(|(kind, secret)| opens(*kind, secret)));
    rules.reload();
    assert!(!all.iter().any(|(kind, secret)| opens(*kind, secret)), "nor does it come back from a file");
    assert!(opens(CredentialKind::Bearer, &rules.http().token), "the new one is good");
    let kept = Revoked::load(dir.path()).unwrap();
    let old = shared::keys(&HttpSection { path_secret: Some(path.clone()), ..before.clone() });
    assert!(old.iter().all(|key| kept.has(key)), "the old ones are refused at every start");

    std::fs::write(dir.path().join(FILE), copy).unwrap();
    rules.reload();
    assert!(!opens(CredentialKind::Bearer, &named), "nor does one with a name, out of an old copy of its file");
    assert!(rules.problems()[0].contains("claude"), "{:?}", rules.problems());
    let (renewed, _) = Store::rotate(dir.path(), "claude").unwrap();
    rules.reload();
    assert!(opens(CredentialKind::Bearer, &renewed) && rules.problems().is_empty());
}

#[test]
fn what_is_revoked_stays_so_although_it_cannot_be_written_down() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "");
    let rules = rules(dir.path());
    let named = Store::add(dir.path(), claude()).unwrap();
    rules.reload();
    let token = rules.http().token;
    let kept = std::fs::read(dir.path().join(FILE)).unwrap();
    for file in [".roam-tools.json", FILE] {
        std::fs::write(dir.path().join(file), "{").unwrap();
    }
    rules.revoke_public().unwrap_err();
    let opens = |secret: &Secret| rules.keys.find(CredentialKind::Bearer, secret.expose(), None).is_some();
    assert!(!opens(&named) && !opens(&token));
    std::fs::write(dir.path().join(FILE), kept).unwrap();
    rules.reload();
    assert!(!opens(&named) && !opens(&token));
}

#[test]
fn how_far_callers_reach_changes_with_the_file_and_a_directory_that_is_none_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "");
    let rules = rules(dir.path());
    let outside = || Outside::clone(&rules.outside.load());
    assert_eq!(outside(), Outside::default());

    write(dir.path(), &format!("[funnel]\ndesktop_tools = true\n[uploads]\nroot = {:?}", dir.path()));
    rules.reload();
    let open = Outside { uploads: Some(dir.path().to_owned()), desktop_for_public: true };
    assert_eq!(outside(), open);

    write(dir.path(), "[uploads]\nroot = \"/nowhere/uploads\"");
    rules.reload();
    assert!(rules.problems()[0].contains("/nowhere/uploads"), "{:?}", rules.problems());
    assert_eq!(outside(), open);

    write(dir.path(), "");
    let flags = AccessFlags {
        config: Some(dir.path().join("config.toml")),
        funnel_desktop_tools: true,
        upload_root: Some(dir.path().to_owned()),
        ..AccessFlags::default()
    };
    assert_eq!(Outside::clone(&rules_with(dir.path(), flags).outside.load()), open, "what was typed wins");
}

#[test]
fn what_was_typed_wins_over_the_file() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "[sources]\nallow = [\"192.0.2.0/24\"]");
    let allow_ip = vec!["203.0.113.0/24".parse().unwrap()];
    let flags = AccessFlags {
        config: Some(dir.path().join("config.toml")),
        allow_ip,
        require_both: true,
        ..AccessFlags::default()
    };
    let rules = rules_with(dir.path(), flags);
    let funnel = |address: &str| crate::access::Peer::Funnel { source: address.parse().unwrap() };
    let gate = rules.gate.load();
    assert!(gate.require_both && gate.sources.allow(&funnel("203.0.113.1:1")));
    assert!(!gate.sources.allow(&funnel("192.0.2.1:1")));
}

#[test]
fn a_file_that_is_emptied_or_gone_lifts_nothing_and_one_with_a_comment_does() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("config.toml");
    let stern = "deny_tools = [\"search\"]\n[funnel]\naccess = \"none\"";
    write(dir.path(), stern);
    let rules = rules(dir.path());
    let holds = || rules.policy.load().deny_tools.matches("search") && rules.policy.load().for_public.is_none();
    for nothing in [Some(""), Some(" \n\t\r\n"), None] {
        match nothing {
            Some(text) => write(dir.path(), text),
            None => std::fs::remove_file(&file).unwrap(),
        }
        rules.reload();
        assert!(holds(), "{nothing:?}");
        assert!(rules.problems()[0].contains("config.toml"), "{nothing:?}: {:?}", rules.problems());
        write(dir.path(), stern);
        rules.reload();
        assert!(holds() && rules.problems().is_empty(), "{nothing:?}: {:?}", rules.problems());
    }
    write(dir.path(), "# No rules.");
    rules.reload();
    assert!(!holds() && rules.problems().is_empty());
}

#[test]
fn a_pattern_that_is_no_tools_name_is_told() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "deny_tools = [\"delet_*\", \"delete-*\", \"metrics\"]\n[funnel]\ntools = [\"*\", \"serch\"]");
    let problems = rules(dir.path()).idle(&[], &[]);
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].contains("`delet_*` in `deny_tools`") && problems[1].contains("`serch`"), "{problems:?}");
}

#[test]
fn credentials_are_kept_when_their_file_is_emptied_and_go_with_it() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "");
    let secret = Store::add(dir.path(), claude()).unwrap();
    let rules = rules(dir.path());
    let opens = || rules.keys.find(CredentialKind::Bearer, secret.expose(), None).is_some();
    std::fs::write(dir.path().join(FILE), "").unwrap();
    rules.reload();
    assert!(opens() && rules.problems()[0].contains(FILE), "{:?}", rules.problems());
    std::fs::remove_file(dir.path().join(FILE)).unwrap();
    rules.reload();
    assert!(!opens());
}

#[test]
fn a_list_of_openai_that_is_lost_lets_nobody_in() {
    let dir = tempfile::tempdir().unwrap();
    let copy = dir.path().join("openai.json");
    std::fs::write(&copy, r#"{"prefixes": [{"ipv4Prefix": "192.0.2.0/28"}]}"#).unwrap();
    write(dir.path(), "[sources]\nopenai = true");
    let rules = rules(dir.path());
    let lets_in = |address: &str| {
        rules.gate.load().sources.allow(&crate::access::Peer::Funnel { source: address.parse().unwrap() })
    };
    assert!(lets_in("192.0.2.1:1") && !lets_in("203.0.113.1:1"));
    std::fs::write(&copy, "").unwrap();
    rules.reload();
    assert!(lets_in("192.0.2.1:1") && !lets_in("203.0.113.1:1") && rules.problems().len() == 1);
    std::fs::remove_file(&copy).unwrap();
    rules.reload();
    assert!(!lets_in("192.0.2.1:1") && !lets_in("203.0.113.1:1"));
}

/// Rules that are looked at from now on.
fn watched(rules: &Arc<Rules>) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    (stop.clone(), tokio::spawn(Arc::clone(rules).watch(Arc::default(), stop)))
}

#[tokio::test(start_paused = true)]
async fn a_change_of_a_file_is_seen_also_one_from_before_anybody_looked() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "");
    let secret = Store::add(dir.path(), claude()).unwrap();
    let rules = rules(dir.path());
    write(dir.path(), "deny_tools = [\"search\"]");
    Store::revoke(dir.path(), "claude").unwrap();
    let (stop, watching) = watched(&rules);
    tokio::time::sleep(LOOK_EVERY + LOOK_EVERY / 2).await;
    assert!(rules.keys.find(CredentialKind::Bearer, secret.expose(), None).is_none(), "at the first look");
    tokio::time::sleep(LOOK_EVERY).await;
    assert!(rules.policy.load().deny_tools.matches("search"));

    write(dir.path(), "deny_tools = [\"search_templates\"]");
    tokio::time::sleep(LOOK_EVERY * 3).await;
    assert!(rules.policy.load().deny_tools.matches("search_templates"));
    stop.cancel();
    watching.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_file_is_not_read_while_it_changes_from_look_to_look() {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "deny_tools = [\"search\"]");
    let rules = rules(dir.path());
    let (stop, watching) = watched(&rules);
    tokio::time::sleep(LOOK_EVERY / 2).await;
    let mut text = "# A long text, line by line.\n".to_owned();
    for line in 0..5 {
        text += &format!("# {line}\n");
        write(dir.path(), &text);
        tokio::time::sleep(LOOK_EVERY).await;
        assert!(rules.policy.load().deny_tools.matches("search"), "{text}");
    }
    tokio::time::sleep(LOOK_EVERY).await;
    assert!(!rules.policy.load().deny_tools.matches("search"));
    stop.cancel();
    watching.await.unwrap();
}
