//! A report as text.

use std::fmt::Write;

use crate::access::CAPABILITY;

use super::{CertificateState, Door, Report};

/// What `up` prints when the node serves: where it is, who may call, and what to paste where.
pub fn start_card(report: &Report) -> String {
    let mut card = facts(report);
    if has_certificate(report) && matches!(report.funnel, Door::Open { .. }) {
        card.push_str("\nPaste\n");
        if let Some(url) = &report.urls.public_secret {
            line(&mut card, "Claude.ai", &format!("Settings, Connectors, Add custom connector: {url}"));
            line(
                &mut card,
                "ChatGPT",
                &format!("Settings, Apps, Advanced, Developer mode, Create: {url} (no authentication)"),
            );
        }
    } else {
        card.push_str("\nPaste\n");
    }
    line(
        &mut card,
        "Claude Code",
        &format!("claude mcp add --transport http roam {} (on a device of the tailnet)", tailnet_url(report)),
    );
    if report.urls.masked {
        card.push_str("\nSecrets are masked: `roam-mcp status --show-secrets` prints them in full.\n");
    }
    card
}

/// What `roam-mcp status` prints.
pub fn status_card(report: &Report) -> String {
    let mut card = facts(report);
    let node = &report.node;
    line(
        &mut card,
        "State",
        &format!("{}{}", node.state, if node.online { "" } else { ", control server not reached: serving goes on" }),
    );
    if node.state == "NeedsLogin" {
        line(
            &mut card,
            "Key",
            "no longer valid: start the node again to let it in, with an auth key or by its login URL",
        );
    } else if let Some(expiry) = &node.key_expiry {
        line(&mut card, "Key", &format!("expires {expiry}; the node has to be let in again then"));
    }
    if let Some(url) = &node.login_url {
        line(&mut card, "Log in", url);
    }
    for problem in &node.health {
        line(&mut card, "Health", problem);
    }
    for problem in &report.problems {
        line(&mut card, "Problem", problem);
    }
    let plural = if report.connections == 1 { "" } else { "s" };
    line(&mut card, "Open", &format!("{} connection{plural}", report.connections));
    line(
        &mut card,
        "Process",
        &format!("{}, version {}, since {}", report.pid, report.version, report.started.strftime("%F %T UTC")),
    );
    card
}

fn facts(report: &Report) -> String {
    let mut card = format!("\n{} is up\n\n", report.node.name);
    let plain = format!("{} (plain HTTP inside WireGuard)", report.urls.tailnet_plain);
    if has_certificate(report) {
        line(&mut card, "Tailnet", &report.urls.tailnet);
        line(&mut card, "", &plain);
    } else {
        line(&mut card, "Tailnet", &plain);
    }
    line(&mut card, "", &who_may_call(report));
    match &report.funnel {
        open @ Door::Open { until, .. } => {
            if let Some(url) = &report.urls.public_secret {
                line(&mut card, "Public", &format!("{url} (whoever has this URL may call: keep it to yourself)"));
            }
            line(&mut card, "", &format!("{} with the bearer token {}", report.urls.public, report.urls.token));
            if until.is_some() {
                line(&mut card, "", &open.to_string());
            }
        }
        door => line(&mut card, "Public", &door.to_string()),
    }
    line(&mut card, "HTTPS", &report.certificate.to_string());
    line(&mut card, "Graph", &report.graphs.join(", "));
    card
}

fn has_certificate(report: &Report) -> bool {
    matches!(report.certificate, CertificateState::Valid { .. })
}

/// The URL that works now.
fn tailnet_url(report: &Report) -> &str {
    if has_certificate(report) { &report.urls.tailnet } else { &report.urls.tailnet_plain }
}

fn who_may_call(report: &Report) -> String {
    match &report.node.owner {
        Some(owner) => format!("{owner} may call from their own devices; nobody else"),
        None => format!(
            "nobody may call without a grant: a tagged node belongs to no user. Add to the tailnet's policy:\n\n{}\n",
            grant(&report.node.tags),
        ),
    }
}

/// A grant that lets every member of the tailnet read. The administrator will know how to narrow it.
fn grant(tags: &[String]) -> String {
    let grant = serde_json::json!({
        "src": ["autogroup:member"],
        "dst": tags,
        "ip": ["tcp:443", "tcp:80"],
        "app": {CAPABILITY: [{"access": "read-only"}]},
    });
    format!("    \"grants\": [{grant}]")
}

fn line(card: &mut String, label: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(card, "  {label:<12} {text}");
}
