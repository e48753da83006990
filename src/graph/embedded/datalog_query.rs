//! `q`: Datalog.

use rusqlite::Connection;
use serde_json::Value;

use super::failure::{Failure, invalid};
use crate::graph::datalog::{self, Limits, QueryError};

/// The first argument is the query, the others are its inputs.
pub(super) fn query(db: &Connection, args: &[Value]) -> Result<Value, Failure> {
    let Some((Value::String(query), inputs)) = args.split_first() else {
        return Err(invalid("The first argument is the query, as a text."));
    };
    datalog::query(db, query, inputs, &Limits::default()).map_err(|error| match error {
        QueryError::Database(error) => Failure::Database(error),
        error => invalid(error.to_string()),
    })
}
