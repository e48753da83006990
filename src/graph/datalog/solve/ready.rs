//! Which conditions can be worked on once some variables are bound.

use std::collections::{BTreeSet, HashMap};

use crate::graph::datalog::error::Position;
use crate::graph::datalog::syntax::{Body, Clause, Rule, Term, Var};

/// A variable that nothing binds, and the condition that waits for it.
#[derive(Clone, Copy)]
pub(in crate::graph::datalog) struct Stuck {
    pub(in crate::graph::datalog) var: Var,
    pub(in crate::graph::datalog) at: Position,
}

/// What is known of the rules, each with the parameters that are bound. Of one that is being looked at, the best is hoped.
#[derive(Default)]
struct Seen {
    calls: HashMap<(usize, Vec<bool>), Option<Stuck>>,
    depth: usize,
}

/// Rules that call each other longer than this are taken as they are; what they lack shows when they are worked out.
const DEEPEST: usize = 100;

/// What stops the conditions from being worked out, whatever their order.
pub(in crate::graph::datalog) fn stuck(clauses: &[Clause], bound: &BTreeSet<Var>, rules: &[Rule]) -> Option<Stuck> {
    conjunction(clauses, bound.clone(), rules, &mut Seen::default())
}

/// The variable that a condition waits for.
pub(super) fn waits(clause: &Clause, bound: &BTreeSet<Var>, rules: &[Rule]) -> Option<Stuck> {
    blocked(clause, bound, rules, &mut Seen::default())
}

fn conjunction(clauses: &[Clause], mut bound: BTreeSet<Var>, rules: &[Rule], seen: &mut Seen) -> Option<Stuck> {
    let mut waiting: Vec<&Clause> = clauses.iter().collect();
    loop {
        let before = waiting.len();
        let mut first = None;
        waiting.retain(|clause| match blocked(clause, &bound, rules, seen) {
            None => {
                clause.vars(&mut bound);
                false
            }
            reason => {
                first = first.take().or(reason);
                true
            }
        });
        if waiting.is_empty() || waiting.len() == before {
            return first.filter(|_| !waiting.is_empty());
        }
    }
}

fn blocked(clause: &Clause, bound: &BTreeSet<Var>, rules: &[Rule], seen: &mut Seen) -> Option<Stuck> {
    let lacking = |needed: BTreeSet<Var>, at: Position| {
        needed.into_iter().find(|var| !bound.contains(var)).map(|var| Stuck { var, at })
    };
    match clause {
        Clause::Pattern(_) => None,
        Clause::Test(expression) => {
            let mut needed = BTreeSet::new();
            expression.vars(&mut needed);
            lacking(needed, expression.place()?)
        }
        Clause::Bind(expression, _, at) => {
            let mut needed = BTreeSet::new();
            expression.vars(&mut needed);
            lacking(needed, *at)
        }
        Clause::Not(not) => lacking(not.join.iter().copied().collect(), not.at)
            .or_else(|| conjunction(&not.clauses, not.join.iter().copied().collect(), rules, seen)),
        Clause::Or(or) => lacking(or.required.iter().copied().collect(), or.at).or_else(|| {
            let inner: BTreeSet<Var> = or.join.iter().copied().filter(|var| bound.contains(var)).collect();
            or.branches.iter().find_map(|branch| {
                conjunction(branch, inner.clone(), rules, seen).or_else(|| {
                    // A branch that leaves one of the variables open could not be told from one that allows anything.
                    let mut found = inner.clone();
                    branch.iter().for_each(|clause| clause.vars(&mut found));
                    let open = or.join.iter().copied().find(|var| !found.contains(var));
                    open.map(|var| Stuck { var, at: or.at })
                })
            })
        }),
        Clause::Call(call) => {
            let mask: Vec<bool> = call.terms.iter().map(|term| is_bound(term, bound)).collect();
            let key = (call.rule, mask);
            let reason = match seen.calls.get(&key) {
                Some(known) => *known,
                None if seen.depth >= DEEPEST => None,
                None => {
                    seen.calls.insert(key.clone(), None);
                    seen.depth += 1;
                    let reason = rules[call.rule].bodies.iter().find_map(|body| rule(body, &key.1, rules, seen));
                    seen.depth -= 1;
                    seen.calls.insert(key, reason);
                    reason
                }
            };
            // The caller's own variable says more than the rule's.
            let params = rules[call.rule].bodies.iter().map(|body| &body.params);
            let place = |var| params.clone().find_map(|params| params.iter().position(|param| *param == var));
            reason.map(|reason| match place(reason.var).and_then(|place| call.terms[place].var()) {
                Some(var) => Stuck { var, at: call.at },
                None => reason,
            })
        }
    }
}

fn rule(body: &Body, mask: &[bool], rules: &[Rule], seen: &mut Seen) -> Option<Stuck> {
    let bound: BTreeSet<Var> =
        body.params.iter().zip(mask).filter(|(_, bound)| **bound).map(|(param, _)| *param).collect();
    let at = body.at;
    if let Some(var) = body.required.iter().find(|var| !bound.contains(var)) {
        return Some(Stuck { var: *var, at });
    }
    conjunction(&body.clauses, bound.clone(), rules, seen).or_else(|| {
        let mut found = bound;
        body.clauses.iter().for_each(|clause| clause.vars(&mut found));
        body.params.iter().find(|var| !found.contains(var)).map(|var| Stuck { var: *var, at })
    })
}

pub(super) fn is_bound(term: &Term, bound: &BTreeSet<Var>) -> bool {
    match term {
        Term::Any => false,
        Term::Var(var) => bound.contains(var),
        Term::Constant(_) | Term::Lookup(..) => true,
    }
}
