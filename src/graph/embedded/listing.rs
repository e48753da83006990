//! Lists of blocks as the actions return them: sorted, cut into pages, each block as markdown with its path.

use std::cmp::Reverse;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::failure::{Failure, invalid};
use super::render::{Extent, markdown, path};
use super::request::Request;
use super::store::Id;

/// As in Roam's own search.
pub(super) const MAX_LIMIT: usize = 1000;
/// What a caller gets who sets no limit.
const DEFAULT_LIMIT: usize = 20;
/// Levels below each block, unless the caller says otherwise.
const DEFAULT_DEPTH: usize = 1;

/// More than a client could read; it is held in memory at once.
const MOST_SHOWN: usize = 16 << 20;

/// How much of a list may still be shown.
pub(super) struct Room(usize);

impl Default for Room {
    fn default() -> Self {
        Self(MOST_SHOWN)
    }
}

impl Room {
    /// Takes the room for a text.
    fn take(&mut self, text: String) -> Result<String, Failure> {
        self.0 = self.0.checked_sub(text.len()).ok_or_else(|| {
            invalid(format!("The results are more than {} MiB. Set a smaller `limit` or `maxDepth`.", MOST_SHOWN >> 20))
        })?;
        Ok(text)
    }
}

/// Which part of a list is wanted, and how it is shown.
pub(super) struct Listing {
    pub(super) offset: usize,
    pub(super) limit: usize,
    sort: Sort,
    descending: bool,
    with_path: bool,
    extent: Extent,
}

#[derive(Clone, Copy)]
enum Sort {
    Created,
    Edited,
    /// By the day of the daily note that a block is on; what is on no daily note comes last.
    DailyNote,
}

impl Listing {
    pub(super) fn new(request: &Request) -> Result<Self, Failure> {
        let sort = match request.text("sort")?.unwrap_or("created-date") {
            "created-date" => Sort::Created,
            "edited-date" => Sort::Edited,
            "daily-note-date" => Sort::DailyNote,
            _ => return Err(invalid("`sort` is `created-date`, `edited-date` or `daily-note-date`.")),
        };
        let descending = match request.text("sortOrder")?.unwrap_or("desc") {
            "desc" => true,
            "asc" => false,
            _ => return Err(invalid("`sortOrder` is `asc` or `desc`.")),
        };
        let depth = request.count("maxDepth")?.unwrap_or(DEFAULT_DEPTH);
        Ok(Self {
            offset: request.count("offset")?.unwrap_or(0),
            limit: request.count("limit")?.unwrap_or(DEFAULT_LIMIT).min(MAX_LIMIT),
            sort,
            descending,
            with_path: request.flag("includePath")?.unwrap_or(true),
            extent: Extent { depth: Some(depth), chars: None },
        })
    }

    /// What blocks are sorted by, as a column of `node`.
    pub(super) fn key(&self) -> &'static str {
        match self.sort {
            Sort::Created => "node.created_at",
            Sort::Edited => "node.edited_at",
            Sort::DailyNote => "(SELECT page.log_id FROM node AS page WHERE page.id = node.page)",
        }
    }

    /// Sorts blocks by their keys; among equals those that were stored last come first in a descending list.
    pub(super) fn sort(&self, mut keyed: Vec<(Option<i64>, Id)>) -> Vec<Id> {
        if self.descending {
            keyed.sort_unstable_by_key(|key| Reverse(*key));
        } else {
            keyed.sort_unstable_by_key(|(key, id)| (key.is_none(), *key, *id));
        }
        keyed.into_iter().map(|(_, id)| id).collect()
    }

    /// The part of a sorted list that is wanted.
    pub(super) fn show(&self, db: &Connection, sorted: &[Id]) -> Result<Vec<Value>, Failure> {
        let part = sorted.get(self.offset..).unwrap_or_default();
        self.items(db, &part[..part.len().min(self.limit)])
    }

    /// Each of the blocks.
    pub(super) fn items(&self, db: &Connection, ids: &[Id]) -> Result<Vec<Value>, Failure> {
        let mut room = Room::default();
        ids.iter().map(|id| item(db, *id, self.extent, self.with_path, &mut room)).collect()
    }

    /// Whether the list begins with what was made last.
    pub(super) fn is_newest_first(&self) -> bool {
        matches!(self.sort, Sort::Created) && self.descending
    }
}

/// A page or block in a list.
pub(super) fn item(
    db: &Connection,
    id: Id,
    extent: Extent,
    with_path: bool,
    room: &mut Room,
) -> Result<Value, Failure> {
    let (uid, page): (String, bool) = db
        .prepare_cached("SELECT uid, parent IS NULL FROM node WHERE id = ?1")?
        .query_row([id], |row| Ok((row.get(0)?, row.get(1)?)))?;
    let mut item = json!({ "uid": uid, "markdown": room.take(markdown(db, id, extent)?)? });
    if page {
        item["type"] = "page".into();
    } else if with_path {
        item["path"] = json!(path(db, id)?);
    }
    Ok(item)
}
