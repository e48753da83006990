//! Comparing values, asking what they are, taking them apart.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::text;
use super::{Function, MANY, function, shown, whole_of};
use crate::graph::datalog::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    function("=", (1, MANY), |values| Ok(Value::Bool(all_equal(values)))),
    function("==", (1, MANY), |values| Ok(Value::Bool(all_equal(values)))),
    function("identical?", (2, 2), |values| Ok(Value::Bool(all_equal(values)))),
    function("not=", (1, MANY), |values| Ok(Value::Bool(!all_equal(values)))),
    function("!=", (1, MANY), |values| Ok(Value::Bool(!all_equal(values)))),
    function("<", (1, MANY), |values| in_order(values, Ordering::is_lt)),
    function("<=", (1, MANY), |values| in_order(values, Ordering::is_le)),
    function(">", (1, MANY), |values| in_order(values, Ordering::is_gt)),
    function(">=", (1, MANY), |values| in_order(values, Ordering::is_ge)),
    function("compare", (2, 2), |values| Ok(Value::Int(values[0].cmp(&values[1]) as i64))),
    function("not", (1, 1), |values| Ok(Value::Bool(!values[0].is_true()))),
    function("and", (0, MANY), |values| {
        let last = values.last().cloned().unwrap_or(Value::Bool(true));
        Ok(values.iter().find(|value| !value.is_true()).cloned().unwrap_or(last))
    }),
    function("or", (0, MANY), |values| {
        let last = values.last().cloned().unwrap_or(Value::Nil);
        Ok(values.iter().find(|value| value.is_true()).cloned().unwrap_or(last))
    }),
    function("true?", (1, 1), |values| Ok(Value::Bool(values[0] == Value::Bool(true)))),
    function("false?", (1, 1), |values| Ok(Value::Bool(values[0] == Value::Bool(false)))),
    function("nil?", (1, 1), |values| Ok(Value::Bool(values[0] == Value::Nil))),
    function("some?", (1, 1), |values| Ok(Value::Bool(values[0] != Value::Nil))),
    function("string?", (1, 1), |values| Ok(Value::Bool(matches!(values[0], Value::Text(_))))),
    function("number?", (1, 1), |values| Ok(Value::Bool(values[0].as_number().is_some()))),
    function("int?", (1, 1), |values| Ok(Value::Bool(values[0].as_int().is_some()))),
    function("integer?", (1, 1), |values| Ok(Value::Bool(values[0].as_int().is_some()))),
    function("boolean?", (1, 1), |values| Ok(Value::Bool(matches!(values[0], Value::Bool(_))))),
    function("keyword?", (1, 1), |values| Ok(Value::Bool(matches!(values[0], Value::Keyword(_))))),
    function("vector?", (1, 1), |values| Ok(Value::Bool(matches!(values[0], Value::List(_))))),
    function("map?", (1, 1), |values| Ok(Value::Bool(matches!(values[0], Value::Map(_))))),
    function("identity", (1, 1), |values| Ok(values[0].clone())),
    function("ground", (1, 1), |values| Ok(values[0].clone())),
    function("vector", (0, MANY), |values| Ok(values.iter().cloned().collect())),
    function("tuple", (0, MANY), |values| Ok(values.iter().cloned().collect())),
    function("list", (0, MANY), |values| Ok(values.iter().cloned().collect())),
    function("set", (1, 1), set),
    function("hash-set", (0, MANY), |values| set(&[values.iter().cloned().collect()])),
    function("hash-map", (0, MANY), map),
    function("untuple", (1, 1), |values| Ok(values[0].clone())),
    function("count", (1, 1), |values| length(&values[0]).map(|length| Value::Int(length as i64))),
    function("empty?", (1, 1), |values| length(&values[0]).map(|length| Value::Bool(length == 0))),
    function("not-empty", (1, 1), |values| {
        length(&values[0]).map(|length| if length == 0 { Value::Nil } else { values[0].clone() })
    }),
    function("get", (2, 3), get),
    function("first", (1, 1), |values| get(&[values[0].clone(), Value::Int(0)])),
    function("contains?", (2, 2), contains),
    function("name", (1, 1), |values| named(&values[0], |name| Value::text(name.rsplit('/').next().unwrap_or(name)))),
    function("namespace", (1, 1), |values| {
        named(&values[0], |name| name.split_once('/').map_or(Value::Nil, |(space, _)| Value::text(space)))
    }),
    function("keyword", (1, 1), |values| match &values[0] {
        Value::Text(name) => Ok(Value::keyword(name)),
        other => Ok(other.clone()),
    }),
];

fn all_equal(values: &[Value]) -> bool {
    values.windows(2).all(|pair| pair[0] == pair[1])
}

/// Values of different kinds are in the order of their kinds, as in Datascript.
fn in_order(values: &[Value], holds: fn(Ordering) -> bool) -> Result<Value, String> {
    Ok(Value::Bool(values.windows(2).all(|pair| holds(pair[0].cmp(&pair[1])))))
}

fn length(value: &Value) -> Result<usize, String> {
    match value {
        Value::Nil => Ok(0),
        Value::Text(text) => Ok(text::length(text)),
        Value::List(items) => Ok(items.len()),
        Value::Map(entries) => Ok(entries.len()),
        other => Err(format!("needs text, a list or a map, and got {}", shown(other))),
    }
}

/// Each value of a list once.
fn set(values: &[Value]) -> Result<Value, String> {
    let items = match &values[0] {
        Value::Nil => &[],
        other => other.as_list().ok_or_else(|| format!("needs a list, and got {}", shown(other)))?,
    };
    let once: BTreeSet<&Value> = items.iter().collect();
    Ok(once.into_iter().cloned().collect())
}

/// Keys and values by turns.
fn map(values: &[Value]) -> Result<Value, String> {
    let mut entries = BTreeMap::new();
    for pair in values.chunks(2) {
        let key = match pair {
            [Value::Keyword(name), _] => format!(":{name}"),
            [Value::Text(name), _] => name.to_string(),
            [other, _] => return Err(format!("needs keywords or texts as keys, and got {}", shown(other))),
            _ => return Err("needs a value for each key".into()),
        };
        entries.insert(key, pair[1].clone());
    }
    Ok(Value::Map(Arc::new(entries)))
}

/// What a map or a list has under a key; the third argument or nil where it has nothing.
fn get(values: &[Value]) -> Result<Value, String> {
    let found = match (&values[0], &values[1]) {
        (Value::List(items), key) => usize::try_from(whole_of(key)?).ok().and_then(|index| items.get(index)).cloned(),
        (Value::Map(entries), Value::Keyword(key)) => {
            entries.get(&format!(":{key}")).or_else(|| entries.get(key.as_ref())).cloned()
        }
        (Value::Map(entries), Value::Text(key)) => entries.get(key.as_ref()).cloned(),
        _ => None,
    };
    Ok(found.or_else(|| values.get(2).cloned()).unwrap_or(Value::Nil))
}

fn contains(values: &[Value]) -> Result<Value, String> {
    match &values[0] {
        // A set is a list here, and to look into it is what people mean.
        Value::List(items) => Ok(Value::Bool(items.contains(&values[1]))),
        Value::Map(_) => get(values).map(|found| Value::Bool(found != Value::Nil)),
        other => Err(format!("needs a set or a map, and got {}", shown(other))),
    }
}

fn named(value: &Value, part: fn(&str) -> Value) -> Result<Value, String> {
    match value {
        Value::Keyword(name) => Ok(part(name)),
        Value::Text(_) => Ok(value.clone()),
        other => Err(format!("needs a keyword, and got {}", shown(other))),
    }
}
