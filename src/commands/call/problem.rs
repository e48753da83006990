//! What went wrong, as a person reads it: the sentence, and the facts that stand beside it.

use serde_json::Value;

use super::shown::{plain, table};

/// The sentence with its code, and below it what else the tool says.
pub(super) fn told(answer: &Value) -> String {
    let Some(error) = answer["error"].as_object() else { return plain(answer) };
    let message = error.get("message").map(plain).unwrap_or_default();
    let mut lines = vec![match error.get("code").and_then(Value::as_str) {
        Some(code) => format!("{message} ({code})"),
        None => message,
    }];
    for (key, fact) in error {
        match (key.as_str(), fact) {
            ("code" | "message", _) => {}
            ("available_graphs", Value::Array(graphs)) => lines.push(graphs_there_are(graphs)),
            // It is in the words of the protocol; the graphs come with advice of their own.
            ("instruction", _) if error.contains_key("available_graphs") => {}
            ("instruction" | "warning", text) => lines.push(plain(text)),
            ("results", Value::Array(results)) => lines.extend(results.iter().map(result)),
            (key, fact) => lines.push(format!("  {key}: {}", plain(fact))),
        }
    }
    lines.join("\n")
}

fn graphs_there_are(graphs: &[Value]) -> String {
    match graphs {
        [] => "There are no graphs to choose from.".to_owned(),
        [Value::String(_), ..] => format!("There are: {}", graphs.iter().map(plain).collect::<Vec<_>>().join(", ")),
        _ => format!("{}\nSay which one with `--graph NICKNAME` after the tool.", table(graphs)),
    }
}

/// What became of one block of several.
pub(super) fn result(result: &Value) -> String {
    let text = |key: &str| result[key].as_str();
    let outcome = match (result["ok"] == true, text("code"), result["deleted"] == false) {
        (true, _, _) => "done",
        (false, Some(code), _) => code,
        (false, None, true) => "NOT_FOUND",
        (false, None, false) => "failed",
    };
    let more = text("message").or_else(|| text("reason")).or_else(|| text("note"));
    let more = more.map(|more| format!(": {more}")).unwrap_or_default();
    format!("  {}  {outcome}{more}", plain(&result["uid"]))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::told;

    #[test]
    fn an_error_is_told_in_a_sentence_with_what_helps_below_it() {
        let choose = json!({ "error": {
            "code": "GRAPH_NOT_SELECTED",
            "message": "There are several graphs; say which one.",
            "available_graphs": [
                { "nickname": "work", "name": "Work-Notes", "accessLevel": "full" },
                { "nickname": "home", "name": "garden", "accessLevel": "read-only", "lastKnownTokenStatus": "revoked" },
            ],
            "instruction": "Call again with `graph` set to …",
        } });
        assert_eq!(
            told(&choose),
            "There are several graphs; say which one. (GRAPH_NOT_SELECTED)\n\
             \x20 work  Work-Notes  full\n\
             \x20 home  garden      read-only  revoked\n\
             Say which one with `--graph NICKNAME` after the tool."
        );
        let batch = json!({ "error": { "code": "BATCH_FAILED", "message": "All 2 failed.", "results": [
            { "uid": "a", "ok": false, "code": "INTERNAL_ERROR", "message": "boom" },
            { "uid": "b", "ok": false, "deleted": false },
        ], "failed": 2 } });
        assert_eq!(
            told(&batch),
            "All 2 failed. (BATCH_FAILED)\n  a  INTERNAL_ERROR: boom\n  b  NOT_FOUND\n  failed: 2"
        );
        assert_eq!(told(&json!({ "error": { "message": "odd", "warning": "revoked" } })), "odd\nrevoked");
    }
}
