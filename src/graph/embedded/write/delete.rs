//! `data.block.delete`, `data.block.deleteBlocks` and `data.page.delete`.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};

use super::page::rename_titles;
use super::place::take_out;
use super::{Found, MOST_ITEMS, found, shortcut};
use crate::graph::embedded::failure::{Failure, invalid};
use crate::graph::embedded::request::Request;
use crate::graph::embedded::store::{self, Id};
use crate::graph::markup::{replace_blocks, unlink_page};

/// References within the text that takes the place of a reference are spelled out this deep.
const SPELLED_OUT: usize = 3;
/// A text is not spelled out beyond this; blocks that refer to each other could otherwise grow without end.
const LONGEST: usize = 1 << 16;

/// A page or block of a subtree that is going away.
struct Doomed {
    id: Id,
    uid: String,
    text: String,
}

/// Deletes a block with everything below it.
pub(in crate::graph::embedded) fn block(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let block = request.object("block")?.ok_or_else(|| invalid("`block` says what to delete."))?;
    let uid = block.text("uid")?.ok_or_else(|| invalid("`block` has a `uid`."))?;
    match found(db, uid)? {
        Some(Found { id, page: false }) => {
            remove(db, id, Timestamp::now().as_millisecond())?;
            Ok(json!({ "deleted": true }))
        }
        Some(_) => Ok(json!({ "deleted": false, "reason": "this is a page; use delete_page" })),
        None => Ok(json!({ "deleted": false, "reason": "not-found" })),
    }
}

/// Deletes several blocks together and tells of each how it went.
pub(in crate::graph::embedded) fn blocks(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let uids = request
        .items("uids", MOST_ITEMS)?
        .iter()
        .map(|uid| uid.as_str().ok_or_else(|| invalid("`uids` is a list of strings.")))
        .collect::<Result<Vec<_>, _>>()?;
    let now = Timestamp::now().as_millisecond();
    let there = uids.iter().map(|uid| found(db, uid)).collect::<Result<Vec<_>, _>>()?;
    let mut listed = HashSet::new();
    let mut results = Vec::new();
    for (uid, there) in uids.into_iter().zip(there) {
        results.push(match there {
            Some(Found { page: true, .. }) => {
                json!({ "uid": uid, "ok": false, "code": "VALIDATION_ERROR", "deleted": false,
                    "reason": "this is a page; use delete_page", "message": "That uid is a page." })
            }
            Some(_) if !listed.insert(uid) => {
                json!({ "uid": uid, "ok": true, "deleted": true, "note": "listed twice" })
            }
            Some(Found { id, .. }) if store::find(db, uid)?.is_some() => {
                remove(db, id, now)?;
                json!({ "uid": uid, "ok": true, "deleted": true })
            }
            Some(_) => json!({ "uid": uid, "ok": true, "deleted": true, "note": "deleted with a block above it" }),
            None => json!({ "uid": uid, "ok": false, "code": "NOT_FOUND", "deleted": false, "reason": "not-found",
                "message": "There is no block with that uid." }),
        });
    }
    Ok(json!({ "results": results }))
}

/// Deletes a page with everything on it. Where it was mentioned its title stays as text.
pub(in crate::graph::embedded) fn page(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let page = request.object("page")?.ok_or_else(|| invalid("`page` says what to delete."))?;
    let uid = page.text("uid")?.ok_or_else(|| invalid("`page` has a `uid`."))?;
    let Some(Found { id, page: is_page }) = found(db, uid)? else {
        return Ok(json!({ "deleted": false, "reason": "not-found" }));
    };
    if !is_page {
        return Ok(json!({ "deleted": false, "reason": "this is a block; use delete_block" }));
    }
    let now = Timestamp::now().as_millisecond();
    let title: String = db.prepare_cached("SELECT text FROM node WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    let mut mentioning: Vec<Id> = store::referring(db, id)?.into_iter().map(|(id, _)| id).collect();
    // Pages that have this one in their title get another title, and the texts that name them too.
    let Some(mut renamed) = rename_titles(db, &title, &|text| unlink_page(text, &title))? else {
        return Ok(json!({ "deleted": false, "reason": "another page's title would be the same without the link" }));
    };
    // Those on the page too: the text of a block that goes away may come to stand in one that stays.
    renamed.referring.append(&mut mentioning);
    renamed.rewrite(db, now, |text| unlink_page(&text, &title))?;
    shortcut::take_out(db, id)?;
    remove(db, id, now)?;
    Ok(json!({ "deleted": true }))
}

/// Removes a subtree. What refers to a part of it gets the text of that part instead.
fn remove(db: &Connection, root: Id, now: i64) -> Result<(), Failure> {
    let doomed = subtree(db, root)?;
    let ids: HashSet<Id> = doomed.iter().map(|node| node.id).collect();
    let mut outside = Vec::new();
    for node in &doomed {
        let blocks = store::referring(db, node.id)?.into_iter().map(|(block, _)| block);
        outside.extend(blocks.filter(|block| !ids.contains(block)));
    }
    outside.sort_unstable();
    outside.dedup();
    let texts: HashMap<&str, &str> = doomed.iter().map(|node| (&*node.uid, &*node.text)).collect();
    store::touch(db, root, now)?;
    take_out(db, root)?;
    // From the deepest up, because a child refers to its parent.
    for node in doomed.iter().rev() {
        store::forget(db, node.id)?;
    }
    for block in outside {
        let Some(mut text) = text(db, block)? else { continue };
        for _ in 0..SPELLED_OUT {
            text = replace_blocks(&text, LONGEST, |uid| texts.get(uid).copied());
        }
        store::set_text(db, block, &text, now)?;
    }
    Ok(())
}

/// A subtree, parents before their children.
fn subtree(db: &Connection, root: Id) -> Result<Vec<Doomed>, rusqlite::Error> {
    let mut nodes = db.prepare_cached(
        "WITH RECURSIVE tree(id) AS (
             VALUES (?1) UNION ALL SELECT child.id FROM tree JOIN node AS child ON child.parent = tree.id
         )
         SELECT node.id, uid, text FROM tree CROSS JOIN node ON node.id = tree.id",
    )?;
    let rows = nodes.query_map([root], |row| Ok(Doomed { id: row.get(0)?, uid: row.get(1)?, text: row.get(2)? }))?;
    rows.collect()
}

fn text(db: &Connection, id: Id) -> Result<Option<String>, rusqlite::Error> {
    db.prepare_cached("SELECT text FROM node WHERE id = ?1")?.query_row([id], |row| row.get(0)).optional()
}
