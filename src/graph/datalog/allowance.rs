//! How large a value may be that a query computes.
//!
//! Values share their parts, so a few functions make a value that is small in memory and endless for whoever looks at
//! all of it. What is looked at here is as many parts as are allowed, and no more.

use super::value::Value;

/// What is left of a number of parts and of bytes.
pub(super) struct Allowance {
    parts: usize,
    bytes: usize,
}

/// What a function makes has no more parts: more than the longest list of `range`.
pub(super) const MOST_PARTS: usize = 1 << 17;
/// And no more bytes than this: more than any text that people write. What could make far more out of little stops here by
/// itself.
pub(super) const MOST_BYTES: usize = 1 << 20;
/// What is said of a function that makes more.
pub(super) const TOO_LARGE: &str = "makes too large a value";

/// Whatever walks through a value calls itself for each level of it.
const DEEPEST: usize = 200;

impl Allowance {
    /// For what a function makes.
    pub(super) fn result() -> Self {
        Self { parts: MOST_PARTS, bytes: MOST_BYTES }
    }

    /// For what a function is given, all its arguments together.
    pub(super) fn arguments() -> Self {
        Self { parts: 1 << 19, bytes: 4 << 20 }
    }

    /// Takes a value off. A part that stands in several places counts in each of them. Returns whether there was enough
    /// left for it.
    pub(super) fn take(&mut self, value: &Value) -> bool {
        self.take_to(value, DEEPEST)
    }

    fn take_to(&mut self, value: &Value, depth: usize) -> bool {
        let Some(deeper) = depth.checked_sub(1) else { return false };
        if !take(&mut self.parts, 1) {
            return false;
        }
        match value {
            Value::Text(text) | Value::Keyword(text) => take(&mut self.bytes, text.len()),
            Value::Pattern(pattern) => take(&mut self.bytes, pattern.weight()),
            Value::List(items) => items.iter().all(|item| self.take_to(item, deeper)),
            Value::Map(entries) => {
                entries.iter().all(|(key, value)| take(&mut self.bytes, key.len()) && self.take_to(value, deeper))
            }
            Value::Nil | Value::Bool(_) | Value::Int(_) | Value::Float(_) => true,
        }
    }
}

fn take(left: &mut usize, some: usize) -> bool {
    let enough = left.checked_sub(some);
    *left = enough.unwrap_or_default();
    enough.is_some()
}
