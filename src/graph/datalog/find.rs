//! From bindings to a result: columns, groups, pulls, and the form that `:find` asks for.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Map, Value as Json};

use super::error::QueryError;
use super::function::Function;
use super::pull::Puller;
use super::relation::{Relation, Row};
use super::syntax::{Aggregate, Element, Find, Shape, Var};
use super::value::Value;

/// The variables that a result is made of.
pub(super) fn wanted(find: &Find, with: &[Var]) -> Vec<Var> {
    let elements = find.elements.iter().map(|element| match element {
        Element::Var(var) | Element::Pull(var, _) | Element::Aggregate { var, .. } => *var,
    });
    let mut seen = BTreeSet::new();
    elements.chain(with.iter().copied()).filter(|var| seen.insert(*var)).collect()
}

/// The result as JSON.
pub(super) fn result(find: &Find, found: &Relation, puller: &Puller<'_, '_>, most: usize) -> Result<Json, QueryError> {
    let groups = groups(find, found);
    let one = matches!(find.shape, Shape::Scalar | Shape::Tuple);
    if !one && groups.len() > most {
        return Err(QueryError::RowLimit(most));
    }
    let mut rows = groups.iter().take(if one { 1 } else { usize::MAX }).map(|group| row(find, found, group, puller));
    match find.shape {
        Shape::Relation => {
            let rows = rows.map(|row| row.map(|row| named(find, row)));
            rows.collect::<Result<_, _>>().map(Json::Array)
        }
        Shape::Tuple => Ok(rows.next().transpose()?.map_or(Json::Null, |row| named(find, row))),
        Shape::Collection => rows.map(|row| Ok(first(row?))).collect::<Result<_, _>>().map(Json::Array),
        Shape::Scalar => Ok(rows.next().transpose()?.map_or(Json::Null, first)),
    }
}

fn first(row: Vec<Json>) -> Json {
    row.into_iter().next().unwrap_or_default()
}

fn named(find: &Find, row: Vec<Json>) -> Json {
    match &find.keys {
        Some(keys) => Json::Object(keys.iter().cloned().zip(row).collect::<Map<_, _>>()),
        None => Json::Array(row),
    }
}

/// The rows that make one row of the result: those that agree in all columns that are not aggregates.
fn groups<'a>(find: &Find, found: &'a Relation) -> Vec<Vec<&'a Row>> {
    if !find.elements.iter().any(|element| matches!(element, Element::Aggregate { .. })) {
        return found.rows().iter().map(|row| vec![row]).collect();
    }
    let columns: Vec<usize> = find
        .elements
        .iter()
        .filter_map(|element| match element {
            Element::Var(var) | Element::Pull(var, _) => found.column(*var),
            Element::Aggregate { .. } => None,
        })
        .collect();
    let mut places = HashMap::new();
    let mut groups: Vec<Vec<&Row>> = Vec::new();
    for row in found.rows() {
        let key: Vec<&Value> = columns.iter().map(|at| &row[*at]).collect();
        let place = *places.entry(key).or_insert(groups.len());
        match groups.get_mut(place) {
            Some(group) => group.push(row),
            None => groups.push(vec![row]),
        }
    }
    groups
}

fn row(find: &Find, found: &Relation, group: &[&Row], puller: &Puller<'_, '_>) -> Result<Vec<Json>, QueryError> {
    let values = |var: &Var| {
        let column = found.column(*var);
        group.iter().filter_map(move |row| column.and_then(|at| row.get(at)))
    };
    find.elements
        .iter()
        .map(|element| match element {
            Element::Var(var) => Ok(values(var).next().map_or(Json::Null, Value::to_json)),
            Element::Pull(var, pull) => match values(var).next().and_then(Value::as_int) {
                Some(entity) => puller.entity(entity, pull),
                None => Ok(Json::Null),
            },
            Element::Aggregate { function, count, var } => {
                let values: Vec<Value> = values(var).cloned().collect();
                Ok(aggregate(*function, *count, values)?.to_json())
            }
        })
        .collect()
}

/// What a group amounts to. A group has at least one value.
fn aggregate(function: Aggregate, count: usize, mut values: Vec<Value>) -> Result<Value, QueryError> {
    let number = |value: usize| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
    let sorted = |mut values: Vec<Value>| {
        values.sort();
        values.dedup();
        values
    };
    Ok(match function {
        Aggregate::Count => number(values.len()),
        Aggregate::CountDistinct => number(sorted(values).len()),
        Aggregate::Distinct => sorted(values).into_iter().collect(),
        Aggregate::Sample | Aggregate::Least => sorted(values).into_iter().take(count).collect(),
        Aggregate::Greatest => sorted(values).into_iter().rev().take(count).collect(),
        Aggregate::Min => values.into_iter().min().unwrap_or(Value::Nil),
        Aggregate::Max => values.into_iter().max().unwrap_or(Value::Nil),
        Aggregate::Sum => sum(&values)?,
        Aggregate::Average => {
            let total = sum(&values)?.as_number().unwrap_or_default();
            Value::float(total / values.len().max(1) as f64)
        }
        Aggregate::Median => {
            sum(&values)?;
            values.sort();
            let middle = values.len() / 2;
            let at = |index: usize| values.get(index).and_then(Value::as_number).unwrap_or_default();
            Value::float(if values.len() % 2 == 1 {
                at(middle)
            } else {
                (at(middle) + at(middle.saturating_sub(1))) / 2.0
            })
        }
    })
}

fn sum(values: &[Value]) -> Result<Value, QueryError> {
    let plus = Function::find("+").map(|plus| (plus.apply)(values));
    let problem = |problem: String| QueryError::Aggregate(problem);
    plus.unwrap_or(Ok(Value::Nil)).map_err(problem)
}
