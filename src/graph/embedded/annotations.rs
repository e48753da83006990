//! Taking the annotations of reads out of what is written back.

use crate::graph::markup::{code_spans, within};

/// `((uid))<ref>preview</ref>` becomes `((uid))`, and `<roam …/>` goes, with the space before it. Code stays as it is.
pub(crate) fn without_annotations(text: &str) -> String {
    if !text.contains("<roam") && !text.contains("<ref>") {
        return text.to_owned();
    }
    let code = code_spans(text);
    let mut clean = String::with_capacity(text.len());
    let mut done = 0;
    let mut base = 0;
    for line in text.split_inclusive('\n') {
        // What has no end in a line is not looked for again, or a line full of beginnings would take forever.
        let (mut ref_ends, mut tag_ends) = (true, true);
        for (at, _) in line.match_indices('<') {
            let start = base + at;
            if start < done || within(&code, start) {
                continue;
            }
            let rest = &line[at..];
            let preview = ref_ends && rest.starts_with("<ref>") && text[..start].ends_with("))");
            let tag = tag_ends && (rest.starts_with("<roam ") || rest.starts_with("<roam/>"));
            let end = if preview { "</ref>" } else { "/>" };
            let found = if preview || tag { rest.find(end) } else { None };
            match found {
                Some(length) => {
                    let kept = &text[done..start];
                    clean.push_str(if tag { kept.strip_suffix(' ').unwrap_or(kept) } else { kept });
                    done = start + length + end.len();
                }
                None if preview => ref_ends = false,
                None if tag => tag_ends = false,
                None => {}
            }
        }
        base += line.len();
    }
    clean.push_str(&text[done..]);
    clean
}

#[cfg(test)]
mod tests {
    use super::without_annotations;

    #[test]
    fn annotations_go_and_everything_else_stays() {
        let table = [
            ("- text <roam uid=\"abc\" refs=\"1\"/>", "- text"),
            ("a <roam uid=\"abc\"/>\n  - b <roam uid=\"def\"/>", "a\n  - b"),
            ("see ((abc))<ref>a preview</ref> and ((def))<ref>another</ref>.", "see ((abc)) and ((def))."),
            ("a <ref>of somebody's own</ref>", "a <ref>of somebody's own</ref>"),
            ("((abc))<ref>without an end", "((abc))<ref>without an end"),
            ("`<roam uid=\"abc\"/>` is code", "`<roam uid=\"abc\"/>` is code"),
            ("<roaming/> < 3 <roam ", "<roaming/> < 3 <roam "),
            ("((abc))<ref>has &#96;code&#96;</ref> x", "((abc)) x"),
        ];
        for (text, clean) in table {
            assert_eq!(without_annotations(text), clean);
        }
    }
}
