//! What was asked of rules, and what was answered.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use crate::graph::datalog::budget::Budget;
use crate::graph::datalog::error::QueryError;
use crate::graph::datalog::relation::Row;
use crate::graph::datalog::syntax::Var;
use crate::graph::datalog::value::Value;

/// Which arguments of a call are known, a bit for each.
pub(super) type Mask = u32;

/// Questions and answers of all rules.
pub(super) struct Tables {
    pub(super) questions: HashMap<(usize, Mask), Growing>,
    pub(super) answers: HashMap<usize, Growing>,
    /// The answers by those of their values that some question knows.
    indexes: HashMap<(usize, Mask), HashMap<Vec<Value>, Vec<Row>>>,
    weight: usize,
    budget: Rc<Budget>,
}

/// A set of rows that remembers which of them are new.
#[derive(Default)]
pub(super) struct Growing {
    pub(super) all: HashSet<Row>,
    pub(super) new: Vec<Row>,
}

impl Growing {
    fn add(&mut self, row: &Row) -> bool {
        let added = self.all.insert(Rc::clone(row));
        if added {
            self.new.push(Rc::clone(row));
        }
        added
    }
}

impl Tables {
    pub(super) fn new(budget: &Rc<Budget>) -> Self {
        let budget = Rc::clone(budget);
        Self { questions: HashMap::new(), answers: HashMap::new(), indexes: HashMap::new(), weight: 0, budget }
    }

    fn charge(&mut self, row: &Row) -> Result<(), QueryError> {
        let weight = 96 + row.iter().map(|value| 24 + value.weight()).sum::<usize>();
        self.budget.take(weight)?;
        self.weight += weight;
        Ok(())
    }

    pub(super) fn ask(&mut self, rule: usize, mask: Mask, row: &Row) -> Result<(), QueryError> {
        if self.questions.entry((rule, mask)).or_default().add(row) {
            self.charge(row)?;
        }
        Ok(())
    }

    pub(super) fn answer(&mut self, rule: usize, row: &Row) -> Result<(), QueryError> {
        if !self.answers.entry(rule).or_default().add(row) {
            return Ok(());
        }
        self.charge(row)?;
        for ((_, mask), index) in self.indexes.iter_mut().filter(|((indexed, _), _)| *indexed == rule) {
            index.entry(masked(row, *mask)).or_default().push(Rc::clone(row));
        }
        Ok(())
    }

    /// The answers by what a mask selects.
    pub(super) fn index(&mut self, rule: usize, mask: Mask) -> &HashMap<Vec<Value>, Vec<Row>> {
        let answers = self.answers.entry(rule).or_default();
        self.indexes.entry((rule, mask)).or_insert_with(|| {
            let mut index = HashMap::<_, Vec<Row>>::new();
            for row in &answers.all {
                index.entry(masked(row, mask)).or_default().push(Rc::clone(row));
            }
            index
        })
    }
}

impl Drop for Tables {
    fn drop(&mut self) {
        self.budget.give(self.weight);
    }
}

pub(super) fn masked(row: &Row, mask: Mask) -> Vec<Value> {
    row.iter().enumerate().filter(|(at, _)| mask & 1 << at != 0).map(|(_, value)| value.clone()).collect()
}

pub(super) fn selected(params: &[Var], mask: Mask) -> Vec<Var> {
    params.iter().enumerate().filter(|(at, _)| mask & 1 << at != 0).map(|(_, param)| *param).collect()
}
