//! The table of tools, in the order in which Roam's own server lists them.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::arguments::{schema, with_graph};
use super::{Class, Hints, Tool, graphs, read, search, write};

const READS: Hints = Hints { read_only: true, destructive: false, idempotent: true, open_world: false };
const ADDS: Hints = Hints { read_only: false, destructive: false, idempotent: false, open_world: false };

/// How the tools that read write blocks down.
macro_rules! format_note {
    () => {
        "Each block is a line `- text <roam uid=\"…\"/>`, two spaces deeper per level. The tag also tells: `heading` 1-3, \
         `childrenViewType` numbered or document, `refs` (how many blocks refer to it), `hiddenChildren` (how many \
         `maxDepth` left out). `((uid))<ref>text</ref>` is a reference with a preview of its block, and `__text__` is \
         italics. When you write text back, keep `((uid))` and leave the tags and previews out."
    };
}

/// Every tool there is.
pub static TOOLS: &[Tool] = &[
    Tool {
        name: "list_graphs",
        title: "List graphs",
        description: "Lists the Roam graphs that you can use, with the access level of each.",
        class: Class::Config,
        hints: READS,
        input: schema::<graphs::ListGraphs>,
        output: None,
        run: |call| Box::pin(graphs::list_graphs(call)),
    },
    Tool {
        name: "create_block",
        title: "Create blocks",
        description: "Adds blocks written as markdown below a block, a page or a daily note, and returns the uids of \
                      the new top-level blocks. `[[Page]]`, `#tag`, `Attribute::` and `((uid))` make references; a \
                      to-do is `{{[[TODO]]}} text`. Text copied from a read may keep its `<roam …/>` tags and \
                      `<ref>` previews: they are removed.",
        class: Class::Append,
        hints: ADDS,
        input: schema::<write::CreateBlock>,
        output: Some(schema::<write::Uids>),
        run: |call| Box::pin(write::create_block(call)),
    },
    Tool {
        name: "search",
        title: "Search",
        description: concat!(
            "Finds pages and blocks by the words in them, best first: titles before blocks, the exact phrase before \
             scattered words. An empty query returns recently edited pages. ",
            "Page through with `offset` and `limit`; `total` counts all hits. `truncated=\"N\"` marks a hit that was \
             cut by N characters; `get_block` shows all of it. ",
            format_note!()
        ),
        class: Class::Read,
        hints: READS,
        input: schema::<search::Search>,
        output: None,
        run: |call| Box::pin(search::search(call)),
    },
    Tool {
        name: "get_page",
        title: "Get page",
        description: concat!(
            "Reads a page by title or uid, with its first linked references. `{\"found\": false}` if there is none. ",
            format_note!()
        ),
        class: Class::Read,
        hints: READS,
        input: schema::<read::GetPage>,
        output: None,
        run: |call| Box::pin(read::get_page(call)),
    },
    Tool {
        name: "get_block",
        title: "Get block",
        description: concat!(
            "Reads a block and everything below it by uid, with the path that leads to it. `{\"found\": false}` if \
             there is none. ",
            format_note!()
        ),
        class: Class::Read,
        hints: READS,
        input: schema::<read::GetBlock>,
        output: None,
        run: |call| Box::pin(read::get_block(call)),
    },
];

/// The tool of that name.
pub fn find(name: &str) -> Option<&'static Tool> {
    TOOLS.iter().find(|tool| tool.name == name)
}

type Schemas = (Arc<Map<String, Value>>, Option<Arc<Map<String, Value>>>);

/// The schemas of a tool, made once.
pub(super) fn schemas(tool: &Tool) -> Schemas {
    static MADE: LazyLock<Vec<Schemas>> = LazyLock::new(|| TOOLS.iter().map(make).collect());
    let at = TOOLS.iter().position(|other| other.name == tool.name);
    at.and_then(|at| MADE.get(at).cloned()).unwrap_or_else(|| make(tool))
}

fn make(tool: &Tool) -> Schemas {
    let input = (tool.input)();
    let input = if tool.takes_graph() { with_graph(input) } else { input };
    (Arc::new(input), tool.output.map(|output| Arc::new(output())))
}
