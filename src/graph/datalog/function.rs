//! The functions and predicates of queries: those of Datascript that make sense here, under their Clojure names.

mod dialect;
mod logic;
mod number;
mod pattern;
mod text;
mod written;

use std::fmt;

use super::value::Value;

pub(super) use pattern::Pattern;

/// Something that is computed from values.
pub(super) struct Function {
    pub(super) name: &'static str,
    /// The fewest and the most arguments.
    pub(super) arity: (usize, usize),
    /// The error says what is wrong with the arguments; the place is added by the caller.
    pub(super) apply: fn(&[Value]) -> Result<Value, String>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

const TABLES: [&[Function]; 4] = [logic::FUNCTIONS, number::FUNCTIONS, pattern::FUNCTIONS, text::FUNCTIONS];

const MANY: usize = usize::MAX;

const fn function(name: &'static str, arity: (usize, usize), apply: fn(&[Value]) -> Result<Value, String>) -> Function {
    Function { name, arity, apply }
}

impl Function {
    /// The function of that name. `str/…` and `string/…` are short for `clojure.string/…`.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        let full = name.strip_prefix("str/").or_else(|| name.strip_prefix("string/"));
        let full = full.map(|rest| format!("clojure.string/{rest}"));
        let name = full.as_deref().unwrap_or(name);
        TABLES.into_iter().flatten().find(|function| function.name == name)
    }

    /// Functions that are called almost like `name`.
    pub(super) fn alike(name: &str) -> Option<&'static str> {
        let last = |name: &str| name.rsplit('/').next().unwrap_or(name).trim_end_matches('?').to_owned();
        TABLES.into_iter().flatten().map(|known| known.name).find(|known| last(known) == last(name))
    }
}

/// What an argument of the wrong kind is called in the error.
fn shown(value: &Value) -> String {
    let text: String = value.to_json().to_string().chars().take(60).collect();
    text
}

fn text_of(value: &Value) -> Result<&str, String> {
    value.as_text().ok_or_else(|| format!("needs text, and got {}", shown(value)))
}

fn number_of(value: &Value) -> Result<f64, String> {
    value.as_number().ok_or_else(|| format!("needs numbers, and got {}", shown(value)))
}

fn whole_of(value: &Value) -> Result<i64, String> {
    value.as_int().ok_or_else(|| format!("needs whole numbers, and got {}", shown(value)))
}
