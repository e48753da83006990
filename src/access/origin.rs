//! Where a right comes from, and what stands in its way.

use std::fmt;

/// The place of a rule, in words that its author finds it by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// What the owner of the node may do.
    Owner,
    /// What everybody else in the tailnet may do.
    Others,
    /// A grant of the tailnet, by its place among those for the caller.
    Grant(usize),
    /// The credential that the caller showed.
    Credential,
    /// The admin socket.
    Operator,
}

/// What refused an operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Barrier {
    /// The caller has no rule at all.
    NoRule,
    /// The caller has rules, and none that allows this.
    NoRuleFits,
    /// A pattern of `deny_tools`.
    DeniedTool(String),
    /// The ceiling of public access.
    PublicCeiling,
    /// The ceiling of the graph.
    GraphCeiling,
    /// The call means no graph that the caller may know of.
    NoGraph,
    /// There is no such tool.
    NoTool,
    /// The credential is right, and the list of sources does not have the address.
    Sources,
    /// The credential is right, and not for that address.
    WrongSource,
    /// The credential was right until its time was up.
    Expired,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Owner => f.write_str("`owner` in [tailnet]"),
            Self::Others => f.write_str("`others` in [tailnet]"),
            Self::Grant(at) => write!(f, "grant {} of the tailnet", at + 1),
            Self::Credential => f.write_str("their credential"),
            Self::Operator => f.write_str("the admin socket"),
        }
    }
}

impl fmt::Display for Barrier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoRule => f.write_str("no rule is for them"),
            Self::NoRuleFits => f.write_str("no rule allows it"),
            Self::DeniedTool(pattern) => write!(f, "`{pattern}` in `deny_tools`"),
            Self::PublicCeiling => f.write_str("the ceiling of public access, [funnel]"),
            Self::NoGraph => f.write_str("it means no graph that they may know of"),
            Self::NoTool => f.write_str("there is no such tool"),
            Self::Sources => f.write_str("the list of sources, [sources]"),
            Self::WrongSource => f.write_str("the credential is not for that source"),
            Self::Expired => f.write_str("the time of the credential is up"),
            Self::GraphCeiling => f.write_str("the ceiling of the graph, [graphs]"),
        }
    }
}
