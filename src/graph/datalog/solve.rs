//! Working out the conditions of a query.
//!
//! A relation of all bindings so far goes from condition to condition. Which one is next is decided each time, by what
//! it would cost for the relation as it is now: indexes are asked how many facts they hold, so a rare reference is
//! followed before a common one. Tests are applied to each row as it is found, before anything is kept of it.

mod branch;
mod estimate;
mod pattern;
pub(super) mod ready;
mod rules;
mod sink;
mod tables;
mod words;

use std::collections::BTreeSet;
use std::rc::Rc;

use super::budget::Budget;
use super::error::{Position, QueryError, Text};
use super::facts::Facts;
use super::relation::Relation;
use super::syntax::{Binding, Clause, Rule, Var};
use ready::{Stuck, waits};
use rules::Context;
use sink::Sink;

/// Works out conditions over one graph.
pub(super) struct Solver<'a, 'db> {
    pub(super) facts: &'a Facts<'db>,
    pub(super) rules: &'a [Rule],
    pub(super) names: &'a [String],
    pub(super) budget: Rc<Budget>,
    /// About how many pages and blocks there are.
    pub(super) size: usize,
    /// Whether conditions are worked out in the order they are written in, as far as they can be.
    pub(super) in_order: bool,
}

/// Something still to be worked into the relation.
#[derive(Clone, Copy)]
enum Item<'a> {
    Clause(&'a Clause),
    /// Rows that are there already.
    Given(&'a Relation),
}

impl Item<'_> {
    fn vars(&self, found: &mut BTreeSet<Var>) {
        match self {
            Self::Clause(clause) => clause.vars(found),
            Self::Given(relation) => found.extend(&relation.vars),
        }
    }
}

impl Solver<'_, '_> {
    /// The bindings of `wanted` under which all conditions hold, beginning from those of `start`.
    fn conjunction(
        &self,
        clauses: &[Clause],
        start: Relation,
        wanted: &[Var],
        context: &Context<'_>,
    ) -> Result<Relation, QueryError> {
        self.work(clauses.iter().map(Item::Clause).collect(), start, wanted, context)
    }

    fn work(
        &self,
        mut items: Vec<Item<'_>>,
        start: Relation,
        wanted: &[Var],
        context: &Context<'_>,
    ) -> Result<Relation, QueryError> {
        let mut relation = start;
        // What can be tested at once is tested first.
        let mut next = None;
        loop {
            let mut bound: BTreeSet<Var> = relation.vars.iter().copied().collect();
            let chosen: Option<Item<'_>> = next.take();
            if let Some(chosen) = &chosen {
                chosen.vars(&mut bound);
            }
            let steps = self.steps(&mut items, &mut bound);
            if chosen.is_some() || !steps.is_empty() {
                let mut keep: BTreeSet<Var> = wanted.iter().copied().collect();
                items.iter().for_each(|item| item.vars(&mut keep));
                relation = self.apply(relation, chosen, &steps, &items, &keep, context)?;
            }
            if relation.is_empty() {
                return Ok(Relation::empty(wanted.to_vec(), &self.budget));
            }
            if items.is_empty() {
                return if relation.vars == wanted { Ok(relation) } else { relation.project(wanted) };
            }
            let index = self.cheapest(&relation, &items, context)?;
            next = Some(items.remove(index));
        }
    }

    /// Takes out the tests and computations that need nothing but what is bound, in the order they are written in.
    fn steps<'q>(&self, items: &mut Vec<Item<'q>>, bound: &mut BTreeSet<Var>) -> Vec<&'q Clause> {
        let mut steps = Vec::new();
        loop {
            let is_step = |item: &Item<'_>| {
                let step = |clause: &Clause| {
                    matches!(clause, Clause::Test(_) | Clause::Bind(_, Binding::Var(_) | Binding::Ignore, _))
                };
                matches!(item, Item::Clause(clause) if step(clause))
            };
            let mut ready = items.iter().enumerate().filter(|(_, item)| self.in_order || is_step(item));
            let next = ready.find(|(_, item)| self.is_ready(item, bound)).filter(|(_, item)| is_step(item));
            let Some((index, _)) = next else { return steps };
            if let Item::Clause(clause) = items.remove(index) {
                clause.vars(bound);
                steps.push(clause);
            }
        }
    }

    /// Works one item into the relation, and the steps that follow from it.
    fn apply(
        &self,
        relation: Relation,
        item: Option<Item<'_>>,
        steps: &[&Clause],
        rest: &[Item<'_>],
        keep: &BTreeSet<Var>,
        context: &Context<'_>,
    ) -> Result<Relation, QueryError> {
        let sink = |added: Vec<Var>| Sink::new(&relation, added, steps, keep, &self.budget);
        match item {
            None => {
                let mut sink = sink(Vec::new());
                relation.rows().iter().try_for_each(|row| sink.push(row, &[]))?;
                sink.finish()
            }
            Some(Item::Given(given)) => self.join(&relation, given, sink),
            Some(Item::Clause(clause)) => match clause {
                Clause::Pattern(pattern) => self.pattern(&relation, pattern, steps, rest, sink),
                Clause::Bind(expression, binding, at) => self.bind(&relation, (expression, binding, *at), sink),
                Clause::Or(or) => {
                    let found = self.branches(&relation, or, context)?;
                    self.join(&relation, &found, sink)
                }
                Clause::Call(call) => self.call(&relation, call, context, sink),
                Clause::Not(not) => {
                    let found = self.complete(&not.clauses, &relation.project(&not.join)?, &not.join)?;
                    let left = relation.without(&found)?;
                    self.apply(left, None, steps, rest, keep, context)
                }
                Clause::Test(_) => Err(self.unbound(clause, &relation)),
            },
        }
    }

    fn is_ready(&self, item: &Item<'_>, bound: &BTreeSet<Var>) -> bool {
        match item {
            Item::Clause(clause) => waits(clause, bound, self.rules).is_none(),
            Item::Given(_) => true,
        }
    }

    /// The item that is best done next.
    fn cheapest(&self, relation: &Relation, items: &[Item<'_>], context: &Context<'_>) -> Result<usize, QueryError> {
        if self.in_order {
            let bound = relation.vars.iter().copied().collect();
            if let Some(first) = items.iter().position(|item| self.is_ready(item, &bound)) {
                return Ok(first);
            }
        }
        let mut best: Option<(f64, usize)> = None;
        for (index, item) in items.iter().enumerate() {
            let Some(cost) = self.cost(relation, item, items, context)? else { continue };
            if best.is_none_or(|(least, _)| cost < least) {
                best = Some((cost, index));
            }
        }
        let stuck = |item: &Item<'_>| match item {
            Item::Clause(clause) => self.unbound(clause, relation),
            Item::Given(_) => Position::start(Text::Query).wrong("Nothing binds the variables of this query"),
        };
        best.map(|(_, index)| index).ok_or_else(|| stuck(&items[0]))
    }

    fn unbound(&self, clause: &Clause, relation: &Relation) -> QueryError {
        let bound = relation.vars.iter().copied().collect();
        match waits(clause, &bound, self.rules) {
            Some(Stuck { var, at }) => at.wrong(format!("Nothing binds `{}`", self.names[var.0])),
            None => Position::start(Text::Query).wrong("Nothing binds the variables of this query"),
        }
    }
}
