//! What an answer of the Local API says: a result, a refusal, or nothing that makes sense.

use hyper::StatusCode;
use serde_json::{Map, Value};

use super::connection::Answer;
use crate::lenient_json;

/// The most characters of Roam's own words that are passed on. Errors of extension tools are long and meant to be read.
const MESSAGE: usize = 4000;
/// The most characters that are shown of a body that is no envelope.
const EXCERPT: usize = 120;

/// An answer, read.
#[derive(Debug)]
pub(super) enum Reading {
    /// It was done.
    Result(Map<String, Value>),
    /// It was refused, or it failed.
    Refusal(Refusal),
    /// It is no envelope. The text shows how it begins.
    Garbled { status: StatusCode, excerpt: String },
}

/// A refusal as it stands on the wire.
#[derive(Debug, Default)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    /// Whether the error was a string, as old builds write it, and not an object.
    pub(super) bare: bool,
    pub(super) api_version: Option<String>,
}

/// Reads an answer. Whatever the body is, this returns.
pub(super) fn read(answer: &Answer) -> Reading {
    let garbled = || Reading::Garbled { status: answer.status, excerpt: excerpt(&answer.body) };
    let Ok(Value::Object(mut envelope)) = lenient_json::parse(&answer.body) else { return garbled() };
    let success = envelope.get("success").and_then(Value::as_bool);
    if answer.status.is_success() && success == Some(true) {
        envelope.shift_remove("success");
        return Reading::Result(envelope);
    }
    let error = envelope.get("error");
    if success.is_none() && error.is_none() {
        return garbled();
    }
    let text = |value: &Value| value.as_str().map(|text| shorten(text, MESSAGE));
    let field = |key| error.and_then(|error| error.get(key)).and_then(text).filter(|text| !text.is_empty());
    Reading::Refusal(Refusal {
        status: answer.status.as_u16(),
        code: field("code"),
        message: field("message").or_else(|| error.and_then(text)).filter(|text| !text.is_empty()),
        bare: error.is_some_and(Value::is_string),
        api_version: envelope.get("apiVersion").and_then(text),
    })
}

fn excerpt(body: &[u8]) -> String {
    // Four bytes are the most that a character takes.
    let begin = String::from_utf8_lossy(&body[..body.len().min(4 * EXCERPT)]);
    let printable: String = begin.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    shorten(printable.trim(), EXCERPT)
}

fn shorten(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn reading(status: u16, body: impl Into<Bytes>) -> Reading {
        read(&Answer { status: StatusCode::from_u16(status).unwrap(), body: body.into() })
    }

    #[test]
    fn a_result_may_be_anything_or_missing() {
        for result in [json!({"uid": "a"}), json!([]), json!(null), json!(1)] {
            let body = json!({"success": true, "result": result, "apiVersion": "1.1.5"}).to_string();
            let Reading::Result(envelope) = reading(200, body) else { panic!("{result}") };
            assert_eq!(envelope["result"], result);
        }
        assert!(matches!(reading(200, r#"{"success": true}"#), Reading::Result(_)));
    }

    #[test]
    fn a_character_that_is_none_does_not_cost_the_answer() {
        let body = b"\xef\xbb\xbf{\"success\": true, \"result\": \"cut \\ud83d, caf\xe9\"}";
        let Reading::Result(envelope) = reading(200, &body[..]) else { panic!("not read") };
        assert_eq!(envelope["result"], "cut \u{fffd}, caf\u{fffd}");
    }

    #[test]
    fn an_error_may_be_an_object_or_a_string_and_may_lack_everything() {
        let refusal = |status, body: Value| match reading(status, body.to_string()) {
            Reading::Refusal(refusal) => (refusal.code, refusal.message, refusal.bare),
            other => panic!("{other:?}"),
        };
        let said = |text: &str| Some(text.to_owned());
        let object = json!({"success": false, "error": {"code": "A", "message": "b"}});
        assert_eq!(refusal(500, object), (said("A"), said("b"), false));
        assert_eq!(refusal(403, json!({"success": false, "error": "off"})), (None, said("off"), true));
        assert_eq!(refusal(403, json!({"error": "off"})), (None, said("off"), true));
        assert_eq!(refusal(401, json!({"success": false})), (None, None, false));
        assert_eq!(refusal(200, json!({"success": false, "error": {"code": 7}})), (None, None, false));
        assert_eq!(refusal(500, json!({"success": true})), (None, None, false));
    }

    #[test]
    fn what_is_no_envelope_is_shown_in_part() {
        for (body, shown) in [("", ""), ("<html>\u{7}no", "<html> no"), ("[1]", "[1]"), ("{}", "{}")] {
            let Reading::Garbled { excerpt, .. } = reading(502, body) else { panic!("{body}") };
            assert_eq!(excerpt, shown);
        }
        let Reading::Garbled { excerpt, .. } = reading(200, "é".repeat(10_000)) else { panic!("not garbled") };
        assert_eq!(excerpt.chars().count(), EXCERPT + 1);
        assert!(matches!(reading(200, "[".repeat(1_000_000)), Reading::Garbled { .. }), "deep nesting is not followed");
    }

    fn json_value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            "\\PC{0,12}".prop_map(Value::from),
        ];
        let key = prop_oneof![
            prop::sample::select(vec!["success", "error", "result", "code", "message", "apiVersion", "results", "uid"])
                .prop_map(str::to_owned),
            "\\PC{0,6}",
        ];
        leaf.prop_recursive(4, 32, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::vec((key.clone(), inner), 0..5).prop_map(|pairs| pairs.into_iter().collect()),
            ]
        })
    }

    proptest! {
        #[test]
        fn no_json_and_no_bytes_can_make_it_panic(
            status in 100_u16..1000,
            value in json_value(),
            bytes in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            reading(status, value.to_string());
            reading(status, bytes);
        }
    }
}
