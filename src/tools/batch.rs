//! One call for several blocks, and the report on each of them.
//!
//! What happened is never made up: a report that does not answer the request item by item is an error, and nothing is
//! called done that Roam did not call done.

mod one_by_one;

use serde_json::{Map, Value, json};

use super::{Call, Failure, Outcome};
use crate::graph::{Action, ErrorCode, GraphError};

/// How many blocks one call may touch; Roam's own limit.
const MOST: usize = 25;
/// How a message begins that says that nothing was deleted.
pub(super) const NOT_DELETED: &str = "Nothing was deleted for";

/// Some blocks that one action is to deal with.
pub(super) struct Batch {
    /// The action for all of them.
    pub(super) action: Action,
    /// The action for one, for versions of Roam that do not know the other.
    pub(super) single: Action,
    pub(super) items: Vec<Item>,
}

/// One of the blocks.
pub(super) struct Item {
    pub(super) uid: String,
    /// What is sent about it.
    pub(super) block: Value,
}

impl Item {
    pub(super) fn quoted(&self) -> String {
        quoted(&self.uid)
    }
}

impl Batch {
    /// Sends `request`, or one request a block, and reports.
    pub(super) async fn run(self, call: &Call, request: Value) -> Outcome {
        if !(1..=MOST).contains(&self.items.len()) {
            return Err(Failure::Arguments(format!("one call takes 1 to {MOST} blocks, not {}", self.items.len())));
        }
        let results = match call.ask(self.action, request).await {
            Ok(answer) => self.results(answer)?,
            Err(failure) if is_unknown(&failure) => one_by_one::run(&self, call, failure).await?,
            Err(failure) => return Err(failure),
        };
        self.report(results)
    }

    fn deletes(&self) -> bool {
        self.action == Action::DeleteBlocks
    }

    /// The results in Roam's answer, if there is one for each block, in order.
    fn results(&self, answer: Value) -> Result<Vec<Map<String, Value>>, Failure> {
        let answers = |(item, result): (&Item, &Value)| {
            result["uid"] == Value::String(item.uid.clone()) && result["ok"].is_boolean()
        };
        let listed = answer["results"].as_array();
        match listed {
            Some(results) if results.len() == self.items.len() && self.items.iter().zip(results).all(answers) => {
                let fields = |result: &Value| line(&result["uid"], &result["ok"], result.clone());
                Ok(results.iter().map(fields).collect())
            }
            _ => {
                let message =
                    "Roam did not report on each block, so what happened is not known. Read the blocks again.";
                let error = GraphError::new(ErrorCode::INTERNAL_ERROR, message).with("action", self.action.as_str());
                Err(error.with("payload", answer).into())
            }
        }
    }

    /// Something done is a result, whatever failed beside it; nothing done is an error, and so is what nobody knows.
    fn report(&self, results: Vec<Map<String, Value>>) -> Outcome {
        let succeeded = results.iter().filter(|result| result.get("ok") == Some(&Value::Bool(true))).count();
        let of_code = |code: &ErrorCode| {
            results.iter().filter(|result| code_of(result).as_deref() == Some(code.as_str())).count()
        };
        let unknown = of_code(&ErrorCode::OUTCOME_UNKNOWN);
        let failed = results.len() - succeeded - unknown;
        if unknown > 0 {
            let message = format!(
                "What became of {unknown} of {} blocks is not known: `results` says of which. Read those before you try \
                 again, and leave out what was done.",
                results.len()
            );
            let error = GraphError::new(ErrorCode::OUTCOME_UNKNOWN, message).with("results", results);
            return Err(error.with("succeeded", succeeded).with("failed", failed).with("unknown", unknown).into());
        }
        if succeeded > 0 {
            return Ok(json!({ "success": failed == 0, "succeeded": succeeded, "failed": failed, "results": results }));
        }
        let not_tried = of_code(&ErrorCode::NOT_TRIED);
        // They come last, and what the others say is why.
        let tried = &results[..results.len() - not_tried];
        let code = shared(tried, code_of);
        let not_found = code.as_deref() == Some(ErrorCode::NOT_FOUND.as_str());
        let message = match shared(tried, |result| result.get("message").and_then(Value::as_str).map(str::to_owned)) {
            _ if not_found && self.deletes() => not_deleted(&results),
            Some(message) => message,
            None => format!("All {failed} failed; `results` says why for each."),
        };
        let code = code.map_or(ErrorCode::BATCH_FAILED, ErrorCode::from);
        Err(GraphError::new(code, message).with("results", results).with("succeeded", 0).with("failed", failed).into())
    }
}

fn is_unknown(failure: &Failure) -> bool {
    failure.code().is_some_and(|code| matches!(code.as_str(), "UNKNOWN_ACTION" | "ACTION_NOT_AVAILABLE"))
}

/// One line of the report. A field that Roam left empty is not there: the schema of the report knows no `null`.
fn line(uid: &Value, ok: &Value, more: Value) -> Map<String, Value> {
    let mut line = Map::from_iter([("uid".to_owned(), uid.clone()), ("ok".to_owned(), ok.clone())]);
    if let Value::Object(more) = more {
        line.extend(more.into_iter().filter(|(key, value)| !value.is_null() && key != "uid" && key != "ok"));
    }
    line
}

/// That nothing was deleted, and what is known of why: what Roam does not call absent may still be there.
fn not_deleted(results: &[Map<String, Value>]) -> String {
    let uid = |result: &Map<String, Value>| result.get("uid").and_then(Value::as_str).map(quoted).unwrap_or_default();
    let uids = results.iter().map(uid).collect::<Vec<_>>().join(", ");
    let kept = results.iter().filter_map(|result| Some((uid(result), reason(result.get("reason")?)?)));
    let kept: Vec<_> = kept.map(|(uid, reason)| format!("{uid} because of {}", quoted(&reason))).collect();
    if kept.is_empty() {
        format!("{NOT_DELETED} {uids}: none of them is there. Trying again will not help.")
    } else {
        format!("{NOT_DELETED} {uids}. Roam kept {}. Read them again: they may still be there.", kept.join(", "))
    }
}

/// Why Roam did not delete something, unless that is because it is not there.
pub(super) fn reason(given: &Value) -> Option<String> {
    match given {
        Value::Null => None,
        Value::String(reason) if reason == "not-found" => None,
        Value::String(reason) => Some(reason.clone()),
        odd => Some(odd.to_string()),
    }
}

fn code_of(result: &Map<String, Value>) -> Option<String> {
    match result.get("code").and_then(Value::as_str) {
        Some(code) => Some(code.to_owned()),
        None => (result.get("deleted") == Some(&Value::Bool(false))).then(|| ErrorCode::NOT_FOUND.as_str().to_owned()),
    }
}

/// What all results say, if they all say the same.
fn shared(results: &[Map<String, Value>], of: impl Fn(&Map<String, Value>) -> Option<String>) -> Option<String> {
    let first = results.first().and_then(&of)?;
    results.iter().all(|result| of(result).as_ref() == Some(&first)).then_some(first)
}

/// Text of somebody else's, safe to put into a sentence: one line, not long, in quotation marks.
pub(super) fn quoted(text: &str) -> String {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{:?}", line.chars().take(80).collect::<String>())
}
