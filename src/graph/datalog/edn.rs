//! Reading EDN, the notation of queries, with the place of every form.
//!
//! Beside EDN itself it reads what people paste from Clojure: a quote in front of a form, and regular expressions as
//! `#"…"`, which stand for `(re-pattern "…")`.

use std::str::Chars;

use super::error::{Position, QueryError, Text};

/// Queries nest a dozen levels in practice. The limit keeps the recursion of everything that walks them short.
const DEEPEST: usize = 64;
/// A query longer than this was not written by anybody.
const LONGEST: usize = 256 * 1024;

/// One thing that was read.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Form {
    pub(super) at: Position,
    pub(super) kind: Kind,
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Without its colon.
    Keyword(String),
    Symbol(String),
    List(Vec<Form>),
    Vector(Vec<Form>),
    Map(Vec<(Form, Form)>),
    Set(Vec<Form>),
}

impl Form {
    /// The symbol this is.
    pub(super) fn symbol(&self) -> Option<&str> {
        if let Kind::Symbol(name) = &self.kind { Some(name) } else { None }
    }

    /// The keyword this is, without its colon.
    pub(super) fn keyword(&self) -> Option<&str> {
        if let Kind::Keyword(name) = &self.kind { Some(name) } else { None }
    }

    /// What is in this vector.
    pub(super) fn vector(&self) -> Option<&[Self]> {
        if let Kind::Vector(forms) = &self.kind { Some(forms) } else { None }
    }

    /// What is in this list.
    pub(super) fn list(&self) -> Option<&[Self]> {
        if let Kind::List(forms) = &self.kind { Some(forms) } else { None }
    }
}

/// Reads a text that holds exactly one form. Brackets that are left over behind it do no harm: many copies of the best
/// known rules have one too many.
pub(super) fn read(source: &str, text: Text) -> Result<Form, QueryError> {
    let start = Position::start(text);
    if source.len() > LONGEST {
        return Err(start.wrong(format!("This is longer than {} KiB", LONGEST / 1024)));
    }
    let mut reader = Reader { rest: source.chars(), at: start };
    let form = reader.form(0)?.ok_or_else(|| start.wrong("There is nothing here but space"))?;
    reader.trivia();
    while matches!(reader.peek(), Some(')' | ']' | '}')) {
        reader.next();
        reader.trivia();
    }
    match reader.form(0)? {
        None => Ok(form),
        Some(extra) => Err(extra.at.wrong("Nothing may follow after the end")),
    }
}

struct Reader<'a> {
    rest: Chars<'a>,
    at: Position,
}

impl Reader<'_> {
    fn peek(&self) -> Option<char> {
        self.rest.clone().next()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.rest.next()?;
        if c == '\n' {
            self.at.line += 1;
            self.at.column = 1;
        } else {
            self.at.column += 1;
        }
        Some(c)
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(c) = self.peek().filter(|c| belongs(*c)) {
            taken.push(c);
            self.next();
        }
        taken
    }

    /// Passes over space, what counts as space, and comments.
    fn trivia(&mut self) {
        loop {
            self.take_while(|c| c.is_whitespace() || c == ',' || c == '\'');
            if self.peek() != Some(';') {
                return;
            }
            self.take_while(|c| c != '\n');
        }
    }

    /// The next form; `None` where the text ends or a bracket closes.
    fn form(&mut self, depth: usize) -> Result<Option<Form>, QueryError> {
        if depth > DEEPEST {
            return Err(self.at.wrong(format!("This nests deeper than {DEEPEST} levels")));
        }
        loop {
            self.trivia();
            let at = self.at;
            let kind = match self.peek() {
                None | Some(')' | ']' | '}') if depth > 0 => return Ok(None),
                None => return Ok(None),
                Some(c @ (')' | ']' | '}')) => return Err(at.wrong(format!("`{c}` closes nothing"))),
                Some('(') => Kind::List(self.forms(')', depth)?),
                Some('[') => Kind::Vector(self.forms(']', depth)?),
                Some('{') => self.map(depth)?,
                Some('"') => Kind::Text(self.text(false)?),
                Some('#') => match self.dispatch(depth)? {
                    Some(kind) => kind,
                    None => continue,
                },
                Some(_) => self.atom()?,
            };
            return Ok(Some(Form { at, kind }));
        }
    }

    /// What stands between two brackets.
    fn forms(&mut self, close: char, depth: usize) -> Result<Vec<Form>, QueryError> {
        let open = self.at;
        self.next();
        let mut forms = Vec::new();
        while let Some(form) = self.form(depth + 1)? {
            forms.push(form);
        }
        match self.peek() {
            Some(c) if c == close => {
                self.next();
                Ok(forms)
            }
            Some(c) => Err(self.at.wrong(format!("`{c}` stands where `{close}` should"))),
            None => Err(open.wrong(format!("The bracket that opens here is never closed; `{close}` is missing"))),
        }
    }

    fn map(&mut self, depth: usize) -> Result<Kind, QueryError> {
        let open = self.at;
        let forms = self.forms('}', depth)?;
        if forms.len() % 2 == 1 {
            return Err(open.wrong("The last key of this map has no value"));
        }
        let mut forms = forms.into_iter();
        Ok(Kind::Map(std::iter::from_fn(|| forms.next().zip(forms.next())).collect()))
    }

    /// What begins with `#`; `None` for a form that is discarded.
    fn dispatch(&mut self, depth: usize) -> Result<Option<Kind>, QueryError> {
        let at = self.at;
        self.next();
        match self.peek() {
            Some('{') => Ok(Some(Kind::Set(self.forms('}', depth)?))),
            Some('_') => {
                self.next();
                self.form(depth + 1)?.ok_or_else(|| at.wrong("There is nothing to discard after `#_`"))?;
                Ok(None)
            }
            Some('"') => {
                let function = Form { at, kind: Kind::Symbol("re-pattern".into()) };
                let pattern = Form { at, kind: Kind::Text(self.text(true)?) };
                Ok(Some(Kind::List(vec![function, pattern])))
            }
            _ => Err(at.wrong("A `#` begins a set `#{…}`, a pattern `#\"…\"` or a discarded form `#_…`")),
        }
    }

    /// A text in quotes. In a pattern the backslash belongs to the pattern.
    fn text(&mut self, pattern: bool) -> Result<String, QueryError> {
        let open = self.at;
        self.next();
        let mut text = String::new();
        loop {
            let at = self.at;
            let unclosed = || open.wrong("The text that begins here is never closed; `\"` is missing");
            match self.next().ok_or_else(unclosed)? {
                '"' => return Ok(text),
                '\\' if pattern => {
                    text.push('\\');
                    text.push(self.next().ok_or_else(unclosed)?);
                }
                '\\' => match self.next().ok_or_else(unclosed)? {
                    c @ ('"' | '\\' | '/') => text.push(c),
                    'n' => text.push('\n'),
                    't' => text.push('\t'),
                    'r' => text.push('\r'),
                    'b' => text.push('\u{8}'),
                    'f' => text.push('\u{c}'),
                    'u' => text.push(self.code_point(at)?),
                    c => return Err(at.wrong(format!("`\\{c}` means nothing in a text; a backslash is `\\\\`"))),
                },
                c => text.push(c),
            }
        }
    }

    /// The four digits after `\u`. Characters beyond them are written as two, as in JSON.
    fn code_point(&mut self, at: Position) -> Result<char, QueryError> {
        let wrong = || at.wrong("`\\u` is followed by four hexadecimal digits of a character");
        let unit = |reader: &mut Self| -> Result<u32, QueryError> {
            let digits: String = (0..4).filter_map(|_| reader.next()).collect();
            let all = digits.len() == 4 && digits.bytes().all(|digit| digit.is_ascii_hexdigit());
            if all { u32::from_str_radix(&digits, 16).map_err(|_| wrong()) } else { Err(wrong()) }
        };
        let first = unit(self)?;
        if !(0xd800..0xdc00).contains(&first) {
            return char::from_u32(first).ok_or_else(wrong);
        }
        if (self.next(), self.next()) != (Some('\\'), Some('u')) {
            return Err(wrong());
        }
        let second = unit(self)?;
        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400).ok_or_else(wrong)?;
        char::from_u32(0x10000 + ((first - 0xd800) << 10) + low).ok_or_else(wrong)
    }

    /// A word: a number, a keyword, a symbol, or one of `nil`, `true` and `false`.
    fn atom(&mut self) -> Result<Kind, QueryError> {
        let at = self.at;
        let word = self.take_while(|c| !c.is_whitespace() && !",()[]{}\";".contains(c));
        let digits = word.strip_prefix(['+', '-']).unwrap_or(&word);
        if digits.starts_with(|c: char| c.is_ascii_digit()) {
            return number(&word).ok_or_else(|| at.wrong(format!("`{word}` is not a number")));
        }
        match word.as_str() {
            "nil" => Ok(Kind::Nil),
            "true" => Ok(Kind::Bool(true)),
            "false" => Ok(Kind::Bool(false)),
            _ => match word.strip_prefix(':') {
                Some("") => Err(at.wrong("A keyword has a name after its colon")),
                Some(name) => Ok(Kind::Keyword(name.to_owned())),
                None if word.starts_with(['\\', '@', '^', '`', '~']) => {
                    Err(at.wrong(format!("`{word}` is not part of a query")))
                }
                None => Ok(Kind::Symbol(word)),
            },
        }
    }
}

/// Whole numbers may end in `N` and fractions in `M`, as in Clojure.
fn number(word: &str) -> Option<Kind> {
    if let Ok(whole) = word.strip_suffix('N').unwrap_or(word).parse() {
        return Some(Kind::Int(whole));
    }
    let word = word.strip_suffix('M').unwrap_or(word);
    let plain = word.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    word.parse::<f64>().ok().filter(|number| plain && number.is_finite()).map(Kind::Float)
}
