//! The decision: a pure function of policy, caller and operation.

use super::{Caller, Level};

/// What the owner of the node allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    /// The user who owns the node; `None` for a tagged node, which belongs to nobody.
    pub owner: Option<i64>,
    /// What the owner's own devices may do; `None` for nothing.
    pub owner_level: Option<Level>,
    /// What every other user and every tagged node may do; `None` for nothing.
    pub others_level: Option<Level>,
    /// The ceiling of all public credentials; `None` for nothing.
    pub funnel_level: Option<Level>,
}

impl Default for Policy {
    /// Nobody is an owner, and only a credential opens the public door.
    fn default() -> Self {
        Self { owner: None, owner_level: Some(Level::Full), others_level: None, funnel_level: Some(Level::Full) }
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
    /// The caller has rights, but not enough for this tool.
    #[error("`{tool}` needs {needs} access, and {caller} has {has}.")]
    Level {
        /// Who asked.
        caller: String,
        /// The tool they asked for.
        tool: String,
        /// What the tool needs.
        needs: Level,
        /// What the caller has.
        has: Level,
    },
}

const ASK_THE_OWNER: &str = "The owner of this node can call it from their own devices; everybody else needs a grant from the tailnet's administrator.";
const PUBLIC_DOOR_SHUT: &str = "Public access is switched off on this server.";

/// Decides whether `caller` may do `operation` under `policy`.
///
/// Deny is the default: a caller that no line of the policy names gets nothing.
pub fn decide(policy: &Policy, caller: &Caller, operation: &Operation<'_>) -> Result<Permit, Denied> {
    let granted = admit(policy, caller)?;
    if granted < operation.needs {
        return Err(Denied::Level {
            caller: caller.to_string(),
            tool: operation.tool.to_owned(),
            needs: operation.needs,
            has: granted,
        });
    }
    Ok(Permit { level: granted, graph: operation.graph.map(str::to_owned) })
}

/// Whether `caller` may use this server at all, and up to which level.
pub fn admit(policy: &Policy, caller: &Caller) -> Result<Level, Denied> {
    granted(policy, caller).ok_or_else(|| Denied::NoAccess {
        caller: caller.to_string(),
        remedy: match caller {
            Caller::Public(_) => PUBLIC_DOOR_SHUT,
            Caller::User(_) | Caller::Tagged(_) | Caller::Admin => ASK_THE_OWNER,
        },
    })
}

/// The level `policy` gives to `caller`; `None` for nothing at all.
fn granted(policy: &Policy, caller: &Caller) -> Option<Level> {
    match caller {
        Caller::User(user) if policy.owner == Some(user.id) => policy.owner_level,
        Caller::User(_) | Caller::Tagged(_) => policy.others_level,
        Caller::Public(_) => policy.funnel_level,
        Caller::Admin => Some(Level::Full),
    }
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
    use super::super::{Credential, TailnetNode, TailnetUser};
    use super::*;

    const OWNER: i64 = 7;

    fn user(id: i64) -> Caller {
        Caller::User(TailnetUser { id, login: format!("user{id}@example.com"), node: "laptop".into() })
    }

    fn tagged() -> Caller {
        Caller::Tagged(TailnetNode { node: "ci".into(), tags: vec!["tag:ci".into()] })
    }

    fn needs(level: Level) -> Operation<'static> {
        Operation { tool: "some_tool", needs: level, graph: Some("garden") }
    }

    #[test]
    fn every_caller_gets_its_line_of_the_policy_and_no_other() {
        use Level::{Full, ReadAppend, ReadOnly};
        let owned = Policy { owner: Some(OWNER), ..Policy::default() };
        let unowned = Policy::default();
        let open = Policy { owner: Some(OWNER), others_level: Some(ReadOnly), ..Policy::default() };
        let shut = Policy { funnel_level: None, ..owned.clone() };
        let read_door = Policy { funnel_level: Some(ReadOnly), ..owned.clone() };
        let bearer = Caller::Public(Credential::BearerToken);
        let path = Caller::Public(Credential::PathSecret);
        let table = [
            (&owned, user(OWNER), Full, true),
            (&owned, user(OWNER), ReadOnly, true),
            (&owned, user(8), ReadOnly, false),
            (&owned, tagged(), ReadOnly, false),
            (&unowned, user(OWNER), ReadOnly, false),
            (&unowned, user(0), ReadOnly, false),
            (&open, user(8), ReadOnly, true),
            (&open, user(8), ReadAppend, false),
            (&open, tagged(), ReadOnly, true),
            (&open, user(OWNER), Full, true),
            (&owned, bearer.clone(), Full, true),
            (&owned, path.clone(), Full, true),
            (&shut, bearer.clone(), ReadOnly, false),
            (&shut, path.clone(), ReadOnly, false),
            (&shut, user(OWNER), Full, true),
            (&read_door, path, ReadOnly, true),
            (&read_door, bearer, ReadAppend, false),
            (&shut, Caller::Admin, Full, true),
        ];
        for (policy, caller, level, allowed) in table {
            let decision = decide(policy, &caller, &needs(level));
            assert_eq!(decision.is_ok(), allowed, "{caller} asking for {level} under {policy:?}");
        }
    }

    #[test]
    fn a_refusal_names_the_caller_and_what_is_missing() {
        let policy = Policy { owner: Some(OWNER), others_level: Some(Level::ReadOnly), ..Policy::default() };
        let text = decide(&policy, &user(8), &needs(Level::Full)).unwrap_err().to_string();
        assert!(text.contains("user8@example.com") && text.contains("full") && text.contains("read-only"), "{text}");
    }

    #[test]
    fn a_permit_carries_the_graph_it_was_given_for() {
        let policy = Policy { owner: Some(OWNER), ..Policy::default() };
        let permit = decide(&policy, &user(OWNER), &needs(Level::ReadOnly)).unwrap();
        assert_eq!((permit.graph(), permit.level()), (Some("garden"), Level::Full));
    }
}
