//! Roam's markup, as far as a graph has to understand it: references, and the code in which there are none.

mod rewrite;

use std::collections::{HashMap, HashSet};
use std::ops::Range;

pub(crate) use rewrite::{can_be_linked, rename_block, rename_pages, replace_blocks, unlink_page};

/// Something a block refers to, written as `[[Page]]`, `#tag`, `#[[Page]]`, `Attribute::` or `((uid))`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Reference {
    /// A page, by title.
    Page(String),
    /// A block, or rarely a page, by uid.
    Block(String),
}

/// A place in a text that refers to something.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mention {
    form: Form,
    /// The title or the uid.
    name: Range<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// `[[Page]]`; in `#[[Page]]` too.
    Link,
    /// `#tag`
    Tag,
    /// `Attribute::`
    Attribute,
    /// `((uid))`
    Block,
}

/// Everything `text` refers to, each thing once, in the order of appearance.
pub(crate) fn references(text: &str) -> Vec<Reference> {
    let reference = |mention: Mention| {
        let name = text[mention.name].to_owned();
        if mention.form == Form::Block { Reference::Block(name) } else { Reference::Page(name) }
    };
    let mut seen = HashSet::new();
    mentions(text).into_iter().map(reference).filter(|reference| seen.insert(reference.clone())).collect()
}

/// Every place in `text` that refers to something, in order; a title before the titles within it.
fn mentions(text: &str) -> Vec<Mention> {
    // Most texts have none of the signs, and every text is asked.
    if !text.contains(['[', '(', '#', ':']) {
        return Vec::new();
    }
    let code = code_spans(text);
    let links = page_links(text, &code);
    // A `#` or `::` within the title of a page belongs to the title.
    let titles = outermost(&links);
    let outside = |at: usize| !within(&titles, at);
    let mut found: Vec<Mention> = Vec::new();
    let mut add = |form, name| found.push(Mention { form, name });
    attribute(text, &code).filter(|name| outside(name.end)).into_iter().for_each(|name| add(Form::Attribute, name));
    links.iter().for_each(|name| add(Form::Link, name.clone()));
    tags(text, &code).filter(|name| outside(name.start)).for_each(|name| add(Form::Tag, name));
    block_references(text, &code).for_each(|name| add(Form::Block, name));
    found.sort_by_key(|mention| mention.name.start);
    found
}

/// The least backticks of a fence.
const FENCE: usize = 3;

/// The stretches of `text` that are code, with their backticks: `` `inline` `` and fenced.
///
/// A run of backticks is closed by the next run of the same length, as in CommonMark; without one it is plain text. A
/// fence, which is a run of three or more, is also closed by a longer one at the end of a line: Roam writes the fence
/// right behind the code, which may end in a backtick itself.
pub(crate) fn code_spans(text: &str) -> Vec<Range<usize>> {
    let mut runs: Vec<Range<usize>> = Vec::new();
    for (at, _) in text.match_indices('`') {
        match runs.last_mut() {
            Some(run) if run.end == at => run.end += 1,
            _ => runs.push(at..at + 1),
        }
    }
    // For each run, the next one that closes it: found from the back, so that the whole search is linear.
    let mut next_of_length = HashMap::new();
    // Runs at the ends of lines, each longer than all between it and the place that the search has come to.
    let mut ending: Vec<(usize, usize)> = Vec::new();
    let mut closes = vec![None; runs.len()];
    for (index, run) in runs.iter().enumerate().rev() {
        let length = run.len();
        let of_length = next_of_length.insert(length, index);
        let longer = ending.partition_point(|(other, _)| *other >= length).checked_sub(1).map(|at| ending[at].1);
        closes[index] = of_length.into_iter().chain(longer.filter(|_| length >= FENCE)).min();
        let rest = text[run.end..].trim_start_matches([' ', '\t']);
        if length >= FENCE && (rest.is_empty() || rest.starts_with('\n')) {
            while ending.pop_if(|(other, _)| *other <= length).is_some() {}
            ending.push((length, index));
        }
    }
    let mut spans = Vec::new();
    let mut index = 0;
    while index < runs.len() {
        match closes[index] {
            Some(close) => {
                spans.push(runs[index].start..runs[close].end);
                index = close + 1;
            }
            None => index += 1,
        }
    }
    spans
}

/// The uids in `((uid))`, each once.
pub(crate) fn block_uids(text: &str) -> Vec<String> {
    let uid = |reference| match reference {
        Reference::Block(uid) => Some(uid),
        Reference::Page(_) => None,
    };
    references(text).into_iter().filter_map(uid).collect()
}

/// The `((uid))` in `text`: the range of each uid, without its parentheses.
pub(crate) fn block_references<'a>(text: &'a str, code: &'a [Range<usize>]) -> impl Iterator<Item = Range<usize>> + 'a {
    text.match_indices("))").filter_map(move |(end, _)| {
        let length = text[..end].bytes().rev().take_while(|byte| is_uid_byte(*byte)).count();
        let start = end - length;
        let whole = length > 0 && text[..start].ends_with("((") && !within(code, start);
        whole.then_some(start..end)
    })
}

/// Whether a position lies in one of the ranges, which are in order and apart.
pub(crate) fn within(ranges: &[Range<usize>], at: usize) -> bool {
    let next = ranges.partition_point(|range| range.end <= at);
    ranges.get(next).is_some_and(|range| range.start <= at)
}

fn is_uid_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'
}

/// Titles nest two or three deep in practice; without an end, a text of brackets alone would name pages without end.
const DEEPEST: usize = 8;

/// The titles in `[[…]]`, nested ones too. Brackets without a partner count for nothing.
fn page_links(text: &str, code: &[Range<usize>]) -> Vec<Range<usize>> {
    let bytes = text.as_bytes();
    let mut open = Vec::new();
    let mut links = Vec::new();
    let mut at = 0;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            _ if within(code, at) => at += 1,
            b"[[" => {
                open.push(at + 2);
                at += 2;
            }
            b"]]" => {
                if let Some(start) = open.pop()
                    && open.len() < DEEPEST
                {
                    links.push(start..at);
                }
                at += 2;
            }
            _ if bytes[at] == b'\n' => {
                open.clear();
                at += 1;
            }
            _ => at += 1,
        }
    }
    links.retain(|link| !text[link.clone()].trim().is_empty());
    links
}

/// The links that lie in no other, in order.
fn outermost(links: &[Range<usize>]) -> Vec<Range<usize>> {
    let mut outer: Vec<Range<usize>> = Vec::new();
    // Links are found by their end, so those within a link come just before it.
    for link in links {
        while outer.last().is_some_and(|last| last.start > link.start) {
            outer.pop();
        }
        outer.push(link.clone());
    }
    outer
}

/// The names of `#tags`. `#[[…]]` is found as a link.
fn tags<'a>(text: &'a str, code: &'a [Range<usize>]) -> impl Iterator<Item = Range<usize>> + 'a {
    text.match_indices('#').filter_map(move |(hash, _)| {
        // In `C#`, `a/b#c` and `&#39;` the sign belongs to the word before it.
        let stands_alone =
            text[..hash].chars().next_back().is_none_or(|before| !is_tag_char(before) && !"#&?=".contains(before));
        let name = text[hash + 1..].split(|c| !is_tag_char(c)).next().unwrap_or_default().trim_end_matches('.');
        let tag = stands_alone && !name.is_empty() && !within(code, hash) && !in_url(text, hash);
        tag.then_some(hash + 1..hash + 1 + name.len())
    })
}

fn is_tag_char(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '-' | '_' | '/' | '.')
}

/// Whether the word around `at` began as a web address.
fn in_url(text: &str, at: usize) -> bool {
    // An address longer than this is cut off; looking further back would make the search quadratic.
    const LONGEST: usize = 500;
    let floor = (0..=at.saturating_sub(LONGEST)).rev().find(|floor| text.is_char_boundary(*floor)).unwrap_or(0);
    let word = text[floor..at].rsplit(|c: char| c.is_whitespace() || "()[]<>\"".contains(c)).next().unwrap_or_default();
    word.contains("://")
}

/// The name in `Attribute::` at the start of a block.
fn attribute(text: &str, code: &[Range<usize>]) -> Option<Range<usize>> {
    let line = text.split('\n').next().unwrap_or_default();
    let end = line.find("::")?;
    let name = &line[..end];
    // `[[Page]]::` names its page as a link, and a lone colon before the pair makes it something else.
    let link = name.starts_with("[[") && name.ends_with("]]");
    let plain = !name.contains(':') && !link;
    let start = end - name.trim_start().len();
    let end = start + name.trim().len();
    (plain && start < end && code.first().is_none_or(|code| code.start > end)).then_some(start..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages_and_blocks(text: &str) -> Vec<String> {
        let show = |reference| match reference {
            Reference::Page(title) => title,
            Reference::Block(uid) => format!("(({uid}))"),
        };
        references(text).into_iter().map(show).collect()
    }

    #[test]
    fn each_way_to_write_a_reference_is_found() {
        let table: &[(&str, &[&str])] = &[
            ("plain text, a [link](https://example.com) and (parentheses)", &[]),
            ("[[Garden]] and [[Soil]]", &["Garden", "Soil"]),
            ("[[Garden]] and again [[Garden]] #Garden", &["Garden"]),
            ("[[a [[b]]]]", &["a [[b]]", "b"]),
            ("[[a [[b]] and [[c]]]] d", &["a [[b]] and [[c]]", "b", "c"]),
            ("#tag, #[[two words]]; (#nested/tag)", &["tag", "two words", "nested/tag"]),
            ("#.rm-hide #.rm-hidden", &[".rm-hide", ".rm-hidden"]),
            ("ends a sentence #here.", &["here"]),
            ("#日本語 and #café", &["日本語", "café"]),
            ("C# and F#, a#b, ##x, &#39;", &[]),
            ("https://example.com/#part and https://example.com/?q=(x)#y", &["y"]),
            ("[[issue #5]]", &["issue #5"]),
            ("Status:: [[Done]]", &["Status", "Done"]),
            (" Long name:: x", &["Long name"]),
            ("[[Status]]:: x", &["Status"]),
            ("[[a::b]]", &["a::b"]),
            ("not at the start:\nStatus:: x", &[]),
            ("time 10:30:: x", &[]),
            (":: x", &[]),
            ("((abc-_1234)) ((two words)) (()) ((x)", &["((abc-_1234))"]),
            ("[alias]([[Page]]) and [alias](((uid123456)))", &["Page", "((uid123456))"]),
            ("{{[[TODO]]}} water the [[roses]]", &["TODO", "roses"]),
            ("`[[code]] #code ((code))` [[text]]", &["text"]),
            ("```js\n[[code]] #code\n``` [[text]]", &["text"]),
            ("``a ` [[code]]`` [[text]]", &["text"]),
            ("```sh\n[[code]] `date```` ", &[]),
            ("```sh\n[[code]] `date````\n[[text]]", &["text"]),
            ("````md\n```\n[[code]]\n```\n```` [[text]]", &["text"]),
            ("```\n[[code]] ```` [[code]]```", &[]),
            ("`` [[text]] ```", &["text"]),
            ("a lone ` does not open code: [[text]]", &["text"]),
            ("`Code:: x`", &[]),
            ("[[open [[closed]]", &["closed"]),
            ("[[]] [[ ]] [[\n]] ]] [[", &[]),
            ("(((x)))", &["((x))"]),
        ];
        for (text, expected) in table {
            assert_eq!(pages_and_blocks(text), *expected, "{text}");
        }
    }

    #[test]
    fn a_hostile_text_is_read_in_time() {
        for pattern in ["[[", "]]", "`", "` ``", "```\n", "```` \n```", "((", "#", "((a))", "[[a", "https://a#", "#["] {
            references(&pattern.repeat(20_000));
        }
        references(&("[[a".repeat(20_000) + &"]]".repeat(20_000)));
    }
}
