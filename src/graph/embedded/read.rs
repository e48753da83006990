//! `data.ai.getPage` and `data.ai.getBlock`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _};
use serde_json::{Value, json};

use super::backlinks;
use super::failure::{Failure, invalid};
use super::render::{Extent, markdown, path};
use super::request::Request;
use super::store::Id;

/// How many linked references come along with a page or a block.
const LINKED_SHOWN: usize = 5;

/// The moment of an answer, in UTC.
pub(super) fn queried_at() -> String {
    format!("{:.3}", Timestamp::now())
}

/// A stored time, in UTC; `None` for one that no calendar has.
pub(super) fn time(milliseconds: i64) -> Option<String> {
    Timestamp::from_millisecond(milliseconds).ok().map(|at| format!("{at:.3}"))
}

/// A page, found by uid or else by title.
pub(super) fn page(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let (column, name) = match (request.text("uid")?, request.text("title")?) {
        (Some(uid), _) if !uid.is_empty() => ("uid", uid),
        (_, Some(title)) => ("text", title),
        _ => return Err(invalid("Give the title or the uid of a page.")),
    };
    let id = db
        .prepare_cached(&format!("SELECT id FROM node WHERE {column} = ?1 AND parent IS NULL"))?
        .query_row([name], |row| row.get(0))
        .optional()?;
    show(db, id, request, false)
}

/// A block; a page too, as in Roam.
pub(super) fn block(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let uid = request.text("uid")?.ok_or_else(|| invalid("Give the uid of a block."))?;
    let id = db
        .prepare_cached("SELECT id FROM node WHERE uid = ?1 AND NOT hidden")?
        .query_row([uid], |row| row.get(0))
        .optional()?;
    show(db, id, request, true)
}

fn show(db: &Connection, id: Option<Id>, request: &Request, with_path: bool) -> Result<Value, Failure> {
    let Some(id) = id else { return Ok(json!({ "found": false })) };
    let uid: String = db.prepare_cached("SELECT uid FROM node WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    let extent = Extent { depth: request.count("maxDepth")?, chars: None };
    let mut answer = json!({ "uid": uid, "markdown": markdown(db, id, extent)? });
    if with_path {
        answer["path"] = json!(path(db, id)?);
    }
    answer["queriedAt"] = queried_at().into();
    if let Some(linked) = linked_references(db, id)? {
        answer["linkedReferences"] = linked;
    }
    Ok(answer)
}

/// The newest blocks that refer to something; `None` if none does.
fn linked_references(db: &Connection, target: Id) -> Result<Option<Value>, Failure> {
    let total = backlinks::count(db, target)?;
    if total == 0 {
        return Ok(None);
    }
    let mut results = Vec::new();
    for id in backlinks::newest(db, target, 0, LINKED_SHOWN)? {
        let uid: String = db.prepare_cached("SELECT uid FROM node WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
        let extent = Extent { depth: Some(0), chars: None };
        results.push(json!({ "uid": uid, "markdown": markdown(db, id, extent)?, "path": path(db, id)? }));
    }
    let mut linked = json!({ "total": total, "shown": results.len(), "results": results });
    if total > LINKED_SHOWN {
        linked["note"] = format!("The newest {LINKED_SHOWN} of {total}.").into();
    }
    Ok(Some(linked))
}
