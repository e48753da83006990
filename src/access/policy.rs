//! What the owner of the node allows.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};

use super::{Caller, Level, Origin, Patterns, Rule};

/// What the owner of the node allows. Rules give rights; ceilings and the list of denied tools only take them away.
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
    /// Ceilings of graphs, for everybody. Where several are for one graph, the lowest holds.
    pub ceilings: Vec<Ceiling>,
    /// Tools that nobody may use.
    pub deny_tools: Patterns,
}

/// The most that anybody may do on some graphs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ceiling {
    /// The graphs.
    pub graphs: Patterns,
    /// The most. `None` hides them.
    pub most: Share,
}

/// A level, or none at all, as it is written in the configuration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Share {
    /// Nothing.
    #[default]
    None,
    /// As [`Level::ReadOnly`].
    ReadOnly,
    /// As [`Level::ReadAppend`].
    ReadAppend,
    /// As [`Level::Full`].
    Full,
}

impl Share {
    /// This level on every graph through every tool; no rule for `None`.
    pub fn rule(self) -> Option<Rule> {
        self.level().map(Rule::everything)
    }

    /// The level, if it is one.
    pub fn level(self) -> Option<Level> {
        match self {
            Self::None => None,
            Self::ReadOnly => Some(Level::ReadOnly),
            Self::ReadAppend => Some(Level::ReadAppend),
            Self::Full => Some(Level::Full),
        }
    }
}

impl Default for Policy {
    /// Nobody is an owner, and only a credential opens the public door.
    fn default() -> Self {
        let everything = Some(Rule::everything(Level::Full));
        Self {
            owner: None,
            for_owner: everything.clone(),
            for_others: None,
            for_public: everything,
            ceilings: Vec::new(),
            deny_tools: Patterns::none(),
        }
    }
}

impl Policy {
    /// The policy with the ceilings that are written for nicknames, given the names and nicknames of the graphs there are.
    /// Ceilings alone: they only take away, and whoever connects a graph chooses its nickname.
    pub fn with_nicknames<'a>(self: Arc<Self>, graphs: impl Iterator<Item = (&'a str, &'a str)>) -> Arc<Self> {
        let ceilings = self.ceilings.as_slice();
        let more: Vec<Ceiling> = graphs
            .flat_map(|(name, nickname)| {
                let meant = move |graphs: &Patterns| graphs.matches_in_any_case(nickname) && !graphs.matches(name);
                let meant = ceilings.iter().filter(move |ceiling| meant(&ceiling.graphs));
                meant.map(move |ceiling| Ceiling { graphs: [name].into_iter().collect(), most: ceiling.most })
            })
            .collect();
        if more.is_empty() {
            return self;
        }
        let mut policy = Self::clone(&self);
        policy.ceilings.extend(more);
        Arc::new(policy)
    }

    /// What is allowed to `caller`, before ceilings: a line of the policy and the tailnet's grants beside it, or the rule
    /// of a credential. More rules never take away.
    pub(crate) fn rules<'a>(&'a self, caller: &'a Caller) -> impl Iterator<Item = (Origin, &'a Rule)> {
        let line = match caller {
            Caller::User(user) if self.owner == Some(user.id) => {
                self.for_owner.as_ref().map(|rule| (Origin::Owner, rule))
            }
            Caller::User(_) | Caller::Tagged(_) => self.for_others.as_ref().map(|rule| (Origin::Others, rule)),
            Caller::Public(credential) => Some((Origin::Credential, &credential.rule)),
            Caller::Admin => Some((Origin::Operator, &*OPERATOR)),
        };
        let grants = caller.grants().iter().enumerate().map(|(at, rule)| (Origin::Grant(at), rule));
        line.into_iter().chain(grants)
    }
}

/// The grant of the tailnet that a right comes from, if it comes from one.
pub fn grant(caller: &Caller, origin: Origin) -> Option<&Rule> {
    match origin {
        Origin::Grant(at) => caller.grants().get(at),
        _ => None,
    }
}

/// The operator on the admin socket can change the program itself; a rule would not hold them.
static OPERATOR: LazyLock<Rule> = LazyLock::new(|| Rule::everything(Level::Full));
