use super::*;
use crate::access::Level;
use crate::report::{Allowed, NodeReport, Urls};

fn serving() -> Report {
    Report {
        version: "1".into(),
        pid: 1,
        started: "2026-01-01T12:00:00Z".parse().unwrap(),
        serving: true,
        node: NodeReport {
            name: "roam.example.ts.net".into(),
            state: "Running".into(),
            online: true,
            owner: Some("amelie@example.com".into()),
            ..NodeReport::default()
        },
        certificate: CertificateState::Valid { not_after: "2026-03-01T12:00:00Z".parse().unwrap() },
        funnel: Door::Open { port: 443, until: None },
        urls: Urls {
            tailnet: Some("https://roam.example.ts.net/mcp".into()),
            tailnet_plain: Some("http://roam.example.ts.net/mcp".into()),
            public: Some("https://roam.example.ts.net/mcp".into()),
            public_secret: Some("https://roam.example.ts.net/s3cret/mcp".into()),
            direct: None,
            token: "t0ken".into(),
            masked: false,
        },
        allowed: Allowed::default(),
        graphs: vec!["garden".into()],
        connections: 1,
        problems: Vec::new(),
    }
}

fn waiting() -> Report {
    let node = NodeReport { state: "NeedsLogin".into(), ..NodeReport::default() };
    let certificate = CertificateState::Pending;
    Report { serving: false, node, certificate, funnel: Door::Opening, urls: Urls::default(), ..serving() }
}

#[test]
fn a_node_that_waits_to_be_let_in_tells_where_and_nothing_that_is_not_so_yet() {
    let mut report = waiting();
    report.node.login_url = Some("https://login.example.com/a/1".into());
    report.node.health = vec!["Logged out: nobody is logged in".into()];
    let card = status_card(&report);
    assert!(
        card.starts_with("\nNot up yet: waiting to be let into a tailnet\n\n  Log in       https://login"),
        "{card}"
    );
    assert_eq!(card.trim().lines().count(), 5, "headline, login, graph and process: {card}");

    report.urls.direct = Some("http://127.0.0.1:3939/mcp".into());
    assert!(status_card(&report).contains("This machine http://127.0.0.1:3939/mcp with the bearer token"));
}

#[test]
fn a_node_that_hears_nothing_tells_why() {
    let mut report = waiting();
    assert!(status_card(&report).contains("joining, the control server has not answered yet"));
    report.node.health = vec!["No route: dial tcp 192.0.2.1:443".into()];
    assert!(status_card(&report).contains("does not answer yet: No route: dial tcp 192.0.2.1:443"));
    report.node.state = "NeedsMachineAuth".into();
    assert!(status_card(&report).contains("waiting for an administrator"));
}

#[test]
fn a_node_whose_key_ran_out_while_it_served_says_so() {
    let mut report = serving();
    report.node.state = "NeedsLogin".into();
    let card = status_card(&report);
    assert!(card.contains("no longer valid") && card.contains("https://roam.example.ts.net/mcp"), "{card}");
}

#[test]
fn a_node_whose_approval_is_withdrawn_is_not_up_and_offers_no_public_url() {
    let mut report = serving();
    report.node.state = "NeedsMachineAuth".into();
    for funnel in [Door::Open { port: 443, until: None }, Door::Opening] {
        let card = status_card(&Report { funnel, ..report.clone() });
        assert!(card.contains("is out of its tailnet") && card.contains("has to approve this node again"), "{card}");
        assert!(!card.contains("s3cret") && !card.contains("is open"), "{card}");
    }
}

#[test]
fn without_a_certificate_no_public_url_is_offered() {
    let retry_at = "2026-01-01T13:00:00Z".parse().unwrap();
    let failed = CertificateState::Failed { reason: "too many certificates".into(), retry_at };
    for certificate in [CertificateState::Pending, failed] {
        let card = start_card(&Report { certificate, ..serving() });
        assert!(card.contains("lets nobody in without a certificate") && !card.contains("s3cret"), "{card}");
    }
}

#[test]
fn the_card_says_what_the_rules_in_force_say() {
    let told = |allowed: Allowed| start_card(&Report { allowed, ..serving() });
    let (usual, full) = (Allowed::default(), Some(Level::Full));
    let (read, append) = (Some(Level::ReadOnly), Some(Level::ReadAppend));
    for (allowed, said, unsaid) in [
        (usual, "may call from their own devices; everybody else needs a grant", "nobody"),
        (Allowed { owner: append, ..usual }, "their own devices with read-append access; everybody else", "nobody"),
        (Allowed { others: read, ..usual }, "everybody else in the tailnet with read-only access", "needs a grant"),
        (Allowed { owner: None, ..usual }, "nobody may call without a grant: `owner`", "may call from"),
        (Allowed { owner: None, others: full, ..usual }, "everybody in the tailnet may call with full", "own devices"),
        (Allowed { public: read, ..usual }, "whoever has this URL may call with read-only access", "nobody"),
        (Allowed { public: None, ..usual }, "no public client may call: `access` in [funnel]", "s3cret"),
        (Allowed { require_both: true, ..usual }, "s3cret/mcp together with the bearer token t0ken", "whoever"),
        (Allowed { require_both: true, ..usual }, "`require_both` asks for a bearer token", "Connectors"),
        (Allowed { listed_sources: true, ..usual }, "from the networks in [sources] alone", "nobody"),
    ] {
        let card = told(allowed);
        assert!(card.contains(said) && !card.contains(unsaid), "{allowed:?}: {card}");
    }
}

#[test]
fn a_url_that_is_masked_is_not_to_be_pasted() {
    let mut report = serving();
    assert!(!start_card(&report).contains("masked"));
    report.urls.masked = true;
    let card = start_card(&report);
    let masked = card.lines().filter(|line| line.contains("(masked: `roam-mcp status --show-secrets`)"));
    assert_eq!(masked.count(), 2, "{card}");
}
