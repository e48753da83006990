//! Where the rows go that a condition finds: through the tests that they allow, then into the next relation.

use std::collections::{BTreeSet, HashSet};
use std::rc::Rc;

use crate::graph::datalog::budget::Budget;
use crate::graph::datalog::error::QueryError;
use crate::graph::datalog::relation::{Relation, Row};
use crate::graph::datalog::syntax::{Binding, Clause, Var};
use crate::graph::datalog::value::Value;

/// Takes rows of an earlier relation with what was found for them.
pub(super) struct Sink<'a> {
    /// The variables of a row on its way: the earlier ones, those that were found, those that steps compute.
    vars: Vec<Var>,
    steps: &'a [&'a Clause],
    /// What is kept of them.
    output: Vec<usize>,
    row: Vec<Value>,
    relation: Relation,
    /// The rows so far, where leaving out variables can make two of them one.
    seen: Option<HashSet<Row>>,
    budget: &'a Rc<Budget>,
}

impl<'a> Sink<'a> {
    pub(super) fn new(
        earlier: &Relation,
        added: Vec<Var>,
        steps: &'a [&'a Clause],
        keep: &BTreeSet<Var>,
        budget: &'a Rc<Budget>,
    ) -> Self {
        let mut vars: Vec<Var> = earlier.vars.iter().copied().chain(added).collect();
        for step in steps {
            if let Clause::Bind(_, Binding::Var(var), _) = step
                && !vars.contains(var)
            {
                vars.push(*var);
            }
        }
        let output: Vec<usize> = (0..vars.len()).filter(|at| keep.contains(&vars[*at])).collect();
        let relation = Relation::empty(output.iter().map(|at| vars[*at]).collect(), budget);
        let seen = (output.len() < vars.len()).then(HashSet::new);
        Self { row: Vec::with_capacity(vars.len()), vars, steps, output, relation, seen, budget }
    }

    /// Lets the same row come more than once.
    pub(super) fn with_repetitions(mut self) -> Self {
        self.seen.get_or_insert_default();
        self
    }

    /// Takes one row. That different calls give different rows is up to the caller.
    pub(super) fn push(&mut self, earlier: &[Value], added: &[Value]) -> Result<(), QueryError> {
        let mut held = 0;
        let pushed = self.work(earlier, added, &mut held);
        self.budget.give(held);
        pushed
    }

    /// Counts in `held` what the computed values take while the row is on its way.
    fn work(&mut self, earlier: &[Value], added: &[Value], held: &mut usize) -> Result<(), QueryError> {
        self.budget.tick()?;
        self.row.clear();
        self.row.extend(earlier.iter().chain(added).cloned());
        let tick = || self.budget.tick();
        for step in self.steps {
            let of = |var| {
                let at = self.vars.iter().position(|known| *known == var)?;
                self.row.get(at).cloned()
            };
            match step {
                Clause::Test(expression) => match expression.value(&of, &tick).transpose()? {
                    Some(value) if value.is_true() => {}
                    _ => return Ok(()),
                },
                Clause::Bind(expression, binding, _) => {
                    let Some(value) = expression.value(&of, &tick).transpose()? else { return Ok(()) };
                    match binding {
                        // A nil binds nothing, as in Datascript.
                        Binding::Var(_) if value == Value::Nil => return Ok(()),
                        Binding::Var(var) => match of(*var) {
                            None => {
                                let weight = value.weight();
                                *held += weight;
                                self.budget.take(weight)?;
                                self.row.push(value);
                            }
                            Some(other) if other == value => {}
                            Some(_) => return Ok(()),
                        },
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        let row: Row = self.output.iter().map(|at| self.row[*at].clone()).collect();
        let is_new = self.seen.as_mut().is_none_or(|seen| seen.insert(Rc::clone(&row)));
        if is_new { self.relation.push(row) } else { Ok(()) }
    }

    pub(super) fn finish(self) -> Result<Relation, QueryError> {
        Ok(self.relation)
    }
}
