//! Keeping what was added to a graph when its export is loaded afresh.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::Changes;
use crate::graph::embedded::failure::Failure;
use crate::graph::embedded::store::{self, Id, NewBlock};
use crate::graph::markup::{block_uids, rename_block};

/// A page or block that was made here.
struct Addition {
    id: Id,
    uid: String,
    parent: Option<Id>,
    text: String,
    open: bool,
    created: i64,
}

/// What became of the work done here when an export was loaded over it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Merged {
    /// Pages and blocks that are in the new graph because they were in the old one.
    pub(super) kept: u64,
    /// Pages and blocks that were changed or deleted here, and are again what the export says.
    pub(super) overwritten: u64,
}

/// Brings what was made in `old` into `new`.
pub(super) fn merge(new: &Connection, old: &Connection) -> Result<Merged, Failure> {
    Ok(Merged { kept: additions(new, old)?, overwritten: overwritten(new, old)? })
}

/// What was done to the graph here since its export was loaded.
pub(super) fn changes(db: &Connection) -> rusqlite::Result<Changes> {
    db.query_row(
        "SELECT count(*) FILTER (WHERE local = 1), count(*) FILTER (WHERE local = 2), (SELECT count(*) FROM gone) FROM node",
        [],
        |row| {
            let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
            Ok(Changes { added: count(0)?, changed: count(1)?, deleted: count(2)? })
        },
    )
}

/// How many pages and blocks the new graph has as the export says, and not as they became in the old one.
fn overwritten(new: &Connection, old: &Connection) -> Result<u64, Failure> {
    // A row counts where these differ. The order among siblings follows from what else is there.
    const LOOK: &str = "SELECT node.text, up.uid, node.heading, node.children_view, node.text_align, node.open
        FROM node LEFT JOIN node AS up ON up.id = node.parent WHERE node.uid = ?1";
    type Look = (String, Option<String>, Option<i64>, Option<String>, Option<String>, bool);
    let look = |db: &Connection, uid: &str| -> rusqlite::Result<Option<Look>> {
        let mut find = db.prepare_cached(LOOK)?;
        find.query_row([uid], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?, row.get(4)?, row.get(5)?)))
            .optional()
    };
    let uids = |sql| -> rusqlite::Result<Vec<String>> { old.prepare(sql)?.query_map([], |row| row.get(0))?.collect() };
    let mut count = 0;
    for uid in uids("SELECT uid FROM node WHERE local = 2")? {
        count += u64::from(look(new, &uid)? != look(old, &uid)?);
    }
    for uid in uids("SELECT uid FROM gone")? {
        count += u64::from(look(new, &uid)?.is_some() && look(old, &uid)?.is_none());
    }
    Ok(count)
}

/// Copies what was made in `old` and is not in `new`, and returns how much that is.
///
/// A block goes to the end of the block it was below, or of its page if that block is gone, or of a new page of the
/// same title if the page is gone too. Doing it again copies only what is new since.
fn additions(new: &Connection, old: &Connection) -> Result<u64, Failure> {
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
                let Addition { uid, open, created: now, .. } = addition;
                let text = renumbered(new, old, addition.text)?;
                let block = NewBlock { uid: Some(uid), parent, order, text: &text, heading: None, open, now };
                store::create_block(new, &block)?.0
            }
        };
        dress(new, old, id, addition.id)?;
        kept += 1;
    }
    let mut people = old.prepare("SELECT uid, name, extra FROM user")?;
    let mut people = people.query([])?;
    while let Some(person) = people.next()? {
        // JSON exports say less of people than EDN does.
        new.prepare_cached("INSERT OR IGNORE INTO user(uid, name, extra) VALUES (?1, ?2, ?3)")?.execute(params![
            person.get::<_, String>(0)?,
            person.get::<_, Option<String>>(1)?,
            person.get::<_, Option<String>>(2)?
        ])?;
    }
    let mut shortcuts =
        old.prepare("SELECT uid, text FROM shortcut JOIN node ON node.id = shortcut.page ORDER BY shortcut.ord")?;
    let mut shortcuts = shortcuts.query([])?;
    while let Some(page) = shortcuts.next()? {
        let there = match store::find(new, &page.get::<_, String>(0)?)? {
            None => store::find_page(new, &page.get::<_, String>(1)?)?,
            there => there,
        };
        new.prepare_cached(
            "INSERT OR IGNORE INTO shortcut(page, ord)
             SELECT id, (SELECT count(*) FROM shortcut) FROM node WHERE id = ?1 AND parent IS NULL",
        )?
        .execute([there])?;
    }
    Ok(kept)
}

/// The uid that a page has in a graph.
pub(super) fn uid_of_page(db: &Connection, title: &str) -> rusqlite::Result<Option<String>> {
    db.prepare_cached("SELECT uid FROM node WHERE text = ?1 AND parent IS NULL")?
        .query_row([title], |row| row.get(0))
        .optional()
}

/// A text that names pages by the uids that they have in the new graph: a page that was only mentioned so far got one
/// here, and the export may know of another by now.
fn renumbered(new: &Connection, old: &Connection, mut text: String) -> Result<String, Failure> {
    for uid in block_uids(&text) {
        if store::find(new, &uid)?.is_some() {
            continue;
        }
        let title: Option<String> = old
            .prepare_cached("SELECT text FROM node WHERE uid = ?1 AND parent IS NULL")?
            .query_row([&uid], |row| row.get(0))
            .optional()?;
        if let Some(there) = title.map(|title| uid_of_page(new, &title)).transpose()?.flatten() {
            text = rename_block(&text, &uid, &there);
        }
    }
    Ok(text)
}

/// Everything that was made here, parents before their children and siblings in their order.
fn local(db: &Connection) -> Result<Vec<Addition>, Failure> {
    let mut query = db.prepare(
        "SELECT id, uid, parent, text, open, coalesce(created_at, 0) FROM node WHERE local = 1 ORDER BY parent, ord",
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
