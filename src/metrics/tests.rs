//! Counting, the text, and its documentation.

use jiff::Timestamp;

use super::*;
use crate::access::TailnetUser;

fn user() -> Caller {
    Caller::User(TailnetUser { id: 7, login: "alice@example.com".into(), node: "laptop".into(), grants: Vec::new() })
}

fn assert_has_line(text: &str, line: &str) {
    assert!(text.lines().any(|found| found == line), "{line} is not in\n{text}");
}

/// Metrics that have something of every family.
fn everything() -> Metrics {
    let time = Timestamp::UNIX_EPOCH;
    let metrics = Metrics::new(move || Gauges {
        open: vec![(Plane::Tailnet, 2), (Plane::Funnel, 1)],
        turned_away: vec![("connections", 3)],
        funnel: "open",
        funnel_until: Some(time),
        certificate_expiry: Some(time),
        audit_failing: true,
        started: time,
    });
    metrics.begin(Plane::Tailnet, &user(), Some("search")).ended(Outcome::Ok);
    metrics.begin(Plane::Tailnet, &user(), Some("search")).ended(Outcome::Failed);
    metrics.begin(Plane::Tailnet, &user(), Some("create_block")).ended(Outcome::Denied);
    metrics.begin(Plane::Funnel, &user(), None).ended(Outcome::Unknown);
    drop(metrics.begin(Plane::Admin, &Caller::Admin, Some("search")));
    metrics.responded(Plane::Funnel, 404);
    metrics
}

#[test]
fn what_happened_is_counted_and_what_is_so_is_shown() {
    let text = everything().render();
    for line in [
        r#"roam_mcp_tool_calls_total{plane="tailnet",caller="user",tool="search",outcome="ok"} 1"#,
        r#"roam_mcp_tool_calls_total{plane="tailnet",caller="user",tool="search",outcome="failed"} 1"#,
        r#"roam_mcp_tool_calls_total{plane="tailnet",caller="user",tool="create_block",outcome="denied"} 1"#,
        r#"roam_mcp_tool_calls_total{plane="funnel",caller="user",tool="unknown",outcome="unknown"} 1"#,
        r#"roam_mcp_tool_calls_total{plane="admin",caller="admin",tool="search",outcome="given-up"} 1"#,
        r#"roam_mcp_tool_call_duration_seconds_count{tool="search"} 2"#,
        r#"roam_mcp_http_responses_total{plane="funnel",status="404"} 1"#,
        r#"roam_mcp_connections_open{plane="tailnet"} 2"#,
        r#"roam_mcp_connections_refused_total{limit="connections"} 3"#,
        r#"roam_mcp_funnel_state{state="open"} 1"#,
        r#"roam_mcp_funnel_state{state="off"} 0"#,
        "roam_mcp_audit_failing 1",
        "roam_mcp_certificate_expiry_timestamp_seconds 0",
    ] {
        assert_has_line(&text, line);
    }
    assert!(!text.contains(r#"count{tool="create_block"}"#), "what was denied took no time:\n{text}");
    assert!(!text.contains("alice") && !text.contains("laptop"), "{text}");
}

#[test]
fn every_name_is_in_the_document_and_every_name_there_is_one() {
    let text = everything().render();
    let kind = |line: &str| line.strip_prefix("# TYPE ").map(|line| line.replacen(' ', "` | ", 1));
    let told = text.lines().filter_map(kind).map(|row| match row.split_once("` | counter") {
        Some((name, _)) => format!("| `{name}_total` | counter |"),
        None => format!("| `{row} |"),
    });
    let document = include_str!("../../docs/METRICS.md");
    let rows = document.lines().filter(|line| line.starts_with("| `roam_mcp_"));
    let described: Vec<_> = rows.map(|row| row.split(" | ").take(2).collect::<Vec<_>>().join(" | ") + " |").collect();
    assert_eq!(told.collect::<Vec<_>>(), described);
}
