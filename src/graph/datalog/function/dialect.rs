//! JavaScript's regular expressions in the words of Rust's.

use std::iter::Peekable;
use std::str::Chars;

/// What `\s` is in JavaScript.
const SPACE: &str = r"\t\n\x0B\x0C\r\p{Zs}\u{2028}\u{2029}\u{FEFF}";

/// The same expression for the crate that matches it.
pub(super) fn translated(source: &str) -> Result<String, String> {
    let mut rest = source.chars().peekable();
    let mut written = String::with_capacity(source.len() + 16);
    while let Some(c) = rest.next() {
        match c {
            '\\' => written.push_str(&escape(&mut rest)?),
            '[' => class(&mut rest, &mut written)?,
            '(' => {
                let ahead: String = rest.clone().take(3).collect();
                if ["?=", "?!", "?<=", "?<!"].iter().any(|look| ahead.starts_with(look)) {
                    return Err(
                        "cannot use this pattern: look-around, such as `(?=` and `(?<!`, is not supported".into()
                    );
                }
                written.push('(');
            }
            '{' if !is_quantifier(rest.clone()) => written.push_str(r"\{"),
            '{' => {
                written.push('{');
                written.extend(rest.by_ref().take_while(|c| *c != '}'));
                written.push('}');
            }
            '}' | ']' => literal(c, &mut written),
            c => written.push(c),
        }
    }
    Ok(written)
}

/// Whether a brace opens `{n}`, `{n,}` or `{n,m}`.
fn is_quantifier(rest: Peekable<Chars<'_>>) -> bool {
    let inner: String = rest.take_while(|c| c.is_ascii_digit() || matches!(c, ',' | '}')).collect();
    let Some((inner, _)) = inner.split_once('}') else { return false };
    let (least, most) = inner.split_once(',').unwrap_or((inner, ""));
    !least.is_empty() && !most.contains(',')
}

/// What follows a backslash outside of brackets.
fn escape(rest: &mut Peekable<Chars<'_>>) -> Result<String, String> {
    let mut written = String::new();
    match rest.next() {
        None => return Err("cannot use this pattern: a backslash ends it".into()),
        Some('b') => written.push_str(r"(?-u:\b)"),
        Some('B') => written.push_str(r"(?-u:\B)"),
        // Without regard to case, more than these letters would be meant.
        Some(c @ ('d' | 'w' | 'D' | 'W')) => written.push_str(&format!("(?-i:{})", named(c).unwrap_or_default())),
        Some(c) => match named(c) {
            Some(set) => written.push_str(&set),
            // Not JavaScript's without a flag, but always meant.
            None if matches!(c, 'p' | 'P') && rest.peek() == Some(&'{') => {
                written.extend(['\\', c]);
                written.extend(rest.by_ref().take_while(|c| *c != '}'));
                written.push('}');
            }
            None if c.is_ascii_digit() && c != '0' || c == 'k' => {
                return Err("cannot use this pattern: a reference to an earlier group is not supported".into());
            }
            None => literal(character(c, rest), &mut written),
        },
    }
    Ok(written)
}

/// The set that a letter stands for after a backslash.
fn named(letter: char) -> Option<String> {
    Some(match letter {
        'd' => "[0-9]".into(),
        'D' => "[^0-9]".into(),
        'w' => "[0-9A-Za-z_]".into(),
        'W' => "[^0-9A-Za-z_]".into(),
        's' => format!("[{SPACE}]"),
        'S' => format!("[^{SPACE}]"),
        _ => return None,
    })
}

/// The one character that is meant after a backslash.
fn character(c: char, rest: &mut Peekable<Chars<'_>>) -> char {
    let digits = match c {
        'n' => return '\n',
        't' => return '\t',
        'r' => return '\r',
        'v' => return '\u{b}',
        'f' => return '\u{c}',
        '0' => return '\0',
        'x' => 2,
        'u' => 4,
        c => return c,
    };
    let code: String = rest.clone().take(digits).filter(char::is_ascii_hexdigit).collect();
    let found = u32::from_str_radix(&code, 16).ok().filter(|_| code.len() == digits).and_then(char::from_u32);
    if found.is_some() {
        rest.nth(digits - 1);
    }
    found.unwrap_or(c)
}

/// A set in brackets, whose opening one is read already.
fn class(rest: &mut Peekable<Chars<'_>>, written: &mut String) -> Result<(), String> {
    let negated = rest.next_if_eq(&'^').is_some();
    let mut members: Vec<Result<char, String>> = Vec::new();
    loop {
        match rest.next() {
            None => return Err("cannot use this pattern: `[` has no `]`".into()),
            Some(']') => break,
            Some('\\') => {
                let c = rest.next().ok_or("cannot use this pattern: a backslash ends it")?;
                members.push(match (c, named(c)) {
                    ('b', _) => Ok('\u{8}'),
                    (_, Some(set)) => Err(set),
                    ('p' | 'P', _) if rest.peek() == Some(&'{') => {
                        let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
                        Err(format!("\\{c}{name}}}"))
                    }
                    // A hyphen that is written so joins nothing; as a set of its own it cannot.
                    ('-', _) => Err(r"\-".into()),
                    _ => Ok(character(c, rest)),
                });
            }
            Some(c) => members.push(Ok(c)),
        }
    }
    if members.is_empty() {
        // Nothing is in no set, and anything is in its opposite.
        written.push_str(if negated { r"(?s:.)" } else { r"[^\x{0}-\x{10FFFF}]" });
        return Ok(());
    }
    written.push_str(if negated { "[^" } else { "[" });
    let mut members = members.as_slice();
    while let [first, rest @ ..] = members {
        members = rest;
        match (first, rest) {
            (Ok(from), [Ok('-'), Ok(to), rest @ ..]) => {
                literal(*from, written);
                written.push('-');
                literal(*to, written);
                members = rest;
            }
            (Ok(c), _) => literal(*c, written),
            (Err(set), _) => written.push_str(set),
        }
    }
    written.push(']');
    Ok(())
}

/// A character that stands for itself.
fn literal(c: char, written: &mut String) {
    if c.is_ascii_punctuation() || c.is_ascii_control() {
        written.push_str(&format!("\\x{:02X}", u32::from(c)));
    } else {
        written.push(c);
    }
}

#[cfg(test)]
mod tests {
    use regex::Regex;

    use super::translated;

    /// Each pattern with the parts of a text that it finds in JavaScript.
    #[test]
    fn a_pattern_means_what_it_means_in_javascript() {
        let table: &[(&str, &str, &[&str])] = &[
            ("{{TODO}}", "a {{TODO}} b", &["{{TODO}}"]),
            (r"\{\{.*?\}\}", "a {{x}} {{y}}", &["{{x}}", "{{y}}"]),
            ("a{2}|b{1,}|c{1,2}", "aaa bb ccc", &["aa", "bb", "cc", "c"]),
            ("x{,2}", "xx x{,2}", &["x{,2}"]),
            ("{a}", "{a}", &["{a}"]),
            ("[[a]", "[a", &["[", "a"]),
            ("[a&&b]+", "&ab&", &["&ab&"]),
            ("[a~~b]+", "~ab", &["~ab"]),
            ("[+--]+", "+,-.", &["+,-"]),
            ("[a-c-]+", "abc-d", &["abc-"]),
            ("[\\w-]+", "is-in é", &["is-in"]),
            ("[^\\]]+", "ab]c", &["ab", "c"]),
            ("[^]", "\n", &["\n"]),
            ("[]", "a", &[]),
            (r"\w+", "aé1_", &["a", "1_"]),
            (r"\d", "1٣", &["1"]),
            (r"(?i)\w+", "\u{212a}ſa", &["a"]),
            (r"\bcaf\b", "café", &["caf"]),
            (r"\Bb", "ab b", &["b"]),
            (r"a\sb", "a\u{a0}b a\u{feff}b a\u{85}b", &["a\u{a0}b", "a\u{feff}b"]),
            (r"\S+", "a\u{85}b c", &["a\u{85}b", "c"]),
            (r"\x41\u0042\/\<\-", "AB/<-", &["AB/<-"]),
            (r"\p{L}+", "éa1", &["éa"]),
            ("a]}", "a]}", &["a]}"]),
            ("(?<n>a)(?:b)", "ab", &["ab"]),
            ("^#+ .*$", "## a", &["## a"]),
        ];
        for (source, text, expected) in table {
            let found = Regex::new(&translated(source).unwrap()).unwrap_or_else(|error| panic!("{source}: {error}"));
            assert_eq!(found.find_iter(text).map(|found| found.as_str()).collect::<Vec<_>>(), *expected, "{source}");
        }
        for source in ["(?=a)", "(?<!a)b", r"(a)\1", "[a", "\\"] {
            assert!(translated(source).is_err(), "{source}");
        }
    }
}
