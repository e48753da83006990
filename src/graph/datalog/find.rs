//! From bindings to a result: columns, groups, pulls, and the form that `:find` asks for.

use std::collections::{BTreeSet, HashMap};
use std::hash::{BuildHasher as _, RandomState};

use serde_json::{Map, Value as Json};

use super::budget::Budget;
use super::error::QueryError;
use super::function::Function;
use super::pull::Puller;
use super::relation::{Relation, Row};
use super::syntax::{Aggregate, Amount, Element, Find, Shape, Var};
use super::value::Value;

/// The variables that a result is made of.
pub(super) fn wanted(find: &Find, with: &[Var]) -> Vec<Var> {
    let elements = find.elements.iter().map(|element| match element {
        Element::Var(var) | Element::Pull(var, _) | Element::Aggregate { var, .. } => *var,
    });
    let amounts = find.elements.iter().filter_map(|element| match element {
        Element::Aggregate { count: Amount::Given(var), .. } => Some(*var),
        _ => None,
    });
    let mut seen = BTreeSet::new();
    elements.chain(amounts).chain(with.iter().copied()).filter(|var| seen.insert(*var)).collect()
}

/// The result as JSON.
pub(super) fn result(
    find: &Find,
    found: &Relation,
    puller: &Puller<'_, '_>,
    most: usize,
    budget: &Budget,
) -> Result<Json, QueryError> {
    let groups = groups(find, found);
    let one = matches!(find.shape, Shape::Scalar | Shape::Tuple);
    if !one && groups.len() > most {
        return Err(QueryError::RowLimit(most));
    }
    let mut rows = groups.iter().take(if one { 1 } else { usize::MAX }).map(|group| {
        budget.tick()?;
        row(find, found, group, puller, budget)
    });
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

fn row(
    find: &Find,
    found: &Relation,
    group: &[&Row],
    puller: &Puller<'_, '_>,
    budget: &Budget,
) -> Result<Vec<Json>, QueryError> {
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
                let amount = match count {
                    Amount::One => None,
                    Amount::Known(number) => Some(*number),
                    Amount::Given(given) => {
                        let number = values(given).next().and_then(Value::as_int).map(usize::try_from);
                        let problem = || QueryError::Aggregate("makes a number of values that is not negative".into());
                        Some(number.and_then(Result::ok).ok_or_else(problem)?)
                    }
                };
                let values: Vec<Value> = values(var).cloned().collect();
                if let (Aggregate::Random, Some(number)) = (function, amount) {
                    // It can be more than there are, and is kept to the end.
                    budget.take(number.saturating_mul(64))?;
                }
                Ok(aggregate(*function, amount, values)?.to_json())
            }
        })
        .collect()
}

/// What a group amounts to. A group has at least one value.
fn aggregate(function: Aggregate, amount: Option<usize>, mut values: Vec<Value>) -> Result<Value, QueryError> {
    let number = |value: usize| Value::Int(i64::try_from(value).unwrap_or(i64::MAX));
    let sorted = |mut values: Vec<Value>| {
        values.sort();
        values.dedup();
        values
    };
    let random = RandomState::new();
    Ok(match (function, amount) {
        (Aggregate::Min, Some(amount)) => {
            values.sort();
            values.into_iter().take(amount).collect()
        }
        (Aggregate::Max, Some(amount)) => {
            values.sort();
            let fewer = values.len().saturating_sub(amount);
            values.into_iter().skip(fewer).collect()
        }
        (Aggregate::Sample, Some(amount)) => {
            let mut places: Vec<usize> = (0..values.len()).collect();
            places.sort_by_cached_key(|at| random.hash_one(at));
            places.into_iter().take(amount).map(|at| values[at].clone()).collect()
        }
        (Aggregate::Random, Some(amount)) => {
            let any = |at: usize| values[random.hash_one(at) as usize % values.len()].clone();
            (0..amount).map(any).collect()
        }
        (function, _) => match function {
            Aggregate::Sample | Aggregate::Random => values.swap_remove(random.hash_one(0) as usize % values.len()),
            Aggregate::Variance => Value::float(variance(&values)?),
            Aggregate::Deviation => Value::float(variance(&values)?.sqrt()),
            Aggregate::Count => number(values.len()),
            Aggregate::CountDistinct => number(sorted(values).len()),
            Aggregate::Distinct => sorted(values).into_iter().collect(),
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
        },
    })
}

/// How far numbers are from their average, squared and averaged.
fn variance(values: &[Value]) -> Result<f64, QueryError> {
    let count = values.len().max(1) as f64;
    let average = sum(values)?.as_number().unwrap_or_default() / count;
    Ok(values.iter().filter_map(Value::as_number).map(|number| (number - average).powi(2)).sum::<f64>() / count)
}

fn sum(values: &[Value]) -> Result<Value, QueryError> {
    let plus = Function::find("+").map(|plus| (plus.apply)(values));
    let problem = |problem: String| QueryError::Aggregate(problem);
    plus.unwrap_or(Ok(Value::Nil)).map_err(problem)
}
