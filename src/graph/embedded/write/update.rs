//! `data.block.update` and `data.block.updateBlocks`.

use std::collections::HashSet;

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::{Value, json};

use super::{Found, MOST_ITEMS, found, not_found};
use crate::graph::embedded::annotations::without_annotations;
use crate::graph::embedded::failure::{Failure, invalid};
use crate::graph::embedded::request::Request;
use crate::graph::embedded::store;
use crate::graph::{ErrorCode, GraphError};

/// What is to become of a block. What is not said stays.
pub(super) struct Update {
    uid: String,
    text: Option<String>,
    open: Option<bool>,
    heading: Option<usize>,
    view: Option<String>,
    align: Option<String>,
}

/// Changes one block.
pub(in crate::graph::embedded) fn block(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let block = request.object("block")?.ok_or_else(|| invalid("`block` says what to change."))?;
    Update::new(&block)?.apply(db, Timestamp::now().as_millisecond())?;
    Ok(Value::Null)
}

/// Changes several blocks together and tells of each how it went.
pub(in crate::graph::embedded) fn blocks(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let items = request.items("updates", MOST_ITEMS)?;
    let mut uids = HashSet::new();
    let mut updates = Vec::new();
    for item in items {
        let item = item.as_object().cloned().map(Request::from).ok_or_else(|| invalid("An update is an object."))?;
        let uid = item.text("uid")?.ok_or_else(|| invalid("Each update has a `uid`."))?.to_owned();
        if !uids.insert(uid.clone()) {
            return Err(invalid("The same uid is there twice. Nothing was changed."));
        }
        updates.push((uid, Update::new(&item)));
    }
    let now = Timestamp::now().as_millisecond();
    let mut results = Vec::new();
    for (uid, update) in updates {
        // An update is refused before it changes anything, so the others stand on their own.
        results.push(match update.and_then(|update| update.apply(db, now)) {
            Ok(()) => json!({ "uid": uid, "ok": true }),
            Err(Failure::Refused(GraphError { code, message, .. })) => {
                let code = code.unwrap_or(ErrorCode::INTERNAL_ERROR);
                json!({ "uid": uid, "ok": false, "code": code.as_str(), "message": message })
            }
            Err(failure) => return Err(failure),
        });
    }
    Ok(json!({ "results": results }))
}

/// How the children of something are shown.
pub(super) fn view(request: &Request) -> Result<Option<String>, Failure> {
    one_of(request, "children-view-type", &["bullet", "numbered", "document"])
}

fn one_of(request: &Request, key: &str, words: &[&str]) -> Result<Option<String>, Failure> {
    match request.text(key)? {
        Some(word) if !words.contains(&word) => Err(invalid(format!("`{key}` is one of: {}.", words.join(", ")))),
        word => Ok(word.map(str::to_owned)),
    }
}

impl Update {
    fn new(block: &Request) -> Result<Self, Failure> {
        let uid = block.text("uid")?.ok_or_else(|| invalid("`block` has a `uid`."))?.to_owned();
        Ok(Self { text: block.text("string")?.map(without_annotations), ..Self::of_looks(block, uid)? })
    }

    /// Everything but the text.
    pub(super) fn of_looks(block: &Request, uid: String) -> Result<Self, Failure> {
        let heading = block.count("heading")?;
        if heading.is_some_and(|level| level > 3) {
            return Err(invalid("`heading` is 1, 2 or 3, or 0 for none."));
        }
        Ok(Self {
            uid,
            text: None,
            open: block.flag("open")?,
            heading,
            view: view(block)?,
            align: one_of(block, "text-align", &["left", "center", "right", "justify"])?,
        })
    }

    pub(super) fn apply(&self, db: &Connection, now: i64) -> Result<(), Failure> {
        let Some(Found { id, page }) = found(db, &self.uid)? else {
            return Err(not_found("There is no block with that uid. Nothing was changed.", &self.uid));
        };
        if page && self.text.is_some() {
            return Err(invalid("That uid is a page. Its title is changed with update_page."));
        }
        if let Some(text) = &self.text {
            store::set_text(db, id, text, now)?;
        }
        db.prepare_cached(
            "UPDATE node SET open = coalesce(?2, open), heading = CASE WHEN ?3 IS NULL THEN heading ELSE nullif(?3, 0) END,
                 children_view = coalesce(?4, children_view), text_align = coalesce(?5, text_align), edited_at = ?6,
                 edited_by = ?7
             WHERE id = ?1",
        )?
        .execute(params![id, self.open, self.heading.map(|level| level as i64), self.view, self.align, now, store::AUTHOR])?;
        store::touch(db, id, now)?;
        Ok(())
    }
}
