//! Where blocks go: below what, and where among the children there.

use rusqlite::{Connection, OptionalExtension as _, params};
use serde_json::Value;

use super::existing;
use crate::graph::embedded::annotations::without_annotations;
use crate::graph::embedded::daily;
use crate::graph::embedded::failure::{Failure, invalid};
use crate::graph::embedded::request::Request;
use crate::graph::embedded::store::{self, Id, NewBlock};
use crate::graph::markup::can_be_linked;

/// Where new blocks go among the children of a block.
#[derive(Clone, Copy)]
pub(super) enum Order {
    First,
    Last,
    Index(i64),
}

impl Order {
    pub(super) fn new(value: Option<&Value>) -> Result<Self, Failure> {
        match value {
            None => Ok(Self::Last),
            Some(Value::String(word)) if word == "first" => Ok(Self::First),
            Some(Value::String(word)) if word == "last" => Ok(Self::Last),
            // The conversion saturates, and what is out of range means the nearest end.
            Some(Value::Number(index)) => Ok(Self::Index(index.as_f64().unwrap_or(f64::MAX) as i64)),
            Some(_) => Err(invalid("`order` is \"first\", \"last\" or a number counted from 0.")),
        }
    }

    /// The index it means among so many.
    pub(super) fn among(self, count: i64) -> i64 {
        match self {
            Self::First => 0,
            Self::Last => count,
            Self::Index(index) => index.clamp(0, count),
        }
    }
}

/// The block or page that a location names. Pages and daily notes are made when they are not there.
pub(super) fn target(db: &Connection, location: &Request, now: i64) -> Result<Id, Failure> {
    match (location.value("parent-uid"), location.value("page-title")) {
        (Some(Value::String(uid)), None) => existing(db, uid),
        (None, Some(Value::String(title))) => {
            let title = without_annotations(title);
            match store::find_page(db, &title)? {
                Some(page) => Ok(page),
                None => store::page(db, checked_title(&title)?, now),
            }
        }
        (None, Some(Value::Object(page))) => {
            let day = page.get("daily-note-page").and_then(Value::as_str).and_then(daily::from_uid);
            let day = day.ok_or_else(|| invalid("`daily-note-page` is a date as `MM-DD-YYYY`, and has to exist."))?;
            store::page(db, &daily::title(day), now)
        }
        _ => Err(invalid("`location` has either `parent-uid` or `page-title`.")),
    }
}

/// A title for a page that is to be made or renamed.
pub(super) fn checked_title(title: &str) -> Result<&str, Failure> {
    if title.trim().is_empty() {
        return Err(invalid("The title of a page is empty."));
    }
    if !can_be_linked(title) {
        return Err(invalid(
            "No link could name a page of that title: it has a line break or half a pair of brackets.",
        ));
    }
    Ok(title)
}

/// The direct child with exactly that text, made at the end if there is none.
pub(super) fn section(db: &Connection, parent: Id, text: &str, now: i64) -> Result<Id, Failure> {
    let found = db
        .prepare_cached("SELECT id FROM node WHERE parent = ?1 AND text = ?2 ORDER BY ord LIMIT 1")?
        .query_row(params![parent, text], |row| row.get(0))
        .optional()?;
    match found {
        Some(id) => Ok(id),
        None => {
            let order = store::children(db, parent)?;
            let block = NewBlock { uid: None, parent, order, text, heading: None, open: true, now };
            store::create_block(db, &block).map(|(id, _)| id)
        }
    }
}

/// Moves the children of `parent` from `from` on further down, to make room for so many.
pub(super) fn make_room(db: &Connection, parent: Id, from: i64, count: i64) -> Result<(), rusqlite::Error> {
    db.prepare_cached("UPDATE node SET ord = ord + ?3 WHERE parent = ?1 AND ord >= ?2")?
        .execute([parent, from, count])?;
    Ok(())
}
