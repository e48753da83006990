//! What a caller may do, and by which rule: the same decision that a call gets, told instead of acted on.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::access::{self, Caller, Credential, CredentialKind, Level, Operation, Policy, Rule, TailnetUser};
use crate::credentials::Keyring;
use crate::tools;

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
}

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

/// The owner of a node whose tailnet is not known has some number; this is nobody else's.
const SOME_OWNER: i64 = i64::MIN;
const GRANTS_UNKNOWN: &str =
    "grants of the tailnet are known once they have called a running node, and not counted here";

/// Explains what would happen now.
pub fn explain(question: &Question, known: &Known<'_>) -> Explanation {
    let (caller, note) = caller(&question.who, known);
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
        on.iter().map(|graph| verdict(&policy, &caller, tool, *graph)).collect::<Vec<_>>()
    });
    Explanation {
        caller: caller.to_string(),
        note: note.map(str::to_owned),
        verdicts: verdicts.collect(),
        rules: policy.rules(&caller).map(|(origin, rule)| format!("{origin}: {rule}")).collect(),
    }
}

fn verdict(policy: &Policy, caller: &Caller, tool: &tools::Tool, graph: Option<&str>) -> Verdict {
    let (tool, needs) = (tool.name, tool.needs());
    let (allowed, by) = match access::decide(policy, caller, &Operation { tool, needs, graph }) {
        Ok(permit) => (true, permit.origin().to_string()),
        Err(denied) => (false, denied.barrier().to_string()),
    };
    Verdict { tool: tool.to_owned(), graph: graph.map(str::to_owned), needs, allowed, by }
}

/// The caller that is meant. A credential wins over a login: logins have an `@` in them, names of credentials have none.
fn caller(who: &str, known: &Known<'_>) -> (Caller, Option<&'static str>) {
    let user = |login: &str, id| {
        Caller::User(TailnetUser { id, login: login.to_owned(), node: "any device".into(), grants: Vec::new() })
    };
    let seen = |login: &str| {
        known.seen.iter().find(|caller| matches!(caller, Caller::User(user) if user.login == login)).cloned()
    };
    let (owner, owner_id) = known.owner.unwrap_or(("owner", SOME_OWNER));
    if who == "owner" || who == owner {
        return (seen(owner).unwrap_or_else(|| user(owner, owner_id)), None);
    }
    if let Some(credential) = known.keys.named(who) {
        return (Caller::Public(credential), None);
    }
    // The two of ~/.roam-tools.json allow whatever public access may, and are not read for this.
    if matches!(who, "public" | "token" | "path-secret") {
        let rule = Rule::everything(Level::Full);
        let anyone = Credential { name: "any with full access".into(), kind: CredentialKind::Bearer, rule };
        return (Caller::Public(Arc::new(anyone)), None);
    }
    // Zero is no user's number.
    seen(who).map_or_else(|| (user(who, 0), Some(GRANTS_UNKNOWN)), |caller| (caller, None))
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
        for Verdict { tool, graph, needs, allowed, by } in &self.verdicts {
            let on = graph.as_ref().map(|graph| format!(" on {graph}")).unwrap_or_default();
            let word = if *allowed { "allowed" } else { "denied " };
            writeln!(f, "  {word}  {tool}{on} ({needs}), by {by}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Patterns, Share};

    fn question(who: &str, tool: Option<&str>, graph: Option<&str>) -> Question {
        Question { who: who.into(), tool: tool.map(str::to_owned), graph: graph.map(str::to_owned) }
    }

    fn told(policy: &Policy, who: &str) -> String {
        let graphs = ["garden".to_owned(), "diary".to_owned()];
        let known = Known {
            policy,
            keys: &Keyring::default(),
            owner: Some(("amelie@example.com", 7)),
            seen: &[],
            graphs: &graphs,
        };
        explain(&question(who, Some("create_block"), None), &known).to_string()
    }

    #[test]
    fn it_tells_the_rule_or_what_stands_in_the_way() {
        let policy = Policy { owner: Some(7), ..Policy::default() };
        let listed = Policy { deny_tools: Patterns::from_iter(["create_*"]), ..policy.clone() };
        let reading =
            Policy { for_public: Share::ReadOnly.rule(), for_others: Share::ReadOnly.rule(), ..policy.clone() };
        for (policy, who, parts) in [
            (&policy, "owner", ["allowed  create_block on garden", "`owner` in [tailnet]"]),
            (&policy, "amelie@example.com", ["allowed  create_block on diary", "`owner` in [tailnet]"]),
            (&policy, "bob@example.com", ["no rule is for them", "grants of the tailnet are known once"]),
            (&policy, "public", ["allowed  create_block", "their credential"]),
            (&reading, "public", ["denied   create_block", "ceiling of public access"]),
            (&reading, "bob@example.com", ["denied   create_block", "no rule allows it"]),
            (&listed, "owner", ["denied   create_block", "`create_*` in `deny_tools`"]),
        ] {
            let text = told(policy, who);
            assert!(parts.iter().all(|part| text.contains(part)), "{who}: {text}");
        }
    }

    #[test]
    fn without_a_node_the_owner_is_somebody_and_nobody_else() {
        let policy = Policy::default();
        let known = Known { policy: &policy, keys: &Keyring::default(), owner: None, seen: &[], graphs: &[] };
        let allowed = |who| explain(&question(who, Some("search"), Some("garden")), &known).verdicts[0].allowed;
        assert!(allowed("owner") && !allowed("bob@example.com"));
    }
}
