//! What can be asked of a graph, in the vocabulary of Roam's Local API.

use std::fmt;
use std::str::FromStr;

use super::{ErrorCode, GraphError};
use crate::access::Level;
use Level::{Full, ReadAppend, ReadOnly};

/// Makes [`Action`] out of one table: what it does, its name here, its dotted path on the wire, the least level for it.
macro_rules! actions {
    ($($(#[$doc:meta])+ $name:ident = $path:literal, $level:expr;)+) => {
        /// One action of the Local API.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Action {
            $($(#[$doc])+ $name,)+
        }

        impl Action {
            /// Every action there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The dotted path on the wire.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $path,)+ }
            }

            /// The least level at which Roam allows it.
            pub fn needs(self) -> Level {
                match self { $(Self::$name => $level,)+ }
            }
        }
    };
}

actions! {
    /// A Datalog query, with its inputs after it.
    Query = "q", ReadOnly;
    /// The same.
    DataQuery = "data.q", ReadOnly;
    /// What is known of an entity.
    Pull = "data.pull", ReadOnly;
    /// What is known of several entities.
    PullMany = "data.pull_many", ReadOnly;

    /// A new page, with blocks out of markdown.
    PageFromMarkdown = "data.page.fromMarkdown", ReadAppend;
    /// A new page without blocks.
    CreatePage = "data.page.create", ReadAppend;
    /// Another title or another view for a page.
    UpdatePage = "data.page.update", Full;
    /// Deletes a page and everything on it.
    DeletePage = "data.page.delete", Full;
    /// Puts a page into the left sidebar.
    AddShortcut = "data.page.addShortcut", Full;
    /// Takes a page out of the left sidebar.
    RemoveShortcut = "data.page.removeShortcut", Full;

    /// New blocks out of markdown.
    BlockFromMarkdown = "data.block.fromMarkdown", ReadAppend;
    /// A new block, of a text that is taken as it is.
    CreateBlock = "data.block.create", ReadAppend;
    /// Another text or another look for a block.
    UpdateBlock = "data.block.update", Full;
    /// The same for several blocks at once.
    UpdateBlocks = "data.block.updateBlocks", Full;
    /// Deletes a block and everything below it.
    DeleteBlock = "data.block.delete", Full;
    /// The same for several blocks at once.
    DeleteBlocks = "data.block.deleteBlocks", Full;
    /// Another place for a block.
    MoveBlock = "data.block.move", Full;
    /// A comment on a block.
    AddComment = "data.block.addComment", ReadAppend;

    /// The owner's guidelines for assistants, and where things are in the graph.
    GetGraphGuidelines = "data.ai.getGraphGuidelines", ReadOnly;
    /// A page as annotated markdown.
    GetPage = "data.ai.getPage", ReadOnly;
    /// A block and what is below it, as annotated markdown.
    GetBlock = "data.ai.getBlock", ReadOnly;
    /// The blocks that refer to a page or a block.
    GetBacklinks = "data.ai.getBacklinks", ReadOnly;
    /// The comments on a block.
    GetComments = "data.ai.getComments", ReadOnly;
    /// Pages and blocks that contain some words.
    Search = "data.ai.search", ReadOnly;
    /// Blocks that are about something, whatever their words.
    SemanticSearch = "data.ai.semanticSearch", ReadOnly;
    /// The templates of the graph.
    SearchTemplates = "data.ai.searchTemplates", ReadOnly;
    /// One of Roam's own queries, such as `{and: [[a]] [[b]]}`.
    RoamQuery = "data.ai.roamQuery", ReadOnly;
    /// Pages that a text could link to.
    SuggestLinks = "data.ai.suggestLinks", ReadOnly;
    /// A tool that an extension of Roam offers. Roam asks for the level that the extension declares; what an extension
    /// really does is known to nobody, so here it takes all of them.
    CallExtensionTool = "data.ai.callExtensionTool", Full;

    /// The contents of a file, in the clear also for an encrypted graph.
    GetFile = "file.get", ReadOnly;
    /// A new file.
    UploadFile = "file.upload", ReadAppend;
    /// Deletes a file.
    DeleteFile = "file.delete", Full;

    /// What the main window shows.
    GetOpenView = "ui.mainWindow.getOpenView", ReadOnly;
    /// Shows a block, or a page by its uid, in the main window.
    OpenBlock = "ui.mainWindow.openBlock", ReadOnly;
    /// Shows a page in the main window.
    OpenPage = "ui.mainWindow.openPage", ReadOnly;
    /// What the right sidebar shows.
    GetSidebarWindows = "ui.rightSidebar.getWindows", ReadOnly;
    /// Shows something in the right sidebar.
    AddSidebarWindow = "ui.rightSidebar.addWindow", ReadOnly;
    /// The block that has the cursor.
    GetFocusedBlock = "ui.getFocusedBlock", ReadOnly;
    /// The blocks that are selected.
    GetSelectedBlocks = "ui.multiselect.getSelected", ReadOnly;
    /// Loads the extensions under development again.
    ReloadDeveloperExtensions = "depot.reloadDeveloperExtensions", ReadOnly;
}

impl Action {
    /// Whether it is over without a trace, in the graph or on the screen: doing it twice is doing it once, and one that
    /// was lost on the way is not missed. What Roam lets every reader do is not the same.
    pub fn only_looks(self) -> bool {
        let shows = [Self::OpenBlock, Self::OpenPage, Self::AddSidebarWindow, Self::ReloadDeveloperExtensions];
        self.needs() == ReadOnly && !shows.contains(&self)
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Action {
    type Err = GraphError;

    fn from_str(path: &str) -> Result<Self, GraphError> {
        Self::ALL.iter().find(|action| action.as_str() == path).copied().ok_or_else(|| {
            let shown: String = path.chars().take(80).collect();
            let why = match path {
                "data.undo" | "data.redo" => ": a graph that is served without Roam keeps no earlier states of itself",
                _ if path.starts_with("ui.") => ": a graph that is served without Roam has no window",
                _ => "",
            };
            GraphError::new(ErrorCode::UNKNOWN_ACTION, format!("This server does not know the action {shown:?}{why}."))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_action_is_found_by_the_path_it_is_written_with() {
        for action in Action::ALL {
            assert_eq!(action.as_str().parse(), Ok(*action));
        }
    }

    #[test]
    fn an_unknown_path_is_refused_with_the_code_for_it() {
        let error = "data.block.explode".parse::<Action>().unwrap_err();
        assert_eq!(error.code, Some(ErrorCode::UNKNOWN_ACTION));
        let undo = "data.undo".parse::<Action>().unwrap_err();
        assert!(undo.code == Some(ErrorCode::UNKNOWN_ACTION) && undo.message.contains("no earlier states"), "{undo}");
    }

    #[test]
    fn what_moves_windows_or_loads_code_does_more_than_look() {
        for action in Action::ALL {
            let path = action.as_str();
            let acts = ["mainWindow.open", "addWindow", "reload"].iter().any(|word| path.contains(word));
            assert_eq!(action.only_looks(), action.needs() == ReadOnly && !acts, "{path}");
        }
    }

    #[test]
    fn what_changes_or_deletes_needs_full_access_and_what_adds_needs_append() {
        for action in Action::ALL {
            let path = action.as_str();
            let edits = ["update", "delete", "move", "Shortcut", "callExtensionTool"];
            let adds = ["fromMarkdown", "create", "addComment", "file.upload"];
            let expected = match path {
                _ if edits.iter().any(|word| path.contains(word)) => Full,
                _ if adds.iter().any(|word| path.contains(word)) => ReadAppend,
                _ => ReadOnly,
            };
            assert_eq!(action.needs(), expected, "{path}");
        }
    }
}
