//! Changing what a text refers to, and nothing else in it.

use std::cell::Cell;
use std::ops::Range;

use super::{Form, Mention, Reference, is_tag_char, mentions, references};

/// An alias longer than this is taken for the text before a reference.
const LONGEST_ALIAS: usize = 1000;

/// Gives pages new titles wherever `text` names them. `renamed` knows the new title of an old one.
pub(crate) fn rename_pages(text: &str, renamed: impl Fn(&str) -> Option<String>) -> String {
    renamed_in(text, &renamed)
}

fn renamed_in(text: &str, renamed: &dyn Fn(&str) -> Option<String>) -> String {
    rewrite(text, |text, mention| {
        let name = &text[mention.name.clone()];
        let new = renamed(name)?;
        // `[[a]] b::` has a new title because `a` has one, and that link is shown next.
        if mention.form == Form::Attribute && renamed_in(name, renamed) == new {
            return None;
        }
        let linked = format!("[[{new}]]");
        let plain_tag = new.chars().all(is_tag_char) && !new.ends_with('.');
        let plain_attribute = !new.contains([':', '\n', '`', '[']) && new.trim() == new;
        Some(match mention.form {
            Form::Block => return None,
            Form::Link => (mention.name.start - 2..mention.name.end + 2, linked),
            Form::Tag => (mention.name.clone(), if plain_tag { new } else { linked }),
            Form::Attribute => (mention.name.clone(), if plain_attribute { new } else { linked }),
        })
    })
}

/// Turns every mention of a page into plain text: `[[P]]`, `#P` and `#[[P]]` become `P`, `P::` becomes `P:`, and an
/// alias of it leaves the alias.
pub(crate) fn unlink_page(text: &str, title: &str) -> String {
    let page = Reference::Page(title.to_owned());
    let mut text = text.to_owned();
    // What is left of a mention may be one again: `##[[P]]` leaves `#P`. Each pass makes the text shorter.
    while references(&text).contains(&page) {
        text = rewrite(&text, |text, mention| {
            if mention.form == Form::Block || &text[mention.name.clone()] != title {
                return None;
            }
            let Range { start, end } = mention.name;
            Some(match mention.form {
                Form::Attribute => {
                    let rest = text[end..].trim_start().trim_start_matches(':');
                    (start..text.len() - rest.len(), format!("{title}:"))
                }
                Form::Tag => (start - 1..end, title.to_owned()),
                _ => without_reference(text, start - 2..end + 2, title),
            })
        });
    }
    text
}

/// Puts the texts of blocks in the place of each `((uid))`, as far as `of` has one; an alias of the block leaves the
/// alias. The text grows up to `longest` bytes.
pub(crate) fn replace_blocks<'t>(text: &str, longest: usize, of: impl Fn(&str) -> Option<&'t str>) -> String {
    let length = Cell::new(text.len());
    rewrite(text, |text, mention| {
        let new = of(&text[mention.name.clone()]).filter(|_| mention.form == Form::Block)?;
        let grown = length.get() + new.len();
        (grown <= longest).then(|| {
            length.set(grown);
            without_reference(text, mention.name.start - 2..mention.name.end + 2, new)
        })
    })
}

/// Gives a block or page another uid wherever `text` refers to it.
pub(crate) fn rename_block(text: &str, old: &str, new: &str) -> String {
    rewrite(text, |text, mention| {
        let meant = mention.form == Form::Block && &text[mention.name.clone()] == old;
        meant.then(|| (mention.name.clone(), new.to_owned()))
    })
}

/// Whether `[[title]]` refers to a page of that title. One with a line break or half a pair of brackets cannot be.
pub(crate) fn can_be_linked(title: &str) -> bool {
    references(&format!("[[{title}]]")).first() == Some(&Reference::Page(title.to_owned()))
}

/// What stands for a reference that is gone, and where: its alias if it has one, with a `#` before it removed.
fn without_reference(text: &str, reference: Range<usize>, new: &str) -> (Range<usize>, String) {
    let before = &text[..reference.start];
    if before.ends_with("](")
        && text[reference.end..].starts_with(')')
        && let Some(alias) = alias(&before[..before.len() - 2])
    {
        return (alias.start - 1..reference.end + 1, text[alias].to_owned());
    }
    let start = if before.ends_with('#') { reference.start - 1 } else { reference.start };
    (start..reference.end, new.to_owned())
}

/// The alias that ends where `text` does, without its brackets.
fn alias(text: &str) -> Option<Range<usize>> {
    let mut depth = 0_usize;
    for (at, c) in text.char_indices().rev().take(LONGEST_ALIAS) {
        match c {
            '\n' => return None,
            ']' => depth += 1,
            '[' if depth == 0 => return Some(at + 1..text.len()),
            '[' => depth -= 1,
            _ => {}
        }
    }
    None
}

/// Rewrites a text. `with` is shown each mention and says what to put where; within a place that it has rewritten it
/// is shown no more.
fn rewrite<F>(text: &str, with: F) -> String
where
    F: Fn(&str, &Mention) -> Option<(Range<usize>, String)>,
{
    let mut rewritten = String::with_capacity(text.len());
    let mut done = 0;
    for mention in mentions(text) {
        if mention.name.start < done {
            continue;
        }
        if let Some((place, new)) = with(text, &mention).filter(|(place, _)| place.start >= done) {
            rewritten.push_str(&text[done..place.start]);
            rewritten.push_str(&new);
            done = place.end;
        }
    }
    rewritten.push_str(&text[done..]);
    rewritten
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_page_is_named_anew_in_each_form() {
        let table = [
            (
                "[[a]] #a #[[a]] [x]([[a]]) ((a)) `[[a]]` [[A]] #ab",
                "[[b c]] #[[b c]] #[[b c]] [x]([[b c]]) ((a)) `[[a]]` [[A]] #ab",
            ),
            ("a:: [[a]]", "b c:: [[b c]]"),
            ("[[a]]::", "[[b c]]::"),
            ("[[x [[a]]]] and [[[[a]]]]", "[[x [[b c]]]] and [[[[b c]]]]"),
        ];
        for (text, expected) in table {
            assert_eq!(rename_pages(text, |title| (title == "a").then(|| "b c".to_owned())), expected);
        }
        // A title that has another only for what is linked in it.
        let nested = |title: &str| match title {
            "a" => Some("b".to_owned()),
            "See [[a]] about std" => Some("See [[b]] about std".to_owned()),
            _ => None,
        };
        assert_eq!(rename_pages("See [[a]] about std::vec", nested), "See [[b]] about std::vec");
        let signs = |text| rename_pages(text, |title| (title == "a").then(|| "x: `y`".to_owned()));
        assert_eq!(signs("a:: #a."), "[[x: `y`]]:: #[[x: `y`]].");
        assert_eq!(rename_pages("#a", |_| Some("日本/v1.2".into())), "#日本/v1.2");
        assert_eq!(rename_pages("#a", |_| Some("v1.".into())), "#[[v1.]]");
    }

    #[test]
    fn a_deleted_page_leaves_its_title_as_text() {
        let table = [
            ("[[a]] #a #[[a]] and [[b]]", "a a a and [[b]]"),
            ("a:: 1", "a: 1"),
            ("[see [this]]([[a]]) ![x]([[a]])", "see [this] !x"),
            ("[[x [[a]]]]", "[[x a]]"),
            ("##[[a]] `[[a]]`", "a `[[a]]`"),
            ("broken]([[a]])", "broken](a)"),
        ];
        for (text, expected) in table {
            assert_eq!(unlink_page(text, "a"), expected);
        }
    }

    #[test]
    fn a_deleted_block_leaves_its_text() {
        assert_eq!(
            replace_blocks("see ((u)), [it](((u))) `((u))` ((v))", 100, |uid| (uid == "u").then_some("a [[b]]")),
            "see a [[b]], it `((u))` ((v))"
        );
    }

    #[test]
    fn a_title_that_no_link_can_hold_is_known() {
        for title in ["a", "a [[b]]", "日本", "a: b", "#x", "a] b"] {
            assert!(can_be_linked(title), "{title}");
        }
        for title in ["", " ", "a\nb", "a]]", "[[a", "]]a[[", "`"] {
            assert_eq!(can_be_linked(title), title == "`", "{title}");
        }
    }
}
