//! `data.page.addShortcut` and `data.page.removeShortcut`: the pages of the left sidebar.

use rusqlite::{Connection, params};
use serde_json::Value;

use super::{Found, found, not_found};
use crate::graph::embedded::failure::{Failure, invalid};
use crate::graph::embedded::store::Id;

/// Adds a page, or moves it when it is there. Without an index it goes to the end.
pub(in crate::graph::embedded) fn add(db: &Connection, args: &[Value]) -> Result<Value, Failure> {
    let uid = uid(args)?;
    let index = match args.get(1).filter(|index| !index.is_null()) {
        None => i64::MAX,
        // The conversion saturates, and what is out of range means the nearest end.
        Some(index) => index.as_f64().ok_or_else(|| invalid("The index of a shortcut is a number."))? as i64,
    };
    let Some(Found { id, page: true }) = found(db, uid)? else {
        return Err(not_found("There is no page with that uid. Nothing was changed.", uid));
    };
    take_out(db, id)?;
    let count: i64 = db.prepare_cached("SELECT count(*) FROM shortcut")?.query_row([], |row| row.get(0))?;
    let index = index.clamp(0, count);
    db.prepare_cached("UPDATE shortcut SET ord = ord + 1 WHERE ord >= ?1")?.execute([index])?;
    db.prepare_cached("INSERT INTO shortcut(page, ord) VALUES (?1, ?2)")?.execute([id, index])?;
    Ok(Value::Null)
}

/// Removes a page from the shortcuts; one that is not there stays so.
pub(in crate::graph::embedded) fn remove(db: &Connection, args: &[Value]) -> Result<Value, Failure> {
    if let Some(Found { id, .. }) = found(db, uid(args)?)? {
        take_out(db, id)?;
    }
    Ok(Value::Null)
}

/// Removes a shortcut and closes the gap.
pub(super) fn take_out(db: &Connection, page: Id) -> Result<(), rusqlite::Error> {
    db.prepare_cached("UPDATE shortcut SET ord = ord - 1 WHERE ord > (SELECT ord FROM shortcut WHERE page = ?1)")?
        .execute([page])?;
    db.prepare_cached("DELETE FROM shortcut WHERE page = ?1")?.execute([page])?;
    Ok(())
}

/// Gives the place of one page to another that has none.
pub(super) fn hand_over(db: &Connection, from: Id, to: Id) -> Result<(), rusqlite::Error> {
    db.prepare_cached("UPDATE OR IGNORE shortcut SET page = ?2 WHERE page = ?1")?.execute(params![from, to])?;
    take_out(db, from)
}

fn uid(args: &[Value]) -> Result<&str, Failure> {
    args.first().and_then(Value::as_str).ok_or_else(|| invalid("The first argument is the uid of a page."))
}
