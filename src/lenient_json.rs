//! JSON of programs that are not strict about it.
//!
//! JavaScript writes half an emoji, as a string has it that was cut, as the escape of a lone surrogate; others put a mark
//! before the text, or bytes in it that are no UTF-8. An answer is not to be lost over a character: what cannot be read
//! becomes U+FFFD.

use std::borrow::Cow;

use serde::Deserialize as _;
use serde_json::{Deserializer, Value};

/// The most lists and objects within each other. An outline takes two for each of its levels; each takes some stack.
const DEEPEST: usize = 512;
/// What some programs on Windows begin a text with.
const MARK: &[u8] = b"\xEF\xBB\xBF";
/// What stands for a character that is none.
const REPLACEMENT: &str = r"\ufffd";

/// Reads a value. What is JSON is read as it is, and only what is not is mended first.
///
/// # Errors
/// When it cannot be mended, with what is wrong with the original.
pub fn parse(json: &[u8]) -> serde_json::Result<Value> {
    serde_json::from_slice(json).or_else(|error| {
        let text = mended(json);
        if depth(&text) > DEEPEST {
            return Err(error);
        }
        let mut reader = Deserializer::from_str(&text);
        reader.disable_recursion_limit();
        let value = Value::deserialize(&mut reader).and_then(|value| reader.end().map(|()| value));
        value.map_err(|_| error)
    })
}

/// The same text in UTF-8, without a mark before it, and with escapes that stand for characters.
pub fn mended(json: &[u8]) -> Cow<'_, str> {
    let mut text = String::from_utf8_lossy(json.strip_prefix(MARK).unwrap_or(json));
    let mut from = 0;
    while let Some(next) = text.as_bytes().get(from..).and_then(|rest| memchr::memchr(b'\\', rest)) {
        let at = from + next;
        let escapes = &text.as_bytes()[at..];
        from = at
            + match (unit(escapes), escapes.get(6..).and_then(unit)) {
                (Some(0xd800..0xdc00), Some(0xdc00..0xe000)) => 12,
                (Some(0xd800..0xe000), _) => {
                    text.to_mut().replace_range(at..at + 6, REPLACEMENT);
                    6
                }
                (Some(_), _) => 6,
                // The backslash, and what it makes special: another backslash begins nothing.
                (None, _) => 2,
            };
    }
    text
}

/// The UTF-16 code unit that the text begins with, if it begins with an escape of one.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(br"\u")?.get(..4)?;
    // A sign is no digit, though the parser of numbers takes it.
    digits.iter().all(u8::is_ascii_hexdigit).then_some(())?;
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// How many lists and objects are open where most are.
fn depth(json: &str) -> usize {
    let (mut open, mut deepest, mut in_string, mut escaped) = (0_usize, 0, false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = in_string,
            b'"' => in_string = !in_string,
            b'[' | b'{' if !in_string => {
                open += 1;
                deepest = deepest.max(open);
            }
            b']' | b'}' if !in_string => open = open.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn half_an_emoji_costs_a_character_and_a_whole_one_nothing() {
        for (text, read) in [
            (r#""cut \ud83d""#, "cut \u{fffd}"),
            (r#""\uD83D\uDE00 \ude00x""#, "\u{1f600} \u{fffd}x"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ud83d\n\\ud83d \\\ud83d""#, "\u{fffd}\n\\ud83d \\\u{fffd}"),
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), read, "{text}");
        }
    }

    #[test]
    fn a_mark_before_the_text_and_bytes_that_are_no_text_do_no_harm() {
        assert_eq!(parse(b"\xef\xbb\xbf{\"a\": 1}").unwrap(), json!({"a": 1}));
        assert_eq!(parse(b"\"caf\xe9\"").unwrap(), "caf\u{fffd}");
    }

    #[test]
    fn a_deep_outline_is_read_and_a_bottomless_one_is_not() {
        let nested = |levels: usize| [r#"{"a":["#.repeat(levels), "]}".repeat(levels)].concat();
        assert!(parse(nested(DEEPEST / 2).as_bytes()).is_ok());
        assert!(parse(nested(DEEPEST / 2 + 1).as_bytes()).is_err());
        assert!(parse("[".repeat(1_000_000).as_bytes()).is_err());
        let brackets = json!({"\\": "[".repeat(1000)}).to_string();
        assert_eq!(depth(&brackets), 1, "a bracket in a string opens nothing");
    }

    #[test]
    fn what_is_no_json_stays_none() {
        for text in ["", "{", "\\", "\\u", "\\ud8", "\"\\u12\"", "\"\\u+123\"", "{} {}", "\"\\", "\u{feff}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn mending_changes_nothing_that_is_right(text in "\\PC{0,40}") {
            let written = json!({"text": text, "deep": [[text]]}).to_string();
            let mended = mended(written.as_bytes());
            prop_assert!(matches!(&mended, Cow::Borrowed(same) if *same == written), "{mended}");
        }

        #[test]
        fn no_bytes_can_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[\\\\ud83e0\"x]{0,40}") {
            let _ = (parse(&bytes), parse(text.as_bytes()));
        }
    }
}
