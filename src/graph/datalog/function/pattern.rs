//! Regular expressions, matched in linear time.

use std::sync::Arc;

use regex::{Captures, Regex, RegexBuilder};

use super::dialect::translated;
use super::{Function, function, text_of};
use crate::graph::datalog::allowance::{MOST_PARTS, TOO_LARGE};
use crate::graph::datalog::value::Value;

/// A regular expression as JavaScript writes it, as far as it can be matched in linear time.
#[derive(Debug)]
pub(in crate::graph::datalog) struct Pattern {
    source: Box<str>,
    pub(in crate::graph::datalog) find: Regex,
    /// With an end to it: of the matches from the start, the one that is tried first may be a shorter one.
    whole: Regex,
    weight: usize,
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
        let mut found = Vec::new();
        let mut left = MOST_PARTS;
        for captures in expression.find.captures_iter(text_of(&values[1])?) {
            left = left.checked_sub(captures.len()).ok_or(TOO_LARGE)?;
            found.push(captured(&captures));
        }
        Ok(if found.is_empty() { Value::Nil } else { found.into_iter().collect() })
    }),
];

impl Pattern {
    /// As it was written.
    pub(in crate::graph::datalog) fn as_str(&self) -> &str {
        &self.source
    }

    /// About how many bytes it takes.
    pub(in crate::graph::datalog) fn weight(&self) -> usize {
        self.weight
    }

    fn new(source: &str) -> Result<Self, String> {
        let translated = translated(source)?;
        let (find, size) = compile(&translated)?;
        let (whole, more) = compile(&format!("^(?:{translated})$"))?;
        Ok(Self { source: source.into(), find, whole, weight: size + more })
    }
}

fn pattern(value: &Value) -> Result<Arc<Pattern>, String> {
    match value {
        Value::Pattern(pattern) => Ok(Arc::clone(pattern)),
        source => Pattern::new(text_of(source)?).map(Arc::new),
    }
}

/// Compiles a pattern, and tells how many bytes it takes at most.
fn compile(source: &str) -> Result<(Regex, usize), String> {
    /// How large the compiled pattern may be. Most fit the first, and what is larger is weighed by what it does fit.
    const SIZES: [usize; 3] = [1 << 14, 1 << 17, 1 << 20];
    for size in SIZES {
        match RegexBuilder::new(source).size_limit(size).build() {
            Ok(compiled) => return Ok((compiled, size)),
            Err(regex::Error::CompiledTooBig(_)) => {}
            Err(error) => {
                let reason = error.to_string();
                let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
                return Err(format!("cannot use this pattern: {reason}"));
            }
        }
    }
    Err("is too large a pattern".into())
}

/// A match: its text, or with groups a list of the whole and each group.
fn captured(found: &Captures<'_>) -> Value {
    let group = |group: Option<regex::Match<'_>>| group.map_or(Value::Nil, |group| Value::text(group.as_str()));
    if found.len() == 1 { group(found.get(0)) } else { found.iter().map(group).collect() }
}
