//! `data.block.fromMarkdown`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::{Value, json};

use super::daily;
use super::failure::{Failure, invalid};
use super::outline::{Draft, outline};
use super::request::Request;
use super::store::{self, Id, NewBlock};
use crate::graph::{ErrorCode, GraphError};

/// Where new blocks go among the children of a block.
#[derive(Clone, Copy)]
enum Order {
    First,
    Last,
    Index(i64),
}

/// Creates blocks below a block, a page or a daily note.
pub(super) fn blocks_from_markdown(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let location = request.object("location")?.ok_or_else(|| invalid("`location` says where the blocks go."))?;
    let order = order(location.value("order"))?;
    let markdown = request.text("markdown-string")?.ok_or_else(|| invalid("`markdown-string` is what to create."))?;
    let open = request.flag("open")?.unwrap_or(true);
    let nest_under = location.text("nest-under-str")?;
    let drafts = outline(markdown);
    if drafts.is_empty() {
        return Ok(json!({ "uids": [] }));
    }
    let now = Timestamp::now().as_millisecond();
    let mut parent = target(db, &location, now)?;
    if let Some(text) = nest_under {
        parent = section(db, parent, text, now)?;
    }
    let uids = insert(db, parent, order, &drafts, open, now)?;
    db.prepare_cached("UPDATE node SET edited_at = ?2 WHERE id = (SELECT page FROM node WHERE id = ?1)")?
        .execute([parent, now])?;
    Ok(json!({ "uids": uids }))
}

fn order(value: Option<&Value>) -> Result<Order, Failure> {
    match value {
        None => Ok(Order::Last),
        Some(Value::String(word)) if word == "first" => Ok(Order::First),
        Some(Value::String(word)) if word == "last" => Ok(Order::Last),
        // The conversion saturates, and what is out of range means the nearest end.
        Some(Value::Number(index)) => Ok(Order::Index(index.as_f64().unwrap_or(f64::MAX) as i64)),
        Some(_) => Err(invalid("`order` is \"first\", \"last\" or a number counted from 0.")),
    }
}

/// The block or page that a location names. Pages and daily notes are made when they are not there.
fn target(db: &Connection, location: &Request, now: i64) -> Result<Id, Failure> {
    match (location.value("parent-uid"), location.value("page-title")) {
        (Some(Value::String(uid)), None) => store::find(db, uid)?.ok_or_else(|| {
            let message = "There is no block or page with that uid. Nothing was created.";
            GraphError::new(ErrorCode::NOT_FOUND, message).with("uid", uid.chars().take(80).collect::<String>()).into()
        }),
        (None, Some(Value::String(title))) if title.trim().is_empty() => Err(invalid("The title of a page is empty.")),
        (None, Some(Value::String(title))) => store::page(db, title, now),
        (None, Some(Value::Object(page))) => {
            let day = page.get("daily-note-page").and_then(Value::as_str).and_then(daily::from_uid);
            let day = day.ok_or_else(|| invalid("`daily-note-page` is a date as `MM-DD-YYYY`, and has to exist."))?;
            store::page(db, &daily::title(day), now)
        }
        _ => Err(invalid("`location` has either `parent-uid` or `page-title`.")),
    }
}

/// The direct child with exactly that text, made at the end if there is none.
fn section(db: &Connection, parent: Id, text: &str, now: i64) -> Result<Id, Failure> {
    let found = db
        .prepare_cached("SELECT id FROM node WHERE parent = ?1 AND text = ?2 ORDER BY ord LIMIT 1")?
        .query_row(params![parent, text], |row| row.get(0))
        .optional()?;
    match found {
        Some(id) => Ok(id),
        None => {
            let order = children(db, parent)?;
            let block = NewBlock { parent, order, text, heading: None, open: true, now };
            store::create_block(db, &block).map(|(id, _)| id)
        }
    }
}

/// Stores the drafts below `parent` and returns the uids of the top ones.
fn insert(
    db: &Connection,
    parent: Id,
    order: Order,
    drafts: &[Draft],
    open: bool,
    now: i64,
) -> Result<Vec<String>, Failure> {
    let there = children(db, parent)?;
    let first = match order {
        Order::First => 0,
        Order::Last => there,
        Order::Index(index) => index.clamp(0, there),
    };
    let top = drafts.iter().filter(|draft| draft.depth == 0).count();
    db.prepare_cached("UPDATE node SET ord = ord + ?3 WHERE parent = ?1 AND ord >= ?2")?.execute(params![
        parent,
        first,
        i64::try_from(top).unwrap_or(i64::MAX)
    ])?;
    let mut uids = Vec::new();
    // The parents of the next draft, from the top, each with the order its next child gets.
    let mut above = vec![(parent, first)];
    for draft in drafts {
        above.truncate(draft.depth + 1);
        let Some((parent, next)) = above.last_mut() else { break };
        let block = NewBlock {
            parent: *parent,
            order: *next,
            text: &draft.text,
            heading: draft.heading,
            open: open || draft.depth > 0,
            now,
        };
        *next += 1;
        let (id, uid) = store::create_block(db, &block)?;
        if draft.depth == 0 {
            uids.push(uid);
        }
        above.push((id, 0));
    }
    Ok(uids)
}

fn children(db: &Connection, parent: Id) -> Result<i64, rusqlite::Error> {
    db.prepare_cached("SELECT count(*) FROM node WHERE parent = ?1")?.query_row([parent], |row| row.get(0))
}
