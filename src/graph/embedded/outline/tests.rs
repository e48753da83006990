use proptest::prelude::*;

use super::{Draft, outline};
use crate::graph::markup::references;

/// One line per block, indented by depth, with `H2 ` before a heading.
fn shown(markdown: &str) -> String {
    let line = |draft: &Draft| {
        let heading = draft.heading.map(|level| format!("H{level} ")).unwrap_or_default();
        format!("{}{heading}{}\n", "  ".repeat(draft.depth), draft.text.replace('\n', "⏎"))
    };
    outline(markdown).iter().map(line).collect()
}

#[test]
fn a_nested_list_becomes_a_tree() {
    assert_eq!(shown("- a\n  - b\n    - c\n  - d\n- e"), "a\n  b\n    c\n  d\ne\n");
    assert_eq!(shown("- a\n\t- b\n\t\t- c\n- d"), "a\n  b\n    c\nd\n");
    assert_eq!(shown("    - a\n      - b\n    - c"), "a\n  b\nc\n");
    assert_eq!(shown("* a\n    * b\n+ c\n-"), "a\n  b\nc\n\n");
}

#[test]
fn an_item_that_skips_levels_still_has_a_parent() {
    assert_eq!(shown("- a\n        - b\n    - c\n  - d"), "a\n  b\n  c\n  d\n");
    assert_eq!(shown("  - a\n- b"), "a\nb\n");
}

#[test]
fn in_a_document_what_follows_a_heading_nests_below_it() {
    let text = "# One\ntext\n\n## Two\n- a\n  - b\n\n#### Deep\nx\n\n# Three\ny";
    assert_eq!(shown(text), "H1 One\n  text\n  H2 Two\n    a\n      b\n    H3 Deep\n      x\nH1 Three\n  y\n");
}

#[test]
fn signs_behind_a_heading_are_not_part_of_it() {
    assert_eq!(shown("## Two ##\n# C# #\n# C#\n# a #tag\n# #"), "H2 Two\nH1 C#\nH1 C#\nH1 a #tag\nH1 \n");
}

#[test]
fn in_an_outline_headings_are_flat_labels() {
    assert_eq!(shown("- # One\n- text\n- ## Two\n  - a"), "H1 One\ntext\nH2 Two\n  a\n");
}

#[test]
fn each_paragraph_is_a_block() {
    assert_eq!(shown("one\ntwo\n\nthree\n\n- item\nfour"), "one⏎two\nthree\nitem\nfour\n");
    assert_eq!(shown("a\n---\nb"), "a\n---\nb\n");
}

#[test]
fn further_lines_of_an_item_belong_to_it() {
    assert_eq!(shown("- a\n  b\n\n  c\n    d\n- e"), "a⏎b⏎⏎c⏎  d\ne\n");
    assert_eq!(shown("- a\n  - b\n  c"), "a\n  b\n  c\n");
}

#[test]
fn fenced_code_is_one_block() {
    assert_eq!(shown("```js\nlet *a* = 1;\n\n- b\n```\nafter"), "```js⏎let *a* = 1;⏎⏎- b```\nafter\n");
    assert_eq!(shown("- ```js\n  a\n    b\n  ```\n  - c"), "```js⏎a⏎  b```\n  c\n");
    assert_eq!(shown("- text\n  ```\n  a\n  ```"), "text⏎```⏎a```\n");
    assert_eq!(shown("```\n```"), "```⏎```\n");
    assert_eq!(shown("```js\na```"), "```js⏎a```\n");
    // A backtick before the fence would make it a longer one.
    assert_eq!(shown("```\necho `date`\n```\nafter"), "```⏎echo `date`⏎```\nafter\n");
    assert_eq!(shown("````\n```\n*a*\n```\n````\nafter"), "````⏎```⏎*a*⏎```⏎````\nafter\n");
    assert_eq!(shown("~~~ js\n# no heading\n```\n~~~\nafter"), "````js⏎# no heading⏎```⏎````\nafter\n");
    assert_eq!(shown("~~~\na\n~~~~"), "```⏎a```\n");
    assert_eq!(shown("~~~\nnever\n~~"), "~~~⏎never⏎~~\n");
    assert_eq!(shown("-\t```js\n\ta\n\t  b\n\t```"), "```js⏎a⏎  b```\n");
    assert_eq!(shown("-   ```js\n    a\n    ```"), "```js⏎a```\n");
    assert_eq!(shown("```js\nnever *closed*"), "```js⏎never __closed__\n");
}

#[test]
fn a_table_becomes_roams_table() {
    let text = "| Plant | Sun |\n|---|:-:|\n| Rose | full |\n| a \\| b | |";
    assert_eq!(shown(text), "{{[[table]]}}\n  Plant\n    Sun\n  Rose\n    full\n  a | b\n    \n");
    assert_eq!(shown("| a | b |\n| - | :-: |\n| c | d |"), "{{[[table]]}}\n  a\n    b\n  c\n    d\n");
    assert_eq!(shown("| a |\n-"), "| a |\n\n");
    assert_eq!(shown("| a | b |\n| - | |"), "| a | b |⏎| - | |\n");
    assert_eq!(shown("| not a table\n| at all"), "| not a table⏎| at all\n");
}

#[test]
fn numbers_and_boxes_stay_in_the_text() {
    assert_eq!(shown("1. a\n2. b\n   - c\n- [ ] d"), "1. a\n2. b\n  c\n[ ] d\n");
}

#[test]
fn annotations_of_reads_are_taken_out() {
    let read = "- a <roam uid=\"x\" refs=\"2\"/>\n  - see ((abc))<ref>*text*</ref> <roam uid=\"y\"/>";
    assert_eq!(shown(read), "a\n  see ((abc))\n");
}

#[test]
fn nothing_gives_nothing() {
    assert_eq!(shown(" \n\t\r\n"), "");
}

#[test]
fn a_hostile_text_is_read_in_time() {
    for pattern in
        ["```a\n", "- ", "# ", "|--|\n", "*", "_a", "[[", "((", "{{", "<ref>", "<roam ", "\t", "((a))<ref>", "`a` *b* "]
    {
        outline(&pattern.repeat(10_000));
    }
    let deep: String = (0..3_000).map(|depth| format!("{}- x\n", " ".repeat(depth))).collect();
    assert_eq!(outline(&deep).last().map(|draft| draft.depth), Some(2_999));
}

proptest! {
    #[test]
    fn every_text_becomes_a_tree(text in "([-*+#|`_ \\t\\n<>()\\[\\]{}$:\\\\]|[a-c1]|é|日|```|<roam |/>|<ref>|</ref>|https://){0,60}") {
        let mut deepest = 0;
        for draft in outline(&text) {
            prop_assert!(draft.depth <= deepest, "{draft:?}");
            deepest = draft.depth + 1;
            references(&draft.text);
        }
    }
}
