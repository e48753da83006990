//! Roam's query language: `{and: [[a]] {or: [[b]] ((c))} {not: [[d]]}}`.

use crate::graph::embedded::failure::{Failure, invalid};

/// A query nests a few levels; what goes on without end is no query.
const DEEPEST: usize = 32;

/// Each condition may hold as many blocks as the graph has.
const MOST_CONDITIONS: usize = 100;

/// A condition on a block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Condition {
    And(Vec<Condition>),
    Or(Vec<Condition>),
    Not(Vec<Condition>),
    /// Refers to a page, or is on it.
    Page(String),
    /// Refers to a block, or is below it.
    Block(String),
    /// Refers to a daily note between two days, or is on one.
    Between(String, String),
    /// Has these words.
    Search(String),
    CreatedBy(String),
    EditedBy(String),
    By(String),
}

/// The query in the text of a block: `{{[[query]]: {…}}}`, or with a title before the braces, or a link alone.
pub(super) fn in_block(text: &str) -> Option<&str> {
    let start = ["[[query]]:", "query:"].iter().find_map(|name| text.find(name).map(|at| at + name.len()))?;
    let rest = text[start..].trim_start();
    let quoted = rest.strip_prefix('"').and_then(|title| title.split_once('"'));
    let rest = quoted.map_or(rest, |(_, after)| after);
    match braces(rest).next()? {
        (from, '{') => Some(&rest[from..from + matching(&rest[from..])?]),
        (end, _) => Some(rest[..end].trim()),
    }
}

/// Reads a query.
pub(super) fn condition(text: &str) -> Result<Condition, Failure> {
    let text = text.trim();
    // A whole block may be pasted.
    let inner = if text.starts_with("{{") { in_block(text).unwrap_or(text) } else { text };
    let mut reader = Reader { text: inner, at: 0, conditions: 0 };
    let condition = reader.condition(0)?;
    reader.space();
    if reader.at < inner.len() {
        return Err(reader.trouble("the query should end"));
    }
    Ok(condition)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    conditions: usize,
}

impl<'a> Reader<'a> {
    fn condition(&mut self, depth: usize) -> Result<Condition, Failure> {
        if depth > DEEPEST {
            return Err(self.trouble("the query nests too deep"));
        }
        self.conditions += 1;
        if self.conditions > MOST_CONDITIONS {
            return Err(self.trouble(&format!("a query has at most {MOST_CONDITIONS} conditions")));
        }
        self.space();
        let rest = self.rest();
        if let Some(tag) = rest.strip_prefix('#').filter(|tag| !tag.starts_with("[[")) {
            let name = tag.split(|c: char| c.is_whitespace() || c == '}' || c == '{').next().unwrap_or_default();
            self.at += 1 + name.len();
            return Ok(Condition::Page(name.to_owned()));
        }
        if rest.starts_with("[[") || rest.starts_with("#[[") {
            return self.page().map(Condition::Page);
        }
        if let Some(uid) = rest.strip_prefix("((") {
            let end = uid.find("))").ok_or_else(|| self.trouble("`((` has no `))`"))?;
            self.at += end + 4;
            return Ok(Condition::Block(uid[..end].to_owned()));
        }
        if !rest.starts_with('{') {
            return Err(self.trouble("there should be `[[page]]`, `((uid))` or `{and: …}`"));
        }
        self.at += 1;
        self.space();
        let name =
            self.rest().split(|c: char| !c.is_ascii_alphabetic() && c != '-').next().unwrap_or_default().to_owned();
        let start = self.at;
        self.at += name.len();
        self.space();
        if !self.rest().starts_with(':') {
            return Err(self.trouble("there should be `and:`, `or:`, `not:` or another condition"));
        }
        self.at += 1;
        match name.to_ascii_lowercase().as_str() {
            "and" => self.operands(depth).map(Condition::And),
            "or" => self.operands(depth).map(Condition::Or),
            "not" => self.operands(depth).map(Condition::Not),
            "between" => {
                let (from, to) = (self.day()?, self.day()?);
                self.close()?;
                Ok(Condition::Between(from, to))
            }
            "search" => self.words().map(|text| Condition::Search(text.to_owned())),
            "created-by" => self.person().map(Condition::CreatedBy),
            "edited-by" => self.person().map(Condition::EditedBy),
            "by" => self.person().map(Condition::By),
            _ => {
                self.at = start;
                Err(self.trouble(
                    "this condition is unknown; there are and, or, not, between, search, created-by, edited-by and by",
                ))
            }
        }
    }

    fn operands(&mut self, depth: usize) -> Result<Vec<Condition>, Failure> {
        let mut operands = Vec::new();
        loop {
            self.space();
            if self.rest().starts_with('}') && !operands.is_empty() {
                self.at += 1;
                return Ok(operands);
            }
            operands.push(self.condition(depth + 1)?);
        }
    }

    /// `[[title]]`, which may have links within.
    fn page(&mut self) -> Result<String, Failure> {
        let rest = self.rest();
        let skip = if rest.starts_with('#') { 3 } else { 2 };
        let mut open = 1_usize;
        let mut at = skip;
        while open > 0 {
            let rest = &rest[at..];
            let step = match rest {
                _ if rest.starts_with("[[") => {
                    open += 1;
                    2
                }
                _ if rest.starts_with("]]") => {
                    open -= 1;
                    2
                }
                _ => rest.chars().next().map_or(0, char::len_utf8),
            };
            if step == 0 {
                return Err(self.trouble("`[[` has no `]]`"));
            }
            at += step;
        }
        self.at += at;
        Ok(rest[skip..at - 2].to_owned())
    }

    /// `[[August 3rd, 2026]]`, or a word such as `today` or `last week`, alone or in brackets.
    fn day(&mut self) -> Result<String, Failure> {
        self.space();
        if self.rest().starts_with("[[") {
            return self.page();
        }
        let rest = self.rest();
        let mut end = rest.find(|c: char| c.is_whitespace() || "}[".contains(c)).unwrap_or(rest.len());
        if ["last", "next", "this"].contains(&rest[..end].to_lowercase().as_str()) {
            let more = rest[end..].trim_start();
            let word = more.find(|c: char| c.is_whitespace() || "}[".contains(c)).unwrap_or(more.len());
            end = rest.len() - more.len() + word;
        }
        if end == 0 {
            return Err(self.trouble("`between` needs two days"));
        }
        self.at += end;
        Ok(rest[..end].to_owned())
    }

    fn person(&mut self) -> Result<String, Failure> {
        self.space();
        if !self.rest().starts_with("[[") {
            return self.words().map(str::to_owned);
        }
        let name = self.page()?;
        self.close()?;
        Ok(name)
    }

    /// The text up to the closing brace, which goes with it.
    fn words(&mut self) -> Result<&'a str, Failure> {
        let rest = self.rest();
        let end = rest.find('}').ok_or_else(|| self.trouble("a `}` is missing"))?;
        self.at += end + 1;
        let words = rest[..end].trim();
        if words.is_empty() { Err(self.trouble("there is nothing to look for")) } else { Ok(words) }
    }

    fn close(&mut self) -> Result<(), Failure> {
        self.space();
        if !self.rest().starts_with('}') {
            return Err(self.trouble("a `}` is missing"));
        }
        self.at += 1;
        Ok(())
    }

    fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn trouble(&self, what: &str) -> Failure {
        let at = self.text[..self.at].chars().count() + 1;
        let near: String = self.rest().chars().take(20).collect();
        invalid(format!("The query cannot be read at character {at} ({near:?}): {what}."))
    }
}

/// The end of the braces that a text begins with.
fn matching(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, c) in braces(text) {
        match c {
            '{' => depth += 1,
            _ if depth <= 1 => return Some(at + 1),
            _ => depth -= 1,
        }
    }
    None
}

/// The braces of a text. Those in the title of a link belong to the title.
fn braces(text: &str) -> impl Iterator<Item = (usize, char)> {
    let mut links = 0_usize;
    let mut bracket = None;
    text.char_indices().filter(move |(_, c)| {
        // Two brackets are one link, whatever they have beside them.
        let second = bracket == Some(*c);
        bracket = (!second && matches!(c, '[' | ']')).then_some(*c);
        match c {
            '[' if second => links += 1,
            ']' if second => links = links.saturating_sub(1),
            '{' | '}' => return links == 0,
            _ => {}
        }
        false
    })
}

#[cfg(test)]
mod tests {
    use super::Condition::{And, Between, Block, By, Not, Or, Page, Search};
    use super::*;

    fn page(title: &str) -> Condition {
        Page(title.to_owned())
    }

    #[test]
    fn queries_of_each_kind_are_read() {
        let day = |text: &str| text.to_owned();
        let table = [
            ("[[a]]", page("a")),
            ("{and: [[a]] #b #[[c d]]}", And(vec![page("a"), page("b"), page("c d")])),
            ("{or:[[a [[b]]]]((uid))}", Or(vec![page("a [[b]]"), Block("uid".into())])),
            ("{AND: [[a]] {not: [[b]] [[c]]}}", And(vec![page("a"), Not(vec![page("b"), page("c")])])),
            ("{between: [[May 1st, 2026]] today}", Between(day("May 1st, 2026"), day("today"))),
            ("{between: last week [[today]]}", Between(day("last week"), day("today"))),
            ("{and: {search: some words} {by: [[Ann]]}}", And(vec![Search("some words".into()), By("Ann".into())])),
            ("{{[[query]]: {and: [[a]]}}}", And(vec![page("a")])),
            ("{{query: a title {or: [[a]]}}}", Or(vec![page("a")])),
            ("{{[[query]]: {and: [[br{ace]] [[a [[}b]]]]}}}", And(vec![page("br{ace"), page("a [[}b]]")])),
            ("{{[[query]]: \"a {title [[\" {and: [[a]]}}}", And(vec![page("a")])),
            ("{{[[query]]: [[a [[b]]]]}}", page("a [[b]]")),
            ("{{query:#a}}", page("a")),
        ];
        for (text, expected) in table {
            assert_eq!(condition(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_query_is_refused_with_its_place() {
        let table = [
            ("", "character 1"),
            ("{and: }", "character 7"),
            ("{and: [[a]]", "character 12"),
            ("{xor: [[a]]}", "this condition is unknown"),
            ("{and: [[a}", "has no `]]`"),
            ("{not ((a}", "character 6"),
            ("[[a]] [[b]]", "should end"),
            ("{search: }", "nothing to look for"),
            ("{between: [[a]]}", "two days"),
        ];
        for (text, expected) in table {
            let Err(Failure::Refused(error)) = condition(text) else { panic!("{text}") };
            assert!(error.message.contains(expected), "{text}: {error}");
        }
        assert!(condition(&"{not: ".repeat(10_000)).is_err());
        assert!(condition(&"[[".repeat(10_000)).is_err());
    }
}
