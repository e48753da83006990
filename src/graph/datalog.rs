//! Roam's Datalog over the embedded graph.
//!
//! A query goes through these files in this order: [`edn`] reads the text, [`parse`] resolves names ([`syntax`] is what
//! it understands), [`input`] binds what was given, [`solve`] works out the conditions over the [`facts`], and [`find`]
//! makes the result. The language is that of Datascript, as far as Roam's documentation and users show it; what is not
//! known is refused with its place, so that no result is silently wrong.

mod attribute;
mod budget;
mod calendar;
mod edn;
mod error;
mod facts;
mod find;
mod function;
mod input;
mod parse;
mod people;
mod pull;
mod relation;
mod solve;
mod syntax;
#[cfg(test)]
mod tests;
mod value;

use std::rc::Rc;

use jiff::Zoned;
use rusqlite::Connection;
use serde_json::Value;

use budget::Budget;
use facts::Facts;
use pull::Puller;
use solve::Solver;

pub(crate) use budget::Limits;
pub(crate) use error::QueryError;

/// Answers a query on one state of the database. The inputs are those that `:in` names after `$`.
///
/// # Errors
/// When the query cannot be understood, does not fit its inputs, or needs more than the limits allow.
pub(crate) fn query(
    connection: &Connection,
    query: &str,
    inputs: &[Value],
    limits: &Limits,
) -> Result<Value, QueryError> {
    query_at(connection, query, inputs, limits, &Zoned::now())
}

/// The same at any time, which `ms/today-start` and its kin depend on.
fn query_at(
    connection: &Connection,
    query: &str,
    inputs: &[Value],
    limits: &Limits,
    now: &Zoned,
) -> Result<Value, QueryError> {
    let query = parse::query(query, inputs, now)?;
    let budget = Rc::new(Budget::new(limits, query.timeout));
    let watch = budget.watch(connection);
    let answer = || {
        let facts = Facts::new(connection);
        let start = input::relation(&query, inputs, &facts, &budget)?;
        let wanted = find::wanted(&query.find, &query.with);
        let size = facts.size()?;
        let solver =
            Solver { facts: &facts, rules: &query.rules, names: &query.names, budget: Rc::clone(&budget), size };
        let found = solver.complete(&query.clauses, &start, &wanted)?;
        find::result(&query.find, &found, &Puller::new(&facts, &budget), limits.rows)
    };
    let answer = answer().map_err(|error| budget.explain(error));
    drop(watch);
    answer
}
