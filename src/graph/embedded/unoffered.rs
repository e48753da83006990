//! Actions that need Roam itself, and why.

use super::failure::Failure;
use crate::graph::{Action, ErrorCode, GraphError};

pub(super) fn refusal(action: Action) -> Failure {
    let why = match action {
        // Clients know this case by its words and turn to the plain search.
        Action::SemanticSearch => "Semantic search is not enabled for this graph: it has no embedding of its blocks",
        Action::SuggestLinks => "This graph is served without Roam, which makes the suggestions",
        Action::CallExtensionTool | Action::ReloadDeveloperExtensions => {
            "This graph is served without Roam, so there are no extensions"
        }
        Action::GetFile | Action::UploadFile | Action::DeleteFile => {
            "This graph is served without Roam, which keeps the files"
        }
        Action::GetOpenView
        | Action::OpenBlock
        | Action::OpenPage
        | Action::GetSidebarWindows
        | Action::AddSidebarWindow
        | Action::GetFocusedBlock
        | Action::GetSelectedBlocks => "This graph is served without Roam, so there is no window to look at or to open",
        _ => "This graph does not offer it",
    };
    let code = match action {
        Action::SemanticSearch => ErrorCode::VALIDATION_ERROR,
        _ => ErrorCode::UNKNOWN_ACTION,
    };
    GraphError::new(code, format!("{why} ({action}).")).into()
}
