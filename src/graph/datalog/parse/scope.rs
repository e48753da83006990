//! What can only be checked when the whole query is there: which variables belong together, and that each is bound.

use std::collections::BTreeSet;

use crate::graph::datalog::error::{Position, QueryError};
use crate::graph::datalog::solve::ready::{Stuck, stuck};
use crate::graph::datalog::syntax::{Amount, Clause, Element, Input, Query, Rule, Var};

/// Completes a query, or says what is wrong with it.
pub(super) fn check(query: &mut Query, at: Position) -> Result<(), QueryError> {
    let mut bound = BTreeSet::new();
    for (input, _) in &query.inputs {
        if let Input::Binding(binding) = input {
            binding.vars(&mut bound);
        }
    }
    scope(&mut query.clauses, &bound, &bound, &query.names)?;
    for rule in &mut query.rules {
        for body in &mut rule.bodies {
            let params = body.params.iter().copied().collect();
            scope(&mut body.clauses, &params, &params, &query.names)?;
        }
    }
    recursion(&query.rules)?;
    if let Some(Stuck { var, at }) = stuck(&query.clauses, &bound, &query.rules) {
        return Err(at.wrong(format!("Nothing binds `{}`", query.names[var.0])));
    }
    for element in &query.find.elements {
        if let Element::Aggregate { count: Amount::Given(var), .. } = element
            && !bound.contains(var)
        {
            let name = &query.names[var.0];
            return Err(at.wrong(format!("How many values an aggregate makes comes with `:in`, and `{name}` does not")));
        }
    }
    bound.extend(positive(&query.clauses));
    let shown = query.find.elements.iter().map(|element| match element {
        Element::Var(var) | Element::Pull(var, _) | Element::Aggregate { var, .. } => *var,
    });
    for var in shown.chain(query.with.iter().copied()) {
        if !bound.contains(&var) {
            let name = &query.names[var.0];
            return Err(
                at.wrong(format!("`:find` or `:with` names `{name}`, which is neither in `:where` nor in `:in`"))
            );
        }
    }
    Ok(())
}

/// The variables of some clauses, without those that are only within an implicit `not`.
fn positive(clauses: &[Clause]) -> BTreeSet<Var> {
    let mut found = BTreeSet::new();
    for clause in clauses {
        match clause {
            Clause::Not(not) if !not.explicit => {}
            Clause::Or(or) if !or.explicit => found.extend(or.branches.iter().flat_map(|branch| positive(branch))),
            other => other.vars(&mut found),
        }
    }
    found
}

/// Every variable in some clauses.
fn mentioned(clauses: &[Clause], found: &mut BTreeSet<Var>) {
    for clause in clauses {
        match clause {
            Clause::Not(not) if !not.explicit => mentioned(&not.clauses, found),
            Clause::Or(or) if !or.explicit => or.branches.iter().for_each(|branch| mentioned(branch, found)),
            other => other.vars(found),
        }
    }
}

/// The variables that a condition gives values to.
fn binds(clause: &Clause, found: &mut BTreeSet<Var>) {
    match clause {
        Clause::Test(_) | Clause::Not(_) => {}
        Clause::Bind(_, binding, _) => binding.vars(found),
        Clause::Or(or) if !or.explicit => {
            let sets = or.branches.iter().map(|branch| {
                let mut bound = BTreeSet::new();
                branch.iter().for_each(|clause| binds(clause, &mut bound));
                bound
            });
            found.extend(common(sets));
        }
        other => other.vars(found),
    }
}

/// What is in all of some sets.
fn common(sets: impl IntoIterator<Item = BTreeSet<Var>>) -> BTreeSet<Var> {
    sets.into_iter().reduce(|one, two| &one & &two).unwrap_or_default()
}

/// Works out by which variables a `not` and an `or` hang together with what is around them: the variables that are
/// mentioned there, and those of them that are given values there.
fn scope(
    clauses: &mut [Clause],
    outer: &BTreeSet<Var>,
    given: &BTreeSet<Var>,
    names: &[String],
) -> Result<(), QueryError> {
    let mut visible = positive(clauses);
    visible.extend(outer);
    let mut bound = given.clone();
    clauses.iter().for_each(|clause| binds(clause, &mut bound));
    for clause in clauses {
        match clause {
            Clause::Not(not) if not.explicit => {
                let join = not.join.iter().copied().collect();
                scope(&mut not.clauses, &join, &join, names)?;
            }
            Clause::Not(not) => {
                let mut inner = BTreeSet::new();
                mentioned(&not.clauses, &mut inner);
                not.join = inner.intersection(&visible).copied().collect();
                if not.join.is_empty() && !inner.is_empty() {
                    return Err(not.at.wrong("This `not` has no variable in common with the conditions around it"));
                }
                let join = not.join.iter().copied().collect();
                scope(&mut not.clauses, &join, &join, names)?;
            }
            Clause::Or(or) if or.explicit => {
                let join = or.join.iter().copied().collect();
                for branch in &mut or.branches {
                    scope(branch, &join, &join, names)?;
                }
            }
            Clause::Or(or) => {
                let sets: Vec<BTreeSet<Var>> = or.branches.iter().map(|branch| positive(branch)).collect();
                let all: BTreeSet<Var> = sets.iter().flatten().copied().collect();
                // What some part says nothing of has to be known before.
                or.required = all.difference(&common(sets)).copied().collect();
                let lacking = or.required.iter().find(|var| !bound.contains(var));
                if let Some(var) = lacking {
                    return Err(or.at.wrong(format!(
                        "`{}` is not in every part of this `or`, and nothing else binds it; use `(or-join [?x …] …)` \
                         with the variables that are",
                        names[var.0]
                    )));
                }
                or.join = all.into_iter().collect();
                for branch in &mut or.branches {
                    scope(branch, &visible, &bound, names)?;
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// Refuses rules that hold if they do not hold.
fn recursion(rules: &[Rule]) -> Result<(), QueryError> {
    for (index, rule) in rules.iter().enumerate() {
        for body in &rule.bodies {
            let mut negated = Vec::new();
            negative_calls(&body.clauses, false, &mut negated);
            for (called, at) in negated {
                if reaches(rules, called, index, &mut BTreeSet::new()) {
                    return Err(at.wrong(format!("The rule `{}` depends on its own `not`", rule.name)));
                }
            }
        }
    }
    Ok(())
}

/// The calls within a `not`; with `all`, every call.
fn negative_calls(clauses: &[Clause], all: bool, found: &mut Vec<(usize, Position)>) {
    for clause in clauses {
        match clause {
            Clause::Call(call) if all => found.push((call.rule, call.at)),
            Clause::Not(not) => negative_calls(&not.clauses, true, found),
            Clause::Or(or) => or.branches.iter().for_each(|branch| negative_calls(branch, all, found)),
            _ => {}
        }
    }
}

fn reaches(rules: &[Rule], from: usize, to: usize, seen: &mut BTreeSet<usize>) -> bool {
    if from == to {
        return true;
    }
    let mut calls = Vec::new();
    for body in &rules[from].bodies {
        negative_calls(&body.clauses, true, &mut calls);
    }
    seen.insert(from) && calls.into_iter().any(|(next, _)| reaches(rules, next, to, seen))
}
