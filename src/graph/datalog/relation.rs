//! Sets of bindings: some variables, and rows with a value for each.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use super::budget::Budget;
use super::error::QueryError;
use super::syntax::Var;
use super::value::Value;

/// One value for each variable of a relation. Relations share their rows.
pub(super) type Row = Rc<[Value]>;

/// A set of rows.
pub(super) struct Relation {
    pub(super) vars: Vec<Var>,
    rows: Vec<Row>,
    weight: usize,
    budget: Rc<Budget>,
}

/// The rows of a relation by some of their values.
pub(super) type Index<'a> = HashMap<Vec<Value>, Vec<&'a Row>>;

impl Relation {
    pub(super) fn empty(vars: Vec<Var>, budget: &Rc<Budget>) -> Self {
        Self { vars, rows: Vec::new(), weight: 0, budget: Rc::clone(budget) }
    }

    /// One row that binds nothing: what a query starts from.
    pub(super) fn unit(budget: &Rc<Budget>) -> Self {
        let rows: Vec<Row> = vec![Rc::new([])];
        Self { vars: Vec::new(), rows, weight: 0, budget: Rc::clone(budget) }
    }

    pub(super) fn rows(&self) -> &[Row] {
        &self.rows
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Where the values of a variable are.
    pub(super) fn column(&self, var: Var) -> Option<usize> {
        self.vars.iter().position(|known| *known == var)
    }

    pub(super) fn has(&self, var: Var) -> bool {
        self.vars.contains(&var)
    }

    /// The columns of variables that are all there; of the others, nothing.
    pub(super) fn columns(&self, vars: &[Var]) -> Vec<usize> {
        vars.iter().filter_map(|var| self.column(*var)).collect()
    }

    /// Adds a row. That it is a new one is up to the caller.
    pub(super) fn push(&mut self, row: Row) -> Result<(), QueryError> {
        let weight = 48 + row.iter().map(|value| 24 + value.weight()).sum::<usize>();
        self.budget.tick()?;
        self.budget.take(weight)?;
        self.weight += weight;
        self.rows.push(row);
        Ok(())
    }

    /// The same rows with some of the variables, each row once.
    pub(super) fn project(&self, vars: &[Var]) -> Result<Self, QueryError> {
        let columns = self.columns(vars);
        let mut projected = Self::empty(columns.iter().map(|column| self.vars[*column]).collect(), &self.budget);
        let mut seen = HashSet::new();
        for row in &self.rows {
            let row: Row = columns.iter().map(|column| row[*column].clone()).collect();
            if seen.insert(Rc::clone(&row)) {
                projected.push(row)?;
            }
        }
        Ok(projected)
    }

    /// The same rows once more.
    pub(super) fn copy(&self) -> Result<Self, QueryError> {
        let mut copy = Self::empty(self.vars.clone(), &self.budget);
        self.budget.take(self.weight)?;
        copy.weight = self.weight;
        copy.rows.clone_from(&self.rows);
        Ok(copy)
    }

    /// The rows by what they have in some columns.
    pub(super) fn index(&self, columns: &[usize]) -> Index<'_> {
        let mut index = Index::new();
        for row in &self.rows {
            index.entry(pick(row, columns)).or_default().push(row);
        }
        index
    }

    /// Every row of this with every row of the other that agrees with it.
    pub(super) fn join(&self, other: &Self) -> Result<Self, QueryError> {
        let shared: Vec<Var> = self.vars.iter().copied().filter(|var| other.has(*var)).collect();
        let added: Vec<Var> = other.vars.iter().copied().filter(|var| !self.has(*var)).collect();
        let (here, there, more) = (self.columns(&shared), other.columns(&shared), other.columns(&added));
        let index = self.index(&here);
        let mut joined = Self::empty(self.vars.iter().copied().chain(added).collect(), &self.budget);
        for row in &other.rows {
            self.budget.tick()?;
            for mine in index.get(&pick(row, &there)).into_iter().flatten() {
                joined.push(mine.iter().cloned().chain(pick(row, &more)).collect())?;
            }
        }
        Ok(joined)
    }

    /// The rows of this that agree with no row of the other, all of whose variables are here.
    pub(super) fn without(self, other: &Self) -> Result<Self, QueryError> {
        let columns = self.columns(&other.vars);
        let gone: HashSet<&[Value]> = other.rows.iter().map(|row| row.as_ref()).collect();
        let mut left = Self::empty(self.vars.clone(), &self.budget);
        for row in &self.rows {
            if !gone.contains(pick(row, &columns).as_slice()) {
                left.push(Rc::clone(row))?;
            }
        }
        Ok(left)
    }
}

impl Drop for Relation {
    fn drop(&mut self) {
        self.budget.give(self.weight);
    }
}

fn pick(row: &Row, columns: &[usize]) -> Vec<Value> {
    columns.iter().map(|column| row[*column].clone()).collect()
}
