//! The table of tools, in the order in which Roam's own server lists them.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value};

use super::arguments::with_graph;
use super::{
    Tool, comments, create, delete, extensions, fetch, files, graphs, guidelines, query, read, search, semantic, setup,
    shortcuts, update, upload, windows,
};

/// Every tool there is.
pub static TOOLS: &[Tool] = &[
    graphs::LIST_GRAPHS,
    setup::SETUP_NEW_GRAPH,
    guidelines::GET_GRAPH_GUIDELINES,
    create::CREATE_PAGE,
    create::CREATE_BLOCK,
    create::APPEND_TO_DAILY_NOTE,
    update::UPDATE_BLOCK,
    update::UPDATE_BLOCKS,
    delete::DELETE_BLOCK,
    delete::DELETE_BLOCKS,
    update::MOVE_BLOCK,
    comments::ADD_COMMENT,
    comments::GET_COMMENTS,
    delete::DELETE_PAGE,
    update::UPDATE_PAGE,
    search::SEARCH,
    search::SEARCH_TEMPLATES,
    query::ROAM_QUERY,
    query::DATALOG_QUERY,
    read::GET_PAGE,
    read::GET_BLOCK,
    read::GET_BACKLINKS,
    windows::GET_OPEN_WINDOWS,
    windows::GET_SELECTION,
    windows::OPEN_MAIN_WINDOW,
    windows::OPEN_SIDEBAR,
    shortcuts::ADD_SHORTCUT,
    shortcuts::REMOVE_SHORTCUT,
    semantic::SUGGEST_LINKS,
    extensions::RELOAD_DEV_EXTENSIONS,
    extensions::CALL_EXTENSION_TOOL,
    semantic::SEMANTIC_SEARCH,
    files::FILE_GET,
    upload::FILE_UPLOAD,
    files::FILE_DELETE,
    fetch::FETCH,
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
    let input = (tool.input.schema)();
    let input = if tool.takes_graph() { with_graph(input) } else { input };
    (Arc::new(input), tool.output.map(|output| Arc::new(output())))
}
