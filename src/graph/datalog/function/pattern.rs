//! Regular expressions, matched in linear time.

use std::sync::Arc;

use regex::{Captures, Regex, RegexBuilder};

use super::{Function, function, text_of};
use crate::graph::datalog::value::Value;

/// A regular expression as JavaScript writes it, as far as it can be matched in linear time.
#[derive(Debug)]
pub(in crate::graph::datalog) struct Pattern {
    pub(in crate::graph::datalog) find: Regex,
    /// With an end to it: of the matches from the start, the one that is tried first may be a shorter one.
    whole: Regex,
}

pub(super) static FUNCTIONS: &[Function] = &[
    function("re-pattern", (1, 1), |values| pattern(&values[0]).map(Value::Pattern)),
    function("re-find", (2, 2), |values| {
        let found = pattern(&values[0])?;
        Ok(found.find.captures(text_of(&values[1])?).map_or(Value::Nil, |found| captured(&found)))
    }),
    function("re-matches", (2, 2), |values| {
        let found = pattern(&values[0])?;
        Ok(found.whole.captures(text_of(&values[1])?).map_or(Value::Nil, |found| captured(&found)))
    }),
    function("re-seq", (2, 2), |values| {
        let expression = pattern(&values[0])?;
        let found: Vec<Value> =
            expression.find.captures_iter(text_of(&values[1])?).map(|found| captured(&found)).collect();
        Ok(if found.is_empty() { Value::Nil } else { found.into_iter().collect() })
    }),
];

impl Pattern {
    pub(in crate::graph::datalog) fn as_str(&self) -> &str {
        self.find.as_str()
    }

    fn new(source: &str) -> Result<Self, String> {
        Ok(Self { find: compile(source)?, whole: compile(&format!("^(?:{source})$"))? })
    }
}

fn pattern(value: &Value) -> Result<Arc<Pattern>, String> {
    match value {
        Value::Pattern(pattern) => Ok(Arc::clone(pattern)),
        source => Pattern::new(text_of(source)?).map(Arc::new),
    }
}

fn compile(source: &str) -> Result<Regex, String> {
    /// A pattern is compiled within this many bytes.
    const LARGEST: usize = 1 << 20;
    RegexBuilder::new(source).size_limit(LARGEST).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "is too large a pattern".into(),
        error => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            format!("cannot use this pattern: {reason}")
        }
    })
}

/// A match: its text, or with groups a list of the whole and each group.
fn captured(found: &Captures<'_>) -> Value {
    let group = |group: Option<regex::Match<'_>>| group.map_or(Value::Nil, |group| Value::text(group.as_str()));
    if found.len() == 1 { group(found.get(0)) } else { found.iter().map(group).collect() }
}
