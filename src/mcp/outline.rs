//! A JSON text seen from afar: how deep it goes, how many values it has, and its outermost level.

use serde_json::{Map, Value};

/// The most that is kept of the outermost level. A request has a dozen words there.
const KEPT: usize = 4096;

/// What is known of a JSON text. It is looked at piece by piece, so that one that is too long need not be held.
#[derive(Default)]
pub(super) struct Outline {
    depth: usize,
    deepest: usize,
    parts: usize,
    in_string: bool,
    escaped: bool,
    /// The text without the insides of what it contains.
    outermost: Vec<u8>,
}

/// The outermost fields of a message, by which JSON-RPC tells one kind from another.
pub(super) struct Envelope(Map<String, Value>);

impl Outline {
    pub(super) fn of(json: &[u8]) -> Self {
        let mut outline = Self::default();
        outline.add(json);
        outline
    }

    pub(super) fn add(&mut self, json: &[u8]) {
        for &byte in json {
            let before = self.depth;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'[' | b'{' => {
                    self.depth += 1;
                    self.parts += 1;
                }
                b',' => self.parts += 1,
                b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                _ => {}
            }
            self.deepest = self.deepest.max(self.depth);
            if before.min(self.depth) <= 1 && self.outermost.len() < KEPT {
                self.outermost.push(byte);
            }
        }
    }

    /// How deep the deepest bracket is, if the text is JSON. Those inside strings do not count.
    pub(super) fn deepest(&self) -> usize {
        self.deepest
    }

    /// How many lists, objects and members there are, or a few more: what the text takes when it is held as values.
    pub(super) fn parts(&self) -> usize {
        self.parts
    }

    /// The message, as far as it can be told which one it is.
    pub(super) fn envelope(&self) -> Envelope {
        Envelope(serde_json::from_slice(&self.outermost).unwrap_or_default())
    }
}

impl Envelope {
    /// Whether whoever sent this waits for an answer, as far as can be told.
    pub(super) fn is_answered(&self) -> bool {
        let has = |field| self.0.contains_key(field);
        let is_notification = has("method") && !has("id");
        let is_answer = !has("method") && (has("result") || has("error"));
        !is_notification && !is_answer
    }

    /// The id to answer with: null where none can be told.
    pub(super) fn into_id(mut self) -> Value {
        self.0.remove("id").filter(|id| id.is_string() || id.is_number()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn id(json: &str) -> Value {
        // Piece by piece, as it comes.
        let mut outline = Outline::default();
        json.as_bytes().chunks(3).for_each(|piece| outline.add(piece));
        outline.envelope().into_id()
    }

    #[test]
    fn the_id_is_found_wherever_it_stands_and_nowhere_else() {
        let long = "x".repeat(10_000);
        for (json, expected) in [
            (r#"{"id": 5, "method": "a"}"#.to_owned(), json!(5)),
            (format!(r#"{{"method":"a","params":{{"id":1,"text":"{long}\"}}"}},"id":"b"}}"#), json!("b")),
            (r#"{"params": {"a": oops, [}, "id": 7}"#.to_owned(), Value::Null),
            (r#"{"params": {"a": oops}, "id": 7}"#.to_owned(), json!(7)),
            (format!(r#"{{"id":7,"a":{}1{}}}"#, "[".repeat(9000), "]".repeat(9000)), json!(7)),
            (r#"{"id": null}"#.to_owned(), Value::Null),
            (r#"{"id": [1]}"#.to_owned(), Value::Null),
            (r#"[{"id": 1}]"#.to_owned(), Value::Null),
            (format!(r#"{{"method":"{long}","id":1}}"#), Value::Null),
            ("garbage".to_owned(), Value::Null),
        ] {
            assert_eq!(id(&json), expected, "{json:.80}");
        }
    }

    #[test]
    fn notifications_and_answers_are_not_answered() {
        for (json, answered) in [
            (r#"{"id": 1, "method": "a"}"#, true),
            (r#"{"id": null, "method": "a"}"#, true),
            (r#"{"method": "a"}"#, false),
            (r#"{"id": 1, "result": {}}"#, false),
            (r#"{"id": null, "error": {}}"#, false),
            ("{}", true),
            ("garbage", true),
        ] {
            assert_eq!(Outline::of(json.as_bytes()).envelope().is_answered(), answered, "{json}");
        }
    }

    #[test]
    fn brackets_and_commas_in_strings_are_text() {
        for (json, deepest, parts) in
            [("1", 0, 0), ("[[],[[]]]", 3, 5), ("[1,2,3]", 1, 3), (r#"{"a\"[[,": "\\\"[[[,"}"#, 1, 1)]
        {
            let outline = Outline::of(json.as_bytes());
            assert_eq!((outline.deepest(), outline.parts()), (deepest, parts), "{json}");
        }
    }
}
