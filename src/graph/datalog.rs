//! Roam's Datalog over the embedded graph.
//!
//! A query goes through these files in this order: [`edn`] reads the text, [`parse`] resolves names ([`syntax`] is what
//! it understands), [`input`] binds what was given, [`solve`] works out the conditions over the [`facts`], and [`find`]
//! makes the result. The language is that of Datascript, as far as Roam's documentation and users show it; what is not
//! known is refused with its place, so that no result is silently wrong.

mod allowance;
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
use std::time::Duration;

use jiff::Zoned;
use rusqlite::Connection;
use serde_json::Value;

use budget::Budget;
use facts::Facts;
use pull::{Keys, Puller};
use solve::Solver;

pub(crate) use budget::{Abandoned, Limits};
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

/// Pulls entities, each a number or a lookup, in their order; null where there is none.
///
/// # Errors
/// When the pattern or an entity cannot be understood, or the pull needs more than the limits allow.
pub(crate) fn pull(
    connection: &Connection,
    pattern: &str,
    entities: &Entities<'_>,
    timeout: Option<Duration>,
    limits: &Limits,
) -> Result<Vec<Value>, QueryError> {
    let pattern = parse::pull(pattern, &Zoned::now())?;
    let budget = Rc::new(Budget::new(limits, timeout));
    let watch = budget.watch(connection);
    let answer = || {
        let facts = Facts::new(connection);
        let puller = Puller::new(&facts, &budget, Keys::Full);
        let named = match entities {
            Entities::One(entity) => vec![input::argument(entity)?],
            Entities::Many(entities) => input::arguments(entities)?,
        };
        let pulled = named.iter().map(|entity| match input::entity(entity, &facts)? {
            Some(entity) => puller.entity(entity, &pattern),
            None => Ok(Value::Null),
        });
        pulled.collect::<Result<Vec<_>, QueryError>>()
    };
    let answer = answer().map_err(|error| budget.explain(error));
    drop(watch);
    answer
}

/// What a pull is of, as JSON or as a text of EDN.
pub(crate) enum Entities<'a> {
    /// An entity.
    One(&'a Value),
    /// A list of entities.
    Many(&'a Value),
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
        let work = |in_order| {
            let (rules, names, budget) = (&query.rules, &query.names, Rc::clone(&budget));
            let solver = Solver { facts: &facts, rules, names, budget, size, in_order };
            solver.complete(&query.clauses, &start, &wanted)
        };
        let found = match work(false) {
            // A computation failed on some value. In the order of Datascript a condition before it may leave that value
            // out.
            Err(error @ QueryError::Wrong { .. }) => work(true).map_err(|_| error),
            found => found,
        }?;
        find::result(&query.find, &found, &Puller::new(&facts, &budget, Keys::Short), limits.rows, &budget)
    };
    let answer = answer().map_err(|error| budget.explain(error));
    drop(watch);
    answer
}
