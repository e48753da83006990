//! Keeping what was added to a graph when its export is loaded afresh.

use rusqlite::{Connection, OptionalExtension as _, params};

use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::store::{self, Id, NewBlock};

/// A page or block that was made here.
struct Addition {
    id: Id,
    uid: String,
    parent: Option<Id>,
    text: String,
    open: bool,
    created: i64,
}

/// How many pages and blocks were made here since the export was loaded.
pub(super) fn count(db: &Connection) -> rusqlite::Result<u64> {
    db.query_row("SELECT count(*) FROM node WHERE local", [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

/// Copies what was made in `old` and is not in `new`, and returns how much that is.
///
/// A block goes to the end of the block it was below, or of its page if that block is gone, or of a new page of the
/// same title if the page is gone too. Doing it again copies only what is new since.
pub(super) fn additions(new: &Connection, old: &Connection) -> Result<u64, Failure> {
    let mut kept = 0;
    for addition in local(old)? {
        if store::find(new, &addition.uid)?.is_some() {
            continue;
        }
        let id = match addition.parent {
            None if store::find_page(new, &addition.text)?.is_some() => continue,
            None => store::new_page(new, &addition.text, Some(addition.uid), addition.created)?,
            Some(parent) => {
                let parent = counterpart(new, old, parent, addition.created)?;
                let order = store::children(new, parent)?;
                let Addition { uid, text, open, created: now, .. } = addition;
                let block = NewBlock { uid: Some(uid), parent, order, text: &text, heading: None, open, now };
                store::create_block(new, &block)?.0
            }
        };
        dress(new, old, id, addition.id)?;
        kept += 1;
    }
    let mut shortcuts =
        old.prepare("SELECT uid FROM shortcut JOIN node ON node.id = shortcut.page ORDER BY shortcut.ord")?;
    let uids = shortcuts.query_map([], |row| row.get::<_, String>(0))?;
    for uid in uids {
        new.prepare_cached(
            "INSERT OR IGNORE INTO shortcut(page, ord)
             SELECT id, (SELECT count(*) FROM shortcut) FROM node WHERE uid = ?1 AND parent IS NULL",
        )?
        .execute([uid?])?;
    }
    Ok(kept)
}

/// Everything that was made here, parents before their children and siblings in their order.
fn local(db: &Connection) -> Result<Vec<Addition>, Failure> {
    let mut query = db.prepare(
        "SELECT id, uid, parent, text, open, coalesce(created_at, 0) FROM node WHERE local ORDER BY parent, ord",
    )?;
    let rows = query.query_map([], |row| {
        Ok(Addition {
            id: row.get(0)?,
            uid: row.get(1)?,
            parent: row.get(2)?,
            text: row.get(3)?,
            open: row.get(4)?,
            created: row.get(5)?,
        })
    })?;
    let mut found = Vec::new();
    for addition in rows {
        let addition = addition?;
        found.push((store::level(db, addition.id)?, addition));
    }
    // A block may have been moved below one that was made later, so the rows say nothing about who is above.
    found.sort_by_key(|(level, _)| *level);
    Ok(found.into_iter().map(|(_, addition)| addition).collect())
}

/// What a block of the old graph is to go below in the new one.
fn counterpart(new: &Connection, old: &Connection, parent: Id, now: i64) -> Result<Id, Failure> {
    let (uid, page, title): (String, String, String) = old
        .prepare_cached(
            "SELECT node.uid, page.uid, page.text FROM node JOIN node AS page ON page.id = node.page WHERE node.id = ?1",
        )?
        .query_row([parent], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if let Some(id) = store::find(new, &uid)? {
        return Ok(id);
    }
    match store::find(new, &page)? {
        Some(id) => Ok(id),
        None => store::page(new, &title, now),
    }
}

/// Gives a copy what else is known of the original.
fn dress(new: &Connection, old: &Connection, copy: Id, original: Id) -> Result<(), Failure> {
    type Rest = (Option<i64>, Option<String>, Option<String>, Option<String>, Option<i64>, Option<String>);
    let rest: Option<Rest> = old
        .prepare_cached(
            "SELECT heading, children_view, text_align, created_by, edited_at, edited_by FROM node WHERE id = ?1",
        )?
        .query_row([original], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)))
        .optional()?;
    let Some((heading, view, align, created_by, edited_at, edited_by)) = rest else { return Ok(()) };
    new.prepare_cached(
        "UPDATE node SET heading = ?2, children_view = ?3, text_align = ?4, created_by = ?5, edited_at = ?6,
             edited_by = ?7 WHERE id = ?1",
    )?
    .execute(params![copy, heading, view, align, created_by, edited_at, edited_by])?;
    // As in an export that has it: a page was edited last when anything on it was.
    new.prepare_cached(
        "UPDATE node SET edited_at = max(coalesce(edited_at, ?2), ?2) WHERE id = (SELECT page FROM node WHERE id = ?1)",
    )?
    .execute(params![copy, edited_at.unwrap_or(0)])?;
    Ok(())
}
