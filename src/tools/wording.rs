//! Sentences that several descriptions share.

/// How the tools that read write blocks down.
macro_rules! format_note {
    () => {
        " Each block is a line `- text <roam uid=\"…\"/>`, two spaces deeper per level. The tag also tells: `heading` 1-3, \
         `childrenViewType` numbered or document, `refs` (how many blocks refer to it), `hiddenChildren` (how many \
         `maxDepth` left out). `((uid))<ref>text</ref>` is a reference with a preview of its block, and `__text__` is \
         italics. When you write text back, keep `((uid))` and leave the tags and previews out."
    };
}

/// What every tool on a graph says last. Stronger words make some models call the guidelines over and over, weaker ones
/// make others skip them.
macro_rules! reminder {
    () => {
        " Before the first use of a graph, reads included, call `get_graph_guidelines` for it, once."
    };
}

pub(super) use {format_note, reminder};
