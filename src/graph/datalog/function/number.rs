//! Arithmetic. What does not fit a whole number becomes a fraction, as in JavaScript.

use super::{Function, MANY, function, number_of, whole_of};
use crate::graph::datalog::value::Value;

pub(super) static FUNCTIONS: &[Function] = &[
    function("+", (0, MANY), |values| fold(values, 0, i64::checked_add, |one, two| one + two)),
    function("*", (0, MANY), |values| fold(values, 1, i64::checked_mul, |one, two| one * two)),
    function("-", (1, MANY), |values| match values {
        [one] => fold(&[Value::Int(0), one.clone()], 0, i64::checked_sub, |one, two| one - two),
        _ => fold(values, 0, i64::checked_sub, |one, two| one - two),
    }),
    function("/", (1, MANY), divide),
    function("quot", (2, 2), |values| division(values, |number, by| (number / by).trunc())),
    function("rem", (2, 2), |values| division(values, |number, by| number % by)),
    function("mod", (2, 2), |values| division(values, |number, by| ((number % by) + by) % by)),
    function("inc", (1, 1), |values| fold(&[values[0].clone(), Value::Int(1)], 0, i64::checked_add, |a, b| a + b)),
    function("dec", (1, 1), |values| fold(&[values[0].clone(), Value::Int(1)], 0, i64::checked_sub, |a, b| a - b)),
    function("min", (1, MANY), |values| {
        numbers(values).map(|values| values.iter().min().cloned().unwrap_or(Value::Nil))
    }),
    function("max", (1, MANY), |values| {
        numbers(values).map(|values| values.iter().max().cloned().unwrap_or(Value::Nil))
    }),
    function("abs", (1, 1), |values| number_of(&values[0]).map(|number| Value::float(number.abs()))),
    function("zero?", (1, 1), |values| number_of(&values[0]).map(|number| Value::Bool(number == 0.0))),
    function("pos?", (1, 1), |values| number_of(&values[0]).map(|number| Value::Bool(number > 0.0))),
    function("neg?", (1, 1), |values| number_of(&values[0]).map(|number| Value::Bool(number < 0.0))),
    function("even?", (1, 1), |values| whole_of(&values[0]).map(|number| Value::Bool(number % 2 == 0))),
    function("odd?", (1, 1), |values| whole_of(&values[0]).map(|number| Value::Bool(number % 2 != 0))),
    function("range", (1, 3), range),
];

fn numbers(values: &[Value]) -> Result<&[Value], String> {
    values.iter().try_for_each(|value| number_of(value).map(drop))?;
    Ok(values)
}

/// From the left, in whole numbers as long as they suffice.
pub(super) fn fold(
    values: &[Value],
    neutral: i64,
    exact: fn(i64, i64) -> Option<i64>,
    rough: fn(f64, f64) -> f64,
) -> Result<Value, String> {
    let Some((first, rest)) = numbers(values)?.split_first() else { return Ok(Value::Int(neutral)) };
    rest.iter().try_fold(first.clone(), |sum, next| {
        let whole = sum.as_int().zip(next.as_int()).and_then(|(sum, next)| exact(sum, next));
        match whole {
            Some(whole) => Ok(Value::Int(whole)),
            None => Ok(Value::float(rough(number_of(&sum)?, number_of(next)?))),
        }
    })
}

fn divide(values: &[Value]) -> Result<Value, String> {
    let (first, rest) = match values {
        [one] => (1.0, std::slice::from_ref(one)),
        [first, rest @ ..] => (number_of(first)?, rest),
        [] => return Err("needs a number".into()),
    };
    let mut result = first;
    for by in rest {
        // By zero it is infinite, as in JavaScript.
        result /= number_of(by)?;
    }
    Ok(Value::float(result))
}

/// In fractions, as JavaScript does it: what comes out of a division by zero is no number.
fn division(values: &[Value], apply: fn(f64, f64) -> f64) -> Result<Value, String> {
    Ok(Value::float(apply(number_of(&values[0])?, number_of(&values[1])?)))
}

/// `(range end)`, `(range start end)` or `(range start end step)`.
fn range(values: &[Value]) -> Result<Value, String> {
    /// A list is held in memory as a whole.
    const LONGEST: usize = 100_000;
    let whole: Vec<i64> = values.iter().map(whole_of).collect::<Result<_, _>>()?;
    let (start, end, step) = match *whole {
        [end] => (0, end, 1),
        [start, end] => (start, end, 1),
        [start, end, step] if step != 0 => (start, end, step),
        _ => return Err("needs a step other than 0".into()),
    };
    let inside = |at: &i64| if step > 0 { *at < end } else { *at > end };
    let items: Vec<i64> =
        std::iter::successors(Some(start), |at| at.checked_add(step)).take_while(inside).take(LONGEST + 1).collect();
    if items.len() > LONGEST {
        return Err(format!("would make more than {LONGEST} numbers"));
    }
    Ok(items.into_iter().map(Value::Int).collect())
}
