//! For a version of Roam that only knows the action for one block: the same report, out of one call for each.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::super::{Call, Failure};
use super::{Batch, is_unknown, line, quoted};
use crate::graph::{Action, ErrorCode, GraphError};

/// The pairs of a block of some and a block above it of the same ones.
const ABOVE: &str = "[:find ?below ?above :in $ [?below ...] [?above ...] :where [?b :block/uid ?below] \
                     [?b :block/parents ?a] [?a :block/uid ?above]]";

/// Does them in order. `unknown` is what to say if Roam does not know that action either.
pub(super) async fn run(batch: &Batch, call: &Call, unknown: Failure) -> Result<Vec<Map<String, Value>>, Failure> {
    let above = if batch.deletes() { above(batch, call).await } else { HashSet::new() };
    let mut results: Vec<Map<String, Value>> = Vec::with_capacity(batch.items.len());
    let (mut deleted, mut stopped) = (Vec::<&str>::new(), false);
    for item in &batch.items {
        let result = |ok: bool, more: Value| line(&item.uid.as_str().into(), &ok.into(), more);
        // What has gone with the block above it, or was listed before, is as it should be.
        let gone =
            deleted.iter().find(|gone| **gone == item.uid || above.contains(&(item.uid.clone(), (**gone).into())));
        if let Some(gone) = gone {
            let with =
                if *gone == item.uid { String::new() } else { format!(" with {}, which it was below", quoted(gone)) };
            results.push(result(true, json!({ "note": format!("It was deleted earlier in this call{with}.") })));
            continue;
        }
        if stopped {
            let message = "Not tried, because the block before it failed.";
            results.push(result(false, told(&GraphError::new(ErrorCode::NOT_TRIED, message).into())));
            continue;
        }
        results.push(match call.ask(batch.single, json!({ "block": item.block })).await {
            Ok(answer) if answer["deleted"] == Value::Bool(false) => {
                result(false, json!({ "deleted": false, "reason": answer["reason"] }))
            }
            Ok(answer) => {
                if batch.deletes() {
                    deleted.push(&item.uid);
                }
                result(true, answer)
            }
            Err(failure) if results.is_empty() && is_unknown(&failure) => return Err(unknown),
            Err(failure) => {
                // A block that cannot be changed says nothing about the next one; a lost connection does.
                stopped = !is_about_the_block(&failure);
                result(false, told(&failure))
            }
        });
    }
    Ok(results)
}

/// Which of the blocks lie below which others of them, asked before any is gone. Without an answer none do.
async fn above(batch: &Batch, call: &Call) -> HashSet<(String, String)> {
    let uids: Vec<&str> = batch.items.iter().map(|item| item.uid.as_str()).collect();
    if uids.len() < 2 {
        return HashSet::new();
    }
    let answer = call.invoke(Action::Query, vec![ABOVE.into(), json!(uids), json!(uids)]).await;
    answer.ok().and_then(|pairs| serde_json::from_value(pairs).ok()).unwrap_or_default()
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
