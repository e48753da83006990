//! Text: `clojure.string`, `str`, `subs`, and what Roam's own rules need to know about days. Places in a text are counted
//! as JavaScript counts them, in UTF-16.

use regex::Captures;

use super::written::written;
use super::{Function, MANY, function, shown, text_of, whole_of};
use crate::graph::datalog::allowance::{MOST_BYTES, MOST_PARTS, TOO_LARGE};
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
        let mut joined = String::new();
        for (at, item) in items.iter().enumerate() {
            add(if at == 0 { "" } else { between }, &mut joined)?;
            add(&written(item), &mut joined)?;
        }
        Ok(Value::text(&joined))
    }),
    function("clojure.string/split", (2, 2), split),
    function("clojure.string/replace", (3, 3), |values| {
        let (text, with) = (text_of(&values[0])?, text_of(&values[2])?);
        let mut replaced = String::new();
        let mut at = 0;
        match &values[1] {
            Value::Pattern(pattern) => {
                for found in pattern.find.captures_iter(text) {
                    let Some(whole) = found.get(0) else { continue };
                    add(&text[at..whole.start()], &mut replaced)?;
                    replacement(with, whole.as_str(), Some(&found), &mut replaced)?;
                    at = whole.end();
                }
            }
            other => {
                for (start, part) in text.match_indices(text_of(other)?) {
                    add(&text[at..start], &mut replaced)?;
                    replacement(with, part, None, &mut replaced)?;
                    at = start + part.len();
                }
            }
        }
        add(&text[at..], &mut replaced)?;
        Ok(Value::text(&replaced))
    }),
    function("clojure.string/index-of", (2, 2), |values| {
        let (text, part) = (text_of(&values[0])?, text_of(&values[1])?);
        Ok(text.find(part).map_or(Value::Nil, |at| Value::Int(length(&text[..at]) as i64)))
    }),
    function("str", (0, MANY), |values| Ok(Value::text(&values.iter().map(written).collect::<String>()))),
    function("subs", (2, 3), part),
    function("roam/day", (1, 1), |values| {
        let day = values[0].as_text().and_then(daily::from_title).and_then(daily::log_id);
        Ok(day.map_or(Value::Nil, Value::Int))
    }),
];

/// How long a text is for JavaScript.
pub(super) fn length(text: &str) -> usize {
    text.encode_utf16().count()
}

/// Adds a part to a text, as long as that is no larger than a value may be.
fn add(part: &str, to: &mut String) -> Result<(), String> {
    to.push_str(part);
    if to.len() > MOST_BYTES { Err(TOO_LARGE.into()) } else { Ok(()) }
}

/// The parts of a text, without empty ones at its end, and with what the groups of a pattern found between them.
fn split(values: &[Value]) -> Result<Value, String> {
    let text = text_of(&values[0])?;
    let mut parts: Vec<Value> = Vec::new();
    let mut from = 0;
    let mut cut = |start: usize, end: usize, groups: &mut dyn Iterator<Item = Value>| {
        // Nothing is between the letters at either end.
        if end > from || start > from && start < text.len() {
            parts.push(Value::text(&text[from..start]));
            parts.extend(groups);
            from = end;
        }
        if parts.len() > MOST_PARTS { Err(TOO_LARGE) } else { Ok(()) }
    };
    match &values[1] {
        Value::Pattern(pattern) => {
            for found in pattern.find.captures_iter(text) {
                let Some(whole) = found.get(0) else { continue };
                let group = |group: Option<regex::Match<'_>>| group.map_or(Value::Nil, |it| Value::text(it.as_str()));
                cut(whole.start(), whole.end(), &mut found.iter().skip(1).map(group))?;
            }
        }
        other => {
            for (start, part) in text.match_indices(text_of(other)?) {
                cut(start, start + part.len(), &mut std::iter::empty())?;
            }
        }
    }
    parts.push(Value::text(&text[from..]));
    while parts.len() > 1 && parts.last().and_then(Value::as_text) == Some("") {
        parts.pop();
    }
    Ok(parts.into_iter().collect())
}

/// What a match is replaced with: `$1` and its kin are the groups, `$&` is all of it, and `$$` is a dollar.
fn replacement(with: &str, whole: &str, groups: Option<&Captures<'_>>, to: &mut String) -> Result<(), String> {
    let mut rest = with;
    while let Some((before, after)) = rest.split_once('$') {
        add(before, to)?;
        let digits = after.bytes().take(2).take_while(u8::is_ascii_digit).count();
        let group = (1..=digits).rev().find_map(|length| {
            let number = after[..length].parse().ok().filter(|number| *number > 0)?;
            let groups = groups.filter(|groups| number < groups.len())?;
            Some((groups.get(number).map_or("", |group| group.as_str()), &after[length..]))
        });
        let (part, left) = match (group, after.chars().next()) {
            (Some(group), _) => group,
            (None, Some('&')) => (whole, &after[1..]),
            (None, Some('$')) => ("$", &after[1..]),
            _ => ("$", after),
        };
        add(part, to)?;
        rest = left;
    }
    add(rest, to)
}

/// A part of a text. What lies beyond its ends is not there, and where the end is before the start they change places.
fn part(values: &[Value]) -> Result<Value, String> {
    let units: Vec<u16> = text_of(&values[0])?.encode_utf16().collect();
    let place = |value: &Value| whole_of(value).map(|at| usize::try_from(at).unwrap_or(0).min(units.len()));
    let (one, other) = (place(&values[1])?, values.get(2).map_or(Ok(units.len()), place)?);
    Ok(Value::text(&String::from_utf16_lossy(&units[one.min(other)..one.max(other)])))
}
