//! `data.page.update`: another title, two pages made one.

use std::collections::{HashMap, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, params};
use serde_json::Value;

use super::location::checked_title;
use super::update::view;
use super::{Found, found, not_found, shortcut};
use crate::graph::embedded::annotations::without_annotations;
use crate::graph::embedded::daily;
use crate::graph::embedded::failure::{Failure, invalid};
use crate::graph::embedded::request::Request;
use crate::graph::embedded::store::{self, Id};
use crate::graph::markup::{can_be_linked, rename_block, rename_pages};

/// Pages that have new titles, and who has to learn of it.
pub(super) struct Renamed {
    titles: HashMap<String, String>,
    /// The blocks that name one of them.
    pub(super) referring: Vec<Id>,
}

/// Changes a page.
pub(in crate::graph::embedded) fn update(db: &Connection, request: &Request) -> Result<Value, Failure> {
    let page = request.object("page")?.ok_or_else(|| invalid("`page` says what to change."))?;
    let uid = page.text("uid")?.ok_or_else(|| invalid("`page` has a `uid`."))?;
    let (title, view) = (page.text("title")?.map(without_annotations), view(&page)?);
    let merge = request.flag("merge-pages")?.unwrap_or(false);
    let Some(Found { id, page: is_page }) = found(db, uid)? else {
        return Err(not_found("There is no page with that uid. Nothing was changed.", uid));
    };
    if !is_page {
        return Err(invalid("That uid is a block. It is changed with update_block."));
    }
    let now = Timestamp::now().as_millisecond();
    let old: String = db.prepare_cached("SELECT text FROM node WHERE id = ?1")?.query_row([id], |row| row.get(0))?;
    let mut kept = id;
    if let Some(title) = title.filter(|title| *title != old) {
        match store::find_page(db, checked_title(&title)?)? {
            None => rename(db, id, &old, &title, now)?,
            Some(other) if merge => {
                merge_into(db, id, &old, other, &title, now)?;
                kept = other;
            }
            Some(_) => {
                return Err(invalid(
                    "There is a page of that title. `mergePages` puts both together. Nothing was changed.",
                ));
            }
        }
    }
    db.prepare_cached(
        "UPDATE node SET children_view = coalesce(?2, children_view), edited_at = ?3, edited_by = ?4 WHERE id = ?1",
    )?
    .execute(params![kept, view, now, store::AUTHOR])?;
    Ok(Value::Null)
}

fn rename(db: &Connection, id: Id, old: &str, new: &str, now: i64) -> Result<(), Failure> {
    let mut renamed = renamed(db, id, old, new)?;
    store::set_text(db, id, new, now)?;
    renamed.titles.insert(old.to_owned(), new.to_owned());
    let log_id = daily::from_title(new).and_then(daily::log_id);
    db.prepare_cached("UPDATE node SET log_id = ?2 WHERE id = ?1")?.execute(params![id, log_id])?;
    renamed.rewrite(db, now, |text| text)
}

/// Puts what is on one page at the end of another, and the other in the place of the one wherever it is named.
fn merge_into(db: &Connection, from: Id, old: &str, into: Id, title: &str, now: i64) -> Result<(), Failure> {
    let mut renamed = renamed(db, from, old, title)?;
    renamed.titles.insert(old.to_owned(), title.to_owned());
    let uid = |id: Id| {
        db.prepare_cached("SELECT uid FROM node WHERE id = ?1")?.query_row([id], |row| row.get::<_, String>(0))
    };
    let (gone, kept) = (uid(from)?, uid(into)?);
    renamed.rewrite(db, now, |text| rename_block(&text, &gone, &kept))?;
    db.prepare_cached(
        "WITH RECURSIVE tree(id) AS (
             SELECT id FROM node WHERE parent = ?1
             UNION ALL SELECT child.id FROM tree JOIN node AS child ON child.parent = tree.id
         )
         UPDATE node SET page = ?2 WHERE id IN tree",
    )?
    .execute([from, into])?;
    let there = store::children(db, into)?;
    db.prepare_cached("UPDATE node SET parent = ?2, ord = ord + ?3 WHERE parent = ?1")?.execute([from, into, there])?;
    shortcut::hand_over(db, from, into)?;
    store::forget(db, from)?;
    Ok(())
}

/// What a new title of a page brings with it; its own title is still the old one afterwards.
fn renamed(db: &Connection, id: Id, old: &str, new: &str) -> Result<Renamed, Failure> {
    let rename = |text: &str| rename_pages(text, |title| (title == old).then(|| new.to_owned()));
    let mut renamed = rename_titles(db, old, &rename)?.ok_or_else(|| {
        invalid("A page with this one in its title would get the title of another page. Rename that one first.")
    })?;
    renamed.referring.extend(store::referring(db, id)?.into_iter().map(|(block, _)| block));
    Ok(renamed)
}

/// Gives the pages that have `[[title]]` in their own title a new one: what `change` makes of a link to them. `None`
/// if a title is taken or would be none; then nothing was changed.
pub(super) fn rename_titles(
    db: &Connection,
    title: &str,
    change: &dyn Fn(&str) -> String,
) -> Result<Option<Renamed>, Failure> {
    let mut changes = Vec::new();
    let mut taken = HashSet::new();
    for (page, old) in store::titled_with(db, title)? {
        let link = change(&format!("[[{old}]]"));
        let new = link.strip_prefix("[[").and_then(|link| link.strip_suffix("]]")).unwrap_or_default().to_owned();
        if new == old {
            continue;
        }
        if !can_be_linked(&new) || store::find_page(db, &new)?.is_some() || !taken.insert(new.clone()) {
            return Ok(None);
        }
        changes.push((page, old, new));
    }
    let mut renamed = Renamed { titles: HashMap::new(), referring: Vec::new() };
    for (page, old, new) in changes {
        renamed.referring.extend(store::referring(db, page)?.into_iter().map(|(block, _)| block));
        store::set_text(db, page, &new, 0)?;
        renamed.titles.insert(old, new);
    }
    Ok(Some(renamed))
}

impl Renamed {
    /// The text with the new titles.
    pub(super) fn apply(&self, text: &str) -> String {
        rename_pages(text, |title| self.titles.get(title).cloned())
    }

    /// Rewrites the texts of all blocks that name the pages.
    pub(super) fn rewrite(mut self, db: &Connection, now: i64, then: impl Fn(String) -> String) -> Result<(), Failure> {
        self.referring.sort_unstable();
        self.referring.dedup();
        for block in &self.referring {
            let text: String =
                db.prepare_cached("SELECT text FROM node WHERE id = ?1")?.query_row([block], |row| row.get(0))?;
            store::set_text(db, *block, &then(self.apply(&text)), now)?;
        }
        Ok(())
    }
}
