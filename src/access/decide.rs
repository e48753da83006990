//! The decision: a pure function of policy, caller and operation.

use std::sync::LazyLock;

use super::{Caller, Level, Rule};

/// What the owner of the node allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The user who owns the node; `None` for a tagged node, which belongs to nobody.
    pub owner: Option<i64>,
    /// What the owner's own devices may do; `None` for nothing.
    pub for_owner: Option<Rule>,
    /// What every other user and every tagged node may do without a grant; `None` for nothing.
    pub for_others: Option<Rule>,
    /// The ceiling of all public credentials; `None` for nothing.
    pub for_public: Option<Rule>,
}

impl Default for Policy {
    /// Nobody is an owner, and only a credential opens the public door.
    fn default() -> Self {
        let everything = Some(Rule::everything(Level::Full));
        Self { owner: None, for_owner: everything.clone(), for_others: None, for_public: everything }
    }
}

/// One thing that a caller wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    /// Name of the tool.
    pub tool: &'a str,
    /// The least level at which the tool may be used.
    pub needs: Level,
    /// Canonical name of the graph it touches, if it touches one.
    pub graph: Option<&'a str>,
}

/// Proof that [`decide`] allowed an operation. Nothing else can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    level: Level,
    graph: Option<String>,
}

impl Permit {
    /// The level that was granted, at least the one that the operation needs.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The one graph this permit is good for; `None` if the operation touches no graph.
    pub fn graph(&self) -> Option<&str> {
        self.graph.as_deref()
    }
}

/// Why an operation was refused. The text is for the caller and says what can be done about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller has no rights at all.
    #[error("{caller} may not use this server. {remedy}")]
    NoAccess {
        /// Who asked.
        caller: String,
        /// What an administrator can do.
        remedy: &'static str,
    },
    /// The caller has rights, but not on this graph through this tool.
    #[error("{caller} may not use `{tool}` on the graph `{graph}`, which needs {needs} access there.")]
    Graph {
        /// Who asked.
        caller: String,
        /// The tool they asked for.
        tool: String,
        /// The graph they asked for.
        graph: String,
        /// What the tool needs.
        needs: Level,
    },
    /// The caller has rights, but not for this tool on any graph.
    #[error("{caller} may not use `{tool}`, which needs {needs} access.")]
    Tool {
        /// Who asked.
        caller: String,
        /// The tool they asked for.
        tool: String,
        /// What the tool needs.
        needs: Level,
    },
}

const ASK_THE_OWNER: &str = "The owner of this node can call it from their own devices. Everybody else needs a grant: an \
administrator of the tailnet can add one for roam-mcp.internal/cap/roam-mcp to its policy.";
const PUBLIC_DOOR_SHUT: &str = "Public access is switched off on this server.";

/// Decides whether `caller` may do `operation` under `policy`.
///
/// Deny is the default: what no rule of the caller's allows is refused.
pub fn decide(policy: &Policy, caller: &Caller, operation: &Operation<'_>) -> Result<Permit, Denied> {
    admit(policy, caller)?;
    let fits = |rule: &&Rule| {
        rule.access >= operation.needs
            && rule.tools.matches(operation.tool)
            && operation.graph.is_none_or(|graph| rule.graphs.matches(graph))
    };
    let level = rules(policy, caller).filter(fits).map(|rule| rule.access).max();
    let graph = operation.graph.map(str::to_owned);
    level.map(|level| Permit { level, graph: graph.clone() }).ok_or_else(|| {
        let (caller, tool, needs) = (caller.to_string(), operation.tool.to_owned(), operation.needs);
        match graph {
            Some(graph) => Denied::Graph { caller, tool, graph, needs },
            None => Denied::Tool { caller, tool, needs },
        }
    })
}

/// Whether `caller` may use this server at all.
pub fn admit(policy: &Policy, caller: &Caller) -> Result<(), Denied> {
    match rules(policy, caller).next() {
        Some(_) => Ok(()),
        None => Err(Denied::NoAccess {
            caller: caller.to_string(),
            remedy: match caller {
                Caller::Public(_) => PUBLIC_DOOR_SHUT,
                Caller::User(_) | Caller::Tagged(_) | Caller::Admin => ASK_THE_OWNER,
            },
        }),
    }
}

/// Whether `caller` may know of a graph: some rule of theirs is for it.
pub fn sees(policy: &Policy, caller: &Caller, graph: &str) -> bool {
    rules(policy, caller).any(|rule| rule.graphs.matches(graph))
}

/// The operator on the admin socket can change the program itself; a rule would not hold them.
static OPERATOR: LazyLock<Rule> = LazyLock::new(|| Rule::everything(Level::Full));

/// What is allowed to `caller`: a line of the policy, and the tailnet's grants beside it. More rules never take away.
fn rules<'a>(policy: &'a Policy, caller: &'a Caller) -> impl Iterator<Item = &'a Rule> {
    let (line, grants): (Option<&Rule>, &[Rule]) = match caller {
        Caller::User(user) if policy.owner == Some(user.id) => (policy.for_owner.as_ref(), &user.grants),
        Caller::User(user) => (policy.for_others.as_ref(), &user.grants),
        Caller::Tagged(node) => (policy.for_others.as_ref(), &node.grants),
        Caller::Public(_) => (policy.for_public.as_ref(), &[]),
        Caller::Admin => (Some(&OPERATOR), &[]),
    };
    line.into_iter().chain(grants)
}

#[cfg(test)]
impl Permit {
    /// A permit for unit tests of the layers below the decision.
    pub(crate) fn for_test(level: Level, graph: &str) -> Self {
        Self { level, graph: Some(graph.to_owned()) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::super::{Credential, TailnetNode, TailnetUser};
    use super::*;
    use Level::{Full, ReadAppend, ReadOnly};

    const OWNER: i64 = 7;

    fn user_with(id: i64, grants: &[Value]) -> Caller {
        let grants = Rule::from_grants(grants).0;
        Caller::User(TailnetUser { id, login: format!("user{id}@example.com"), node: "laptop".into(), grants })
    }

    fn user(id: i64) -> Caller {
        user_with(id, &[])
    }

    fn tagged(grants: &[Value]) -> Caller {
        let grants = Rule::from_grants(grants).0;
        Caller::Tagged(TailnetNode { node: "ci".into(), tags: vec!["tag:ci".into()], grants })
    }

    fn owned() -> Policy {
        Policy { owner: Some(OWNER), ..Policy::default() }
    }

    fn on<'a>(tool: &'a str, needs: Level, graph: &'a str) -> Operation<'a> {
        Operation { tool, needs, graph: Some(graph) }
    }

    #[test]
    fn every_caller_gets_its_line_of_the_policy_and_no_other() {
        let unowned = Policy::default();
        let open = Policy { for_others: Some(Rule::everything(ReadOnly)), ..owned() };
        let shut = Policy { for_public: None, ..owned() };
        let read_door = Policy { for_public: Some(Rule::everything(ReadOnly)), ..owned() };
        let (bearer, path) = (Caller::Public(Credential::BearerToken), Caller::Public(Credential::PathSecret));
        let table = [
            (&owned(), user(OWNER), Full, true),
            (&owned(), user(OWNER), ReadOnly, true),
            (&owned(), user(8), ReadOnly, false),
            (&owned(), tagged(&[]), ReadOnly, false),
            (&unowned, user(OWNER), ReadOnly, false),
            (&unowned, user(0), ReadOnly, false),
            (&open, user(8), ReadOnly, true),
            (&open, user(8), ReadAppend, false),
            (&open, tagged(&[]), ReadOnly, true),
            (&open, user(OWNER), Full, true),
            (&owned(), bearer.clone(), Full, true),
            (&owned(), path.clone(), Full, true),
            (&shut, bearer.clone(), ReadOnly, false),
            (&shut, path.clone(), ReadOnly, false),
            (&shut, user(OWNER), Full, true),
            (&read_door, path, ReadOnly, true),
            (&read_door, bearer, ReadAppend, false),
            (&shut, Caller::Admin, Full, true),
        ];
        for (policy, caller, level, allowed) in table {
            let decision = decide(policy, &caller, &on("some_tool", level, "garden"));
            assert_eq!(decision.is_ok(), allowed, "{caller} asking for {level} under {policy:?}");
        }
    }

    #[test]
    fn a_grant_allows_its_tools_on_its_graphs_up_to_its_level() {
        let append = json!({"access": "read-append", "graphs": ["work*"], "tools": ["search*", "create_*"]});
        let read = json!({"access": "read-only", "graphs": ["garden"]});
        for caller in [user_with(8, &[append.clone(), read.clone()]), tagged(&[append, read])] {
            let table = [
                ("search", ReadOnly, "work", true),
                ("search_templates", ReadOnly, "work-2", true),
                ("create_block", ReadAppend, "work", true),
                ("get_page", ReadOnly, "work", false),
                ("delete_block", Full, "work", false),
                ("create_delete", Full, "work", false),
                ("search", ReadOnly, "garden", true),
                ("get_page", ReadOnly, "garden", true),
                ("create_block", ReadAppend, "garden", false),
                ("search", ReadOnly, "diary", false),
            ];
            for (tool, needs, graph, allowed) in table {
                let decision = decide(&owned(), &caller, &on(tool, needs, graph));
                assert_eq!(decision.is_ok(), allowed, "{caller}: {tool} on {graph}");
            }
            assert!(sees(&owned(), &caller, "garden") && !sees(&owned(), &caller, "diary"));
        }
    }

    #[test]
    fn a_refusal_names_the_caller_and_what_is_missing() {
        let reader = user_with(8, &[json!({"access": "read-only"})]);
        let text = decide(&owned(), &reader, &on("delete_page", Full, "garden")).unwrap_err().to_string();
        for part in ["user8@example.com", "delete_page", "garden", "full"] {
            assert!(text.contains(part), "{text}");
        }
        let text = admit(&owned(), &user(9)).unwrap_err().to_string();
        assert!(text.contains("user9@example.com") && text.contains("grant"), "{text}");
    }

    #[test]
    fn a_permit_carries_its_graph_and_the_best_level_that_was_granted() {
        let caller =
            user_with(8, &[json!({"access": "read-only"}), json!({"access": "read-append", "graphs": ["garden"]})]);
        let permit = decide(&owned(), &caller, &on("search", ReadOnly, "garden")).unwrap();
        assert_eq!((permit.graph(), permit.level()), (Some("garden"), ReadAppend));
    }

    fn grant() -> impl Strategy<Value = Value> {
        let names = || prop::collection::vec("[ab*]{0,3}", 0..3);
        let level = prop::sample::select(vec!["read-only", "read-append", "full", "root"]);
        (level, names(), names())
            .prop_map(|(access, graphs, tools)| json!({"access": access, "graphs": graphs, "tools": tools}))
    }

    proptest! {
        #[test]
        fn one_more_grant_never_takes_a_right_away(
            grants in prop::collection::vec(grant(), 0..4),
            more in grant(),
            tool in "[ab]{0,3}",
            graph in "[ab]{0,3}",
            needs in prop::sample::select(vec![ReadOnly, ReadAppend, Full]),
        ) {
            let before = decide(&owned(), &user_with(8, &grants), &on(&tool, needs, &graph)).is_ok();
            let all: Vec<_> = grants.into_iter().chain([more]).collect();
            let after = decide(&owned(), &user_with(8, &all), &on(&tool, needs, &graph)).is_ok();
            prop_assert!(after || !before);
        }
    }
}
