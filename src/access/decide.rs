//! The decision: a pure function of policy, caller and operation.

use super::{Barrier, Caller, Level, Origin, Patterns, Policy, Rule, Share};

/// Stands for the name of a graph where all of them are meant, also those that are still to come. No graph is called that,
/// and a pattern that matches it matches every name.
pub const ALL_GRAPHS: &str = "*";

/// One thing that a caller wants done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operation<'a> {
    /// Name of the tool.
    pub tool: &'a str,
    /// The least level at which the tool may be used.
    pub needs: Level,
    /// Canonical name of the graph it touches, if it touches one, or [`ALL_GRAPHS`].
    pub graph: Option<&'a str>,
}

/// Proof that [`decide`] allowed an operation. Nothing else can make one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    level: Level,
    graph: Option<String>,
    origin: Origin,
    hidden: Vec<Patterns>,
    caller: String,
}

impl Permit {
    /// Who it was given to, as [`Caller::identity`] tells them apart.
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// The level that was granted, at least the one that the operation needs.
    pub fn level(&self) -> Level {
        self.level
    }

    /// The one graph this permit is good for; `None` if the operation touches no graph.
    pub fn graph(&self) -> Option<&str> {
        self.graph.as_deref()
    }

    /// Whether a ceiling hides a graph, for a permit that is good for [`ALL_GRAPHS`].
    pub fn hides(&self, graph: &str) -> bool {
        self.hidden.iter().any(|hidden| hidden.matches(graph))
    }

    /// The rule that granted it.
    pub fn origin(&self) -> Origin {
        self.origin
    }
}

/// Why an operation was refused. The text is for the caller and says what can be done about it; [`Denied::barrier`] is for
/// the operator.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// The caller has no rights at all.
    #[error("{caller} may not use this server. {remedy}")]
    NoAccess {
        /// Who asked.
        caller: String,
        /// What an administrator can do.
        remedy: &'static str,
        /// What refused it.
        barrier: Barrier,
    },
    /// The caller has rights, but not on this graph through this tool.
    #[error("{caller} may not use `{tool}` on the graph `{graph}`{}.", limit.there(*needs))]
    Graph {
        /// Who asked.
        caller: String,
        /// The tool they asked for.
        tool: String,
        /// The graph they asked for.
        graph: String,
        /// What the tool needs.
        needs: Level,
        /// What kind of limit it is, in as many words as a caller may hear.
        limit: Limit,
        /// What refused it.
        barrier: Barrier,
    },
    /// The caller has rights, but not for this tool on any graph.
    #[error("{caller} may not use `{tool}`{}.", limit.anywhere(*needs))]
    Tool {
        /// Who asked.
        caller: String,
        /// The tool they asked for.
        tool: String,
        /// What the tool needs.
        needs: Level,
        /// What kind of limit it is, in as many words as a caller may hear.
        limit: Limit,
        /// What refused it.
        barrier: Barrier,
    },
}

/// What kind of limit refused an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No rule of the caller's has the level.
    Level,
    /// A rule of the caller's has the level, and is for other tools.
    Tools,
    /// The tool is denied to everybody.
    Everybody,
    /// The ceiling of public access.
    Public,
    /// The ceiling of the graph.
    Graph,
}

impl Limit {
    fn there(self, needs: Level) -> String {
        match self {
            Self::Level => format!(", which needs {needs} access there"),
            other => other.why().to_owned(),
        }
    }

    fn anywhere(self, needs: Level) -> String {
        match self {
            Self::Level => format!(", which needs {needs} access"),
            other => other.why().to_owned(),
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Level | Self::Tools => ": their access is for other tools",
            Self::Everybody => ": it is switched off for everybody",
            Self::Public => ": public access does not go that far",
            Self::Graph => ": nobody may do that there",
        }
    }
}

impl Denied {
    /// What refused it: which rule, ceiling or list.
    pub fn barrier(&self) -> &Barrier {
        match self {
            Self::NoAccess { barrier, .. } | Self::Graph { barrier, .. } | Self::Tool { barrier, .. } => barrier,
        }
    }
}

const ASK_THE_OWNER: &str = "The owner of this node can call it from their own devices. Everybody else needs a grant: an \
administrator of the tailnet can add one for roam-mcp.internal/cap/roam-mcp to its policy.";
const PUBLIC_DOOR_SHUT: &str = "Public access is switched off on this server.";

/// Decides whether `caller` may do `operation` under `policy`.
///
/// Deny is the default: what no rule of the caller's allows is refused. What rules allow is then held under the ceilings
/// of public access and of the graph, and a denied tool stays denied whatever else is written.
pub fn decide(policy: &Policy, caller: &Caller, operation: &Operation<'_>) -> Result<Permit, Denied> {
    match weigh(policy, caller, operation) {
        Ok((level, origin)) => {
            let hidden = if operation.graph == Some(ALL_GRAPHS) { hidden(policy) } else { Vec::new() };
            let (graph, caller) = (operation.graph.map(str::to_owned), caller.identity());
            Ok(Permit { level, graph, origin, hidden, caller })
        }
        Err(barrier) => Err(denied(policy, caller, operation, barrier)),
    }
}

/// Whether [`decide`] would allow it, without a word about why.
pub fn allows(policy: &Policy, caller: &Caller, operation: &Operation<'_>) -> bool {
    weigh(policy, caller, operation).is_ok()
}

/// Whether `caller` may use this server at all.
pub fn admit(policy: &Policy, caller: &Caller) -> Result<(), Denied> {
    let no_access = |remedy, barrier| Err(Denied::NoAccess { caller: caller.to_string(), remedy, barrier });
    match caller {
        Caller::Public(_) if policy.for_public.is_none() => no_access(PUBLIC_DOOR_SHUT, Barrier::PublicCeiling),
        _ if policy.rules(caller).next().is_none() => no_access(ASK_THE_OWNER, Barrier::NoRule),
        _ => Ok(()),
    }
}

/// Whether `caller` may know of a graph: some rule of theirs is for it, and no ceiling hides it.
pub fn sees(policy: &Policy, caller: &Caller, graph: &str) -> bool {
    policy.rules(caller).any(|(_, rule)| rule.graphs.matches(graph))
        && public_ceiling(policy, caller).is_none_or(|ceiling| ceiling.is_some_and(|rule| rule.graphs.matches(graph)))
        && graph_ceiling(policy, graph).is_some()
}

/// The level that an operation may use and the rule it comes from, or what stands in its way.
fn weigh(policy: &Policy, caller: &Caller, operation: &Operation<'_>) -> Result<(Level, Origin), Barrier> {
    let fits = |rule: &Rule| {
        rule.access >= operation.needs
            && operation.graph.is_none_or(|graph| rule.graphs.matches(graph))
            && rule.tools.matches(operation.tool)
    };
    if let Some(pattern) = policy.deny_tools.find(operation.tool) {
        return Err(Barrier::DeniedTool(pattern.to_owned()));
    }
    let fitting = policy.rules(caller).filter(|(_, rule)| fits(rule)).map(|(origin, rule)| (rule.access, origin));
    let best = fitting.reduce(|best, other| if other.0 > best.0 { other } else { best });
    let (mut level, origin) = best.ok_or(Barrier::NoRuleFits)?;
    if let Some(ceiling) = public_ceiling(policy, caller) {
        level = ceiling.filter(|rule| fits(rule)).map(|rule| rule.access.min(level)).ok_or(Barrier::PublicCeiling)?;
    }
    if let Some(graph) = operation.graph {
        level = graph_ceiling(policy, graph).map(|most| most.min(level)).ok_or(Barrier::GraphCeiling)?;
    }
    if level >= operation.needs { Ok((level, origin)) } else { Err(Barrier::GraphCeiling) }
}

/// The ceiling that is over public callers and nobody else.
fn public_ceiling<'a>(policy: &'a Policy, caller: &Caller) -> Option<Option<&'a Rule>> {
    matches!(caller, Caller::Public(_)).then_some(policy.for_public.as_ref())
}

/// The most that anybody may do on a graph; `None` for nothing.
fn graph_ceiling(policy: &Policy, graph: &str) -> Option<Level> {
    let ceilings = policy.ceilings.iter().filter(|ceiling| ceiling.graphs.matches(graph));
    ceilings.map(|ceiling| ceiling.most).min().map_or(Some(Level::Full), Share::level)
}

/// The graphs that nobody may know of.
fn hidden(policy: &Policy) -> Vec<Patterns> {
    let hidden = policy.ceilings.iter().filter(|ceiling| ceiling.most == Share::None);
    hidden.map(|ceiling| ceiling.graphs.clone()).collect()
}

#[cold]
fn denied(policy: &Policy, caller: &Caller, operation: &Operation<'_>, barrier: Barrier) -> Denied {
    if let Err(no_access) = admit(policy, caller) {
        return no_access;
    }
    let limit = limit(policy, caller, operation, &barrier);
    let (caller, tool, needs) = (caller.to_string(), operation.tool.to_owned(), operation.needs);
    match operation.graph {
        Some(graph) => Denied::Graph { caller, tool, graph: graph.to_owned(), needs, limit, barrier },
        None => Denied::Tool { caller, tool, needs, limit, barrier },
    }
}

fn limit(policy: &Policy, caller: &Caller, operation: &Operation<'_>, barrier: &Barrier) -> Limit {
    let has_level =
        |rule: &Rule| rule.access >= operation.needs && operation.graph.is_none_or(|graph| rule.graphs.matches(graph));
    match barrier {
        Barrier::DeniedTool(_) => Limit::Everybody,
        Barrier::PublicCeiling => Limit::Public,
        Barrier::GraphCeiling => Limit::Graph,
        _ if policy.rules(caller).any(|(_, rule)| has_level(rule)) => Limit::Tools,
        _ => Limit::Level,
    }
}

#[cfg(test)]
impl Permit {
    /// A permit for unit tests of the layers below the decision.
    pub(crate) fn for_test(level: Level, graph: &str) -> Self {
        let graph = Some(graph.to_owned());
        Self { level, graph, origin: Origin::Operator, hidden: Vec::new(), caller: "test".into() }
    }
}

#[cfg(test)]
mod tests;
