//! Markdown's italics in Roam's spelling.

use std::ops::Range;

use crate::graph::markup::{code_spans, within};

/// `*x*` and `_x_` become `__x__`.
///
/// A sign counts when it stands alone at the outside of a word, so `snake_case`, `2*3*4` and `**bold**` stay. Code,
/// links, references and web addresses stay whatever is in them.
pub(super) fn with_roam_italics(text: &str) -> String {
    if !text.contains(['*', '_']) {
        return text.to_owned();
    }
    let fixed = fixed(text);
    let mut changed = String::with_capacity(text.len());
    let mut done = 0;
    let mut open: Option<(usize, char)> = None;
    for (at, sign) in text.char_indices() {
        if sign == '\n' {
            open = None;
        }
        if !matches!(sign, '*' | '_') || within(&fixed, at) {
            continue;
        }
        let before = text[..at].chars().next_back();
        let after = text[at + 1..].chars().next();
        if [before, after].contains(&Some(sign)) || before == Some('\\') {
            continue;
        }
        let opens = !before.is_some_and(char::is_alphanumeric) && after.is_some_and(|c| !c.is_whitespace());
        let closes = before.is_some_and(|c| !c.is_whitespace()) && !after.is_some_and(char::is_alphanumeric);
        match open {
            Some((start, same)) if same == sign && closes && start + 1 < at => {
                changed.push_str(&text[done..start]);
                changed.push_str("__");
                changed.push_str(&text[start + 1..at]);
                changed.push_str("__");
                done = at + 1;
                open = None;
            }
            // The latest opening counts: a lone `*` early in a line must not swallow the rest of it.
            _ if opens => open = Some((at, sign)),
            _ => {}
        }
    }
    changed.push_str(&text[done..]);
    changed
}

/// Where nothing is italics, in order and apart: code, `[[…]]`, `((…))`, `{{…}}`, `$$…$$`, `](…)` and addresses.
fn fixed(text: &str) -> Vec<Range<usize>> {
    const PAIRS: [(&str, &str); 5] = [("[[", "]]"), ("((", "))"), ("{{", "}}"), ("$$", "$$"), ("](", ")")];
    let code = code_spans(text);
    let mut ranges: Vec<Range<usize>> = Vec::new();
    let mut at = 0;
    // A closing sign that is nowhere after one place is nowhere after a later place either.
    let mut absent = [false; PAIRS.len()];
    while at < text.len() {
        let next = code.partition_point(|span| span.end <= at);
        if let Some(span) = code.get(next).filter(|span| span.start <= at) {
            ranges.push(span.clone());
            at = span.end;
            continue;
        }
        let rest = &text[at..];
        let pair = PAIRS.iter().zip(&mut absent).find(|((open, _), absent)| !**absent && rest.starts_with(open));
        if let Some(((open, close), absent)) = pair {
            match rest[open.len()..].find(close) {
                Some(length) => {
                    let end = at + open.len() + length + close.len();
                    ranges.push(at..end);
                    at = end;
                    continue;
                }
                None => *absent = true,
            }
        }
        if rest.starts_with("http://") || rest.starts_with("https://") {
            let length = rest.find(|c: char| c.is_whitespace() || "<>\"".contains(c)).unwrap_or(rest.len());
            // Signs at the end of an address close what was opened before it.
            let end = at + rest[..length].trim_end_matches(['*', '_']).len();
            ranges.push(at..end);
            at = end;
            continue;
        }
        at += rest.chars().next().map_or(1, char::len_utf8);
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::with_roam_italics;

    #[test]
    fn italics_change_their_spelling_and_nothing_else_does() {
        let table = [
            ("an *italic* word", "an __italic__ word"),
            ("an _italic_ word", "an __italic__ word"),
            ("(*both words* and _these too_)", "(__both words__ and __these too__)"),
            ("**bold**, __italic__ and ***both***", "**bold**, __italic__ and ***both***"),
            ("snake_case_name and 2*3*4", "snake_case_name and 2*3*4"),
            ("a * b * c _ d _", "a * b * c _ d _"),
            ("`*code*` and *text*", "`*code*` and __text__"),
            ("https://example.com/_a_/*b* *c*", "https://example.com/_a_/*b* __c__"),
            (
                "[x](https://example.com/_a_) ((_uid_)) [[*title*]]",
                "[x](https://example.com/_a_) ((_uid_)) [[*title*]]",
            ),
            ("{{query: {and: *a*}}} $$a_b_ _c_$$", "{{query: {and: *a*}}} $$a_b_ _c_$$"),
            ("\\*not this\\*", "\\*not this\\*"),
            ("5 *stars, *this* one", "5 *stars, __this__ one"),
            ("*over\nlines*", "*over\nlines*"),
            ("*日本語*", "__日本語__"),
        ];
        for (text, expected) in table {
            assert_eq!(with_roam_italics(text), expected);
        }
    }
}
