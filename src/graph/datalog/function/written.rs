//! Values as `str` writes them.

use crate::graph::datalog::value::Value;

/// Text as it is, nothing for nil, and everything else in EDN.
pub(super) fn written(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::Text(text) => text.to_string(),
        Value::Pattern(pattern) => format!("/{}/", pattern.as_str()),
        other => {
            let mut text = String::new();
            write(other, &mut text);
            text
        }
    }
}

fn write(value: &Value, to: &mut String) {
    match value {
        Value::Nil => to.push_str("nil"),
        Value::Keyword(name) => {
            to.push(':');
            to.push_str(name);
        }
        Value::Float(number) if number.is_infinite() => {
            to.push_str(if *number > 0.0 { "Infinity" } else { "-Infinity" })
        }
        Value::Float(number) if number.is_nan() => to.push_str("NaN"),
        Value::Pattern(pattern) => {
            to.push_str("#\"");
            to.push_str(pattern.as_str());
            to.push('"');
        }
        Value::List(items) => {
            to.push('[');
            for (at, item) in items.iter().enumerate() {
                to.push_str(if at == 0 { "" } else { " " });
                write(item, to);
            }
            to.push(']');
        }
        Value::Map(entries) => {
            to.push('{');
            for (at, (key, item)) in entries.iter().enumerate() {
                to.push_str(if at == 0 { "" } else { ", " });
                // The keys of an entity are attributes, and as JSON they have a colon.
                if key.starts_with(':') {
                    to.push_str(key)
                } else {
                    write(&Value::text(key), to)
                }
                to.push(' ');
                write(item, to);
            }
            to.push('}');
        }
        Value::Text(_) | Value::Bool(_) | Value::Int(_) | Value::Float(_) => to.push_str(&value.to_json().to_string()),
    }
}
