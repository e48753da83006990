//! Text: `clojure.string`, `str`, `subs`, and what Roam's own rules need to know about days.

use super::{Function, MANY, function, shown, text_of, whole_of};
use crate::graph::datalog::value::Value;
use crate::graph::embedded::daily;

pub(super) static FUNCTIONS: &[Function] = &[
    function("clojure.string/includes?", (2, 2), |values| {
        Ok(Value::Bool(text_of(&values[0])?.contains(text_of(&values[1])?)))
    }),
    function("clojure.string/starts-with?", (2, 2), |values| {
        Ok(Value::Bool(text_of(&values[0])?.starts_with(text_of(&values[1])?)))
    }),
    function("clojure.string/ends-with?", (2, 2), |values| {
        Ok(Value::Bool(text_of(&values[0])?.ends_with(text_of(&values[1])?)))
    }),
    function("clojure.string/blank?", (1, 1), |values| match &values[0] {
        Value::Nil => Ok(Value::Bool(true)),
        value => Ok(Value::Bool(text_of(value)?.trim().is_empty())),
    }),
    function("clojure.string/lower-case", (1, 1), |values| Ok(Value::text(&text_of(&values[0])?.to_lowercase()))),
    function("clojure.string/upper-case", (1, 1), |values| Ok(Value::text(&text_of(&values[0])?.to_uppercase()))),
    function("clojure.string/capitalize", (1, 1), |values| {
        let text = text_of(&values[0])?;
        let first = text.chars().next().map(char::len_utf8).unwrap_or_default();
        Ok(Value::text(&(text[..first].to_uppercase() + &text[first..].to_lowercase())))
    }),
    function("clojure.string/trim", (1, 1), |values| Ok(Value::text(text_of(&values[0])?.trim()))),
    function("clojure.string/reverse", (1, 1), |values| {
        Ok(Value::text(&text_of(&values[0])?.chars().rev().collect::<String>()))
    }),
    function("clojure.string/join", (1, 2), |values| {
        let (between, items) =
            if let [between, items] = values { (text_of(between)?, items) } else { ("", &values[0]) };
        let items = items.as_list().ok_or_else(|| format!("needs a list, and got {}", shown(items)))?;
        Ok(Value::text(&items.iter().map(written).collect::<Vec<_>>().join(between)))
    }),
    function("clojure.string/split", (2, 2), |values| {
        let text = text_of(&values[0])?;
        let parts: Vec<&str> = match &values[1] {
            Value::Pattern(pattern) => pattern.find.split(text).collect(),
            other => text.split(text_of(other)?).collect(),
        };
        Ok(parts.into_iter().map(Value::text).collect())
    }),
    function("clojure.string/replace", (3, 3), |values| {
        let (text, with) = (text_of(&values[0])?, text_of(&values[2])?);
        Ok(Value::text(&match &values[1] {
            Value::Pattern(pattern) => pattern.find.replace_all(text, with).into_owned(),
            other => text.replace(text_of(other)?, with),
        }))
    }),
    function("clojure.string/index-of", (2, 2), |values| {
        let (text, part) = (text_of(&values[0])?, text_of(&values[1])?);
        Ok(text.find(part).map_or(Value::Nil, |at| Value::Int(text[..at].chars().count() as i64)))
    }),
    function("str", (0, MANY), |values| Ok(Value::text(&values.iter().map(written).collect::<String>()))),
    function("subs", (2, 3), part),
    function("roam/day", (1, 1), |values| {
        let day = values[0].as_text().and_then(daily::from_title).and_then(daily::log_id);
        Ok(day.map_or(Value::Nil, Value::Int))
    }),
];

/// A value as `str` writes it.
fn written(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::Text(text) => text.to_string(),
        Value::Keyword(name) => format!(":{name}"),
        other => other.to_json().to_string(),
    }
}

/// A part of a text, counted in characters.
fn part(values: &[Value]) -> Result<Value, String> {
    let text = text_of(&values[0])?;
    let length = text.chars().count();
    let end = values.get(2).map(whole_of).transpose()?.map_or(Ok(length), usize::try_from);
    match (usize::try_from(whole_of(&values[1])?), end) {
        (Ok(start), Ok(end)) if start <= end && end <= length => {
            Ok(Value::text(&text.chars().skip(start).take(end - start).collect::<String>()))
        }
        _ => Err(format!("reaches beyond the {length} characters of the text")),
    }
}
