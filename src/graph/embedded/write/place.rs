//! `data.block.move`.

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::location::{Order, make_room, target};
use super::{Found, found, not_found, within_depth};
use crate::graph::embedded::failure::{Failure, invalid};
use crate::graph::embedded::request::Request;
use crate::graph::embedded::store::{self, Id};

/// Puts a block, with what is below it, somewhere else. An index counts the siblings it will have.
pub(in crate::graph::embedded) fn move_block(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let location = request.object("location")?.ok_or_else(|| invalid("`location` says where the block goes."))?;
    let block = request.object("block")?.ok_or_else(|| invalid("`block` says what to move."))?;
    let uid = block.text("uid")?.ok_or_else(|| invalid("`block` has a `uid`."))?;
    let order = Order::new(location.value("order"))?;
    let Some(Found { id, page }) = found(db, uid)? else {
        return Err(not_found("There is no block with that uid. Nothing was moved.", uid));
    };
    if page {
        return Err(invalid("That uid is a page, and a page is below nothing."));
    }
    let now = Timestamp::now().as_millisecond();
    let parent = target(db, &location, now)?;
    if is_within(db, parent, id)? {
        return Err(invalid("A block cannot go below itself. Nothing was moved."));
    }
    within_depth(store::level(db, parent)? + height(db, id)?)?;
    store::touch(db, id, now)?;
    put(db, id, parent, order)?;
    store::touch(db, id, now)?;
    Ok(Value::Null)
}

/// Moves a subtree: out of its old place, into the new one, with the page of everything in it.
pub(super) fn put(db: &Connection, id: Id, parent: Id, order: Order) -> Result<(), Failure> {
    take_out(db, id)?;
    // Before all the others until it has its place.
    db.prepare_cached("UPDATE node SET parent = ?2, ord = -1 WHERE id = ?1")?.execute([id, parent])?;
    let index = order.among(store::children(db, parent)? - 1);
    make_room(db, parent, index, 1)?;
    db.prepare_cached("UPDATE node SET ord = ?2 WHERE id = ?1")?.execute([id, index])?;
    db.prepare_cached(
        "WITH RECURSIVE tree(id) AS (
             VALUES (?1) UNION ALL SELECT child.id FROM tree JOIN node AS child ON child.parent = tree.id
         )
         UPDATE node SET page = (SELECT page FROM node WHERE id = ?2) WHERE id IN tree",
    )?
    .execute([id, parent])?;
    store::rehide(db, id)?;
    Ok(())
}

/// Closes the gap that a block leaves among its siblings.
pub(super) fn take_out(db: &Connection, id: Id) -> Result<(), rusqlite::Error> {
    db.prepare_cached(
        "UPDATE node SET ord = node.ord - 1 FROM node AS gone
         WHERE gone.id = ?1 AND node.parent = gone.parent AND node.ord > gone.ord",
    )?
    .execute([id])?;
    Ok(())
}

/// Whether `inner` is `outer` or below it.
fn is_within(db: &Connection, inner: Id, outer: Id) -> Result<bool, rusqlite::Error> {
    db.prepare_cached(
        "WITH RECURSIVE up(id) AS (
             VALUES (?1) UNION ALL SELECT node.parent FROM up JOIN node ON node.id = up.id WHERE node.parent IS NOT NULL
         )
         SELECT ?2 IN up",
    )?
    .query_row(params![inner, outer], |row| row.get(0))
}

/// How many levels a block and what is below it take.
fn height(db: &Connection, id: Id) -> Result<i64, rusqlite::Error> {
    db.prepare_cached(
        "WITH RECURSIVE tree(id, level) AS (
             VALUES (?1, 1)
             UNION ALL SELECT child.id, level + 1 FROM tree JOIN node AS child ON child.parent = tree.id
         )
         SELECT max(level) FROM tree",
    )?
    .query_row([id], |row| row.get(0))
}
