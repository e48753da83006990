//! Joining with rows that are there: of `or`, of rules, of computed collections.

use std::collections::HashSet;
use std::rc::Rc;

use super::Solver;
use super::rules::Context;
use super::sink::Sink;
use crate::graph::datalog::error::{Position, QueryError};
use crate::graph::datalog::input::Opener;
use crate::graph::datalog::relation::{Relation, Row};
use crate::graph::datalog::syntax::{Binding, Expression, Or, Var, calls};
use crate::graph::datalog::value::Value;

impl Solver<'_, '_> {
    /// Every row with each given row that agrees with it.
    pub(super) fn join<'s>(
        &self,
        relation: &Relation,
        given: &Relation,
        sink: impl FnOnce(Vec<Var>) -> Sink<'s>,
    ) -> Result<Relation, QueryError> {
        let shared: Vec<Var> = given.vars.iter().copied().filter(|var| relation.has(*var)).collect();
        let added: Vec<Var> = given.vars.iter().copied().filter(|var| !relation.has(*var)).collect();
        let (here, there, more) = (relation.columns(&shared), given.columns(&shared), given.columns(&added));
        let pick = |row: &Row, columns: &[usize]| -> Vec<Value> { columns.iter().map(|at| row[*at].clone()).collect() };
        let index = relation.index(&here);
        let mut sink = sink(added);
        for row in given.rows() {
            self.budget.tick()?;
            let Some(matching) = index.get(&pick(row, &there)) else { continue };
            let found = pick(row, &more);
            matching.iter().try_for_each(|earlier| sink.push(earlier, &found))?;
        }
        sink.finish()
    }

    /// The rows of all branches together.
    pub(super) fn branches(&self, relation: &Relation, or: &Or, context: &Context<'_>) -> Result<Relation, QueryError> {
        let start = relation.project(&or.join)?;
        let mut all = Relation::empty(or.join.clone(), &self.budget);
        let mut seen: HashSet<Row> = HashSet::new();
        // Where only what follows from new facts is wanted, one branch can have it.
        let holds = |branch: &&Vec<_>| {
            let mut found = Vec::new();
            calls(branch, &mut found);
            found.iter().any(|call| context.is_new(call.site))
        };
        let only = or.branches.iter().position(|branch| holds(&branch));
        for branch in or.branches.iter().enumerate().filter(|(at, _)| only.is_none_or(|only| only == *at)) {
            let found = self.conjunction(branch.1, start.copy()?, &or.join, context)?;
            for row in found.rows() {
                if seen.insert(Rc::clone(row)) {
                    all.push(Rc::clone(row))?;
                }
            }
        }
        Ok(all)
    }

    /// Takes a computed value apart, into as many rows as it has parts.
    pub(super) fn bind<'s>(
        &self,
        relation: &Relation,
        (expression, binding, at): (&Expression, &Binding, Position),
        sink: impl FnOnce(Vec<Var>) -> Sink<'s>,
    ) -> Result<Relation, QueryError> {
        let tick = || self.budget.tick();
        let wrong = |problem| at.wrong(format!("What this makes does not fit what it is bound to: {problem}"));
        let mut vars = std::collections::BTreeSet::new();
        binding.vars(&mut vars);
        let vars: Vec<Var> = vars.into_iter().collect();
        let added: Vec<Var> = vars.iter().copied().filter(|var| !relation.has(*var)).collect();
        let mut sink = sink(added.clone());
        for row in relation.rows() {
            let of = |var| relation.column(var).map(|at| row[at].clone());
            // A nil binds nothing, as in Datascript.
            let Some(value) = expression.value(&of, &tick).transpose()?.filter(|value| *value != Value::Nil) else {
                continue;
            };
            let opener = Opener::new(&self.budget, None, &wrong);
            let mut seen = HashSet::new();
            for found in opener.bindings(binding, &value)? {
                let agrees = found.iter().all(|(var, value)| of(*var).is_none_or(|known| known == *value));
                let new: Vec<Value> = added.iter().filter_map(|var| found.get(var).cloned()).collect();
                if agrees && seen.insert(new.clone()) {
                    sink.push(row, &new)?;
                }
            }
        }
        sink.finish()
    }
}
