//! A report as text.

use std::fmt::Write;

use super::allowed::{in_the_tailnet, up_to};
use super::{CertificateState, Door, RUNNING, Report};

/// What `up` prints when the node serves: where it is, who may call, and what to paste where.
pub fn start_card(report: &Report) -> String {
    let mut card = facts(report);
    card.push_str("\nPaste\n");
    if has_certificate(report) && matches!(report.funnel, Door::Open { .. }) {
        match (&report.urls.public_secret, report.allowed.url_is_not_enough()) {
            (Some(_), Some(reason)) => line(&mut card, "", reason),
            (Some(url), None) => {
                let masked = if report.urls.masked { " (masked: `roam-mcp status --show-secrets`)" } else { "" };
                line(&mut card, "Claude.ai", &format!("Settings, Connectors, Add custom connector: {url}{masked}"));
                let how = "Settings, Apps, Advanced, Developer mode, Create";
                line(&mut card, "ChatGPT", &format!("{how}: {url} (no authentication){masked}"));
            }
            (None, _) => {}
        }
    }
    if let Some(url) = tailnet_url(report) {
        let command = format!("claude mcp add --transport http roam {url} (on a device of the tailnet)");
        line(&mut card, "Claude Code", &command);
    }
    if report.urls.masked {
        card.push_str("\nSecrets are masked: `roam-mcp status --show-secrets` prints them in full.\n");
    }
    card
}

/// What `roam-mcp status` prints.
pub fn status_card(report: &Report) -> String {
    let mut card = if report.joined() { facts(report) } else { on_the_way(report) };
    if report.joined() {
        node(&mut card, report);
    }
    for problem in &report.problems {
        line(&mut card, "Problem", problem);
    }
    if report.joined() {
        let plural = if report.connections == 1 { "" } else { "s" };
        line(&mut card, "Open", &format!("{} connection{plural}", report.connections));
    }
    line(
        &mut card,
        "Process",
        &format!("{}, version {}, since {}", report.pid, report.version, report.started.strftime("%F %T UTC")),
    );
    card
}

/// Of a node that is not in its tailnet there is nothing to tell but what it waits for.
fn on_the_way(report: &Report) -> String {
    let node = &report.node;
    let waits = match (&node.login_url, node.state.as_str()) {
        (Some(_), _) => "waiting to be let into a tailnet".to_owned(),
        (None, "NeedsMachineAuth") => {
            "waiting for an administrator to approve this node (admin console, Machines)".to_owned()
        }
        (None, _) if node.health.is_empty() => "joining, the control server has not answered yet".to_owned(),
        (None, _) => format!("joining, the control server does not answer yet: {}", node.health.join("; ")),
    };
    let mut card = format!("\nNot up yet: {waits}\n\n");
    if let Some(url) = &node.login_url {
        line(&mut card, "Log in", url);
    }
    this_machine(&mut card, report);
    line(&mut card, "Graph", &report.graphs.join(", "));
    card
}

/// How the node stands in its tailnet.
fn node(card: &mut String, report: &Report) {
    let node = &report.node;
    let unheard = if node.online { "" } else { ", control server not reached: serving goes on" };
    line(card, "State", &format!("{}{unheard}", node.state));
    if node.state == "NeedsMachineAuth" {
        let approve = "withdrawn: an administrator has to approve this node again (admin console, Machines)";
        line(card, "Approval", approve);
    }
    if node.state == "NeedsLogin" {
        line(card, "Key", "no longer valid: start the node again to let it in, with an auth key or by its login URL");
    } else if let Some(expiry) = &node.key_expiry {
        line(card, "Key", &format!("expires {expiry}; the node has to be let in again then"));
    }
    if let Some(url) = &node.login_url {
        line(card, "Log in", url);
    }
    for problem in &node.health {
        line(card, "Health", problem);
    }
}

fn facts(report: &Report) -> String {
    let up = match (report.serving, is_in_tailnet(report)) {
        (true, true) => "up",
        (true, false) => "out of its tailnet: nobody reaches it there or through Funnel",
        (false, _) => "in its tailnet, and nearly up",
    };
    let mut card = format!("\n{} is {up}\n\n", report.node.name);
    let secure = report.urls.tailnet.as_deref().filter(|_| has_certificate(report));
    let plain = report.urls.tailnet_plain.as_ref().map(|url| format!("{url} (plain HTTP inside WireGuard)"));
    for (at, url) in secure.into_iter().chain(plain.as_deref()).enumerate() {
        line(&mut card, if at == 0 { "Tailnet" } else { "" }, url);
    }
    line(&mut card, "", &in_the_tailnet(report));
    public(&mut card, report);
    this_machine(&mut card, report);
    line(&mut card, "HTTPS", &report.certificate.to_string());
    line(&mut card, "Graph", &report.graphs.join(", "));
    card
}

/// Who may come in through the public door, and how.
fn public(card: &mut String, report: &Report) {
    let (urls, allowed) = (&report.urls, report.allowed);
    if report.serving && !is_in_tailnet(report) && !matches!(report.funnel, Door::Off { .. }) {
        return line(card, "Public", "Funnel is shut; it opens by itself when the node is in its tailnet again");
    }
    let (Door::Open { until, .. }, Some(url)) = (&report.funnel, &urls.public) else {
        return line(card, "Public", &report.funnel.to_string());
    };
    if !has_certificate(report) {
        return line(card, "Public", &format!("{}, and lets nobody in without a certificate", report.funnel));
    }
    let Some(level) = allowed.public else {
        let refused = allowed.url_is_not_enough().unwrap_or_default();
        return line(card, "Public", &format!("{}, and {refused}", report.funnel));
    };
    let token = &urls.token;
    match &urls.public_secret {
        Some(secret) if allowed.require_both => {
            line(card, "Public", &format!("{secret} together with the bearer token {token}{}", up_to(level)));
        }
        Some(secret) => {
            let whoever = format!("whoever has this URL may call{}: keep it to yourself", up_to(level));
            line(card, "Public", &format!("{secret} ({whoever})"));
            line(card, "", &format!("{url} with the bearer token {token}"));
        }
        None => line(card, "Public", &format!("{url} with the bearer token {token}{}", up_to(level))),
    }
    if let Some(sources) = allowed.about_sources() {
        line(card, "", sources);
    }
    if until.is_some() {
        line(card, "", &report.funnel.to_string());
    }
}

/// The socket of this machine takes calls whether or not the node is in its tailnet, by the rules of the public door.
fn this_machine(card: &mut String, report: &Report) {
    let (Some(url), allowed) = (&report.urls.direct, report.allowed) else { return };
    let how = match (allowed.public, allowed.require_both) {
        (None, _) => format!("{url}, where nobody may call: `access` in [funnel] is \"none\""),
        (_, true) => format!("{url} with the path secret before `/mcp`, and the bearer token {}", report.urls.token),
        (_, false) => format!("{url} with the bearer token {}", report.urls.token),
    };
    line(card, "This machine", &how);
}

fn is_in_tailnet(report: &Report) -> bool {
    report.node.state == RUNNING
}

fn has_certificate(report: &Report) -> bool {
    matches!(report.certificate, CertificateState::Valid { .. } | CertificateState::Unrenewed { .. })
}

/// The URL that works now.
fn tailnet_url(report: &Report) -> Option<&str> {
    let urls = &report.urls;
    if has_certificate(report) { urls.tailnet.as_deref() } else { urls.tailnet_plain.as_deref() }
}

fn line(card: &mut String, label: &str, text: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(card, "  {label:<12} {text}");
}

#[cfg(test)]
mod tests;
