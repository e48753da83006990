//! The actions that change a graph. Each runs in one transaction.

mod comment;
mod create;
mod delete;
mod location;
mod page;
mod place;
mod shortcut;
mod update;

use rusqlite::{Connection, OptionalExtension as _};

use super::failure::{Failure, invalid};
use super::store::{self, Id};
use crate::graph::{ErrorCode, GraphError};

pub(super) use comment::{add as add_comment, get as get_comments};
pub(super) use create::{block as create_block, blocks_from_markdown, page as create_page, page_from_markdown};
pub(super) use delete::{block as delete_block, blocks as delete_blocks, page as delete_page};
pub(super) use page::update as update_page;
pub(super) use place::move_block;
pub(super) use shortcut::{add as add_shortcut, remove as remove_shortcut};
pub(super) use update::{block as update_block, blocks as update_blocks};

/// As many items as Roam takes in one call.
const MOST_ITEMS: usize = 25;

/// A page or block as the one who calls knows it.
struct Found {
    id: Id,
    page: bool,
}

fn found(db: &Connection, uid: &str) -> Result<Option<Found>, rusqlite::Error> {
    db.prepare_cached("SELECT id, parent IS NULL FROM node WHERE uid = ?1")?
        .query_row([uid], |row| Ok(Found { id: row.get(0)?, page: row.get(1)? }))
        .optional()
}

/// The page or block with that uid, or a refusal that says there is none.
fn existing(db: &Connection, uid: &str) -> Result<Id, Failure> {
    store::find(db, uid)?.ok_or_else(|| not_found("There is no block or page with that uid. Nothing was changed.", uid))
}

fn not_found(message: &str, uid: &str) -> Failure {
    GraphError::new(ErrorCode::NOT_FOUND, message).with("uid", uid.chars().take(80).collect::<String>()).into()
}

/// Refuses a depth that nobody reads and that would make every read slow.
fn within_depth(level: i64) -> Result<(), Failure> {
    if level <= store::DEEPEST {
        return Ok(());
    }
    Err(invalid(format!("Blocks nest at most {} levels deep. Nothing was changed.", store::DEEPEST)))
}
