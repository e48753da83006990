//! What the search index can be asked for, so that not every text has to be read.
//!
//! The index holds folded text as trigrams (see `fold`). Folding goes letter by letter, so a text that contains another
//! contains its folded trigrams, too. The index only narrows the search; the conditions themselves still decide.

use super::Item;
use crate::graph::datalog::attribute::Attribute;
use crate::graph::datalog::syntax::{Binding, Clause, Expression, Term, Var};
use crate::graph::datalog::value::Value;
use crate::graph::embedded::fold::fold;

/// An expression that every text matches that can have a part in the result. `None` if nothing is known of it.
pub(super) fn words(attribute: &Attribute, value: &Term, steps: &[&Clause], rest: &[Item<'_>]) -> Option<String> {
    if !attribute.is_searchable() {
        return None;
    }
    let mut trigrams = Vec::new();
    match value {
        Term::Constant(Value::Text(text)) => add(text, &mut trigrams),
        Term::Var(var) => {
            let rest =
                rest.iter().filter_map(|item| if let Item::Clause(clause) = item { Some(*clause) } else { None });
            let clauses: Vec<&Clause> = steps.iter().copied().chain(rest).collect();
            required(*var, &clauses, &mut trigrams);
        }
        _ => {}
    }
    trigrams.sort();
    trigrams.dedup();
    // Enough to leave few candidates.
    trigrams.truncate(24);
    let quoted: Vec<String> = trigrams.iter().map(|trigram| format!("\"{}\"", trigram.replace('"', "\"\""))).collect();
    (!quoted.is_empty()).then(|| quoted.join(" "))
}

/// What conditions demand of a text.
fn required(var: Var, clauses: &[&Clause], trigrams: &mut Vec<String>) {
    for clause in clauses {
        match clause {
            Clause::Test(Expression::Apply { function, arguments, .. }) => {
                let same = |argument: &Expression| is_text(argument, var);
                match (function.name, arguments.as_slice()) {
                    (
                        "clojure.string/includes?"
                        | "clojure.string/starts-with?"
                        | "clojure.string/ends-with?"
                        | "="
                        | "==",
                        [text, Expression::Constant(Value::Text(part))],
                    ) if same(text) => add(part, trigrams),
                    ("=" | "==", [Expression::Constant(Value::Text(part)), text]) if same(text) => add(part, trigrams),
                    ("re-find" | "re-matches", [Expression::Constant(Value::Pattern(pattern)), text]) if same(text) => {
                        literal(pattern.as_str(), trigrams);
                    }
                    _ => {}
                }
            }
            Clause::Bind(computed, Binding::Var(lower)) if *lower != var && is_text(computed, var) => {
                let others: Vec<&Clause> =
                    clauses.iter().copied().filter(|other| !std::ptr::eq(*other, *clause)).collect();
                required(*lower, &others, trigrams);
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

/// The trigrams of a text. Sigma is left out: it has two lower forms, and which one depends on its place in a word.
fn add(text: &str, trigrams: &mut Vec<String>) {
    let folded = fold(text);
    for word in folded.split(|c: char| c.is_whitespace() || c.is_control() || matches!(c, 'σ' | 'ς')) {
        let chars: Vec<char> = word.chars().collect();
        // Those at every third letter and the last one say nearly as much as all of them, and are fewer to compare.
        let last = chars.len().checked_sub(3);
        let starts = last.into_iter().flat_map(|last| (0..last).step_by(3).chain([last]));
        trigrams.extend(starts.map(|start| chars[start..start + 3].iter().collect::<String>()));
    }
}

/// The trigrams of a pattern that is a plain word, whether or not case matters. The letters s and k are left out: other
/// letters count as their upper or lower case, which folding leaves as they are.
fn literal(pattern: &str, trigrams: &mut Vec<String>) {
    let word = pattern.strip_prefix("(?i)").unwrap_or(pattern);
    if word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, ' ' | '-' | '_' | '/' | ',' | ':' | '#')) {
        word.split(['s', 'S', 'k', 'K']).for_each(|part| add(part, trigrams));
    }
}
