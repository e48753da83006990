//! Storing pages and blocks, so that references and the search index stay true to the text.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::failure::Failure;
use super::fold::fold;
use super::{daily, uid};
use crate::graph::markup::{Reference, references};

/// Number of a row in `node`.
pub(super) type Id = i64;

/// Pages whose tag hides a block from the tools, with everything below it.
const HIDE_TAGS: [&str; 2] = [".rm-hide", ".rm-private"];

/// A block to store.
pub(super) struct NewBlock<'a> {
    pub(super) parent: Id,
    pub(super) order: i64,
    pub(super) text: &'a str,
    pub(super) heading: Option<u8>,
    pub(super) open: bool,
    pub(super) now: i64,
}

/// Stores a block. Making room for it among its siblings is up to the caller.
pub(super) fn create_block(db: &Connection, block: &NewBlock<'_>) -> Result<(Id, String), Failure> {
    let uid = uid::random()?;
    let references = references(block.text);
    db.prepare_cached(
        "INSERT INTO node(uid, parent, page, ord, text, hidden, heading, open, created_at, edited_at)
         SELECT ?1, id, page, ?3, ?4, hidden OR ?5, ?6, ?7, ?8, ?8 FROM node WHERE id = ?2",
    )?
    .execute(params![
        uid,
        block.parent,
        block.order,
        block.text,
        hides(&references),
        block.heading,
        block.open,
        block.now
    ])?;
    let id = db.last_insert_rowid();
    index(db, id, block.text)?;
    for reference in references {
        let target = match reference {
            Reference::Page(title) => Some(page(db, &title, block.now)?),
            Reference::Block(uid) => find(db, &uid)?,
        };
        if let Some(target) = target {
            db.prepare_cached("INSERT OR IGNORE INTO refs(src, dst) VALUES (?1, ?2)")?.execute([id, target])?;
        }
    }
    Ok((id, uid))
}

/// The page of that title, made if there is none. The title of a day makes the daily note of that day.
pub(super) fn page(db: &Connection, title: &str, now: i64) -> Result<Id, Failure> {
    match find_page(db, title)? {
        Some(id) => Ok(id),
        None => create_page(db, title, Some(now)),
    }
}

/// Stores a page of which there is none yet. An import does not know when the pages were made that it only heard of.
pub(super) fn create_page(db: &Connection, title: &str, now: Option<i64>) -> Result<Id, Failure> {
    let day = daily::from_title(title);
    let uid = match day.map(daily::uid) {
        // Somebody may have given the uid of the day to something else; the title still makes it the daily note.
        Some(uid) if find(db, &uid)?.is_none() => uid,
        _ => uid::random()?,
    };
    db.prepare_cached(
        "INSERT INTO node(uid, page, ord, text, log_id, created_at, edited_at)
         SELECT ?1, coalesce(max(id), 0) + 1, 0, ?2, ?3, ?4, ?4 FROM node",
    )?
    .execute(params![uid, title, day.and_then(daily::log_id), now])?;
    let id = db.last_insert_rowid();
    index(db, id, title)?;
    Ok(id)
}

/// Puts a text into the search index.
pub(super) fn index(db: &Connection, id: Id, text: &str) -> Result<(), rusqlite::Error> {
    db.prepare_cached("INSERT INTO words(rowid, text) VALUES (?1, ?2)")?.execute(params![id, fold(text)])?;
    Ok(())
}

/// Whether a block with these references is hidden from the tools.
pub(super) fn hides(references: &[Reference]) -> bool {
    references
        .iter()
        .any(|reference| matches!(reference, Reference::Page(title) if HIDE_TAGS.contains(&title.as_str())))
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
