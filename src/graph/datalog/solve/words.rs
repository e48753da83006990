//! What the search index can be asked for, so that not every text has to be read.
//!
//! The index holds folded text (see `fold`). A text that contains another contains it folded, too, but for its ends, where
//! a letter may be put together with what stands beside it. The index only narrows the search; the conditions themselves
//! still decide.

use super::Item;
use crate::graph::datalog::attribute::Attribute;
use crate::graph::datalog::syntax::{Binding, Clause, Expression, Term, Var};
use crate::graph::datalog::value::Value;
use crate::graph::embedded::fold::{fold, steadfast};
use crate::graph::embedded::index::is_indexed;

/// What every text contains that can have a part in the result: folded parts that are indexed, each on a line. `None` if
/// there are none.
pub(super) fn words(attribute: &Attribute, value: &Term, steps: &[&Clause], rest: &[Item<'_>]) -> Option<String> {
    if !attribute.is_searchable() {
        return None;
    }
    let mut parts = Vec::new();
    match value {
        Term::Constant(Value::Text(text)) => add(text, &mut parts),
        Term::Var(var) => {
            let rest =
                rest.iter().filter_map(|item| if let Item::Clause(clause) = item { Some(*clause) } else { None });
            let clauses: Vec<&Clause> = steps.iter().copied().chain(rest).collect();
            required(*var, &clauses, &mut parts);
        }
        _ => {}
    }
    (!parts.is_empty()).then(|| parts.join("\n"))
}

/// What conditions demand of a text, under whichever name they have it.
fn required(var: Var, clauses: &[&Clause], parts: &mut Vec<String>) {
    /// A text goes by two or three names; what others demand of it is left to the conditions themselves.
    const NAMES: usize = 8;
    let mut names = vec![var];
    let mut at = 0;
    while let Some(var) = names.get(at).copied() {
        at += 1;
        for clause in clauses {
            demanded(var, clause, parts);
            if let Clause::Bind(computed, Binding::Var(other), _) = clause
                && names.len() < NAMES
                && !names.contains(other)
                && is_text(computed, var)
            {
                names.push(*other);
            }
        }
    }
}

/// What one condition demands of a text.
fn demanded(var: Var, clause: &Clause, parts: &mut Vec<String>) {
    if let Clause::Test(Expression::Apply { function, arguments, .. }) = clause {
        let same = |argument: &Expression| is_text(argument, var);
        match (function.name, arguments.as_slice()) {
            (
                "clojure.string/includes?" | "clojure.string/starts-with?" | "clojure.string/ends-with?",
                [text, Expression::Constant(Value::Text(part))],
            ) if same(text) => add(steadfast(part), parts),
            ("=" | "==", [text, Expression::Constant(Value::Text(whole))]) if same(text) => add(whole, parts),
            ("=" | "==", [Expression::Constant(Value::Text(whole)), text]) if same(text) => add(whole, parts),
            ("re-find" | "re-matches", [Expression::Constant(Value::Pattern(pattern)), text]) if same(text) => {
                literal(pattern.as_str(), parts);
            }
            _ => {}
        }
    }
}

/// Whether an expression is a variable, perhaps in lower case, which folding makes no difference to.
fn is_text(expression: &Expression, var: Var) -> bool {
    match expression {
        Expression::Var(known) => *known == var,
        Expression::Apply { function, arguments, .. } => {
            matches!(function.name, "clojure.string/lower-case" | "identity")
                && arguments.first().is_some_and(|argument| is_text(argument, var))
        }
        Expression::Constant(_) => false,
    }
}

/// The parts of a text that are indexed. Sigma is left out: it has two lower forms, and which one depends on its place in a word.
fn add(text: &str, parts: &mut Vec<String>) {
    let folded = fold(text);
    let split = folded.split(|c: char| c.is_control() || matches!(c, 'σ' | 'ς'));
    parts.extend(split.filter(|part| is_indexed(part)).map(str::to_owned));
}

/// The parts of a pattern that is a plain word, whether or not case matters. The letters s and k are left out: other
/// letters count as their upper or lower case, which folding leaves as they are.
fn literal(pattern: &str, parts: &mut Vec<String>) {
    let word = pattern.strip_prefix("(?i)").unwrap_or(pattern);
    if word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '/' | ',' | ':' | '#')) {
        word.split(['s', 'S', 'k', 'K']).for_each(|part| add(part, parts));
    }
}
