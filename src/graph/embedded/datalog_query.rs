//! `q`, `data.q`, `data.pull` and `data.pull_many`: Datalog.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::failure::{Failure, invalid};
use crate::graph::datalog::{self, Abandoned, Entities, Limits, QueryError};

/// The first argument is the query, the others are its inputs.
pub(super) fn query(db: &Connection, abandoned: &Abandoned, args: &[Value]) -> Result<Value, Failure> {
    let Some((Value::String(query), inputs)) = args.split_first() else {
        return Err(invalid("The first argument is the query, as a text."));
    };
    datalog::query(db, query, inputs, &limits(abandoned)).map_err(refused)
}

/// The arguments are the pattern, the entity, and perhaps `{"timeout": milliseconds}`.
pub(super) fn pull(db: &Connection, abandoned: &Abandoned, args: &[Value]) -> Result<Value, Failure> {
    let mut pulled = pulled(db, abandoned, args, Entities::One)?;
    Ok(pulled.pop().unwrap_or_default())
}

/// The same with a list of entities.
pub(super) fn pull_many(db: &Connection, abandoned: &Abandoned, args: &[Value]) -> Result<Value, Failure> {
    Ok(json!(pulled(db, abandoned, args, Entities::Many)?))
}

fn pulled<'a>(
    db: &Connection,
    abandoned: &Abandoned,
    args: &'a [Value],
    entities: impl FnOnce(&'a Value) -> Entities<'a>,
) -> Result<Vec<Value>, Failure> {
    let [Value::String(pattern), named, options @ ..] = args else {
        return Err(invalid("The arguments are the pattern, as a text, and what to pull."));
    };
    let timeout = options.first().and_then(|options| options["timeout"].as_u64()).map(Duration::from_millis);
    datalog::pull(db, pattern, &entities(named), timeout, &limits(abandoned)).map_err(refused)
}

fn limits(abandoned: &Abandoned) -> Limits {
    Limits { abandoned: abandoned.clone(), ..Limits::default() }
}

fn refused(error: QueryError) -> Failure {
    match error {
        QueryError::Database(error) => Failure::Database(error),
        error => invalid(error.to_string()),
    }
}
