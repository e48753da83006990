//! EDN, the notation of Roam's database, read piece by piece (github.com/edn-format/edn).

use std::io::BufRead;

use serde_json::{Number, Value};

use super::load::Problem;

/// Settings nest a few levels.
const DEEPEST: usize = 64;
/// A block is a few lines; a file attached to one is a link.
const LONGEST: usize = 64 << 20;

/// A reader of EDN that knows where it is.
pub(super) struct Edn<R> {
    text: R,
    line: usize,
    column: usize,
    /// Whether the opening brace that comes next begins a set.
    set: bool,
}

impl<R: BufRead> Edn<R> {
    pub(super) fn new(text: R) -> Self {
        Self { text, line: 1, column: 1, set: false }
    }

    /// Line and column of what comes next, counted from 1.
    pub(super) fn place(&self) -> (usize, usize) {
        (self.line, self.column)
    }

    /// Takes an opening sign.
    pub(super) fn open(&mut self, sign: u8) -> Result<(), Problem> {
        match self.start()? {
            Some(found) if found == sign => self.take(),
            _ => Err(trouble(format!("there should be `{}`", char::from(sign)))),
        }
    }

    /// Takes a closing sign if it is next.
    pub(super) fn closes(&mut self, sign: u8) -> Result<bool, Problem> {
        let closes = self.start()? == Some(sign);
        if closes {
            self.take()?;
        }
        Ok(closes)
    }

    /// Nothing may follow any more.
    pub(super) fn end(&mut self) -> Result<(), Problem> {
        if self.start()?.is_some() { Err(trouble("the file goes on after its end")) } else { Ok(()) }
    }

    /// Takes a value. Keywords become strings with their colon, and collections arrays or objects.
    pub(super) fn value(&mut self) -> Result<Value, Problem> {
        self.nested(0)
    }

    fn nested(&mut self, depth: usize) -> Result<Value, Problem> {
        if depth > DEEPEST {
            return Err(trouble("a value nests too deep"));
        }
        match self.start()? {
            None => Err(trouble("the file ends in the middle; was it copied whole?")),
            Some(b'"') => self.string().map(Value::String),
            Some(b'[') => self.list(b']', depth),
            Some(b'#') => self.list(b'}', depth),
            Some(b'(') => self.list(b')', depth),
            Some(b'{') => self.map(depth),
            Some(b'\\') => {
                self.take()?;
                // Also `\(` and the like, which no other atom begins with.
                let first = self.peek()?.map(|sign| char::from(sign).to_string()).unwrap_or_default();
                self.take()?;
                Ok(Value::String(first + &self.atom()?))
            }
            Some(sign) if b"])}".contains(&sign) => Err(trouble(format!("`{}` closes nothing", char::from(sign)))),
            Some(_) => {
                let atom = self.atom()?;
                Ok(match &*atom {
                    "nil" => Value::Null,
                    "true" => Value::Bool(true),
                    "false" => Value::Bool(false),
                    _ => number(&atom).map_or(Value::String(atom), Value::Number),
                })
            }
        }
    }

    fn list(&mut self, end: u8, depth: usize) -> Result<Value, Problem> {
        self.take()?;
        let mut list = Vec::new();
        while !self.closes(end)? {
            list.push(self.nested(depth + 1)?);
        }
        Ok(Value::Array(list))
    }

    fn map(&mut self, depth: usize) -> Result<Value, Problem> {
        self.take()?;
        let mut map = serde_json::Map::new();
        while !self.closes(b'}')? {
            let key = match self.nested(depth + 1)? {
                Value::String(key) => key,
                other => other.to_string(),
            };
            map.insert(key, self.nested(depth + 1)?);
        }
        Ok(Value::Object(map))
    }

    fn string(&mut self) -> Result<String, Problem> {
        self.take()?;
        let mut bytes = Vec::new();
        loop {
            self.run(&mut bytes, |byte| matches!(byte, b'"' | b'\\'))?;
            if bytes.len() > LONGEST {
                return Err(trouble("a string does not end"));
            }
            let Some(byte) = self.peek()? else { return Err(trouble("a string does not end")) };
            self.take()?;
            if byte == b'"' {
                return String::from_utf8(bytes).map_err(|_| trouble("a string is no UTF-8"));
            }
            self.escape(&mut bytes)?;
        }
    }

    fn escape(&mut self, bytes: &mut Vec<u8>) -> Result<(), Problem> {
        let sign = self.peek()?;
        self.take()?;
        let plain = match sign {
            Some(b'n') => '\n',
            Some(b't') => '\t',
            Some(b'r') => '\r',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'u') => return self.unicode(bytes),
            Some(sign @ (b'"' | b'\\' | b'/')) => char::from(sign),
            _ => return Err(trouble("a string has an unknown escape")),
        };
        push(bytes, plain);
        Ok(())
    }

    /// `\u0000`, or two of them for a letter beyond the first 65,536. Half of two stands for no letter.
    fn unicode(&mut self, bytes: &mut Vec<u8>) -> Result<(), Problem> {
        let mut unit = self.unit()?;
        while (0xd800..0xdc00).contains(&unit) {
            if self.peek()? != Some(b'\\') {
                break;
            }
            self.take()?;
            if self.peek()? != Some(b'u') {
                push(bytes, char::REPLACEMENT_CHARACTER);
                return self.escape(bytes);
            }
            self.take()?;
            let next = self.unit()?;
            if let Some(Ok(letter)) = char::decode_utf16([unit, next]).next() {
                push(bytes, letter);
                return Ok(());
            }
            push(bytes, char::REPLACEMENT_CHARACTER);
            unit = next;
        }
        push(bytes, char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER));
        Ok(())
    }

    fn unit(&mut self) -> Result<u16, Problem> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek()?.and_then(|sign| char::from(sign).to_digit(16));
            unit = unit << 4 | digit.ok_or_else(|| trouble("`\\u` needs four digits"))? as u16;
            self.take()?;
        }
        Ok(unit)
    }

    /// A number, a word or a keyword.
    fn atom(&mut self) -> Result<String, Problem> {
        let mut bytes = Vec::new();
        self.run(&mut bytes, |byte| is_blank(byte) || b"\"[](){};".contains(&byte))?;
        String::from_utf8(bytes).map_err(|_| trouble("a word is no UTF-8"))
    }

    /// Takes bytes up to one that ends them, or more than the longest text has.
    fn run(&mut self, into: &mut Vec<u8>, ends: impl Fn(u8) -> bool) -> Result<(), Problem> {
        while into.len() <= LONGEST {
            let (line, before) = self.place();
            let ready = self.ready()?;
            let length = ready.iter().position(|byte| ends(*byte)).unwrap_or(ready.len());
            if length == 0 {
                return Ok(());
            }
            let taken = &ready[..length];
            into.extend_from_slice(taken);
            // The bytes of a letter after its first are no columns.
            let columns = |bytes: &[u8]| bytes.iter().filter(|byte| **byte & 0xc0 != 0x80).count();
            let (lines, column) = match memchr::memrchr(b'\n', taken) {
                Some(last) => (memchr::memchr_iter(b'\n', taken).count(), 1 + columns(&taken[last + 1..])),
                None => (0, before + columns(taken)),
            };
            (self.line, self.column) = (line + lines, column);
            self.text.consume(length);
        }
        Ok(())
    }

    /// The first sign of what comes next: blanks, comments and tags are passed over. `#` stands for a set, whose
    /// opening brace comes then.
    fn start(&mut self) -> Result<Option<u8>, Problem> {
        loop {
            match self.peek()? {
                Some(_) if self.set => return Ok(Some(b'#')),
                Some(byte) if is_blank(byte) => self.take()?,
                Some(b';') => {
                    while self.peek()?.is_some_and(|byte| byte != b'\n') {
                        self.take()?;
                    }
                }
                Some(b'#') => {
                    self.take()?;
                    self.set = self.peek()? == Some(b'{');
                    if self.set {
                        return Ok(Some(b'#'));
                    }
                    self.atom()?;
                }
                other => return Ok(other),
            }
        }
    }

    fn ready(&mut self) -> Result<&[u8], Problem> {
        self.text.fill_buf().map_err(|error| trouble(format!("the file cannot be read on: {error}")))
    }

    fn peek(&mut self) -> Result<Option<u8>, Problem> {
        Ok(self.ready()?.first().copied())
    }

    fn take(&mut self) -> Result<(), Problem> {
        let Some(byte) = self.peek()? else { return Ok(()) };
        if byte == b'\n' {
            (self.line, self.column) = (self.line + 1, 1);
        } else if byte & 0xc0 != 0x80 {
            // The bytes of a letter after its first are no columns.
            self.column += 1;
        }
        self.set = false;
        self.text.consume(1);
        Ok(())
    }
}

fn push(bytes: &mut Vec<u8>, letter: char) {
    bytes.extend(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == b','
}

fn number(atom: &str) -> Option<Number> {
    let digits = atom.strip_suffix(['N', 'M']).unwrap_or(atom);
    if !digits.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.')) {
        return None;
    }
    digits.parse::<i64>().map(Number::from).ok().or_else(|| Number::from_f64(digits.parse().ok()?))
}

pub(super) fn trouble(problem: impl Into<String>) -> Problem {
    Problem::Export(problem.into())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_of_value_is_read() {
        let table = [
            (r#""a \"b\" \\ \n \u00e9 \ud83c\udf31 é""#, json!("a \"b\" \\ \n é 🌱 é")),
            (":block/uid", json!(":block/uid")),
            ("-12", json!(-12)),
            ("1.5e3", json!(1500.0)),
            (r#""\ud83d\n\ud83d\u0041 \ud83d\ud83c\udf31 \udf31""#, json!("\u{fffd}\n\u{fffd}A \u{fffd}🌱 \u{fffd}")),
            ("[1 nil, true ; note\n false]", json!([1, null, true, false])),
            ("{:a {1 (2)} \"b\" []}", json!({ ":a": { "1": [2] }, "b": [] })),
            ("#inst \"2026-01-01\"", json!("2026-01-01")),
            ("#{1 #{}}", json!([1, []])),
            ("\\c", json!("c")),
            ("word/x", json!("word/x")),
        ];
        for (text, expected) in table {
            let mut edn = Edn::new(text.as_bytes());
            assert_eq!(edn.value().ok(), Some(expected), "{text}");
            assert!(edn.end().is_ok(), "{text}");
        }
    }

    #[test]
    fn trouble_has_a_place_and_never_an_end_of_memory() {
        for (text, place) in
            [("[1\n 2", (2, 3)), ("\"a\nb", (2, 2)), ("[}", (1, 2)), ("\"\\x\"", (1, 4)), ("", (1, 1)), ("\\", (1, 2))]
        {
            let mut edn = Edn::new(text.as_bytes());
            let failed = edn.value().is_err() || text == "\\";
            assert!(failed && edn.place() == place, "{text}: {:?}", edn.place());
        }
        let deep = "[".repeat(100_000);
        assert!(Edn::new(deep.as_bytes()).value().is_err());
        assert!(Edn::new(&b"\"\xff\""[..]).value().is_err());
    }
}
