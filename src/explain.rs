//! What a caller may do, and by which rule: the same decision that a call gets, told instead of acted on.

use std::fmt;
use std::sync::Arc;

use ipnet::IpNet;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::access::{self, Caller, Credential, CredentialKind, Level, Plane, Policy, Rule, Sources, TailnetUser};
use crate::credentials::{Key, Keyring};
use crate::tools::{self, Outside};

/// What to explain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// A login name, the name of a credential, `owner` or `public`.
    #[serde(rename = "as")]
    pub who: String,
    /// One tool; all if absent.
    pub tool: Option<String>,
    /// One graph; all if absent.
    pub graph: Option<String>,
}

/// What is known of the world in which the question is asked.
#[derive(Debug)]
pub struct Known<'a> {
    /// The rules.
    pub policy: &'a Policy,
    /// The credentials.
    pub keys: &'a Keyring,
    /// Login name and number of the node's owner.
    pub owner: Option<(&'a str, i64)>,
    /// Callers of the tailnet whose grants are known.
    pub seen: &'a [Caller],
    /// The graphs.
    pub graphs: &'a [String],
    /// How far calls reach that come from outside.
    pub outside: &'a Outside,
    /// From where public callers may come.
    pub sources: &'a Sources,
    /// Whether they must show a bearer token and a path secret.
    pub require_both: bool,
}

/// There is nobody of that name to explain.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no credential `{0}`; `roam-mcp credentials list` shows them. A login name has an `@` in it")]
pub struct Unknown(pub String);

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// Who it is about.
    pub caller: String,
    /// What is not known, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// The rules that they have, and where each stands.
    pub rules: Vec<String>,
    /// What must be so besides, for any of it to be allowed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<String>,
    /// What becomes of each call.
    pub verdicts: Vec<Verdict>,
}

/// What becomes of a call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// The tool.
    pub tool: String,
    /// The graph, if it takes one.
    pub graph: Option<String>,
    /// What the tool needs.
    pub needs: Level,
    /// Whether it is allowed.
    pub allowed: bool,
    /// The rule that allows it, or what stands in the way.
    pub by: String,
}

/// What is typed for whoever comes from the internet with a credential that allows everything.
const PUBLIC: &str = "public";
/// What they are called.
const ANYBODY: &str = "whoever shows a credential with full access, such as the two of ~/.roam-tools.json";
/// The owner of a node whose tailnet is not known has some number; this is nobody else's.
const SOME_OWNER: i64 = i64::MIN;
const GRANTS_UNKNOWN: &str =
    "grants of the tailnet are known once they have called a running node, and not counted here";
/// Why a rule alone does not give a tool to the public.
const OUT_OF_REACH: &str =
    "it acts on this computer, which the public may have done only with `desktop_tools` in [funnel]";

/// Explains what would happen now.
///
/// # Errors
/// When nobody has that name.
pub fn explain(question: &Question, known: &Known<'_>) -> Result<Explanation, Unknown> {
    let (caller, note) = caller(&question.who, known)?;
    let mut policy = known.policy.clone();
    if matches!(&caller, Caller::User(user) if user.id == SOME_OWNER) {
        policy.owner = Some(SOME_OWNER);
    }
    let tools = tools::TOOLS.iter().filter(|tool| question.tool.as_ref().is_none_or(|name| name == tool.name));
    let graphs: Vec<Option<&str>> = match &question.graph {
        Some(graph) => vec![Some(graph)],
        None if known.graphs.is_empty() => vec![None],
        None => known.graphs.iter().map(|graph| Some(graph.as_str())).collect(),
    };
    let verdicts = tools.flat_map(|tool| {
        let on = if tool.takes_graph() { graphs.as_slice() } else { &[None] };
        on.iter().map(|graph| verdict(&policy, &caller, known.outside, tool, *graph)).collect::<Vec<_>>()
    });
    Ok(Explanation {
        caller: if question.who == PUBLIC { ANYBODY.to_owned() } else { caller.to_string() },
        note: note.map(str::to_owned),
        verdicts: verdicts.collect(),
        rules: policy.rules(&caller).map(|(origin, rule)| format!("{origin}: {rule}")).collect(),
        conditions: conditions(&caller, known),
    })
}

/// The same two questions that a call is asked: does it reach so far, and does a rule allow it.
fn verdict(policy: &Policy, caller: &Caller, outside: &Outside, tool: &tools::Tool, graph: Option<&str>) -> Verdict {
    let operation = tool.operation(graph);
    let (allowed, by) = match access::decide(policy, caller, &operation) {
        Ok(_) if !outside.reach(plane(caller)).covers(tool) => (false, OUT_OF_REACH.to_owned()),
        Ok(permit) => (true, permit.origin().to_string()),
        Err(denied) => (false, denied.barrier().to_string()),
    };
    Verdict { tool: tool.name.to_owned(), graph: graph.map(str::to_owned), needs: operation.needs, allowed, by }
}

/// Where a caller comes in. What holds for Funnel holds for this machine's own socket as well.
fn plane(caller: &Caller) -> Plane {
    match caller {
        Caller::User(_) | Caller::Tagged(_) => Plane::Tailnet,
        Caller::Public(_) => Plane::Funnel,
        Caller::Admin => Plane::Admin,
    }
}

/// What a public caller needs beside a rule.
fn conditions(caller: &Caller, known: &Known<'_>) -> Vec<String> {
    let Caller::Public(credential) = caller else { return Vec::new() };
    let key = known.keys.named(&credential.name);
    let list = |networks: &[IpNet]| networks.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
    let own = key.map(Key::sources).filter(|sources| !sources.is_empty());
    let own = own.map(|sources| format!("their credential is good from {} alone", list(sources)));
    let all = known.sources.networks().map(|listed| match listed {
        [] => "no network in [sources] is known yet, so no public call is taken".to_owned(),
        listed => format!("public calls are taken from {} alone, [sources]", list(listed)),
    });
    let until = key.and_then(Key::expires).map(|until| {
        let word = if until <= Timestamp::now() { "ended at" } else { "ends at" };
        format!("their credential {word} {}", until.strftime("%F %R UTC"))
    });
    let both = known.require_both.then(|| match credential.kind {
        CredentialKind::Bearer => "a path secret must be shown as well, `require_both` in [funnel]".to_owned(),
        CredentialKind::Path => {
            "a bearer token must be shown as well, `require_both` in [funnel], and what it allows counts".to_owned()
        }
    });
    own.into_iter().chain(all).chain(until).chain(both).collect()
}

/// The caller that is meant. A credential wins over a login: logins have an `@` in them, names of credentials have none.
fn caller(who: &str, known: &Known<'_>) -> Result<(Caller, Option<&'static str>), Unknown> {
    let user = |login: &str, id| {
        Caller::User(TailnetUser { id, login: login.to_owned(), node: "any device".into(), grants: Vec::new() })
    };
    let seen = |login: &str| {
        known.seen.iter().find(|caller| matches!(caller, Caller::User(user) if user.login == login)).cloned()
    };
    let (owner, owner_id) = known.owner.unwrap_or(("owner", SOME_OWNER));
    if who == "owner" || who == owner {
        return Ok((seen(owner).unwrap_or_else(|| user(owner, owner_id)), None));
    }
    if let Some(key) = known.keys.named(who) {
        return Ok((Caller::Public(Arc::clone(key.credential())), None));
    }
    // The two of ~/.roam-tools.json allow whatever public access may, and are not read for this.
    if matches!(who, PUBLIC | "token" | "path-secret") {
        let rule = Rule::everything(Level::Full);
        let kind = if who == "path-secret" { CredentialKind::Path } else { CredentialKind::Bearer };
        let anyone = Credential { name: who.into(), kind, rule };
        return Ok((Caller::Public(Arc::new(anyone)), None));
    }
    match seen(who) {
        Some(caller) => Ok((caller, None)),
        // Zero is no user's number.
        None if who.contains('@') => Ok((user(who, 0), Some(GRANTS_UNKNOWN))),
        None => Err(Unknown(who.to_owned())),
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.caller)?;
        if let Some(note) = &self.note {
            writeln!(f, "  note: {note}")?;
        }
        if self.rules.is_empty() {
            writeln!(f, "  no rule is for them: they may not call at all")?;
        }
        for rule in &self.rules {
            writeln!(f, "  {rule}")?;
        }
        for condition in &self.conditions {
            writeln!(f, "  {condition}")?;
        }
        for Verdict { tool, graph, needs, allowed, by } in &self.verdicts {
            let on = graph.as_ref().map(|graph| format!(" on {graph}")).unwrap_or_default();
            let (word, by) = if *allowed { ("allowed", format!(", by {by}")) } else { ("denied ", format!(": {by}")) };
            writeln!(f, "  {word}  {tool}{on} ({needs}){by}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
