//! Queries against small graphs.

mod errors;
mod functions;
mod garden;
mod limits;
mod naive;
mod properties;
mod queries;
mod results;

use jiff::Zoned;
use jiff::civil::date;
use jiff::tz::TimeZone;
use serde_json::Value as Json;

use super::{Limits, QueryError, query_at};
use garden::Garden;

/// The afternoon of August 4th, 2026.
fn now() -> Zoned {
    date(2026, 8, 4).at(15, 0, 0, 0).to_zoned(TimeZone::UTC).unwrap()
}

fn ask(garden: &Garden, query: &str, inputs: &[Json]) -> Result<Json, QueryError> {
    query_at(&garden.db, query, inputs, &Limits::default(), &now())
}

/// The rows of a relation, in an order that does not depend on how they were found.
fn sorted(result: &Json) -> Vec<Json> {
    let mut rows = result.as_array().unwrap().clone();
    rows.sort_by_key(Json::to_string);
    rows
}
