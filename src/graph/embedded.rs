//! A graph that this program holds itself: an export of Roam, loaded into SQLite.

mod annotations;
mod backlinks;
mod bound;
pub(super) mod daily;
mod datalog_query;
mod emphasis;
mod export;
mod failure;
pub(super) mod fold;
mod guidelines;
mod import;
pub(super) mod index;
mod listing;
mod outline;
mod pool;
mod preview;
mod query;
mod read;
mod render;
mod request;
mod schema;
mod search;
mod source;
mod store;
#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
mod uid;
mod unoffered;
mod wanted;
mod write;

use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::datalog::Abandoned;
use super::{Action, GraphError};
use bound::{Bound, LONGEST};
use failure::Failure;
use outline::{Draft, outline};
use pool::Pool;
use request::Request;

pub(crate) use annotations::without_annotations;
pub use export::ExportError;
pub use import::{Changes, Existing, ImportError, Imported, Progress};
pub use source::Source;

/// An open database. A clone is cheap and works on the same one; other processes may have it open too.
#[derive(Clone)]
pub struct Embedded(Arc<Pool>);

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is nothing there, or it may not be read.
    #[error("cannot open {path}: {reason}", path = path.display())]
    Unreachable {
        /// The file.
        path: PathBuf,
        /// What SQLite said. It is told in the text, so it is not the source of the error as well.
        reason: rusqlite::Error,
    },
    /// It is something else.
    #[error("{path} is not a graph of this program; it was left as it is", path = path.display())]
    NotAGraph {
        /// The file.
        path: PathBuf,
    },
    /// It was made by another version of this program.
    #[error("{path} has format {found}, and this program knows format {known}; {remedy}", path = path.display(), known = schema::VERSION, remedy = remedy(path, *found))]
    OtherVersion {
        /// The file.
        path: PathBuf,
        /// The format it has.
        found: i32,
    },
    /// It was made from another export.
    #[error("{path} is the graph of {known}, and {asked} is another file. To have it as a graph of its own: `roam-mcp import {asked} --name OTHER`, then `--graph OTHER`. To have it in the place of that graph: `roam-mcp import {asked} --replace`, or `--update` to keep what was added here. If the file was only moved: `--graph {path}` goes on with the graph as it is", path = path.display(), asked = asked.display())]
    OtherSource {
        /// The file.
        path: PathBuf,
        /// The export that it was made from.
        known: String,
        /// The export that was named.
        asked: PathBuf,
    },
}

impl Embedded {
    /// Loads a Roam export into a database.
    ///
    /// The export is read page by page. The database appears under its name when it is complete, readable by its owner
    /// alone, or it does not appear at all.
    ///
    /// # Errors
    /// When the export cannot be read or is not what Roam writes, or the database is to stay as it is or cannot be
    /// written.
    pub fn import(
        export: &Path,
        database: &Path,
        existing: Existing,
        progress: impl FnMut(Progress),
    ) -> Result<Imported, ImportError> {
        import::import(export, database, existing, progress)
    }

    /// The name of the export in a zip; `None` if it is no zip, or there is not just one export in it.
    pub fn name_in_zip(path: &Path) -> Option<String> {
        import::input::name_inside(path)
    }

    /// Writes the graph as Roam exports it, in JSON, and returns the number of pages and of blocks.
    ///
    /// # Errors
    /// When the database cannot be read or the output not be written.
    pub fn export(database: &Path, out: &mut dyn Write) -> Result<(u64, u64), ExportError> {
        let db = match ours(database, false)? {
            // The tables that are read have had the same columns since the first format.
            (db, format) if format <= schema::VERSION => db,
            (_, found) => return Err(OpenError::OtherVersion { path: database.to_owned(), found }.into()),
        };
        export::export(&db, out)
    }

    /// Opens a database.
    ///
    /// # Errors
    /// When it cannot be read and written, or is not one of ours.
    pub fn open(database: &Path) -> Result<Self, OpenError> {
        let mut writer = checked(database, true)?;
        index::renew(&mut writer).map_err(|reason| OpenError::Unreachable { path: database.to_owned(), reason })?;
        Ok(Self(Arc::new(Pool::new(database.to_owned(), writer))))
    }

    /// Refuses a database that was made from another export than this one, which may have the same file name.
    ///
    /// # Errors
    /// When it was, or cannot be opened.
    pub fn expect_source(database: &Path, export: &Path) -> Result<(), OpenError> {
        let unreachable = |reason| OpenError::Unreachable { path: database.to_owned(), reason };
        match source::other(&checked(database, false)?, export).map_err(unreachable)? {
            None => Ok(()),
            Some(known) => Err(OpenError::OtherSource { path: database.to_owned(), known, asked: export.to_owned() }),
        }
    }

    /// The export that a database was made from, as it was then; `None` if it is not a database of ours.
    pub fn source(database: &Path) -> Option<Source> {
        Source::load(&checked(database, false).ok()?).ok()
    }

    /// Does one action for a caller, who is told apart from others by their name. The arguments are those of the Local API,
    /// in its order.
    pub(super) async fn invoke_for(&self, caller: &str, action: Action, args: Vec<Value>) -> Result<Value, GraphError> {
        self.run(caller, action, args).await.map_err(Failure::report)
    }

    /// Does one action for the one caller of a test.
    #[cfg(test)]
    pub(super) async fn invoke(&self, action: Action, args: Vec<Value>) -> Result<Value, GraphError> {
        self.invoke_for("test", action, args).await
    }

    async fn run(&self, caller: &str, action: Action, args: Vec<Value>) -> Result<Value, Failure> {
        match action {
            Action::Query | Action::DataQuery => self.datalog(caller, args, datalog_query::query).await,
            Action::Pull => self.datalog(caller, args, datalog_query::pull).await,
            Action::PullMany => self.datalog(caller, args, datalog_query::pull_many).await,
            Action::GetPage => self.read(args, read::page).await,
            Action::GetBlock => self.read(args, read::block).await,
            Action::GetGraphGuidelines => self.read(args, guidelines::guidelines).await,
            Action::GetBacklinks => self.find(caller, args, backlinks::backlinks).await,
            Action::RoamQuery => self.find(caller, args, query::query).await,
            Action::SearchTemplates => self.find(caller, args, guidelines::templates).await,
            Action::GetComments => self.read(args, write::get_comments).await,
            Action::Search => self.find(caller, args, search::search).await,
            Action::PageFromMarkdown => self.write_outline(args, "markdown-string", write::page_from_markdown).await,
            Action::CreatePage => self.write(args, write::create_page).await,
            Action::CreateBlock => self.write(args, write::create_block).await,
            Action::UpdatePage => self.write(args, write::update_page).await,
            Action::DeletePage => self.write(args, write::delete_page).await,
            Action::AddShortcut => self.0.write(move |db| write::add_shortcut(db, &args)).await,
            Action::RemoveShortcut => self.0.write(move |db| write::remove_shortcut(db, &args)).await,
            Action::BlockFromMarkdown => self.write_outline(args, "markdown-string", write::blocks_from_markdown).await,
            Action::UpdateBlock => self.write(args, write::update_block).await,
            Action::UpdateBlocks => self.write(args, write::update_blocks).await,
            Action::DeleteBlock => self.write(args, write::delete_block).await,
            Action::DeleteBlocks => self.write(args, write::delete_blocks).await,
            Action::MoveBlock => self.write(args, write::move_block).await,
            Action::AddComment => self.write_outline(args, "reply-markdown", write::add_comment).await,
            other => Err(unoffered::refusal(other)),
        }
    }

    async fn read(&self, args: Vec<Value>, work: Work) -> Result<Value, Failure> {
        let request = Request::new(args)?;
        self.0.read(Some(LONGEST), move |db, _| work(db, &request)).await
    }

    /// A read that takes as long as there is something to find.
    async fn find(&self, caller: &str, args: Vec<Value>, work: Finding) -> Result<Value, Failure> {
        let request = Request::new(args)?;
        self.0.long_read(caller, Some(LONGEST), move |db, bound| work(db, &request, bound)).await
    }

    /// A query in Datalog, which has a time of its own.
    async fn datalog(&self, caller: &str, args: Vec<Value>, work: Datalog) -> Result<Value, Failure> {
        self.0.long_read(caller, None, move |db, bound| work(db, bound.abandoned(), &args)).await
    }

    async fn write(&self, args: Vec<Value>, work: Work) -> Result<Value, Failure> {
        let request = Request::new(args)?;
        self.0.write(move |db| work(db, &request)).await
    }

    /// The same with markdown, which is read before: that takes its time, and nobody else is to wait for it.
    async fn write_outline(&self, args: Vec<Value>, key: &'static str, work: OutlineWork) -> Result<Value, Failure> {
        let request = Request::new(args)?;
        let read = move || Ok::<_, Failure>((request.text(key)?.map(outline), request));
        let (drafts, request) = tokio::task::spawn_blocking(read).await.map_err(|_| Failure::Stopped)??;
        self.0.write(move |db| work(db, &request, drafts.as_deref())).await
    }
}

/// What an action finds, within its time.
type Finding = fn(&rusqlite::Connection, &Request, &Bound) -> Result<Value, Failure>;

/// What a query in Datalog does with its arguments.
type Datalog = fn(&rusqlite::Connection, &Abandoned, &[Value]) -> Result<Value, Failure>;

/// What an action does with the database and with the markdown that came with the call.
type OutlineWork = fn(&rusqlite::Connection, &Request, Option<&[Draft]>) -> Result<Value, Failure>;

/// What an action does with the database.
type Work = fn(&rusqlite::Connection, &Request) -> Result<Value, Failure>;

impl fmt::Debug for Embedded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Embedded").field(&self.0.path()).finish()
    }
}

/// Connects to a file and looks whether it is ours, and of this format, before anything is done with it.
fn checked(path: &Path, write: bool) -> Result<rusqlite::Connection, OpenError> {
    match ours(path, write)? {
        (db, schema::VERSION) => Ok(db),
        (_, found) => Err(OpenError::OtherVersion { path: path.to_owned(), found }),
    }
}

/// Connects to a file that is ours, of whichever format.
fn ours(path: &Path, write: bool) -> Result<(rusqlite::Connection, i32), OpenError> {
    let failed = |reason: rusqlite::Error| match reason.sqlite_error_code() {
        Some(rusqlite::ErrorCode::NotADatabase) => OpenError::NotAGraph { path: path.to_owned() },
        _ => OpenError::Unreachable { path: path.to_owned(), reason },
    };
    let db = schema::connect(path, write).map_err(failed)?;
    let header = |name| db.pragma_query_value(None, name, |row| row.get::<_, i32>(0));
    match (header("application_id").map_err(failed)?, header("user_version").map_err(failed)?) {
        (schema::APPLICATION_ID, format) => Ok((db, format)),
        _ => Err(OpenError::NotAGraph { path: path.to_owned() }),
    }
}

/// What to do with a database of another format.
fn remedy(path: &Path, found: i32) -> String {
    if found > schema::VERSION {
        return "use the version of roam-mcp that made it, or a newer one".into();
    }
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    format!(
        "`roam-mcp export {name} --out FILE.json` writes what is in it, and `roam-mcp import FILE.json --name {name} --replace` \
         loads that again. With Roam's own export in its place, --replace loses what was added, changed and deleted here"
    )
}
