//! Storing pages and blocks, so that references and the search index stay true to the text.

mod text;

use rusqlite::{Connection, OptionalExtension as _, params};

use super::failure::Failure;
use super::{daily, index, uid};
use crate::graph::markup::references;

pub(super) use text::{forget, hides, referring, rehide, set_text, titled_with};

/// Number of a row in `node`.
pub(super) type Id = i64;

/// Roam's outlines are a few levels deep, and no screen shows more. What is imported may be deeper.
pub(super) const DEEPEST: i64 = 60;

/// Who writes here. Roam, too, has a person without an address for what assistants write; who asked for it is in the
/// audit log.
pub(super) const AUTHOR: &str = "roam-mcp";

/// A block to store.
pub(super) struct NewBlock<'a> {
    /// A new one if there is none.
    pub(super) uid: Option<String>,
    pub(super) parent: Id,
    pub(super) order: i64,
    pub(super) text: &'a str,
    pub(super) heading: Option<u8>,
    pub(super) open: bool,
    pub(super) now: i64,
}

/// Stores a block. Making room for it among its siblings is up to the caller.
pub(super) fn create_block(db: &Connection, block: &NewBlock<'_>) -> Result<(Id, String), Failure> {
    let uid = block.uid.clone().map_or_else(uid::random, Ok)?;
    let references = references(block.text);
    let (page, hidden): (Id, bool) = db
        .prepare_cached("SELECT page, hidden FROM node WHERE id = ?1")?
        .query_row([block.parent], |row| Ok((row.get(0)?, row.get(1)?)))?;
    db.prepare_cached(
        "INSERT INTO node(uid, parent, page, ord, text, hidden, heading, open, created_at, edited_at, created_by, edited_by, local)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9, ?10, ?10, 1)",
    )?
    .execute(params![
        uid,
        block.parent,
        page,
        block.order,
        block.text,
        hidden || hides(&references),
        block.heading,
        block.open,
        block.now,
        AUTHOR
    ])?;
    let id = db.last_insert_rowid();
    index::add(db, id, block.text)?;
    text::refer(db, id, references, Some(block.now), block.now)?;
    if block.uid.is_some() {
        text::adopt(db, id)?;
    }
    Ok((id, uid))
}

/// The page of that title, made if there is none. The title of a day makes the daily note of that day.
pub(super) fn page(db: &Connection, title: &str, now: i64) -> Result<Id, Failure> {
    match find_page(db, title)? {
        Some(id) => Ok(id),
        None => new_page(db, title, None, now),
    }
}

/// Stores a page with a title and a uid that are chosen by the caller.
pub(super) fn new_page(db: &Connection, title: &str, uid: Option<String>, now: i64) -> Result<Id, Failure> {
    // Nobody can have named a uid that is drawn now.
    let known = uid.is_some() || daily::from_title(title).is_some();
    let id = create_page(db, title, uid, Some(now))?;
    index::add(db, id, title)?;
    if known {
        text::adopt(db, id)?;
    }
    Ok(id)
}

/// Stores a page of which there is none yet, without indexing it. An import does not know when the pages were made that
/// it only heard of.
pub(super) fn create_page(db: &Connection, title: &str, uid: Option<String>, now: Option<i64>) -> Result<Id, Failure> {
    let day = daily::from_title(title);
    let uid = match uid.or_else(|| day.map(daily::uid)) {
        // Somebody may have given the uid of the day to something else; the title still makes it the daily note.
        Some(uid) if find(db, &uid)?.is_none() => uid,
        _ => uid::random()?,
    };
    let last: Id = db.prepare_cached("SELECT coalesce(max(id), 0) FROM node")?.query_row([], |row| row.get(0))?;
    db.prepare_cached(
        "INSERT INTO node(id, uid, page, ord, text, log_id, created_at, edited_at, created_by, edited_by, local)
         VALUES (?1, ?2, ?1, 0, ?3, ?4, ?5, ?5, ?6, ?6, ?5 IS NOT NULL)",
    )?
    .execute(params![last + 1, uid, title, day.and_then(daily::log_id), now, now.map(|_| AUTHOR)])?;
    Ok(last + 1)
}

/// The page or block with that uid.
pub(super) fn find(db: &Connection, uid: &str) -> Result<Option<Id>, rusqlite::Error> {
    db.prepare_cached("SELECT id FROM node WHERE uid = ?1")?.query_row([uid], |row| row.get(0)).optional()
}

/// The page with exactly that title.
pub(super) fn find_page(db: &Connection, title: &str) -> Result<Option<Id>, rusqlite::Error> {
    db.prepare_cached("SELECT id FROM node WHERE text = ?1 AND parent IS NULL")?
        .query_row([title], |row| row.get(0))
        .optional()
}

/// How many children something has.
pub(super) fn children(db: &Connection, parent: Id) -> Result<i64, rusqlite::Error> {
    db.prepare_cached("SELECT count(*) FROM node WHERE parent = ?1")?.query_row([parent], |row| row.get(0))
}

/// How many levels lie above something: none above a page.
pub(super) fn level(db: &Connection, id: Id) -> Result<i64, rusqlite::Error> {
    db.prepare_cached(
        "WITH RECURSIVE up(id) AS (
             SELECT parent FROM node WHERE id = ?1 AND parent IS NOT NULL
             UNION ALL
             SELECT node.parent FROM up JOIN node ON node.id = up.id WHERE node.parent IS NOT NULL
         )
         SELECT count(*) FROM up",
    )?
    .query_row([id], |row| row.get(0))
}

/// Marks the page that something is on as edited.
pub(super) fn touch(db: &Connection, id: Id, now: i64) -> Result<(), rusqlite::Error> {
    db.prepare_cached(
        "UPDATE node SET edited_at = ?2, edited_by = ?3 WHERE id = (SELECT page FROM node WHERE id = ?1)",
    )?
    .execute(params![id, now, AUTHOR])?;
    Ok(())
}
