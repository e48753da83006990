//! One call for several blocks, and the report on each of them.
//!
//! What happened is never made up: a report that does not answer the request item by item is an error, and nothing is
//! called done that Roam did not call done.

use serde_json::{Map, Value, json};

use super::{Call, Failure, Outcome, refuse};
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
            Err(failure) if is_unknown(&failure) => self.one_by_one(call, failure).await?,
            Err(failure) => return Err(failure),
        };
        report(results)
    }

    /// The results in Roam's answer, if there is one for each block, in order.
    fn results(&self, answer: Value) -> Result<Vec<Map<String, Value>>, Failure> {
        let answers = |(item, result): (&Item, &Value)| {
            result["uid"] == Value::String(item.uid.clone()) && result["ok"].is_boolean()
        };
        let listed = answer["results"].as_array();
        match listed {
            Some(results) if results.len() == self.items.len() && self.items.iter().zip(results).all(answers) => {
                Ok(results.iter().filter_map(|result| result.as_object().cloned()).collect())
            }
            _ => {
                let message =
                    "Roam did not report on each block, so what happened is not known. Read the blocks again.";
                let error = GraphError::new(ErrorCode::INTERNAL_ERROR, message).with("action", self.action.as_str());
                Err(error.with("payload", answer).into())
            }
        }
    }

    /// For a version of Roam that only knows the action for one block.
    async fn one_by_one(self, call: &Call, unknown: Failure) -> Result<Vec<Map<String, Value>>, Failure> {
        let mut results = Vec::with_capacity(self.items.len());
        let mut stopped: Option<Failure> = None;
        for item in self.items {
            let result = match &stopped {
                None => call.ask(self.single, json!({ "block": item.block })).await,
                Some(_) => Err(refuse("Not tried, because the block before it failed.")),
            };
            results.push(match result {
                Ok(answer) if answer["deleted"] == Value::Bool(false) => {
                    line(&item.uid, false, json!({ "deleted": false, "reason": answer["reason"] }))
                }
                Ok(answer) => line(&item.uid, true, answer),
                Err(failure) if results.is_empty() && is_unknown(&failure) => return Err(unknown),
                Err(failure) => {
                    let result = line(&item.uid, false, told(&failure));
                    // A block that cannot be changed says nothing about the next one; a lost connection does.
                    if stopped.is_none() && !is_about_the_block(&failure) {
                        stopped = Some(failure);
                    }
                    result
                }
            });
        }
        Ok(results)
    }
}

fn is_unknown(failure: &Failure) -> bool {
    failure.code().is_some_and(|code| matches!(code.as_str(), "UNKNOWN_ACTION" | "ACTION_NOT_AVAILABLE"))
}

/// Roam rejects what it cannot do to a block with INTERNAL_ERROR.
fn is_about_the_block(failure: &Failure) -> bool {
    let known = [ErrorCode::NOT_FOUND, ErrorCode::VALIDATION_ERROR, ErrorCode::INTERNAL_ERROR];
    failure.code().is_some_and(|code| known.contains(code))
}

fn told(failure: &Failure) -> Value {
    match failure {
        Failure::Arguments(message) => json!({ "message": message }),
        Failure::Graph(error) => {
            json!({ "code": error.code.as_ref().map(ErrorCode::as_str), "message": error.message })
        }
    }
}

fn line(uid: &str, ok: bool, more: Value) -> Map<String, Value> {
    let mut line = Map::from_iter([("uid".to_owned(), uid.into()), ("ok".to_owned(), ok.into())]);
    if let Value::Object(more) = more {
        line.extend(more.into_iter().filter(|(key, value)| !value.is_null() && key != "uid" && key != "ok"));
    }
    line
}

/// Something done is a result, whatever failed beside it; nothing done is an error.
fn report(results: Vec<Map<String, Value>>) -> Outcome {
    let succeeded = results.iter().filter(|result| result.get("ok") == Some(&Value::Bool(true))).count();
    let failed = results.len() - succeeded;
    if succeeded > 0 {
        return Ok(json!({ "success": failed == 0, "succeeded": succeeded, "failed": failed, "results": results }));
    }
    let code = shared(&results, code_of);
    let message =
        match (&code, shared(&results, |result| result.get("message").and_then(Value::as_str).map(str::to_owned))) {
            (Some(code), _) if code == ErrorCode::NOT_FOUND.as_str() => {
                let uids: Vec<String> =
                    results.iter().filter_map(|result| result.get("uid")?.as_str().map(quoted)).collect();
                format!("{NOT_DELETED} {}: none of them is there. Trying again will not help.", uids.join(", "))
            }
            (_, Some(message)) => message,
            _ => format!("All {failed} failed; `results` says why for each."),
        };
    let code = code.map_or(ErrorCode::BATCH_FAILED, ErrorCode::from);
    Err(GraphError::new(code, message).with("results", results).with("succeeded", 0).with("failed", failed).into())
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
